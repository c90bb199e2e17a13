"""Judges one record from gathered facts: numbered checks, each with its evidence, then one verdict.

The chain's words decide; what the service remembers only tells where to look and supplies dates and reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chain_service.core.chainproof.evidence import ProvenState
from chain_service.core.encoding.times import rfc3339
from chain_service.core.records.disclosure import Disclosure
from chain_service.core.records.hashing import parse_log_id
from chain_service.core.records.record import date_of
from chain_service.core.records.schema import SHAPES
from chain_service.core.verdicts.anchoring_checks import (
    ClaimedHead,
    anchored_at,
    find_head,
    judge_anchor,
    judge_inclusion,
    judge_log_signature,
    judge_validators,
)
from chain_service.core.verdicts.candidates import JudgedCandidate, also_named_by, organisations, others, status_among
from chain_service.core.verdicts.check_rules import RECORD, SIGNATURE_CHECKS, CheckRule
from chain_service.core.verdicts.inputs import Asked, Content, JudgeInput
from chain_service.core.verdicts.names import RecordNames, names_of
from chain_service.core.verdicts.paper_kinds import TROUBLES
from chain_service.core.verdicts.standing_checks import judge_period, judge_permit, judge_status, status_as_of
from chain_service.core.verdicts.verdict import Check, Context, Group, Verdict, Warning, check, conclude, warning
from chain_service.core.verdicts.verdict_codes import Outcome


@dataclass(frozen=True)
class Anchoring:
    """What the record's checks say of the document that was presented."""

    record: Content | None
    """The record that names the document by its digest; None where none is known to."""
    by: int | None
    """Unix seconds of the final block by which the document provably existed; None where nothing proves it."""
    missing: bool = False
    """A record was looked for by the document's digest, and there is none."""


@dataclass(frozen=True)
class JudgedSignatures:
    """A document's signatures, judged: one group for each."""

    groups: tuple[Group, ...] = ()
    warnings: tuple[Warning, ...] = ()
    kind: Mapping[str, str] = field(default_factory=dict)
    """What kind of file it is: `kind`, `zh`, `en`; empty where that was not looked at."""


Examine = Callable[[Anchoring], JudgedSignatures]
"""Judges the signatures of the document presented, given what anchoring proves of it."""


def judge(facts: JudgeInput, examine: Examine | None = None) -> Verdict:
    """The verdict on one record and document at `facts.at`; never raises for what was presented or proven badly.

    Without `examine` the signatures of a whole file are not looked at, and a warning says so.
    """
    head = find_head(facts)
    group = judge_record(facts, head)
    status = group[RECORD.STATUS]
    included = group[RECORD.INCLUSION].outcome is Outcome.PASSED
    signed = JudgedSignatures()
    if facts.presented.whole_files:
        signed = _unexamined(facts.subject) if examine is None else examine(_anchoring(facts, head, group))
    named = _names(facts, included)
    if signed.kind:
        parsed = group[RECORD.PARSE]
        group = group.having(replace(parsed, evidence={**parsed.evidence, "file": dict(signed.kind)}))
    context = Context(
        at=rfc3339(facts.at),
        chain=_chain(facts),
        included_by=rfc3339(head.shown_by.time) if included and head is not None and head.shown_by else None,
        status_as_of=status_as_of(facts) if "state" in status.evidence else None,
        record=_record(facts, head, included, status.evidence.get("state"), named),
        warnings=(
            *facts.notices,
            *_of_file(signed, group[RECORD.FILE_DIGEST]),
            *(warning(code) for code in dict.fromkeys(_warnings(facts))),
            *_deciding_elsewhere(status),
            *(named.warnings() if named is not None else ()),
        ),
    )
    return conclude((group, *signed.groups), context)


def _of_file(signed: JudgedSignatures, compared: Check) -> Iterator[Warning]:
    """The warnings about the file; what was attached after signing is covered where the record names the whole."""
    whole = compared.code == "file_matches"
    return (remark for remark in signed.warnings if not (whole and remark.code == "attachments_added"))


def _anchoring(facts: JudgeInput, head: ClaimedHead | None, record: Group) -> Anchoring:
    compared = record[RECORD.FILE_DIGEST]
    if compared.outcome is not Outcome.PASSED:
        return Anchoring(None, None, missing=compared.code == "not_anchored")
    shown = (RECORD.INCLUSION, RECORD.ANCHOR, RECORD.VALIDATORS)
    anchored = all(record[rule].outcome is Outcome.PASSED for rule in shown)
    by = head.shown_by.time if anchored and head is not None and head.shown_by is not None else None
    return Anchoring(facts.presented.disclosure or facts.recalled, by)


