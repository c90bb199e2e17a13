"""The database: connections, transactions, versions of its schema."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, create_engine, delete, exc, insert, inspect, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

from chain_service.errors import Conflict, Unavailable
from chain_service.store.connecting.commits import followed_up, forgotten_on_error
from chain_service.store.connecting.drivers import (
    POOLED,
    WATCHING,
    WRITE,
    DatabaseLimits,
    is_read_only,
    parsed_url,
    reading_engine,
    writing_engine,
)
from chain_service.store.connecting.outages import outage, translated
from chain_service.store.schema import compatibility

MIGRATIONS = Path(__file__).with_name("migrations")
LOOKED = 2.0
"""Seconds for which a look at the pool waits for one of its connections to come back."""
WRITTEN = 3.0
"""Seconds for which a write that was committed shows that the database can be written."""
MIGRATION_SECONDS = 120.0
MIGRATION_LOCK_MILLISECONDS = 500
"""How long a migration waits for a lock: those who want the table meanwhile queue behind it, and a deadlock is looked
for, and one side ended, only after a second."""
FIRST_TO_COMPARE = "0010"
"""The oldest version that looks at `compatibility`: those before refuse every newer schema."""
_MIGRATION_LOCK = 0x636861696E5F7376  # "chain_sv": one migration at a time on PostgreSQL
_OF_WRITING = frozenset({"disk_full", "database_read_only"})
"""Causes that only a write meets: reads go on, so that nothing but the next write tells that they are gone."""
_WAITING_FOR_LOCKS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND wait_event_type = 'Lock'
    AND wait_event <> 'advisory' AND now() - query_start > interval '2 seconds'
"""
"""Advisory locks are those by which programs wait for each other's turn."""
_SERVER_SIDE = {
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
    "lock_timeout": 5000,
    "idle_session_timeout": 0,
}
"""Settings of a session that is kept: the server notices a peer that is gone, and no administrator's limit for idle
connections ends what is meant to idle."""
DriverError = exc.SQLAlchemyError
"""What a statement raises inside a transaction; it leaves the transaction translated."""


@dataclass
class _Writes:
    """How the last writes went, for all who share a database."""

    succeeded_at: float | None = None
    failed: Unavailable | None = None
    """Why the last one failed; None once one succeeded."""


