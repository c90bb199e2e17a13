"""Copies of the logs of others, checked while they are fetched."""
