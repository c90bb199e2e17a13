"""The engines that can run a network's nodes, and what has to be known of one to do so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from eth_keys.datatypes import PrivateKey

from chain_service.nodes.network.descriptor import Engine, Network, NodeDescriptor
from chain_service.nodes.network.engines import besu, geth

Ask = Callable[..., Any]
"""A method and its parameters, put to one node: its answer. Raises Unavailable."""


class NodeEngine(Protocol):
    """A program that runs a node, and what differs between them; `geth` and `besu` are modules of this shape."""

    VALIDATOR_HAS_RPC: bool
    """A validator, too, answers JSON-RPC on a port of its own."""
    GROWS_FROM_TRIAL: bool
    """It goes on with the blocks of a trial chain."""
    INSTALLED: str
    """Where the systemd units look for the program."""
    STOP_SIGNAL: str
    """What asks a node to end."""
    METRICS_PATH: str
    MIX_HASH: bytes
    """That of the genesis, by which the consensus is known."""

    def program(self, cache: Path, named: Path | None, tell: Callable[[str], None]) -> Path:
        """The program: found, or built into `cache`, or the one `named`.

        Raises BadRequest and Unavailable (`no_engine`) with the remedy.
        """
        ...

    def consensus_config(self, network: Network) -> dict[str, Any]:
        """What the genesis says beside the chain id: forks, period, epoch."""
        ...

    def extra_data(self, validators: Sequence[bytes]) -> bytes:
        """extraData of a genesis with these validators, ascending addresses."""
        ...

    def require_place(self, folder: Path) -> None:
        """Returns only if a node can run in this folder. Raises BadRequest."""
        ...

    def require_addresses(self, hosts: Iterable[str]) -> None:
        """Returns only if nodes can be told of these hosts. Raises BadRequest (`host`)."""
        ...

    def sealing_key(self, node_key: PrivateKey, wanted: PrivateKey | None) -> PrivateKey:
        """The key a new validator seals with, `wanted` where that can be chosen."""
        ...

    def seal_with(self, folder: Path, key: PrivateKey) -> None:
        """The node in `folder` seals with this key."""
        ...

    def configure(self, folder: Path, network: Network, node: NodeDescriptor) -> None:
        """The node's own files stand in its folder. Raises BadRequest."""
        ...

    def preparation(self, program: Path) -> list[str] | None:
        """What has to run in the node's folder before each start, repeatable; None where nothing has to."""
        ...

    def initialise(self, binary: Path, folder: Path) -> None:
        """The node can be started. Raises Unavailable."""
        ...

    def command(self, binary: Path, network: Network, node: NodeDescriptor) -> list[str]:
        """What runs the node, in its folder."""
        ...

    def endpoint(self, folder: Path, node: NodeDescriptor) -> str:
        """Where the node itself is asked."""
        ...

    def compose(self, network: Network, nodes: tuple[NodeDescriptor, ...]) -> str | None:
        """compose.yaml for these nodes; None where the engine has no image of its own."""
        ...

    def sealer(self, block: dict[str, Any]) -> str:
        """Who made this block, as `eth_getBlockByNumber` gives it. Raises InvalidProof."""
        ...

    def voted(self, ask: Ask, target: str, add: bool, epoch: int) -> set[str]:
        """Who has voted in blocks to add or remove `target`, as far as it still counts. Raises Unavailable."""
        ...

    def propose(self, address: str, add: bool) -> tuple[str, list[Any]]:
        """Method and parameters by which a validator votes `address` in or out."""
        ...

    def discard(self, address: str) -> tuple[str, list[Any]]:
        """Method and parameters that withdraw the proposal; votes in blocks stand."""
        ...

    def validators(self) -> tuple[str, list[Any]]:
        """Method and parameters that answer with the validators now."""
        ...


_ENGINES: dict[Engine, NodeEngine] = {"geth": geth, "besu": besu}


def engine_of(name: Engine) -> NodeEngine:
    """The engine of this name."""
    return _ENGINES[name]
