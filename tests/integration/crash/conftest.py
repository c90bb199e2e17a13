"""One instance for each kind of database, killed over and over: what one test left must also survive the next."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from killable_instance import Instance, Killable


@pytest.fixture(scope="session")
def running(new_database_url: Callable[[], str]) -> Iterator[tuple[Instance, Killable]]:
    """An instance and its trial chain's process."""
    with tempfile.TemporaryDirectory(prefix="chain-service-crash-") as directory:
        instance = Instance(Path(directory), new_database_url())
        with instance.chain() as chain:
            yield instance, chain


@pytest.fixture
def instance(running: tuple[Instance, Killable]) -> Instance:
    return running[0]


@pytest.fixture
def chain(running: tuple[Instance, Killable]) -> Killable:
    return running[1]
