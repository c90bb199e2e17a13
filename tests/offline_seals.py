"""Records that name seals, and odd ones: their receipts carry every fact and state of each seal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial

import clique_simulator
import judged_records
from judged_records import certificate
from offline_questions import Question, ask
from receipt_world import BLOCK, Issued

from chain_service.core import layout
from chain_service.core.digests import keccak256
from chain_service.core.disclosures import reveal
from chain_service.core.evidence import Slot
from chain_service.core.evidence_cbor import BlockProof
from chain_service.core.layout import SealState
from chain_service.core.receipts import Receipt

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
SEALS = {"A-1": 5, "B!2": 0}
"""How many facts the registry holds of each."""


def sealed_records() -> Iterator[Question]:
    """Two seals, of which one is registered; then each slot of theirs left out."""
    issued = Issued(content=judged_records.World().holding(ODD))
    content = issued.content.disclosure
    shown = reveal(content.record, content.salt, ["extension.é", "extension.a", "holders.1.certificateHolderTypeName"])
    yield ask("an odd record", issued, _receipt(issued, _slots(issued)))
    yield ask(
        "an odd record in part",
        issued,
        _receipt(issued, _slots(issued)),
        disclosure=json.dumps(shown.to_json(), ensure_ascii=False).encode(),
    )
    slots = _slots(issued)
    for place, (contract, _) in enumerate(slots):
        fewer = [*slots[:place], *slots[place + 1 :]]
        yield ask(f"an odd record without slot {place}, of {contract}", issued, _receipt(issued, fewer))


def _slots(issued: Issued) -> list[Slot]:
    claim, content = issued.content.claim(), issued.content.disclosure
    slots = [
        (layout.RECORD_LOG, layout.head_slot(claim.log, claim.proof.size)),
        (layout.RECORD_STATUS, layout.status_slot(claim.log, claim.proof.index)[0]),
        (layout.ORGANISATIONS, layout.standing_slot(content.org)),
        *((layout.ORGANISATIONS, layout.log_key_slot(content.org, n)) for n in range(2)),
        *((layout.ORGANISATIONS, layout.permit_slot(content.org, content.type_code, n)) for n in range(2)),
    ]
    for code, facts in SEALS.items():
        slots += [(layout.SEAL_REGISTRY, layout.seal_fact_slot(code, n)) for n in range(facts + 1)]
        slots += [(layout.SEAL_REGISTRY, layout.seal_state_slot(code, n)) for n in range(2 if facts else 1)]
    return slots


def _receipt(issued: Issued, slots: Sequence[Slot]) -> Receipt:
    storage = issued.world().storage
    registry = storage[layout.SEAL_REGISTRY]
    for code, facts in SEALS.items():
        fact = partial(layout.seal_fact_slot, code)
        registry |= {fact(n): int.from_bytes(keccak256(bytes([n])), "big") for n in range(facts)}
        if facts:
            registry[layout.seal_state_slot(code, 0)] = SealState(layout.SEAL_IN_FORCE, 1_700_000_000).to_word()
    wanted: dict[str, list[bytes]] = {}
    for contract, slot in slots:
        wanted.setdefault(contract, []).append(slot)
    evidence = clique_simulator.World(storage).evidence(wanted, issued.sealers, BLOCK)
    return issued.receipt(blocks=(BlockProof(evidence),))