class Database:
    """A SQLite file or a PostgreSQL database; safe to share between threads, to be made anew in each process."""

    def __init__(self, url: str, limits: DatabaseLimits | None = None) -> None:
        """Nothing is opened yet; `url` is `sqlite:///FILE` or `postgresql://…`.

        Raises Conflict (`unknown_database`) for any other.
        """
        parsed = parsed_url(url)
        self.limits = limits or DatabaseLimits()
        self.dialect = parsed.get_backend_name()
        self.read_only = is_read_only(parsed)
        """Whether it lies where nothing can be written; it is then read as it is."""
        self.engine: Engine = reading_engine(parsed, self.limits)
        self._apart = reading_engine(parsed, WATCHING, apart=True)
        self._writers = writing_engine(parsed, self.limits) if self.dialect == "sqlite" else self.engine
        self._one_writer = Lock()
        self.writes = _Writes()
        self._first: Callable[[Connection], None] | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction, committed on leaving, rolled back on any error.

        On SQLite it holds the one write lock from its start. Raises Unavailable with the cause as its code
        (`database_locked` where it stays locked for the seconds allowed, `database_read_only`, `disk_full`, …),
        Conflict (`constraint`) with the constraint's name where a rule of the schema is broken, BadRequest for a value
        that no column can hold (NUL or a lone surrogate in text, a number beyond 64 bits), Corrupt where the file is
        damaged.
        """
        if self.read_only:
            raise outage("database_read_only", "it lies on a read-only file system")
        try:
            with (
                self._turn(),
                self._connected({WRITE: True}, self._writers) as connection,
                followed_up(connection) as later,
                connection.begin(),
            ):
                if self._first is not None:
                    self._first(connection)
                yield connection
        except Unavailable as error:
            self.writes.succeeded_at = None
            if error.code in _OF_WRITING:
                self.writes.failed = error
            raise
        self.writes.succeeded_at, self.writes.failed = time.monotonic(), None
        for act in later:
            act()

    def guarded(self, first: Callable[[Connection], None]) -> Database:
        """The same database, whose every write transaction begins with `first`: what that raises ends it."""
        guarded = copy(self)
        guarded._first = first
        return guarded

    def session(self) -> Connection:
        """A connection to PostgreSQL outside the pool, each statement of it committed at once; `discard` ends it.

        Where the other side falls silent, this one and the server both notice within half a minute: what the session
        holds must not be held for somebody who is gone.
        """
        silence = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}
        engine = create_engine(
            self.engine.url,
            hide_parameters=True,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": 10, **silence},
        )
        with self.translated():
            connection = engine.connect()
            driver = connection.connection.dbapi_connection
            if connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() != driver.info.backend_pid:  # type: ignore[union-attr]
                self.discard(connection)
                raise Conflict(
                    "the workers' leases need a session of their own, and database_url leads to a pooler (pgbouncer)",
                    code="behind_pooler",
                )
            for name, value in _SERVER_SIDE.items():
                connection.exec_driver_sql(f"SET {name} = {value}")
            return connection

    def discard(self, connection: Connection) -> None:
        """The session is ended, whatever state it is in."""
        with suppress(DriverError):
            connection.invalidate()
        with suppress(DriverError):
            connection.close()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Errors of statements in a `session` leave as those of a transaction do."""
        with translated():
            yield

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Threads queue for SQLite's one write lock here: SQLite itself lets them sleep and ask again."""
        if self.dialect != "sqlite":
            yield
            return
        if not self._one_writer.acquire(timeout=self.limits.lock_seconds):
            raise outage("database_locked")
        try:
            yield
        finally:
            self._one_writer.release()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read-only transaction that sees one moment of the database throughout; errors as `transaction`."""
        with self._reading(self.engine) as connection:
            yield connection

    @contextmanager
    def watching(self) -> Iterator[Connection]:
        """As `reading`, on a connection of its own: whoever looks at the instance's health waits for no other user of
        the database, and no longer than a few seconds for the database.
        """
        with self._reading(self._apart) as connection:
            yield connection

    @contextmanager
    def _reading(self, engine: Engine) -> Iterator[Connection]:
        options: dict[str, Any] = {WRITE: False}
        if self.dialect == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._connected(options, engine) as connection, connection.begin():
            yield connection

    @contextmanager
    def as_one(self) -> Iterator[Database]:
        """All that is written through the database yielded is committed together on leaving, or none of it.

        Until then everybody else sees, on SQLite and PostgreSQL alike, what stood before; on SQLite nobody else writes.
        """
        with self.transaction() as connection:
            if self.dialect == "postgresql":
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # whole tables are written at once
            yield _Within(self, connection)

    @contextmanager
    def _connected(self, options: dict[str, Any], engine: Engine) -> Iterator[Connection]:
        with translated(), engine.connect() as connection:
            yield connection.execution_options(**options)

    def migrate(self) -> None:
        """The schema is this program's version, or a newer one that this program can serve; repeated or concurrent
        calls change nothing.

        Other processes may serve meanwhile: a migration that has to wait for a lock gives way and comes back. Raises
        Conflict (`database_newer`) where a newer program has changed what this one relies on, `database_older` where
        the database is older and lies on a read-only file system.
        """
        if self.read_only:
            self.check()
            return
        if self.dialect == "sqlite" and (file := Path(str(self.engine.url.database))).parent.is_dir():
            file.touch(mode=0o600)  # salts and holders' data will lie in it; SQLite's other files take its mode
        with self.reading() as connection:
            if _is_current(connection):
                return
        end = time.monotonic() + MIGRATION_SECONDS
        while True:
            try:
                self._migrate_now()
                break
            except Unavailable as error:
                if not _gave_way(error) or time.monotonic() >= end:
                    raise
            time.sleep(0.2)
        self.engine.dispose()  # open connections may remember the schema of before

    def _migrate_now(self) -> None:
        with self.transaction() as connection:
            if self.dialect == "postgresql":
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                connection.exec_driver_sql("SET LOCAL lock_timeout = 0")  # another's migration takes as long as it does
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {MIGRATION_LOCK_MILLISECONDS}")
            if not _is_current(connection):
                _upgrade(connection)

    def is_empty(self) -> bool:
        """Nothing was ever stored in it: no program has made its tables yet. Raises Unavailable."""
        if self.dialect == "sqlite" and not Path(str(self.engine.url.database)).exists():
            return True
        with self.watching() as connection:
            return _revision(connection) is None

    def check(self) -> None:
        """The database answers and has a schema that this program can serve.

        Raises Unavailable, Conflict `database_newer` (update the program) or `database_older` (migrate first).
        """
        with self.watching() as connection:
            if not _is_current(connection):
                raise Conflict("the database is older than this program; run its migration", code="database_older")

    def check_use(self) -> None:
        """As `check`, and it can be written, and connections to it are free. Raises Unavailable with the cause."""
        self.check()
        if self.read_only:
            raise outage("database_read_only", "it lies on a read-only file system")
        if self.writes.failed is not None:
            self._write_again()
        if self.dialect == "postgresql":
            self._check_server()
        elif self.writes.succeeded_at is None or time.monotonic() - self.writes.succeeded_at > WRITTEN:
            self._check_write_lock()
        end = time.monotonic() + LOOKED
        while self._is_exhausted():
            if time.monotonic() > end:
                raise outage("database_busy", f"{self.limits.connections} of {self.limits.connections}")
            time.sleep(0.05)

    def _check_server(self) -> None:
        with self.watching() as connection:
            if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one():
                raise outage("database_standby")
            # this transaction itself is read-only: what the next one would be
            if connection.exec_driver_sql("SHOW default_transaction_read_only").scalar_one() == "on":
                raise outage("database_read_only", "default_transaction_read_only is on")
            waiting = connection.exec_driver_sql(_WAITING_FOR_LOCKS).scalar_one()
        if waiting:
            raise outage("database_locked", f"{waiting} statements wait for it")

    def _write_again(self) -> None:
        """A write that changes nothing shows whether what the last one met is gone."""
        with self._connected({WRITE: True}, self._apart) as connection, connection.begin():
            connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
        self.writes.failed = None

    def _check_write_lock(self) -> None:
        with self._connected({WRITE: True}, self._apart) as connection, connection.begin():
            pass

    def _is_exhausted(self) -> bool:
        pool: Any = self.engine.pool
        return bool(pool.checkedout() >= self.limits.connections)

    def scrub(self) -> None:
        """What was erased before is in no file of a SQLite database any more; call it after each erasure.

        SQLite is rewritten whole (about a second for 200 MB, writers wait) and its write-ahead log emptied. PostgreSQL
        frees the space for reuse; its write-ahead log and all backups keep old bytes as long as their operator does.
        """
        options = {} if self.dialect == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
        with self._connected(options, self.engine if self.dialect == "sqlite" else self._apart) as connection:
            if self.dialect == "postgresql":
                if not connection.info.get(POOLED):  # behind a pooler a session has no bounds
                    connection.exec_driver_sql("SET statement_timeout = 0")
                connection.exec_driver_sql("VACUUM records, record_files, status_changes, approvals")
                return
            connection.exec_driver_sql("PRAGMA query_only=OFF")
            connection.info.pop(WRITE, None)
            connection.exec_driver_sql("VACUUM")
            if connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalars().first():
                raise outage("database_locked", "a reader holds old pages of it; scrub again")

    def close(self) -> None:
        """All pooled connections are closed."""
        for engine in (self.engine, self._writers, self._apart):
            engine.dispose()


class _Within(Database):
    """The database as one transaction sees it; its own transactions are savepoints of that one."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self.dialect, self.engine = database.dialect, database.engine
        self._connection, self._first = connection, None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with translated(), forgotten_on_error(self._connection), self._connection.begin_nested():
            yield self._connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with translated():
            yield self._connection


