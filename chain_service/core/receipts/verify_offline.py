"""Verifies a record by its receipt and a trust file alone: pure, the same judge and codes as with a chain to read.

What is proven against the trust file is one of three things. A state that counts is evidence. One that does not, since
only validators of a closed range sealed it, may not contradict and is otherwise left out: if no other state of the
receipt shows the record, the verdict is `trust_stale`. A proof that does not hold is `proof_invalid`, unless its block
is younger than the trust file, which then cannot know who may seal it: that is `trust_stale` as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Literal

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState, verify_evidence
from chain_service.core.chainproof.evidence_cbor import MAX_NODES
from chain_service.core.chainproof.trust import ChainTrust, UnknownSealers
from chain_service.core.encoding.text import Text
from chain_service.core.encoding.times import local_day
from chain_service.core.receipts.receipt import Receipt, parse
from chain_service.core.receipts.trust_file import SECONDS_A_DAY, TrustFile
from chain_service.core.records.disclosure import Disclosure, PartialDisclosure, parse_disclosure
from chain_service.core.records.hashing import LogId, record_entry
from chain_service.core.registries.histories import place_slots, require_end_kept, slots_of_record
from chain_service.core.verdicts.inputs import (
    ASKED_AHEAD,
    Claim,
    Content,
    Failure,
    HeadSignature,
    JudgeInput,
    Outage,
    Presented,
)
from chain_service.core.verdicts.judge import Examine, judge
from chain_service.core.verdicts.shown_members import with_hidden
from chain_service.core.verdicts.verdict import Verdict, Warning, warning
from chain_service.errors import BadRequest, CannotTell, InvalidProof

Doubt = Literal["finality_unproven", "issuer_unknown", "trust_stale"]
"""Why a receipt was rejected that may well be genuine."""
Examining = Callable[[str, int, ProvenState | Outage, ProvenState | None], Examine]
"""How a file's signatures are judged: given its name, the moment, the state that tells of seals and that of the
anchoring block."""

_RETIRED: Final = Outage("trust_stale", "every validator that sealed the receipt's blocks has since been removed")
_NO_EVIDENCE: Final = Outage("finality_unproven", "the receipt holds no proven block")


def present(
    disclosure: bytes | None,
    files: tuple[Mapping[str, str], ...] = (),
    *,
    whole_files: bool = False,
    before_attaching: Mapping[str, str] | None = None,
) -> Presented:
    """What was presented, parsed; foreign bytes never raise: `failure` says what could not be read.

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
    """What each evidence of the receipt proves, the block that fixes its time first.

    `remembered` are hashes of blocks that were proven before, by number. Raises InvalidProof (code `equivocation` for
    two blocks of one height: on a Clique chain, too, some validator sealed both), CannotTell.
    """
    # 1. it names the trusted chain and log contract
    require_trusted(receipt, chain)
    # 2. trusted validators stand behind each block, and its state holds the words
    states = tuple(verify_evidence(block.evidence, chain, max_nodes=MAX_NODES) for block in receipt.blocks)
    # 3. no two blocks of one height
    require_one_block_a_height(states, remembered or {})
    # 4. the evidence is not younger than the log's signature says: a permit granted since would count
    if states[0].time > receipt.issued_at:
        raise InvalidProof("the first evidence is newer than the receipt's signature", block=states[0].block)
    # 5. nor is it from before the record was anchored: the log's head stands in it
    head = storage_layout.RECORD_LOG, storage_layout.head_slot(receipt.log, receipt.proof.size)
    if not states[0].word(*head):
        raise InvalidProof("the first evidence is older than this log head", block=states[0].block)
    if len(states) == 2:
        # 6. the refreshed status is from a later block
        if states[1].block <= states[0].block or states[1].time < states[0].time:
            raise InvalidProof("the newer evidence is not about a later block", block=states[1].block)
        # 7. of the same history: the head stands there too, and nothing else that was there is gone
        states[1].word(*head)
        _require_kept(*states)
        require_end_kept(*states, receipt.log, receipt.proof)
    return states


