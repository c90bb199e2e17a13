"""Judges one record from gathered facts: numbered checks, each with its evidence, then one verdict.

The chain's words decide; what the service remembers only tells where to look and supplies dates and reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from chain_service.core import layout
from chain_service.core.entries import Entry, parse_log_id, record_entry
from chain_service.core.evidence import ProvenState
from chain_service.core.facts import Claim, Content, Facts, Outage, PastChange
from chain_service.core.log import leaf_hash, root_from_inclusion
from chain_service.core.permits import decide_permit, read_permits
from chain_service.core.statuses import REASONS, State
from chain_service.core.verdicts import (
    RULES,
    Check,
    Context,
    Group,
    Outcome,
    Text,
    Verdict,
    check,
    conclude,
    warning,
)
from chain_service.errors import InvalidProof, MalformedRecord

_UTC8 = timezone(timedelta(hours=8))


def judge(facts: Facts) -> Verdict:
    """The verdict on one record at `facts.at`. Never raises for what was presented, stored or proven badly."""
    group = judge_record(facts)
    groups = [group]
    codes = list(facts.warnings)
    if facts.presented.whole_files:
        groups.append(_unexamined_signatures(facts.subject))
        codes.append("signatures_not_checked")
    if facts.memory is not None and facts.memory.erased:
        codes.append("erased")
    if facts.memory is not None and facts.memory.replaced_by is not None:
        codes.append("replacement_unconfirmed")
    by_name = {result.name: result for result in group.checks}
    head = _head(facts)
    included = by_name["inclusion"].outcome is Outcome.PASSED
    context = Context(
        at=_rfc3339(facts.at),
        chain=_chain(facts),
        included_by=_rfc3339(head.shown_by.time) if included and head is not None and head.shown_by else None,
        status_as_of=_status_as_of(facts) if "state" in by_name["status"].evidence else None,
        record=_record(facts, head, included, by_name["status"].evidence.get("state")),
        warnings=tuple(warning(code) for code in dict.fromkeys(codes)),
    )
    return conclude(groups, context)


def judge_record(facts: Facts) -> Group:
    """The group `record`: every check of it in order, those that cannot matter any more skipped."""
    content = facts.presented.disclosure or facts.recalled
    head = _head(facts)
    # 1. what was presented can be read
    checks = [_parse(facts)]
    readable = checks[0].outcome is not Outcome.FAILED
    # 2. the file is one of the record's
    checks.append(_file_digest(facts, content) if readable else _not_reached("file_digest"))
    # 3. the organisation signed the log's head (RFC 9942 receipts)
    checks.append(check("record", "log_signature", "no_receipt"))
    # 4. the record, under its salt, is the entry at its place in the log
    checks.append(_inclusion(facts, content, head) if readable else _not_reached("inclusion"))
    # 5. the log's head stands on chain
    checks.append(_anchor(facts, head) if readable and head is not None else _not_reached("anchor"))
    # 6. trusted validators vouch for the block
    checks.append(_validators(facts, head) if readable else _not_reached("validators"))
    proven = readable and checks[3].outcome is Outcome.PASSED and checks[4].outcome is Outcome.PASSED
    if not proven or head is None or head.shown_by is None:
        return Group("record", facts.subject, (*checks, *map(_not_reached, _AFTER_PROOF)))
    # 7. the issuer was permitted to issue this type on the day of issue
    checks.append(_issuer_permitted(facts, content, head, head.shown_by))
    # 8. no change of state has ended or suspended it
    checks.append(_status(facts, head.claim))
    # 9. the day asked about lies in its period
    checks.append(_validity_period(facts, content))
    return Group("record", facts.subject, tuple(checks))


_AFTER_PROOF = ("issuer_permitted", "status", "validity_period")


def _not_reached(name: str) -> Check:
    return check("record", name, "not_reached")


def _unexamined_signatures(subject: str) -> Group:
    names = [name for group, name in RULES if group == "signature"]
    return Group("signature", subject, tuple(check("signature", name, "not_in_this_version") for name in names))


@dataclass(frozen=True)
class _Head:
    """The log's head that a claim leads to, and the state that shows it on chain, if one does."""

    claim: Claim
    expected: Entry
    """The entry computed from the content; the claimed one where there is no content."""
    entry: Entry
    """The entry that the head was computed from: the expected one, or the claimed one if only that leads there."""
    root: bytes | None
    """None when the path has no meaning for its index and size."""
    shown_by: ProvenState | None


