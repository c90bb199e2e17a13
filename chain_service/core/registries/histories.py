"""Histories that the contracts keep position by position: all of them read from one proven state.

Positions run from 0 without gap, so the first one proven empty shows that the list before it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState, Slot
from chain_service.core.chainproof.storage_layout import SealState
from chain_service.core.encoding import cose
from chain_service.core.log.merkle import InclusionProof
from chain_service.core.records.hashing import LogId, parse_log_id
from chain_service.core.records.states import State
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
    words = read_history(state, storage_layout.ORGANISATIONS, lambda n: storage_layout.log_key_slot(organisation, n))
    return [word.to_bytes(32, "big") for word in words]


def read_seal_states(state: ProvenState, code: str) -> list[SealState]:
    """The states of a seal, oldest first; empty for a seal that is not registered. Raises InvalidProof."""
    words = read_history(state, storage_layout.SEAL_REGISTRY, lambda n: storage_layout.seal_state_slot(code, n))
    return [SealState.from_word(word) for word in words]


def read_seal_facts(state: ProvenState, code: str) -> list[bytes]:
    """The facts of a seal by n (`layout.SEAL_OWNER` …); empty if it is not registered. Raises InvalidProof."""
    words = read_history(state, storage_layout.SEAL_REGISTRY, lambda n: storage_layout.seal_fact_slot(code, n))
    if words and len(words) < storage_layout.SEAL_FIRST_CERTIFICATE:
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


def log_key_slots(state: ProvenState, organisation: str, key_id: bytes) -> list[Slot]:
    """The slots of the organisation's log keys up to the one with this id; all of them and the first empty one if none
    has it. Keys are only ever added, so what follows the one that signed says nothing about it.

    Raises InvalidProof unless the state covers them.
    """
    slots: list[Slot] = []
    while True:
        slots.append((storage_layout.ORGANISATIONS, storage_layout.log_key_slot(organisation, len(slots))))
        word = state.word(*slots[-1])
        if not word or cose.key_id(word.to_bytes(32, "big")) == key_id:
            return slots


def find_log_key(state: ProvenState, organisation: str, key_id: bytes) -> tuple[int, bytes] | None:
    """Place and public key of the organisation's first log key with this id; None if it provably has none.

    Raises InvalidProof if the state does not tell.
    """
    slots = log_key_slots(state, organisation, key_id)
    word = state.word(*slots[-1])
    return (len(slots) - 1, word.to_bytes(32, "big")) if word else None


def seal_slots(state: ProvenState, code: str, *, facts: bool = True) -> list[Slot]:
    """What a seal offline needs: all its states, and its owner and SHA-256 if it is registered.

    The other facts follow from the digest: it pins the seal's bytes, and in these stand its period, type and signers'
    certificates (GB/T 38540, SESeal). Facts never change: a later block's evidence has the states alone (`facts`
    False). Raises InvalidProof.
    """
    states = history_slots(state, storage_layout.SEAL_REGISTRY, partial(storage_layout.seal_state_slot, code))
    if not facts or len(states) == 1:
        return states
    return states + [
        (storage_layout.SEAL_REGISTRY, storage_layout.seal_fact_slot(code, n))
        for n in (storage_layout.SEAL_OWNER, storage_layout.SEAL_SHA256)
    ]


def place_slots(log: LogId, proof: InclusionProof) -> list[Slot]:
    """The slots of a record's head and status word."""
    return [
        (storage_layout.RECORD_LOG, storage_layout.head_slot(log, proof.size)),
        (storage_layout.RECORD_STATUS, storage_layout.status_slot(log, proof.index)[0]),
    ]


def slots_of_record(
    state: ProvenState,
    log: LogId,
    proof: InclusionProof,
    key_id: bytes,
    type_code: str | None,
    seal_codes: Sequence[str] = (),
) -> list[Slot]:
    """Every slot that judging a record needs, and no other: what the first evidence of its receipt covers.

    Head, status word and the log keys up to the signer's (`key_id`); for a certificate (`type_code`) its permits; for
    each seal what `seal_slots` says. The organisation's standing is left out: only a registered one has keys, and the
    contract took the head from nobody that was suspended. Raises InvalidProof if `state` does not cover them.
    """
    org, _ = parse_log_id(log)
    slots = [*place_slots(log, proof), *log_key_slots(state, org, key_id)]
    if type_code is not None:
        slots += history_slots(state, storage_layout.ORGANISATIONS, partial(storage_layout.permit_slot, org, type_code))
    for code in seal_codes:
        slots += seal_slots(state, code)
    if any(slot not in state.words for slot in slots):
        raise InvalidProof("the evidence does not cover a slot that judging the record needs")
    return slots


def require_end_kept(older: ProvenState, newer: ProvenState, log: LogId, proof: InclusionProof) -> None:
    """A record that has ended in the older state has ended the same way in the newer one, where both tell.

    Raises InvalidProof: no contract lets a state follow a final one, so the two are of different histories.
    """
    slot, shift = storage_layout.status_slot(log, proof.index)
    words = [state.words.get((storage_layout.RECORD_STATUS, slot)) for state in (older, newer)]
    before, after = [None if word is None else storage_layout.status_in(word, shift) for word in words]
    if before in _FINAL and after not in (None, before):
        raise InvalidProof("a newer block takes back the end of a record", block=newer.block)


_FINAL = frozenset(int(state) for state in State if state.is_final)
