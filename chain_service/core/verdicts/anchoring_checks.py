"""Checks that a record is on chain: in its log, under a head that the chain holds, sealed by validators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chain_service.core.chainproof.evidence import ProvenState
from chain_service.core.encoding import cose
from chain_service.core.encoding.comparison import folded, folded_name
from chain_service.core.encoding.text import Text
from chain_service.core.encoding.times import rfc3339
from chain_service.core.log.merkle import leaf_hash, root_from_inclusion
from chain_service.core.records.disclosure import Disclosure
from chain_service.core.records.hashing import Entry, parse_log_id, record_entry
from chain_service.core.records.record import document_identity
from chain_service.core.registries.histories import find_log_key
from chain_service.core.verdicts.check_rules import RECORD, CheckRule
from chain_service.core.verdicts.inputs import Asked, Claim, Content, JudgeInput, Outage
from chain_service.core.verdicts.verdict import Check, check
from chain_service.errors import InvalidProof, MalformedRecord

RETIRED: Final = Text("签署该区块的验证节点均已停用", "every validator that sealed the block has since been removed")
CHANGED: Final = Text(
    "验证节点此后已变更，该区块不能说明现在的状态",
    "the validators have changed since this block; it does not prove the state of today",
)
UNKNOWN: Final = Text(
    "区块由该信任文件未列出的验证节点签署", "the block is sealed by validators that the trust file does not list"
)


@dataclass(frozen=True)
class ClaimedHead:
    """The log's head that a claim leads to, and the state that shows it on chain, if one does."""

    claim: Claim
    expected: Entry
    """The entry computed from the content; the claimed one where there is no content."""
    entry: Entry
    """The entry that the head was computed from: the expected one, or the claimed one if only that leads there."""
    root: bytes | None
    """None when the path has no meaning for its index and size."""
    shown_by: ProvenState | None


def find_head(facts: JudgeInput) -> ClaimedHead | None:
    """Where the claim leads, trying the content's own entry first; None without a claim."""
    claim = facts.claim
    if claim is None:
        return None
    content = facts.presented.disclosure or facts.recalled
    try:
        if claim.proof.index < 1:
            raise InvalidProof("entry 0 is the founding entry, never a record", index=claim.proof.index)
        parse_log_id(claim.log)
        roots = {claim.entry: claim.root}
        expected = record_entry(claim.log, claim.proof.index, content.body_digest) if content else claim.entry
        if expected != claim.entry:
            roots = {expected: root_from_inclusion(leaf_hash(expected), claim.proof)} | roots
    except (InvalidProof, MalformedRecord):
        return ClaimedHead(claim, claim.entry, claim.entry, None, None)
    telling = _states_that_tell(facts, claim)
    words = {word for _, word in telling[_shown_since(telling) :]}
    for entry, root in roots.items():
        if words == {int.from_bytes(root, "big")}:
            return ClaimedHead(claim, expected, entry, root, telling[_shown_since(telling)][0])
    return ClaimedHead(claim, expected, claim.entry, roots[claim.entry], None)


def _states_that_tell(facts: JudgeInput, claim: Claim) -> list[tuple[ProvenState, int]]:
    """The states that cover the head's word, with it, the oldest first."""
    slot = claim.head
    states = {
        state.block: state
        for state in (facts.then_state, facts.now_state, facts.anchor_state)
        if isinstance(state, ProvenState) and slot in state.words
    }
    return [(state, state.words[slot]) for _, state in sorted(states.items())]


def _shown_since(telling: Sequence[tuple[ProvenState, int]]) -> int:
    """The place of the first state that shows a head. Heads stay for ever: all later ones have to show the same."""
    return next((place for place, (_, word) in enumerate(telling) if word), len(telling))


