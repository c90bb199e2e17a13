"""Whether the instance can do its work, and the figures that say how much of it waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chain_service.chain.rpc import Rpc
from chain_service.core.encoding.answers import answer, left_out
from chain_service.core.encoding.display import moment
from chain_service.core.encoding.text import Text
from chain_service.errors import ChainServiceError
from chain_service.jobs.alerts import ALERTS, CAUSES, CHAIN_HALTED, VALIDATORS_UNKNOWN
from chain_service.jobs.context import App
from chain_service.jobs.indexing.head_watch import WhyOld, why_old
from chain_service.jobs.instance.node_health import NodeLook, look_at_nodes
from chain_service.jobs.instance.surroundings import (
    FINE,
    PlainCheck,
    check_certificate,
    check_clock,
    check_disk,
    check_journal,
    check_trust,
)
from chain_service.jobs.leases import process_name
from chain_service.jobs.validators import refresh_trust
from chain_service.store import alerts, batches, chain_index, leases, records, submissions
from chain_service.store.chain_index import IndexedBlock
from chain_service.store.database import DriverError

LAG_BLOCKS = 20
"""Blocks that the index may be behind the newest block that can be final before the instance counts as not ready."""
MOST_ALERTS = 20
_NAMED_TO_NOBODY = frozenset({"node", "key"})
"""Kinds of subjects whose names are for the operator alone."""


@answer
class NodeAnswer:
    """What one node answered; which it is says its place in `rpc_urls`, as anyone may read this."""

    place: int
    """From 1."""
    ok: bool
    head: int | None = left_out()
    code: str | None = left_out()
    detail: str | None = left_out()


@answer
class NodeCheck:
    """Whether a node serves our chain, and its newest block."""

    ok: bool
    head: int | None = left_out()
    code: str | None = left_out()
    detail: str | None = left_out()
    nodes: tuple[NodeAnswer, ...] = ()


@answer
class IndexCheck:
    """How far the index is behind the node."""

    ok: bool
    block: int
    """The newest block that was read."""
    lag: int | None
    """Blocks between it and the node's newest; null where the node does not answer."""
    code: str | None = left_out()
    detail: str | None = left_out()


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
    """What it is about: a node by its place in `rpc_urls`, and of keys only that it is one, as anyone may read this."""
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
    disk: PlainCheck
    clock: PlainCheck
    certificate: PlainCheck
    trust: PlainCheck
    """The trust file handed out; one that has expired does not make the instance unready."""
    node: NodeCheck
    journal: PlainCheck | None = left_out()
    """Whether an organisation can carry the journal's head to the chain; this alone makes nothing unready."""
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


@dataclass(frozen=True)
class HealthFinding:
    """Something that is not well, as the alert of this code and subject says it."""

    check: str
    code: str
    subject: str
    detail: str


def readiness(app: App) -> Readiness:
    """Everything that the instance needs for its work, each with its reason; never raises."""
    return examine(app)[0]


def examine(
    app: App, nodes: Sequence[Rpc] = (), served: bytes | None = None
) -> tuple[Readiness, tuple[HealthFinding, ...]]:
    """As `readiness`, and what is not well with the names of nodes, which are not for everyone; asks `nodes` in place
    of the instance's own clients. `served` is the certificate, in PEM, that clients are shown.
    """
    remembered, database = _remembered(app)
    block, standing = remembered.block, remembered.standing
    looks = _looks(app, nodes, block)
    newest = max((look for look in looks if look.cause is None), key=lambda look: look.head or 0, default=None)
    if newest is not None and newest.head is not None:
        app.require_chain().reader.arrivals.note(newest.head, newest.time, app.clock())
    node = _node(app, looks, newest)
    index, head = _index(app, database, node, block, remembered.unknown_validators)
    places = {look.name: str(place) for place, look in enumerate(looks, 1)}
    checks = ReadinessChecks(
        database=database,
        disk=check_disk(app),
        clock=check_clock(app, block, 0 if newest is None else newest.time),
        certificate=check_certificate(app, served),
        trust=check_trust(app),
        journal=remembered.journal,
        node=node,
        index=index,
        head=head,
        alerts=None if standing is None else _alerts(standing, places),
        workers=None if remembered.roles is None or not database.ok else _workers(remembered.roles),
    )
    needed = (database, checks.disk, checks.clock, checks.certificate, node, index, head)
    ready = all(check is not None and check.ok for check in needed)
    return Readiness(ready, checks), (*_found(checks), *_found_of_nodes(looks))


@dataclass
class _Remembered:
    """What the database tells, as far as it does."""

    block: IndexedBlock | None = None
    """The newest that was read."""
    standing: list[alerts.Alert] | None = None
    """Alerts, the newest."""
    unknown_validators: bool = False
    """An alert says that a block names validators that are not trusted."""
    journal: PlainCheck | None = None
    roles: list[leases.LeaseState] | None = None
    """Of the workers, on PostgreSQL."""


def _remembered(app: App) -> tuple[_Remembered, PlainCheck]:
    """What the database tells, and whether it is well."""
    found = _Remembered()
    try:
        with app.database.watching() as connection:
            found.block = chain_index.newest_block(connection)
            found.standing = alerts.listed(connection)
            found.unknown_validators = bool(alerts.standing(connection, {VALIDATORS_UNKNOWN}))
            refresh_trust(app, connection)
            found.journal = check_journal(app, connection)
            if app.database.dialect == "postgresql":
                found.roles = leases.listed(connection)
        app.database.check_use()
    except ChainServiceError as error:
        return found, PlainCheck(ok=False, code=error.code, detail=error.message)
    except DriverError as error:
        return found, PlainCheck(ok=False, code="database_unavailable", detail=type(error).__name__)
    return found, FINE


