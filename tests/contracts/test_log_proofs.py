"""Consistency and inclusion proofs on chain against the recursive definitions and against core: all small sizes,
2,000 pairs from real tiles, and at random up to the largest size that core knows."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from chain_service.core.chainproof.storage_layout import head_slot, size_slot
from chain_service.core.log.merkle import (
    MAX_SIZE,
    ConsistencyProof,
    InclusionProof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from chain_service.core.log.tiles import append, consistency_path, root
from chain_service.errors import InvalidProof
from support.contracts.contract_evm import CLERK_A, ORG_A, ContractEvm, log_of, refused
from support.contracts.reference_tree import ReferenceTree, tree

LOG = log_of(ORG_A)
FOUNDING = bytes(range(32))
SMALL = 65
TILED = 4_096


def advance(evm: ContractEvm, old: int, old_root: bytes, new: int, new_root: bytes, path: list[bytes]) -> None:
    """From a log that is made to have the head (old, old_root)."""
    evm.force("RecordLog", head_slot(LOG, new), 0)
    evm.force("RecordLog", head_slot(LOG, old), int.from_bytes(old_root, "big"))
    evm.force("RecordLog", size_slot(LOG), old)
    evm.transact(CLERK_A, "RecordLog", "advance", LOG, new, new_root, path)


def included(evm: ContractEvm, size: int, root: bytes, index: int, entry: bytes, path: list[bytes]) -> bool:
    evm.force("RecordLog", head_slot(LOG, size), int.from_bytes(root, "big"))
    return bool(evm.call("RecordLog", "verifyInclusion", LOG, size, index, entry, path))


def wrong_paths(path: list[bytes], chance: random.Random) -> Iterator[list[bytes]]:
    """The path with one bit turned, one hash less, one more, and two exchanged, as far as its length allows."""
    if path:
        place, bit = chance.randrange(len(path)), chance.randrange(256)
        turned = (int.from_bytes(path[place], "big") ^ 1 << bit).to_bytes(32, "big")
        yield [*path[:place], turned, *path[place + 1 :]]
        yield path[:place] + path[place + 1 :]
        yield [*path, path[place]]
    if len(path) > 1:
        first, second = chance.sample(range(len(path)), 2)
        exchanged = list(path)
        exchanged[first], exchanged[second] = path[second], path[first]
        yield exchanged
    yield [chance.randbytes(32), *path]


def refuses(evm: ContractEvm, old: int, old_root: bytes, new: int, new_root: bytes, path: list[bytes]) -> None:
    """Contract and core refuse alike."""
    with refused("HeadConflict", log=LOG):
        advance(evm, old, old_root, new, new_root, path)
    with pytest.raises(InvalidProof):
        verify_consistency(ConsistencyProof(old, new, tuple(path)), old_root, new_root)


def accepts(evm: ContractEvm, grown: ReferenceTree, old: int, new: int) -> list[bytes]:
    """Contract and core accept alike."""
    path = grown.consistency(old, new)
    verify_consistency(ConsistencyProof(old, new, tuple(path)), grown.root(old), grown.root(new))
    advance(evm, old, grown.root(old), new, grown.root(new), path)
    return path


def test_every_consistency_proof_between_small_sizes_is_accepted_and_wrong_ones_refused(evm: ContractEvm) -> None:
    chance = random.Random(65)
    grown = tree(b"small", FOUNDING, *range(1, SMALL + 1))
    for new in range(2, SMALL + 1):
        for old in range(1, new):
            path = accepts(evm, grown, old, new)
            if chance.randrange(4) == 0:
                wrong = chance.choice([*wrong_paths(path, chance)])
                refuses(evm, old, grown.root(old), new, grown.root(new), wrong)


def test_what_core_proves_from_stored_tiles_is_accepted_and_wrong_proofs_are_refused(evm: ContractEvm) -> None:
    chance = random.Random(2)
    stored: dict[tuple[int, int], bytes] = {}

    def read(level: int, n: int) -> bytes:
        return stored[level, n]

    stored.update(append(0, read, [leaf_hash(chance.randbytes(32)) for _ in range(TILED)]).tiles)
    for _ in range(2_000):
        old, new = sorted(chance.sample(range(1, TILED + 1), 2))
        old_root, new_root = root(old, read), root(new, read)
        path = list(consistency_path(old, new, read))
        advance(evm, old, old_root, new, new_root, path)
        if chance.randrange(4) == 0:
            refuses(evm, old, old_root, new, new_root, chance.choice([*wrong_paths(path, chance)]))


@pytest.mark.parametrize("pairs", [300, pytest.param(4_000, marks=pytest.mark.long)])
def test_random_consistency_proofs_of_huge_trees_are_accepted_and_wrong_ones_refused(
    evm: ContractEvm, pairs: int
) -> None:
    chance = random.Random(pairs)
    for number in range(pairs):
        old = chance.getrandbits(chance.randint(1, 52)) + 1
        new = min(old + chance.getrandbits(chance.randint(1, 20)) + 1, MAX_SIZE)
        grown = tree(b"%d" % number, FOUNDING, old, new)
        path = accepts(evm, grown, old, new)
        wrong = chance.choice([*wrong_paths(path, chance)])
        refuses(evm, old, grown.root(old), new, grown.root(new), wrong)


def test_a_right_path_proves_no_other_roots(evm: ContractEvm) -> None:
    chance = random.Random(1)
    for old, new in ((1, 2), (2, 3), (6, 9), (8, 64), (4_000, 4_001), (2**30 - 1, 2**30), (2**52 + 1, 2**52 + 2**20)):
        grown = tree(b"roots", FOUNDING, old, new)
        path = grown.consistency(old, new)
        refuses(evm, old, chance.randbytes(32), new, grown.root(new), path)
        refuses(evm, old, grown.root(old), new, chance.randbytes(32), path)
        refuses(evm, old, grown.root(new), new, grown.root(old), path)


def test_sizes_up_to_the_end_of_64_bits_are_handled(evm: ContractEvm) -> None:
    for old, new in ((2**63, 2**63 + 1), (2**64 - 2**20, 2**64 - 1), (2**64 - 2, 2**64 - 1), (2**63 - 1, 2**63)):
        grown = tree(b"end", FOUNDING, old, new)
        path = grown.consistency(old, new)
        advance(evm, old, grown.root(old), new, grown.root(new), path)
        assert included(evm, new, grown.root(new), new - 1, grown.entry(new - 1), grown.inclusion(new - 1, new))
        with refused("HeadConflict"):
            advance(evm, old, grown.root(old), new, grown.root(new), [*path, bytes(32)])


def test_a_path_of_any_wrong_length_is_refused(evm: ContractEvm) -> None:
    grown = tree(b"length", FOUNDING, 6, 1_000)
    path = grown.consistency(6, 1_000)
    for length in (*range(len(path)), *range(len(path) + 1, 70), 1_000):
        wrong = (path * (length // len(path) + 1))[:length]
        with refused("HeadConflict"):
            advance(evm, 6, grown.root(6), 1_000, grown.root(1_000), wrong)
        assert not included(evm, 1_000, grown.root(1_000), 5, grown.entry(5), wrong)


def test_no_index_outside_the_tree_is_included_even_if_the_hashes_fit(evm: ContractEvm) -> None:
    entry, sibling = bytes(32), b"\1" * 32
    fitting = node_hash(sibling, leaf_hash(entry))
    assert included(evm, 2, fitting, 1, entry, [sibling])
    assert not included(evm, 1, fitting, 1, entry, [sibling])


@pytest.mark.parametrize("largest", [33, pytest.param(SMALL, marks=pytest.mark.long)])
def test_every_inclusion_proof_in_small_trees_holds_and_fits_no_other_place(evm: ContractEvm, largest: int) -> None:
    chance = random.Random(64)
    grown = tree(b"inclusion", FOUNDING, *range(1, largest + 1))
    for size in range(1, largest + 1):
        for index in range(size):
            path = grown.inclusion(index, size)
            verify_inclusion(leaf_hash(grown.entry(index)), InclusionProof(index, size, tuple(path)), grown.root(size))
            assert included(evm, size, grown.root(size), index, grown.entry(index), path)
            if chance.randrange(4) == 0:
                other = chance.choice([place for place in range(size + 1) if place != index])
                assert not included(evm, size, grown.root(size), other, grown.entry(index), path)


@pytest.mark.parametrize("pairs", [50, pytest.param(1_000, marks=pytest.mark.long)])
def test_random_inclusion_proofs_hold_and_wrong_ones_do_not(evm: ContractEvm, pairs: int) -> None:
    chance = random.Random(6962)
    for number in range(pairs):
        size = chance.getrandbits(chance.randint(1, 52)) + 1
        index = chance.randrange(size)
        grown = tree(b"%d" % number, FOUNDING, index + 1, size)
        head, path = grown.root(size), grown.inclusion(index, size)
        verify_inclusion(leaf_hash(grown.entry(index)), InclusionProof(index, size, tuple(path)), head)
        assert included(evm, size, head, index, grown.entry(index), path)
        assert not included(evm, size, head, index, chance.randbytes(32), path)
        for wrong in wrong_paths(path, chance):
            assert not included(evm, size, head, index, grown.entry(index), wrong)