def _warnings(facts: JudgeInput) -> Iterator[str]:
    if len({*organisations(facts), _owner(facts)} - {None}) > 1:
        yield "anchored_by_others"
    now = facts.now_state
    unproven = facts.past and facts.then_state is None and isinstance(now, ProvenState) and facts.at < now.time
    if unproven and _tells_of_any(facts):
        yield "past_by_index"
    if facts.memory is not None and facts.memory.erased:
        yield "erased"
    if facts.memory is not None and facts.memory.replaced_by is not None:
        yield "replacement_unconfirmed"
    content = facts.presented.disclosure or facts.recalled
    if isinstance(content, Disclosure):
        yield from (remark.code for remark in content.record.warnings)


def _tells_of_any(facts: JudgeInput) -> bool:
    """Whether the verdict speaks of any record: one that is omitted must leave no trace in warnings either."""
    return facts.claim is not None or facts.memory is not None or any(not other.omitted for other in others(facts))


def _deciding_elsewhere(status: Check) -> Iterator[Warning]:
    other = status.evidence.get("decidedBy")
    if other is not None:
        yield warning("decided_by_another", organisation=other)


def _owner(facts: JudgeInput) -> str | None:
    """The organisation of the record judged."""
    content = facts.presented.disclosure or facts.recalled
    if content is None and facts.claim is not None:
        return parse_log_id(facts.claim.log)[0]
    return content.org if content is not None else None


def judge_record(facts: JudgeInput, head: ClaimedHead | None) -> Group:
    """The group `record`: every check of it in order, those that cannot matter any more skipped."""
    content = facts.presented.disclosure or facts.recalled
    besides = others(facts)
    # 1. what was presented can be read
    parsed = _parse(facts)
    readable = parsed.outcome in (Outcome.PASSED, Outcome.SKIPPED)
    # 2. the file is one of the record's
    compared = _file_digest(facts, content, besides) if readable else _not_reached(RECORD.FILE_DIGEST)
    # 3. the organisation signed the log's head (RFC 9942 receipts)
    signed = judge_log_signature(facts, head) if readable else _not_reached(RECORD.LOG_SIGNATURE)
    # 4. the record, under its salt, is the entry at its place in the log
    included = _inclusion(facts, content, head, besides) if readable else _not_reached(RECORD.INCLUSION)
    # 5. the log's head stands on chain
    anchored = judge_anchor(facts, head) if readable and head is not None else _not_reached(RECORD.ANCHOR)
    # 6. trusted validators sealed the block
    sealed = judge_validators(facts, head) if readable else _not_reached(RECORD.VALIDATORS)
    checks = (parsed, compared, signed, included, anchored, sealed)
    proven = readable and included.outcome is Outcome.PASSED and anchored.outcome is Outcome.PASSED
    if not proven or head is None or head.shown_by is None:
        permitted, status, period = map(_not_reached, (RECORD.ISSUER_PERMITTED, RECORD.STATUS, RECORD.VALIDITY_PERIOD))
        status = status_among(facts, content, status, besides) if readable else status
        return Group("record", facts.subject, (*checks, permitted, status, period))
    # 7. the issuer was permitted to issue this type on the day of issue
    permitted = judge_permit(facts, content, head, head.shown_by)
    # 8. no change of state has ended or suspended it, nor any other record that names the file
    status = status_among(facts, content, judge_status(facts, head.claim), besides)
    # 9. the day asked about lies in its period
    period = judge_period(facts, content)
    return Group("record", facts.subject, (*checks, permitted, status, period))


def _not_reached(rule: CheckRule) -> Check:
    return check(rule, "not_reached")


def _unexamined(subject: str) -> JudgedSignatures:
    checks = tuple(check(rule, "not_in_this_version") for rule in SIGNATURE_CHECKS)
    return JudgedSignatures((Group("signature", subject, checks),), (warning("signatures_not_checked"),))


def _parse(facts: JudgeInput) -> Check:
    presented = facts.presented
    if presented.failure is not None and presented.failure.code == "unreadable":
        failure = presented.failure
        why = TROUBLES.get(failure.detail)
        evidence = {"part": failure.part, "detail": failure.detail}
        return check(RECORD.PARSE, "unreadable", evidence, {} if why is None else {"detail": why})
    if presented.disclosure is not None or presented.files:
        return check(RECORD.PARSE, "readable")
    if presented.failure is not None:
        return check(RECORD.PARSE, "readable", {"part": presented.failure.part})
    if presented.asked != Asked() or facts.claim is not None:
        return check(RECORD.PARSE, "not_compared")
    return check(RECORD.PARSE, "nothing_to_verify")


def _several(
    facts: JudgeInput, rule: CheckRule, besides: Sequence[JudgedCandidate], evidence: Mapping[str, Any]
) -> Check:
    """The finding that records of several organisations answer the question and nothing says which is meant."""
    named: dict[str, Any] = {"alsoNamedBy": also_named_by(besides)}
    if facts.crowded:
        named["detail"] = "more records name it than are checked"
    owner = _owner(facts)
    owners = sorted({*organisations(facts), *([] if owner is None else [owner])})
    return check(rule, "several_records", {**evidence, **named}, {"organisations": ", ".join(owners)})


