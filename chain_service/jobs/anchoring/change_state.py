"""Changing a record's state, and the history of its states."""

from __future__ import annotations

from sqlalchemy import Connection

from chain_service.core.encoding.answers import answer, left_out
from chain_service.core.encoding.display import moment
from chain_service.core.encoding.refusals import Refusals
from chain_service.core.encoding.visible_text import add_hidden
from chain_service.core.records.states import ChangeRequest, may_follow, parse_change_request
from chain_service.errors import Conflict
from chain_service.jobs.anchoring import second_approval
from chain_service.jobs.anchoring.second_approval import ListedApproval
from chain_service.jobs.anchoring.supersede import accept
from chain_service.jobs.asker import Acting
from chain_service.jobs.context import App
from chain_service.jobs.integrity import stored_state
from chain_service.jobs.records.state_history import current_state
from chain_service.store import records, statuses
from chain_service.store.access import approvals
from chain_service.store.access.approvals import Approval
from chain_service.store.records import StoredRecord
from chain_service.store.statuses import StoredStatusChange


@answer
class ChangeAnswer:
    """A change of a record's state that was asked for."""

    id: str
    "The record."
    status: str
    "Its state on chain."
    created: bool
    "False where the change, or one to the same state, was accepted before."
    state: str
    "waiting_approval until another key approves a final end, pending while on its way to the chain, then final."
    to: str | None = left_out()
    "The state that it will have."
    change: str | None = left_out()
    "The id of the change on its way."
    approval: str | None = left_out()
    "What another key of the organisation has to approve."
    expires_at: str | None = left_out()
    "Until when."


def change_status(
    app: App,
    asker: Acting,
    record_id: str,
    to: str,
    reason_code: int | str,
    *,
    text: str | None = None,
    legal_basis: str | None = None,
    successor: str | None = None,
    officer: str | None = None,
) -> ChangeAnswer:
    """The change is durable and on its way to the chain; until it is final the record's verdict is indeterminate.

    Asking again for the state that stands, or that is on its way, returns it with `created` False. Raises
    `MalformedRecord`, `NotFound`, `Forbidden`, `Conflict` (`not_anchored`, `illegal_transition`, `change_pending`).

    Where the organisation asks for a second approval, a final end waits for it and changes nothing before; it may also
    raise `Conflict` (`approval_waiting`) and, where the day's ends are spent, `RateLimited` (`ends_spent`).
    """
    asker.need("status")
    with Refusals() as refusals:
        request = refusals.read(
            parse_change_request,
            {"to": to, "reasonCode": reason_code, "text": text, "legalBasis": legal_basis, "successor": successor},
        )
        add_hidden({"text": text, "legalBasis": legal_basis}, refusals)
    with app.database.transaction() as connection:
        record = records.get(connection, record_id)
        asker.need_org(record.org)
        standing = _standing(connection, asker, record, request)
        if standing is not None:
            return standing
        if request.to.is_final and approvals.rule(connection, record.org).second_approval:
            return _waiting(connection, record, *second_approval.ask(app, connection, record, request, asker.key_id))
        if request.to.is_final:
            second_approval.spend_end(app, connection, record.org)
        by = officer or second_approval.holder(asker.key_id)
        accept(app, connection, record.id, request, officer=by, key_id=asker.key_id)
        return _answer(connection, record, statuses.waiting(connection, record.id), created=True)


def approve(app: App, asker: Acting, approval_id: str, record_id: str | None = None) -> ChangeAnswer:
    """The final end that waited is accepted; its officer is who asked for it and who approved it.

    Raises as `change_status`, `NotFound` (`approval_unknown`), `Conflict` (`approval_ended`), `Forbidden`
    (`same_holder`).
    """
    asker.need("status")
    with app.database.transaction() as connection:
        one = second_approval.waiting_one(connection, approval_id, app.clock())
        asker.need_org(one.org)
        second_approval.need_record(one, record_id)
        second_approval.need_another(connection, one, asker)
        record, request = records.get(connection, one.record_id), second_approval.requested(one)
        standing = _standing(connection, asker, record, request)
        by = second_approval.holder(asker.key_id)
        change: str | None = None
        if standing is None:
            second_approval.spend_end(app, connection, record.org)
            officer = f"{second_approval.holder(one.key_id)}, {by}"
            change = accept(app, connection, record.id, request, officer=officer, key_id=one.key_id)
        approvals.decide(connection, one.id, "approved", by=by, at=app.clock(), change=change)
        return standing or _answer(connection, record, statuses.waiting(connection, record.id), created=True)


def refuse(app: App, asker: Acting, approval_id: str, record_id: str | None = None) -> ListedApproval:
    """The final end that waited is refused, or taken back by who asked for it; the record stays as it is.

    Raises `NotFound` (`approval_unknown`), `Conflict` (`approval_ended`), `Forbidden`.
    """
    asker.need("status")
    now = app.clock()
    with app.database.transaction() as connection:
        one = second_approval.waiting_one(connection, approval_id, now)
        asker.need_org(one.org)
        second_approval.need_record(one, record_id)
        approvals.decide(connection, one.id, "refused", by=second_approval.holder(asker.key_id), at=now)
        return second_approval.listed(approvals.get(connection, one.id), now)


def _standing(
    connection: Connection, asker: Acting, record: StoredRecord, request: ChangeRequest
) -> ChangeAnswer | None:  # fmt: skip
    """The answer where the state stands or is on its way; None where the change may be accepted. Raises `Conflict`."""
    if record.state != "anchored":
        raise Conflict("the record is not anchored, so it has no state to change", code="not_anchored")
    if request.successor is not None:
        asker.need_org(records.get(connection, request.successor).org)
    current = current_state(connection, record)
    waiting = statuses.waiting(connection, record.id)
    target = stored_state(waiting.to_state) if waiting is not None else current
    if target is request.to:
        return _answer(connection, record, waiting, created=False)
    if waiting is not None:
        raise Conflict(f"a change to {target.code} is pending; try again when it is final", code="change_pending")
    if not may_follow(current, request.to):
        raise Conflict(
            f"a record that is {current.code} cannot become {request.to.code}",
            code="illegal_transition",
            **{"from": current.code, "to": request.to.code},
        )
    return None


def _waiting(connection: Connection, record: StoredRecord, one: Approval, created: bool) -> ChangeAnswer:
    return ChangeAnswer(
        id=record.id,
        status=current_state(connection, record).code,
        created=created,
        state="waiting_approval",
        to=second_approval.requested(one).to.code,
        approval=one.id,
        expires_at=moment(one.expires_at),
    )


def _answer(
    connection: Connection, record: StoredRecord, waiting: StoredStatusChange | None, *, created: bool
) -> ChangeAnswer:
    return ChangeAnswer(
        id=record.id,
        status=current_state(connection, record).code,
        created=created,
        state="final" if waiting is None else "pending",
        to=None if waiting is None else stored_state(waiting.to_state).code,
        change=None if waiting is None else waiting.id,
    )
