"""Verifies a record by its receipt and a trust file alone: pure, the same judge and codes as with a chain at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from chain_service.core import layout
from chain_service.core.chain_trust import FORM_QBFT, ChainTrust
from chain_service.core.disclosures import Disclosure, PartialDisclosure, parse_disclosure
from chain_service.core.entries import record_entry
from chain_service.core.evidence import ProvenState, verify_evidence
from chain_service.core.facts import Claim, Content, Facts, Failure, HeadSignature, Outage, Presented
from chain_service.core.histories import place_slots, seal_slots, slots_of_record
from chain_service.core.judge import Examine, judge
from chain_service.core.log import leaf_hash, root_from_inclusion
from chain_service.core.receipts import MAX_NODES, Receipt, parse
from chain_service.core.trust import SECONDS_A_DAY, TrustFile
from chain_service.core.verdicts import Verdict, Warning, warning
from chain_service.errors import BadRequest, InvalidProof

Examining = Callable[[str, int, ProvenState | Outage, ProvenState | None], Examine]
"""How a file's signatures are judged: given its name, the moment, the newest state and that of the anchoring block."""

CLOCK_SKEW: Final = 5
_NO_EVIDENCE: Final = Outage("finality_unproven", "the receipt proves no block")


def present(
    disclosure: bytes | None,
    files: tuple[Mapping[str, str], ...] = (),
    *,
    whole_files: bool = False,
    before_attaching: Mapping[str, str] | None = None,
) -> Presented:
    """What was handed in, parsed; foreign bytes never raise: `failure` says what could not be read.

    `files` are digests as `file_digests` makes them; `whole_files` when file bytes, which may carry signatures, came;
    `before_attaching` as in Presented.
    """
    content: Disclosure | PartialDisclosure | None = None
    failure: Failure | None = None
    try:
        content = parse_disclosure(disclosure) if disclosure is not None else None
    except InvalidProof as error:
        failure = Failure("record_mismatch", "disclosure", error.message)
    except BadRequest as error:
        failure = Failure("unreadable", "disclosure", error.message)
    return Presented(
        content, files=files, before_attaching=before_attaching or {}, whole_files=whole_files, failure=failure
    )


def prove_receipt(
    receipt: Receipt, chain: ChainTrust, remembered: Mapping[int, bytes] | None = None
) -> tuple[ProvenState, ...]:
    """What each evidence of the receipt proves, the block that fixes its time first. Raises InvalidProof.

    `remembered` are hashes of blocks that were proven before, by number: on a QBFT chain another hash at the same
    height is equivocation (code `equivocation`); on Clique short forks are normal.
    """
    # 1. it names the trusted chain and log contract
    contract = chain.contracts.get(layout.RECORD_LOG)
    if receipt.chain_id != chain.chain_id:
        raise InvalidProof("the receipt is about another chain", chain_id=receipt.chain_id)
    if contract is None or receipt.contract != contract.address:
        raise InvalidProof("the receipt is about another contract than the trusted RecordLog")
    # 2. trusted validators stand behind each block, and its state holds the words
    states = tuple(verify_evidence(block.evidence, chain, max_nodes=MAX_NODES) for block in receipt.blocks)
    # 3. no two blocks of one height
    seen = dict(remembered or {})
    for state in states:
        if seen.setdefault(state.block, state.block_hash) != state.block_hash and chain.form == FORM_QBFT:
            raise InvalidProof("two different blocks of one height are proven", code="equivocation", block=state.block)
    # 4. the evidence is not younger than the log's signature says: a permit granted since would count
    if states[0].time > receipt.issued_at:
        raise InvalidProof("the first evidence is from after the receipt was signed", block=states[0].block)
    # 5. nor is it from before the record was anchored: the log's head stands in it
    if not states[0].word(layout.RECORD_LOG, layout.head_slot(receipt.log, receipt.proof.size)):
        raise InvalidProof("the first evidence is from before the log had this head", block=states[0].block)
    # 6. the refreshed status is from a later block
    if len(states) == 2 and (states[1].block <= states[0].block or states[1].time < states[0].time):
        raise InvalidProof("the newer evidence is not about a later block", block=states[1].block)
    return states


