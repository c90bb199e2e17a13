"""Copies of whole databases, put back, and what a copy holds."""
