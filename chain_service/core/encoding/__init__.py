"""How values are written and read: JSON, CBOR, RLP, digests, times, text."""
