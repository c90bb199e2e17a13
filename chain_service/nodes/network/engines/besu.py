"""A Hyperledger Besu node of a QBFT network: its files, its command line, the way to talk to it.

No Besu runs in our tests: files and calls are checked against what Besu's own sources say, headers against real ones.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from eth_keys.datatypes import PrivateKey

from chain_service.core.chainproof.consensus import QBFT
from chain_service.core.chainproof.headers import header_rlp_from_json
from chain_service.core.chainproof.qbft import BFT_MIX_HASH, QbftExtra, QbftHeader, parse_header
from chain_service.errors import BadRequest, Unavailable
from chain_service.files import write_shared
from chain_service.nodes.network.descriptor import Network, NodeDescriptor

VALIDATOR_HAS_RPC = True
GROWS_FROM_TRIAL = False
INSTALLED = "/usr/local/bin/besu"
STOP_SIGNAL = "SIGTERM"
MIX_HASH = BFT_MIX_HASH
CONTRACT_SIZE_LIMIT = 2**31 - 1
IMAGE = "hyperledger/besu:26.8.0"
METRICS_PATH = "/metrics"
OPTIONS_FILE = "besu.toml"
STATIC_NODES_FILE = "static-nodes.json"
PERMISSIONS_FILE = "permissions_config.toml"
OLDEST = (26, 7, 1)
_VERSION = re.compile(r"besu/v(\d{1,4})\.(\d{1,4})\.(\d{1,4})")
_MOST_PENDING = 65_536
"""Transactions a node keeps waiting, of all senders."""
_MOST_BLOCKS = 1_000
"""Blocks of the epoch that are read for votes."""


def consensus_config(network: Network) -> dict[str, Any]:
    """Forks up to London, no fee, no limit to a contract's size, and QBFT with the network's period and epoch."""
    return {
        "berlinBlock": 0,
        "londonBlock": 0,
        "zeroBaseFee": True,
        "contractSizeLimit": CONTRACT_SIZE_LIMIT,
        "qbft": {
            "blockperiodseconds": network.period,
            "epochlength": network.epoch,
            "requesttimeoutseconds": 2 * network.period,
        },
    }


def extra_data(validators: Sequence[bytes], *, vanity: bytes = bytes(32)) -> bytes:
    """RLP of vanity, validators in the order given (ascending for a genesis of ours), no vote, round 0, no seals."""
    return QbftExtra(vanity, tuple(validators), None, 0, ()).encode(round_=0)


def sealing_key(node_key: PrivateKey, wanted: PrivateKey | None) -> PrivateKey:
    """With QBFT the node key seals."""
    del wanted
    return node_key


def seal_with(folder: Path, key: PrivateKey) -> None:
    """Nothing to write: with QBFT the node key seals."""
    del folder, key


def require_place(folder: Path) -> None:
    """Besu binds no socket: any folder will do."""
    del folder


def configure(folder: Path, network: Network, node: NodeDescriptor) -> None:
    """Options, peers and the allowlist of the node in `folder`. Raises BadRequest, then nothing is written."""
    for name, text in node_files(network, node).items():
        write_shared(folder / name, text)


def node_files(network: Network, node: NodeDescriptor) -> dict[str, str]:
    """What stands beside the node's key: file name to content, the same for the same network. Raises BadRequest."""
    require_addresses(each.host for each in network.nodes)
    lines = [f"{name}={json.dumps(value)}" for name, value in options(node).items()]
    return {
        OPTIONS_FILE: "\n".join(lines) + "\n",
        STATIC_NODES_FILE: json.dumps(network.peers_of(node), indent=1) + "\n",
        PERMISSIONS_FILE: f"nodes-allowlist={json.dumps(sorted(each.enode for each in network.nodes))}\n",
    }


def require_addresses(hosts: Iterable[str]) -> None:
    """Every host is an IP address: Besu refuses an enode with a name in it. Raises BadRequest (`host`)."""
    for host in hosts:
        try:
            ip_address(host)
        except ValueError:
            raise BadRequest(
                f"Besu takes IP addresses only, not {host!r}. Besu 只接受 IP 地址。", field="host"
            ) from None


