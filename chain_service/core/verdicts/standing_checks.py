"""Checks of a record that is proven to be on chain: permit of its issuer, state, period of validity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState
from chain_service.core.chainproof.storage_layout import PermitEntry
from chain_service.core.encoding.text import Text
from chain_service.core.encoding.times import local_day, rfc3339
from chain_service.core.encoding.visible_text import escaped
from chain_service.core.records.disclosure import Disclosure
from chain_service.core.records.hashing import parse_log_id
from chain_service.core.records.record import date_of
from chain_service.core.records.schema import RecordSchema
from chain_service.core.records.states import REASONS, State
from chain_service.core.registries.permits import PermitDecision, decide_permit, read_permits
from chain_service.core.verdicts.anchoring_checks import CHANGED, ClaimedHead, block_evidence, unread
from chain_service.core.verdicts.check_rules import RECORD
from chain_service.core.verdicts.inputs import BLOCK_AHEAD, Claim, Content, JudgeInput, Outage, PastChange
from chain_service.core.verdicts.verdict import Check, check
from chain_service.errors import InvalidProof


def judge_permit(facts: JudgeInput, content: Content | None, head: ClaimedHead, state: ProvenState) -> Check:
    """Whether the log's organisation was permitted to issue this type on the day of issue, as known when anchored."""
    if content is None:
        return check(RECORD.ISSUER_PERMITTED, "nothing_to_verify", {"detail": "the record's content is not available"})
    owner, _ = parse_log_id(head.claim.log)
    evidence: dict[str, Any] = {"organisation": content.org, "type": content.type_code, "log": head.claim.log.hex()}
    if content.org != owner:
        return check(RECORD.ISSUER_PERMITTED, "issuer_not_permitted", evidence | {"logOf": owner})
    if content.kind == "document":
        return check(RECORD.ISSUER_PERMITTED, "no_permit_needed", evidence)
    issued = date_of(content.open, _shape(content).issued)
    if issued is None:
        return check(RECORD.ISSUER_PERMITTED, "nothing_to_verify", evidence | {"detail": "no date of issue"})
    if facts.anchor_state is None and facts.memory is not None and facts.memory.record_id is not None:
        # the database alone would say when it was anchored: a permit recorded since could count
        detail = {"detail": "the stored evidence of the anchoring block is missing or invalid"}
        return check(RECORD.ISSUER_PERMITTED, "finality_unproven", evidence | detail)
    permits = _permits(facts, content, state)
    if permits is None:
        return unread(RECORD.ISSUER_PERMITTED, facts.now_state, evidence)
    entries, state = permits
    decision = _decided(facts, entries, issued, state.time if head.shown_by is None else head.shown_by.time)
    if decision is None:
        detail = {"detail": "permits changed between the earliest possible time of anchoring and a proven block"}
        code = "finality_unproven" if facts.earliest is None else "trust_stale"
        return check(RECORD.ISSUER_PERMITTED, code, evidence | block_evidence(state) | detail)
    evidence |= {
        "issued": issued.isoformat(),
        "entries": len(entries),
        "decidedBy": decision.decided_by,
    } | block_evidence(state)
    if decision.decided_by is not None:
        entry = entries[decision.decided_by]
        evidence["permit"] = {
            "action": "grant" if entry.action == storage_layout.PERMIT_GRANT else "end",
            "from": _day(entry.from_day),
            "until": _day(entry.until_day),
            "recordedAt": rfc3339(entry.recorded_at),
        }
    code = "permitted" if decision.permitted else "issuer_not_permitted"
    return check(RECORD.ISSUER_PERMITTED, code, evidence, {"date": issued.isoformat()})


def _decided(facts: JudgeInput, entries: Sequence[PermitEntry], day: date, proven: int) -> PermitDecision | None:
    """What the entries say that were recorded before the record was anchored: at `proven` at the latest.

    Where something that proves nothing by itself says earlier, the index or a retired validator, entries recorded since
    must not matter: None if they do.
    """
    told = (facts.earliest, facts.memory.anchored_at if facts.memory is not None else None)
    since = min([proven, *(moment for moment in told if moment is not None)])
    moments = {since, proven} | {entry.recorded_at for entry in entries if since < entry.recorded_at <= proven}
    decisions = [decide_permit(entries, day, as_of=moment) for moment in sorted(moments)]
    return decisions[0] if len({decision.permitted for decision in decisions}) == 1 else None


def _permits(
    facts: JudgeInput, content: Content, head_state: ProvenState
) -> tuple[list[PermitEntry], ProvenState] | None:
    """The issuer's permits for the type from the state that shows the head, or else from the newest; None from neither.

    Entries are never changed and carry their time, so the newest state tells what stood there when it was anchored.
    """
    for state in (head_state, facts.now_state):
        if isinstance(state, ProvenState):
            try:
                return read_permits(state, content.org, content.type_code), state
            except InvalidProof:
                continue
    return None


