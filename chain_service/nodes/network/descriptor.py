"""What everybody may know about a network and its nodes, as the TOML that authorities exchange."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from chain_service.errors import BadRequest, NotFound

Engine = Literal["geth", "besu"]
Role = Literal["validator", "writer", "observer"]
ENGINES: tuple[Engine, ...] = ("geth", "besu")
ROLES: tuple[Role, ...] = ("validator", "writer", "observer")

NETWORK_FILE = "network.toml"
DESCRIPTOR_FILE = "descriptor.toml"
MAX_NODES = 100
MAX_BYTES = 256 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_PUBLIC_KEY = re.compile(r"[0-9a-f]{128}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


@dataclass(frozen=True)
class NodeDescriptor:
    """One node as the others see it."""

    name: str
    role: Role
    public_key: str
    """The node key's public half, 128 hex digits."""
    address: str
    """The account that seals, lower-case hex; empty unless a validator."""
    host: str
    p2p_port: int
    rpc_port: int
    """JSON-RPC on loopback; 0 where the node answers on its socket only."""
    metrics_port: int

    @property
    def enode(self) -> str:
        """Where its peers find it; discovery is off."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"enode://{self.public_key}@{host}:{self.p2p_port}?discport=0"


@dataclass(frozen=True)
class Network:
    """What the genesis fixes, and the nodes."""

    engine: Engine
    chain_id: int
    period: int
    """Seconds from one block to the next."""
    epoch: int
    """Blocks after which votes lapse and a Clique header names the signers."""
    gas_limit: int
    timestamp: int
    """Unix seconds of the first block."""
    funded: tuple[str, ...]
    """Accounts that own 2^200 wei from the first block, lower-case hex, ascending."""
    nodes: tuple[NodeDescriptor, ...]
    rpc_urls: tuple[str, ...] = ()
    """Where an instance on this machine finds the network, the preferred way first."""

    def node(self, name: str) -> NodeDescriptor:
        """Raises NotFound."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise NotFound(f"this network has no node {name}; it has {', '.join(node.name for node in self.nodes)}")

    @property
    def validators(self) -> tuple[NodeDescriptor, ...]:
        """Its nodes that seal, in their order."""
        return tuple(node for node in self.nodes if node.role == "validator")

    def own(self, directory: Path) -> tuple[NodeDescriptor, ...]:
        """The nodes whose keys are in `directory`."""
        return tuple(node for node in self.nodes if (directory / node.name / "key").is_file())

    def peers_of(self, node: NodeDescriptor) -> list[str]:
        """The enodes of all others."""
        return [other.enode for other in self.nodes if other.name != node.name]

    def to_toml(self) -> str:
        """The file that `parse` reads; it says the same for the same network."""
        head = {
            "engine": self.engine, "chain_id": self.chain_id, "period": self.period, "epoch": self.epoch,
            "gas_limit": self.gas_limit, "timestamp": self.timestamp, "funded": list(self.funded),
            "rpc_urls": list(self.rpc_urls),
        }  # fmt: skip
        lines = ["# Public facts of a network; no key is in here."]
        lines += [f"{name} = {json.dumps(value)}" for name, value in head.items()]
        for node in self.nodes:
            lines += ["", "[[nodes]]", *(f"{name} = {json.dumps(value)}" for name, value in vars(node).items())]
        return "\n".join(lines) + "\n"


def load(path: Path) -> Network:
    """The network described in `path`. Raises NotFound, BadRequest (naming what is wrong in the file)."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path}: {error.strerror}", code="no_network") from None
    if len(data) > MAX_BYTES:
        raise BadRequest(f"{path} has more than {MAX_BYTES} bytes")
    try:
        return parse(tomllib.loads(data.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadRequest(f"{path} is not TOML: {error}") from None
    except BadRequest as error:
        raise BadRequest(f"{path}: {error.message}", **error.details) from None


def parse(value: dict[str, Any]) -> Network:
    """Raises BadRequest whose `field` names what is missing, wrong or too much."""
    nodes = value.pop("nodes", None)
    if not isinstance(nodes, list) or not 1 <= len(nodes) <= MAX_NODES:
        raise BadRequest(f"`nodes` must be 1 to {MAX_NODES} tables", field="nodes")
    checks = {
        "engine": lambda it: it in ENGINES,
        "chain_id": lambda it: _is_int(it, 1, 2**53 - 1),
        "period": lambda it: _is_int(it, 1, 3600),
        "epoch": lambda it: _is_int(it, 2, 2**31),
        "gas_limit": lambda it: _is_int(it, 5_000, 2**53 - 1),
        "timestamp": lambda it: _is_int(it, 1, 2**40),
        "funded": lambda it: _are(_ADDRESS, it),
        "rpc_urls": lambda it: _are(re.compile(r"\S{1,500}"), it),
    }
    _check(value, checks)
    value["funded"] = tuple(sorted(set(value["funded"])))
    value["rpc_urls"] = tuple(value["rpc_urls"])
    network = Network(**value, nodes=tuple(_node(node) for node in nodes))
    require_distinct(network.nodes)
    return network


def _node(value: Any) -> NodeDescriptor:
    if not isinstance(value, dict):
        raise BadRequest("each of `nodes` must be a table", field="nodes")
    checks = {
        "name": lambda it: _is(_NAME, it),
        "role": lambda it: it in ROLES,
        "public_key": lambda it: _is(_PUBLIC_KEY, it),
        "address": lambda it: it == "" or _is(_ADDRESS, it),
        "host": is_host,
        "p2p_port": _is_port,
        "rpc_port": lambda it: it == 0 or _is_port(it),
        "metrics_port": _is_port,
    }
    _check(value, checks)
    node = NodeDescriptor(**value)
    if (node.role == "validator") != bool(node.address):
        raise BadRequest(f"node {node.name}: validators have an `address`, others none", field="address")
    return node


def require_distinct(nodes: Sequence[NodeDescriptor]) -> None:
    """No two nodes share name, key, sealing account or endpoint. Raises BadRequest."""
    for what in ("name", "public_key", "address"):
        values = [getattr(node, what) for node in nodes if getattr(node, what)]
        for value in values:
            if values.count(value) > 1:
                raise BadRequest(f"two nodes have the same {what} {value}", field=what)
    endpoints = [(node.host, node.p2p_port) for node in nodes]
    for host, port in endpoints:
        if endpoints.count((host, port)) > 1:
            raise BadRequest(f"two nodes listen at {host}:{port}", field="p2p_port")


def is_host(value: object) -> bool:
    """An IP address or a DNS name."""
    if not isinstance(value, str):
        return False
    try:
        ip_address(value)
    except ValueError:
        return _HOST.fullmatch(value) is not None
    return True


def _check(value: dict[str, Any], checks: dict[str, Any]) -> None:
    for name in value.keys() - checks.keys():
        raise BadRequest(f"`{name}` is not known here", field=name)
    for name, good in checks.items():
        if name not in value:
            raise BadRequest(f"`{name}` is missing", field=name)
        if not good(value[name]):
            raise BadRequest(f"`{name}` cannot be {value[name]!r:.80}", field=name)


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _are(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, list) and len(value) <= 1000 and all(_is(pattern, item) for item in value)


def _is_int(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _is_port(value: object) -> bool:
    return _is_int(value, 1, 65_535)