def _looks(app: App, nodes: Sequence[Rpc], block: IndexedBlock | None) -> list[NodeLook]:
    if app.chain is None:
        return []
    return look_at_nodes(nodes or app.chain.rpc.nodes(), app.chain.reader.trust, block)


def _node(app: App, looks: Sequence[NodeLook], newest: NodeLook | None) -> NodeCheck:
    if app.chain is None:
        return NodeCheck(ok=False, code="not_deployed", detail="no contracts yet")
    answers = tuple(
        NodeAnswer(place, ok=True, head=look.head)
        if look.cause is None
        else NodeAnswer(place, ok=False, head=look.head, code=look.cause.code, detail=look.cause.sentence)
        for place, look in enumerate(looks, 1)
    )
    if newest is not None:
        return NodeCheck(ok=True, head=newest.head, nodes=answers)
    codes = {answer.code for answer in answers}
    told = "; ".join(sorted({str(answer.detail) for answer in answers}))
    heads = [answer.head for answer in answers if answer.head is not None]
    code = codes.pop() if len(codes) == 1 else "node_unavailable"
    return NodeCheck(ok=False, head=max(heads, default=None), code=code, detail=told, nodes=answers)


def _index(
    app: App,
    database: PlainCheck,
    node: NodeCheck,
    block: IndexedBlock | None,
    unknown_validators: bool,
) -> tuple[IndexCheck | PlainCheck | None, HeadCheck | PlainCheck | None]:
    """How far the index is behind the node, and how old the newest final block is that verdicts rest on."""
    if block is None:
        unread = PlainCheck(ok=False, code="index_empty", detail="no block has been read yet")
        return (None, None) if not database.ok or app.chain is None else (unread, unread)
    lag = None if node.head is None else max(0, node.head - block.number)
    allowed = LAG_BLOCKS + app.require_chain().reader.unfinal_blocks(block.number)
    index = IndexCheck(ok=lag is None or lag <= allowed, block=block.number, lag=lag)
    if unknown_validators:
        detail = "a block names validators that are not trusted yet"
        index = replace(index, ok=False, code=VALIDATORS_UNKNOWN, detail=detail)
    elif not index.ok:
        index = replace(index, code="index_behind", detail=f"{lag} blocks of the node have not been read")
    age = max(0, app.now - block.time)
    head = HeadCheck(ok=age <= app.settings.halted_after, age_seconds=age, time=moment(block.time))
    if not head.ok:
        why = why_old(app, block) if node.ok else WhyOld("node_unavailable", node.detail or "")
        head = replace(
            head,
            code=why.code,
            detail=why.detail,
            newest=why.newest,
            sealed_by=why.sealed_by,
            validators=why.validators,
        )
    return index, head


def _found(checks: ReadinessChecks) -> list[HealthFinding]:
    names = ("database", "disk", "clock", "certificate", "trust", "journal", "index")
    plain = {name: getattr(checks, name) for name in names}
    return [
        HealthFinding(name, check.code, name, check.detail or "")
        for name, check in plain.items()
        if check is not None and check.code in CAUSES
    ]


def _found_of_nodes(looks: Sequence[NodeLook]) -> list[HealthFinding]:
    return [
        HealthFinding("node", look.cause.code, look.name, look.cause.sentence)
        for look in looks
        if look.cause is not None
    ]


def _alerts(standing: Sequence[alerts.Alert], places: Mapping[str, str]) -> AlertsCheck:
    return AlertsCheck(ok=not standing, standing=tuple(_shown(alert, places) for alert in standing[:MOST_ALERTS]))


def _workers(states: Sequence[leases.LeaseState]) -> WorkersCheck:
    me = process_name()
    held = tuple(
        HeldLease(state.role, state.holder, moment(state.since), state.held, here=state.held and state.holder == me)
        for state in states
    )
    return WorkersCheck(ok=sum(lease.held for lease in held) == len(leases.ROLES), leases=held)


def _shown(alert: alerts.Alert, places: Mapping[str, str]) -> StandingAlert:
    meaning = ALERTS.get(alert.code)  # none for a code that only an older version raised
    kind = "" if meaning is None else meaning.subject
    return StandingAlert(
        code=alert.code,
        subject=places.get(alert.subject, kind) if kind in _NAMED_TO_NOBODY else alert.subject,
        since=moment(alert.at),
        message=None if meaning is None else meaning.message,
        remedy=None if meaning is None else meaning.remedy,
    )


def gauges(app: App) -> dict[str, float]:
    """Figures for monitoring, by name; empty while the database cannot be reached."""
    try:
        with app.database.watching() as connection:
            counts = batches.count(connection)
            waiting = records.waiting(connection)
            block = chain_index.newest_block(connection)
            backlog = submissions.backlog(connection)
            standing = alerts.counts(connection)
            roles = [state for state in leases.listed(connection) if state.held]
    except (ChainServiceError, DriverError):
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
        "chain_halted": float(CHAIN_HALTED in standing),
        "alerts_standing": float(sum(standing.values())),
        **_lease_gauges(app, roles),
    }


def standing_counts(app: App) -> dict[str, int]:
    """How many alerts of each code stand; empty while the database cannot be reached."""
    try:
        with app.database.watching() as connection:
            return alerts.counts(connection)
    except (ChainServiceError, DriverError):
        return {}


def _lease_gauges(app: App, roles: Sequence[leases.LeaseState]) -> dict[str, float]:
    """On PostgreSQL: how many roles some process has, and how many of them this one."""
    if app.database.dialect == "sqlite":
        return {}
    here = sum(state.holder == process_name() for state in roles)
    return {"leases_held": float(len(roles)), "leases_held_here": float(here)}
