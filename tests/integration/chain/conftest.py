"""A trial chain with deployed contracts, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chain_world import Chain, World, trial_chain

from chain_service.chain.deployment import deploy
from chain_service.chain.rpc import Rpc


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("chain")
    with trial_chain(directory) as chain, Rpc([chain.url]) as rpc:
        deployment = deploy(rpc, chain.registrar, state=directory / "deployment.partial.json")
        yield World(chain.url, chain.registrar, rpc, deployment)


@pytest.fixture
def fresh_chain(tmp_path: Path) -> Iterator[Chain]:
    with trial_chain(tmp_path) as chain:
        yield chain
