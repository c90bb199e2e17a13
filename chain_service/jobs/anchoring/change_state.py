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
from chain_service.jobs.anchoring.second_approval import RefusedApproval
from chain_service.jobs.anchoring.supersede import accept
from chain_service.jobs.asker import Acting
from chain_service.jobs.context import App
from chain_service.jobs.records.state_history import StateCourse, course_of, told_request
from chain_service.jobs.repeats import Once, begin, keep, seen_again
from chain_service.store import records
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
    state_tag: str
    "The newest state, on its way to the chain or there, as `ifState` takes it."
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
    if_state: str | None = None,
    once: Once | None = None,
) -> ChangeAnswer:
    """The change is durable and on its way to the chain; until it is final the record's verdict is indeterminate.

    Asking again for the state that stands, or that is on its way, returns it with `created` False. `if_state` names the
    state that was seen: where it is not the newest one nothing is done. Raises `MalformedRecord`, `NotFound`,
    `Forbidden`, `Conflict` (`not_anchored`, `reason_differs`, `state_changed`, `illegal_transition`,
    `change_pending`).

    Where the organisation asks for a second approval, a final end waits for it and changes nothing before; it may also
    raise `Conflict` (`approval_waiting`) and, where the day's ends are spent, `RateLimited` (`ends_spent`).
    """
    asker.need("status")
    with Refusals() as refusals:
        request = refusals.read(
            parse_change_request,
            {
                "to": to,
                "reasonCode": reason_code,
                "text": text,
                "legalBasis": legal_basis,
                "successor": successor,
                "ifState": if_state,
            },
        )
        add_hidden({"text": text, "legalBasis": legal_basis}, refusals)
    by = officer or second_approval.holder(asker.key_id)
    return seen_again(lambda: _change(app, asker, record_id, request, by, once))


def _change(
    app: App, asker: Acting, record_id: str, request: ChangeRequest, officer: str, once: Once | None
) -> ChangeAnswer:
    with app.database.transaction() as connection:
        begin(app, connection, once)
        record = records.get(connection, record_id)
        asker.need_org(record.org)
        course = _course(connection, asker, record, request)
        if not _stands(course, request, keyed=once is not None):
            if request.to.is_final and approvals.rule(connection, record.org).second_approval:
                one, created = second_approval.ask(app, connection, record, request, asker.key_id)
                return keep(app, connection, once, _waiting(course, record, one, created))
            if request.to.is_final:
                second_approval.spend_end(app, connection, record.org)
            accept(app, connection, record.id, request, officer=officer, key_id=asker.key_id)
            return keep(app, connection, once, _answer(course_of(connection, record), record, created=True))
        return keep(app, connection, once, _answer(course, record, created=False))


def approve(
    app: App, asker: Acting, approval_id: str, record_id: str | None = None, once: Once | None = None
) -> ChangeAnswer:
    """The final end that waited is accepted; its officer is who asked for it and who approved it.

    Raises as `change_status`, `NotFound` (`approval_unknown`; `Gone` once the record was erased), `Conflict`
    (`approval_ended`), `Forbidden` (`same_holder`).
    """
    asker.need("status")
    return seen_again(lambda: _approve(app, asker, approval_id, record_id, once))


def _approve(app: App, asker: Acting, approval_id: str, record_id: str | None, once: Once | None) -> ChangeAnswer:
    with app.database.transaction() as connection:
        begin(app, connection, once)
        one = second_approval.waiting_one(connection, approval_id, app.clock())
        asker.need_org(one.org)
        second_approval.need_record(one, record_id)
        second_approval.need_another(connection, one, asker)
        record, request = records.get(connection, one.record_id), second_approval.requested(one)
        course = _course(connection, asker, record, request)
        stands = _stands(course, request, keyed=True)
        by = second_approval.holder(asker.key_id)
        change: str | None = None
        if not stands:
            second_approval.spend_end(app, connection, record.org)
            officer = f"{second_approval.holder(one.key_id)}, {by}"
            change = accept(app, connection, record.id, request, officer=officer, key_id=one.key_id)
        approvals.decide(connection, one.id, "approved", by=by, at=app.clock(), change=change)
        return keep(app, connection, once, _answer(course_of(connection, record), record, created=not stands))


