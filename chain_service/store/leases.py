"""Who works on a PostgreSQL database: one process at a time for each role, as long as its connection lives.

A session advisory lock says who may work. It ends with the connection, whatever ended that: kill -9, a cut, a restart
of the server. By itself it would not be enough: whoever loses it in the midst of a step does not notice. So each holder
counts the role's term up, and every transaction of a step begins by reading the term and keeps it locked until its end
(fencing). A new holder thus waits for the transactions that began before it, and whatever the former one begins
afterwards is refused: two indexing processes P and Q, P cut off in the midst of a step; Q gets the lock, raises the
term from 7 to 8 once P's open transaction has ended, and P's next transaction, of term 7, ends with `lease_lost`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Boolean, Connection, func, literal_column, select, text
from sqlalchemy.dialects import postgresql

from chain_service.errors import Conflict, Unavailable
from chain_service.store.database import Database
from chain_service.store.rows import all_as
from chain_service.store.schema import leases

Role = Literal["index", "send"]
ROLES: tuple[Role, ...] = ("index", "send")
"""Following the chain; closing batches and sending."""
_LOCKS = 1668505452  # "cs_l": the first half of the advisory locks' keys; the second is the role's place
_HELD = """EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = leases.session
    AND classid = 1668505452 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"""


@dataclass(frozen=True)
class LeaseState:
    """A role, who took it last and when, and whether that session still has it."""

    role: str
    holder: str
    since: float
    held: bool


class Lease:
    """One role, for one process; a connection of its own keeps it."""

    def __init__(self, database: Database, role: Role, holder: str) -> None:
        self.role = role
        self.term: int | None = None
        """The term in which this process has the role; None while it has not."""
        self._database = database
        self._holder = holder
        self._connection: Connection | None = None

    def take(self, at: float) -> bool:
        """Whether this process has the role now, newly or still. Raises `Unavailable` without the database.

        A connection that was cut is made anew; then the role is taken again, in a new term, if nobody else has it.
        """
        if self.term is not None:
            try:
                with self._database.translated():
                    self._own().execute(text("SELECT 1"))
                return True
            except Unavailable:
                self.release()
        try:
            with self._database.translated():
                return self._compete(at)
        except BaseException:
            self.release()
            raise

    def _compete(self, at: float) -> bool:
        connection = self._own()
        lock = select(func.pg_try_advisory_lock(_LOCKS, ROLES.index(self.role)))
        if not connection.execute(lock).scalar_one():
            return False
        row = {"role": self.role, "term": 1, "holder": self._holder, "since": at, "session": func.pg_backend_pid()}
        first = postgresql.insert(leases).values(row)
        told = {name: first.excluded[name] for name in ("holder", "since", "session")}
        next_term = first.on_conflict_do_update(index_elements=["role"], set_={"term": leases.c.term + 1, **told})
        self.term = connection.execute(next_term.returning(leases.c.term)).scalar_one()
        return True

    def _own(self) -> Connection:
        if self._connection is None:
            self._connection = self._database.session()
        return self._connection

    def require(self, connection: Connection) -> None:
        """The role is this process's until the transaction ends. Raises `Conflict` (`lease_lost`) where it is not."""
        term = select(leases.c.term).where(leases.c.role == self.role).with_for_update(read=True)
        if self.term is None or connection.execute(term).scalar_one_or_none() != self.term:
            raise Conflict(f"another process has taken over the role {self.role}", code="lease_lost", role=self.role)

    def release(self) -> None:
        """The role is free for others, and the connection closed."""
        connection, self._connection, self.term = self._connection, None, None
        if connection is not None:
            self._database.discard(connection)


def listed(connection: Connection) -> list[LeaseState]:
    """Every role that was ever taken, by name; none on SQLite, where a file's lock has its place."""
    if connection.dialect.name != "postgresql":
        return []
    held = literal_column(_HELD, Boolean).label("held")
    query = select(leases.c.role, leases.c.holder, leases.c.since, held).order_by(leases.c.role)
    return all_as(connection.execute(query), LeaseState)
