"""Reading the chain: final blocks only, in order, each linked to the one before; nothing else marks things final."""

from __future__ import annotations

from collections.abc import Sequence

from chain_service.chain.contracts import ChainEvent
from chain_service.core.clique import CliqueHeader
from chain_service.errors import Conflict, Corrupt, InvalidProof, Unavailable
from chain_service.jobs import effects
from chain_service.jobs.context import App, Progress, silent
from chain_service.jobs.witness import confirm
from chain_service.store import alerts, chain_index, submissions
from chain_service.store.chain_index import Block

CHUNK = 200
"""Blocks read and stored in one step."""
BLOCK_REPLACED = "final_block_replaced"
EVENTS_MISSING = "events_missing"


def index(app: App, progress: Progress = silent) -> int:
    """Every final block is read and its effects stand; how many blocks that took.

    Raises `Unavailable` when the node cannot be asked, `InvalidProof` when what it says does not hold; the next call
    goes on where this one stopped.
    """
    chain = app.require_chain()
    final = chain.reader.final_head()
    start = done = 0
    while True:
        with app.database.reading() as connection:
            head = chain_index.head_block(connection)
        start = start or (head.number if head else chain.deployment.first_block)
        read = _step(app, head, final)
        if not read:
            break
        done += max(read, 0)
        progress("blocks", done, final - start + 1)
    _settle_reverted(app, final)
    effects.fetch_missing_proofs(app)
    return done


def _step(app: App, head: Block | None, final: int) -> int:
    """One chunk is stored, or a replaced branch left (-1); 0 when there is nothing to read."""
    chain = app.require_chain()
    first = head.number if head is not None else chain.deployment.first_block
    last = min(final, first + CHUNK)
    if head is not None and last <= head.number:
        if final >= chain.deployment.first_block:
            return _compare(app, final)
        return 0
    if last < first:
        return 0
    headers = chain.reader.blocks(first, last)
    if head is not None:
        if headers[0].block_hash != head.hash:
            _go_back(app, head)
            return -1
        headers = headers[1:]
    events = chain.reader.events(headers[0].number, last)
    _absorb(app, headers, events)
    return len(headers)


def _compare(app: App, final: int) -> int:
    """A node with nothing new is waited for; one on another branch, no longer than ours, makes the index go back."""
    with app.database.reading() as connection:
        ours = chain_index.block(connection, final)
    if ours is None or app.require_chain().reader.blocks(final, final)[0].block_hash == ours.hash:
        return 0
    _go_back(app, ours)
    return -1


def _absorb(app: App, headers: Sequence[CliqueHeader], events: Sequence[ChainEvent]) -> None:
    """The blocks, their events and all that follows from them are stored in one transaction."""
    hashes = {header.number: header for header in headers}
    for event in events:
        if event.block not in hashes or hashes[event.block].block_hash != event.block_hash:
            raise Unavailable("the node's events and blocks belong to different branches", code="node_unavailable")
    proofs = effects.prove_heads(app, events, hashes)
    confirm(app, events, headers[-1], proofs)
    blocks = [Block(one.number, one.block_hash, one.parent_hash, one.time, one.raw) for one in headers]
    try:
        with app.database.transaction() as connection:
            chain_index.add_blocks(connection, blocks)
            effects.apply(app, connection, events, hashes, proofs)
    except Conflict as error:
        if error.code != "constraint":
            raise
        raise Unavailable("another worker has indexed these blocks", code="index_busy") from error


def _go_back(app: App, head: Block) -> None:
    """A block that counted as final has left the chain: an alert with both branches, then back to where they part."""
    reader = app.require_chain().reader
    number = head.number
    first = app.require_chain().deployment.first_block
    while number >= first:
        bottom = max(first, number - CHUNK + 1)
        theirs = {header.number: header.block_hash for header in reader.blocks(bottom, number)}
        with app.database.reading() as connection:
            ours = chain_index.block_range(connection, bottom, number)
        common = [block.number for block in ours if theirs.get(block.number) == block.hash]
        if common:
            break
        number = bottom - 1
    else:
        raise Corrupt("no indexed block is on the chain behind rpc_urls", code="wrong_chain")
    ancestor = common[-1]
    with app.database.transaction() as connection:
        lost = chain_index.block_range(connection, ancestor + 1, head.number)
        details = {"ancestor": ancestor, "lost": [{"number": b.number, "header": b.header.hex()} for b in lost[:50]]}
        alerts.put(connection, BLOCK_REPLACED, str(ancestor + 1), details, app.clock())
        chain_index.rollback_to(connection, ancestor, app.clock())


def _settle_reverted(app: App, final: int) -> None:
    """Of our transactions without a final block, those that reverted in one are known to have.

    One that succeeded in a block already read had its event left out by the node: a log index still being built, a lie.
    """
    sender = app.require_chain().sender
    with app.database.reading() as connection:
        waiting = submissions.unmined(connection)
    if not waiting:
        return
    receipts = sender.receipts([transaction.hash for transaction in waiting])
    for transaction, receipt in zip(waiting, receipts, strict=True):
        if receipt is None or receipt.block > final:
            continue
        if receipt.succeeded:
            _read_again(app, receipt.block)
            return
        reason = sender.revert_reason(transaction.hash).code
        with app.database.transaction() as connection:
            submissions.mark_reverted(connection, transaction.hash, receipt.block, reason, app.clock())


def _read_again(app: App, block: int) -> None:
    """The node has our transaction in a block that it showed without its event: all from that block on is read anew."""
    with app.database.transaction() as connection:
        head = chain_index.head_block(connection)
        if head is None or head.number < block:
            return
        alerts.put(connection, EVENTS_MISSING, str(block), {"head": head.number}, app.clock())
        chain_index.rollback_to(connection, block - 1, app.clock())


__all__ = ["BLOCK_REPLACED", "InvalidProof", "index"]
