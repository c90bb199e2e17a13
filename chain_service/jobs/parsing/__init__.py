"""Processes that read foreign documents, and what these are given to believe."""
