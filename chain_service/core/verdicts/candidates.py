"""Several records that name one file, or go by one identifier: what the others change about the one judged.

Anyone may anchor a record that names another's file, so a record is worth no more for being a certificate or for
having come first. What was presented decides whose the file is (`core.verdicts.file_ownership`); the others are
then a warning, unless one of them has ended: what was withdrawn is not to be had back by a second record. For
example, organisation A withdraws a licence and organisation B anchors a certificate that names the same file: asked
about the file, even with B's disclosure, the answer is `withdrawn`.

The price is that an organisation can end the verification of another's file, by anchoring its digest and withdrawing
that record of its own. It cannot be had cheaper. Nothing presented with a file tells the two cases apart: in the
attack the disclosure and the receipt of B are just as genuine, and the chain does not know whose file a digest is. A
seal of A would tell, but only on a file that A alone sealed, and only at doors that read seals: one file would be good
here and ended there. So the ended record decides, and is named with its organisation (`decidedBy`, the warning
`decided_by_another`), which is registered, has signed it on chain, and can be suspended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from chain_service.core.chainproof import storage_layout
from chain_service.core.records.states import State
from chain_service.core.verdicts.anchoring_checks import ClaimedHead, find_head, judge_anchor, judge_inclusion
from chain_service.core.verdicts.check_rules import RECORD
from chain_service.core.verdicts.inputs import Candidate, Content, JudgeInput, Memory, Outage, Presented
from chain_service.core.verdicts.standing_checks import judge_status
from chain_service.core.verdicts.verdict import Check, check, gravest
from chain_service.core.verdicts.verdict_codes import Outcome


def as_judged(facts: JudgeInput, candidate: Candidate) -> JudgeInput:
    """The same question, were this candidate the record that is judged."""
    return replace(
        facts,
        claim=candidate.claim,
        memory=candidate.memory,
        recalled=candidate.recalled,
        anchor_state=candidate.anchor_state,
        head_signature=None,
        earliest=None,
        candidates=tuple(besides for besides in facts.candidates if besides is not candidate),
        undecided=False,
    )


def head_of(facts: JudgeInput, candidate: Candidate) -> tuple[JudgeInput, ClaimedHead | None, Check]:
    """The candidate with nothing presented, the head its place leads to, and the check that proves or denies it."""
    alone = replace(as_judged(facts, candidate), presented=Presented())
    head = find_head(alone)
    proof = judge_inclusion(alone, candidate.recalled, head)
    if head is not None and proof.outcome is Outcome.PASSED:
        anchor = judge_anchor(alone, head)
        proof = proof if anchor.outcome is Outcome.PASSED else anchor
    return alone, head, proof


@dataclass(frozen=True)
class JudgedCandidate:
    """A candidate and what the chain shows of its state at the moment asked about."""

    candidate: Candidate
    status: Check
    omitted: bool = False
    """Its content was erased and nothing says that it has ended: it is not told of, and decides nothing."""

    @property
    def ended(self) -> bool:
        """Whether its state is shown to have ended it; a state that is not known is no end."""
        return self.status.outcome is Outcome.FAILED

    def to_json(self) -> dict[str, Any]:
        """What a verdict's evidence says of it: nothing that is not public."""
        place = self.candidate.place
        return {
            "organisation": self.candidate.org,
            "kind": self.candidate.kind,
            "log": place[0].hex() if place is not None else None,
            "index": place[1] if place is not None else None,
            "state": self.status.evidence.get("state"),
        }


def others(facts: JudgeInput) -> list[JudgedCandidate]:
    """The candidates that stood at the moment asked about, each with its status, proven like that of the one judged."""
    judged = []
    for candidate in facts.candidates:
        alone, head, proof = head_of(facts, candidate)
        omitted = False
        if head is None:
            status = _undecided("the stored data of another record that names it are damaged")
        elif proof.outcome is Outcome.PASSED:
            status = judge_status(alone, head.claim)
            omitted = status.outcome is not Outcome.FAILED and _is_quiet(alone)
        elif _came_later(facts, head):
            continue
        elif proof.code in ("node_unavailable", "finality_unproven", "trust_stale"):
            status = check(RECORD.STATUS, proof.code, proof.evidence)
            omitted = _is_quiet(alone)
        else:
            status = _undecided("another record that names it differs from the chain")
            omitted = head.shown_by is not None and proof.code == "not_anchored" and _is_quiet(alone)
        judged.append(JudgedCandidate(candidate, status, omitted))
    return judged


