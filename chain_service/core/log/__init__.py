"""The append-only log: Merkle trees, tiles and checkpoints; nothing of records."""
