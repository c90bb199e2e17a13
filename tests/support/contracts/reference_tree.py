"""Proofs straight from the recursive definitions of RFC 9162 sections 2.1.3.1 and 2.1.4.1, for trees of any size."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from chain_service.core.log.merkle import leaf_hash, node_hash


@dataclass
class ReferenceTree:
    """An endless list of leaves, of which only those around `cuts` exist: a complete subtree that no cut divides has
    a made-up hash, so that a tree of 2^30 leaves costs a few dozen hashes."""

    name: bytes
    founding_entry: bytes
    cuts: frozenset[int]
    known: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def root(self, size: int) -> bytes:
        """MTH(D[0:size])."""
        return self.range(0, size)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """PATH(index, D[0:size])."""
        return self._path(index, 0, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """PROOF(old, D[0:new])."""
        return self._subproof(old, 0, new, True) if old < new else []

    def entry(self, index: int) -> bytes:
        return self.founding_entry if index == 0 else sha256(b"%s/%d" % (self.name, index)).digest()

    def range(self, low: int, high: int) -> bytes:
        """MTH(D[low:high])."""
        if (low, high) not in self.known:
            self.known[low, high] = self._hash(low, high)
        return self.known[low, high]

    def _hash(self, low: int, high: int) -> bytes:
        size = high - low
        if size == 1:
            return leaf_hash(self.entry(low))
        divided = low == 0 or any(low < cut < high for cut in self.cuts)
        if size & (size - 1) == 0 and not divided:
            return sha256(b"%s/%d-%d" % (self.name, low, high)).digest()
        middle = low + _split(size)
        return node_hash(self.range(low, middle), self.range(middle, high))

    def _path(self, index: int, low: int, high: int) -> list[bytes]:
        if high - low == 1:
            return []
        middle = low + _split(high - low)
        if index < middle:
            return [*self._path(index, low, middle), self.range(middle, high)]
        return [*self._path(index, middle, high), self.range(low, middle)]

    def _subproof(self, old: int, low: int, high: int, whole: bool) -> list[bytes]:
        """SUBPROOF of the leaves up to `old` within [low, high); `whole` while the old tree's root is this range."""
        if old == high:
            return [] if whole else [self.range(low, high)]
        middle = low + _split(high - low)
        if old <= middle:
            return [*self._subproof(old, low, middle, whole), self.range(middle, high)]
        return [*self._subproof(old, middle, high, False), self.range(low, middle)]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def tree(name: bytes, founding_entry: bytes, *cuts: int) -> ReferenceTree:
    """A tree in which the sizes `cuts` and the leaves `cut - 1` can be proved."""
    return ReferenceTree(name, founding_entry, frozenset(cut for size in cuts for cut in (size - 1, size)))
