"""The log of readings: who read or looked up which record, when and why.

It holds no record's content and nothing of what was searched for; the chain does not prove it.
"""

from __future__ import annotations

from typing import cast, get_args

from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.display import moment
from chain_service.errors import BadRequest
from chain_service.jobs.asker import Acting
from chain_service.jobs.context import App
from chain_service.jobs.pages import page_size, parse_cursor, write_cursor
from chain_service.store import readings
from chain_service.store.readings import Action as Action
from chain_service.store.readings import Reading, ReadingFilters


@answer
class ListedReading:
    """One reading or look-up."""

    at: str
    action: str
    """`disclosure`, `changes` or `present` of a record, a `search`, or a look-up to `verify`."""
    record: str | None
    """The record's id; null for a search, and where nothing was found."""
    org: str | None
    """The organisation that read, or that the operator acted for; null for the public."""
    key_id: str | None
    """The API key; null for the public and for the operator."""
    cause: str
    """事由, as whoever read gave it."""


@answer
class ReadingPage:
    """Readings, newest first."""

    readings: tuple[ListedReading, ...]
    next: str | None
    """Cursor of the next page."""


def list_readings(
    app: App,
    asker: Acting,
    *,
    record: str | None = None,
    key_id: str | None = None,
    action: str | None = None,
    since: int | None = None,
    until: int | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> ReadingPage:
    """Who read the records of the asker's organisation, and what its own keys read; an operator for all sees all.

    `since` and `until` are unix seconds, the second excluded. Raises `Forbidden` (`missing_role`), `BadRequest`.
    """
    asker.need("audit")
    if action is not None and action not in get_args(Action):
        raise BadRequest(f"action must be one of {', '.join(get_args(Action))}", field="action")
    filters = ReadingFilters(asker.org, record, key_id, cast(Action | None, action), since, until)
    with app.database.reading() as connection:
        listed, following = readings.page(connection, filters, before=parse_cursor(cursor), limit=page_size(limit))
    return ReadingPage(tuple(map(_listed, listed)), write_cursor(following))


def _listed(one: Reading) -> ListedReading:
    return ListedReading(moment(one.at), one.action, one.record_id, one.org, one.key_id, one.cause)