def _upgrade(connection: Connection) -> None:
    from alembic import command  # a tenth of a second, and nearly every start finds the schema current
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    scripts = [script.module for script in ScriptDirectory.from_config(config).walk_revisions()]
    readable_from = max(getattr(script, "readable_from", FIRST_TO_COMPARE) for script in scripts)
    connection.execute(delete(compatibility))
    connection.execute(insert(compatibility), {"one": 1, "readable_from": readable_from})


@cache
def _versions() -> tuple[str, ...]:
    """This program's versions of the schema, newest first: the numbers in its migrations' file names."""
    files = (MIGRATIONS / "versions").glob("v*.py")
    return tuple(sorted((file.name[1:].partition("_")[0] for file in files), reverse=True))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _is_current(connection: Connection) -> bool:
    """Whether the schema needs no migration: it is this program's, or a newer one that only added to it.

    Raises Conflict (`database_newer`) where a newer one changed more.
    """
    revision = _revision(connection)
    if revision is None or revision in _versions():
        return revision == _versions()[0]
    readable_from = None
    if inspect(connection).has_table(compatibility.name):
        readable_from = connection.execute(select(compatibility.c.readable_from)).scalar_one_or_none()
    if readable_from is None or readable_from > _versions()[0]:
        raise Conflict(
            "the database was written by a newer version of this program; update the program",
            code="database_newer",
            found=revision,
            readable_from=readable_from,
        )
    return True


def _gave_way(error: Unavailable) -> bool:
    """A migration ended because it would not wait longer for a lock, or to resolve a deadlock."""
    cause = getattr(error.__cause__, "orig", None)
    return getattr(cause, "sqlstate", None) in ("55P03", "40P01")