def judge_log_signature(facts: JudgeInput, head: ClaimedHead | None) -> Check:
    """Whether a key of the log's organisation signed the root that the receipt leads to (RFC 9942 §5.2)."""
    signed, failure = facts.head_signature, facts.presented.failure
    if failure is not None and failure.part == "receipt":
        return check(RECORD.LOG_SIGNATURE, "not_reached", {"detail": "the receipt was rejected"})
    if signed is None:
        return check(RECORD.LOG_SIGNATURE, "no_receipt")
    if head is None or head.root is None:
        return check(RECORD.LOG_SIGNATURE, "not_reached")
    evidence: dict[str, Any] = {"keyId": signed.key_id.hex(), "root": head.root.hex()}
    told = _key_told(facts, head.claim, signed.key_id)
    if told is None:
        return unread(RECORD.LOG_SIGNATURE, facts.now_state, evidence)
    state, log_key = told
    evidence |= block_evidence(state)
    if log_key is None:
        detail = {"detail": "no log key of the organisation has this key id"}
        return check(RECORD.LOG_SIGNATURE, "proof_invalid", evidence | detail)
    place, key = log_key
    evidence |= {"key": key.hex(), "n": place}
    try:
        cose.verify_ed25519(key, signed.signature, cose.signed_bytes(signed.protected, head.root))
    except InvalidProof as error:
        return check(RECORD.LOG_SIGNATURE, "proof_invalid", evidence | {"detail": error.message})
    return check(RECORD.LOG_SIGNATURE, "signed", evidence)


def _key_told(facts: JudgeInput, claim: Claim, key_id: bytes) -> tuple[ProvenState, tuple[int, bytes] | None] | None:
    """The newest state that tells whether the organisation has a log key with this id, and what it tells: place and
    key, or None; None if no state does.
    """
    org, _ = parse_log_id(claim.log)
    for state in (facts.now_state, facts.anchor_state):
        if isinstance(state, ProvenState):
            try:
                return state, find_log_key(state, org, key_id)
            except InvalidProof:
                continue
    return None


def judge_inclusion(facts: JudgeInput, content: Content | None, head: ClaimedHead | None) -> Check:
    """Whether the content, under its salt, is the entry at its place in the log (RFC 9162 §2.1.3.2)."""
    failure = facts.presented.failure
    if failure is not None and failure.code != "unreadable":
        params = {"detail": UNKNOWN} if failure.code == "trust_stale" else {}
        return check(RECORD.INCLUSION, failure.code, {"part": failure.part, "detail": failure.detail}, params)
    memory = facts.memory
    fits = _is_the_one_asked_for(facts, content)
    if fits is False:
        return check(RECORD.INCLUSION, "record_mismatch", {"detail": "it is not the requested record"})
    if fits is None and head is not None:
        detail = {"detail": "it cannot be decided whether this is the requested record"}
        return check(RECORD.INCLUSION, "not_anchored", detail)
    if head is None:
        waiting = memory is not None and memory.state in ("pending", "batched")
        state = {"state": memory.state} if memory is not None else {}
        return check(RECORD.INCLUSION, "pending" if waiting else "not_anchored", state)
    proof = head.claim.proof
    evidence: dict[str, Any] = {
        "log": head.claim.log.hex(),
        "index": proof.index,
        "size": proof.size,
        "entry": head.expected.hex(),
    }
    if head.root is None:
        code = "proof_invalid" if head.claim.presented else "record_mismatch"
        return check(RECORD.INCLUSION, code, evidence | {"detail": "the path does not match index and size"})
    if head.entry != head.expected:
        evidence["entryInLog"] = head.entry.hex()
        # An entry that no head on chain covers says nothing about the content: the anchor decides.
        code = "not_reached" if head.shown_by is None else "record_mismatch"
        return check(RECORD.INCLUSION, code, evidence)
    if facts.past and head.shown_by is not None and facts.at < head.shown_by.time:
        evidence["anchoredAt"] = rfc3339(head.shown_by.time)
        return check(RECORD.INCLUSION, "not_anchored", evidence)
    evidence |= {"path": [node.hex() for node in proof.path], "compared": content is not None}
    return check(RECORD.INCLUSION, "included", evidence, {"index": proof.index, "size": proof.size})


def _is_the_one_asked_for(facts: JudgeInput, content: Content | None) -> bool | None:
    """Whether the record agrees with all that was asked for; None where members that would tell are not available."""
    asked, recalled = facts.presented.asked, facts.recalled
    if asked == Asked():
        return True
    if content is None:
        return None
    whole = isinstance(content, Disclosure)
    members = {**content.open, **content.members}
    if not whole and recalled is not None and recalled.body_digest == content.body_digest:
        members, whole = {**recalled.open, **recalled.members}, True
    number = members.get("certificateNumber") or members.get("documentNumber")
    identity = members.get("certificateIdentifier")
    if content.kind == "document" and number is not None:
        identity = document_identity(content.type_code, number)
    names = [name for member, name in members.items() if _is_holder_name(member)]
    answers = []
    if asked.identifier is not None:
        answers.append(_equal(asked.identifier, identity, whole))
    if asked.number is not None:
        answers.append(_equal(asked.number, number, whole))
    if asked.holder_name is not None:
        wanted = folded_name(asked.holder_name)
        answers.append(any(wanted == folded_name(str(name)) for name in names) or (False if whole else None))
    return False if False in answers else None if None in answers else True


