"""The counter at which files with signatures are handed in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.worlds.jobs_city import City
from support.worlds.offices import write_trust_store


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trust store of the test authorities with lists of today."""
    return write_trust_store(tmp_path_factory.mktemp("trust"))


@pytest.fixture
def counter(city: City, trusted: Path) -> Iterator[City]:
    """The shared instance with that trust store."""
    other = city.on(trust_store=trusted)
    yield other
    other.app.parsers.close()