def refuse(
    app: App, asker: Acting, approval_id: str, record_id: str | None = None, once: Once | None = None
) -> RefusedApproval:
    """The final end that waited is refused, or taken back by who asked for it; the record stays as it is.

    Raises `NotFound` (`approval_unknown`), `Conflict` (`approval_ended`), `Forbidden`.
    """
    asker.need("status")
    now = app.clock()
    with app.database.transaction() as connection:
        begin(app, connection, once)
        one = second_approval.waiting_one(connection, approval_id, now)
        asker.need_org(one.org)
        second_approval.need_record(one, record_id)
        by = second_approval.holder(asker.key_id)
        approvals.decide(connection, one.id, "refused", by=by, at=now)
        return keep(app, connection, once, RefusedApproval(one.id, one.record_id, "refused", by, moment(now)))


def _course(connection: Connection, asker: Acting, record: StoredRecord, request: ChangeRequest) -> StateCourse:
    """How the record came to its newest state. Raises `Conflict` (`not_anchored`), `Forbidden`."""
    if record.state != "anchored":
        raise Conflict("the record is not anchored, so it has no state to change", code="not_anchored")
    if request.successor is not None:
        asker.need_org(records.get(connection, request.successor).org)
    return course_of(connection, record)


def _stands(course: StateCourse, request: ChangeRequest, *, keyed: bool) -> bool:
    """Whether the state stands already or is on its way, as it is asked for; False where the change may be accepted.

    Raises `Conflict` where it may not.
    """
    if course.newest is request.to and _says_the_same(course, request):
        return True
    _refuse_outdated(course, request, keyed=keyed)
    if course.newest is request.to:
        raise Conflict(
            f"the record is {request.to.code} already, for another reason or with another text, legal basis or "
            "successor; what was recorded stands",
            code="reason_differs",
            stateTag=course.tag,
        )
    if course.waiting is not None:
        raise Conflict(
            f"a change to {course.newest.code} is pending; try again when it is final", code="change_pending"
        )
    if not may_follow(course.newest, request.to):
        raise Conflict(
            f"a record that is {course.newest.code} cannot become {request.to.code}",
            code="illegal_transition",
            **{"from": course.newest.code, "to": request.to.code},
        )
    return False


def _says_the_same(course: StateCourse, request: ChangeRequest) -> bool:
    """The newest state was reached by what is asked for; of a change that is erased or not ours only its reason is
    known.
    """
    change = course.newest_change
    told = None if change is None else told_request(change)
    if told is not None:
        return told.why == request.why
    known = course.newest_reason if change is None else change.reason_code
    return known in (None, request.reason.number)


def _refuse_outdated(course: StateCourse, request: ChangeRequest, *, keyed: bool) -> None:
    """Raises `Conflict` (`state_changed`) where the newest state is not the one that the request starts from.

    A state without its number is the newest one again after others: what was asked for before is then taken for its own
    late duplicate, unless a key of its own says that it is new.
    """
    expected = request.if_state
    if expected is None:
        return
    if not expected.is_now(course.newest.code, course.changes):
        raise Conflict(f"the newest state is {course.tag}", code="state_changed", stateTag=course.tag)
    if expected.changes is None and not keyed and any(_is_that(change, request) for change in course.settled):
        raise Conflict(
            f"this very change was asked for before, and others followed; to make it again send ifState {course.tag}",
            code="state_changed",
            stateTag=course.tag,
        )


def _is_that(change: StoredStatusChange, request: ChangeRequest) -> bool:
    told = told_request(change)
    return told is not None and (told.to, told.why) == (request.to, request.why)


def _waiting(course: StateCourse, record: StoredRecord, one: Approval, created: bool) -> ChangeAnswer:
    return ChangeAnswer(
        id=record.id,
        status=course.on_chain.code,
        created=created,
        state="waiting_approval",
        state_tag=course.tag,
        to=second_approval.requested(one).to.code,
        approval=one.id,
        expires_at=moment(one.expires_at),
    )


def _answer(course: StateCourse, record: StoredRecord, *, created: bool) -> ChangeAnswer:
    return ChangeAnswer(
        id=record.id,
        status=course.on_chain.code,
        created=created,
        state="final" if course.waiting is None else "pending",
        to=None if course.waiting is None else course.newest.code,
        change=None if course.waiting is None else course.waiting.id,
        state_tag=course.tag,
    )
