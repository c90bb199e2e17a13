"""Status changes on their way to the chain. What the chain says of a place is in `chain_index`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Connection, bindparam, insert, select, update

from chain_service.errors import NotFound
from chain_service.store.rows import all_as, chunks, one_or_none
from chain_service.store.schema import batches, records, status_changes


@dataclass(frozen=True)
class NewStatusChange:
    """An accepted change; `body` is its canonical record, `digest` what goes on chain (design: change record)."""

    id: str
    record_id: str
    to_state: int
    reason_code: int
    body: bytes
    salt: bytes
    digest: bytes
    key_id: str | None
    created_at: float


@dataclass(frozen=True)
class StoredStatusChange:
    """A change as it stands; body and salt are None after erasure, `refused` says why it will never be final."""

    seq: int
    id: str
    record_id: str
    to_state: int
    reason_code: int
    body: bytes | None
    salt: bytes | None
    digest: bytes
    key_id: str | None
    created_at: float
    refused: str | None
    submission_id: str | None
    final_block: int | None
    final_hash: bytes | None
    final_time: int | None
    final_tx: bytes | None
    fell_out_at: float | None

    @property
    def waiting(self) -> bool:
        """Accepted and not final: the record's verdict is `status_changing` meanwhile."""
        return self.final_block is None and self.refused is None


@dataclass(frozen=True)
class UnsentChange:
    """A change to be grouped into a submission, with its record's place; only records of final batches are listed."""

    id: str
    record_id: str
    org: str
    generation: int
    leaf_index: int
    to_state: int
    reason_code: int
    digest: bytes
    created_at: float


_waiting = status_changes.c.final_block.is_(None) & status_changes.c.refused.is_(None)
_WAITING_OF = (
    select(status_changes)
    .where(status_changes.c.record_id == bindparam("record"), _waiting)
    .order_by(status_changes.c.seq.desc())
    .limit(1)
)


def add(connection: Connection, new: NewStatusChange) -> None:
    """The change is accepted. Raises Conflict (`constraint`) at the transaction's door if another one of the same
    record is not final yet.
    """
    connection.execute(insert(status_changes), asdict(new))


def get(connection: Connection, id: str) -> StoredStatusChange:
    """The change of this id. Raises NotFound."""
    found = one_or_none(connection.execute(select(status_changes).where(status_changes.c.id == id)), StoredStatusChange)
    if found is None:
        raise NotFound("no status change has this id", code="change_unknown", id=id)
    return found


def waiting(connection: Connection, record_id: str) -> StoredStatusChange | None:
    """The record's newest change that is accepted and not final."""
    return one_or_none(connection.execute(_WAITING_OF, {"record": record_id}), StoredStatusChange)


def of_record(connection: Connection, record_id: str) -> list[StoredStatusChange]:
    """All changes of the record, in order of acceptance, refused ones too."""
    query = select(status_changes).where(status_changes.c.record_id == record_id).order_by(status_changes.c.seq)
    return all_as(connection.execute(query), StoredStatusChange)


def by_digests(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, StoredStatusChange]:
    """Our changes behind digests read from the chain, by digest."""
    found: list[StoredStatusChange] = []
    for part in chunks(digests):
        found += all_as(
            connection.execute(select(status_changes).where(status_changes.c.digest.in_(part))), StoredStatusChange
        )
    return {change.digest: change for change in found}


def _unsent() -> tuple[ColumnElement[bool], ...]:
    """Conditions of a change in no submission whose record's place is final."""
    return (
        status_changes.c.submission_id.is_(None),
        status_changes.c.refused.is_(None),
        status_changes.c.final_block.is_(None),
        batches.c.final_block.is_not(None),
    )


def unsent_logs(connection: Connection) -> list[tuple[str, int]]:
    """Organisation and generation of every log that has a change to be grouped."""
    query = (
        select(records.c.org, records.c.generation)
        .join_from(status_changes, records, records.c.id == status_changes.c.record_id)
        .join(batches, batches.c.id == records.c.batch_id)
        .where(*_unsent())
        .distinct()
        .order_by(records.c.org, records.c.generation)
    )
    return [(org, generation) for org, generation in connection.execute(query)]


def unsent(connection: Connection, org: str, generation: int, limit: int) -> list[UnsentChange]:
    """The log's changes in no submission, of records whose place is final, in order of acceptance; locked until the end
    of the transaction.
    """
    place = (records.c.org, records.c.generation, records.c.leaf_index)
    names = ("id", "record_id", "to_state", "reason_code", "digest", "created_at")
    query = (
        select(*(status_changes.c[name] for name in names), *place)
        .join_from(status_changes, records, records.c.id == status_changes.c.record_id)
        .join(batches, batches.c.id == records.c.batch_id)
        .where(*_unsent(), records.c.org == org, records.c.generation == generation)
        .order_by(status_changes.c.seq)
        .limit(limit)
        .with_for_update(of=status_changes)
    )
    return all_as(connection.execute(query), UnsentChange)


def group(connection: Connection, ids: Sequence[str], submission_id: str) -> None:
    """These changes travel in this submission."""
    for part in chunks(ids):
        moved = update(status_changes).where(status_changes.c.id.in_(part))
        connection.execute(moved.values(submission_id=submission_id))


def of_submission(connection: Connection, submission_id: str) -> list[StoredStatusChange]:
    """The changes that travel in this submission, in order."""
    query = select(status_changes).where(status_changes.c.submission_id == submission_id)
    return all_as(connection.execute(query.order_by(status_changes.c.seq)), StoredStatusChange)


def release(connection: Connection, submission_id: str) -> None:
    """The submission's waiting changes are in none any more, to be grouped anew; abandon it in the same transaction."""
    left = update(status_changes).where(status_changes.c.submission_id == submission_id, _waiting)
    connection.execute(left.values(submission_id=None))


def refuse(connection: Connection, id: str, reason: str) -> None:
    """The change will never be final, for this reason; another one of its record may be accepted."""
    connection.execute(update(status_changes).where(status_changes.c.id == id, _waiting).values(refused=reason))


def mark_final(
    connection: Connection, digests: Sequence[bytes], *, block: int, hash: bytes, time: int, tx: bytes
) -> list[str]:
    """Our changes with these digests are final in this block; the ids of those that are ours."""
    final = {"final_block": block, "final_hash": hash, "final_time": time, "final_tx": tx}
    ids: list[str] = []
    for part in chunks(digests):
        marked = update(status_changes).where(status_changes.c.digest.in_(part))
        values = {**final, "fell_out_at": None, "refused": None}
        ids += connection.execute(marked.values(values).returning(status_changes.c.id)).scalars()
    return ids


def any_unsent(connection: Connection) -> bool:
    """Whether a change waits to be grouped."""
    query = select(status_changes.c.id).where(status_changes.c.submission_id.is_(None), _waiting).limit(1)
    return connection.execute(query).one_or_none() is not None
