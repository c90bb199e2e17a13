"""JSON-RPC arguments read into values; whatever cannot be read names its position (execution-apis, hex encoding)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from chain_service.nodes.embedded.blocks.transactions import AccessList
from chain_service.nodes.embedded.rpc_error import JsonRpcError, invalid_argument

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_DATA = re.compile(r"0[xX]([0-9a-fA-F]{2})*")
MAX_STORAGE_KEYS = 1_024
MAX_DATA = 128 * 1024

Reader = Callable[[Any, int], Any]


def quantity(value: Any, position: int) -> int:
    """An integer of 0x and hex digits without leading zeros. Raises RpcError, which names the parameter's position."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise invalid_argument(position, "a quantity is 0x and hex digits without leading zeros")
    return int(value, 16)


def count(value: Any, position: int) -> int:
    """A number that some clients send bare."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return quantity(value, position)


def data(value: Any, position: int) -> bytes:
    """Bytes of 0x and an even number of hex digits, at most MAX_DATA of them. Raises RpcError."""
    if not isinstance(value, str) or len(value) > 2 * MAX_DATA + 2 or not _DATA.fullmatch(value):
        raise invalid_argument(position, f"data is 0x and an even number of hex digits, at most {MAX_DATA} bytes")
    return bytes.fromhex(value[2:])


def sized(size: int, name: str) -> Reader:
    """A reader as `data` that takes this many bytes; `name` is what its error calls them."""

    def read(value: Any, position: int) -> bytes:
        content = data(value, position)
        if len(content) != size:
            raise invalid_argument(position, f"{name} has {size} bytes, not {len(content)}")
        return content

    return read


address = sized(20, "an address")
digest = sized(32, "a hash")


def flag(value: Any, position: int) -> bool:
    """True or false. Raises RpcError for anything else."""
    if not isinstance(value, bool):
        raise invalid_argument(position, "must be true or false")
    return value


def storage_key(value: Any, position: int) -> tuple[bytes, str]:
    """The 32-byte slot and how it is echoed: 32 bytes as they are, shorter keys as a quantity (as go-ethereum does)."""
    if not isinstance(value, str):
        raise invalid_argument(position, "a storage key is a hex string")
    digits = value[2:] if value[:2] in ("0x", "0X") else value
    if len(digits) > 64 or not re.fullmatch(r"[0-9a-fA-F]*", digits):
        raise invalid_argument(position, "a storage key is at most 32 bytes of hex")
    slot = int(digits or "0", 16).to_bytes(32)
    return slot, "0x" + slot.hex() if len(digits) >= 63 else hex(int.from_bytes(slot))


def storage_keys(value: Any, position: int) -> list[tuple[bytes, str]]:
    """Each slot as 32 bytes, and as it was written. Raises RpcError beyond MAX_STORAGE_KEYS."""
    if not isinstance(value, list) or len(value) > MAX_STORAGE_KEYS:
        raise invalid_argument(position, f"must be a list of at most {MAX_STORAGE_KEYS} storage keys")
    return [storage_key(item, position) for item in value]


def access_list(value: Any, position: int) -> AccessList:
    """Addresses with their slots (EIP-2930). Raises RpcError."""
    if not isinstance(value, list) or len(value) > MAX_STORAGE_KEYS:
        raise invalid_argument(position, "an access list is a list")
    entries = []
    for entry in value:
        if not isinstance(entry, dict):
            raise invalid_argument(position, "an access list entry is an object")
        slots = storage_keys(entry.get("storageKeys", []), position)
        entries.append((address(entry.get("address"), position), tuple(int.from_bytes(s) for s, _ in slots)))
    return tuple(entries)


def listed(value: Any, position: int) -> list[Any]:
    """A list of at most MAX_STORAGE_KEYS items. Raises RpcError."""
    if not isinstance(value, list) or len(value) > MAX_STORAGE_KEYS:
        raise invalid_argument(position, "must be a list")
    return value


def mapping(value: Any, position: int) -> dict[str, Any]:
    """An object. Raises RpcError."""
    if not isinstance(value, dict):
        raise invalid_argument(position, "must be an object")
    return value


def anything(value: Any, _: int) -> Any:
    """The value as it came: the method does not look at it."""
    return value


class Signature:
    """The arguments of a method: readers in order, the last `optional` of them may be missing or null."""

    def __init__(self, *readers: Reader, optional: int = 0) -> None:
        self._readers = readers
        self._required = len(readers) - optional

    def read(self, parameters: list[Any]) -> list[Any]:
        """As many values as there are readers, None for what is missing. Raises RpcError (-32602)."""
        if len(parameters) > len(self._readers):
            raise JsonRpcError(f"too many arguments, want at most {len(self._readers)}", number=-32602)
        values = []
        for position, reader in enumerate(self._readers):
            given = parameters[position] if position < len(parameters) else None
            if given is None and position < self._required:
                raise JsonRpcError(f"missing value for required argument {position}", number=-32602)
            values.append(None if given is None else reader(given, position))
        return values
