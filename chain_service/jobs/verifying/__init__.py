"""Verifying: the question, what is remembered, what the chain proves; then a pure judge."""
