"""What proofs show, stored ones and presented ones, held against the chain that the index follows: all is one history.

The index knows the hash of every block that it has read, each linked to the one before it, up to one that a node proves
today. A proof about such a block has to be about that very block; then it counts, whoever has sealed since. A proof of
another block of that height is of another history, however many validators sealed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.consensus import CONSENSUS_FORMS
from chain_service.core.chainproof.evidence import Evidence, ProvenState
from chain_service.core.chainproof.headers import decode_fields
from chain_service.core.receipts.receipt import Receipt
from chain_service.core.receipts.verify_offline import doubt_of, prove_receipt, require_trusted
from chain_service.core.registries.histories import place_slots, require_end_kept
from chain_service.core.verdicts.inputs import Claim, Failure
from chain_service.errors import CannotTell, InvalidProof, Unavailable
from chain_service.jobs.context import App
from chain_service.jobs.proofs.batch_evidence import proven
from chain_service.jobs.verifying.lookup import Lookup
from chain_service.store import chain_index
from chain_service.store.chain_index import IndexedBlock

Indexed = Mapping[int, IndexedBlock]
"""Of the blocks that proofs are about those that the index has read, by number."""


@dataclass(frozen=True)
class ProvenAnchoring:
    """What is proven of one record's anchoring, and why the receipt presented proves nothing."""

    anchor: ProvenState | None = None
    """By the stored proof, else by the receipt."""
    states: tuple[ProvenState, ...] = ()
    """All that the receipt shows."""
    failure: Failure | None = None


def anchored(app: App, drafts: Sequence[Lookup]) -> list[ProvenAnchoring]:
    """What is proven of each draft's anchoring block."""
    if app.chain is None:
        return [ProvenAnchoring() for _ in drafts]
    trust = app.chain.reader.trust
    stored = [None if draft.evidence is None else proven(draft.evidence, trust) for draft in drafts]
    numbers = {state.block for state in stored if state is not None}
    for draft in drafts:
        if draft.receipt is not None:
            numbers.update(_numbers(draft.receipt))
    with app.database.reading() as connection:
        indexed = chain_index.blocks_of(connection, sorted(numbers))
    return [_anchored(app, *pair, indexed) for pair in zip(drafts, stored, strict=True)]


def _anchored(app: App, draft: Lookup, stored: ProvenState | None, indexed: Indexed) -> ProvenAnchoring:
    states: tuple[ProvenState, ...] = ()
    if draft.receipt is not None and draft.presented.failure is None:
        try:
            states = _shown(app, draft.receipt, indexed)
        except CannotTell as error:
            return ProvenAnchoring(failure=Failure(doubt_of(error), "receipt", error.message))
        except InvalidProof as error:
            return ProvenAnchoring(failure=Failure("proof_invalid", "receipt", error.message))
    known = [*_held(app, stored, indexed), *(state for state in states if state.counts)]
    telling = [state for state in known if _tells(state, draft.claim)] or known
    return ProvenAnchoring(telling[0] if telling else None, states)


def _held(app: App, stored: ProvenState | None, indexed: Indexed) -> list[ProvenState]:
    """The stored proof's state, if it is about a block of ours and counts."""
    if stored is None:
        return []
    try:
        state = _of_ours(app, stored, indexed)
    except InvalidProof:
        return []
    return [state] if state.counts else []


def _tells(state: ProvenState, claim: Claim | None) -> bool:
    return (
        claim is None
        or (storage_layout.RECORD_LOG, storage_layout.head_slot(claim.log, claim.proof.size)) in state.words
    )


def shown(app: App, receipt: Receipt) -> tuple[ProvenState, ...]:
    """What a receipt shows, as `core.receipts.verify_offline.prove_receipt`, of the chain that is indexed.

    Raises `InvalidProof`.
    """
    with app.database.reading() as connection:
        indexed = chain_index.blocks_of(connection, _numbers(receipt))
    return _shown(app, receipt, indexed)


def _shown(app: App, receipt: Receipt, indexed: Indexed) -> tuple[ProvenState, ...]:
    require_trusted(receipt, app.require_chain().reader.trust)
    # before anybody's seals are looked at: an indexed block's hash is known
    for block in receipt.blocks:
        _require_ours(app, *_block(block.evidence), indexed)
    states = prove_receipt(receipt, app.require_chain().reader.trust)
    return tuple(_of_ours(app, state, indexed) for state in states)


def _of_ours(app: App, state: ProvenState, indexed: Indexed) -> ProvenState:
    """The state, which counts if its block is indexed. Raises `InvalidProof` if the index has another block there."""
    _require_ours(app, state.block, state.block_hash, indexed)
    return replace(state, counts=True) if state.block in indexed else state


def _require_ours(app: App, number: int, block_hash: bytes, indexed: Indexed) -> None:
    chain = app.require_chain()
    if number < chain.deployment.first_block:
        raise InvalidProof("the block is older than the contracts", block=number)
    block = indexed.get(number)
    if block is None or chain.reader.block_hash(block.header) == block_hash:
        return
    try:
        (header,) = chain.reader.blocks(number, number)
    except (InvalidProof, Unavailable):
        header = None
    if header is not None and header.block_hash == block_hash:
        raise CannotTell("index and nodes have different blocks of this height", code="finality_unproven", block=number)
    raise InvalidProof("the chain has another block of this height", code="block_replaced", block=number)


def _numbers(receipt: Receipt) -> list[int]:
    return [_block(block.evidence)[0] for block in receipt.blocks]


def _block(evidence: Evidence) -> tuple[int, bytes]:
    """Number and hash of the block that evidence is about, as its header says. Raises `InvalidProof`."""
    raw = evidence.headers[0]
    return int.from_bytes(decode_fields(raw)[8], "big"), CONSENSUS_FORMS[evidence.form].block_hash(raw)


def require_one_history(states: Iterable[ProvenState], now: ProvenState, receipt: Receipt) -> None:
    """The newest state has the head that the receipt's states show, and the end of the record where they show one, and
    is no other block of their height.

    Raises `InvalidProof`.
    """
    slot = storage_layout.RECORD_LOG, storage_layout.head_slot(receipt.log, receipt.proof.size)
    for state in states:
        older, newer = sorted((state, now), key=lambda shown: shown.block)
        if state.block == now.block and state.block_hash != now.block_hash:
            raise InvalidProof("the chain has another block of this height", code="block_replaced", block=state.block)
        if older.words.get(slot) and newer.words.get(slot, older.words[slot]) != older.words[slot]:
            raise InvalidProof("a newer block contradicts the log head that an older one shows", block=newer.block)
        require_end_kept(older, newer, receipt.log, receipt.proof)


def at_moment(app: App, moment: int, claims: Sequence[Claim]) -> ProvenState | None:
    """Heads and states of these records in the block that was the newest at this moment (unix seconds).

    Where the index says it was is only a hint: the times of that block and the next one are read from proven headers.
    None where no node can prove it now, and for moments after the newest final block.
    """
    with app.database.reading() as connection:
        block = chain_index.block_at(connection, moment)
        following = None if block is None else chain_index.block(connection, block.number + 1)
    if app.chain is None or block is None or following is None or not claims:
        return None
    wants = [slot for claim in claims for slot in place_slots(claim.log, claim.proof)]
    reader = app.chain.reader
    try:
        _, state = reader.prove(block.number, wants, reader.block_hash(block.header))
        _, after = reader.prove(following.number, [], reader.block_hash(following.header))
    except (Unavailable, InvalidProof):
        return None
    return state if state.time <= moment < after.time else None
