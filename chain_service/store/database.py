"""The database: connections, transactions, versions of its schema."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, exc, inspect, text
from sqlalchemy.engine import Engine

from chain_service.errors import Conflict, Unavailable
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

MIGRATIONS = Path(__file__).with_name("migrations")
LOOKED = 2.0
"""Seconds for which a look at the pool waits for one of its connections to come back."""
WRITTEN = 3.0
"""Seconds for which a write that was committed shows that the database can be written."""
_MIGRATION_LOCK = 0x636861696E5F7376  # "chain_sv": one migration at a time on PostgreSQL
_OF_WRITING = frozenset({"disk_full", "database_read_only"})
"""Causes that only a write meets: reads go on, so that nothing but the next write tells that they are gone."""
_WAITING_FOR_LOCKS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND wait_event_type = 'Lock'
    AND wait_event <> 'advisory' AND now() - query_start > interval '2 seconds'
"""
"""Advisory locks are those by which programs wait for each other's turn."""
DriverError = exc.SQLAlchemyError
"""What a statement raises inside a transaction; it leaves the transaction translated."""


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
        self._written_at: float | None = None
        self.failed_write: Unavailable | None = None
        """Why the last write failed; None once one succeeded."""

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
            with self._turn(), self._connected({WRITE: True}, self._writers) as connection, connection.begin():
                yield connection
        except Unavailable as error:
            self._written_at = None
            if error.code in _OF_WRITING:
                self.failed_write = error
            raise
        self._written_at, self.failed_write = time.monotonic(), None

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
    def _connected(self, options: dict[str, Any], engine: Engine) -> Iterator[Connection]:
        with translated(), engine.connect() as connection:
            yield connection.execution_options(**options)

    def migrate(self) -> None:
        """The schema is this program's version; repeated or concurrent calls change nothing.

        Raises Conflict (`database_newer`) where a newer program has migrated it already, `database_older` where it lies
        on a read-only file system and is older.
        """
        if self.read_only:
            self.check()
            return
        if self.dialect == "sqlite" and (file := Path(str(self.engine.url.database))).parent.is_dir():
            file.touch(mode=0o600)  # salts and holders' data will lie in it; SQLite's other files take its mode
        with self.reading() as connection:
            if _revision(connection) == _versions()[0]:
                return
        with self.transaction() as connection:
            if self.dialect == "postgresql":
                lock = round(self.limits.lock_seconds * 1000)
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text("SET LOCAL lock_timeout = 0"))  # another program's migration may take long
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                connection.execute(text(f"SET LOCAL lock_timeout = {lock}"))
            revision = _revision(connection)
            _refuse_newer(revision)
            if revision != _versions()[0]:
                _upgrade(connection)
        self.engine.dispose()  # open connections may remember the schema of before

    def check(self) -> None:
        """The database answers and has this program's schema.

        Raises Unavailable, Conflict `database_newer` (update the program) or `database_older` (migrate first).
        """
        with self.watching() as connection:
            revision = _revision(connection)
        _refuse_newer(revision)
        if revision != _versions()[0]:
            raise Conflict("the database is older than this program; run its migration", code="database_older")

    def check_use(self) -> None:
        """As `check`, and it can be written, and connections to it are free. Raises Unavailable with the cause."""
        self.check()
        if self.read_only:
            raise outage("database_read_only", "it lies on a read-only file system")
        if self.failed_write is not None:
            self._write_again()
        if self.dialect == "postgresql":
            self._check_server()
        elif self._written_at is None or time.monotonic() - self._written_at > WRITTEN:
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
        self.failed_write = None

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
                connection.exec_driver_sql("VACUUM records, record_files, status_changes")
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


def _upgrade(connection: Connection) -> None:
    from alembic import command  # a tenth of a second, and nearly every start finds the schema current
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@cache
def _versions() -> tuple[str, ...]:
    """This program's versions of the schema, newest first: the numbers in its migrations' file names."""
    files = (MIGRATIONS / "versions").glob("v*.py")
    return tuple(sorted((file.name[1:].partition("_")[0] for file in files), reverse=True))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision not in _versions():
        raise Conflict(
            "the database was written by a newer version of this program; update the program",
            code="database_newer",
            found=revision,
        )
