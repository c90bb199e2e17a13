"""An instance and the network beneath it: whose accounts have means in the genesis, and which nodes it asks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from chain_service.chain.keystore import registrar_address
from chain_service.config import Settings
from chain_service.core.encoding.answers import answer
from chain_service.errors import BadRequest, Conflict
from chain_service.files import replace_file
from chain_service.jobs.instance.initialise import toml_value
from chain_service.nodes.network import growth
from chain_service.nodes.network.create import Plan, create
from chain_service.nodes.network.create import join as join_network
from chain_service.nodes.network.descriptor import Network

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SETTING = re.compile(r"^rpc_urls *=.*\n?", re.MULTILINE)


@answer
class AuthorityNodes:
    """What one authority made for itself; the network comes of `join`."""

    directory: str
    chain_id: int
    descriptor: str
    """The public file that the other authorities need."""
    nodes: tuple[str, ...]


@answer
class NetworkNode:
    """A node as `network init` shows it."""

    name: str
    role: str
    address: str
    """What a validator seals with; empty for others."""


@answer
class CombinedNetwork:
    """A network whose nodes know each other."""

    directory: str
    engine: str
    chain_id: int
    genesis: str
    genesis_digest: str
    """Digest of the file, the same at every authority: to be compared by another way."""
    nodes: tuple[NetworkNode, ...]
    rpc_urls: tuple[str, ...]
    configured: str | None
    """The configuration file that names its nodes now, if one does."""


@answer
class GrownNetwork:
    """A network that goes on with the blocks of a trial chain."""

    directory: str
    chain_id: int
    head: int
    """The trial chain's last block."""
    head_hash: str
    validators: tuple[str, ...]
    nodes: tuple[str, ...]
    retired: str
    """Where the trial chain's key file was set aside."""
    rpc_urls: tuple[str, ...]
    configured: str | None
    """The configuration file that names its nodes now, if one does."""


def init(settings: Settings, directory: Path, plan: Plan) -> AuthorityNodes | CombinedNetwork:
    """A network stands in `directory`, its genesis funds this instance's registrar, and `rpc_urls` name its nodes.

    Raises BadRequest where nobody would have means: without an instance `plan.funded` has to name an account.
    """
    for account in plan.funded:
        if not _ADDRESS.fullmatch(account):
            raise BadRequest(f"--fund {account} is not an account address", code="usage", field="--fund")
    mine = (registrar_address(settings.registrar_file),) if settings.registrar_file.exists() else ()
    funded = (*plan.funded, *mine)
    if not funded and not plan.authority:
        raise BadRequest(
            "no funded account: run `chain-service init` first, or give --fund ADDRESS",
            code="usage",
            field="--fund",
        )
    require_free(settings)
    made = create(directory, replace(plan, funded=funded))
    if plan.authority:
        return AuthorityNodes(
            directory=str(directory),
            chain_id=made.chain_id,
            descriptor=str(directory / "descriptor.toml"),
            nodes=tuple(node.name for node in made.nodes),
        )
    return _combined(settings, directory, made)


def join(settings: Settings, directory: Path, descriptors: Sequence[Path], genesis: Path | None) -> CombinedNetwork:
    """The own nodes know the others, and where an instance has no contracts yet, `rpc_urls` name the own nodes."""
    return _combined(settings, directory, join_network(directory, descriptors, genesis))


def grow(settings: Settings, directory: Path, plan: Plan, tell: Callable[[str], None]) -> GrownNetwork:
    """The instance's trial chain goes on in a running network, which `rpc_urls` name from now on.

    Raises Conflict (`chain_in_use`) while the trial chain runs; see `nodes.network.growth.grow`.
    """
    done = growth.grow(
        settings.node_directory, settings.node_secret(), directory, plan, cache=settings.data / "bin",
        binary=settings.geth, tell=tell,
    )  # fmt: skip
    network = done.network
    switched = use(settings, network.rpc_urls)
    growth.vote_in(directory, tell)
    return GrownNetwork(
        directory=str(directory),
        chain_id=network.chain_id,
        head=done.head,
        head_hash=done.head_hash,
        validators=tuple(node.address for node in network.validators),
        nodes=tuple(node.name for node in network.nodes),
        retired=str(done.retired_key),
        rpc_urls=network.rpc_urls,
        configured=str(switched) if switched else None,
    )


def require_free(settings: Settings) -> None:
    """The instance is on no chain yet. Raises Conflict (`already_deployed`)."""
    if settings.deployment_file.exists():
        raise Conflict(
            f"{settings.deployment_file} binds this instance to its chain; `network grow` takes that chain along, or "
            "give another --data",
            code="already_deployed",
        )


def use(settings: Settings, urls: Sequence[str]) -> Path | None:
    """`rpc_urls` in `config.toml` are these; None where there is no instance or nothing to name."""
    config = settings.data / "config.toml"
    if not urls or not config.exists():
        return None
    text = config.read_text("utf-8")
    line = f"rpc_urls = {toml_value(list(urls))}\n"
    text = _SETTING.sub("", text)
    replace_file(config, (text + line).encode())
    return config


def _combined(settings: Settings, directory: Path, made: Network) -> CombinedNetwork:
    switched = None if settings.deployment_file.exists() else use(settings, made.rpc_urls)
    genesis = directory / "genesis.json"
    return CombinedNetwork(
        directory=str(directory),
        engine=made.engine,
        chain_id=made.chain_id,
        genesis=str(genesis),
        genesis_digest="sha-256:" + hashlib.sha256(genesis.read_bytes()).hexdigest(),
        nodes=tuple(NetworkNode(node.name, node.role, node.address) for node in made.nodes),
        rpc_urls=tuple(made.rpc_urls),
        configured=str(switched) if switched else None,
    )
