"""The one way a value is written before it is hashed: pruned, then RFC 8785 (JCS)."""

from __future__ import annotations

from typing import Any

Json = Any
MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 32


def prune(value: Json, *, max_depth: int = MAX_DEPTH, field: str = "") -> Json:
    """The value without null, empty strings, lists and objects at any depth."""
    raise NotImplementedError


def canonical(value: Json) -> bytes:
    """RFC 8785 bytes of the pruned value. Raises MalformedRecord with `field`."""
    raise NotImplementedError


def jcs(pruned: Json) -> bytes:
    """RFC 8785 bytes of a value that `prune` returned."""
    raise NotImplementedError


def read_json(data: bytes, *, limit: int) -> Json:
    """The value that UTF-8 JSON text of at most `limit` bytes writes; duplicate member names are refused."""
    raise NotImplementedError
