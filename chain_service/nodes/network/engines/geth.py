"""A go-ethereum node of a Clique network: its files, its command line, the way to talk to it."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

from eth_keys.datatypes import PrivateKey

from chain_service.core.chainproof import clique
from chain_service.core.chainproof.headers import header_rlp_from_json
from chain_service.errors import BadRequest, Unavailable
from chain_service.files import write_shared
from chain_service.nodes.network.descriptor import Network, NodeDescriptor
from chain_service.nodes.network.engines import geth_binary
from chain_service.nodes.network.keys import new_key, write_sealing_key

VALIDATOR_HAS_RPC = False
GROWS_FROM_TRIAL = True
INSTALLED = "/usr/local/bin/geth"
STOP_SIGNAL = "SIGINT"
MIX_HASH = bytes(32)
FORKS = (
    "homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople", "petersburg", "istanbul", "berlin",
)  # fmt: skip
VANITY, SEAL = 32, 65
METRICS_PATH = "/debug/metrics/prometheus"
SOCKET = "data/geth.ipc"
MOST_OF_A_SOCKET_PATH = 103
"""Bytes of a path that every system takes for a socket."""
_CACHE_MB = 128
_LOOPBACK = ip_network("127.0.0.0/8")
_ALL = (
    "--nodiscover", "--nat", "none", "--authrpc.port", "0", "--syncmode", "full", "--gcmode", "archive",
    "--state.scheme", "hash", "--miner.gasprice", "1", "--txpool.pricelimit", "1",
    "--txpool.accountslots", "8192", "--txpool.accountqueue", "8192",
    "--txpool.globalslots", "65536", "--txpool.globalqueue", "65536",
    "--metrics", "--metrics.addr", "127.0.0.1",
)  # fmt: skip


def program(cache: Path, named: Path | None, tell: Callable[[str], None]) -> Path:
    """As `geth_binary.require`."""
    return geth_binary.require(cache, named, tell)


def consensus_config(network: Network) -> dict[str, Any]:
    """Forks up to Berlin, and Clique with the network's period and epoch."""
    return {f"{fork}Block": 0 for fork in FORKS} | {"clique": {"period": network.period, "epoch": network.epoch}}


def extra_data(validators: Sequence[bytes]) -> bytes:
    """EIP-225: vanity, the signers in the order given (ascending for a genesis of ours), room for a seal."""
    return bytes(VANITY) + b"".join(validators) + bytes(SEAL)


def require_addresses(hosts: Iterable[str]) -> None:
    """Nothing to ask: go-ethereum takes names, too."""
    del hosts


def sealing_key(node_key: PrivateKey, wanted: PrivateKey | None) -> PrivateKey:
    """An account key of its own: the one `wanted`, or a new one."""
    del node_key
    return wanted or new_key()


def seal_with(folder: Path, key: PrivateKey) -> None:
    """The node in `folder` seals with this account key, which is not its node key."""
    write_sealing_key(folder, key)


def require_place(folder: Path) -> None:
    """The node's socket can be bound there. Raises BadRequest (`usage`)."""
    if len(str((folder / SOCKET).resolve()).encode()) > MOST_OF_A_SOCKET_PATH:
        raise BadRequest(
            f"{folder / SOCKET} is too long for a socket (more than {MOST_OF_A_SOCKET_PATH} bytes); choose a shorter "
            "--out",
            code="usage",
            field="--out",
        )


def configure(folder: Path, network: Network, node: NodeDescriptor) -> None:
    """`node.toml` lets the network's own nodes in and no other. Raises BadRequest (`host`).

    DialRatio 1 leaves unlisted nodes no inbound slot; trusted peers need none. MaxPeers 0 would dial no node. A node's
    name is asked in a handshake that this release parses with known faults, so unlisted nodes are refused by address.
    """
    peers = network.peers_of(node)
    host = f"[{node.host}]" if ":" in node.host else node.host
    settings = {
        "ListenAddr": f"{host}:{node.p2p_port}", "MaxPeers": max(1, len(peers)), "DialRatio": 1,
        "NoDiscovery": True, "StaticNodes": peers, "TrustedNodes": peers,
        "NetRestrict": fence(network),
    }  # fmt: skip
    lines = ["[Node.P2P]", *(f"{name} = {json.dumps(value)}" for name, value in settings.items())]
    write_shared(folder / "node.toml", "\n".join(lines) + "\n")


