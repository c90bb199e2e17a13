"""Reading what the registries on chain hold, as far as the index has followed them."""
