"""Members of JSON objects from outside, with 0x-hex for bytes: read strictly, refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chain_service.core.encoding.decoding import read_hex
from chain_service.errors import InvalidProof


def member(value: Any, name: str, kind: type[Any]) -> Any:
    """The member of this name and type. Raises InvalidProof."""
    content = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(content, kind) or isinstance(content, bool):
        raise InvalidProof("a member is missing or of the wrong type", field=name)
    return content


def natural(value: Any, name: str) -> int:
    """The member of this name, an integer from 0 on. Raises InvalidProof."""
    number = member(value, name, int)
    if number < 0:
        raise InvalidProof("a number cannot be negative", field=name)
    return int(number)


def to_hex(data: bytes) -> str:
    """0x and lower-case hex digits."""
    return "0x" + data.hex()


def from_hex(text: Any, size: int | None, name: str) -> bytes:
    """Bytes of 0x-hex, exactly `size` of them unless that is None. Raises InvalidProof."""

    def refused(_: str) -> InvalidProof:
        return InvalidProof("a member is not hexadecimal or has the wrong length", field=name)

    if not isinstance(text, str) or not text.startswith("0x"):
        raise refused("")
    data = read_hex(text[2:], limit=len(text), refuse=refused)
    if size is not None and len(data) != size:
        raise refused("")
    return data
