"""A trial chain shared by the tests of this folder, one instance on it for each kind of database, and chains of one's
own for the tests that stop, copy or mislead them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.worlds.jobs_city import City, Trial, instance, new_chain


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A stopped chain with contracts, to copy."""
    return new_chain(tmp_path_factory.mktemp("chains") / "template")


@pytest.fixture(scope="session")
def shared_chain(template: Trial) -> Iterator[Trial]:
    with template.copied(template.directory.with_name("shared")) as trial:
        yield trial


@pytest.fixture(scope="session")
def shared_city(
    new_database_url: Callable[[], str], shared_chain: Trial, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[City]:
    with instance(tmp_path_factory.mktemp("instance"), shared_chain, new_database_url(), at_once=20) as city:
        yield city


@pytest.fixture
def city(shared_city: City) -> Iterator[City]:
    """The shared instance, once on each kind of database; what a test registers stays, so everyone registers anew."""
    yield shared_city
    shared_city.clock.ahead = 0.0


@pytest.fixture
def own_chain(template: Trial, tmp_path: Path) -> Iterator[Trial]:
    """A chain that nobody else uses."""
    with template.copied(tmp_path / "chain") as trial:
        yield trial


@pytest.fixture
def own_city(migrated_database_url: str, own_chain: Trial, tmp_path: Path) -> Iterator[City]:
    """An instance and a chain that nobody else uses, once on each kind of database."""
    with instance(tmp_path / "data", own_chain, migrated_database_url) as city:
        yield city
