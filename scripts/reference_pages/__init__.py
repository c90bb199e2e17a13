"""What the pages of `docs/reference` say, read from the program; `scripts/reference.py` writes them."""
