"""One running network for all tests of this folder: four validators, a writer, an observer."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_network import CACHE, RunningNetwork, running

from chain_service.nodes.network.create import Plan
from chain_service.nodes.network.engines import geth_binary
from chain_service.nodes.network.engines.besu import find as find_besu

BOOT_SECONDS = 120


@pytest.fixture(scope="session")
def geth(request: pytest.FixtureRequest) -> Path:
    """go-ethereum 1.13.15; a long run builds it into build/ when it is not here."""
    named = os.environ.get("CHAIN_SERVICE_GETH")
    look = geth_binary.find_or_build if request.config.getoption("--long") else geth_binary.find
    found = Path(named) if named else look(CACHE)
    if found is None:
        pytest.skip("no geth 1.13.15: neither CHAIN_SERVICE_GETH, nor on PATH, nor in build/, nor could it be built")
    return found.resolve()


@pytest.fixture(scope="session", params=["geth", "besu"])
def network(request: pytest.FixtureRequest) -> Iterator[RunningNetwork]:
    """Four validators, period 1, with every node up; every test leaves it so."""
    binary = None
    if request.param == "geth":
        binary = request.getfixturevalue("geth")
    elif find_besu() is None:
        pytest.skip("no `besu` executable on PATH: its files are tested, its process is not")
    began = time.monotonic()
    with running(Plan(validators=4, engine=request.param), binary) as network:
        assert time.monotonic() - began < BOOT_SECONDS
        yield network


@pytest.fixture
def healthy(network: RunningNetwork) -> Iterator[RunningNetwork]:
    """The network with every node answering, before the test and again after it, whatever the test did."""
    yield network
    network.thaw(*network.running())
    network.up(timeout=120)