def options(node: NodeDescriptor) -> dict[str, Any]:
    """Besu's option file, by the names of its command line.

    Accounts are no part of the allowlist: Besu checks them at the node's doors and not when it imports a block, so
    the contracts are the gate. What the profile leaves open or has changed between releases (full sync, every old
    state, one sender filling the pool) is said here. A free transaction is dropped silently unless `min-gas-price`
    is 0 on every node.
    """
    apis = ["ETH", "NET", "WEB3"]
    return {
        "data-path": "data",
        "genesis-file": "../genesis.json",
        "node-private-key-file": "key",
        "static-nodes-file": STATIC_NODES_FILE,
        "profile": "ENTERPRISE",
        "sync-mode": "FULL",
        "data-storage-format": "FOREST",
        "min-gas-price": 0,
        "tx-pool-max-size": _MOST_PENDING,
        "tx-pool-limit-by-account-percentage": 1.0,
        "p2p-host": node.host,
        "p2p-interface": node.host,
        "p2p-port": node.p2p_port,
        "nat-method": "NONE",
        "discovery-enabled": False,
        "rpc-http-enabled": True,
        "rpc-http-host": "127.0.0.1",
        "rpc-http-port": node.rpc_port,
        "rpc-http-api": [*apis, "QBFT"] if node.role == "validator" else apis,
        "host-allowlist": ["localhost", "127.0.0.1"],
        "permissions-nodes-config-file-enabled": True,
        "permissions-nodes-config-file": PERMISSIONS_FILE,
        "metrics-enabled": True,
        "metrics-host": "127.0.0.1",
        "metrics-port": node.metrics_port,
        "version-compatibility-protection": True,
    }


def find() -> Path | None:
    """The `besu` on PATH."""
    on_path = shutil.which("besu")
    return Path(on_path) if on_path else None