def _inclusion(
    facts: JudgeInput, content: Content | None, head: ClaimedHead | None, besides: Sequence[JudgedCandidate]
) -> Check:
    """As `judge_inclusion` has it, once it is known which record is meant."""
    if facts.undecided and facts.presented.files:
        return _not_reached(RECORD.INCLUSION)
    own = None if facts.undecided else judge_inclusion(facts, content, head)
    crowded = _lost_in_the_crowd(facts) and not facts.presented.files
    if own is None or (crowded and own.outcome is Outcome.PASSED):
        return _several(facts, RECORD.INCLUSION, besides, {})
    return own


def _file_digest(facts: JudgeInput, content: Content | None, besides: Sequence[JudgedCandidate]) -> Check:
    files = facts.presented.files
    if not files:
        return check(RECORD.FILE_DIGEST, "no_file")
    evidence: dict[str, Any] = {"presented": [dict(digests) for digests in files]}
    if facts.undecided:
        return _several(facts, RECORD.FILE_DIGEST, besides, evidence)
    own = _compared(facts, content, evidence)
    lost = _lost_in_the_crowd(facts) and own.outcome is Outcome.PASSED
    return _several(facts, RECORD.FILE_DIGEST, besides, evidence) if lost else own


def _lost_in_the_crowd(facts: JudgeInput) -> bool:
    """Whether more records answer than were looked at, and nothing presented says which is meant or one of the others
    may have ended unseen.
    """
    shown = facts.presented.disclosure is not None or (facts.claim is not None and facts.claim.presented)
    return facts.crowded and not (shown and facts.counted)


def _compared(facts: JudgeInput, content: Content | None, evidence: dict[str, Any]) -> Check:
    """Whether every file presented is one of the record's."""
    files = facts.presented.files
    listed = _listed_files(facts, content)
    if not listed:
        return check(RECORD.FILE_DIGEST, "not_anchored", evidence | {"detail": "no record names a file to compare"})
    for digests in files:
        if not any(same_file(digests, anchored) for anchored in listed):
            before = dict(facts.presented.before_attaching)
            if len(files) == 1 and any(same_file(before, anchored) for anchored in listed):
                return check(RECORD.FILE_DIGEST, "signed_file_matches", evidence | {"asSigned": before})
            return check(RECORD.FILE_DIGEST, "content_altered", evidence | {"filesOfRecord": len(listed)})
    return check(RECORD.FILE_DIGEST, "file_matches", evidence)


def _listed_files(facts: JudgeInput, content: Content | None) -> list[dict[str, str]]:
    """The digests of the files that the record names; where a partial disclosure hides them, as it is stored."""
    listed = listed_files(content)
    recalled = facts.recalled
    if not listed and content is not None and recalled is not None and recalled.body_digest == content.body_digest:
        listed = listed_files(recalled)
    return listed


def listed_files(content: Content | None) -> list[dict[str, str]]:
    """The digests of each file that the record names, as far as this content shows them."""
    files = content.members.get("files") if content is not None else None
    if not isinstance(files, (list, tuple)):
        return []
    return [
        dict(file["digests"])
        for file in files
        if isinstance(file, Mapping) and isinstance(file.get("digests"), Mapping)
    ]


def same_file(presented: Mapping[str, str], anchored: Mapping[str, str]) -> bool:
    """True when there is a digest to compare and none differs."""
    shared = presented.keys() & anchored.keys()
    return bool(shared) and all(presented[algorithm] == anchored[algorithm] for algorithm in shared)


def _chain(facts: JudgeInput) -> dict[str, Any] | None:
    state = facts.now_state if isinstance(facts.now_state, ProvenState) else facts.anchor_state
    if state is None:
        return None
    return {
        "id": state.chain_id,
        "block": state.block,
        "hash": "0x" + state.block_hash.hex(),
        "time": rfc3339(state.time),
        "assurance": state.assurance,
    }


def _members(facts: JudgeInput, included: bool) -> dict[str, Any]:
    """The members that the asker may see, only where they were shown to be the anchored ones."""
    presented = facts.presented.disclosure
    members = {**presented.open, **presented.members} if presented is not None else dict(facts.display)
    return members if included else {}


def _names(facts: JudgeInput, included: bool) -> RecordNames | None:
    content = facts.presented.disclosure or facts.recalled
    if content is None:
        return None
    issued = date_of(content.open, SHAPES[content.kind].issued)
    return names_of(content.kind, content.type_code, content.org, issued, _members(facts, included), facts.names)


def _record(
    facts: JudgeInput, head: ClaimedHead | None, included: bool, status: object, named: RecordNames | None
) -> dict[str, Any] | None:
    """What the verdict says of the record itself."""
    content = facts.presented.disclosure or facts.recalled
    if content is None:
        return None
    since = anchored_at(facts, head) if head is not None and included else None
    return {
        "kind": content.kind,
        "org": content.org,
        "type": content.type_code,
        "anchoredAt": rfc3339(since) if since is not None else None,
        "status": status,
        "members": _members(facts, included),
        "names": named.to_json() if named is not None else None,
    }
