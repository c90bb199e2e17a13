"""The journal's entries get their places, and now and then its head is anchored as a record of an organisation."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from sqlalchemy import Connection

from chain_service.core.encoding.canonical import canonical
from chain_service.core.log.merkle import EMPTY_ROOT, GrowingRoot
from chain_service.core.records.statements import journal_head
from chain_service.errors import ChainServiceError
from chain_service.jobs.anchoring.submit_records import AcceptedRecord, submit_statement
from chain_service.jobs.context import App
from chain_service.store import batches
from chain_service.store.auditing import journal
from chain_service.store.auditing.journal import JournalHead
from chain_service.store.registries import organisations

AT_ONCE = 5_000
"""Entries that are placed in one transaction, or hashed in one round of the worker."""
MOST_NAMED = 3
"""Organisations that are named where none can carry the head."""
NOT_REGISTERED = "is not registered"
log = structlog.get_logger("journal")


def keep_journal(app: App, grown: GrowingRoot | None = None) -> None:
    """Every entry has its place; a head is on its way to the chain once `journal_period` is over since the last one.

    One caller at a time. The first period begins with the first call. `grown` is the tree as far as the caller's calls
    before this one came: each hashes a part of the entries, so that nothing waits for a journal of millions.
    """
    grown = GrowingRoot() if grown is None else grown
    _place(app)
    with app.database.reading() as connection:
        newest, size = journal.newest_head(connection), journal.size(connection)
        _grow(connection, grown, AT_ONCE)
    if newest is None:
        with app.database.transaction() as connection:
            journal.add_head(connection, JournalHead(0, EMPTY_ROOT, None, app.clock()))
    elif grown.size == size > newest.size and app.clock() - newest.at >= app.settings.journal_period:
        _anchor(app, grown)


def _grow(connection: Connection, grown: GrowingRoot, limit: int | None = None) -> None:
    """The tree has the next entries too, at most so many; it ends where one is missing, which `audit` names."""
    for entry in journal.entries(connection, grown.size, limit):
        if entry.leaf_index != grown.size:
            log.error("the journal lacks an entry: run audit", index=grown.size)
            return
        grown.add(entry.leaf)


def _anchor(app: App, grown: GrowingRoot) -> None:
    """The head is on its way to the chain, unless no organisation of this instance can carry it.

    It is a document of `journal_organisation` or of the first organisation whose log takes one.
    """
    with app.database.reading() as connection:
        carriers = [org for org in _carriers(app) if _why_not(connection, org) is None]
    at, root = app.clock(), grown.root()

    def keep(connection: Connection, accepted: AcceptedRecord) -> JournalHead:
        head = JournalHead(grown.size, root, accepted.id, at)
        journal.add_head(connection, head)
        return head

    for org in carriers:
        statement = journal_head(org, grown.size, root, datetime.fromtimestamp(at, UTC).date())
        try:
            submit_statement(app, org, canonical(statement), keep)
            return
        except ChainServiceError as error:
            log.warning("the journal's head was not accepted", org=org, code=error.code)


def _place(app: App) -> None:
    while True:
        with app.database.reading() as connection:
            if not journal.any_waiting(connection):
                return
        with app.database.transaction() as connection:
            journal.place_new(connection, AT_ONCE)


def why_not_carried(app: App, connection: Connection) -> str | None:
    """Why no organisation can carry the journal's head to the chain; None where one can, or the instance has none.

    An account is made before its organisation is registered: one that is not is none of the instance, unless it is
    named. Raises as `Keystore.labels`.
    """
    whys = []
    for org in _carriers(app):
        why = _why_not(connection, org)
        if why is None:
            return None
        if why != NOT_REGISTERED or app.settings.journal_organisation:
            whys.append(f"{org} {why}")
    return "; ".join(whys[:MOST_NAMED]) or None


def _carriers(app: App) -> list[str]:
    """The organisations that may carry the head, the one to ask first at the beginning."""
    named = app.settings.journal_organisation
    return [named] if named else app.keystore.labels()


def _why_not(connection: Connection, org: str) -> str | None:
    """Why this organisation's log takes no head; None where it does."""
    standing = organisations.find(connection, org)
    if standing is None:
        return NOT_REGISTERED
    if standing.suspended:
        return "is suspended"
    return None if batches.stopped(connection, org, standing.generation) is None else "has a log that is stopped"
