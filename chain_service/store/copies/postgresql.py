"""PostgreSQL's own dump, with the programs of its client."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import psycopg
from sqlalchemy import inspect, make_url, text
from sqlalchemy.engine import URL

from chain_service import files
from chain_service.errors import Conflict, Unavailable
from chain_service.store.copies.contents import CopiedContents, contents
from chain_service.store.database import Database
from chain_service.store.leases import listed
from chain_service.store.schema import leases

PIECE = 2**20
SCRATCH = "chain_service_verify_"


def dump_postgresql(
    database: Database, write: Callable[[bytes], object], progress: Callable[[int, int], None]
) -> CopiedContents:
    """`write` gets a pg_dump of the database at one moment, and the answer is what it held then.

    Raises Unavailable (`tool_missing`, `tool_failed`).
    """
    with database.reading() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # counting a large database takes its time
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        held = contents(connection)
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        with _conninfo(database.engine.url) as address:
            command = [_program("pg_dump"), *options, f"--dbname={address}"]
            with (
                tempfile.TemporaryFile() as told,
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told) as dump,  # noqa: S603 - arguments of ours
            ):
                assert dump.stdout is not None
                done = 0
                while piece := dump.stdout.read(PIECE):
                    write(piece)
                    done += len(piece)
                    progress(min(done, size), size)
                _require_done("pg_dump", dump.wait(), told)
    return held


def require_empty(url: str) -> None:
    """No table stands in the database, so nothing is lost in it. Raises Unavailable (`scratch_refused`)."""
    database = Database(url)
    try:
        with database.reading() as connection:
            names = inspect(connection).get_table_names()
    finally:
        database.close()
    if names:
        raise Unavailable(f"the scratch database is not empty: it holds {names[0]}", code="scratch_refused")


def require_idle(url: str) -> None:
    """No process, of whatever machine, works on the database. Raises Conflict (`worker_running`)."""
    database = Database(url)
    try:
        with database.reading() as connection:
            known = inspect(connection).has_table(leases.name)
            holders = [lease.holder for lease in listed(connection) if lease.held] if known else []
    finally:
        database.close()
    if holders:
        raise Conflict(f"{holders[0]} works on the database", code="worker_running", holder=holders[0])


def restore_postgresql(url: str, dump: Path) -> None:
    """The database holds what the dump holds instead of what it held, in one transaction.

    Raises Unavailable (`tool_missing`, `tool_failed`, `database_unavailable`).
    """
    database = Database(url)
    try:
        with database.reading() as connection:
            quoted = connection.dialect.identifier_preparer.quote
            tables = [quoted(name) for name in inspect(connection).get_table_names()]
        address = database.engine.url
    finally:
        database.close()
    first = "BEGIN;\n" + (f"DROP TABLE IF EXISTS {', '.join(tables)} CASCADE;\n" if tables else "")
    with _conninfo(address) as told_to, tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as said:
        reading = [_program("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(dump)]
        writing = [_program("psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]
        with (
            subprocess.Popen(reading, stdout=subprocess.PIPE, stderr=told) as source,  # noqa: S603 - arguments of ours
            subprocess.Popen(  # noqa: S603 - arguments of ours
                [*writing, f"--dbname={told_to}"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
            ) as sink,
        ):
            assert source.stdout is not None
            assert sink.stdin is not None
            whole = True
            try:
                sink.stdin.write(first.encode())
                while piece := source.stdout.read(PIECE):
                    sink.stdin.write(piece)
                whole = source.wait() == 0
                if whole:
                    sink.stdin.write(b"COMMIT;\n")  # whatever ends before this leaves what stood
                sink.stdin.close()
            except BrokenPipeError:
                source.kill()
            ended = sink.wait()
            if not whole:
                _require_done("pg_restore", source.wait(), told)
            _require_done("psql", ended, said)


@contextmanager
def scratch_postgresql(url: str) -> Iterator[str]:
    """The URL of an empty database on the same server, gone at the end; so are those that killed processes left.

    A connection to it stands as long as it is used, by which others see that it is. Raises Unavailable
    (`scratch_refused`).
    """
    parsed = make_url(url)
    name = f"{SCRATCH}{uuid.uuid4().hex[:12]}"
    server = _server_of(parsed)
    try:
        with psycopg.connect(server, autocommit=True) as connection:
            _drop_left(connection)
            using = _created(connection, name, _server_of(parsed.set(database=name)))
    except psycopg.Error as error:
        raise Unavailable(f"no scratch database could be made: {error}", code="scratch_refused") from None
    try:
        yield parsed.set(database=name).render_as_string(hide_password=False)
    finally:
        using.close()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def _server_of(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _created(connection: psycopg.Connection, name: str, address: str) -> psycopg.Connection:
    """A connection to the database of this name, which is made; again where another one drops it in between."""
    while True:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            return psycopg.connect(address, autocommit=True)
        except psycopg.OperationalError:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None:
                raise


def _drop_left(connection: psycopg.Connection) -> None:
    """Scratch databases of ours that nobody is connected to are gone; one that somebody takes meanwhile stays."""
    found = connection.execute(
        "SELECT datname FROM pg_database WHERE datname ~ %s AND pg_get_userbyid(datdba) = current_user"
        " AND datname NOT IN (SELECT datname FROM pg_stat_activity WHERE datname IS NOT NULL)",
        [f"^{SCRATCH}[0-9a-f]{{12}}$"],
    ).fetchall()
    for (name,) in found:
        with suppress(psycopg.Error):
            connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())


def _program(name: str) -> str:
    """Debian keeps each version's programs in a folder of its own; the newest one reads all older servers."""
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(packaged[-1]) if packaged else shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is not installed here", code="tool_missing", program=name)
    return found


@contextmanager
def _conninfo(url: URL) -> Iterator[str]:
    """How PostgreSQL's programs reach the database; the password is in a private file, not in their arguments."""
    parts = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database, **url.query}
    with files.scratch("chain-service-login-") as folder:
        if url.password is not None:
            file = folder / "password"
            file.touch(mode=0o600)
            with file.open("r+") as stream:
                stream.write(f"*:*:*:*:{str(url.password).replace(chr(92), chr(92) * 2).replace(':', chr(92) + ':')}\n")
            parts["passfile"] = str(file)
        yield psycopg.conninfo.make_conninfo(**{name: str(part) for name, part in parts.items() if part})


def _require_done(program: str, code: int, told: BinaryIO) -> None:
    if code:
        told.seek(0)
        why = told.read(2_000).decode("utf-8", "replace").strip()
        raise Unavailable(f"{program} failed: {why or f'exit code {code}'}", code="tool_failed", program=program)
