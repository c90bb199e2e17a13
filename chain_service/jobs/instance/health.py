"""Whether the instance can do its work, and the figures that say how much of it waits."""

from __future__ import annotations

from typing import Any

from chain_service.core.encoding.display import moment
from chain_service.errors import ChainServiceError, Unavailable
from chain_service.jobs.alerts import ALERTS, CHAIN_HALTED
from chain_service.jobs.context import App
from chain_service.jobs.indexing.head_watch import why_old
from chain_service.store import alerts, batches, chain_index, records, submissions

LAG_BLOCKS = 20
"""Blocks that the index may be behind the newest block that can be final before the instance counts as not ready."""


def readiness(app: App) -> dict[str, Any]:
    """Database, node, age of the newest final block and lag of the index, each with its reason; never raises."""
    checks: dict[str, dict[str, Any]] = {"database": _database(app)}
    head = _node(app, checks)
    if checks["database"]["ok"]:
        checks |= _index(app, head)
        checks["alerts"] = _alerts(app)
    must = ("database", "node", "index", "head")
    return {"ready": all(checks.get(name, {}).get("ok", False) for name in must), "checks": checks}


def _database(app: App) -> dict[str, Any]:
    try:
        app.database.check()
    except ChainServiceError as error:
        return {"ok": False, "code": error.code, "detail": error.message}
    return {"ok": True}


def _node(app: App, checks: dict[str, dict[str, Any]]) -> int | None:
    try:
        head = app.require_chain().reader.head()
    except ChainServiceError as error:
        checks["node"] = {"ok": False, "code": error.code, "detail": error.message}
        return None
    checks["node"] = {"ok": True, "head": head}
    return head


def _index(app: App, node_head: int | None) -> dict[str, dict[str, Any]]:
    """How far the index is behind the node, and how old the newest final block is that verdicts rest on."""
    with app.database.reading() as connection:
        block = chain_index.head_block(connection)
    if block is None:
        unread = {"ok": False, "code": "index_empty", "detail": "no block has been read yet"}
        return {"index": unread, "head": unread}
    lag = None if node_head is None else max(0, node_head - block.number)
    age = max(0, app.now - block.time)
    head = {"ok": age <= app.settings.halted_after, "ageSeconds": age, "time": moment(block.time)}
    if not head["ok"]:
        head |= why_old(app, block)
    waiting = app.require_chain().reader.unfinal_blocks(block.number)
    return {
        "index": {"ok": lag is None or lag <= LAG_BLOCKS + waiting, "block": block.number, "lag": lag},
        "head": head,
    }


def _alerts(app: App) -> dict[str, Any]:
    """Standing alerts, by code; they do not make the instance unready by themselves."""
    with app.database.reading() as connection:
        standing = alerts.listed(connection)
    return {
        "ok": not standing,
        "standing": [_shown(one) for one in standing[:20]],
    }


def _shown(alert: alerts.Alert) -> dict[str, Any]:
    shown: dict[str, Any] = {"code": alert.code, "subject": alert.subject, "since": moment(alert.at)}
    if meaning := ALERTS.get(alert.code):  # none for a code that only an older version raised
        shown["message"] = {"zh": meaning.zh, "en": meaning.en}
        shown["remedy"] = {"zh": meaning.remedy_zh, "en": meaning.remedy_en}
    return shown


def gauges(app: App) -> dict[str, float]:
    """Figures for monitoring, by name; empty while the database cannot be reached."""
    try:
        with app.database.reading() as connection:
            counts = batches.count(connection)
            waiting = records.waiting(connection)
            block = chain_index.head_block(connection)
            backlog = submissions.backlog(connection)
            standing = alerts.listed(connection)
    except Unavailable:
        return {}
    now = app.clock()
    return {
        "records_pending": float(sum(one.count for one in waiting)),
        "records_batched": float(counts.batched),
        "records_anchored": float(counts.anchored),
        "oldest_pending_seconds": max((now - one.oldest for one in waiting), default=0.0),
        "submissions_open": float(backlog.count),
        "oldest_submission_seconds": now - backlog.oldest if backlog.oldest is not None else 0.0,
        "index_block": float(block.number) if block else 0.0,
        "head_age_seconds": now - block.time if block else float("inf"),
        "chain_halted": float(any(one.code == CHAIN_HALTED for one in standing)),
        "alerts_standing": float(len(standing)),
    }