def verify_offline(
    receipt: bytes,
    presented: Presented,
    trust: TrustFile,
    *,
    now: int,
    at: int | None = None,
    subject: str | None = None,
    remembered: Mapping[int, bytes] | None = None,
    examining: Examining | None = None,
) -> Verdict:
    """The verdict at `at` (unix seconds, default `now`); nothing but the arguments is read.

    Never raises for what was handed in, except BadRequest (code `at_in_future`). `includedBy` is the time of the first
    evidence's block; `statusAsOf` that of the newest one's not after `at`, `status_stale` beyond the trust file's age
    limit. Without a disclosure there is nothing to verify: a receipt contains no record. `subject` is what the group is
    called, by default the receipt's record id; `remembered` as in `prove_receipt`: equivocation is warned of by name.
    Without `examining` signatures are not looked at, and a warning says so.
    """
    moment = now if at is None else at
    _refuse_future(moment, now)
    parsed, states, failure, doubts = _prove(receipt, trust, presented.disclosure, remembered)
    presented, anchor = _presented(presented, failure), states[0] if states else None
    claim = signature = None
    if parsed is not None and presented.disclosure is not None and failure is None:
        entry = record_entry(parsed.log, parsed.proof.index, presented.disclosure.body_digest)
        claim = Claim(parsed.log, entry, parsed.proof, presented=True)
        signature = HeadSignature(parsed.protected, parsed.key_id, parsed.signature)
    # Asked about now, the newest block counts even if its proposer's clock runs before ours.
    past = at is not None and at < now
    usable = [state for state in states if state.time <= moment or not past] or states[:1]
    now_state = usable[-1] if usable else _NO_EVIDENCE
    name = subject or (parsed.record_id if parsed is not None else "")
    return judge(
        Facts(
            subject=name,
            presented=presented,
            at=moment,
            now_state=now_state,
            max_age=trust.terms.age_limit,
            past=past,
            then_state=usable[-1] if usable else None,
            anchor_state=anchor,
            claim=claim,
            head_signature=signature,
            notices=(*trust.warnings(now), *_seals_old(states, trust, now), *doubts),
        ),
        None if examining is None else examining(name, moment, now_state, anchor),
    )


def _refuse_future(moment: int, now: int) -> None:
    if moment > now + CLOCK_SKEW:
        raise BadRequest("at must not lie in the future", code="at_in_future", field="at")


def _presented(presented: Presented, failure: Failure | None) -> Presented:
    """What was handed in with the receipt's failure; without a disclosure a file has nothing to be compared with."""
    if presented.failure is None and failure is not None:
        return replace(presented, failure=failure)
    if presented.failure is None and presented.disclosure is None:
        return Presented(whole_files=presented.whole_files)
    return presented


def _prove(
    data: bytes, trust: TrustFile, content: Content | None, remembered: Mapping[int, bytes] | None
) -> tuple[Receipt | None, tuple[ProvenState, ...], Failure | None, tuple[Warning, ...]]:
    """The receipt, what it proves, why it proves nothing, and what to warn of."""
    receipt: Receipt | None = None
    try:
        receipt = parse(data)
        states = prove_receipt(receipt, trust.chain, remembered)
        if content is not None and _leads_to_head(receipt, content, states):
            _require_cover(states, receipt, content)
        return receipt, states, None, ()
    except BadRequest as error:
        doubts = (warning("equivocation"),) if error.code == "equivocation" else ()
        return receipt, (), Failure("proof_invalid", "receipt", error.message), doubts


@dataclass(frozen=True, slots=True)
class SeenBlock:
    """A block that trusted validators stand behind, with the headers that show it."""

    number: int
    block_hash: bytes
    headers: tuple[bytes, ...]
    """RLP; the block itself first."""


def seen_blocks(receipt: bytes, trust: TrustFile) -> tuple[SeenBlock, ...]:
    """The blocks that a receipt's evidence proves each by itself; none for what proves nothing. Never raises.

    Whether they agree with others of their height is not asked: to keep them is the point.
    """
    found = []
    try:
        blocks = parse(receipt).blocks
    except BadRequest:
        return ()
    for block in blocks:
        with suppress(InvalidProof):
            state = verify_evidence(block.evidence, trust.chain, max_nodes=MAX_NODES)
            found.append(SeenBlock(state.block, state.block_hash, block.evidence.headers))
    return tuple(found)


def _leads_to_head(receipt: Receipt, content: Content, states: Sequence[ProvenState]) -> bool:
    """Whether the receipt is this content's: its path leads from there to the head that a state holds."""
    entry = record_entry(receipt.log, receipt.proof.index, content.body_digest)
    try:
        root = int.from_bytes(root_from_inclusion(leaf_hash(entry), receipt.proof), "big")
    except InvalidProof:
        return False
    slot = layout.RECORD_LOG, layout.head_slot(receipt.log, receipt.proof.size)
    return any(state.words.get(slot) == root for state in states)


def _require_cover(states: Sequence[ProvenState], receipt: Receipt, content: Content) -> None:
    """Returns only if the evidence covers all that judging this record needs. Raises InvalidProof.

    Slots in a receipt are only hints; one that was changed may still prove something, of somebody else. A newer block
    has to show the seals' states as well: what was left out could be that one is frozen since.
    """
    type_code = content.type_code if content.kind == "certificate" else None
    seal_codes = content.open.get("sealCodes", ())
    slots_of_record(states[0], receipt.log, receipt.proof, receipt.key_id, type_code, seal_codes)
    for state in states[1:]:
        for slot in place_slots(receipt.log, receipt.proof):
            state.word(*slot)
        for code in seal_codes:
            seal_slots(state, code, facts=False)


def _seals_old(states: tuple[ProvenState, ...], trust: TrustFile, now: int) -> Iterator[Warning]:
    if states and now - states[-1].time > trust.terms.trusting_period:
        yield warning("seals_old", days=(now - states[-1].time) // SECONDS_A_DAY)
