"""A network comes to be: whole on one machine, or from what several authorities made apart."""

from __future__ import annotations

import re
import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from eth_keys.datatypes import PrivateKey

from chain_service.errors import BadRequest, Conflict, NotFound, Unavailable
from chain_service.files import write_shared
from chain_service.nodes.network.descriptor import (
    DESCRIPTOR_FILE,
    MAX_NODES,
    NETWORK_FILE,
    Engine,
    Network,
    NodeDescriptor,
    Role,
    is_host,
    load,
    require_distinct,
)
from chain_service.nodes.network.engines.engine import engine_of
from chain_service.nodes.network.files import write_files
from chain_service.nodes.network.genesis import genesis_json
from chain_service.nodes.network.keys import address_of, make_folder, new_key, public_hex, write_private

GENESIS_FILE = "genesis.json"
GAS_LIMIT = 60_000_000
EPOCH = 30_000
LASTING_PORTS = range(20_000, 32_000)
"""Below those that Linux gives to outgoing connections (ip_local_port_range)."""
FIRST_PORT = 30_300
RPC_ABOVE, METRICS_ABOVE = 1_000, 2_000
MOST_VALIDATORS = 31
_AUTHORITY = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")


@dataclass(frozen=True)
class Plan:
    """What `create` makes: the parameters all authorities have to agree on, and the nodes of this one."""

    validators: int
    engine: Engine = "geth"
    writers: int = 1
    observers: int = 1
    chain_id: int | None = None
    period: int = 1
    epoch: int = EPOCH
    gas_limit: int = GAS_LIMIT
    timestamp: int | None = None
    """Unix seconds of the first block; now by default."""
    funded: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    first_port: int = FIRST_PORT
    """Ports count up from here: one for peers, one 1,000 above for JSON-RPC, one 2,000 above for metrics; 0 = free."""
    authority: str = ""
    """Prefix of the nodes' names; with it only keys and a public descriptor are made, and `join` makes the genesis."""


def create(
    directory: Path, plan: Plan, *, genesis: str | None = None, first_key: PrivateKey | None = None
) -> Network:  # fmt: skip
    """`directory`, new, holds keys and files of the planned nodes, and unless an authority plans alone the genesis.

    `genesis` is that of a chain that is there already, `first_key` what the first validator seals with then.
    Raises BadRequest, and Conflict when the directory holds a network already.
    """
    _require_sound(plan)
    if any((directory / name).exists() for name in (NETWORK_FILE, DESCRIPTOR_FILE)):
        raise Conflict(f"{directory} holds a network already; keys are never overwritten")
    engine = engine_of(plan.engine)
    counts: dict[Role, int] = {"validator": plan.validators, "writer": plan.writers, "observer": plan.observers}
    roles = [role for role, count in counts.items() for _ in range(count)]
    names = [_name(plan.authority, role, roles[:place].count(role) + 1) for place, role in enumerate(roles)]
    for name in names:
        engine.require_place(directory / name)
    ports = _ports(plan.first_port, len(roles))
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    nodes = [
        make_node(directory / name, name, role, plan.engine, plan.host, ports[place], None if place else first_key)
        for place, (name, role) in enumerate(zip(names, roles, strict=True))
    ]
    network = Network(
        engine=plan.engine,
        chain_id=plan.chain_id or secrets.randbelow(2**31 - 2**20) + 2**20,
        period=plan.period,
        epoch=plan.epoch,
        gas_limit=plan.gas_limit,
        timestamp=int(time.time()) if plan.timestamp is None else plan.timestamp,
        funded=tuple(sorted({account.lower() for account in plan.funded})),
        nodes=tuple(nodes),
    )
    write_shared(directory / DESCRIPTOR_FILE, network.to_toml())
    return network if plan.authority else write_network(directory, network, genesis or genesis_json(network))


def join(directory: Path, descriptors: Sequence[Path], genesis: Path | None = None) -> Network:
    """The own nodes in `directory` and those of the descriptors are one network.

    The genesis comes out the same, byte for byte, in whatever order the descriptors are given and wherever this is
    done; `genesis` is that of a chain that runs already, whose validators then have to be voted in. Repeatable with
    more descriptors. Raises BadRequest (the descriptors do not fit), NotFound, Conflict (the genesis would change).
    """
    mine = load(directory / DESCRIPTOR_FILE)
    parts = {part.to_toml(): part for part in (mine, *map(load, descriptors))}
    network = combine(list(parts.values()))
    target = directory / GENESIS_FILE
    text = genesis_json(network) if genesis is None else _read(genesis)
    if target.exists() and target.read_text("ascii") != text:
        raise Conflict(
            f"{target} would change, and a chain's genesis never does; for validators that come later give "
            f"--genesis {target}"
        )
    return write_network(directory, network, text)


