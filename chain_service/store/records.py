"""Records: acceptance, look-up, taking and placing them in a log, failure, erasure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Literal

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Connection,
    Select,
    and_,
    bindparam,
    cast,
    delete,
    func,
    or_,
    select,
    update,
)

from chain_service.errors import Conflict, NotFound
from chain_service.store.auditing import journal
from chain_service.store.rows import add_rows, all_as, chunks, one_or_none, row_count
from chain_service.store.schema import approvals, batches, erased_files, record_files, records, status_changes

RecordState = Literal["pending", "batched", "anchored", "failed"]
ERASED_UNBATCHED = "erased"


@dataclass(frozen=True, slots=True)
class ErasedFile:
    """A keyed digest of the `n`th file of an erased record, and where that record stands."""

    record_id: str
    n: int
    algorithm: str
    kept_digest: bytes
    org: str
    generation: int
    leaf_index: int


@dataclass(frozen=True, slots=True)
class NewRecord:
    """One accepted record. `body` is its canonical form (JCS), `salt` and `body_digest` 32 bytes each.

    `identity` is what makes it the same certificate or document within the organisation, free of NUL characters;
    `issued` is YYYY-MM-DD; `replaces` a record id; `files` (algorithm, digest) pairs; `created_at` unix seconds.
    """

    id: str
    org: str
    kind: str
    type_code: str
    identity: str
    number: str | None
    body: bytes
    salt: bytes
    body_digest: bytes
    issued: str | None
    replaces: str | None
    key_id: str | None
    created_at: float
    files: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class StoredRecord:
    """A record as it stands, with its batch's head and finality. What erasure destroys is None afterwards."""

    seq: int
    id: str
    org: str
    kind: str
    type_code: str
    identity: str | None
    number: str | None
    body: bytes | None
    salt: bytes | None
    body_digest: bytes | None
    issued: str | None
    replaces: str | None
    key_id: str | None
    created_at: float
    batch_id: str | None
    generation: int | None
    leaf_index: int | None
    failure: str | None
    erased_at: float | None
    erased_reason: str | None
    size: int | None
    root: bytes | None
    final_block: int | None
    final_hash: bytes | None
    final_time: int | None
    final_tx: bytes | None

    @property
    def state(self) -> RecordState:
        """What a caller sees: anchored only while a final block holds its head."""
        if self.failure is not None:
            return "failed"
        if self.batch_id is None:
            return "pending"
        return "batched" if self.final_block is None else "anchored"


@dataclass(frozen=True)
class KnownSubmission:
    """What a repeated submission is compared with."""

    id: str
    identity: str
    body: bytes
    state: RecordState


@dataclass(frozen=True)
class PendingRecord:
    """A record that waits for a batch."""

    seq: int
    id: str
    body_digest: bytes


@dataclass(frozen=True)
class PendingTotal:
    """How much one organisation has pending, and since when (unix seconds)."""

    org: str
    count: int
    oldest: float


@dataclass(frozen=True)
class RecordFilters:
    """What a page is narrowed to; `issued_from` and `issued_to` are days, both included.

    `q` finds numbers and identities that begin with it, and the record of that very id.
    """

    state: RecordState | None = None
    type_code: str | None = None
    issued_from: str | None = None
    issued_to: str | None = None
    q: str | None = None


def insert_many(connection: Connection, new: Sequence[NewRecord]) -> None:
    """All are durable once the transaction commits, in this order.

    Raises Conflict (`constraint`) at the transaction's door where an identity is taken by then.
    """
    if not new:
        return
    columns = [field.name for field in fields(NewRecord) if field.name != "files"]
    add_rows(connection, records, columns, map(attrgetter(*columns), new))
    files = ((record.id, algorithm, digest) for record in new for algorithm, digest in dict.fromkeys(record.files))
    add_rows(connection, record_files, ("record_id", "algorithm", "digest"), files)