def require_trusted(receipt: Receipt, chain: ChainTrust) -> None:
    """The receipt is about this chain and its log contract.

    Raises CannotTell (code `issuer_unknown`): one of another chain may well be genuine.
    """
    contract = chain.contracts.get(storage_layout.RECORD_LOG)
    if receipt.chain_id != chain.chain_id:
        raise CannotTell("the receipt is about another chain", code="issuer_unknown", chain_id=receipt.chain_id)
    if contract is None or receipt.contract != contract.address:
        raise CannotTell("the receipt is about another contract than the trusted RecordLog", code="issuer_unknown")


def require_one_block_a_height(states: Sequence[ProvenState], remembered: Mapping[int, bytes]) -> None:
    """No two of these blocks, or of those remembered by number, have one height.

    Raises InvalidProof (code `equivocation`).
    """
    seen = dict(remembered)
    for state in states:
        if seen.setdefault(state.block, state.block_hash) != state.block_hash:
            raise InvalidProof("two different blocks of one height are proven", code="equivocation", block=state.block)


def _require_kept(older: ProvenState, newer: ProvenState) -> None:
    """Every word of a receipt but that of a status is written once. Raises InvalidProof where one is another."""
    for slot, word in older.words.items():
        if word and slot[0] != storage_layout.RECORD_STATUS and newer.words.get(slot, word) != word:
            raise InvalidProof("the newer evidence contradicts the first", contract=slot[0])


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
    accept_stale: bool = False,
) -> Verdict:
    """The verdict at `at` (unix seconds, default `now`); nothing but the arguments is read.

    Never raises for what was presented, except BadRequest (code `at_in_future`). `includedBy` is the time of the first
    evidence's block; `statusAsOf` that of the newest one's not after `at`, `status_stale` beyond the trust file's age
    limit, `trust_stale` beyond its trusting period, after it expired, and if only validators of a closed range sealed
    its blocks. `accept_stale` lifts the two limits, which the verdict names. Without a disclosure there is nothing
    to verify: a receipt contains no record. `subject` is what the group is called, by default the receipt's record id;
    `remembered` as in `prove_receipt`: equivocation is warned of. Without `examining` no signature is looked at.
    """
    moment = now if at is None else at
    _refuse_future(moment, now)
    shown = _prove(receipt, trust, presented.disclosure, remembered)
    past = at is not None and at < now  # else the newest block counts, even if its proposer's clock runs before ours
    usable = [state for state in shown.counting if state.time <= moment or not past] or list(shown.counting[:1])
    anchor = shown.counting[0] if shown.counting else None
    now_state = usable[-1] if usable else _outage(shown)
    name = subject or (shown.receipt.record_id if shown.receipt is not None else "")
    limit, accepted = _limit(shown.states, trust, now, accept_stale)
    facts = JudgeInput(
        subject=name,
        presented=_presented(presented, shown.failure),
        at=moment,
        now_state=now_state,
        max_age=trust.terms.age_limit,
        past=past,
        then_state=usable[-1] if usable else None,
        anchor_state=anchor,
        claim=shown.claim,
        head_signature=shown.signature,
        earliest=shown.states[0].time if shown.states and anchor is not shown.states[0] else None,
        limit=limit,
        notices=(*trust.warnings(now), *shown.doubts, *accepted),
    )
    seals_state = _of_seals(now_state if not past or anchor is None else _knowing(shown.counting, moment))
    examine = None if examining is None else examining(name, moment, seals_state, anchor)
    return with_hidden(judge(facts, examine), presented.disclosure)


def _knowing(states: Sequence[ProvenState], moment: int) -> ProvenState:
    """The first state that knows all that happened to a seal until then, for its states have times; else the newest.

    A state from before the moment would hide what the newer one of the same receipt shows.
    """
    return next((state for state in states if state.time >= moment), states[-1])


