"""How the own nodes of a network are."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from chain_service.errors import ChainServiceError
from chain_service.nodes.network.descriptor import NETWORK_FILE, Network, NodeDescriptor, load
from chain_service.nodes.network.engines.engine import engine_of
from chain_service.nodes.network.rpc import call
from chain_service.nodes.network.running.ledger import Ledger
from chain_service.nodes.network.running.watch import age

LAST_BLOCKS = 8


def status(directory: Path) -> dict[str, Any]:
    """Per own node: process, head, its hash and age in seconds, peers, restarts, reorganisations seen; who sealed last.

    The sealers are recovered from the headers here. A node that does not answer has `answers` false and no head.
    Raises NotFound when there is no network.
    """
    network = load(directory / NETWORK_FILE)
    ledger = Ledger(directory)
    nodes = network.own(directory)
    running, state = ledger.running(), ledger.state()
    with ThreadPoolExecutor(max_workers=max(1, len(nodes))) as pool:
        answers = list(pool.map(lambda node: _ask(directory, network, node), nodes))
    told = []
    for node, answer in zip(nodes, answers, strict=True):
        seen = state.get(node.name, {})
        told.append(
            {"name": node.name, "role": node.role, "address": node.address or None}
            | {"pid": running[node.name].pid if node.name in running else None}
            | answer
            | {"restarts": seen.get("restarts", 0), "reorganisations": seen.get("reorganisations", 0)}
            | {"deepestReorganisation": seen.get("deepestReorganisation", 0)}
        )
    heads = [node_state["head"] for node_state in told if node_state["answers"]]
    supervisor = ledger.supervisor()
    return {
        "directory": str(directory),
        "engine": network.engine,
        "chainId": network.chain_id,
        "supervisor": supervisor.pid if supervisor else None,
        "up": bool(heads) and len(heads) == len(nodes),
        "head": max(heads, default=None),
        "ageOfHead": min((node_state["ageOfHead"] for node_state in told if node_state["answers"]), default=None),
        "signers": _last_signers(directory, network, nodes, told),
        "nodes": told,
        "rpcUrls": list(network.rpc_urls),
    }


def _ask(directory: Path, network: Network, node: NodeDescriptor) -> dict[str, Any]:
    door = engine_of(network.engine).endpoint(directory / node.name, node)
    try:
        block = call(door, "eth_getBlockByNumber", "latest", False)
        peers = int(call(door, "net_peerCount"), 16)
    except ChainServiceError:
        return {"answers": False, "head": None, "hash": None, "stateRoot": None, "ageOfHead": None, "peers": None}
    return {
        "answers": True,
        "head": int(block["number"], 16),
        "hash": block["hash"],
        "stateRoot": block["stateRoot"],
        "ageOfHead": round(age(int(block["timestamp"], 16)), 1),
        "peers": peers,
    }


def _last_signers(
    directory: Path, network: Network, nodes: Sequence[NodeDescriptor], told: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Number and sealer of the last blocks, newest first, as the node with the highest head has them."""
    best = max(
        (node_state for node_state in told if node_state["answers"]),
        key=lambda node_state: node_state["head"],
        default=None,
    )
    if best is None:
        return []
    node = next(node for node in nodes if node.name == best["name"])
    engine = engine_of(network.engine)
    door = engine.endpoint(directory / node.name, node)
    names = {other.address: other.name for other in network.validators}
    found = []
    for number in range(best["head"], max(0, best["head"] - LAST_BLOCKS), -1):
        try:
            block = call(door, "eth_getBlockByNumber", hex(number), False)
            address = engine.sealer(block)
        except ChainServiceError:
            break
        found.append({"block": number, "address": address, "name": names.get(address)})
    return found
