"""Ethereum JSON-RPC over the trial chain."""
