"""PDF documents (ISO 32000, PAdES)."""
