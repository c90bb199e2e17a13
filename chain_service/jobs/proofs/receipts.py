"""Receipts that need no server: cut out of what was stored when the records were anchored, signed, refreshed.

A receipt is derived, never stored: the same each time, its time of issue that of the block which proves it, so that
nobody can put a later block's evidence in its place unseen. Once the validators have changed, what those of then sealed
says nothing of today: the record's state of now is added by itself, wherever the node can prove it.

It is signed by the newest log key that stood on chain at the anchoring block: a key added later signs later batches,
older ones stay in the keystore for the receipts of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence_cbor import BlockProof
from chain_service.core.log import tiles as core_tiles
from chain_service.core.log.merkle import InclusionProof, leaf_hash, root_from_inclusion
from chain_service.core.receipts import receipt as receipts
from chain_service.core.receipts.receipt import Receipt, parse
from chain_service.core.records.disclosure import Disclosure
from chain_service.core.records.hashing import Entry
from chain_service.errors import ChainServiceError, Conflict, Corrupt, InvalidProof, NotFound, Unavailable
from chain_service.jobs.asker import Acting
from chain_service.jobs.context import App, Progress, silent
from chain_service.jobs.integrity import disclosure_of
from chain_service.jobs.proofs.batch_evidence import BatchEvidence
from chain_service.jobs.proofs.newer_evidence import (
    is_closed,
    lacks_a_seal,
    seal_codes,
    type_code_of,
    with_newer_evidence,
)
from chain_service.store import batches, records, tiles
from chain_service.store.readings import NewReading
from chain_service.store.records import StoredRecord

TOGETHER = 1000
"""Records that share queries, and receipts that share a read of the chain."""


@dataclass(frozen=True)
class HandedOut:
    """What the holder of one record gets; after an erasure there is no disclosure."""

    id: str
    receipt: bytes
    disclosure: Disclosure | None


def receipt(app: App, record_id: str, *, refreshed: bool = False) -> bytes:
    """The record's receipt, with its state at the newest final block if `refreshed`. It outlives erasure.

    Raises `NotFound` (code `record_unknown`), `Conflict` (codes `not_anchored`, `no_log_key`), `Corrupt` where what is
    stored contradicts the chain, `Unavailable`.
    """
    with app.database.reading() as connection:
        record = records.get(connection, record_id)
    (made,) = _current(app, [record])
    if refreshed:
        (fresh,) = with_newer_evidence(app, [made], {record_id: record})
        if isinstance(fresh, ChainServiceError):
            raise fresh
        made = fresh
    return receipts.encode(made)


def hand_out(app: App, asker: Acting, ids: Sequence[str], progress: Progress = silent) -> Iterator[HandedOut]:
    """Receipt and disclosure of the asker's own records, in order; the readings are logged. Raises as `receipt`."""
    for start in range(0, len(ids), TOGETHER):
        found = _stored(app, ids[start : start + TOGETHER])
        for record in found:
            asker.need_org(record.org)
        now = app.clock()
        app.readings.write(
            [
                NewReading(now, asker.key_id, asker.org, record.id, action="disclosure", cause="handed out")
                for record in found
                if record.body is not None
            ]
        )
        for done, (record, made) in enumerate(zip(found, _current(app, found), strict=True), start + 1):
            content = disclosure_of(record) if record.erased_at is None else None
            yield HandedOut(record.id, receipts.encode(made), content)
            progress("write", done, len(ids))


def refresh(app: App, files: Sequence[bytes], progress: Progress = silent) -> list[bytes | ChainServiceError]:
    """The same receipts with the newest final block's evidence, or why one could not be refreshed, in order.

    One with nothing newer to show stays as it is. Raises `Unavailable`.
    """
    done: list[bytes | ChainServiceError] = []
    for start in range(0, len(files), TOGETHER):
        parsed = [_own_receipt(app, data) for data in files[start : start + TOGETHER]]
        good = [receipt for receipt in parsed if isinstance(receipt, Receipt)]
        with app.database.reading() as connection:
            known = records.get_many(connection, [receipt.record_id for receipt in good])
        newer = iter(with_newer_evidence(app, good, known))
        for receipt in parsed:
            if isinstance(receipt, Receipt):
                fresh = next(newer)
                done.append(fresh if isinstance(fresh, ChainServiceError) else _encoded(fresh))
            else:
                done.append(receipt)
        progress("refresh", len(done), len(files))
    return done


