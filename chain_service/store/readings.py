"""Who read or looked up what, when and why. Never an identifier, number or name: the record's id alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, insert, select

from chain_service.store.rows import every
from chain_service.store.schema import readings


@dataclass(frozen=True)
class NewReading:
    """One reading of a record or one look-up; `key_id` and `org` are None for the public, `record_id` where nothing
    was found; `cause` is what the reader gave as reason (事由), to be free of personal data."""

    at: float
    key_id: str | None
    org: str | None
    record_id: str | None
    action: str
    cause: str


@dataclass(frozen=True)
class Reading(NewReading):
    """A reading as it was logged."""

    id: int


def add(connection: Connection, new: NewReading) -> None:
    """The reading is logged."""
    connection.execute(insert(readings), asdict(new))


def of_record(connection: Connection, record_id: str, limit: int = 1000) -> list[Reading]:
    """Who read the record, newest first."""
    query = select(readings).where(readings.c.record_id == record_id).order_by(readings.c.id.desc()).limit(limit)
    return every(connection.execute(query), Reading)


def page(connection: Connection, *, before: int | None = None, limit: int = 100) -> list[Reading]:
    """All readings, newest first, from before this id on."""
    query = select(readings).order_by(readings.c.id.desc()).limit(limit)
    return every(connection.execute(query if before is None else query.where(readings.c.id < before)), Reading)