def combine(parts: Sequence[Network]) -> Network:
    """One network of all parts' nodes, in the order of their names. Raises BadRequest naming what does not agree."""
    first = parts[0]
    for part in parts[1:]:
        for what in ("engine", "chain_id", "period", "epoch", "gas_limit"):
            if getattr(part, what) != getattr(first, what):
                raise BadRequest(
                    f"the descriptors disagree about {what}: {getattr(first, what)} and {getattr(part, what)}",
                    field=what,
                )
    nodes = sorted((node for part in parts for node in part.nodes), key=lambda node: node.name)
    if len(nodes) > MAX_NODES:
        raise BadRequest(f"a network has at most {MAX_NODES} nodes", field="nodes")
    require_distinct(nodes)
    engine_of(first.engine).require_addresses(node.host for node in nodes)
    return replace(
        first,
        timestamp=max(part.timestamp for part in parts),
        funded=tuple(sorted({account for part in parts for account in part.funded})),
        nodes=tuple(nodes),
        rpc_urls=(),
    )


def write_network(directory: Path, network: Network, genesis: str) -> Network:
    """Genesis, peers of the own nodes, network.toml and the files beside them are those of this network."""
    write_shared(directory / GENESIS_FILE, genesis)
    own = network.own(directory)
    network = replace(network, rpc_urls=tuple(rpc_urls(directory, network)))
    engine = engine_of(network.engine)
    for node in own:
        engine.configure(directory / node.name, network, node)
    write_files(directory, network)
    write_shared(directory / NETWORK_FILE, network.to_toml())
    return network


def rpc_urls(directory: Path, network: Network) -> list[str]:
    """Where an instance asks: writers, observers, and at the last the own validators' sockets.

    RPC nodes answer "already known" to a transaction they hold and do not gossip it again; a validator's own door is
    what gets one mined that waits there unconfirmed.
    """
    own = network.own(directory)
    urls = [f"http://127.0.0.1:{node.rpc_port}" for role in ("writer", "observer") for node in own if node.role == role]
    engine = engine_of(network.engine)
    return urls + [engine.endpoint(directory / node.name, node) for node in own if node.role == "validator"]


def make_node(
    folder: Path,
    name: str,
    role: Role,
    engine: Engine,
    host: str,
    ports: tuple[int, int, int],
    sealing_key: PrivateKey | None = None,
) -> NodeDescriptor:
    """A node's folder with its keys, and what the others may know of it. Raises Conflict when the folder exists.

    A validator seals with `sealing_key` or a new one; with Besu that is the node key.
    """
    try:
        make_folder(folder)
    except FileExistsError:
        raise Conflict(f"{folder} exists; keys are never overwritten") from None
    key = new_key()
    write_private(folder / "key", key.to_bytes().hex())
    address = ""
    if role == "validator":
        sealing = engine_of(engine).sealing_key(key, sealing_key)
        engine_of(engine).seal_with(folder, sealing)
        address = address_of(public_hex(sealing))
    has_rpc = role != "validator" or engine_of(engine).VALIDATOR_HAS_RPC
    p2p, rpc, metrics = ports
    return NodeDescriptor(name, role, public_hex(key), address, host, p2p, rpc if has_rpc else 0, metrics)


def _name(authority: str, role: Role, number: int) -> str:
    return f"{authority}-{role}-{number}" if authority else f"{role}-{number}"


def _require_sound(plan: Plan) -> None:
    if not 0 <= plan.validators <= MOST_VALIDATORS or (not plan.authority and not plan.validators):
        raise BadRequest(f"a network has 1 to {MOST_VALIDATORS} validators", code="usage", field="--validators")
    if not 0 <= plan.writers <= 10 or not 0 <= plan.observers <= 10:
        raise BadRequest("0 to 10 writers and observers", code="usage", field="--writers")
    if plan.authority and not _AUTHORITY.fullmatch(plan.authority):
        raise BadRequest(
            "--authority is 1 to 20 lower-case letters, digits and hyphens", code="usage", field="--authority"
        )
    if plan.chain_id is not None and not 1 <= plan.chain_id < 2**53:
        raise BadRequest("--chain-id must be 1 to 2^53 - 1", code="usage", field="--chain-id")
    if plan.authority and plan.chain_id is None:
        raise BadRequest(
            "with --authority all have to give the same --chain-id: agree on one", code="usage", field="--chain-id"
        )
    if not is_host(plan.host) or plan.host in ("0.0.0.0", "::"):  # noqa: S104 - refused here
        raise BadRequest(f"--host must be the address others reach, not {plan.host!r}", code="usage", field="--host")
    engine_of(plan.engine).require_addresses([plan.host])


def _ports(first: int, count: int) -> list[tuple[int, int, int]]:
    if first:
        if first + METRICS_ABOVE + count > 65_535:
            raise BadRequest(f"--port must be at most {65_535 - METRICS_ABOVE - count}", code="usage", field="--port")
        return [(first + n, first + RPC_ABOVE + n, first + METRICS_ABOVE + n) for n in range(count)]
    free = free_ports(3 * count)
    return list(zip(free[::3], free[1::3], free[2::3], strict=True))


def free_ports(count: int) -> list[int]:
    """So many TCP ports of the loopback that nobody listens on now; none that the system hands to outgoing connections,
    which could take one while its node is down. Raises Unavailable (code `port_in_use`).
    """
    found: list[int] = []
    with ExitStack() as held:
        for port in secrets.SystemRandom().sample(LASTING_PORTS, len(LASTING_PORTS)):
            try:
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise Unavailable(f"{count} free ports between 20000 and 32000 are needed", code="port_in_use")


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"{path} cannot be read: {error}", code="no_network") from None
