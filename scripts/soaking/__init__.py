"""A sustained run: mixed load on real processes that are killed again and again, and what must hold at its end."""
