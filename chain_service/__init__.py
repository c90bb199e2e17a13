"""Trusted government records on a permissioned chain: anchor, verify and trace."""

__version__ = "1.0.0"
