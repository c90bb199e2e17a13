"""Whether each node serves our chain as far as the index has read it, and proves it; if not, what it answered."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from chain_service.chain.node_causes import NodeCause, joined_causes
from chain_service.chain.reader import ChainReader
from chain_service.chain.rpc import Request, Rpc, quantity
from chain_service.core.chainproof.headers import header_rlp_from_json
from chain_service.core.chainproof.storage_layout import ORGANISATIONS
from chain_service.core.chainproof.trust import ChainTrust
from chain_service.errors import ChainServiceError, Unavailable
from chain_service.store.chain_index import IndexedBlock

PROVEN_WITHIN = 64
"""Blocks behind a node's newest whose state any node can still prove."""
ANY_SLOT = bytes(32)


@dataclass(frozen=True)
class NodeLook:
    """What one node showed."""

    name: str
    head: int | None
    """Its newest block; None where it told none."""
    time: int
    cause: NodeCause | None
    """Why it is of no use; None where it serves."""


def look_at_nodes(nodes: Sequence[Rpc], trust: ChainTrust, block: IndexedBlock | None) -> list[NodeLook]:
    """Every node at once, so that one which hangs keeps nobody; `block` is the newest that the index has read."""
    with ThreadPoolExecutor(len(nodes)) as pool:
        return list(pool.map(lambda node: _look(node, trust, block), nodes))


def _look(node: Rpc, trust: ChainTrust, block: IndexedBlock | None) -> NodeLook:
    name = node.names[0]
    try:
        answers = node.batch([_block("latest"), _block(hex(0)), _block(hex(block.number if block else 0))])
        newest = answers[0] if isinstance(answers[0], dict) else {}
        head, time = quantity(newest.get("number")), quantity(newest.get("timestamp"))
        reader = ChainReader(node, trust)
        genesis, ours = (_hash(reader, answer) for answer in answers[1:])
        return NodeLook(name, head, time, _cause(reader, genesis, ours, head, block))
    except ChainServiceError as error:
        return NodeLook(name, None, 0, joined_causes({name: error}).by_node[name])


def _cause(
    reader: ChainReader, genesis: bytes | None, ours: bytes | None, head: int, block: IndexedBlock | None
) -> NodeCause | None:
    if genesis != reader.trust.genesis_hash:
        return NodeCause("wrong_chain", "its first block is another")
    if block is None:
        return None
    if head < block.number:
        return NodeCause("node_behind", f"its newest block is {head}, the index has read {block.number}")
    if ours != block.hash:
        return NodeCause("node_differs", f"at height {block.number}")
    if head - block.number > PROVEN_WITHIN:
        return None
    try:
        reader.prove(block.number, [(ORGANISATIONS, ANY_SLOT)], block.hash)
    except Unavailable:
        return None  # it serves blocks; an index of states that is being built is no lie
    return None


def _block(number: str) -> Request:
    return "eth_getBlockByNumber", (number, False)


def _hash(reader: ChainReader, answer: object) -> bytes | None:
    return reader.block_hash(header_rlp_from_json(answer, reader.block_hash)) if isinstance(answer, dict) else None