def _is_quiet(alone: JudgeInput) -> bool:
    """Whether the record's content was erased, and neither the chain's newest word nor the index speaks against it.

    What is not known of its state, because no node tells, is not known of the record judged either.
    """
    claim, memory, now = alone.claim, alone.memory, alone.now_state
    if claim is None or memory is None or not memory.erased or memory.accepted is not None:
        return False
    if memory.history and memory.history[-1].state is not State.IN_FORCE:
        return False
    slot, shift = storage_layout.status_slot(claim.log, claim.proof.index)
    word = 0 if isinstance(now, Outage) else now.words.get((storage_layout.RECORD_STATUS, slot))
    return word is not None and storage_layout.status_in(word, shift) == State.IN_FORCE


def _came_later(facts: JudgeInput, head: ClaimedHead) -> bool:
    """Whether the state of the moment asked about proves that the record was not on chain by then."""
    return facts.past and facts.then_state is not None and facts.then_state.words.get(head.claim.head) == 0


def _undecided(detail: str) -> Check:
    return check(RECORD.STATUS, "finality_unproven", {"detail": detail})


def status_among(facts: JudgeInput, content: Content | None, own: Check, besides: Sequence[JudgedCandidate]) -> Check:
    """The check `status` once the other records have their say: one that has ended decides, whoever's it is.

    A record that was superseded by a record of the same organisation with the very same file has passed the file on to
    that one: what its successor is decides.
    """
    heirs = _heirs(facts, content, own, besides)
    besides = [other for other in besides if not other.omitted]
    if not besides:
        return own
    counted = [other for other in besides if other.status.outcome is not Outcome.PASSED]
    findings = {id(other.status): other.candidate for other in counted if not _passed_on(other, heirs)}
    decisive = gravest([own, *(other.status for other in counted if id(other.status) in findings)])
    named = {"alsoNamedBy": also_named_by(besides)}
    if decisive is own:
        return replace(own, evidence={**own.evidence, **named})
    # what is told of the record judged stays told of it
    told = {name: value for name, value in decisive.evidence.items() if name != "state"}
    state = {"state": own.evidence["state"]} if "state" in own.evidence else {}
    return replace(decisive, evidence={**told, **state, **named, "decidedBy": findings[id(decisive)].org})


Heir = tuple[str, str | None]
"""An organisation and the record of its own that it replaced by another one with the same file."""


def _heirs(facts: JudgeInput, content: Content | None, own: Check, besides: Sequence[JudgedCandidate]) -> set[Heir]:
    """What was replaced by a record that has not ended, or by one that was replaced in turn."""
    replacing: list[tuple[Heir, JudgedCandidate]] = [
        ((other.candidate.org, _replaces(other.candidate.recalled, other.candidate.memory)), other) for other in besides
    ]
    heirs = {heir for heir, one in replacing if not one.ended}
    if content is not None and own.outcome in (Outcome.PASSED, Outcome.INDETERMINATE):
        same = facts.recalled is not None and facts.recalled.body_digest == content.body_digest
        heirs.add((content.org, _replaces(facts.recalled if same else content, facts.memory)))
    while more := {heir for heir, one in replacing if _passed_on(one, heirs)} - heirs:
        heirs |= more
    return heirs


def _replaces(content: Content | None, memory: Memory | None) -> str | None:
    """The record that this one says it replaces; that of an erased one is remembered."""
    if memory is not None and memory.erased and memory.replaces is not None:
        return memory.replaces
    value = content.members.get("replaces") if content is not None else None
    return value if isinstance(value, str) else None


def also_named_by(besides: Sequence[JudgedCandidate]) -> list[dict[str, Any]]:
    """What a verdict's evidence says of the other records."""
    return [other.to_json() for other in besides if not other.omitted]


def _passed_on(one: JudgedCandidate, heirs: set[Heir]) -> bool:
    """Whether the record was superseded by one of the same organisation that names the file too."""
    replaced = one.candidate.memory.record_id
    return one.status.code == "superseded" and replaced is not None and (one.candidate.org, replaced) in heirs


def organisations(facts: JudgeInput, *, naming_file: bool = True) -> list[str]:
    """The organisations of the candidates, those only that name the very file unless `naming_file` is False."""
    here = [besides for besides in facts.candidates if not besides.memory.erased]
    return sorted({candidate.org for candidate in here if candidate.names_file or not naming_file})
