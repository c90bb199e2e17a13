"""Blocks beside ours: nodes that are behind, headers that rival a final one, and final blocks that left the chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from chain_service.chain.reader import NodeView
from chain_service.chain.rpc import Rpc
from chain_service.core.chainproof.consensus import FollowedHeader, consensus_of, follow, newest_final, sealed
from chain_service.core.chainproof.headers import SealedHeader
from chain_service.errors import Corrupt, InvalidProof, Unavailable
from chain_service.jobs.alerts import BLOCK_REPLACED, EQUIVOCATION
from chain_service.jobs.context import App
from chain_service.jobs.validators import known_after
from chain_service.store import alerts, chain_index, validators
from chain_service.store.chain_index import IndexedBlock
from chain_service.store.validators import RivalHeader

CHUNK = 200
MOST_TOLD = 50
"""Headers of each branch that an alert shows; all of them are kept."""
log = structlog.get_logger("index")


def keep_rivals(app: App, head: IndexedBlock, others: Sequence[NodeView]) -> None:
    """Headers that trusted validators sealed at the height of our final block are kept; nodes that show one are asked
    last. On QBFT that is equivocation, an alert: validators sealed both.
    """
    trust = app.require_chain().reader.trust
    for other in others:
        assert other.header is not None
        try:
            _keep_rival(app, head, sealed(other.header, trust))
        except InvalidProof as error:
            log.warning(
                "a node returned a block that no trusted validator sealed", node=other.node.names[0], code=error.code
            )
        other.node.distrust()


def _keep_rival(app: App, ours: IndexedBlock, rival: SealedHeader) -> None:
    if rival.number != ours.number:
        return
    now = app.clock()
    with app.database.transaction() as connection:
        validators.keep_rivals(connection, [RivalHeader(ours.number, ours.hash, ours.header, now)])
        validators.keep_rivals(connection, [RivalHeader(rival.number, rival.block_hash, rival.raw, now)])
        if consensus_of(app.require_chain().reader.trust).second_block_is_equivocation:
            alerts.put(connection, EQUIVOCATION, str(ours.number), _equivocation(app, ours, rival), now)


def _equivocation(app: App, head: IndexedBlock, rival: SealedHeader) -> dict[str, Any]:
    ours = sealed(head.header, app.require_chain().reader.trust)
    both = sorted(set(ours.signers) & set(rival.signers))
    return {
        "number": head.number,
        "headers": [head.header.hex(), rival.raw.hex()],
        "sealedBoth": ["0x" + signer.hex() for signer in both],
    }


def leave_branch(app: App, head: IndexedBlock, seen: Sequence[NodeView]) -> int:
    """No node has our newest block: -1 if the index went back to where a branch begins that is final by our own checks.

    0 where the nodes are merely behind, or their branch is not final (yet) or, on QBFT, never may be. Raises `Corrupt`
    (code `wrong_chain`) if a node shares no block with us and none is behind, `InvalidProof`, `Unavailable`.
    """
    error: InvalidProof | Unavailable | Corrupt | None = None
    is_behind = False
    for view in seen:
        try:
            number = min(head.number, view.newest)
            if _has_only_begun(app, view) or (ancestor := _common_ancestor(app, view.node, number)).number == number:
                is_behind = True
            elif consensus_of(app.require_chain().reader.trust).second_block_is_equivocation:
                _tell_of_quorums(app, view.node, ancestor)
            elif _replaced(app, view, head, ancestor):
                return -1
        except (InvalidProof, Unavailable, Corrupt) as failure:
            error = error or failure
    if error is not None and not is_behind:
        raise error
    return 0


def _tell_of_quorums(app: App, node: Rpc, ancestor: IndexedBlock) -> None:
    """On QBFT the first block of another branch, if it has its quorum, rivals ours."""
    reader = app.require_chain().reader
    (raw,) = reader.headers(node, ancestor.number + 1, ancestor.number + 1)
    with app.database.reading() as connection:
        ours = chain_index.block(connection, ancestor.number + 1)
    if ours is not None:
        _keep_rival(app, ours, sealed(raw, reader.trust))


def _has_only_begun(app: App, one: NodeView) -> bool:
    """The node reads our chain from its beginning and has not come to the blocks that are indexed."""
    chain = app.require_chain()
    if one.newest >= chain.deployment.first_block:
        return False
    (genesis,) = chain.reader.headers(one.node, 0, 0)
    return chain.reader.block_hash(genesis) == chain.reader.trust.genesis_hash


def _common_ancestor(app: App, node: Rpc, number: int) -> IndexedBlock:
    """The newest block, `number` or below, that is indexed and on this node's chain. Raises `Corrupt`."""
    first = app.require_chain().deployment.first_block
    reader = app.require_chain().reader
    while number >= first:
        bottom = max(first, number - CHUNK + 1)
        theirs = {reader.block_hash(raw) for raw in reader.headers(node, bottom, number)}
        with app.database.reading() as connection:
            ours = chain_index.block_range(connection, bottom, number)
        common = [block for block in ours if block.hash in theirs]
        if common:
            return common[-1]
        number = bottom - 1
    raise Corrupt("no indexed block is on the chain behind rpc_urls", code="wrong_chain")


def _replaced(app: App, one: NodeView, head: IndexedBlock, ancestor: IndexedBlock) -> bool:
    """The index went back to `ancestor` if this node's branch from there on is final: an alert, both branches kept."""
    reader = app.require_chain().reader
    with app.database.reading() as connection:
        signers = known_after(connection, ancestor.number)
    last = min(one.newest, ancestor.number + CHUNK)
    branch = follow(reader.headers(one.node, ancestor.number + 1, last), reader.trust, signers, ancestor.hash)
    place = newest_final([block.header for block in branch], reader.trust)
    if place is None:
        return False
    _go_back(app, head, ancestor, branch[: place + 1])
    return True


def _go_back(app: App, head: IndexedBlock, ancestor: IndexedBlock, branch: Sequence[FollowedHeader]) -> None:
    now = app.clock()
    theirs = [block.header for block in branch]
    with app.database.transaction() as connection:
        lost = chain_index.block_range(connection, ancestor.number + 1, head.number)
        details = {
            "ancestor": ancestor.number,
            "head": head.number,
            "lost": [{"number": ours.number, "header": ours.header.hex()} for ours in lost[:MOST_TOLD]],
            "replacedBy": [{"number": rival.number, "header": rival.raw.hex()} for rival in theirs[:MOST_TOLD]],
        }
        alerts.clear(connection, BLOCK_REPLACED, str(ancestor.number + 1), now)  # each replacement is told, and lasts
        alerts.put(connection, BLOCK_REPLACED, str(ancestor.number + 1), details, now)
        validators.keep_rivals(connection, [RivalHeader(ours.number, ours.hash, ours.header, now) for ours in lost])
        validators.keep_rivals(
            connection, [RivalHeader(rival.number, rival.block_hash, rival.raw, now) for rival in theirs]
        )
        chain_index.rollback_to(connection, ancestor.number, now)
