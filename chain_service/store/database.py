"""The database: connections, transactions, versions of its schema."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, create_engine, delete, event, exc, insert, inspect, make_url, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

from chain_service.errors import BadRequest, ChainServiceError, Conflict, Corrupt, Unavailable
from chain_service.store.schema import compatibility

MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_SECONDS = 30
WRITER_CACHE = 32 * 1024
"""KiB of pages that the one writing connection to SQLite keeps in memory."""
MIGRATION_SECONDS = 120.0
MIGRATION_LOCK_MILLISECONDS = 500
"""How long a migration waits for a lock: those who want the table meanwhile queue behind it, and a deadlock is looked
for, and one side ended, only after a second."""
FIRST_TO_COMPARE = "0010"
"""The oldest version that looks at `compatibility`: those before refuse every newer schema."""
_MIGRATION_LOCK = 0x636861696E5F7376  # "chain_sv": one migration at a time on PostgreSQL
_WRITE = "chain_service_write"
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


class Database:
    """A SQLite file or a PostgreSQL database; safe to share between threads, to be made anew in each process."""

    def __init__(self, url: str) -> None:
        """Nothing is opened yet; `url` is `sqlite:///FILE` or `postgresql://…`."""
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.dialect = parsed.get_backend_name()
        if self.dialect not in ("sqlite", "postgresql"):
            raise Conflict(f"database_url names {self.dialect}; use sqlite or postgresql", code="unknown_database")
        if self.dialect == "sqlite" and not parsed.database:
            raise Conflict("database_url must name a file; in-memory SQLite is not supported")
        options: dict[str, Any] = {"pool_size": 20, "max_overflow": 40, "pool_timeout": BUSY_SECONDS}
        if self.dialect == "postgresql":
            options["pool_pre_ping"] = True
        self.engine: Engine = create_engine(parsed, hide_parameters=True, **options)
        self._writers = self.engine
        self._one_writer = Lock()
        self._first: Callable[[Connection], None] | None = None
        if self.dialect == "sqlite":
            self._writers = create_engine(
                parsed, hide_parameters=True, pool_size=1, max_overflow=0, pool_timeout=BUSY_SECONDS
            )
            event.listen(self._writers, "connect", _enlarge_cache)
            for engine in (self.engine, self._writers):
                event.listen(engine, "connect", _prepare_sqlite)
                event.listen(engine, "begin", _begin_sqlite)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction, committed on leaving, rolled back on any error.

        On SQLite it holds the one write lock from its start. Raises Unavailable (`database_unavailable`) where the
        database cannot be reached or stays locked for 30 s, Conflict (`constraint`) with the constraint's name where a
        rule of the schema is broken, BadRequest for a value that no column can hold (NUL or a lone surrogate in text, a
        number beyond 64 bits), Corrupt where the file is damaged.
        """
        with self._turn(), self._connected({_WRITE: True}, self._writers) as connection, connection.begin():
            if self._first is not None:
                self._first(connection)
            yield connection

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
        with _translated():
            yield

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Threads queue for SQLite's one write lock here: SQLite itself lets them sleep and ask again."""
        if self.dialect != "sqlite":
            yield
            return
        if not self._one_writer.acquire(timeout=BUSY_SECONDS):
            raise Unavailable("the database is locked by another process", code="database_unavailable")
        try:
            yield
        finally:
            self._one_writer.release()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read-only transaction that sees one moment of the database throughout; errors as `transaction`."""
        options: dict[str, Any] = {_WRITE: False}
        if self.dialect == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._connected(options, self.engine) as connection, connection.begin():
            yield connection

    @contextmanager
    def as_one(self) -> Iterator[Database]:
        """All that is written through the database yielded is committed together on leaving, or none of it.

        Until then everybody else sees, on SQLite and PostgreSQL alike, what stood before; on SQLite nobody else writes.
        """
        with self.transaction() as connection:
            yield _Within(self, connection)

    @contextmanager
    def _connected(self, options: dict[str, Any], engine: Engine) -> Iterator[Connection]:
        with _translated(), engine.connect() as connection:
            yield connection.execution_options(**options)

    def migrate(self) -> None:
        """The schema is this program's version, or a newer one that this program can serve; repeated or concurrent
        calls change nothing.

        Other processes may serve meanwhile: a migration that has to wait for a lock gives way and comes back. Raises
        Conflict (`database_newer`) where a newer program has changed what this one relies on.
        """
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
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {MIGRATION_LOCK_MILLISECONDS}")
            if not _is_current(connection):
                _upgrade(connection)

    def check(self) -> None:
        """The database answers and has a schema that this program can serve.

        Raises Unavailable, Conflict `database_newer` (update the program) or `database_older` (migrate first).
        """
        with self.reading() as connection:
            if not _is_current(connection):
                raise Conflict("the database is older than this program; run its migration", code="database_older")

    def scrub(self) -> None:
        """What was erased before is in no file of a SQLite database any more; call it after each erasure.

        SQLite is rewritten whole (about a second for 200 MB, writers wait) and its write-ahead log emptied. PostgreSQL
        frees the space for reuse; its write-ahead log and all backups keep old bytes as long as their operator does.
        """
        options = {} if self.dialect == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
        with self._connected(options, self.engine) as connection:
            if self.dialect == "postgresql":
                connection.exec_driver_sql("VACUUM records, record_files, status_changes, approvals")
                return
            connection.exec_driver_sql("PRAGMA query_only=OFF")
            connection.info.pop(_WRITE, None)
            connection.exec_driver_sql("VACUUM")
            if connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalars().first():
                raise Unavailable("a reader holds old pages of the database; scrub again", code="database_unavailable")

    def close(self) -> None:
        """All pooled connections are closed."""
        self.engine.dispose()
        self._writers.dispose()


class _Within(Database):
    """The database as one transaction sees it; its own transactions are savepoints of that one."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self.dialect, self.engine = database.dialect, database.engine
        self._connection = connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with _translated(), self._connection.begin_nested():
            yield self._connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with _translated():
            yield self._connection


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # this module says BEGIN itself; the driver would defer the write lock
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}").close()
    _write_ahead(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """The file keeps a write-ahead log.

    Two programs that switch a new file at once meet a lock that SQLite, fearing a deadlock, does not wait for.
    """
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
            time.sleep(0.02)


def _enlarge_cache(connection: sqlite3.Connection, _record: object) -> None:
    """Random keys touch pages all over an index: with SQLite's 2 MB a large database takes records half as fast."""
    connection.execute(f"PRAGMA cache_size=-{WRITER_CACHE}").close()


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get(_WRITE)
    if write is None:  # scrubbing: VACUUM runs outside transactions
        return
    driver: Any = connection.connection.dbapi_connection  # past SQLAlchemy: these two take as long as a whole query
    if connection.info.get(_WRITE) is not write:
        driver.execute(f"PRAGMA query_only={'OFF' if write else 'ON'}").close()
        connection.info[_WRITE] = write
    driver.execute("BEGIN IMMEDIATE" if write else "BEGIN").close()


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


@contextmanager
def _translated() -> Iterator[None]:
    """Driver errors leave as ours; none carries a row's values (PostgreSQL quotes the key that clashes)."""
    try:
        yield
    except ChainServiceError:
        raise
    except exc.IntegrityError as error:
        name = _constraint(error)
        raise Conflict(f"the change breaks the rule {name}", code="constraint", constraint=name) from None
    except (exc.DataError, OverflowError, UnicodeEncodeError) as error:
        raise BadRequest("a value is too long, too large or has characters that cannot be stored") from error
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError, sqlite3.OperationalError) as error:
        reason = str(getattr(error, "orig", None) or error)
        raise Unavailable(f"the database is unavailable: {reason}", code="database_unavailable") from error
    except sqlite3.DatabaseError as error:
        raise Corrupt(f"the database is damaged: {error}", code="database_damaged") from error
    except exc.DatabaseError as error:
        if isinstance(error, exc.ProgrammingError | exc.NotSupportedError):
            raise
        if error.connection_invalidated:
            raise Unavailable("the database closed the connection", code="database_unavailable") from error
        raise Corrupt(f"the database is damaged: {error.orig}", code="database_damaged") from error


def _constraint(error: exc.IntegrityError) -> str:
    """The constraint's name on PostgreSQL; on SQLite its columns or expression, as the driver says no more."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return str(diagnosis.constraint_name or diagnosis.column_name)
    return str(error.orig).partition(": ")[2] or str(error.orig)