def _head(facts: Facts) -> _Head | None:
    """Where the claim leads, trying the content's own entry first; None without a claim."""
    claim = facts.claim
    if claim is None:
        return None
    content = facts.presented.disclosure or facts.recalled
    try:
        if claim.proof.index < 1:
            raise InvalidProof("entry 0 is the founding entry, never a record", index=claim.proof.index)
        parse_log_id(claim.log)
        expected = record_entry(claim.log, claim.proof.index, content.body_digest) if content else claim.entry
        roots = {entry: root_from_inclusion(leaf_hash(entry), claim.proof) for entry in (expected, claim.entry)}
    except (InvalidProof, MalformedRecord):
        return _Head(claim, claim.entry, claim.entry, None, None)
    for entry, root in roots.items():
        for state in (facts.anchor_state, facts.now_state):
            if isinstance(state, ProvenState) and _root_on_chain(state, claim) == int.from_bytes(root, "big"):
                return _Head(claim, expected, entry, root, state)
    return _Head(claim, expected, claim.entry, roots[claim.entry], None)


def _root_on_chain(state: ProvenState, claim: Claim) -> int | None:
    """The head's word in this state: 0 when no head of that size exists, None when the state does not tell."""
    try:
        return state.word(layout.RECORD_LOG, layout.head_slot(claim.log, claim.proof.size))
    except InvalidProof:
        return None


def _parse(facts: Facts) -> Check:
    presented = facts.presented
    if presented.failure is not None and presented.failure.code == "unreadable":
        failure = presented.failure
        return check("record", "parse", "unreadable", {"part": failure.part, "detail": failure.detail})
    if presented.disclosure is not None or presented.files:
        return check("record", "parse", "readable")
    if presented.failure is not None:
        return check("record", "parse", "readable", {"part": presented.failure.part})
    if presented.identifier is not None or facts.claim is not None:
        return check("record", "parse", "not_compared")
    return check("record", "parse", "nothing_to_verify")


def _file_digest(facts: Facts, content: Content | None) -> Check:
    files = facts.presented.files
    if not files:
        return check("record", "file_digest", "no_file")
    evidence: dict[str, Any] = {"presented": [dict(digests) for digests in files]}
    listed = _listed_files(facts, content)
    if not listed:
        return check(
            "record", "file_digest", "not_anchored", evidence | {"detail": "no record names a file to compare"}
        )
    for digests in files:
        if not any(_same_file(digests, anchored) for anchored in listed):
            return check("record", "file_digest", "content_altered", evidence | {"anchored": listed})
    return check("record", "file_digest", "file_matches", evidence)


def _listed_files(facts: Facts, content: Content | None) -> list[dict[str, str]]:
    """The digests of the files that the record names; of a partial disclosure hiding them, by the same record stored."""
    found = content.members.get("files") if content is not None else None
    recalled = facts.recalled
    if not found and content is not None and recalled is not None and recalled.body_digest == content.body_digest:
        found = recalled.members.get("files")
    if not isinstance(found, (list, tuple)):
        return []
    return [
        dict(file["digests"])
        for file in found
        if isinstance(file, Mapping) and isinstance(file.get("digests"), Mapping)
    ]