def judge_status(facts: JudgeInput, claim: Claim) -> Check:
    """The state that the chain's word shows, changes on their way and the age of the newest final block."""
    slot, shift = storage_layout.status_slot(claim.log, claim.proof.index)
    evidence: dict[str, Any] = {
        "contract": storage_layout.RECORD_STATUS,
        "index": claim.proof.index,
        "slot": "0x" + slot.hex(),
        "shift": shift,
    }
    now_state = facts.now_state
    if isinstance(now_state, Outage):
        return unread(RECORD.STATUS, now_state, evidence)
    try:
        proven = State(storage_layout.status_in(now_state.word(storage_layout.RECORD_STATUS, slot), shift))
    except (InvalidProof, ValueError):
        return unread(RECORD.STATUS, now_state, evidence)
    evidence |= block_evidence(now_state)
    as_of = {"time": status_as_of(facts)}
    state, change = _state_asked(facts, proven, now_state.time)
    if state is None and facts.past and facts.then_state is None:
        detail = {"detail": "no node proves the state of that moment"}
        return check(RECORD.STATUS, "finality_unproven", evidence | detail)
    if state is None:
        return check(RECORD.STATUS, "status_stale", evidence | {"detail": "the index and the chain differ"}, as_of)
    evidence["state"] = state.code
    if state is not State.IN_FORCE:
        return check(RECORD.STATUS, state.code, evidence | _change_evidence(change), _change_params(change))
    accepted = facts.memory.accepted if facts.memory is not None else None
    if accepted is not None and (not facts.past or accepted.at <= facts.at):
        changing = {"to": accepted.to.code, "acceptedAt": rfc3339(accepted.at)}
        return check(RECORD.STATUS, "status_changing", evidence | changing)
    if is_silent(now_state, facts.at):
        return check(RECORD.STATUS, "trust_stale", evidence | {"detail": CHANGED.en}, {"detail": CHANGED})
    if not facts.past and now_state.time - facts.at > BLOCK_AHEAD:
        detail = {"detail": "the chain's newest block is later than this service's clock"}
        return check(RECORD.STATUS, "status_stale", evidence | detail, as_of)
    if facts.at - now_state.time > facts.max_age:
        why = {} if facts.too_old is None else {"detail": facts.too_old}
        return check(RECORD.STATUS, "status_stale", evidence | {"maxAge": facts.max_age} | why, as_of)
    return check(RECORD.STATUS, "in_force", evidence, as_of)


def _state_asked(facts: JudgeInput, proven: State, proven_at: int) -> tuple[State | None, PastChange | None]:
    """The state at the moment asked about and the indexed change that led to it.

    The proven word is the latest state; an earlier one is what the chain's word of then shows. None where that is not
    available, and where the word shows nothing against the record but a change was read that it does not show.
    """
    history = facts.memory.history if facts.memory is not None else ()
    latest = history[-1].state if history else State.IN_FORCE
    if latest is not proven and proven is State.IN_FORCE:
        return None, None
    if not facts.past or facts.at >= proven_at:
        return proven, history[-1] if history and latest == proven else None
    change = next((change for change in reversed(history) if change.at <= facts.at), None)
    told = change.state if change is not None else State.IN_FORCE
    then = _proven_then(facts)
    if then is not None:
        return then, change if told is then else None
    # without proof the index is believed only where it speaks against the record
    return (told, change) if told is not State.IN_FORCE and latest is proven else (None, None)


def _proven_then(facts: JudgeInput) -> State | None:
    """The state at the moment asked about as the chain's word of then shows it; None where that is not available."""
    if facts.then_state is None or facts.claim is None:
        return None
    slot, shift = storage_layout.status_slot(facts.claim.log, facts.claim.proof.index)
    try:
        return State(storage_layout.status_in(facts.then_state.word(storage_layout.RECORD_STATUS, slot), shift))
    except (InvalidProof, ValueError):
        return None


def _change_evidence(change: PastChange | None) -> dict[str, Any]:
    if change is None:
        return {}
    evidence = {"since": rfc3339(change.at), "changedIn": change.block, "reasonCode": change.reason}
    return evidence | ({"successor": change.successor.to_json()} if change.successor else {})


def _change_params(change: PastChange | None) -> dict[str, object]:
    if change is None:
        return {}
    params: dict[str, object] = {"date": local_day(change.at).isoformat()}
    reason = REASONS.get(change.reason)
    if reason is not None:
        params["reason"] = Text(reason.zh, reason.en)
    if change.successor:
        params["successor"] = escaped(" ".join(filter(None, (change.successor.name, change.successor.number))))
    return params


def judge_period(facts: JudgeInput, content: Content | None) -> Check:
    """Whether the day asked about, in UTC+8, lies in the record's period, first and last day included."""
    if content is None:
        return check(RECORD.VALIDITY_PERIOD, "nothing_to_verify", {"detail": "the record's content is not available"})
    shape = _shape(content)
    issued, effective, expiring = (
        date_of(content.open, name) for name in (shape.issued, shape.effective, shape.expiring)
    )
    first = effective or issued
    day = local_day(facts.at)
    evidence = {
        "day": day.isoformat(),
        "from": first.isoformat() if first else None,
        "until": expiring.isoformat() if expiring else None,
    }
    if first is not None and day < first:
        return check(RECORD.VALIDITY_PERIOD, "not_yet_effective", evidence, {"date": first.isoformat()})
    if expiring is not None and day > expiring:
        return check(RECORD.VALIDITY_PERIOD, "expired", evidence, {"date": expiring.isoformat()})
    params = {"date": expiring.isoformat()} if expiring else {}
    return check(RECORD.VALIDITY_PERIOD, "within_validity", evidence, params)


def _shape(content: Content) -> RecordSchema:
    return content.record.shape if isinstance(content, Disclosure) else content.shape


def status_as_of(facts: JudgeInput) -> str | None:
    """The moment for which the status is known, RFC 3339; None while the chain cannot be reached, and where its newest
    state says nothing of the moment asked about.
    """
    if isinstance(facts.now_state, Outage) or is_silent(facts.now_state, facts.at):
        return None
    return rfc3339(min(facts.at, facts.now_state.time) if facts.past else facts.now_state.time)


def is_silent(state: ProvenState, at: int) -> bool:
    """Whether the validators who sealed this state's block had left before this moment."""
    return state.speaks_until is not None and at > state.speaks_until


def _day(number: int) -> str | None:
    day = storage_layout.date_of_day(number)
    return day.isoformat() if day is not None else None
