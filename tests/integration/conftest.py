"""Real databases for the tests: SQLite files, and a private PostgreSQL server where one is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from chain_service.store.database import Database


def _programs() -> Path | None:
    """The folder of PostgreSQL's own programs; distributions keep them off the PATH."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(packaged[-1]) if packaged else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _unprivileged() -> list[str]:
    """A prefix under which PostgreSQL agrees to run: it refuses root."""
    if os.geteuid() != 0:
        return []
    users = {entry.pw_name for entry in pwd.getpwall()}
    name = next((name for name in ("postgres", "nobody") if name in users), None)
    if name is None or shutil.which("runuser") is None:
        pytest.skip("PostgreSQL refuses to run as root and there is no other user here")
    return ["runuser", "-u", name, "--"]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL, less the database's name, of a server of our own that listens on a socket file only."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (initdb is neither in /usr/lib/postgresql nor on the PATH)")
    prefix = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="chain-service-pg-"))
    if prefix:
        shutil.chown(folder, prefix[2])
    data = folder / "data"

    def run(*arguments: str | Path) -> None:
        done = subprocess.run([*prefix, *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr

    try:
        run(programs / "initdb", "-D", data, "-U", "chain", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off -c max_connections=200"
        run(programs / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-o", options, "start")
        try:
            yield f"postgresql://chain@/{{name}}?host={folder}"
        finally:
            run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _created(server: str, name: str, template: str) -> str:
    with psycopg.connect(server.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY".encode())
    return server.format(name=name)


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> str:
    """The name of a migrated database to copy; nobody is connected to it."""
    database = Database(_created(postgresql_server, "migrated", "template0"))
    database.migrate()
    database.close()
    return "migrated"


@contextmanager
def _passing(server: str, template: str) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex}"
    yield _created(server, name, template)
    with psycopg.connect(server.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def empty_postgresql(postgresql_server: str) -> Iterator[str]:
    """URL of an empty database on the private server."""
    with _passing(postgresql_server, "template0") as url:
        yield url


@pytest.fixture
def migrated_postgresql(postgresql_server: str, postgresql_template: str) -> Iterator[str]:
    """URL of a migrated database on the private server."""
    with _passing(postgresql_server, postgresql_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'chain_service.db'}"
    return str(request.getfixturevalue("empty_postgresql"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated database, once of each kind."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'chain_service.db'}")
        database.migrate()
    else:
        database = Database(request.getfixturevalue("migrated_postgresql"))
    yield database
    database.close()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], str]]:
    """Makes databases that stand for the whole run, once of each kind, not migrated on SQLite; each call another."""
    if request.param == "sqlite":
        yield lambda: f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'chain_service.db'}"
        return
    server, template = (request.getfixturevalue(name) for name in ("postgresql_server", "postgresql_template"))
    with ExitStack() as standing:
        yield lambda: standing.enter_context(_passing(server, template))


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database to open and migrate, once of each kind; on PostgreSQL a copy of a migrated one."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'chain_service.db'}"
    return str(request.getfixturevalue("migrated_postgresql"))