def existing(connection: Connection, org: str, identities: Sequence[str]) -> dict[str, KnownSubmission]:
    """The organisation's records under these identities, by identity; failed and erased ones leave theirs free."""
    by_identity_key: dict[str, KnownSubmission] = {}
    for part in chunks(identities):
        query = (
            select(records.c.id, records.c.identity, records.c.body, records.c.batch_id, batches.c.final_block)
            .outerjoin_from(records, batches, batches.c.id == records.c.batch_id)
            .where(records.c.org == org, records.c.identity.in_(part), records.c.failure.is_(None))
        )
        for id, identity, body, batch, final in connection.execute(query):
            state: RecordState = "pending" if batch is None else "batched" if final is None else "anchored"
            by_identity_key[identity] = KnownSubmission(id, identity, body, state)
    return by_identity_key


def _stored() -> Select[Any]:
    head = (batches.c.new_size.label("size"), batches.c.root)
    final = (batches.c.final_block, batches.c.final_hash, batches.c.final_time, batches.c.final_tx)
    return select(records, *head, *final).outerjoin_from(records, batches, batches.c.id == records.c.batch_id)


def _stored_by(*columns: Column[Any]) -> Select[Any]:
    """Made once: building a statement takes longer than answering it."""
    return _stored().where(*(column == bindparam(column.name) for column in columns))


_BY_ID = _stored_by(records.c.id)
_BY_BODY_DIGEST = _stored_by(records.c.body_digest)
_BY_IDENTITY = _stored_by(records.c.identity).order_by(records.c.seq.desc()).limit(100)
_BY_PLACE = _stored_by(records.c.org, records.c.generation, records.c.leaf_index)
_REPLACING = _stored_by(records.c.replaces).order_by(records.c.seq)
_of_file = or_(
    *(
        and_(record_files.c.algorithm == name, record_files.c.digest.in_(bindparam(name, expanding=True)))
        for name in ("sha-256", "sm3")
    )
)
_naming = _stored().where(
    records.c.id.in_(select(record_files.c.record_id).where(_of_file)), records.c.failure.is_(None)
)
_of_its_org = func.row_number().over(partition_by=records.c.org, order_by=records.c.seq.desc())
_NAMING = {
    True: _naming.where(batches.c.final_block.is_not(None))
    .order_by(_of_its_org, records.c.seq.desc())
    .limit(bindparam("most")),
    False: _naming.where(batches.c.final_block.is_(None)).order_by(records.c.seq).limit(bindparam("most")),
}
_PLACES_NAMING = (
    select(records.c.id, records.c.org, records.c.generation, records.c.leaf_index)
    .join_from(records, batches, batches.c.id == records.c.batch_id)
    .where(records.c.id.in_(select(record_files.c.record_id).where(_of_file)), records.c.failure.is_(None))
    .where(batches.c.final_block.is_not(None))
    .order_by(_of_its_org, records.c.seq.desc())
    .limit(bindparam("most"))
)


def get(connection: Connection, id: str) -> StoredRecord:
    """The record of this id, erased ones too. Raises NotFound (`record_unknown`)."""
    record = one_or_none(connection.execute(_BY_ID, {"id": id}), StoredRecord)
    if record is None:
        raise NotFound("no record has this id", code="record_unknown", id=id)
    return record


def get_many(connection: Connection, ids: Sequence[str]) -> dict[str, StoredRecord]:
    """Those of the ids that exist, by id."""
    stored = (all_as(connection.execute(_stored().where(records.c.id.in_(part))), StoredRecord) for part in chunks(ids))
    return {record.id: record for part in stored for record in part}


def find(connection: Connection, id: str) -> StoredRecord | None:
    """The record of this id, erased ones too; None where there is none."""
    return one_or_none(connection.execute(_BY_ID, {"id": id}), StoredRecord)


def of_type(connection: Connection, type_code: str) -> list[StoredRecord]:
    """All records of this type in the order of acceptance: of a type that few records have."""
    return all_as(
        connection.execute(_stored_by(records.c.type_code).order_by(records.c.seq), {"type_code": type_code}),
        StoredRecord,
    )


