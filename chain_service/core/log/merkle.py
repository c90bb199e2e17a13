"""The mathematics of an append-only log: RFC 9162 section 2.1 with SHA-256. Knows nothing of records or storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from chain_service.errors import InvalidProof

EMPTY_ROOT = sha256(b"").digest()
MAX_SIZE = 2**53 - 1


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Claims that the leaf at `index` (from 0) is under the root of `size` leaves; `path` goes up from its sibling."""

    index: int
    size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """Claims that the first `old_size` leaves of the tree of `new_size` are the tree of `old_size` (RFC 9162 2.1.4)."""

    old_size: int
    new_size: int
    path: tuple[bytes, ...]


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(00 ‖ entry), RFC 9162 §2.1.1."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(01 ‖ left ‖ right), RFC 9162 §2.1.1."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over these leaf hashes; an odd right edge is promoted, never duplicated (RFC 9162 §2.1.1)."""
    row = list(leaves)
    if not row:
        return EMPTY_ROOT
    while len(row) > 1:
        above = parents(row)
        if len(row) & 1:
            above.append(row[-1])
        row = above
    return row[0]


def parents(row: Sequence[bytes]) -> list[bytes]:
    """The nodes above each whole pair of neighbours; an odd last one has none here."""
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=False)]


class GrowingRoot:
    """The root over leaf hashes that come one after the other, kept as the roots of its complete subtrees."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """The tree has one more leaf: complete neighbours of one height become one."""
        node, size = leaf, self.size
        while size & 1:
            node, size = node_hash(self._subtrees.pop(), node), size >> 1
        self._subtrees.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._subtrees:
            return EMPTY_ROOT
        *left, node = self._subtrees
        for subtree in reversed(left):
            node = node_hash(subtree, node)
        return node


def inclusion_path_length(index: int, size: int) -> int:
    """How many hashes an inclusion proof has; needs 0 ≤ index < size."""
    inner = (index ^ (size - 1)).bit_length()
    return inner + (index >> inner).bit_count()


def consistency_path_length(old_size: int, new_size: int) -> int:
    """How many hashes a consistency proof has; needs 0 < old_size ≤ new_size."""
    if old_size == new_size:
        return 0
    shift = trailing_zeros(old_size)
    below = inclusion_path_length((old_size - 1) >> shift, ((new_size - 1) >> shift) + 1)
    return below + (not is_power_of_two(old_size))


def root_from_inclusion(leaf: bytes, proof: InclusionProof) -> bytes:
    """The root that the proof leads to from this leaf hash (RFC 9162 §2.1.3.2). Raises InvalidProof on a bad shape."""
    index, size = proof.index, proof.size
    if not 0 <= index < size <= MAX_SIZE:
        raise InvalidProof("the proof's index is not below its size", index=index, size=size)
    _require_path(proof.path, inclusion_path_length(index, size))
    _require_hash(leaf)
    inner = (index ^ (size - 1)).bit_length()
    node = leaf
    for level, sibling in enumerate(proof.path):
        # Up to `inner` the leaf's own bits say on which side it lies; above, only left siblings are left.
        right = level < inner and not index >> level & 1
        node = sha256(b"\x01" + node + sibling if right else b"\x01" + sibling + node).digest()
    return node


def verify_inclusion(leaf: bytes, proof: InclusionProof, root: bytes) -> None:
    """Returns only if the leaf hash is at `proof.index` under `root` of `proof.size` leaves. Raises InvalidProof."""
    if root_from_inclusion(leaf, proof) != root:
        raise InvalidProof("the inclusion proof gives another root", index=proof.index, size=proof.size)


def verify_consistency(proof: ConsistencyProof, old_root: bytes, new_root: bytes) -> None:
    """Returns only if the new tree continues the old one (RFC 9162 §2.1.4.2). Raises InvalidProof."""
    old_size, new_size = proof.old_size, proof.new_size
    if not 0 < old_size <= new_size <= MAX_SIZE:
        raise InvalidProof("a consistency proof needs 0 < old size ≤ new size", oldSize=old_size, newSize=new_size)
    _require_path(proof.path, consistency_path_length(old_size, new_size))
    if old_size != new_size:
        _require_hash(old_root)
        _require_hash(new_root)
    if _roots_from_consistency(proof, old_root) != (old_root, new_root):
        raise InvalidProof("the consistency proof gives other roots", oldSize=old_size, newSize=new_size)


def _roots_from_consistency(proof: ConsistencyProof, old_root: bytes) -> tuple[bytes, bytes]:
    """Steps 2 to 6 of RFC 9162 §2.1.4.2; the path's length has been checked."""
    if proof.old_size == proof.new_size:
        return old_root, old_root
    path = (old_root, *proof.path) if is_power_of_two(proof.old_size) else proof.path
    shift = trailing_zeros(proof.old_size)
    f, s = (proof.old_size - 1) >> shift, (proof.new_size - 1) >> shift
    old = new = path[0]
    for sibling in path[1:]:
        if f & 1 or f == s:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while f and not f & 1:
                f, s = f >> 1, s >> 1
        else:
            new = node_hash(new, sibling)
        f, s = f >> 1, s >> 1
    return old, new


def is_power_of_two(number: int) -> bool:
    """Whether the number is 1, 2, 4, …; 0 and negative numbers are not."""
    return number > 0 and number & (number - 1) == 0


def trailing_zeros(number: int) -> int:
    """The exponent of the largest power of two that divides `number` > 0."""
    return (number & -number).bit_length() - 1


def _require_path(path: Sequence[bytes], length: int) -> None:
    if len(path) != length:
        raise InvalidProof(f"the proof has {len(path)} hashes where {length} are needed")
    if any(len(node) != 32 for node in path):
        raise InvalidProof("a hash in the proof is not 32 bytes long")


def _require_hash(node: bytes) -> None:
    if len(node) != 32:
        raise InvalidProof("a hash in the proof is not 32 bytes long")
