"""Heads of the logs: what is accepted, what is refused, and what stays."""

from __future__ import annotations

import hashlib

import pytest
from eth_utils.address import to_checksum_address

from chain_service.core.chainproof.storage_layout import head_slot, size_slot
from chain_service.core.log.merkle import EMPTY_ROOT, leaf_hash
from chain_service.core.records.hashing import LogId, founding_entry
from support.contracts.contract_evm import CHAIN_ID, CLERK_A, ORG_A, ORG_B, ContractEvm, log_of, refused
from support.contracts.reference_tree import tree

LOG = log_of(ORG_A)
MAX_GROWTH = 2**20


def advance(evm: ContractEvm, size: int, root: bytes, proof: list[bytes], log: bytes = LOG) -> int:
    return evm.transact(CLERK_A, "RecordLog", "advance", log, size, root, proof).gas


def founding(evm: ContractEvm, log: bytes = LOG) -> bytes:
    return bytes(evm.call("RecordLog", "foundingEntry", log))


def test_the_founding_entry_is_bound_to_chain_contract_and_log(evm: ContractEvm) -> None:
    for log in (LOG, log_of(ORG_A, 7), log_of(ORG_B)):
        preimage = b"chain_service/log/1\0" + CHAIN_ID.to_bytes(8, "big") + evm.addresses["RecordLog"] + log
        assert founding(evm, log) == hashlib.sha256(preimage).digest()


def test_core_computes_the_same_founding_entry(evm: ContractEvm) -> None:
    assert founding(evm) == founding_entry(CHAIN_ID, evm.addresses["RecordLog"], LogId(LOG))


def test_a_first_head_of_size_1_is_the_leaf_of_the_founding_entry(evm: ContractEvm) -> None:
    root = leaf_hash(founding(evm))
    outcome = evm.transact(CLERK_A, "RecordLog", "advance", LOG, 1, root, [])
    assert evm.call("RecordLog", "sizeOf", LOG) == 1
    assert evm.call("RecordLog", "rootAt", LOG, 1) == root
    (event,) = outcome.events
    assert event.name == "HeadAdvanced"
    assert dict(event.args) == {"log": LOG, "account": to_checksum_address(CLERK_A), "size": 1, "root": root}


def test_a_first_head_can_bring_many_records(evm: ContractEvm) -> None:
    grown = tree(b"many", founding(evm), 1, 1000)
    advance(evm, 1000, grown.root(1000), grown.consistency(1, 1000))
    assert evm.call("RecordLog", "sizeOf", LOG) == 1000


def test_a_first_head_with_a_foreign_founding_entry_is_refused(evm: ContractEvm) -> None:
    other = tree(b"foreign", founding(evm, log_of(ORG_B)), 1, 5)
    for size in (1, 5):
        with refused("HeadConflict", log=LOG, currentSize=0, newSize=size):
            advance(evm, size, other.root(size), other.consistency(1, size))


def test_every_accepted_head_stays_readable(evm: ContractEvm) -> None:
    sizes = [1, 2, 3, 64, 65, 1000]
    grown = tree(b"heads", founding(evm), *sizes)
    for old, new in zip([1, *sizes], sizes, strict=False):
        advance(evm, new, grown.root(new), grown.consistency(old, new))
    assert [evm.call("RecordLog", "rootAt", LOG, size) for size in sizes] == [grown.root(size) for size in sizes]
    assert evm.call("RecordLog", "rootAt", LOG, 63) == bytes(32)
    assert evm.word("RecordLog", size_slot(LOG)) == 1000
    assert evm.word("RecordLog", head_slot(LOG, 64)) == int.from_bytes(grown.root(64), "big")


def test_the_head_that_stands_is_named_so_that_a_repeated_call_is_known_as_such(evm: ContractEvm) -> None:
    grown = tree(b"repeat", founding(evm), 1, 3, 9)
    advance(evm, 3, grown.root(3), grown.consistency(1, 3))
    advance(evm, 9, grown.root(9), grown.consistency(3, 9))
    for size in (3, 9):
        with refused("AlreadyAnchored", log=LOG, size=size):
            advance(evm, size, grown.root(size), [])