def fence(network: Network) -> list[str]:
    """The networks that peers may connect from: the addresses of all its nodes, as CIDR, ascending.

    A node that listens at any loopback address calls from another. Raises BadRequest (`host`) for an unknown name.
    """
    known = {address for node in network.nodes for address in _addresses(node.host)}
    ranges = {_LOOPBACK if address in _LOOPBACK else ip_network(address) for address in known}
    return [str(one) for one in sorted(ranges, key=lambda one: (one.version, int(one.network_address)))]


def _addresses(host: str) -> set[IPv4Address | IPv6Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise BadRequest(
            f"the name {host} of a node has no address here ({error}), and peers are let in by address. "
            f"节点主机名 {host} 在本机无法解析；请改用 IP 地址或修复域名解析。",
            field="host",
        ) from None
    return {ip_address(str(address[0]).partition("%")[0]) for *_, address in found}


def initialised(folder: Path) -> bool:
    """The node has its first block."""
    return (folder / "data" / "geth" / "chaindata").is_dir()


def preparation(program: Path) -> list[str]:
    """Writes the first block; run in the node's folder, repeatable."""
    return [str(program), "--verbosity", "1", "--datadir", "data", "init", "--state.scheme", "hash", "../genesis.json"]


def initialise(binary: Path, folder: Path) -> None:
    """The node has its first block. Raises Unavailable (`engine_failed`) with what geth said."""
    if not initialised(folder):
        run(preparation(binary), folder)


def run(command: list[str], folder: Path, seconds: float = 120) -> str:
    """What geth said. Raises Unavailable (`engine_failed`)."""
    try:
        done = subprocess.run(  # noqa: S603 - arguments of ours
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]} could not be run: {error}", code="engine_failed") from error
    if done.returncode:
        said = done.stderr.strip()[-500:]
        raise Unavailable(f"{folder.name}: geth ended with {done.returncode}: {said}", code="engine_failed")
    return done.stderr


def command(binary: Path, network: Network, node: NodeDescriptor) -> list[str]:
    """What runs the node, in its folder."""
    if node.role == "validator":
        # no HTTP beside an unlocked key: the socket is the only door
        role = ["--mine", "--miner.etherbase", node.address, "--unlock", node.address, "--password", "password"]
        role += ["--miner.recommit", "1s", "--miner.gaslimit", str(network.gas_limit)]
    else:
        role = ["--http", "--http.addr", "127.0.0.1", "--http.port", str(node.rpc_port), "--http.api", "eth,net,web3"]
    return [
        str(binary), "--datadir", "data", "--config", "node.toml", "--nodekey", "key", "--ipcpath", "geth.ipc",
        "--networkid", str(network.chain_id), "--cache", str(_CACHE_MB), *_ALL,
        "--metrics.port", str(node.metrics_port), *role,
    ]  # fmt: skip


def endpoint(folder: Path, node: NodeDescriptor) -> str:
    """The node's own door, which knows every call."""
    del node
    return f"ipc:{(folder / SOCKET).resolve()}"


def compose(network: Network, nodes: tuple[NodeDescriptor, ...]) -> str | None:
    """None: no image of this release is pinned."""
    del network, nodes
    return None


def sealer(block: dict[str, Any]) -> str:
    """The signer recovered from the seal."""
    return "0x" + clique.recover_signer(clique.parse_header(header_rlp_from_json(block))).hex()


def voted(ask: Callable[..., Any], target: str, add: bool, epoch: int) -> set[str]:
    """Who voted so about `target`, of which the node keeps count."""
    del epoch
    return {
        vote["signer"].lower()
        for vote in ask("clique_getSnapshot")["votes"] or ()
        if vote["address"].lower() == target and vote["authorize"] == add
    }


def propose(address: str, add: bool) -> tuple[str, list[object]]:
    """The call by which a validator votes `address` in or out, until it is discarded."""
    return "clique_propose", [address, add]


def discard(address: str) -> tuple[str, list[object]]:
    """The call that takes the proposal back; votes in sealed blocks stand."""
    return "clique_discard", [address]


def validators() -> tuple[str, list[object]]:
    """The call that lists the validators now."""
    return "clique_getSigners", []
