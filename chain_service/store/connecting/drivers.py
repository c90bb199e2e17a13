"""Engines of SQLAlchemy: how a connection of each driver is opened, bounded and begun."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, NullPool, create_engine, event, exc, make_url
from sqlalchemy.engine import Engine

from chain_service.errors import Conflict

WRITE = "chain_service_write"
"""Execution option: whether a transaction writes; absent where a statement runs outside of one."""
WRITER_CACHE = 32 * 1024
"""KiB of pages that the one writing connection to SQLite keeps in memory."""
POOLED = "chain_service_pooled"
"""Mark of a connection behind a pooler, such as pgbouncer: its session is anybody's."""


@dataclass(frozen=True)
class DatabaseLimits:
    """How many connections are open at once, and how many seconds each kind of waiting may take."""

    connections: int = 60
    pool_seconds: float = 10.0
    connect_seconds: float = 5.0
    lock_seconds: float = 30.0
    statement_seconds: float = 60.0


WATCHING = DatabaseLimits(connect_seconds=3.0, lock_seconds=2.0, statement_seconds=5.0)
"""Those of connections that only look whether the database is well: they are to tell within ten seconds."""


def parsed_url(url: str) -> URL:
    """The URL with its driver. Raises Conflict (`unknown_database`), without the URL, which may hold a password."""
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise Conflict(
            "database_url is no URL; write sqlite:///FILE or postgresql://USER@HOST/NAME", code="unknown_database"
        ) from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise Conflict(
            f"database_url names {parsed.drivername}; use sqlite:///FILE or postgresql://USER@HOST/NAME",
            code="unknown_database",
        )
    if parsed.get_backend_name() == "sqlite" and _in_memory(parsed):
        raise Conflict("database_url must name a file; in-memory SQLite is not supported", code="unknown_database")
    return parsed


def _in_memory(url: URL) -> bool:
    name = url.database or ""
    return name in ("", ":memory:") or name.startswith("file:") or "uri" in url.query or "mode" in url.query


def is_read_only(url: URL) -> bool:
    """Whether the SQLite file stands where nothing can be written: a read-only file system, evidence put aside."""
    if url.get_backend_name() != "sqlite":
        return False
    file = Path(str(url.database))
    return file.exists() and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK))


def reading_engine(url: URL, limits: DatabaseLimits, *, apart: bool = False) -> Engine:
    """Connections of a pool, or with `apart` each one opened for its user and closed after."""
    pool: dict[str, Any] = {"poolclass": NullPool}
    if not apart:
        kept = min(20, limits.connections)
        pool = {"pool_size": kept, "max_overflow": limits.connections - kept, "pool_timeout": limits.pool_seconds}
    if url.get_backend_name() == "postgresql":
        return _postgresql(url, limits, pool)
    return _sqlite(url, limits, pool)


def writing_engine(url: URL, limits: DatabaseLimits) -> Engine:
    """SQLite's one writing connection."""
    engine = _sqlite(url, limits, {"pool_size": 1, "max_overflow": 0, "pool_timeout": limits.lock_seconds})
    event.listen(engine, "connect", _enlarge_cache)
    return engine


def _sqlite(url: URL, limits: DatabaseLimits, pool: dict[str, Any]) -> Engine:
    read_only = is_read_only(url)
    engine = create_engine(_immutable(url) if read_only else url, hide_parameters=True, **pool)

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # this module says BEGIN itself; the driver would defer the write lock
        connection.execute(f"PRAGMA busy_timeout={round(limits.lock_seconds * 1000)}").close()
        if not read_only:
            _write_ahead(connection, limits.lock_seconds)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _immutable(url: URL) -> URL:
    """The file as it is; SQLite may only pass over its write-ahead log where that is empty."""
    file = Path(str(url.database)).resolve()
    log = file.with_name(f"{file.name}-wal")
    whole = not log.exists() or log.stat().st_size == 0
    return url.set(database=file.as_uri(), query={"mode": "ro", "uri": "true"} | ({"immutable": "1"} if whole else {}))


def _write_ahead(connection: sqlite3.Connection, seconds: float) -> None:
    """The file keeps a write-ahead log.

    Two programs that switch a new file at once meet a lock that SQLite, fearing a deadlock, does not wait for.
    """
    end = time.monotonic() + seconds
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
    write = connection.get_execution_options().get(WRITE)
    if write is None:  # scrubbing: VACUUM runs outside transactions
        return
    driver: Any = connection.connection.dbapi_connection  # past SQLAlchemy: these two take as long as a whole query
    if connection.info.get(WRITE) is not write:
        driver.execute(f"PRAGMA query_only={'OFF' if write else 'ON'}").close()
        connection.info[WRITE] = write
    driver.execute("BEGIN IMMEDIATE" if write else "BEGIN").close()


def _postgresql(url: URL, limits: DatabaseLimits, pool: dict[str, Any]) -> Engine:
    """Every wait ends: for the server, a lock, a statement, and a peer that is gone without having said so.

    Behind a pooler that hands each transaction to another session (pgbouncer) nothing is left in a session: no
    prepared statements, and the bounds are set anew in each transaction. Such a pooler tells another process id than
    the server does.
    """
    arguments = {
        "connect_timeout": max(2, round(limits.connect_seconds)),  # libpq takes less for 2
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
    engine = create_engine(
        url, hide_parameters=True, connect_args=arguments, pool_pre_ping=not pool.get("poolclass"), **pool
    )

    def prepare(driver: Any, record: Any) -> None:
        told = driver.execute("SELECT pg_backend_pid()").fetchone()[0]
        driver.rollback()
        record.info[POOLED] = told != driver.info.backend_pid
        if record.info[POOLED]:
            driver.prepare_threshold = None
            return
        driver.execute(_bounds(limits, local=False))
        driver.commit()

    def begin(connection: Connection) -> None:
        if connection.info.get(POOLED) and connection.get_execution_options().get(WRITE) is not None:
            connection.exec_driver_sql(_bounds(limits, local=True))

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _bounds(limits: DatabaseLimits, *, local: bool) -> str:
    statement, lock = round(limits.statement_seconds * 1000), round(limits.lock_seconds * 1000)
    return (
        f"SELECT set_config('statement_timeout', '{statement}', {local}), set_config('lock_timeout', '{lock}', {local})"
    )
