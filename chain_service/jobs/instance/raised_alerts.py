"""The alerts that were raised: their list, one with its details, and settling what a person has dealt with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.display import moment, optional_moment
from chain_service.core.encoding.text import Text
from chain_service.errors import NotFound
from chain_service.jobs.alerts import ALERTS
from chain_service.jobs.asker import Acting
from chain_service.jobs.context import App
from chain_service.jobs.pages import page_size, parse_cursor, write_cursor
from chain_service.store import alerts
from chain_service.store.alerts import Alert


@answer
class RaisedAlert:
    """An alert, standing or over."""

    id: int
    code: str
    subject: str
    since: str
    cleared_at: str | None
    """When it ended; null while it stands."""
    details: Mapping[str, Any]
    """What was seen; its members differ from code to code."""
    message: Text | None
    """What the code means; null for one that only an older version raised."""
    remedy: Text | None


@answer
class AlertPage:
    """Alerts, newest first."""

    alerts: tuple[RaisedAlert, ...]
    next: str | None
    """Cursor of the next page."""


@answer
class SettledAlert:
    """An alert that stands no longer."""

    id: int
    settled: bool
    changed: bool
    """False where it had ended before."""


@answer
class SettledCode:
    """Alerts of one code that stand no longer."""

    code: str
    settled: int
    """How many stood."""


def list_alerts(
    app: App,
    asker: Acting,
    *,
    code: str | None = None,
    cleared: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> AlertPage:
    """The standing alerts of the instance, with `cleared` those that ended too. Raises `Forbidden` (`missing_role`)."""
    asker.need("audit")
    with app.database.reading() as connection:
        listed, following = alerts.page(
            connection, code=code, cleared=cleared, before=parse_cursor(cursor), limit=page_size(limit)
        )
    return AlertPage(tuple(map(_raised, listed)), write_cursor(following))


def show_alert(app: App, alert_id: int) -> RaisedAlert:
    """One alert. Raises `NotFound` (`alert_unknown`)."""
    with app.database.reading() as connection:
        return _raised(_known(alerts.get(connection, alert_id), alert_id))


def settle_alert(app: App, alert_id: int) -> SettledAlert:
    """The alert stands no longer: its cause was dealt with. It is raised again where its cause lasts.

    Raises `NotFound` (`alert_unknown`).
    """
    with app.database.transaction() as connection:
        _known(alerts.get(connection, alert_id), alert_id)
        changed = alerts.settle(connection, alert_id, app.clock())
    return SettledAlert(alert_id, settled=True, changed=changed)


def settle_code(app: App, code: str) -> SettledCode:
    """No alert of this code stands any longer, as `settle_alert`. Raises `NotFound` (`alert_unknown`)."""
    with app.database.transaction() as connection:
        settled = alerts.settle_all(connection, code, app.clock())
    if not settled and code not in ALERTS:
        raise NotFound("there is no such alert", code="alert_unknown", alert=code)
    return SettledCode(code, settled)


def _known(alert: Alert | None, alert_id: int) -> Alert:
    if alert is None:
        raise NotFound("no alert has this id", code="alert_unknown", alert=alert_id)
    return alert


def _raised(alert: Alert) -> RaisedAlert:
    meaning = ALERTS.get(alert.code)  # none for a code that only an older version raised
    return RaisedAlert(
        id=alert.id,
        code=alert.code,
        subject=alert.subject,
        since=moment(alert.at),
        cleared_at=optional_moment(alert.cleared_at),
        details=alert.details,
        message=None if meaning is None else meaning.message,
        remedy=None if meaning is None else meaning.remedy,
    )
