"""Histories that the contracts keep position by position: all of them read from one proven state.

Positions run from 0 without gap, so the first one proven empty shows that the list before it is whole.
"""

from __future__ import annotations

from collections.abc import Callable

from chain_service.core import layout
from chain_service.core.evidence import ProvenState
from chain_service.core.layout import SealState
from chain_service.errors import InvalidProof


def read_history(state: ProvenState, contract: str, slot_of: Callable[[int], bytes]) -> list[int]:
    """Every word of a history, oldest first; `slot_of(n)` is the slot of position n.

    Raises InvalidProof unless the state covers each position and the first empty one after them.
    """
    words: list[int] = []
    while word := state.word(contract, slot_of(len(words))):
        words.append(word)
    return words


def read_log_keys(state: ProvenState, organisation: str) -> list[bytes]:
    """The organisation's Ed25519 log keys, oldest first. Raises InvalidProof."""
    words = read_history(state, layout.ORGANISATIONS, lambda n: layout.log_key_slot(organisation, n))
    return [word.to_bytes(32, "big") for word in words]


def read_seal_states(state: ProvenState, code: str) -> list[SealState]:
    """The states of a seal, oldest first; empty for a seal that is not registered. Raises InvalidProof."""
    words = read_history(state, layout.SEAL_REGISTRY, lambda n: layout.seal_state_slot(code, n))
    return [SealState.from_word(word) for word in words]


def read_seal_facts(state: ProvenState, code: str) -> list[bytes]:
    """The facts of a seal by n (`layout.SEAL_OWNER` …); empty if it is not registered. Raises InvalidProof."""
    words = read_history(state, layout.SEAL_REGISTRY, lambda n: layout.seal_fact_slot(code, n))
    if words and len(words) < layout.SEAL_FIRST_CERTIFICATE:
        raise InvalidProof("a seal's facts are incomplete", seal=code)
    return [word.to_bytes(32, "big") for word in words]