def _same_file(presented: Mapping[str, str], anchored: Mapping[str, str]) -> bool:
    """True when there is a digest to compare and none differs."""
    shared = presented.keys() & anchored.keys()
    return bool(shared) and all(presented[algorithm] == anchored[algorithm] for algorithm in shared)


def _inclusion(facts: Facts, content: Content | None, head: _Head | None) -> Check:
    failure = facts.presented.failure
    if failure is not None and failure.code != "unreadable":
        return check("record", "inclusion", failure.code, {"part": failure.part, "detail": failure.detail})
    memory = facts.memory
    if head is None:
        waiting = memory is not None and memory.state in ("pending", "batched")
        state = {"state": memory.state} if memory is not None else {}
        return check("record", "inclusion", "pending" if waiting else "not_anchored", state)
    proof = head.claim.proof
    evidence: dict[str, Any] = {
        "log": head.claim.log.hex(),
        "index": proof.index,
        "size": proof.size,
        "entry": head.expected.hex(),
    }
    if head.root is None:
        code = "proof_invalid" if head.claim.presented else "record_mismatch"
        return check("record", "inclusion", code, evidence | {"detail": "the path has no meaning for index and size"})
    if head.entry != head.expected:
        evidence["entryInLog"] = head.entry.hex()
        if head.shown_by is None and isinstance(facts.now_state, Outage):
            return check("record", "inclusion", "not_reached", evidence)
        return check("record", "inclusion", "record_mismatch", evidence)
    anchored_at = _anchored_at(facts, head)
    if facts.past and anchored_at is not None and facts.at < anchored_at:
        return check("record", "inclusion", "not_anchored", evidence | {"anchoredAt": _rfc3339(anchored_at)})
    evidence |= {"path": [node.hex() for node in proof.path], "compared": content is not None}
    return check("record", "inclusion", "included", evidence, {"index": proof.index, "size": proof.size})


def _anchored_at(facts: Facts, head: _Head) -> int | None:
    """The anchoring block's time; without its evidence what the index says, else when the head was shown at latest."""
    if head.shown_by is None:
        return None
    if head.shown_by is not facts.anchor_state and facts.memory is not None and facts.memory.anchored_at is not None:
        return facts.memory.anchored_at
    return head.shown_by.time


def _anchor(facts: Facts, head: _Head) -> Check:
    claim = head.claim
    if head.root is None:
        return _not_reached("anchor")
    evidence: dict[str, Any] = {
        "contract": layout.RECORD_LOG,
        "log": claim.log.hex(),
        "size": claim.proof.size,
        "root": head.root.hex(),
        "slot": "0x" + layout.head_slot(claim.log, claim.proof.size).hex(),
    }
    if head.shown_by is not None:
        return check(
            "record", "anchor", "head_on_chain", evidence | _block(head.shown_by), {"block": head.shown_by.block}
        )
    for state in (facts.now_state, facts.anchor_state):
        word = _root_on_chain(state, claim) if isinstance(state, ProvenState) else None
        if word is None or not isinstance(state, ProvenState) or (word == 0 and state is not facts.now_state):
            continue
        evidence |= _block(state) | {"rootOnChain": f"{word:064x}" if word else None}
        code = "proof_invalid" if claim.presented else "record_mismatch" if word else "not_anchored"
        return check("record", "anchor", code, evidence)
    return _unread("anchor", facts.now_state, evidence)


def _unread(name: str, state: ProvenState | Outage, evidence: Mapping[str, Any]) -> Check:
    """The result of a check whose words could not be read."""
    if isinstance(state, Outage):
        return check("record", name, state.code, {**evidence, "detail": state.detail})
    return check("record", name, "finality_unproven", {**evidence, "detail": "the evidence does not cover the word"})


def _validators(facts: Facts, head: _Head | None) -> Check:
    state = facts.now_state
    if isinstance(state, Outage):
        if state.code == "finality_unproven" or head is None or head.shown_by is None:
            return _unread("validators", state, {})
        state = head.shown_by
    counts = {"validators": state.validators, "signers": state.signers}
    return check("record", "validators", state.assurance, _block(state) | counts, counts)


