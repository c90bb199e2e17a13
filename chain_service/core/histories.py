"""Histories that the contracts keep position by position: all of them read from one proven state.

Positions run from 0 without gap, so the first one proven empty shows that the list before it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from chain_service.core import layout
from chain_service.core.entries import LogId, parse_log_id
from chain_service.core.evidence import ProvenState, Slot
from chain_service.core.layout import SealState
from chain_service.core.log import InclusionProof
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


def history_slots(state: ProvenState, contract: str, slot_of: Callable[[int], bytes]) -> list[Slot]:
    """The slots of a whole history, the first empty position included. Raises InvalidProof as `read_history`."""
    slots: list[Slot] = []
    more = True
    while more:
        slots.append((contract, slot_of(len(slots))))
        more = state.word(*slots[-1]) != 0
    return slots


def slots_of_record(
    state: ProvenState, log: LogId, proof: InclusionProof, type_code: str | None, seal_codes: Sequence[str] = ()
) -> list[Slot]:
    """Every slot that judging a record needs: what the first evidence of its receipt covers.

    Head, status word, the organisation's standing and log keys; for a certificate (`type_code`) its permits; for each
    seal its facts and states. Histories are as long as `state` says. Raises InvalidProof if it does not cover one.
    """
    org, _ = parse_log_id(log)
    slots = [
        (layout.RECORD_LOG, layout.head_slot(log, proof.size)),
        (layout.RECORD_STATUS, layout.status_slot(log, proof.index)[0]),
        (layout.ORGANISATIONS, layout.standing_slot(org)),
    ]
    for contract, slot in slots:
        state.word(contract, slot)
    slots += history_slots(state, layout.ORGANISATIONS, partial(layout.log_key_slot, org))
    if type_code is not None:
        slots += history_slots(state, layout.ORGANISATIONS, partial(layout.permit_slot, org, type_code))
    for code in seal_codes:
        slots += history_slots(state, layout.SEAL_REGISTRY, partial(layout.seal_fact_slot, code))
        slots += history_slots(state, layout.SEAL_REGISTRY, partial(layout.seal_state_slot, code))
    return slots