def _encoded(made: Receipt) -> bytes | ChainServiceError:
    try:
        return receipts.encode(made)
    except InvalidProof as error:
        return error


def _stored(app: App, ids: Sequence[str]) -> list[StoredRecord]:
    with app.database.reading() as connection:
        found = records.get_many(connection, ids)
    for id in ids:
        if id not in found:
            raise NotFound("no record has this id", code="record_unknown", id=id)
    return [found[id] for id in ids]


def _current(app: App, wanted: Sequence[StoredRecord]) -> Iterator[Receipt]:
    """A receipt for each, in order, with today's state where the first evidence alone does not do: its validators have
    been followed by others, or its batch had more seals than one proof holds.

    Where the node cannot prove that state now, the receipt is handed out without it: it is as true as before.
    """
    trust = app.require_chain().reader.trust
    if len(trust.ranges) == 1 and not any(seal_codes(record) for record in wanted):
        return _make(app, wanted)
    made = list(_make(app, wanted))
    known = {record.id: record for record in wanted}
    wanting = [
        receipt
        for receipt in made
        if is_closed(trust, receipt) or lacks_a_seal(trust, receipt, known[receipt.record_id])
    ]
    try:
        fresh = with_newer_evidence(app, wanting, known)
    except (Unavailable, InvalidProof):
        fresh = []
    newer = {receipt.record_id: receipt for receipt in fresh if isinstance(receipt, Receipt)}
    return (newer.get(receipt.record_id, receipt) for receipt in made)


def _make(app: App, wanted: Sequence[StoredRecord]) -> Iterator[Receipt]:
    """A receipt for each, in order; neighbours of one batch share its pool."""
    for record in wanted:
        if record.state != "anchored":
            raise Conflict(
                "the record is not anchored yet; try again in a few seconds", code="not_anchored", id=record.id
            )
    chain = app.require_chain()
    contract = chain.reader.trust.contracts[storage_layout.RECORD_LOG].address
    for batch_id, group in groupby(wanted, key=lambda record: record.batch_id):
        assert batch_id is not None
        members = list(group)
        with app.database.reading() as connection:
            batch = batches.get(connection, batch_id)
            proofs = _inclusion(connection, members)
        pool = BatchEvidence(app, batch)
        for record, (entry, proof) in zip(members, proofs, strict=True):
            if root_from_inclusion(leaf_hash(entry), proof) != pool.root:
                raise Corrupt("the stored log is not the one that was anchored", code="entry_altered", record=record.id)
            type_code = type_code_of(record)
            yield receipts.issue(
                chain_id=chain.deployment.chain_id,
                contract=contract,
                record_id=record.id,
                issued_at=pool.state.time,
                log=pool.log,
                proof=proof,
                entry=entry,
                signer=pool.signer,
                blocks=(BlockProof(pool.evidence(proof, type_code, seal_codes(record))),),
            )


def _inclusion(connection: Connection, members: Sequence[StoredRecord]) -> list[tuple[Entry, InclusionProof]]:
    """Entry and proof of records of one batch."""
    first = members[0]
    assert first.generation is not None and first.size is not None
    reader = tiles.TileReader(connection, first.org, first.generation)
    indexes = [record.leaf_index or 0 for record in members]
    places = set[tuple[int, int]]()
    for tile in {index // tiles.WIDTH for index in indexes}:
        places |= {(tiles.ENTRIES, tile), *core_tiles.tiles_on_path(tile * tiles.WIDTH, first.size)}
    reader.fetch(places)
    paths = core_tiles.inclusion_paths(indexes, first.size, reader)
    found = []
    for index, path in zip(indexes, paths, strict=True):
        entry = reader.entry(index)
        if entry is None:
            raise Corrupt("the stored log lacks an entry that was anchored", code="entry_missing", index=index)
        found.append((Entry(entry), InclusionProof(index, first.size, path)))
    return found


def _own_receipt(app: App, data: bytes) -> Receipt | ChainServiceError:
    trust = app.require_chain().reader.trust
    try:
        found = parse(data)
    except ChainServiceError as error:
        return error
    if (found.chain_id, found.contract) != (trust.chain_id, trust.contracts[storage_layout.RECORD_LOG].address):
        return InvalidProof("the receipt is about another chain or log contract", code="foreign_receipt")
    return found
