"""What the operator has to look at: our data and the chain disagree, a log stopped, a final block left the chain."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from chain_service.store.auditing import journal
from chain_service.store.connecting.commits import after_commit
from chain_service.store.rows import chunks, json_object
from chain_service.store.schema import alerts

log = structlog.get_logger("alerts")


@dataclass(frozen=True)
class Alert:
    """An alert raised `at` (unix seconds), standing until cleared; details are JSON values without record contents."""

    id: int
    at: float
    code: str
    subject: str
    details: Mapping[str, Any]
    cleared_at: float | None


def put(connection: Connection, code: str, subject: str, details: Mapping[str, Any], at: float) -> bool:
    """An alert of this code and subject stands; False where one stood already, which is left as it is."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {"at": at, "code": code, "subject": subject, "details": json.dumps(dict(details), ensure_ascii=False)}
    raised = insert(alerts).values(row).on_conflict_do_nothing().returning(alerts.c.id)
    is_new = _noted(connection, connection.execute(raised).scalar_one_or_none())
    if is_new:
        after_commit(connection, partial(log.warning, "alert raised", code=code, subject=subject))
    return is_new


def clear(connection: Connection, code: str, subject: str, at: float) -> bool:
    """No alert of this code and subject stands; False where none did."""
    return _end(connection, at, alerts.c.code == code, alerts.c.subject == subject) > 0


def _end(connection: Connection, at: float, *which: ColumnElement[bool]) -> int:
    """How many of these stood until now."""
    ending = update(alerts).where(*which, alerts.c.cleared_at.is_(None)).values(cleared_at=at)
    ended = connection.execute(ending.returning(alerts.c.id, alerts.c.code, alerts.c.subject)).all()
    for part in chunks([one.id for one in ended]):
        journal.note(connection, "alerts", id=list(part))
    for one in ended:
        after_commit(connection, partial(log.info, "alert cleared", code=one.code, subject=one.subject))
    return len(ended)


def _noted(connection: Connection, id: int | None) -> bool:
    """The journal tells of the alert, if there is one."""
    if id is not None:
        journal.note(connection, "alerts", id=id)
    return id is not None


def page(
    connection: Connection, *, code: str | None, cleared: bool, before: int | None, limit: int
) -> tuple[list[Alert], int | None]:
    """Standing alerts (with `cleared` all) from before this id on, newest first, and the `before` of the next page."""
    query = select(alerts).order_by(alerts.c.id.desc()).limit(limit + 1)
    query = query if cleared else query.where(alerts.c.cleared_at.is_(None))
    query = query if code is None else query.where(alerts.c.code == code)
    query = query if before is None else query.where(alerts.c.id < before)
    listed = [_alert(row) for row in connection.execute(query)]
    return listed[:limit], listed[limit - 1].id if len(listed) > limit else None


def get(connection: Connection, alert_id: int) -> Alert | None:
    """The alert of this id, standing or cleared."""
    row = connection.execute(select(alerts).where(alerts.c.id == alert_id)).one_or_none()
    return None if row is None else _alert(row)


def settle(connection: Connection, alert_id: int, at: float) -> bool:
    """The alert of this id stands no longer; False where it did not."""
    return _end(connection, at, alerts.c.id == alert_id) > 0


def settle_all(connection: Connection, code: str, at: float) -> int:
    """No alert of this code stands any longer; how many did."""
    return _end(connection, at, alerts.c.code == code)


def _alert(row: Row[Any]) -> Alert:
    details = json_object(row.details, "a stored alert", id=row.id)
    return Alert(row.id, row.at, row.code, row.subject, details, row.cleared_at)


def standing(connection: Connection, codes: Collection[str]) -> list[Alert]:
    """All standing alerts of these codes: cheap, however many have ended."""
    query = select(alerts).where(alerts.c.code.in_(sorted(codes)), alerts.c.cleared_at.is_(None))
    return [_alert(row) for row in connection.execute(query)]


def listed(connection: Connection, *, cleared: bool = False, limit: int = 1000) -> list[Alert]:
    """The standing alerts (with `cleared` all), newest first."""
    if cleared:
        query = select(alerts).order_by(alerts.c.id.desc())
    else:  # in the order of an expression: by the key itself all that ever stood would be walked through
        query = select(alerts).where(alerts.c.cleared_at.is_(None)).order_by((alerts.c.id + 0).desc())
    return [_alert(row) for row in connection.execute(query.limit(limit))]


def counts(connection: Connection) -> dict[str, int]:
    """How many alerts of each code stand."""
    query = (
        select(alerts.c.code, func.count().label("standing"))
        .where(alerts.c.cleared_at.is_(None))
        .group_by(alerts.c.code)
    )
    return {row.code: row.standing for row in connection.execute(query)}
