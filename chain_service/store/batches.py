"""Batches: each extends its organisation's log by one head; finality comes from the index alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, update

from chain_service.errors import Conflict, NotFound
from chain_service.store.auditing import journal
from chain_service.store.records import ERASED_UNBATCHED
from chain_service.store.rows import all_as, chunks, one_or_none
from chain_service.store.schema import batches, records, stopped_logs


@dataclass(frozen=True)
class NewBatch:
    """One step of a log from `old_size` to `new_size`; `consistency_path` is its proof's nodes, 32 bytes each."""

    id: str
    org: str
    generation: int
    old_size: int
    new_size: int
    old_root: bytes
    root: bytes
    consistency_path: bytes
    submission_id: str
    closed_at: float


@dataclass(frozen=True)
class Batch(NewBatch):
    """A batch as it stands; `final_…` is where its head became final, `evidence` was read at `evidence_block`."""

    final_block: int | None
    final_hash: bytes | None
    final_time: int | None
    final_tx: bytes | None
    fell_out_at: float | None
    evidence: bytes | None
    evidence_block: int | None


@dataclass(frozen=True)
class LogEnd:
    """The end of a log: all batches, final or not. A log without a batch has size 1 (its founding entry alone)."""

    size: int
    root: bytes | None


@dataclass(frozen=True)
class RecordCounts:
    """Batched and anchored records over all logs."""

    batched: int
    anchored: int


_BY_ID = select(batches).where(batches.c.id == bindparam("id"))


def add(connection: Connection, new: NewBatch) -> None:
    """The batch is closed. Raises Conflict (`constraint`) at the transaction's door if another one of its log is not
    final yet, or starts from the same size.
    """
    connection.execute(insert(batches), asdict(new))


def get(connection: Connection, id: str) -> Batch:
    """The batch of this id. Raises NotFound."""
    batch = find(connection, id)
    if batch is None:
        raise NotFound("no batch has this id", code="batch_unknown", id=id)
    return batch


def find(connection: Connection, id: str) -> Batch | None:
    """The batch of this id; None where it was dissolved."""
    return one_or_none(connection.execute(_BY_ID, {"id": id}), Batch)


def by_head(connection: Connection, org: str, generation: int, size: int) -> Batch | None:
    """The batch that ends at this size."""
    head = (batches.c.org == org, batches.c.generation == generation, batches.c.new_size == size)
    return one_or_none(connection.execute(select(batches).where(*head)), Batch)


def by_submission(connection: Connection, submission_id: str) -> Batch | None:
    """The batch that this submission carries."""
    return one_or_none(connection.execute(select(batches).where(batches.c.submission_id == submission_id)), Batch)


def of_log(connection: Connection, org: str, generation: int) -> list[Batch]:
    """All batches of a log, in order, without their evidence."""
    columns = [column for column in batches.c if column.name != "evidence"]
    rows = connection.execute(
        select(*columns).where(batches.c.org == org, batches.c.generation == generation).order_by(batches.c.new_size)
    )
    return [Batch(**row._mapping, evidence=None) for row in rows]


def logs(connection: Connection) -> list[tuple[str, int]]:
    """Organisation and generation of every log that has a batch."""
    query = select(batches.c.org, batches.c.generation).distinct().order_by(batches.c.org, batches.c.generation)
    return [(org, generation) for org, generation in connection.execute(query)]