def by_body_digest(connection: Connection, digest: bytes) -> StoredRecord | None:
    """The record with this body digest; None where none was accepted or it was erased."""
    return one_or_none(connection.execute(_BY_BODY_DIGEST, {"body_digest": digest}), StoredRecord)


def naming_file(
    connection: Connection, digests: Sequence[tuple[str, bytes]], limit: int, *, final: bool = True
) -> list[StoredRecord]:
    """The anchored records that name a file with any of these digests (by algorithm): each organisation's newest one,
    then each one's next, so that nobody's many hide another's.

    Without `final` those under way, oldest first. At most `limit`; failed and erased ones are never among them.
    """
    return all_as(connection.execute(_NAMING[final], {**_by_algorithm(digests), "most": limit}), StoredRecord)


def places_naming_file(
    connection: Connection, digests: Sequence[tuple[str, bytes]], limit: int
) -> list[tuple[str, str, int, int]]:
    """Id, organisation, generation and leaf index of the anchored records as `naming_file` has them."""
    return [
        (id, org, generation, index)
        for id, org, generation, index in connection.execute(_PLACES_NAMING, {**_by_algorithm(digests), "most": limit})
    ]


def _by_algorithm(digests: Sequence[tuple[str, bytes]]) -> dict[str, list[bytes]]:
    return {name: [digest for algorithm, digest in digests if algorithm == name] for name in ("sha-256", "sm3")}


def by_identity(connection: Connection, identity: str) -> list[StoredRecord]:
    """The records of all organisations under this identity, newest first, 100 at most; failed ones too."""
    return all_as(connection.execute(_BY_IDENTITY, {"identity": identity}), StoredRecord)


def by_place(connection: Connection, org: str, generation: int, leaf_index: int) -> StoredRecord | None:
    """The record at this place of the log."""
    place = {"org": org, "generation": generation, "leaf_index": leaf_index}
    return one_or_none(connection.execute(_BY_PLACE, place), StoredRecord)


def erased_places(connection: Connection, org: str) -> list[tuple[int, int]]:
    """Generation and leaf index of the organisation's erased records, which nothing else can find any more."""
    place = (records.c.generation, records.c.leaf_index)
    query = select(*place).where(records.c.org == org, records.c.erased_at.is_not(None), records.c.leaf_index > 0)
    return [(generation, index) for generation, index in connection.execute(query.order_by(*place))]


def replacing(connection: Connection, id: str) -> list[StoredRecord]:
    """The records that name this one as what they replace, oldest first."""
    return all_as(connection.execute(_REPLACING, {"replaces": id}), StoredRecord)


def replacing_in_batch(connection: Connection, batch_id: str) -> list[StoredRecord]:
    """Those of a batch's records that replace another, by leaf index."""
    query = _stored().where(records.c.batch_id == batch_id, records.c.replaces.is_not(None))
    return all_as(connection.execute(query.order_by(records.c.leaf_index)), StoredRecord)


def stream(connection: Connection, org: str, generation: int, first: int, count: int) -> list[StoredRecord]:
    """The log's records from leaf index `first` on, `count` at most, by index."""
    log = (records.c.org == org, records.c.generation == generation, records.c.leaf_index >= first)
    return all_as(connection.execute(_stored().where(*log).order_by(records.c.leaf_index).limit(count)), StoredRecord)


def page(
    connection: Connection, org: str, filters: RecordFilters, limit: int, before: int | None = None
) -> tuple[list[StoredRecord], int | None]:
    """The organisation's records, newest first, and the `before` of the next page (None: this was the last)."""
    query = _stored().where(records.c.org == org)
    if before is not None:
        query = query.where(records.c.seq < before)
    listed = all_as(
        connection.execute(_narrowed(query, filters).order_by(records.c.seq.desc()).limit(limit + 1)), StoredRecord
    )
    return listed[:limit], listed[limit - 1].seq if len(listed) > limit else None


