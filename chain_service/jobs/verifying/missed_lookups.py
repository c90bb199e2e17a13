"""Guessing identifiers shows as look-ups that find nothing: an alert stands while one key has many of them."""

from __future__ import annotations

import structlog

from chain_service.jobs.alerts import LOOKUP_MISSES
from chain_service.jobs.context import App
from chain_service.store import alerts, readings

MISSED_WITHIN = 3_600
"""Seconds within which the misses of a key count together."""
log = structlog.get_logger("verify")


def note_misses(app: App, key_id: str, org: str | None) -> None:
    """An alert stands if this key has missed too often; call it once a look-up by the key found nothing."""
    at = app.clock()
    with app.database.reading() as connection:
        missed = readings.misses(connection, key_id, at - MISSED_WITHIN, app.settings.missed_lookups)
    if missed < app.settings.missed_lookups:
        return
    with app.database.transaction() as connection:
        raised = alerts.put(connection, LOOKUP_MISSES, key_id, {"org": org, "missedAtLeast": missed}, at)
    if raised:
        log.warning("many look-ups with one key find nothing", key=key_id, org=org)


def watch_misses(app: App) -> None:
    """The alert of every key that misses less often now is cleared."""
    at = app.clock()
    with app.database.reading() as connection:
        standing = [alert.subject for alert in alerts.standing(connection, [LOOKUP_MISSES])]
        most, since = app.settings.missed_lookups, at - MISSED_WITHIN
        calm = [key_id for key_id in standing if readings.misses(connection, key_id, since, most) < most]
    if calm:
        with app.database.transaction() as connection:
            for key_id in calm:
                alerts.clear(connection, LOOKUP_MISSES, key_id, at)
