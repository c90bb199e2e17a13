"""A final end takes two: where an organisation asks for it, one key asks for the end and another one approves it.

A record that ended finally is never in force again, only a new record can take its place. So one stolen key must not
end everything: the second approval is another holder's, and the ends of a day are bounded.
"""

from __future__ import annotations

import uuid
from typing import cast, get_args

from sqlalchemy import Connection

from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.canonical import canonical
from chain_service.core.encoding.display import moment, optional_moment
from chain_service.core.records.states import ChangeRequest, parse_change_request
from chain_service.core.registries.typed_codes import typed_org_code
from chain_service.errors import BadRequest, Conflict, Forbidden, Gone, NotFound, RateLimited
from chain_service.jobs.asker import LISTERS, Acting
from chain_service.jobs.context import App
from chain_service.jobs.key_limits import DAY
from chain_service.jobs.pages import page_size, parse_cursor, write_cursor
from chain_service.jobs.records.erasure_list import note_rule
from chain_service.store.access import approvals, keys
from chain_service.store.access.approvals import Approval, ApprovalFilters, EndRule, NewApproval
from chain_service.store.access.approvals import ApprovalState as ApprovalState
from chain_service.store.records import StoredRecord
from chain_service.store.rows import json_object


@answer
class ListedApproval:
    """A final end that was asked for, and what became of it."""

    id: str
    record: str
    org: str
    state: ApprovalState
    to: str | None
    """The state that the record would have; null once the record was erased, as are the next three."""
    reason_code: int | None
    text: str | None
    legal_basis: str | None
    requested_by: str
    """`key ID` or `operator`."""
    requested_at: str
    expires_at: str
    decided_by: str | None
    decided_at: str | None
    change: str | None
    """The id of the change that was accepted."""


@answer
class RefusedApproval:
    """A final end that was refused. What it was asked for with is not repeated: answers are kept, texts are erased."""

    id: str
    record: str
    state: ApprovalState
    decided_by: str
    decided_at: str


@answer
class ApprovalPage:
    """Approvals, newest first."""

    approvals: tuple[ListedApproval, ...]
    next: str | None
    """Cursor of the next page."""


@answer
class FinalEndRule:
    """What an organisation asks before one of its records ends finally."""

    org: str
    second_approval: bool
    """Another key than the one that asked has to approve."""
    daily_ends: int | None
    """Final ends in a day of UTC; null: any number."""


def set_rule(
    app: App, org: str, *, second_approval: bool | None = None, daily_ends: int | None = None, unlimited: bool = False
) -> FinalEndRule:
    """The organisation's rule; what is not given stays. Raises `BadRequest`."""
    code = typed_org_code(org, field="CODE")
    if daily_ends is not None and not 0 <= daily_ends < 2**31:
        raise BadRequest("the final ends of a day must be a number from 0 on", field="daily-ends")
    with app.database.transaction() as connection:
        old = approvals.rule(connection, code)
        new = EndRule(
            old.second_approval if second_approval is None else second_approval,
            None if unlimited else old.daily_ends if daily_ends is None else daily_ends,
        )
        if new == old:
            return FinalEndRule(code, new.second_approval, new.daily_ends)
        n = approvals.count_rules(connection, code) + 1
        if not _loosens(old, new):
            note_rule(app, code, n, new.second_approval, new.daily_ends)
        approvals.set_rule(connection, code, new)
    if _loosens(old, new):
        note_rule(app, code, n, new.second_approval, new.daily_ends)
    return FinalEndRule(code, new.second_approval, new.daily_ends)


def _loosens(old: EndRule, new: EndRule) -> bool:
    """Something is asked no more: listed only once it is so, for what is listed is done again after a failure."""
    fewer = new.daily_ends is not None and (old.daily_ends is None or new.daily_ends <= old.daily_ends)
    return (old.second_approval and not new.second_approval) or not (fewer or new.daily_ends == old.daily_ends)


