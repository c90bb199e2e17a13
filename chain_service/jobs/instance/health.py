"""Whether the instance can do its work, and the figures that say how much of it waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chain_service.core.encoding.answers import answer, left_out
from chain_service.core.encoding.display import moment
from chain_service.core.encoding.text import Text
from chain_service.errors import ChainServiceError, Unavailable
from chain_service.jobs.alerts import ALERTS, CHAIN_HALTED
from chain_service.jobs.context import App
from chain_service.jobs.indexing.head_watch import why_old
from chain_service.jobs.leases import process_name
from chain_service.store import alerts, batches, chain_index, leases, records, submissions

LAG_BLOCKS = 20
"""Blocks that the index may be behind the newest block that can be final before the instance counts as not ready."""
MOST_ALERTS = 20


@answer
class PlainCheck:
    """Whether something is as it should be, and if not, why."""

    ok: bool
    code: str | None = left_out()
    detail: str | None = left_out()


@answer
class NodeCheck:
    """Whether the node answers, and its newest block."""

    ok: bool
    head: int | None = left_out()
    code: str | None = left_out()
    detail: str | None = left_out()


@answer
class IndexCheck:
    """How far the index is behind the node."""

    ok: bool
    block: int
    """The newest block that was read."""
    lag: int | None
    """Blocks between it and the node's newest; null where the node does not answer."""


@answer
class HeadCheck:
    """How old the newest final block is that verdicts rest on, and if too old, why."""

    ok: bool
    age_seconds: int
    time: str
    code: str | None = left_out()
    detail: str | None = left_out()
    newest: int | None = left_out()
    """The node's newest block, final or not."""
    sealed_by: int | None = left_out()
    """Validators that sealed recently."""
    validators: int | None = left_out()
    """Validators that may seal."""


@answer
class StandingAlert:
    """An alert that nothing has ended yet."""

    code: str
    subject: str
    since: str
    message: Text | None = left_out()
    remedy: Text | None = left_out()


@answer
class AlertsCheck:
    """Standing alerts, the first of them listed; they do not make the instance unready by themselves."""

    ok: bool
    standing: tuple[StandingAlert, ...]


@answer
class HeldLease:
    """A role of the workers, and the process that took it last."""

    role: str
    holder: str
    """Host and number of the process."""
    since: str
    held: bool
    """Whether that process has it still; if not, nobody has."""
    here: bool
    """Whether it is the one that answers."""


@answer
class WorkersCheck:
    """Whether some process does the workers' steps; standing by is no fault, and this alone makes nothing unready."""

    ok: bool
    leases: tuple[HeldLease, ...]


@answer
class ReadinessChecks:
    """What was looked at; without a database nothing of what it holds can be."""

    database: PlainCheck
    node: NodeCheck
    index: IndexCheck | PlainCheck | None = left_out()
    head: HeadCheck | PlainCheck | None = left_out()
    alerts: AlertsCheck | None = left_out()
    workers: WorkersCheck | None = left_out()
    """On PostgreSQL: which process has the lease of each role."""


@answer
class Readiness:
    """Whether the instance can do its work."""

    ready: bool
    checks: ReadinessChecks


def readiness(app: App) -> Readiness:
    """Database, node, age of the newest final block and lag of the index, each with its reason; never raises."""
    database, node = _database(app), _node(app)
    if not database.ok:
        return Readiness(ready=False, checks=ReadinessChecks(database, node))
    index, head = _index(app, node.head)
    ready = node.ok and index.ok and head.ok
    return Readiness(ready, ReadinessChecks(database, node, index, head, _alerts(app), _workers(app)))


def _database(app: App) -> PlainCheck:
    try:
        app.database.check()
    except ChainServiceError as error:
        return PlainCheck(ok=False, code=error.code, detail=error.message)
    return PlainCheck(ok=True)


def _node(app: App) -> NodeCheck:
    try:
        head = app.require_chain().reader.head()
    except ChainServiceError as error:
        return NodeCheck(ok=False, code=error.code, detail=error.message)
    return NodeCheck(ok=True, head=head)


def _index(app: App, node_head: int | None) -> tuple[IndexCheck | PlainCheck, HeadCheck | PlainCheck]:
    """How far the index is behind the node, and how old the newest final block is that verdicts rest on."""
    with app.database.reading() as connection:
        block = chain_index.newest_block(connection)
    if block is None:
        unread = PlainCheck(ok=False, code="index_empty", detail="no block has been read yet")
        return unread, unread
    lag = None if node_head is None else max(0, node_head - block.number)
    age = max(0, app.now - block.time)
    ok = age <= app.settings.halted_after
    head = HeadCheck(ok=ok, age_seconds=age, time=moment(block.time))
    if not ok:
        why = why_old(app, block)
        head = replace(
            head,
            code=why.code,
            detail=why.detail,
            newest=why.newest,
            sealed_by=why.sealed_by,
            validators=why.validators,
        )
    waiting = app.require_chain().reader.unfinal_blocks(block.number)
    return IndexCheck(ok=lag is None or lag <= LAG_BLOCKS + waiting, block=block.number, lag=lag), head


def _alerts(app: App) -> AlertsCheck:
    with app.database.reading() as connection:
        standing = alerts.listed(connection)
    return AlertsCheck(ok=not standing, standing=tuple(_shown(alert) for alert in standing[:MOST_ALERTS]))


def _workers(app: App) -> WorkersCheck | None:
    if app.database.dialect == "sqlite":
        return None
    with app.database.reading() as connection:
        states = leases.listed(connection)
    me = process_name()
    held = tuple(
        HeldLease(state.role, state.holder, moment(state.since), state.held, here=state.held and state.holder == me)
        for state in states
    )
    return WorkersCheck(ok=sum(lease.held for lease in held) == len(leases.ROLES), leases=held)


def _shown(alert: alerts.Alert) -> StandingAlert:
    meaning = ALERTS.get(alert.code)  # none for a code that only an older version raised
    return StandingAlert(
        code=alert.code,
        subject=alert.subject,
        since=moment(alert.at),
        message=None if meaning is None else meaning.message,
        remedy=None if meaning is None else meaning.remedy,
    )


def gauges(app: App) -> dict[str, float]:
    """Figures for monitoring, by name; empty while the database cannot be reached."""
    try:
        with app.database.reading() as connection:
            counts = batches.count(connection)
            waiting = records.waiting(connection)
            block = chain_index.newest_block(connection)
            backlog = submissions.backlog(connection)
            standing = alerts.listed(connection)
            roles = [state for state in leases.listed(connection) if state.held]
    except Unavailable:
        return {}
    now = app.clock()
    return {
        "records_pending": float(sum(total.count for total in waiting)),
        "records_batched": float(counts.batched),
        "records_anchored": float(counts.anchored),
        "oldest_pending_seconds": max((now - total.oldest for total in waiting), default=0.0),
        "submissions_open": float(backlog.count),
        "oldest_submission_seconds": now - backlog.oldest if backlog.oldest is not None else 0.0,
        "index_block": float(block.number) if block else 0.0,
        "head_age_seconds": now - block.time if block else float("inf"),
        "chain_halted": float(any(alert.code == CHAIN_HALTED for alert in standing)),
        "alerts_standing": float(len(standing)),
        **_lease_gauges(app, roles),
    }


def _lease_gauges(app: App, roles: Sequence[leases.LeaseState]) -> dict[str, float]:
    """On PostgreSQL: how many roles some process has, and how many of them this one."""
    if app.database.dialect == "sqlite":
        return {}
    here = sum(state.holder == process_name() for state in roles)
    return {"leases_held": float(len(roles)), "leases_held_here": float(here)}
