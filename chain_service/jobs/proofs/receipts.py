"""Receipts that need no server: cut out of what was stored when the records were anchored, signed, refreshed.

A receipt is derived, never stored: the same each time, its time of issue that of the block which proves it, so that
nobody can put a later block's evidence in its place unseen. Once the validators have changed, what those of then sealed
says nothing of today: the record's state of now is added by itself, wherever the node can prove it.

It is signed by the newest log key that stood on chain at the anchoring block: a key added later signs later batches,
older ones stay in the keystore for the receipts of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from sqlalchemy import Connection

from chain_service.chain.reader import History
from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import Evidence, ProvenState
from chain_service.core.chainproof.evidence_cbor import BlockProof, Selector
from chain_service.core.chainproof.headers import decode_fields
from chain_service.core.chainproof.trust import ChainTrust
from chain_service.core.log import tiles as core_tiles
from chain_service.core.log.merkle import InclusionProof, leaf_hash, root_from_inclusion
from chain_service.core.receipts import receipt as receipts
from chain_service.core.receipts.receipt import Receipt, parse
from chain_service.core.records.disclosure import Disclosure
from chain_service.core.records.hashing import Entry, parse_log_id
from chain_service.core.registries.histories import place_slots, seal_slots, slots_of_record
from chain_service.errors import ChainServiceError, Conflict, Corrupt, InvalidProof, NotFound, Unavailable
from chain_service.jobs.asker import Acting
from chain_service.jobs.context import App, Progress, silent
from chain_service.jobs.integrity import disclosure_of
from chain_service.jobs.proofs.batch_evidence import Pool
from chain_service.jobs.proofs.batch_proof import MAX_SEALS
from chain_service.store import batches, records, seals, tiles
from chain_service.store.readings import NewReading
from chain_service.store.records import StoredRecord
from chain_service.store.rows import json_object

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
        (fresh,) = _refreshed(app, [made], {record_id: record})
        if isinstance(fresh, ChainServiceError):
            raise fresh
        made = fresh
    return receipts.encode(made)


def make(app: App, ids: Sequence[str], progress: Progress = silent) -> Iterator[tuple[str, bytes]]:
    """Id and receipt of every one of these records, in order, without a query or a node's answer for each.

    Raises as `receipt`.
    """
    for start in range(0, len(ids), TOGETHER):
        found = _stored(app, ids[start : start + TOGETHER])
        for done, made in enumerate(_current(app, found), start + 1):
            yield made.record_id, receipts.encode(made)
            progress("receipts", done, len(ids))


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
        good = [one for one in parsed if isinstance(one, Receipt)]
        with app.database.reading() as connection:
            known = records.get_many(connection, [one.record_id for one in good])
        newer = iter(_refreshed(app, good, known))
        for one in parsed:
            if isinstance(one, Receipt):
                fresh = next(newer)
                done.append(fresh if isinstance(fresh, ChainServiceError) else receipts.encode(fresh))
            else:
                done.append(one)
        progress("refresh", len(done), len(files))
    return done


def _stored(app: App, ids: Sequence[str]) -> list[StoredRecord]:
    with app.database.reading() as connection:
        found = records.get_many(connection, ids)
    for id in ids:
        if id not in found:
            raise NotFound("no record has this id", code="record_unknown", id=id)
    return [found[id] for id in ids]


def _current(app: App, wanted: Sequence[StoredRecord]) -> Iterator[Receipt]:
    """A receipt for each, in order, with today's state where its validators have been followed by others.

    Where the node cannot prove that state now, the receipt is handed out without it: it is as true as before.
    """
    trust = app.require_chain().reader.trust
    if len(trust.ranges) == 1:
        return _make(app, wanted)
    made = list(_make(app, wanted))
    closed = [one for one in made if _is_closed(trust, one)]
    try:
        fresh = _refreshed(app, closed, {record.id: record for record in wanted})
    except (Unavailable, InvalidProof):
        fresh = []
    newer = {one.record_id: one for one in fresh if isinstance(one, Receipt)}
    return (newer.get(one.record_id, one) for one in made)


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
        pool = Pool(app, batch)
        for record, (entry, proof) in zip(members, proofs, strict=True):
            if root_from_inclusion(leaf_hash(entry), proof) != pool.root:
                raise Corrupt("the stored log is not the one that was anchored", code="entry_altered", record=record.id)
            type_code = _type_code(record)
            yield receipts.issue(
                chain_id=chain.deployment.chain_id,
                contract=contract,
                record_id=record.id,
                issued_at=pool.state.time,
                log=pool.log,
                proof=proof,
                entry=entry,
                signer=pool.signer,
                blocks=(BlockProof(pool.evidence(proof, type_code, _seal_codes(record))),),
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


def _seal_codes(record: StoredRecord | None) -> list[str] | None:
    """The seals that the record names; None where its content is not at hand."""
    if record is None or record.body is None:
        return None
    if b'"sealCodes"' not in record.body:
        return []
    try:
        codes = json_object(record.body, "a stored record").get("sealCodes", ())
    except Corrupt:
        return []
    return [code for code in codes if isinstance(code, str)] if isinstance(codes, list) else []


def _own_receipt(app: App, data: bytes) -> Receipt | ChainServiceError:
    trust = app.require_chain().reader.trust
    try:
        found = parse(data)
    except ChainServiceError as error:
        return error
    if (found.chain_id, found.contract) != (trust.chain_id, trust.contracts[storage_layout.RECORD_LOG].address):
        return InvalidProof("the receipt is about another chain or log contract", code="foreign_receipt")
    return found


def _refreshed(
    app: App, old: Sequence[Receipt], known: Mapping[str, StoredRecord]
) -> list[Receipt | ChainServiceError]:
    """Each with its head, status word and seals' states at the newest final block, all of them read together.

    Where the first evidence is by validators of a closed range, who may not count any more, the newer one shows all
    that judging the record needs.
    """
    if not old:
        return []
    reader = app.require_chain().reader
    named = _seals_of(app, old, known)
    codes = list(dict.fromkeys(code for listed in named.values() for code in listed))[:MAX_SEALS]
    closed = {one.record_id for one in old if _is_closed(reader.trust, one)}
    histories = [
        History(storage_layout.SEAL_REGISTRY, partial(storage_layout.seal_state_slot, code), 2) for code in codes
    ]
    histories += _histories([one for one in old if one.record_id in closed], known)
    wants = [slot for one in old for slot in place_slots(one.log, one.proof)]
    if closed:
        facts = (storage_layout.SEAL_OWNER, storage_layout.SEAL_SHA256)
        wants += [
            (storage_layout.SEAL_REGISTRY, storage_layout.seal_fact_slot(code, n)) for code in codes for n in facts
        ]
    evidence, state, _ = reader.prove_histories(reader.final_head(), wants, histories)
    selector = Selector(evidence, reader.trust)
    states = {code: seal_slots(state, code, facts=False) for code in codes}
    found: list[Receipt | ChainServiceError] = []
    for one in old:
        try:
            if one.record_id in closed:
                seals_shown = [code for code in named[one.record_id] if code in states]
                type_code = _type_code(known.get(one.record_id))
                slots = slots_of_record(state, one.log, one.proof, one.key_id, type_code, seals_shown)
            else:
                slots = place_slots(one.log, one.proof)
                slots += [at for code in named[one.record_id] for at in states.get(code, ())]
            found.append(_with_newer(one, state, partial(selector.select, slots)))
        except InvalidProof as error:
            found.append(error)
    return found


def _is_closed(trust: ChainTrust, one: Receipt) -> bool:
    """Whether its first evidence is about a block whose validators have been followed by others."""
    block = one.blocks[0]
    return trust.range_at(_block_number(block), block.evidence.form) is not trust.open


def _histories(old: Sequence[Receipt], known: Mapping[str, StoredRecord]) -> list[History]:
    """The log keys and permits that judging these records needs, each once."""
    found: dict[tuple[str, str | None], History] = {}
    for one in old:
        org, _ = parse_log_id(one.log)
        found[org, None] = History(storage_layout.ORGANISATIONS, partial(storage_layout.log_key_slot, org), 1)
        type_code = _type_code(known.get(one.record_id))
        if type_code is not None:
            permits = partial(storage_layout.permit_slot, org, type_code)
            found[org, type_code] = History(storage_layout.ORGANISATIONS, permits, 1)
    return list(found.values())


def _type_code(record: StoredRecord | None) -> str | None:
    """The type whose permits count for a record; None for a document, and for a record that is not known here."""
    return record.type_code if record is not None and record.kind == "certificate" else None


def _seals_of(app: App, old: Sequence[Receipt], known: Mapping[str, StoredRecord]) -> dict[str, list[str]]:
    """The seals each record names; where its content is not at hand those of ours that its receipt shows."""
    named = {one.record_id: _seal_codes(known.get(one.record_id)) for one in old}
    ours: dict[bytes, str] = {}
    if None in named.values():
        with app.database.reading() as connection:
            ours = {storage_layout.seal_state_slot(seal.code, 0): seal.code for seal in seals.of_owner(connection)}
    found = {}
    for one in old:
        codes = named[one.record_id]
        if codes is None:
            codes = [ours[at] for _, slots in one.blocks[0].evidence.accounts for at in slots if at in ours]
        found[one.record_id] = codes
    return found


def _with_newer(old: Receipt, state: ProvenState, cut: Callable[[], Evidence]) -> Receipt:
    if state.block <= _block_number(old.blocks[0]):
        return old  # also from nodes that are behind, which may not know the head yet
    head = storage_layout.head_slot(old.log, old.proof.size)
    if state.word(storage_layout.RECORD_LOG, head) == 0:
        raise InvalidProof("the chain holds no head of this receipt's size", code="head_not_on_chain")
    return receipts.refreshed(old, cut())


def _block_number(block: BlockProof) -> int:
    return int.from_bytes(decode_fields(block.evidence.headers[0])[8], "big")
