"""Trial chains that are closed when a test ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from trial_chain import PASSWORD, Chain, Opener

from chain_service.nodes.embedded.blocks.genesis import create
from chain_service.nodes.embedded.node import Node


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keystores cost a third of a second on purpose; hundreds of chains need not pay that."""
    monkeypatch.setattr("chain_service.nodes.embedded.blocks.genesis.KEY_ITERATIONS", 1_000)


@pytest.fixture
def open_chain(tmp_path: Path) -> Iterator[Opener]:
    """Makes started chains, by default without a least time between blocks; closed at the end."""
    opened: list[Node] = []

    def make(
        *, heartbeat: float = 60.0, started: bool = True, clock: Callable[[], float] = time.time, **settings: Any
    ) -> Chain:
        account = Account.create()
        directory = tmp_path / f"chain{len(opened)}"
        genesis = create(directory, funded=[account.address], password=PASSWORD, **({"period": 0} | settings))
        node = Node.open(directory, PASSWORD, heartbeat=heartbeat, clock=clock)
        opened.append(node)
        if started:
            node.start()
        return Chain(directory, node, genesis, account)

    yield make
    for node in opened:
        node.close()


@pytest.fixture
def chain(open_chain: Opener) -> Chain:
    return open_chain()
