"""Histories are read whole from a proven state, or not at all."""

import pytest

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState
from chain_service.core.chainproof.storage_layout import PermitEntry, SealState
from chain_service.core.registries.histories import read_log_keys, read_seal_facts, read_seal_states
from chain_service.core.registries.permits import read_permits
from chain_service.errors import InvalidProof

ORG = "11430000006122244L"
TYPE = "11100000000013338W011"
SEAL = "43010000000001"


def state(contract, slot_of, words):
    """A state that covers these words and the empty position after them."""
    covered = {(contract, slot_of(n)): word for n, word in enumerate([*words, 0])}
    return ProvenState(1, 1, bytes(32), 0, "trial", 1, 1, covered)


def permit_slot(n):
    return storage_layout.permit_slot(ORG, TYPE, n)


def test_permits_are_read_up_to_the_first_absent_entry():
    entries = [PermitEntry(1, 10, 20, 5), PermitEntry(2, 0, 15, 6)]
    proven = state("Organisations", permit_slot, [entry.to_word() for entry in entries])
    assert read_permits(proven, ORG, TYPE) == entries
    assert read_permits(state("Organisations", permit_slot, []), ORG, TYPE) == []


def test_a_history_without_its_first_absent_entry_is_refused():
    whole = state("Organisations", permit_slot, [PermitEntry(1, 10, 20, 5).to_word()])
    cut = ProvenState(1, 1, bytes(32), 0, "trial", 1, 1, dict(list(whole.words.items())[:1]))
    with pytest.raises(InvalidProof, match="does not cover"):
        read_permits(cut, ORG, TYPE)
    with pytest.raises(InvalidProof, match="does not cover"):
        read_permits(whole, ORG, "another type")


def test_an_entry_that_is_neither_grant_nor_end_is_refused():
    with pytest.raises(InvalidProof):
        read_permits(state("Organisations", permit_slot, [3]), ORG, TYPE)


def test_log_keys_keep_their_leading_zeros():
    keys = [bytes(2) + b"\x01" * 30, b"\x02" * 32]
    words = [int.from_bytes(key, "big") for key in keys]
    assert read_log_keys(state("Organisations", lambda n: storage_layout.log_key_slot(ORG, n), words), ORG) == keys


def test_seal_states_and_facts_are_read_in_order():
    states = [SealState(1, 5), SealState(2, 6)]
    proven = state(
        "SealRegistry", lambda n: storage_layout.seal_state_slot(SEAL, n), [entry.to_word() for entry in states]
    )
    assert read_seal_states(proven, SEAL) == states
    facts = [bytes([n]) * 32 for n in range(1, 7)]
    words = [int.from_bytes(fact, "big") for fact in facts]
    assert (
        read_seal_facts(state("SealRegistry", lambda n: storage_layout.seal_fact_slot(SEAL, n), words), SEAL) == facts
    )
    with pytest.raises(InvalidProof, match="incomplete"):
        read_seal_facts(state("SealRegistry", lambda n: storage_layout.seal_fact_slot(SEAL, n), words[:3]), SEAL)
