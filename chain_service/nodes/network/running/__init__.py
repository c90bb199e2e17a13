"""Nodes as processes: started, supervised, watched and stopped."""