def _issuer_permitted(facts: Facts, content: Content | None, head: _Head, state: ProvenState) -> Check:
    if content is None:
        return check(
            "record", "issuer_permitted", "nothing_to_verify", {"detail": "the record's content is not at hand"}
        )
    owner, _ = parse_log_id(head.claim.log)
    evidence: dict[str, Any] = {"organisation": content.org, "type": content.type_code, "log": head.claim.log.hex()}
    if content.org != owner:
        return check("record", "issuer_permitted", "issuer_not_permitted", evidence | {"logOf": owner})
    if content.kind == "document":
        return check("record", "issuer_permitted", "no_permit_needed", evidence)
    try:
        issued = _date(content, "certificateIssuedDate")
        if issued is None:
            return check("record", "issuer_permitted", "nothing_to_verify", evidence | {"detail": "no date of issue"})
        entries = read_permits(state, content.org, content.type_code)
    except MalformedRecord as error:
        return check("record", "issuer_permitted", "nothing_to_verify", evidence | {"detail": error.message})
    except InvalidProof:
        return _unread("issuer_permitted", facts.now_state, evidence)
    as_of = _anchored_at(facts, head)
    decision = decide_permit(entries, issued, as_of=as_of)
    evidence |= {"issued": issued.isoformat(), "entries": len(entries), "decidedBy": decision.decided_by} | _block(
        state
    )
    if decision.decided_by is not None:
        entry = entries[decision.decided_by]
        evidence["permit"] = {
            "action": "grant" if entry.action == layout.PERMIT_GRANT else "end",
            "from": _day(entry.from_day),
            "until": _day(entry.until_day),
            "recordedAt": _rfc3339(entry.recorded_at),
        }
    code = "permitted" if decision.permitted else "issuer_not_permitted"
    return check("record", "issuer_permitted", code, evidence, {"date": issued.isoformat()})


def _status(facts: Facts, claim: Claim) -> Check:
    slot, shift = layout.status_slot(claim.log, claim.proof.index)
    evidence: dict[str, Any] = {
        "contract": layout.RECORD_STATUS,
        "index": claim.proof.index,
        "slot": "0x" + slot.hex(),
        "shift": shift,
    }
    now_state = facts.now_state
    if isinstance(now_state, Outage):
        return _unread("status", now_state, evidence)
    try:
        number = layout.status_in(now_state.word(layout.RECORD_STATUS, slot), shift)
        state: State | None = State(number)
    except (InvalidProof, ValueError):
        return _unread("status", now_state, evidence)
    evidence |= _block(now_state)
    history = facts.memory.history if facts.memory is not None else ()
    last = history[-1] if history and history[-1].state == state else None
    if facts.past and facts.at < now_state.time:
        known = (history[-1].state if history else State.IN_FORCE) == state
        last = next((change for change in reversed(history) if change.at <= facts.at), None)
        state = (last.state if last is not None else State.IN_FORCE) if known else None
        evidence["from"] = "indexed events, whose last one agrees with the chain" if known else "nothing"
    as_of = {"time": _status_as_of(facts)}
    if state is None:
        return check("record", "status", "status_stale", evidence, as_of)
    evidence["state"] = state.code
    if state is not State.IN_FORCE:
        return check("record", "status", state.code, evidence | _change_evidence(last), _change_params(last))
    accepted = facts.memory.accepted if facts.memory is not None else None
    if accepted is not None and (not facts.past or accepted.at <= facts.at):
        changing = {"to": accepted.to.code, "acceptedAt": _rfc3339(accepted.at)}
        return check("record", "status", "status_changing", evidence | changing)
    if facts.at - now_state.time > facts.max_age:
        return check("record", "status", "status_stale", evidence | {"maxAge": facts.max_age}, as_of)
    return check("record", "status", "in_force", evidence, as_of)


