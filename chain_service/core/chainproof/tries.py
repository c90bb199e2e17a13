"""Merkle Patricia tries: what a set of nodes proves about one key (EIP-1186; yellow paper, D).

Absence is a result like any other and needs its whole proof; a proof that ends early is an error, never absence.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof

EMPTY_TRIE_ROOT: Final = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
EMPTY_NODE: Final = b"\x80"

MAX_NODE_BYTES: Final = 1024
"""A full branch has 532 bytes."""
MAX_PATH: Final = 64
"""Nodes on the way to one key."""
MAX_NODES: Final = 16_384
"""Distinct nodes in one pool: several thousand slots of one block. Receipts carry far fewer and are bounded there."""

_FULL_BRANCH: Final = struct.Struct("3x" + 16 * "x32s" + "x")
"""A branch with all of its children hashed and no value: a list of 529 bytes, each hash after its prefix."""
_FULL_PREFIXES: Final = b"\xa0" * 16 + b"\x80"
_HASHED_OR_EMPTY: Final = re.compile(rb"\xa0(.{32})|\x80", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account as the state trie holds it."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


class NodePool:
    """Trie nodes by hash, each once, from which walks take what they need; remembers which ones were used.

    Raises InvalidProof for a node that is too large or listed twice, and for more than `max_nodes`.
    """

    def __init__(self, nodes: Sequence[bytes], max_nodes: int = MAX_NODES) -> None:
        if len(nodes) > max_nodes:
            raise InvalidProof("too many trie nodes", nodes=len(nodes))
        self._decoded: dict[bytes, list[rlp.Item]] = {}
        self._used: dict[bytes, None] = {}
        for node in nodes:
            # Shorter nodes stand inside their parents; under 32-byte keys no root is that short either.
            if not 32 <= len(node) <= MAX_NODE_BYTES and node != EMPTY_NODE:
                raise InvalidProof("a trie node is too small or too large", bytes=len(node))
        self._nodes = dict(zip(map(keccak256, nodes), nodes, strict=True))
        if len(self._nodes) != len(nodes):
            raise InvalidProof("a trie node is listed twice")

    def value_at(self, root: bytes, key: bytes) -> bytes | None:
        """The value under a 32-byte key of the trie with this root; None if the trie has none.

        Raises InvalidProof if a node is missing or malformed.
        """
        if len(key) != 32:
            raise InvalidProof("a trie key has 32 bytes")
        if root == EMPTY_TRIE_ROOT:
            if root in self._nodes:
                self._used[root] = None
            return None
        node = self._node(root)
        path = key.hex()
        at = 0
        while True:
            if len(node) == 17:
                if at == 64 or node[16] != b"":
                    raise InvalidProof("a branch holds a value or ends a key, which no 32-byte key allows")
                child = node[int(path[at], 16)]
                at += 1
                if child == b"":
                    return None
            else:
                child, length, matches, is_leaf = _follow(node, path, at)
                if not matches:
                    return None
                if is_leaf:
                    if not isinstance(child, bytes):
                        raise InvalidProof("a leaf holds a list")
                    return child
                at += length
            node = self._node(child) if isinstance(child, bytes) else _embedded(child)

    def require_all_used(self) -> None:
        """Every node served at least one walk. Raises InvalidProof otherwise."""
        unused = len(self._nodes) - len(self._used)
        if unused:
            raise InvalidProof("trie nodes belong to no proof", nodes=unused)

    def used_in_order(self) -> bool:
        """Whether the nodes used so far were first needed in the order in which they were listed."""
        return all(used == listed for used, listed in zip(self._used, self._nodes, strict=False))

    def take_used(self) -> tuple[bytes, ...]:
        """The nodes used since this was last called, in the order in which they were first needed."""
        taken = tuple(self._nodes[digest] for digest in self._used)
        self._used.clear()
        return taken

    def _node(self, digest: bytes) -> list[rlp.Item]:
        self._used[digest] = None
        node = self._decoded.get(digest)
        if node is None:
            raw = self._nodes.get(digest)
            if raw is None:
                raise InvalidProof("a trie node is missing", node=digest.hex())
            node = _branch(raw) or rlp.decode_list(raw)
            if len(node) not in (2, 17):
                raise InvalidProof("a trie node has 2 or 17 items", items=len(node))
            self._decoded[digest] = node
        return node


def _branch(raw: bytes) -> list[rlp.Item] | None:
    """The items of a branch whose children are all hashed or empty, as `strict_rlp` decodes them; else None.

    Most nodes are such branches, and this is three times as fast; those with all of their children, which the upper
    nodes of a large trie are, are faster still.
    """
    size = len(raw)
    if size == _FULL_BRANCH.size and raw[:3] == b"\xf9\x02\x11" and raw[3::33] == _FULL_PREFIXES:
        return [*_FULL_BRANCH.unpack(raw), b""]
    if raw[0] == 0xF8:
        start, whole = 2, 56 <= raw[1] == size - 2
    else:
        start, whole = 3, raw[0] == 0xF9 and 256 <= int.from_bytes(raw[1:3], "big") == size - 3
    if not whole:
        return None
    items: list[rlp.Item] = _HASHED_OR_EMPTY.findall(raw, start)
    # Had bytes been skipped between them, prefixes and hashes would not add up to the whole.
    return items if len(items) == 17 and 17 + sum(map(len, items)) == size - start else None


def _follow(node: Sequence[rlp.Item], path: str, at: int) -> tuple[rlp.Item, int, bool, bool]:
    """Of a two-item node: content, length of its path in nibbles, whether the key takes it, whether it is a leaf."""
    prefix, content = node
    if not isinstance(prefix, bytes) or not prefix or prefix[0] > 0x3F:
        raise InvalidProof("a trie node's path is malformed")
    nibbles = prefix.hex()
    if prefix[0] & 0x10:
        nibbles = nibbles[1:]
    elif nibbles[1] == "0":
        nibbles = nibbles[2:]
    else:
        raise InvalidProof("the padding of a trie node's path is not zero")
    is_leaf = prefix[0] >= 0x20
    length = len(nibbles)
    if not content:
        raise InvalidProof("a trie node is empty")
    if is_leaf and length != 64 - at:
        raise InvalidProof("a leaf's path does not end where a 32-byte key does")
    if not is_leaf and not 0 < length < 64 - at:
        raise InvalidProof("an extension's path is empty or runs past a 32-byte key")
    return content, length, path.startswith(nibbles, at), is_leaf


def _embedded(node: list[rlp.Item]) -> list[rlp.Item]:
    if len(node) not in (2, 17):
        raise InvalidProof("a trie node has 2 or 17 items", items=len(node))
    if len(rlp.encode(node)) >= 32:
        raise InvalidProof("a trie node of 32 bytes or more is embedded")
    return node


def verify_listed_proof(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes | None:
    """The value under a 32-byte key, or None if the trie has none, by a proof listed from the root down.

    The key is the hashed one: keccak256 of the address or slot. Raises InvalidProof, also for a node that is
    missing, out of order, repeated or not needed.
    """
    pool = NodePool(nodes, max_nodes=MAX_PATH)
    value = pool.value_at(root, key)
    pool.require_all_used()
    if not pool.used_in_order():
        raise InvalidProof("the nodes of a proof are not in order")
    return value


def account_at(pool: NodePool, state_root: bytes, address: bytes) -> AccountState | None:
    """The account at a 20-byte address in a state; None if there is none. Raises InvalidProof."""
    raw = pool.value_at(state_root, keccak256(address))
    if raw is None:
        return None
    fields = rlp.decode_list(raw)
    if len(fields) != 4:
        raise InvalidProof("an account has 4 fields", fields=len(fields))
    nonce, balance, storage_root, code_hash = fields
    if not isinstance(storage_root, bytes) or not isinstance(code_hash, bytes):
        raise InvalidProof("a field of an account is a list")
    if len(storage_root) != 32 or len(code_hash) != 32:
        raise InvalidProof("storage root and code hash of an account have 32 bytes")
    return AccountState(rlp.integer(nonce, 64), rlp.integer(balance), storage_root, code_hash)


def slot_at(pool: NodePool, storage_root: bytes, slot: bytes) -> int:
    """The word in a 32-byte slot of a storage trie, 0 if it is absent. Raises InvalidProof."""
    raw = pool.value_at(storage_root, keccak256(slot))
    if raw is None:
        return 0
    word = rlp.integer(rlp.decode(raw))
    if not word:
        raise InvalidProof("a storage trie holds a zero")
    return word