def _of_seals(state: ProvenState | Outage) -> ProvenState | Outage:
    """What is known of the registry of seals: a receipt of another chain proves nothing of the one here."""
    return _NO_EVIDENCE if isinstance(state, Outage) and state.code == "issuer_unknown" else state


def _outage(shown: _Shown) -> Outage:
    """Why nothing that the receipt shows counts."""
    if shown.states:
        return _RETIRED
    if shown.failure is not None and shown.failure.code in ("trust_stale", "issuer_unknown"):
        return Outage(shown.failure.code, shown.failure.detail)
    return _NO_EVIDENCE


def _refuse_future(moment: int, now: int) -> None:
    if moment > now + ASKED_AHEAD:
        raise BadRequest("at must not lie in the future", code="at_in_future", field="at")


def _presented(presented: Presented, failure: Failure | None) -> Presented:
    """What was presented with the receipt's failure; without a disclosure a file has nothing to be compared with."""
    if presented.failure is None and failure is not None:
        return replace(presented, failure=failure)
    if presented.failure is None and presented.disclosure is None:
        return Presented(whole_files=presented.whole_files)
    return presented


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a receipt shows; `failure` is why it proves nothing."""

    receipt: Receipt | None
    states: tuple[ProvenState, ...] = ()
    counting: tuple[ProvenState, ...] = ()
    """Those of the states that count by themselves and are enough to judge the record by."""
    claim: Claim | None = None
    """What it asserts of the record; None where it proves nothing, or nothing was presented to prove."""
    failure: Failure | None = None
    doubts: tuple[Warning, ...] = ()

    @property
    def signature(self) -> HeadSignature | None:
        """The log's signature of what is claimed."""
        if self.receipt is None or self.claim is None:
            return None
        return HeadSignature(self.receipt.protected, self.receipt.key_id, self.receipt.signature)


def _prove(
    data: bytes, trust: TrustFile, content: Content | None, remembered: Mapping[int, bytes] | None
) -> _Shown:  # fmt: skip
    receipt: Receipt | None = None
    try:
        receipt = parse(data)
        states = prove_receipt(receipt, trust.chain, remembered)
        if content is None:
            return _Shown(receipt, states, _counting(states, receipt, content))
        claim = _claim(receipt, content)
        if _leads_to_head(claim, states):
            _require_cover(states, receipt, content)
        return _Shown(receipt, states, _counting(states, receipt, content), claim)
    except BadRequest as error:
        doubts = (warning("equivocation"),) if error.code == "equivocation" else ()
        return _Shown(receipt, failure=Failure(_code(error, trust), "receipt", error.message), doubts=doubts)


def doubt_of(error: CannotTell) -> Doubt:
    """The finding that it is about a receipt."""
    doubts: tuple[Doubt, ...] = ("finality_unproven", "issuer_unknown")
    return next((code for code in doubts if code == error.code), "trust_stale")


def _code(error: BadRequest, trust: TrustFile) -> Doubt | Literal["proof_invalid"]:
    """A block that does not fit the validators of today may be of ones that the trust file cannot know yet."""
    if not isinstance(error, CannotTell):
        return "proof_invalid"
    if isinstance(error, UnknownSealers):
        return "trust_stale" if error.details["time"] > trust.terms.issued else "proof_invalid"
    return doubt_of(error)


def _counting(
    states: tuple[ProvenState, ...], receipt: Receipt, content: Content | None
) -> tuple[ProvenState, ...]:  # fmt: skip
    """The states that count, if the first of them shows all that judging the record needs."""
    counting = tuple(state for state in states if state.counts)
    if content is not None and counting and counting[0] is not states[0]:
        try:
            _require_whole(counting[0], receipt, content)
        except InvalidProof:
            return ()
    return counting


def proven_place(receipt: bytes, trust: TrustFile) -> tuple[LogId, int] | None:
    """Log and index that a receipt speaks of, if its evidence is proven; None otherwise. Never raises.

    What stands there is not looked at: it tells where whoever made the receipt says that something belongs.
    """
    proven = _proven(receipt, trust)
    return None if proven is None else (proven[0].log, proven[0].proof.index)