def _change_evidence(change: PastChange | None) -> dict[str, Any]:
    if change is None:
        return {}
    found = {"since": _rfc3339(change.at), "changedIn": change.block, "reasonCode": change.reason}
    return found | ({"successor": change.successor} if change.successor else {})


def _change_params(change: PastChange | None) -> dict[str, Text | str | int]:
    if change is None:
        return {}
    params: dict[str, Text | str | int] = {"date": _local_day(change.at).isoformat()}
    reason = REASONS.get(change.reason)
    if reason is not None:
        params["reason"] = Text(reason.zh, reason.en)
    if change.successor:
        params["successor"] = change.successor
    return params


def _validity_period(facts: Facts, content: Content | None) -> Check:
    if content is None:
        return check(
            "record", "validity_period", "nothing_to_verify", {"detail": "the record's content is not at hand"}
        )
    names = ("issuedDate", "", "expiringDate")
    if content.kind == "certificate":
        names = ("certificateIssuedDate", "certificateEffectiveDate", "certificateExpiringDate")
    try:
        issued, effective, expiring = (_date(content, name) for name in names)
    except MalformedRecord as error:
        return check("record", "validity_period", "nothing_to_verify", {"detail": error.message})
    first = effective or issued
    day = _local_day(facts.at)
    evidence = {
        "day": day.isoformat(),
        "from": first.isoformat() if first else None,
        "until": expiring.isoformat() if expiring else None,
    }
    if first is not None and day < first:
        return check("record", "validity_period", "not_yet_effective", evidence, {"date": first.isoformat()})
    if expiring is not None and day > expiring:
        return check("record", "validity_period", "expired", evidence, {"date": expiring.isoformat()})
    params = {"date": expiring.isoformat()} if expiring else {}
    return check("record", "validity_period", "within_validity", evidence, params)


def _date(content: Content, name: str) -> date | None:
    """The date in an open member; raises MalformedRecord for one that others than this service let on chain."""
    value = content.open.get(name)
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise MalformedRecord(f"{name} is no date", field=name) from error


def _chain(facts: Facts) -> dict[str, Any] | None:
    state = facts.now_state if isinstance(facts.now_state, ProvenState) else facts.anchor_state
    if state is None:
        return None
    return {
        "id": state.chain_id,
        "block": state.block,
        "hash": "0x" + state.block_hash.hex(),
        "time": _rfc3339(state.time),
        "assurance": state.assurance,
    }


def _record(facts: Facts, head: _Head | None, included: bool, status: object) -> dict[str, Any] | None:
    """What the verdict says of the record itself; members only where they were shown to be the anchored ones."""
    presented = facts.presented.disclosure
    content = presented or facts.recalled
    if content is None:
        return None
    anchored_at = _anchored_at(facts, head) if head is not None and included else None
    members = {**presented.open, **presented.members} if presented is not None else dict(facts.display)
    return {
        "kind": content.kind,
        "org": content.org,
        "type": content.type_code,
        "anchoredAt": _rfc3339(anchored_at) if anchored_at is not None else None,
        "status": status,
        "members": members if included else {},
    }


def _status_as_of(facts: Facts) -> str | None:
    if isinstance(facts.now_state, Outage):
        return None
    return _rfc3339(min(facts.at, facts.now_state.time) if facts.past else facts.now_state.time)


def _block(state: ProvenState) -> dict[str, Any]:
    return {"block": state.block, "blockHash": "0x" + state.block_hash.hex(), "blockTime": _rfc3339(state.time)}


def _day(number: int) -> str | None:
    day = layout.date_of_day(number)
    return day.isoformat() if day is not None else None


def _local_day(moment: int) -> date:
    """The calendar day in UTC+8."""
    return datetime.fromtimestamp(moment, _UTC8).date()


def _rfc3339(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
