"""Verifies a record by its receipt and a trust file alone: pure, the same judge and codes as with a chain at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from chain_service.core import layout
from chain_service.core.chain_trust import FORM_QBFT, ChainTrust
from chain_service.core.disclosures import Disclosure, PartialDisclosure, parse_disclosure
from chain_service.core.entries import record_entry
from chain_service.core.evidence import ProvenState, verify_evidence
from chain_service.core.facts import Claim, Content, Facts, Failure, HeadSignature, Outage, Presented
from chain_service.core.histories import slots_of_record
from chain_service.core.judge import Examine, judge
from chain_service.core.receipts import MAX_NODES, Receipt, parse
from chain_service.core.trust import SECONDS_A_DAY, TrustFile
from chain_service.core.verdicts import Verdict, Warning, warning
from chain_service.errors import BadRequest, InvalidProof

Examining = Callable[[str, int, ProvenState | Outage, ProvenState | None], Examine]
"""How a file's signatures are judged: given its name, the moment, the newest state and that of the anchoring block."""

CLOCK_SKEW: Final = 5
_NO_EVIDENCE: Final = Outage("finality_unproven", "the receipt proves no block")


def present(
    disclosure: bytes | None, files: tuple[Mapping[str, str], ...] = (), *, whole_files: bool = False
) -> Presented:
    """What was handed in, parsed; foreign bytes never raise: `failure` says what could not be read.

    `files` are digests as `file_digests` makes them; `whole_files` when file bytes, which may carry signatures, came.
    """
    content: Disclosure | PartialDisclosure | None = None
    failure: Failure | None = None
    try:
        content = parse_disclosure(disclosure) if disclosure is not None else None
    except InvalidProof as error:
        failure = Failure("record_mismatch", "disclosure", error.message)
    except BadRequest as error:
        failure = Failure("unreadable", "disclosure", error.message)
    return Presented(content, files=files, whole_files=whole_files, failure=failure)


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
    # 5. the refreshed status is from a later block
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
    called, by default the receipt's record id; `remembered` as in `prove_receipt`. Without `examining` signatures are
    not looked at, and a warning says so.
    """
    moment = now if at is None else at
    _refuse_future(moment, now)
    parsed, states, failure = _prove(receipt, trust, presented.disclosure, remembered)
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
            notices=(*trust.warnings(now), *_seals_old(states, trust, now)),
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
) -> tuple[Receipt | None, tuple[ProvenState, ...], Failure | None]:
    """The receipt, what it proves, and why it proves nothing."""
    receipt: Receipt | None = None
    try:
        receipt = parse(data)
        states = prove_receipt(receipt, trust.chain, remembered)
        if content is not None:
            _require_cover(states, receipt, content)
        return receipt, states, None
    except BadRequest as error:
        return receipt, (), Failure("proof_invalid", "receipt", error.message)


def _require_cover(states: Sequence[ProvenState], receipt: Receipt, content: Content) -> None:
    """Returns only if the evidence covers all that judging this record needs. Raises InvalidProof.

    Slots in a receipt are only hints; one that was changed may still prove something, of somebody else.
    """
    type_code = content.type_code if content.kind == "certificate" else None
    slots_of_record(states[0], receipt.log, receipt.proof, type_code, content.open.get("sealCodes", ()))
    status, _ = layout.status_slot(receipt.log, receipt.proof.index)
    for state in states[1:]:
        state.word(layout.RECORD_LOG, layout.head_slot(receipt.log, receipt.proof.size))
        state.word(layout.RECORD_STATUS, status)


def _seals_old(states: tuple[ProvenState, ...], trust: TrustFile, now: int) -> Iterator[Warning]:
    if states and now - states[-1].time > trust.terms.trusting_period:
        yield warning("seals_old", days=(now - states[-1].time) // SECONDS_A_DAY)
