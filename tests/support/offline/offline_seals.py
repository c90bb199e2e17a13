"""Records that name seals, and odd ones: their receipts carry owner, digest and every state of each seal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import Evidence, Slot
from chain_service.core.chainproof.evidence_cbor import BlockProof
from chain_service.core.chainproof.storage_layout import SealState
from chain_service.core.encoding.digests import keccak256
from chain_service.core.receipts import receipt
from chain_service.core.receipts.receipt import Receipt
from chain_service.core.records.disclosure import reveal
from chain_service.core.registries.histories import place_slots
from support.chains import clique_simulator
from support.offline.offline_questions import Question, ask
from support.worlds import judged_records
from support.worlds.judged_records import certificate
from support.worlds.receipt_world import BLOCK, TIME, Issued

ODD = certificate(
    certificateName='𠮷野家\u2028 ~é"\\',
    extension={
        "é": [1, 0, False, {"b": "", "a": -5}],
        "a": {"ｚ": "\u0001\t", "Z": 2**53 - 1},
        "10": 1,
        "9": 2,
    },
    holders=[*certificate()["holders"], {**certificate()["holders"][0], "certificateHolderTypeName": "𠮷"}],
    sealCodes=["A-1", "B!2"],
    replaces=judged_records.RECORD_ID,
)
REGISTERED, UNKNOWN = "A-1", "B!2"
"""The seals that the record names; the registry knows the first one alone."""
CERTIFICATES = 1


SEALED = Issued(content=judged_records.World().holding(ODD))


def sealed_receipt() -> Receipt:
    """The receipt of SEALED: a record that names both seals."""
    return SEALED.receipt(blocks=(BlockProof(_evidence(SEALED, _needed(SEALED))),))


def _needed(issued: Issued) -> list[Slot]:
    return _place(issued) + _keys_and_permits(issued) + _facts(2) + _states(1)


def sealed_records() -> Iterator[Question]:
    """What a seal needs, each slot of it left out in turn; a seal frozen since; more than is needed."""
    issued, whole = SEALED, sealed_receipt()
    content = issued.content.disclosure
    shown = reveal(content.record, content.salt, ["extension.é", "extension.a", "holders.1.certificateHolderTypeName"])
    needed = _needed(issued)
    yield ask("an odd record", issued, whole)
    yield ask(
        "an odd record in part",
        issued,
        whole,
        disclosure=json.dumps(shown.to_json(), ensure_ascii=False).encode(),
    )
    for place, (contract, _) in enumerate(needed):
        fewer = _evidence(issued, [*needed[:place], *needed[place + 1 :]])
        yield ask(
            f"a sealed record without slot {place}, of {contract}", issued, replace(whole, blocks=(BlockProof(fewer),))
        )
    more = [
        *needed,
        *_facts(4 + CERTIFICATES + 1)[2:],
        (storage_layout.ORGANISATIONS, storage_layout.standing_slot(content.org)),
    ]
    more.append((storage_layout.ORGANISATIONS, storage_layout.log_key_slot(content.org, 1)))
    yield ask("a seal with all its facts", issued, replace(whole, blocks=(BlockProof(_evidence(issued, more)),)))
    yield from _refreshed(issued, whole)


MANY = 32
"""As many seals as a record may name."""


def large_records() -> Iterator[Question]:
    """A hundred permits of one type, and as many registered seals as a record may name, in a registry of thousands."""
    permits = tuple(replace(judged_records.World().permits[0], recorded_at=1_700_000_000 + n) for n in range(100))
    yield ask(
        "a hundred permits of the type",
        (often := Issued(content=judged_records.World(permits=permits))),
        often.receipt(),
    )
    codes = [f"{n:014}" for n in range(MANY)]
    issued = Issued(content=judged_records.World().holding(certificate(sealCodes=codes)))
    seals = [(storage_layout.SEAL_REGISTRY, slot) for code in codes for slot in _slots_of(code)]
    needed = _place(issued) + _keys_and_permits(issued) + seals
    evidence = _large_evidence(issued, codes, needed)
    assert len(evidence.nodes) > 250
    yield ask("all the seals a record may name", issued, issued.receipt(blocks=(BlockProof(evidence),)))


def _slots_of(code: str) -> list[bytes]:
    facts = [storage_layout.seal_fact_slot(code, n) for n in range(2)]
    return facts + [storage_layout.seal_state_slot(code, n) for n in range(2)]


def _large_evidence(issued: Issued, codes: Sequence[str], slots: Sequence[Slot]) -> Evidence:
    storage = issued.world().storage
    registry = storage[storage_layout.SEAL_REGISTRY]
    registry.update({keccak256(f"another word {n}".encode()): n + 1 for n in range(3000)})
    for code in codes:
        *facts, state, _ = _slots_of(code)
        registry.update({slot: int.from_bytes(keccak256(slot), "big") for slot in facts})
        registry[state] = SealState(storage_layout.SEAL_IN_FORCE, 1_700_000_000).to_word()
    return clique_simulator.World(storage).evidence(_by_contract(slots), issued.sealers, BLOCK)


def _by_contract(slots: Sequence[Slot]) -> dict[str, list[bytes]]:
    wanted: dict[str, list[bytes]] = {}
    for contract, slot in slots:
        wanted.setdefault(contract, []).append(slot)
    return wanted


def _refreshed(issued: Issued, whole: Receipt) -> Iterator[Question]:
    """With states as of a later block, one of them left out in turn."""
    states = [storage_layout.SEAL_IN_FORCE, storage_layout.SEAL_FROZEN]
    slots = _place(issued) + _states(len(states))
    for place in (None, *range(len(slots))):
        shown = [slot for at, slot in enumerate(slots) if at != place]
        fresh = receipt.refreshed(whole, _evidence(issued, shown, BLOCK + 100, states))
        without = "" if place is None else f" without slot {place}, of {slots[place][0]}"
        yield ask(f"a sealed record refreshed{without}", issued, fresh, now=TIME + 200)


def _place(issued: Issued) -> list[Slot]:
    claim = issued.content.claim()
    return place_slots(claim.log, claim.proof)


def _keys_and_permits(issued: Issued) -> list[Slot]:
    content = issued.content.disclosure
    permits = [storage_layout.permit_slot(content.org, content.type_code, n) for n in range(2)]
    return [(storage_layout.ORGANISATIONS, slot) for slot in (storage_layout.log_key_slot(content.org, 0), *permits)]


def _facts(count: int) -> list[Slot]:
    return [(storage_layout.SEAL_REGISTRY, storage_layout.seal_fact_slot(REGISTERED, n)) for n in range(count)]


def _states(count: int) -> list[Slot]:
    """Of the registered seal so many and the first empty one, of the other one that it has none."""
    slots = [storage_layout.seal_state_slot(REGISTERED, n) for n in range(count + 1)] + [
        storage_layout.seal_state_slot(UNKNOWN, 0)
    ]
    return [(storage_layout.SEAL_REGISTRY, slot) for slot in slots]


def _evidence(
    issued: Issued, slots: Sequence[Slot], block: int = BLOCK, states: Sequence[int] = (storage_layout.SEAL_IN_FORCE,)
) -> Evidence:
    storage = issued.world().storage
    registry = storage[storage_layout.SEAL_REGISTRY]
    for n in range(4 + CERTIFICATES):
        registry[storage_layout.seal_fact_slot(REGISTERED, n)] = int.from_bytes(keccak256(bytes([n])), "big")
    for n, state in enumerate(states):
        registry[storage_layout.seal_state_slot(REGISTERED, n)] = SealState(state, 1_700_000_000 + n).to_word()
    return clique_simulator.World(storage).evidence(_by_contract(slots), issued.sealers, block)
