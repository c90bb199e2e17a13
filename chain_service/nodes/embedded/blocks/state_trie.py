"""The state read straight from its Merkle-Patricia nodes: values and EIP-1186 proofs without py-evm's machinery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import rlp
from tiny_keccak import keccak256

EMPTY_ROOT = keccak256(b"\x80")
EMPTY_CODE = keccak256(b"")

Lookup = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class TrieAccount:
    """What the state trie holds of an address (yellow paper §4.1); balance in wei, root and hash of 32 bytes."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


def account_at(lookup: Lookup, root: bytes, address: bytes) -> TrieAccount | None:
    """The account in the state `root`, None when it is absent."""
    value, _ = walk(lookup, root, keccak256(address))
    return None if value is None else decode_account(value)


def storage_at(lookup: Lookup, storage_root: bytes, slot: bytes) -> int:
    """The word in the 32-byte `slot`, 0 when it is absent."""
    value, _ = walk(lookup, storage_root, keccak256(slot))
    return 0 if value is None else decode_word(value)


def decode_account(value: bytes) -> TrieAccount:
    """The account that a leaf of the state trie holds, RLP of four items."""
    nonce, balance, storage_root, code_hash = rlp.decode(value)
    return TrieAccount(int.from_bytes(nonce), int.from_bytes(balance), storage_root, code_hash)


def decode_word(value: bytes) -> int:
    """The storage word that a leaf of a storage trie holds, RLP of an integer."""
    start, end, _ = _item(value, 0)
    return int.from_bytes(value[start:end])


def walk(lookup: Lookup, root: bytes, key: bytes) -> tuple[bytes | None, list[bytes]]:
    """The value under the 32-byte `key` (None = absent) and the nodes that prove it, root first (EIP-1186).

    `lookup` raises KeyError for a node it does not hold.
    """
    proof: list[bytes] = []
    if root == EMPTY_ROOT:
        return None, proof
    path = key.hex()
    at = 0
    node = lookup(root)
    proof.append(node)
    while True:
        items = _items(node)
        if len(items) == 17:
            start, end, is_list = items[int(path[at], 16)]
            at += 1
        else:
            fragment, leaf = _fragment(node, items)
            if leaf:
                start, end, _ = items[1]
                return (node[start:end] if path[at:] == fragment else None), proof
            if not path.startswith(fragment, at):
                return None, proof
            at += len(fragment)
            start, end, is_list = items[1]
        if start == end:
            return None, proof
        if is_list:
            node = _embedded(node, start, end)
        else:
            node = lookup(node[start:end])
            proof.append(node)


def _fragment(node: bytes, items: list[tuple[int, int, bool]]) -> tuple[str, bool]:
    """The nibbles of a short node's path, and whether it is a leaf (yellow paper, appendix C)."""
    start, end, _ = items[0]
    text = node[start:end].hex()
    flag = int(text[0], 16)
    return text[1:] if flag & 1 else text[2:], flag >= 2


def _items(node: bytes) -> list[tuple[int, int, bool]]:
    """Payload bounds of each item of a node, and whether it is a list."""
    at, end, _ = _item(node, 0)
    items = []
    while at < end:
        item = _item(node, at)
        items.append(item)
        at = item[1]
    return items


def _item(data: bytes, at: int) -> tuple[int, int, bool]:
    """Payload start and end of the RLP item at `at`, and whether it is a list; our own nodes, so no strictness."""
    prefix = data[at]
    if prefix < 0x80:
        return at, at + 1, False
    if prefix < 0xB8:
        return at + 1, at + 1 + prefix - 0x80, False
    if prefix < 0xC0:
        size = prefix - 0xB7
        return at + 1 + size, at + 1 + size + int.from_bytes(data[at + 1 : at + 1 + size]), False
    if prefix < 0xF8:
        return at + 1, at + 1 + prefix - 0xC0, True
    size = prefix - 0xF7
    return at + 1 + size, at + 1 + size + int.from_bytes(data[at + 1 : at + 1 + size]), True


def _embedded(node: bytes, start: int, end: int) -> bytes:
    """A child shorter than 32 bytes stands inside its parent; its header byte precedes the payload."""
    return node[start - 1 : end]
