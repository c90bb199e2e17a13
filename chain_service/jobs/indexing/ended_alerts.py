"""Alerts whose cause is gone by what the index has read: each is cleared, and nobody has to settle it.

Those of moments (a block that was replaced, an event left out, a gap of nonces) end once what they undid is done again:
what was read before is read, and every transaction of ours that was signed before the alert is in a final block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from chain_service.core.encoding.decoding import read_hex
from chain_service.core.records.hashing import parse_log_id
from chain_service.jobs.alerts import (
    BLOCK_REPLACED,
    EVENTS_MISSING,
    LOG_STOPPED,
    NO_ACCOUNT,
    NODE_REFUSED,
    NONCE_GAP,
    REFUSED,
)
from chain_service.jobs.context import App
from chain_service.store import alerts, chain_index, records, submissions
from chain_service.store.alerts import Alert
from chain_service.store.registries import organisations
from chain_service.store.submissions import StoredTransaction

SHOWN = 3_600
"""Seconds that a replaced final block stands at least: all else of it may be over within one step of the index, before
anybody has seen that final was not final."""
LOG_ID = 32
"""Bytes."""


def end_alerts(app: App) -> None:
    """Every alert that the index can tell the end of, and that has ended, is cleared."""
    with app.database.reading() as connection:
        standing = [alert for alert in alerts.listed(connection) if alert.code in _OVER]
        if not standing:
            return
        unmined = submissions.unmined(connection)
        over = [alert for alert in standing if _OVER[alert.code](app, connection, alert, unmined)]
    if over:
        with app.database.transaction() as connection:
            for alert in over:
                alerts.clear(connection, alert.code, alert.subject, app.clock())


def _read_again(_: App, connection: Connection, alert: Alert, unmined: Sequence[StoredTransaction]) -> bool:
    newest = chain_index.newest_block(connection)
    if newest is None or newest.number < alert.details.get("head", 0):
        return False
    return all(transaction.signed_at > alert.at for transaction in unmined)


def _replaced(app: App, connection: Connection, alert: Alert, unmined: Sequence[StoredTransaction]) -> bool:
    return app.clock() - alert.at >= SHOWN and _read_again(app, connection, alert, unmined)


def _gap_filled(_: App, __: Connection, alert: Alert, unmined: Sequence[StoredTransaction]) -> bool:
    """The transaction that waited for the gap, and all before it, are in final blocks."""
    return not any(one.account == alert.subject and one.nonce <= alert.details["waiting"] for one in unmined)


def _log_left(_: App, connection: Connection, alert: Alert, __: Sequence[StoredTransaction]) -> bool:
    """The organisation has a later generation: nothing is written to the stopped log any more."""
    org, generation = parse_log_id(read_hex(alert.subject, limit=LOG_ID))
    standing = organisations.find(connection, org)
    return standing is not None and standing.generation > generation


def _closed(_: App, connection: Connection, alert: Alert, __: Sequence[StoredTransaction]) -> bool:
    """The submission is final, or what it carried goes another way."""
    submission = submissions.get(connection, alert.subject)
    return submission.final_block is not None or submission.abandoned_at is not None


def _nothing_waits(_: App, connection: Connection, alert: Alert, __: Sequence[StoredTransaction]) -> bool:
    return all(total.org != alert.subject for total in records.waiting(connection))


_OVER: dict[str, Callable[[App, Connection, Alert, Sequence[StoredTransaction]], bool]] = {
    BLOCK_REPLACED: _replaced,
    EVENTS_MISSING: _read_again,
    NONCE_GAP: _gap_filled,
    LOG_STOPPED: _log_left,
    REFUSED: _closed,
    NODE_REFUSED: _closed,
    NO_ACCOUNT: _nothing_waits,
}
