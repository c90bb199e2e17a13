"""A trial chain with deployed contracts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eth_account.signers.local import LocalAccount

from chain_service.chain.deployment import Deployment
from chain_service.chain.keystore import create_registrar, open_registrar
from chain_service.chain.reader import ChainReader
from chain_service.chain.registrar import Registrar
from chain_service.chain.rpc import Rpc
from chain_service.chain.sender import Sender
from chain_service.nodes.embedded.blocks.genesis import create
from chain_service.nodes.embedded.node import Node
from chain_service.nodes.embedded.server import serve

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Chain:
    """One trial chain, its node's URL and whoever may register on it."""

    url: str
    registrar: LocalAccount


@dataclass(frozen=True)
class World(Chain):
    """A chain with contracts and everything that speaks to them."""

    rpc: Rpc
    deployment: Deployment

    @property
    def reader(self) -> ChainReader:
        return ChainReader(self.rpc, self.deployment.trust())

    @property
    def sender(self) -> Sender:
        return Sender(self.rpc, self.deployment.chain_id)

    @property
    def organisations(self) -> Registrar:
        return Registrar(self.sender, self.deployment, self.registrar, timeout=120)


@contextmanager
def trial_chain(directory: Path) -> Iterator[Chain]:
    file = directory / "registrar.json"
    address = create_registrar(file, PASSWORD)
    create(directory / "node", funded=[address], password=PASSWORD, period=0)
    with (
        Node.open(directory / "node", PASSWORD) as node,
        serve(node, port=0) as server,
    ):
        yield Chain(server.url, open_registrar(file, PASSWORD))