def _narrowed(query: Select[Any], filters: RecordFilters) -> Select[Any]:
    states = {
        "failed": (records.c.failure.is_not(None),),
        "pending": (records.c.batch_id.is_(None), records.c.failure.is_(None)),
        "batched": (records.c.batch_id.is_not(None), batches.c.final_block.is_(None)),
        "anchored": (batches.c.final_block.is_not(None),),
    }
    if filters.state is not None:
        query = query.where(*states[filters.state])
    if filters.type_code is not None:
        query = query.where(records.c.type_code == filters.type_code)
    if filters.issued_from is not None:
        query = query.where(records.c.issued >= filters.issued_from)
    if filters.issued_to is not None:
        query = query.where(records.c.issued <= filters.issued_to)
    if filters.q:
        begins = [column.startswith(filters.q, autoescape=True) for column in (records.c.number, records.c.identity)]
        query = query.where(begins[0] | begins[1] | (records.c.id == filters.q))
    return query


def waiting(connection: Connection) -> list[PendingTotal]:
    """Per organisation what is pending and the moment of the oldest, longest waiting first."""
    oldest = func.min(records.c.created_at).label("oldest")
    query = (
        select(records.c.org, func.count().label("count"), oldest)
        .where(records.c.batch_id.is_(None), records.c.failure.is_(None))
        .group_by(records.c.org)
        .order_by(oldest)
    )
    return all_as(connection.execute(query), PendingTotal)


def take_pending(connection: Connection, org: str, limit: int) -> list[PendingRecord]:
    """The organisation's oldest pending records in order of acceptance, locked until the transaction ends."""
    query = (
        select(records.c.seq, records.c.id, records.c.body_digest)
        .where(records.c.org == org, records.c.batch_id.is_(None), records.c.failure.is_(None))
        .order_by(records.c.seq)
        .limit(limit)
        .with_for_update()
    )
    return all_as(connection.execute(query), PendingRecord)


def place(connection: Connection, batch_id: str, generation: int, indexes: Mapping[int, int]) -> None:
    """Records, by `seq`, have the batch and these leaf indexes.

    Raises Conflict (`record_moved`) if one is not pending.
    """
    placed = update(records).where(records.c.batch_id.is_(None), records.c.failure.is_(None))
    placed = placed.values(batch_id=batch_id, generation=generation)
    if connection.dialect.name == "postgresql":  # one statement is six times as fast there as ten thousand
        columns = (cast(list(part), ARRAY(BigInteger)) for part in (indexes.keys(), indexes.values()))
        given = select(*(func.unnest(column).label(name) for name, column in zip(("of", "at"), columns, strict=True)))
        pairs = given.subquery()
        result = connection.execute(placed.where(records.c.seq == pairs.c.of).values(leaf_index=pairs.c.at))
    else:
        each = placed.where(records.c.seq == bindparam("of")).values(leaf_index=bindparam("at"))
        result = connection.execute(each, [{"of": seq, "at": index} for seq, index in indexes.items()])
    if row_count(result) != len(indexes):
        raise Conflict("a record to be placed is not pending any more", code="record_moved")


def fail(connection: Connection, id: str, reason: str) -> bool:
    """A pending record has failed for this reason and leaves its identity free; False if it was not pending."""
    pending = (records.c.id == id, records.c.batch_id.is_(None), records.c.failure.is_(None))
    return row_count(connection.execute(update(records).where(*pending).values(failure=reason))) == 1


def erase(connection: Connection, id: str, reason: str, at: float) -> bool:
    """Body, salt, digests, identity, number, dates and the texts of status changes are gone; the place stays, and which
    record it replaced, by whose id a file is known to have passed on.

    False if it was erased before. A record that waited for a batch never enters one. Call `Database.scrub` after the
    commit. Raises NotFound (`record_unknown`).
    """
    lost = dict.fromkeys(("body", "salt", "body_digest", "identity", "number", "issued"))
    unbatched = records.c.batch_id.is_(None)
    kept = update(records).where(records.c.id == id, records.c.erased_at.is_(None))
    result = connection.execute(kept.values(**lost, erased_at=at, erased_reason=reason))
    if row_count(result) == 0:
        get(connection, id)
        return False
    connection.execute(
        update(records)
        .where(records.c.id == id, unbatched, records.c.failure.is_(None))
        .values(failure=ERASED_UNBATCHED)
    )
    connection.execute(delete(record_files).where(record_files.c.record_id == id))
    connection.execute(update(status_changes).where(status_changes.c.record_id == id).values(body=None, salt=None))
    connection.execute(update(approvals).where(approvals.c.record_id == id).values(body=None))
    journal.note(connection, "approvals", record_id=id)
    journal.note(connection, "records", id=id)
    return True


