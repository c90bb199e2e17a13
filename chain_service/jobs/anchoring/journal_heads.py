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

PLACED_AT_ONCE = 5_000
log = structlog.get_logger("journal")


def keep_journal(app: App) -> None:
    """Every entry has its place; a head is on its way to the chain once `journal_period` is over since the last one.

    One caller at a time. The first period begins with the first call.
    """
    _place(app)
    with app.database.reading() as connection:
        newest, size = journal.newest_head(connection), journal.size(connection)
    if newest is None:
        with app.database.transaction() as connection:
            journal.add_head(connection, JournalHead(0, EMPTY_ROOT, None, app.clock()))
    elif size > newest.size and app.clock() - newest.at >= app.settings.journal_period:
        anchor_journal(app)


def anchor_journal(app: App) -> JournalHead | None:
    """The journal's head is on its way to the chain; None where no organisation of this instance can carry it.

    It is a document of `journal_organisation` or of the first organisation whose log takes one.
    """
    with app.database.reading() as connection:
        carriers = [org for org in _carriers(app) if _takes_records(connection, org)]
        if not carriers:
            return None
        grown = GrowingRoot()
        for entry in journal.entries(connection):
            grown.add(entry.leaf)
    at, root = app.clock(), grown.root()

    def keep(connection: Connection, accepted: AcceptedRecord) -> JournalHead:
        head = JournalHead(grown.size, root, accepted.id, at)
        journal.add_head(connection, head)
        return head

    for org in carriers:
        statement = journal_head(org, grown.size, root, datetime.fromtimestamp(at, UTC).date())
        try:
            return submit_statement(app, org, canonical(statement), keep)
        except ChainServiceError as error:
            log.warning("the journal's head was not accepted", org=org, code=error.code)
    return None


def _place(app: App) -> None:
    while True:
        with app.database.reading() as connection:
            if not journal.any_waiting(connection):
                return
        with app.database.transaction() as connection:
            journal.place_new(connection, PLACED_AT_ONCE)


def _carriers(app: App) -> list[str]:
    """The organisations that may carry the head, the one to ask first at the beginning."""
    named = app.settings.journal_organisation
    return [named] if named else sorted(app.keystore.accounts())


def _takes_records(connection: Connection, org: str) -> bool:
    standing = organisations.find(connection, org)
    return standing is not None and batches.stopped(connection, org, standing.generation) is None
