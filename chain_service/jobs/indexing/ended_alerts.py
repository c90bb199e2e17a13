"""Alerts whose cause is gone by what the index has read: each is cleared, and nobody has to settle it.

Those of moments (a block that was replaced, an event left out, a gap of nonces) end once what they undid is done again:
what was read before is read, and every transaction of ours that was signed before the alert is in a final block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

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
from chain_service.store.submissions import UnminedNonce

SHOWN = 3_600
"""Seconds that a replaced final block and a stopped log are told at least: all else of them may be over within one step
of the index (of a database that was restored, say), before anybody has seen that final was not final, or that somebody
else wrote with the organisation's key."""
LOG_ID = 32
"""Bytes."""


def end_alerts(app: App) -> None:
    """Every alert that the index can tell the end of, and that has ended, is cleared."""
    with app.database.reading() as connection:
        standing = alerts.standing(connection, _OVER)
        if not standing:
            return
        seen = _Seen(app.clock(), connection, standing)
        over = [alert for alert in standing if _OVER[alert.code](seen, alert)]
    if over:
        with app.database.transaction() as connection:
            for alert in over:
                alerts.clear(connection, alert.code, alert.subject, app.clock())


@dataclass
class _Seen:
    """What the database holds of that on which alerts end: each is read once, and only if one asks."""

    now: float
    connection: Connection
    standing: Sequence[Alert]

    @cached_property
    def newest(self) -> int:
        block = chain_index.newest_block(self.connection)
        return -1 if block is None else block.number

    @cached_property
    def unmined(self) -> list[UnminedNonce]:
        return submissions.unmined_nonces(self.connection)

    @cached_property
    def closed(self) -> set[str]:
        refused = [alert.subject for alert in self.standing if _OVER[alert.code] is _closed]
        return submissions.closed(self.connection, refused)

    @cached_property
    def waiting(self) -> set[str]:
        return {total.org for total in records.waiting(self.connection)}


def _read_again(seen: _Seen, alert: Alert) -> bool:
    if seen.newest < alert.details.get("head", 0):
        return False
    return all(transaction.signed_at > alert.at for transaction in seen.unmined)


def _replaced(seen: _Seen, alert: Alert) -> bool:
    return seen.now - alert.at >= SHOWN and _read_again(seen, alert)


def _gap_filled(seen: _Seen, alert: Alert) -> bool:
    """The transaction that waited for the gap, and all before it, are in final blocks."""
    return not any(one.account == alert.subject and one.nonce <= alert.details["waiting"] for one in seen.unmined)


def _log_left(seen: _Seen, alert: Alert) -> bool:
    """The organisation has a later generation: nothing is written to the stopped log any more."""
    if seen.now - alert.at < SHOWN:
        return False
    org, generation = parse_log_id(read_hex(alert.subject, limit=LOG_ID))
    standing = organisations.find(seen.connection, org)
    return standing is not None and standing.generation > generation


def _closed(seen: _Seen, alert: Alert) -> bool:
    """The submission is final, or what it carried goes another way."""
    return alert.subject in seen.closed


def _nothing_waits(seen: _Seen, alert: Alert) -> bool:
    return alert.subject not in seen.waiting


_OVER: dict[str, Callable[[_Seen, Alert], bool]] = {
    BLOCK_REPLACED: _replaced,
    EVENTS_MISSING: _read_again,
    NONCE_GAP: _gap_filled,
    LOG_STOPPED: _log_left,
    REFUSED: _closed,
    NODE_REFUSED: _closed,
    NO_ACCOUNT: _nothing_waits,
}
