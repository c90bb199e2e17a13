"""Who may act for whom: what the registrar writes on chain, and what the index remembers of it."""

from __future__ import annotations
