"""The evidence of a batch: everything on chain that the receipts of its records are cut out of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from chain_service.chain.reader import HistoryRequest
from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.consensus import provable_from
from chain_service.core.chainproof.evidence import MAX_SLOTS
from chain_service.core.chainproof.storage_layout import (
    ORGANISATIONS,
    RECORD_LOG,
    RECORD_STATUS,
    SEAL_REGISTRY,
)
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.errors import Corrupt, Unavailable
from chain_service.jobs.context import App
from chain_service.store import records
from chain_service.store.batches import Batch
from chain_service.store.registries import organisations, seals
from chain_service.store.rows import json_object

MAX_SEALS = 256
MAX_TYPES = 512
"""Seals and certificate types whose histories one batch's evidence covers."""


@dataclass(frozen=True)
class HeadProof:
    """A batch's evidence, and the root that it shows in the batch's place."""

    batch: Batch
    evidence: bytes
    block: int
    root: bytes


def prove_batch(app: App, batch: Batch, block: int, block_hash: bytes) -> HeadProof:
    """The batch's evidence, read and checked at this block if the node still can, else at the newest final one.

    Where the validators change within the headers that would prove the block, a block soon after it is proven instead.
    It covers the head, the status words of the batch's own indexes, the organisation's standing, its log keys, its
    permits for the batch's types, facts and states of the batch's seals: every receipt is cut out of it. Raises
    `Unavailable`, `InvalidProof`.
    """
    reader = app.require_chain().reader
    log = log_id(OrgCode(batch.org), batch.generation)
    slot = storage_layout.head_slot(log, batch.new_size)
    words = range(batch.old_size >> 6, (batch.new_size - 1 >> 6) + 1)
    wants = [(RECORD_LOG, slot), (ORGANISATIONS, storage_layout.standing_slot(batch.org))]
    wants += [(RECORD_STATUS, storage_layout.status_slot(log, word << 6)[0]) for word in words]
    histories = _histories(app, batch, MAX_SLOTS - len(wants))
    provable = provable_from(reader.trust, block)
    expected = block_hash if provable == block else None
    try:
        evidence, state, _ = reader.prove_histories(provable, wants, histories, expected)
    except Unavailable:
        # a node that prunes old states still proves the head from a newer block: heads are never overwritten
        evidence, state, _ = reader.prove_histories(reader.final_head(), wants, histories)
        if state.block < block:
            # nodes that are behind know nothing of the head yet: no reason to take it for another one
            raise
    root = state.word(RECORD_LOG, slot).to_bytes(32, "big")
    return HeadProof(batch, evidence.to_bytes(), state.block, root)


def _histories(app: App, batch: Batch, most: int) -> list[HistoryRequest]:
    """Everything that judging any record of the batch may need, each history with its first absent entry.

    Types and seals beyond the bounds, and seals that do not fit into `most` slots with room to grow, are left out:
    whoever may submit records must not make a proof too large to fetch.
    """
    org = batch.org
    with app.database.reading() as connection:
        types = records.types_of_batch(connection, batch.id)[:MAX_TYPES]
        codes = _seal_codes(records.bodies_of_batch(connection, batch.id))
        known = {code: len(organisations.permits(connection, org, storage_layout.code_key(code))) for code in types}
        keys = len(organisations.log_keys(connection, org))
        certificates = {code: _certificates(seal.body) for code, seal in seals.get_many(connection, codes).items()}
        changes = {code: 1 + len(seals.changes(connection, code)) for code in codes}
    found = [HistoryRequest(ORGANISATIONS, partial(storage_layout.log_key_slot, org), keys)]
    found += [
        HistoryRequest(ORGANISATIONS, partial(storage_layout.permit_slot, org, code), n) for code, n in known.items()
    ]
    room = most // 2 - sum(history.known + 1 for history in found)
    for code in codes:
        facts = storage_layout.SEAL_FIRST_CERTIFICATE + certificates.get(code, 1)
        room -= facts + changes[code] + 2
        if room < 0:
            break
        found.append(HistoryRequest(SEAL_REGISTRY, partial(storage_layout.seal_fact_slot, code), facts))
        found.append(HistoryRequest(SEAL_REGISTRY, partial(storage_layout.seal_state_slot, code), changes[code]))
    return found


def _certificates(seal: bytes) -> int:
    """How many signers a stored seal names; one that was altered into something else, one."""
    try:
        return len(json_object(seal, "a stored seal").get("signerCertificates", ()))
    except (Corrupt, TypeError):
        return 1


def _seal_codes(bodies: Iterable[bytes]) -> list[str]:
    """The seals that the bodies name, at most MAX_SEALS; a body that was altered into something else names none."""
    codes: set[str] = set()
    for body in bodies:
        if b'"sealCodes"' not in body:
            continue
        try:
            named = json_object(body, "a stored record").get("sealCodes", ())
        except Corrupt:
            continue
        if len(codes) < MAX_SEALS and isinstance(named, list):
            codes.update(code for code in named if isinstance(code, str))
    return sorted(codes)[:MAX_SEALS]
