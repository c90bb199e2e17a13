"""Two service processes on one PostgreSQL database: the holder of the leases is killed, and versions serve together."""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from killable_instance import PATIENCE, Instance, Killable
from next_version import NEXT

from chain_service.store import leases
from chain_service.store.database import Database

NEXT_PROGRAM = [sys.executable, str(Path(__file__).with_name("next_version.py"))]


@pytest.fixture(scope="module")
def instance(postgresql_server: str) -> Iterator[Instance]:
    with psycopg.connect(postgresql_server.format(name="postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE several_services")
    with tempfile.TemporaryDirectory(prefix="chain-service-several-") as directory:
        instance = Instance(Path(directory), postgresql_server.format(name="several_services"))
        with instance.chain():
            yield instance


@pytest.fixture
def services(instance: Instance) -> Iterator[list[Killable]]:
    with instance.service() as one, instance.service(port=instance.ports[1]) as other:
        for port in instance.ports:
            instance.ready(port)
        yield [one, other]


def holders(instance: Instance) -> set[str]:
    """The processes that have the leases, once both are taken."""
    database = Database(instance.settings.database_url)
    end = time.monotonic() + PATIENCE
    try:
        while True:
            with database.reading() as connection:
                held = [state.holder for state in leases.listed(connection) if state.held]
            if len(held) == len(leases.ROLES):
                return set(held)
            assert time.monotonic() < end, "nobody took the leases"
            time.sleep(0.05)
    finally:
        database.close()


@pytest.mark.long
def test_another_process_takes_over_from_one_that_is_killed(instance: Instance, services: list[Killable]) -> None:
    with instance.import_under_way(sizes=(1, 5)):
        for _ in range(2):
            before = holders(instance)
            for service in services:
                if f"{socket.gethostname()}:{service.process.pid}" in before:
                    service.kill()
            end = time.monotonic() + PATIENCE
            while holders(instance) & before:
                assert time.monotonic() < end
                time.sleep(0.05)
            instance.anchored(instance.submit(1))
    instance.check()


@pytest.mark.long
def test_versions_serve_together_while_one_service_after_the_other_is_upgraded(
    instance: Instance, services: list[Killable]
) -> None:
    """Nothing that is submitted meanwhile is refused, and all of it is anchored once."""
    one, other = services
    with instance.import_under_way(sizes=(1, 5)):
        holders(instance)
        one.replace(lambda: instance.serve(NEXT_PROGRAM, instance.ports[0]))
        instance.ready(instance.ports[0])
        assert version(instance) == NEXT
        instance.ready(instance.ports[1])
        instance.anchored(instance.submit(20))
        other.kill()  # the version before also starts on the newer schema
        instance.ready(instance.ports[1])
        other.replace(lambda: instance.serve(NEXT_PROGRAM, instance.ports[1]))
        instance.ready(instance.ports[1])
    instance.check()


def version(instance: Instance) -> str:
    with psycopg.connect(instance.settings.database_url) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None
    return str(row[0])