def head(connection: Connection, org: str, generation: int) -> LogEnd:
    """Where the next batch of the log starts; its root is None where there is no batch yet."""
    query = (
        select(batches.c.new_size, batches.c.root)
        .where(batches.c.org == org, batches.c.generation == generation)
        .order_by(batches.c.new_size.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return LogEnd(1, None) if row is None else LogEnd(row.new_size, row.root)


def final_head(connection: Connection, org: str, generation: int, *, block: int | None = None) -> Batch | None:
    """The log's newest batch that is final, at `block` or before if given."""
    query = select(batches).where(
        batches.c.org == org, batches.c.generation == generation, batches.c.final_block.is_not(None)
    )
    if block is not None:
        query = query.where(batches.c.final_block <= block)
    return one_or_none(connection.execute(query.order_by(batches.c.new_size.desc()).limit(1)), Batch)


def unfinal(connection: Connection, org: str | None = None) -> list[Batch]:
    """The batches without a final block, those that fell out too, in order per log."""
    query = select(batches).where(batches.c.final_block.is_(None))
    if org is not None:
        query = query.where(batches.c.org == org)
    order = (batches.c.org, batches.c.generation, batches.c.new_size)
    return all_as(connection.execute(query.order_by(*order)), Batch)


def mark_final(
    connection: Connection,
    org: str,
    generation: int,
    size: int,
    root: bytes,
    *,
    block: int,
    hash: bytes,
    time: int,
    tx: bytes,
) -> str | None:
    """The batch with this head is final; its id, or None where no batch of ours has that head."""
    head = (
        batches.c.org == org,
        batches.c.generation == generation,
        batches.c.new_size == size,
        batches.c.root == root,
    )
    final = {"final_block": block, "final_hash": hash, "final_time": time, "final_tx": tx, "fell_out_at": None}
    return connection.execute(update(batches).where(*head).values(**final).returning(batches.c.id)).scalar_one_or_none()


def store_evidence(connection: Connection, id: str, evidence: bytes, block: int) -> None:
    """The batch's evidence, read at `block`, is stored."""
    connection.execute(update(batches).where(batches.c.id == id).values(evidence=evidence, evidence_block=block))


def without_evidence(connection: Connection, limit: int) -> list[Batch]:
    """Final batches whose evidence is still to be fetched, oldest first."""
    query = select(batches).where(batches.c.final_block.is_not(None), batches.c.evidence.is_(None))
    return all_as(connection.execute(query.order_by(batches.c.final_block).limit(limit)), Batch)


def dissolve(connection: Connection, id: str) -> int:
    """The batch, the last of its log and not final, is gone and its records are pending again; how many.

    One that was erased while its batch was final has nothing left to be anchored and enters no other batch. Abandon its
    submission and cut the tiles (`tiles.truncate`) in the same transaction; so does a stolen key's log end when a new
    generation opens. Raises NotFound, Conflict (`batch_stands`); roll back then.
    """
    batch = get(connection, id)
    freed = update(records).where(records.c.batch_id == id).values(batch_id=None, generation=None, leaf_index=None)
    ids = list(connection.execute(freed.returning(records.c.id)).scalars())
    for part in chunks(ids):
        erased = update(records).where(records.c.id.in_(part), records.c.erased_at.is_not(None))
        connection.execute(erased.values(failure=ERASED_UNBATCHED))
        journal.note(connection, "records", id=list(part))  # the erased ones among them
    count = len(ids)
    later = select(func.count()).where(
        batches.c.org == batch.org, batches.c.generation == batch.generation, batches.c.new_size > batch.new_size
    )
    if batch.final_block is not None or connection.execute(later).scalar_one():
        raise Conflict("only the last batch of a log, while not final, can be dissolved", code="batch_stands", id=id)
    connection.execute(delete(batches).where(batches.c.id == id))
    return count


def stop_log(connection: Connection, org: str, generation: int, reason: str, at: float) -> None:
    """No batch of this log is closed or sent any more; the first reason stands."""
    if stopped(connection, org, generation) is None:
        row = {"org": org, "generation": generation, "reason": reason, "stopped_at": at}
        connection.execute(insert(stopped_logs), row)
        journal.note(connection, "stopped_logs", org=org, generation=generation)


def stopped(connection: Connection, org: str, generation: int) -> str | None:
    """Why the log is stopped; None where it is not."""
    log = and_(stopped_logs.c.org == org, stopped_logs.c.generation == generation)
    return connection.execute(select(stopped_logs.c.reason).where(log)).scalar_one_or_none()


def count(connection: Connection) -> RecordCounts:
    """How many records are batched and how many anchored, from the heads alone; founding entries do not count."""
    growth = batches.c.new_size - batches.c.old_size
    final = func.sum(growth).filter(batches.c.final_block.is_not(None))
    open_ = func.sum(growth).filter(batches.c.final_block.is_(None))
    row = connection.execute(select(func.coalesce(open_, 0), func.coalesce(final, 0))).one()
    return RecordCounts(int(row[0]), int(row[1]))
