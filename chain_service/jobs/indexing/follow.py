"""Reading the chain: final blocks only, in order, each linked to the one before; nothing else marks things final."""

from __future__ import annotations

from collections.abc import Sequence

from chain_service.chain.contracts import ChainEvent
from chain_service.chain.reader import NodeView
from chain_service.chain.rpc import Rpc, RpcError
from chain_service.core.chainproof.consensus import consensus_of, follow, headers_on_top, newest_final
from chain_service.core.chainproof.headers import SealedHeader, may_hold
from chain_service.errors import Conflict, InvalidProof, Unavailable
from chain_service.jobs.alerts import EVENTS_MISSING, SEALING, VALIDATORS_UNKNOWN
from chain_service.jobs.context import App, Progress, silent
from chain_service.jobs.indexing import apply_events
from chain_service.jobs.indexing.apply_events import Headers, HeadProofs
from chain_service.jobs.indexing.confirm_state import confirm
from chain_service.jobs.indexing.ended_alerts import end_alerts
from chain_service.jobs.indexing.head_watch import watch_head
from chain_service.jobs.indexing.reorganisation import CHUNK, keep_rivals, leave_branch
from chain_service.jobs.validators import changes, count_from_genesis, known_after, refresh_trust, trust_sets
from chain_service.store import alerts, chain_index, submissions, validators
from chain_service.store.chain_index import IndexedBlock
from chain_service.store.validators import ValidatorSet


def index(app: App, progress: Progress = silent) -> int:
    """Every final block is read and its effects stand; how many blocks that took.

    Raises `Unavailable` when no node can be asked, `InvalidProof` when nothing that nodes say holds; the next call goes
    on where this one stopped.
    """
    chain = app.require_chain()
    start = done = 0
    try:
        while True:
            with app.database.reading() as connection:
                refresh_trust(app, connection)
                head = chain_index.newest_block(connection)
            start = start or (head.number if head else chain.deployment.first_block)
            read, newest = _step(app, head)
            if not read:
                break
            done += max(read, 0)
            progress("blocks", done, max(done, newest - start + 1))
    finally:
        watch_head(app)
    if head is not None:
        _settle_reverted(app, head.number)
    apply_events.fetch_missing_proofs(app)
    end_alerts(app)
    return done


def _step(app: App, head: IndexedBlock | None) -> tuple[int, int]:
    """One chunk is stored, or a replaced branch left (-1), or there is nothing to read (0); and the newest block."""
    reader = app.require_chain().reader
    seen = reader.survey(head.number if head else 0)
    ours = head.hash if head else reader.trust.genesis_hash
    on_ours = [view for view in seen if view.block_hash == ours]
    others = [view for view in seen if view.block_hash not in (ours, None)]
    if not on_ours:
        if head is None:
            raise InvalidProof("the chain begins with another block", code="wrong_chain")
        return leave_branch(app, head, seen), 0
    if head is not None and others:
        keep_rivals(app, head, others)
    failure: InvalidProof | Unavailable | None = None
    idle = False
    for view in on_ours:
        try:
            read = _read_from(app, head, view)
        except InvalidProof as error:
            failure = failure or error
            view.node.distrust()
        except Unavailable as error:
            failure = failure or error
            if error.code == "node_unavailable":
                view.node.distrust()
        else:
            if read:
                return read, view.newest
            idle = True
    if failure is not None and not idle:
        _tell_of_validators(app, failure)
        raise failure
    return 0, seen[0].newest


def _read_from(app: App, head: IndexedBlock | None, one: NodeView) -> int:
    """The blocks that this node has after ours, as far as they are final, are read and stored; how many."""
    chain = app.require_chain()
    trust = chain.reader.trust
    number = head.number if head else chain.deployment.first_block - 1
    last = min(one.newest, number + CHUNK + headers_on_top(trust, number + 1))
    if last <= number:
        return 0
    parent, signers, begun = head.hash if head else None, None, []
    if consensus_of(trust).counts_validators:
        with app.database.reading() as connection:
            signers = known_after(connection, number)
        if signers is None:
            signers, counted = count_from_genesis(app, one.node, number)
            if parent not in (None, counted):
                raise Unavailable("the node switched to another branch meanwhile", code="node_unavailable")
            parent, begun = counted, [ValidatorSet(number, *signers.to_bytes())]
    followed = follow(chain.reader.headers(one.node, number + 1, last), trust, signers, parent)
    place = newest_final([block.header for block in followed], trust)
    if place is None:
        return 0
    final = followed[: place + 1]
    _absorb(app, one.node, [block.header for block in final], [*begun, *changes(final, signers)])
    return len(final)


