"""What organisations ask before a record of theirs ends finally, and the ends that wait for a second approval."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from chain_service.errors import NotFound
from chain_service.store.auditing import journal
from chain_service.store.rows import all_as, one_or_none
from chain_service.store.schema import approvals, end_rules

Outcome = Literal["approved", "refused", "expired"]
ApprovalState = Literal["waiting", "approved", "refused", "expired"]


@dataclass(frozen=True)
class NewApproval:
    """A final end that waits; `body` is the change asked for, in canonical JSON. Times are unix seconds."""

    id: str
    record_id: str
    org: str
    body: bytes
    key_id: str | None
    """Who asked; None: the operator."""
    created_at: float
    expires_at: float


@dataclass(frozen=True)
class Approval:
    """One as it stands; `body` is None once its record was erased."""

    seq: int
    id: str
    record_id: str
    org: str
    body: bytes | None
    key_id: str | None
    created_at: float
    expires_at: float
    outcome: Outcome | None
    decided_at: float | None
    decided_by: str | None
    change_id: str | None

    def state(self, now: float) -> ApprovalState:
        """What it is at this moment; one that nobody decided in time has expired."""
        if self.outcome is not None:
            return self.outcome
        return "waiting" if now < self.expires_at else "expired"


@dataclass(frozen=True)
class EndRule:
    """What an organisation asks before a record of its own ends finally."""

    second_approval: bool = False
    daily_ends: int | None = None
    """Final ends in a day of UTC; None: any number."""


def rule(connection: Connection, org: str) -> EndRule:
    """The organisation's rule; one that asks for nothing where it set none."""
    columns = (end_rules.c.second_approval, end_rules.c.daily_ends)
    return one_or_none(connection.execute(select(*columns).where(end_rules.c.org == org)), EndRule) or EndRule()


def count_rules(connection: Connection, org: str) -> int:
    """How many times the organisation's rule was set."""
    return journal.count_entries(connection, "end_rules", org)


def set_rule(connection: Connection, org: str, new: EndRule) -> None:
    """The organisation's rule is this one; what was spent of today stays spent."""
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    values = asdict(new)
    row = make(end_rules).values(org=org, since=0, used=0, **values)
    connection.execute(row.on_conflict_do_update(index_elements=[end_rules.c.org], set_=values))
    journal.note(connection, "end_rules", org=org)


def spend_end(connection: Connection, org: str, since: int) -> bool:
    """One final end of the day that began at `since` is counted; False where the organisation has none left."""
    mine = end_rules.c.org == org
    columns = (end_rules.c.daily_ends, end_rules.c.since, end_rules.c.used)
    row = connection.execute(select(*columns).where(mine).with_for_update()).one_or_none()
    if row is None:
        return True
    used = row.used if row.since >= since else 0
    if row.daily_ends is not None and used >= row.daily_ends:
        return False
    connection.execute(update(end_rules).where(mine).values(since=max(since, row.since), used=used + 1))
    return True


def add(connection: Connection, new: NewApproval) -> None:
    """The end waits. Raises Conflict (`constraint`) where another one of its record does."""
    connection.execute(insert(approvals), asdict(new))
    journal.note(connection, "approvals", id=new.id)


def waiting(connection: Connection, record_id: str, now: float) -> Approval | None:
    """The end of this record that waits; one that nobody decided in time is set down as expired."""
    open_ones = (approvals.c.record_id == record_id, approvals.c.outcome.is_(None))
    late = update(approvals).where(*open_ones, approvals.c.expires_at <= now)
    expired = connection.execute(late.values(outcome="expired", decided_at=now).returning(approvals.c.id)).scalars()
    journal.note(connection, "approvals", id=list(expired))
    return one_or_none(connection.execute(select(approvals).where(*open_ones)), Approval)


def get(connection: Connection, id: str) -> Approval:
    """The approval of this id, locked until the end of the transaction. Raises NotFound (`approval_unknown`)."""
    query = select(approvals).where(approvals.c.id == id).with_for_update()
    found = one_or_none(connection.execute(query), Approval)
    if found is None:
        raise NotFound("no approval has this id", code="approval_unknown", id=id)
    return found


def decide(
    connection: Connection, id: str, outcome: Outcome, *, by: str | None, at: float, change: str | None = None
) -> None:  # fmt: skip
    """The approval waits no longer."""
    values = {"outcome": outcome, "decided_by": by, "decided_at": at, "change_id": change}
    connection.execute(update(approvals).where(approvals.c.id == id, approvals.c.outcome.is_(None)).values(values))
    journal.note(connection, "approvals", id=id)


@dataclass(frozen=True)
class ApprovalFilters:
    """Which are asked for; None: whatever it is."""

    org: str | None = None
    record_id: str | None = None
    state: ApprovalState | None = None
    """At the moment `now`."""
    now: float = 0.0


def page(
    connection: Connection, filters: ApprovalFilters, *, before: int | None, limit: int
) -> tuple[list[Approval], int | None]:
    """Approvals from before this place on, newest first, and the `before` of the next page."""
    query = select(approvals).order_by(approvals.c.seq.desc()).limit(limit + 1)
    query = query if filters.org is None else query.where(approvals.c.org == filters.org)
    query = query if filters.record_id is None else query.where(approvals.c.record_id == filters.record_id)
    query = query if before is None else query.where(approvals.c.seq < before)
    undecided, late = approvals.c.outcome.is_(None), approvals.c.expires_at <= filters.now
    if filters.state == "waiting":
        query = query.where(undecided, ~late)
    elif filters.state == "expired":
        query = query.where((approvals.c.outcome == "expired") | (undecided & late))
    elif filters.state is not None:
        query = query.where(approvals.c.outcome == filters.state)
    listed = all_as(connection.execute(query), Approval)
    return listed[:limit], listed[limit - 1].seq if len(listed) > limit else None