def files_of(connection: Connection, id: str) -> list[tuple[str, bytes]]:
    """Algorithm and digest of every file that the record names."""
    query = select(record_files.c.algorithm, record_files.c.digest).where(record_files.c.record_id == id)
    return [(algorithm, digest) for algorithm, digest in connection.execute(query)]


def files_of_many(connection: Connection, ids: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of all files that these records name, by record."""
    by_record: dict[str, list[Mapping[str, Any]]] = {}
    for part in chunks(ids):
        query = select(record_files).where(record_files.c.record_id.in_(part))
        for row in connection.execute(query).mappings():
            by_record.setdefault(row["record_id"], []).append(dict(row))
    return by_record


def files_of_nobody(connection: Connection) -> list[Mapping[str, Any]]:
    """The rows of files whose record is not there."""
    query = select(record_files).outerjoin_from(record_files, records, records.c.id == record_files.c.record_id)
    return [dict(row) for row in connection.execute(query.where(records.c.id.is_(None))).mappings()]


def unplaced(connection: Connection, after: int, limit: int) -> list[StoredRecord]:
    """Records of all organisations in no batch whose content is there, by `seq` from after this one on."""
    waiting = (records.c.batch_id.is_(None), records.c.erased_at.is_(None), records.c.seq > after)
    return all_as(connection.execute(_stored().where(*waiting).order_by(records.c.seq).limit(limit)), StoredRecord)


def keep_files(connection: Connection, id: str, kept: Sequence[tuple[int, str, bytes]]) -> None:
    """The files of a record that is erased stay known by these: number of the file, algorithm, keyed digest."""
    add_rows(connection, erased_files, ("record_id", "n", "algorithm", "kept_digest"), ((id, *names) for names in kept))
    journal.note(connection, "erased_files", record_id=id)


def any_kept(connection: Connection) -> bool:
    """Whether any erased record's files are known."""
    return connection.execute(select(erased_files.c.n).limit(1)).first() is not None


def erased_naming(connection: Connection, kept: Sequence[bytes], limit: int) -> list[ErasedFile]:
    """What is kept of the files of the anchored erased records that named a file with any of these keyed digests.

    All that is kept of at most `limit` records.
    """
    matching = select(erased_files.c.record_id).where(erased_files.c.kept_digest.in_(kept)).distinct().limit(limit)
    place = (records.c.org, records.c.generation, records.c.leaf_index)
    query = (
        select(erased_files, *place)
        .join_from(erased_files, records, records.c.id == erased_files.c.record_id)
        .where(erased_files.c.record_id.in_(matching), records.c.leaf_index > 0)
    )
    return all_as(connection.execute(query), ErasedFile)


def types_of_batch(connection: Connection, batch_id: str) -> list[str]:
    """The certificate types among a batch's records."""
    certificates = (records.c.batch_id == batch_id, records.c.kind == "certificate")
    query = select(records.c.type_code).where(*certificates).distinct().order_by(records.c.type_code)
    return list(connection.execute(query).scalars())


def bodies_of_batch(connection: Connection, batch_id: str) -> Iterator[bytes]:
    """The canonical bytes of a batch's records, erased ones left out, by leaf index."""
    query = select(records.c.body).where(records.c.batch_id == batch_id, records.c.body.is_not(None))
    ordered = query.order_by(records.c.leaf_index).execution_options(yield_per=500)
    return iter(connection.execute(ordered).scalars())
