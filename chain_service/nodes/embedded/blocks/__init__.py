"""Blocks, transactions and state of the trial chain."""
