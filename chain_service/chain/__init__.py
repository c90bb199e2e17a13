"""What the network says: the only package that speaks to a node."""
