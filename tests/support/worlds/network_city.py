"""An instance on a simulated network: several validators, several nodes to ask, blocks when a test wants them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain_service.errors import ChainServiceError
from chain_service.jobs.indexing.follow import index
from chain_service.store import chain_index, validators
from support.chains.resealed import Resealed, View, network_of
from support.worlds.jobs_city import City, Org, Trial, instance


@dataclass(frozen=True)
class Network:
    """The instance, the chain behind it and the nodes that it asks, in order."""

    city: City
    chain: Resealed
    nodes: list[View]

    def organisation(self) -> Org:
        """A new organisation, final on chain."""
        with self.chain.mining():
            org = self.city.organisation()
        self.follow()
        return org

    def follow(self, blocks: int = 6) -> None:
        """So many more blocks, and the index has read what is final."""
        self.chain.mine(blocks)
        index(self.city.app)

    def anchor(self, org: Org, *bodies: Any) -> list[str]:
        """The ids of the anchored records, in order."""
        with self.chain.mining():
            return self.city.anchor(org, *bodies)

    def make_final(self, ids: list[str]) -> None:
        with self.chain.mining():
            self.city.make_final(ids)

    @property
    def indexed(self) -> chain_index.IndexedBlock:
        with self.city.app.database.reading() as connection:
            head = chain_index.newest_block(connection)
        assert head is not None
        return head

    def sets(self) -> list[tuple[int, int]]:
        """From which block on how many validators are trusted."""
        return [(one.from_block, len(one.validators)) for one in self.city.app.require_chain().reader.trust.ranges]

    def rivals(self) -> list[tuple[int, bytes]]:
        with self.city.app.database.reading() as connection:
            return [(one.number, one.hash) for one in validators.rivals(connection)]

    def codes(self) -> set[str]:
        return {code for code, _ in self.city.alerts()}

    def trusts_again(self) -> None:
        """What nodes did wrong is forgotten."""
        self.city.app.require_chain().rpc._health._avoid_until.clear()


@contextmanager
def network(
    template: Trial, directory: Path, nodes: int = 3, consensus: str = "clique", count: int = 4, strangers: int = 0
) -> Iterator[Network]:
    """A network whose chain begins as the template's."""
    with template.copied(directory / "chain") as trial:
        trial.node.stop()
        with network_of(trial.node, trial.rpc, nodes, consensus, count, strangers) as (chain, views, rpc):
            trial.deployment = chain.deployment(trial.deployment)
            url = f"sqlite:///{directory / 'chain_service.db'}"
            with instance(directory / "data", trial, url) as city:
                chain.mine(8)
                yield Network(city.on(rpc=rpc, rpc_urls=list(rpc.urls)), chain, views)


def indexed_as_far_as_it_goes(net: Network) -> None:
    """The index has read what it can; what nodes say that does not hold is no reason to fail here."""
    try:
        index(net.city.app)
    except ChainServiceError as error:
        assert error.code  # told by the worker as an alert; what matters to these tests is what was indexed
