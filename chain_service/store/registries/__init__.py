"""Organisations, catalog entries and seals: what the contracts of these names keep, as this instance remembers it."""