def _is_holder_name(member: str) -> bool:
    """A sector field may have the same name; it makes nobody a holder."""
    return member.startswith("holders.") and member.endswith(".certificateHolderName")


def _equal(asked: str, told: object, whole: bool) -> bool | None:
    """Whether a number or identifier is the one asked for, however it was typed; None where it is not shown."""
    if told is None:
        return False if whole else None
    return folded(asked) == folded(str(told))


def anchored_at(facts: JudgeInput, head: ClaimedHead) -> int | None:
    """The anchoring block's time; without its evidence what the index says, but never later than a block that has it.

    To be shown; what is decided by time rests on proven headers.
    """
    if head.shown_by is None:
        return None
    if head.shown_by is not facts.anchor_state and facts.memory is not None and facts.memory.anchored_at is not None:
        return min(facts.memory.anchored_at, head.shown_by.time)
    return head.shown_by.time


def judge_anchor(facts: JudgeInput, head: ClaimedHead) -> Check:
    """Whether the chain holds the head that the inclusion path leads to."""
    claim = head.claim
    if head.root is None:
        return check(RECORD.ANCHOR, "not_reached")
    contract, slot = claim.head
    evidence: dict[str, Any] = {
        "contract": contract,
        "log": claim.log.hex(),
        "size": claim.proof.size,
        "root": head.root.hex(),
        "slot": "0x" + slot.hex(),
    }
    if head.shown_by is not None:
        return check(
            RECORD.ANCHOR,
            "head_on_chain",
            evidence | block_evidence(head.shown_by),
            {"block": head.shown_by.block},
        )
    telling = _states_that_tell(facts, claim)
    if not telling or (telling[-1][1] == 0 and telling[-1][0] is not facts.now_state):
        return unread(RECORD.ANCHOR, facts.now_state, evidence)
    state, word = telling[-1]
    evidence |= block_evidence(state) | {"rootOnChain": f"{word:064x}" if word else None}
    if len({word for _, word in telling[_shown_since(telling) :]}) > 1:
        detail = {"detail": "an older block shows another log head of this log: the blocks are of different histories"}
        return check(RECORD.ANCHOR, "proof_invalid", evidence | detail)
    return check(RECORD.ANCHOR, _other_root(facts, claim, word), evidence)


def _other_root(facts: JudgeInput, claim: Claim, word: int) -> str:
    """What it means that the chain holds this word and not the root that the claim leads to.

    Of a receipt and a disclosure either may have been changed; of the two explanations the graver one is told.
    """
    if not claim.presented:
        return "record_mismatch" if word else "not_anchored"
    return "record_mismatch" if word and facts.presented.disclosure is not None else "proof_invalid"


def unread(rule: CheckRule, state: ProvenState | Outage, evidence: Mapping[str, Any]) -> Check:
    """The result of a check whose words could not be read."""
    if isinstance(state, Outage):
        params = {"detail": RETIRED} if state.code == "trust_stale" else {}
        return check(rule, state.code, {**evidence, "detail": state.detail}, params)
    return check(rule, "finality_unproven", {**evidence, "detail": "the evidence does not cover the word"})


def judge_validators(facts: JudgeInput, head: ClaimedHead | None) -> Check:
    """Who sealed the newest final block, or for the anchoring block while the chain cannot be reached."""
    state = facts.now_state
    if isinstance(state, Outage):
        if state.code != "node_unavailable" or head is None or head.shown_by is None:
            return unread(RECORD.VALIDATORS, state, {})
        state = head.shown_by
    counts = {"validators": state.validators, "signers": state.signers}
    evidence = block_evidence(state) | counts
    if facts.limit is not None:
        return check(RECORD.VALIDATORS, "trust_stale", evidence | {"detail": facts.limit.en}, {"detail": facts.limit})
    return check(RECORD.VALIDATORS, state.assurance, evidence, counts)


def block_evidence(state: ProvenState) -> dict[str, Any]:
    """Which block a check rests on."""
    return {"block": state.block, "blockHash": "0x" + state.block_hash.hex(), "blockTime": rfc3339(state.time)}
