"""How values are written for a reader: times, hashes, addresses."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(seconds: float) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def optional_moment(seconds: float | None) -> str | None:
    """As `moment` writes it, RFC 3339 in UTC; None stays None."""
    return None if seconds is None else moment(seconds)


def hex0x(value: bytes) -> str:
    """`0x` and lower-case hex, as Ethereum writes bytes."""
    return "0x" + value.hex()