def _absorb(app: App, node: Rpc, headers: Sequence[SealedHeader], sets: Sequence[ValidatorSet]) -> None:
    """The blocks, their events and all that follows from them are stored in one transaction."""
    hashes = {header.number: header for header in headers}
    if sets:
        with app.database.reading() as connection:
            known = validators.listed(connection)
        trust_sets(app.require_chain(), [*known, *sets])
    events, proofs = _believed(app, node, hashes)
    blocks = [
        IndexedBlock(final.number, final.block_hash, final.parent_hash, final.time, final.raw) for final in headers
    ]
    try:
        with app.database.transaction() as connection:
            chain_index.add_blocks(connection, blocks)
            validators.add(connection, sets)
            apply_events.apply(app, connection, events, hashes, proofs)
            alerts.clear(connection, VALIDATORS_UNKNOWN, SEALING, app.clock())
    except Conflict as error:
        if error.code != "constraint":
            raise
        raise Unavailable("another worker has indexed these blocks", code="index_busy") from error


def _believed(app: App, node: Rpc, headers: Headers) -> tuple[list[ChainEvent], HeadProofs]:
    """The blocks' events with the proofs of what they say, from this node or the next one whose word holds.

    A block's bloom filter may hold an address that had no event there, so events that seem to be missing are believed
    to be so only if no other node has them.
    """
    reader = app.require_chain().reader
    failure: InvalidProof | Unavailable | None = None
    doubtful: tuple[Rpc, list[ChainEvent]] | None = None
    for candidate in [node, *(other for other in reader.rpc.nodes(avoided=False) if other is not node)]:
        try:
            events = _events_of(app, candidate, headers)
            if _complete(app, events, headers):
                proofs = _proven(app, events, headers)
                reader.last_event_source = candidate
                return events, proofs
            doubtful = doubtful or (candidate, events)
        except InvalidProof as error:
            failure = failure or error
            candidate.distrust()
        except (Unavailable, RpcError) as error:
            failure = failure or (error if isinstance(error, Unavailable) else Unavailable(error.message))
    if doubtful is None:
        raise failure or Unavailable("no node returned the logs", code="node_unavailable")
    reader.last_event_source = doubtful[0]
    return doubtful[1], _proven(app, doubtful[1], headers)


def _events_of(app: App, node: Rpc, headers: Headers) -> list[ChainEvent]:
    events = app.require_chain().reader.events(min(headers), max(headers), node)
    if any(event.block not in headers or headers[event.block].block_hash != event.block_hash for event in events):
        raise Unavailable("the node's events and blocks belong to different branches", code="node_unavailable")
    return events


def _complete(app: App, events: Sequence[ChainEvent], headers: Headers) -> bool:
    """No block's bloom filter speaks of a contract that the events are silent about."""
    told = {(event.block, event.address) for event in events}
    contracts = app.require_chain().deployment.contracts.values()
    addresses = {contract.address: contract.raw_address for contract in contracts}
    return all(
        (number, address) in told or not may_hold(header.bloom, raw)
        for number, header in headers.items()
        for address, raw in addresses.items()
    )


def _proven(app: App, events: Sequence[ChainEvent], headers: Headers) -> HeadProofs:
    proofs = apply_events.prove_heads(app, events, headers)
    confirm(app, events, headers[max(headers)], proofs)
    return proofs


def _tell_of_validators(app: App, failure: InvalidProof | Unavailable) -> None:
    """On a QBFT chain whose headers name others than the trusted ones the operator has to say whether that is right."""
    if failure.code != "other_validators":
        return
    block, named = failure.details["block"], failure.details["named"]
    remedy = f"chain-service trust validators --from-block {block} {' '.join(named)}"
    details = {"block": block, "named": named, "remedy": f"compare them with what the authorities say, then: {remedy}"}
    with app.database.transaction() as connection:
        alerts.put(connection, VALIDATORS_UNKNOWN, SEALING, details, app.clock())


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
    """A node has our transaction in a block that was shown without its event: all from that block on is read anew."""
    last_event_source = app.require_chain().reader.last_event_source
    if last_event_source is not None:
        last_event_source.distrust()
    with app.database.transaction() as connection:
        head = chain_index.newest_block(connection)
        if head is None or head.number < block:
            return
        alerts.put(connection, EVENTS_MISSING, str(block), {"head": head.number}, app.clock())
        chain_index.rollback_to(connection, block - 1, app.clock())