def require_version(binary: Path) -> None:
    """The program is no release whose validators leave free transactions out of blocks.

    A build that names no release passes. Raises Unavailable (`no_engine`) with the remedy.
    """
    try:
        run = subprocess.run([binary, "--version"], capture_output=True, timeout=60, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(
            f"{binary} --version does not run ({error}): is Java 25 installed? 请检查 Java 是否已安装。",
            code="no_engine",
        ) from None
    match = _VERSION.search(run.stdout[:10_000].decode("utf-8", "replace"))
    if match and tuple(map(int, match.groups())) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise Unavailable(
            f"{binary} is Besu {'.'.join(match.groups())}, which seals empty blocks where gas is free: install "
            f"{oldest} or newer. 请安装 {oldest} 或更新的版本。",
            code="no_engine",
        )


def program(cache: Path, named: Path | None, tell: Callable[[str], None]) -> Path:
    """The `besu` on PATH, of a release that can run a network. Raises Unavailable (`no_engine`) with the remedy."""
    del cache, named, tell
    binary = find()
    if binary is None:
        raise Unavailable(
            "no `besu` on PATH: install Hyperledger Besu 26.7.1 or newer, or start compose.yaml. "
            "请安装 Hyperledger Besu 并加入 PATH，或使用 compose.yaml 启动。",
            code="no_engine",
        )
    require_version(binary)
    return binary


def preparation(program: Path) -> list[str] | None:
    """Nothing: Besu reads the genesis when it starts."""
    del program
    return None


def initialise(binary: Path, folder: Path) -> None:
    """Nothing to do: Besu reads the genesis when it starts."""
    del binary, folder


def command(binary: Path, network: Network, node: NodeDescriptor) -> list[str]:
    """What runs the node, in its folder."""
    del network, node
    return [str(binary), f"--config-file={OPTIONS_FILE}"]


def endpoint(folder: Path, node: NodeDescriptor) -> str:
    """The node's own door; on a validator it knows the vote calls, so it stays on loopback."""
    del folder
    return f"http://127.0.0.1:{node.rpc_port}"


def compose(network: Network, nodes: tuple[NodeDescriptor, ...]) -> str:
    """compose.yaml: every own node from the pinned image, on the host's network so that loopback stays loopback."""
    lines = [
        "# Start with / 启动： USER_ID=$(id -u) GROUP_ID=$(id -g) docker compose up -d",
        "# Monitor the age of the newest block: a halted chain answers, takes transactions and reports being in sync.",
        f"# Alert when the timestamp of eth_getBlockByNumber latest is older than {15 + 5 * network.period} s.",
        "# 健康状况看最新区块的时间：链停止后节点仍会应答、接收交易，并称已同步；最新区块超过上述秒数须告警。",
        "# When more than a third of the validators were down, restart all of them, which resets the round timers.",
        "# 超过三分之一的验证节点停止后，须重启全部验证节点，使共识轮次重新计时。",
        f"name: chain-{network.chain_id}",
        "services:",
    ]
    for node in nodes:
        lines += [
            f"  {node.name}:",
            f"    image: {IMAGE}",
            '    user: "${USER_ID:-1000}:${GROUP_ID:-1000}"',
            "    network_mode: host",
            "    restart: always",
            "    stop_grace_period: 60s",
            f"    working_dir: /network/{node.name}",
            '    environment: {BESU_OPTS: "${BESU_OPTS:--Xmx4g}"}',
            f'    command: ["--config-file={OPTIONS_FILE}"]',
            "    volumes:",
            "      - ./genesis.json:/network/genesis.json:ro",
            f"      - ./{node.name}:/network/{node.name}",
        ]
    return "\n".join(lines) + "\n"


def sealer(block: dict[str, Any]) -> str:
    """The proposer that the header names."""
    return "0x" + parse_header(header_rlp_from_json(block, QBFT.block_hash)).coinbase.hex()


def voted(ask: Callable[..., Any], target: str, add: bool, epoch: int) -> set[str]:
    """Who voted so about `target`, read from the last blocks of the epoch."""
    head = int(ask("eth_blockNumber"), 16)
    first = max(1, head - head % epoch, head - _MOST_BLOCKS)
    blocks = (ask("eth_getBlockByNumber", hex(number), False) for number in range(first, head + 1))
    headers = (parse_header(header_rlp_from_json(block, QBFT.block_hash)) for block in blocks)
    votes = standing_votes(headers, bytes.fromhex(target[2:]), epoch)
    return {"0x" + voter.hex() for voter, choice in votes.items() if choice == add}


def standing_votes(headers: Iterable[QbftHeader], target: bytes, epoch: int) -> dict[bytes, bool]:
    """Who voted about `target` in these linked headers, and whether to add it, as far as the votes still count.

    Besu, VoteTally: a vote stands in the block its validator proposed, the last one of a validator counts; all lapse
    with the epoch and when `target` has come or gone, one's own when one is no longer a validator.
    """
    votes: dict[bytes, bool] = {}
    is_validator: bool | None = None
    for header in headers:
        listed = header.extra.validators
        if header.number % epoch == 0 or is_validator not in (None, target in listed):
            votes.clear()
        is_validator = target in listed
        if header.number % epoch and header.extra.vote is not None and header.extra.vote[0] == target:
            votes[header.coinbase] = header.extra.vote[1]
        votes = {voter: add for voter, add in votes.items() if voter in listed}
    return votes


def propose(address: str, add: bool) -> tuple[str, list[Any]]:
    """Method and parameters by which a validator votes, at its own door, to add or remove `address`.

    More than half of the validators have to; a validator that starts again has forgotten its proposal.
    """
    return "qbft_proposeValidatorVote", [address, add]


def discard(address: str) -> tuple[str, list[Any]]:
    """Method and parameters that withdraw the proposal about `address`; votes in blocks stand."""
    return "qbft_discardValidatorVote", [address]


def validators() -> tuple[str, list[Any]]:
    """Method and parameters that answer with the addresses that may seal the next block."""
    return "qbft_getValidatorsByBlockNumber", ["latest"]