def is_proof_of(receipt: bytes, content: Content, trust: TrustFile) -> bool:
    """Whether the receipt's path leads from this content to a proven head. Never raises."""
    proven = _proven(receipt, trust)
    return proven is not None and _leads_to_head(_claim(proven[0], content), proven[1])


def _proven(data: bytes, trust: TrustFile) -> tuple[Receipt, tuple[ProvenState, ...]] | None:
    try:
        receipt = parse(data)
        return receipt, prove_receipt(receipt, trust.chain)
    except BadRequest:
        return None


@dataclass(frozen=True, slots=True)
class SeenBlock:
    """A block that trusted validators stand behind, with the headers that show it."""

    number: int
    block_hash: bytes
    headers: tuple[bytes, ...]
    """RLP; the block itself first."""


def seen_blocks(receipt: bytes, trust: TrustFile) -> tuple[SeenBlock, ...]:
    """The blocks that a receipt's evidence proves each by itself; none for what proves nothing. Never raises.

    Whether they agree with others of their height is not asked: to keep them is the point. Blocks that only validators
    of a closed range sealed are left out.
    """
    seen = []
    try:
        blocks = parse(receipt).blocks
    except BadRequest:
        return ()
    for block in blocks:
        with suppress(InvalidProof):
            state = verify_evidence(block.evidence, trust.chain, max_nodes=MAX_NODES)
            if state.counts:
                seen.append(SeenBlock(state.block, state.block_hash, block.evidence.headers))
    return tuple(seen)


def _claim(receipt: Receipt, content: Content) -> Claim:
    """That the receipt's path leads from this content."""
    entry = record_entry(receipt.log, receipt.proof.index, content.body_digest)
    return Claim(receipt.log, entry, receipt.proof, presented=True)


def _leads_to_head(claim: Claim, states: Sequence[ProvenState]) -> bool:
    """Whether the receipt is the content's: its path leads from there to the head that a state holds."""
    try:
        root = int.from_bytes(claim.root, "big")
    except InvalidProof:
        return False
    return any(state.words.get(claim.head) == root for state in states)


def _require_cover(states: Sequence[ProvenState], receipt: Receipt, content: Content) -> None:
    """Returns only if the evidence covers all that judging this record needs. Raises InvalidProof.

    Slots in a receipt are only hints; one that was changed may still prove something, of another record. Seals are no
    part of this: one that a receipt has no room for, or that its newest block leaves out, is unproven where a signature
    is judged (`seal_unproven`), and says nothing about the record.
    """
    _require_whole(states[0], receipt, content)
    for state in states[1:]:
        for slot in place_slots(receipt.log, receipt.proof):
            state.word(*slot)


def _require_whole(state: ProvenState, receipt: Receipt, content: Content) -> None:
    type_code = content.type_code if content.kind == "certificate" else None
    slots_of_record(state, receipt.log, receipt.proof, receipt.key_id, type_code)


def _limit(
    states: Sequence[ProvenState], trust: TrustFile, now: int, accept: bool
) -> tuple[Text | None, tuple[Warning, ...]]:
    """The limit of the trust file that is passed, if one is; where that is accepted the warning that says so."""
    limit = _passed(states, trust, now)
    return (None, (warning("stale_trust_accepted"),)) if limit is not None and accept else (limit, ())


def _passed(states: Sequence[ProvenState], trust: TrustFile, now: int) -> Text | None:
    terms = trust.terms
    if now > terms.expires:
        day = local_day(terms.expires).isoformat()
        return Text(f"信任文件已于 {day} 到期", f"the trust file expired on {day}")
    if states and now - states[-1].time > terms.trusting_period:
        days = (now - states[-1].time) // SECONDS_A_DAY
        return Text(
            f"最新区块的签署已有 {days} 天，超过信任期",
            f"the newest block was sealed {days} days ago, longer than the trusting period",
        )
    return None
