"""Real databases for the tests: SQLite files, and a private PostgreSQL server where one is installed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from chain_service.store.database import Database
from support.databases.postgresql import PostgresServer, private_folder


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL, less the database's name, of a server of our own that listens on a socket file only."""
    with private_folder() as folder, PostgresServer.made(folder).running():
        yield f"postgresql://chain@/{{name}}?host={folder}"


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