def list_approvals(
    app: App,
    asker: Acting,
    *,
    record: str | None = None,
    state: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> ApprovalPage:
    """The final ends that were asked for by the asker's organisation; an operator for all sees all.

    Raises `Forbidden` (`missing_role`), `BadRequest`.
    """
    asker.need(*LISTERS)
    if state is not None and state not in get_args(ApprovalState):
        raise BadRequest(f"state must be one of {', '.join(get_args(ApprovalState))}", field="state")
    now = app.clock()
    filters = ApprovalFilters(asker.org, record, cast(ApprovalState | None, state), now)
    with app.database.reading() as connection:
        found, following = approvals.page(
            connection, filters, before=parse_cursor(cursor), limit=page_size(limit)
        )  # fmt: skip
    return ApprovalPage(tuple(listed(one, now) for one in found), write_cursor(following))


def spend_end(app: App, connection: Connection, org: str) -> None:
    """One final end of the organisation is counted. Raises `RateLimited` (`ends_spent`) if it has none left today."""
    today = app.now // DAY * DAY
    if not approvals.spend_end(connection, org, today):
        raise RateLimited(
            "the final ends that this organisation allows in a day are spent",
            code="ends_spent",
            retryAfter=today + DAY - app.now,
        )


def ask(
    app: App, connection: Connection, record: StoredRecord, request: ChangeRequest, key_id: str | None
) -> tuple[Approval, bool]:
    """The end waits for another holder, and whether it did not before.

    The state that was seen waits with it: what was meant for that one is not approved in another. Raises `Conflict`
    (`approval_waiting`) where another end of this record waits.
    """
    at = app.clock()
    standing = approvals.waiting(connection, record.id, at)
    if standing is not None:
        if _request(standing) != request:
            raise Conflict(
                "another end of this record waits for its approval", code="approval_waiting", approval=standing.id
            )
        return standing, False
    body = {
        "to": request.to.code,
        "reasonCode": request.reason.number,
        "text": request.text,
        "legalBasis": request.legal_basis,
        "successor": request.successor,
        "ifState": None if request.if_state is None else str(request.if_state),
    }
    expires = at + app.settings.approval_lifetime
    new = NewApproval(str(uuid.uuid4()), record.id, record.org, canonical(body), key_id, at, expires)
    approvals.add(connection, new)
    return approvals.get(connection, new.id), True


def waiting_one(connection: Connection, approval_id: str, now: float) -> Approval:
    """The approval, which waits. Raises `NotFound` (`approval_unknown`), `Conflict` (`approval_ended`)."""
    one = approvals.get(connection, approval_id)
    if (state := one.state(now)) != "waiting":
        raise Conflict(f"this approval is {state}", code="approval_ended", state=state)
    return one


def need_another(connection: Connection, one: Approval, asker: Acting) -> None:
    """The asker is not who asked for the end. Raises `Forbidden` (`same_holder`).

    Keys that were rotated have one holder, and the operator is one.
    """
    first, second = (None if key is None else keys.first_of(connection, key) for key in (one.key_id, asker.key_id))
    if first == second:
        raise Forbidden("whoever asked for the end cannot approve it", code="same_holder")


def need_record(one: Approval, record_id: str | None) -> None:
    """The approval is of this record. Raises `NotFound` (`approval_unknown`)."""
    if record_id is not None and one.record_id != record_id:
        raise NotFound("this approval is of another record", code="approval_unknown", id=one.id)


def requested(one: Approval) -> ChangeRequest:
    """The change that was asked for. Raises `Gone` once the record was erased."""
    request = _request(one)
    if request is None:
        raise Gone("the record was erased")
    return request


def _request(one: Approval) -> ChangeRequest | None:
    return None if one.body is None else parse_change_request(json_object(one.body, "an approval", id=one.id))


def holder(key_id: str | None) -> str:
    """Who it is, as histories name the officer."""
    return "operator" if key_id is None else f"key {key_id}"


def listed(one: Approval, now: float) -> ListedApproval:
    """The approval as lists show it."""
    request = _request(one)
    return ListedApproval(
        id=one.id,
        record=one.record_id,
        org=one.org,
        state=one.state(now),
        to=None if request is None else request.to.code,
        reason_code=None if request is None else request.reason.number,
        text=None if request is None else request.text,
        legal_basis=None if request is None else request.legal_basis,
        requested_by=holder(one.key_id),
        requested_at=moment(one.created_at),
        expires_at=moment(one.expires_at),
        decided_by=one.decided_by,
        decided_at=optional_moment(one.decided_at),
        change=one.change_id,
    )