def test_another_root_at_a_reached_size_is_a_conflict(evm: ContractEvm) -> None:
    grown = tree(b"clash", founding(evm), 1, 3, 9)
    advance(evm, 9, grown.root(9), grown.consistency(1, 9))
    for size, root in ((9, grown.root(3)), (3, grown.root(3)), (3, bytes(32)), (0, bytes(32)), (0, EMPTY_ROOT)):
        with refused("HeadConflict", log=LOG, currentSize=9, newSize=size):
            advance(evm, size, root, [])


def test_size_0_is_no_head(evm: ContractEvm) -> None:
    for root in (bytes(32), EMPTY_ROOT):
        with refused("HeadConflict", currentSize=0, newSize=0):
            advance(evm, 0, root, [])


def test_a_history_that_was_rewritten_is_a_conflict(evm: ContractEvm) -> None:
    honest, rewritten = tree(b"honest", founding(evm), 1, 9), tree(b"rewritten", founding(evm), 1, 9, 20)
    advance(evm, 9, honest.root(9), honest.consistency(1, 9))
    with refused("HeadConflict", log=LOG, currentSize=9, newSize=20):
        advance(evm, 20, rewritten.root(20), rewritten.consistency(9, 20))


def test_a_head_grows_by_at_most_a_million(evm: ContractEvm) -> None:
    for old in (0, 5):
        state = evm.branch()
        start = max(old, 1)
        grown = tree(b"growth", founding(state), 1, start, old + MAX_GROWTH, old + MAX_GROWTH + 1)
        if old:
            advance(state, old, grown.root(old), grown.consistency(1, old))
        for size in (old + MAX_GROWTH + 1, 2**64 - 1):
            with refused("GrowthTooLarge", log=LOG, currentSize=old):
                advance(state, size, grown.root(old + MAX_GROWTH + 1), [])
        size = old + MAX_GROWTH
        advance(state, size, grown.root(size), grown.consistency(start, size))


def test_each_organisation_and_generation_has_its_own_log(evm: ContractEvm) -> None:
    advance(evm, 1, leaf_hash(founding(evm)), [])
    second = log_of(ORG_A, 1)
    with refused("WrongGeneration", log=second, current=0):
        advance(evm, 1, leaf_hash(founding(evm, second)), [], second)
    evm.registrar("openGenerations", [(ORG_A, 1)])
    advance(evm, 1, leaf_hash(founding(evm, second)), [], second)
    assert evm.call("RecordLog", "rootAt", LOG, 1) == leaf_hash(founding(evm))


def test_the_log_of_an_ended_generation_takes_no_more_heads(evm: ContractEvm) -> None:
    grown = tree(b"ended", founding(evm), 1, 9)
    advance(evm, 1, grown.root(1), [])
    evm.registrar("openGenerations", [(ORG_A, 1)])
    with refused("WrongGeneration", log=LOG, current=1):
        advance(evm, 9, grown.root(9), grown.consistency(1, 9))


@pytest.mark.parametrize("position", range(18, 28))
def test_a_log_with_anything_between_organisation_and_generation_is_malformed(evm: ContractEvm, position: int) -> None:
    log = LOG[:position] + b"\1" + LOG[position + 1 :]
    with refused("MalformedLog", log=log):
        advance(evm, 1, bytes(32), [], log)
    with refused("MalformedLog", log=log):
        evm.call("RecordLog", "foundingEntry", log)


def test_inclusion_is_verified_against_accepted_heads_only(evm: ContractEvm) -> None:
    grown = tree(b"inclusion", founding(evm), 1, 5, 8, 9)
    advance(evm, 9, grown.root(9), grown.consistency(1, 9))

    def included(size: int, index: int, entry: bytes, proof: list[bytes]) -> bool:
        return bool(evm.call("RecordLog", "verifyInclusion", LOG, size, index, entry, proof))

    entry, proof = grown.entry(4), grown.inclusion(4, 9)
    assert included(9, 4, entry, proof)
    assert included(9, 0, founding(evm), grown.inclusion(0, 9))
    assert not included(9, 5, entry, proof)
    assert not included(9, 4, founding(evm), proof)
    assert not included(9, 9, entry, proof)
    assert not included(9, 4, entry, proof[:-1])
    assert not included(9, 4, entry, [*proof, bytes(32)])
    assert not included(8, 4, entry, grown.inclusion(4, 8)), "no head of size 8 was ever accepted"
    assert not evm.call("RecordLog", "verifyInclusion", log_of(ORG_B), 9, 4, entry, proof)
