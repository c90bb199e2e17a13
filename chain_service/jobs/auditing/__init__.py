"""Proving everything that is stored against the chain again."""
