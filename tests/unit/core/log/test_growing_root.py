"""A tree that grows leaf by leaf has the root of all its leaves at every size."""

from __future__ import annotations

from chain_service.core.log.merkle import GrowingRoot, leaf_hash, root_of


def test_every_size_has_the_root_of_its_leaves() -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(70)]
    grown = GrowingRoot()
    for size, leaf in enumerate(leaves):
        assert (grown.size, grown.root()) == (size, root_of(leaves[:size]))
        grown.add(leaf)
    assert grown.root() == root_of(leaves)
