"""Who read or looked up what, when and why. Never an identifier, number or name: the record's id alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Literal

from sqlalchemy import Connection, exists, func, insert, or_, select

from chain_service.store.auditing import journal
from chain_service.store.database import Database
from chain_service.store.rows import all_as
from chain_service.store.schema import readings, records

Action = Literal["disclosure", "changes", "present", "search", "verify"]
"""What was done: a record's content read or handed out, the records of its changes read, a partial disclosure made,
a search, a look-up by identifier."""


@dataclass(frozen=True)
class NewReading:
    """One reading of a record or one look-up; `key_id` is None for the public and the operator, `org` for the public
    alone, `record_id` where nothing was found; `cause` is what the reader gave as reason (事由), to be free of
    personal data.
    """

    at: float
    key_id: str | None
    org: str | None
    record_id: str | None
    action: Action
    cause: str


@dataclass(frozen=True)
class Reading(NewReading):
    """A reading as it was logged."""

    id: int


@dataclass(eq=False)
class _Entry:
    """What one caller waits for: its readings, whether they were committed, and what went wrong if not."""

    readings: Sequence[NewReading]
    done: bool = False
    error: BaseException | None = None


class ReadingLog:
    """Logs readings of many threads with few commits: who comes while one is written goes into the next together."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = Lock()
        self._queue: list[_Entry] = []
        self._queued = Lock()

    def write(self, new: Sequence[NewReading]) -> None:
        """The readings are durable. Raises what `Database.transaction` does; then none of these is."""
        if not new:
            return
        entry = _Entry(new)
        with self._queued:
            self._queue.append(entry)
        with self._turn:
            if not entry.done:
                self._write_all()
        if entry.error is not None:
            raise entry.error

    def _write_all(self) -> None:
        with self._queued:
            group, self._queue = self._queue, []
        self._commit(group)
        if len(group) > 1 and group[0].error is not None:  # what one of them holds is not the others' fault
            for entry in group:
                self._commit([entry])

    def _commit(self, group: Sequence[_Entry]) -> None:
        error: BaseException | None = None
        try:
            with self._database.transaction() as connection:
                rows = [asdict(reading) for entry in group for reading in entry.readings]
                added = connection.execute(insert(readings).returning(readings.c.id), rows)
                journal.note(connection, "readings", id=list(added.scalars()))
        except BaseException as caught:  # noqa: BLE001 - every caller of the group has to hear of it
            error = caught
        for entry in group:
            entry.done, entry.error = True, error


def of_record(connection: Connection, record_id: str, limit: int = 1000) -> list[Reading]:
    """Who read the record, newest first."""
    query = select(readings).where(readings.c.record_id == record_id).order_by(readings.c.id.desc()).limit(limit)
    return all_as(connection.execute(query), Reading)


@dataclass(frozen=True)
class ReadingFilters:
    """Which readings are asked for; None: whatever it is. `org` read it, or its record was read."""

    org: str | None = None
    record_id: str | None = None
    key_id: str | None = None
    action: Action | None = None
    since: float | None = None
    until: float | None = None
    """Unix seconds; this one is excluded."""


def page(
    connection: Connection, filters: ReadingFilters, *, before: int | None = None, limit: int = 100
) -> tuple[list[Reading], int | None]:
    """Readings from before this id on, newest first, and the `before` of the next page."""
    query = select(readings).order_by(readings.c.id.desc()).limit(limit + 1)
    if filters.org is not None:
        of_its_record = exists().where(records.c.id == readings.c.record_id, records.c.org == filters.org)
        query = query.where(or_(readings.c.org == filters.org, of_its_record))
    for column, value in (
        (readings.c.record_id, filters.record_id),
        (readings.c.key_id, filters.key_id),
        (readings.c.action, filters.action),
    ):
        query = query if value is None else query.where(column == value)
    query = query if filters.since is None else query.where(readings.c.at >= filters.since)
    query = query if filters.until is None else query.where(readings.c.at < filters.until)
    query = query if before is None else query.where(readings.c.id < before)
    listed = all_as(connection.execute(query), Reading)
    return listed[:limit], listed[limit - 1].id if len(listed) > limit else None


def misses(connection: Connection, key_id: str, since: float, most: int) -> int:
    """Look-ups by identifier with this key that found nothing since this moment; counted up to `most`."""
    found = (
        select(readings.c.id)
        .where(readings.c.key_id == key_id, readings.c.record_id.is_(None), readings.c.at >= since)
        .where(readings.c.action == "verify")
        .limit(most)
    )
    return connection.execute(select(func.count()).select_from(found.subquery())).scalar_one()
