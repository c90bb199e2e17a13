"""Changing a record's state, and the history of its states."""

from __future__ import annotations

from sqlalchemy import Connection

from chain_service.core.encoding.answers import answer, left_out
from chain_service.core.encoding.refusals import Refusals
from chain_service.core.encoding.visible_text import add_hidden
from chain_service.core.records.states import may_follow, parse_change_request
from chain_service.errors import Conflict
from chain_service.jobs.anchoring.supersede import accept
from chain_service.jobs.asker import Acting
from chain_service.jobs.context import App
from chain_service.jobs.integrity import stored_state
from chain_service.jobs.records.state_history import current_state
from chain_service.store import records, statuses
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
    "pending while a change is on its way to the chain, then final."
    to: str | None = left_out()
    "The state that it will have."
    change: str | None = left_out()
    "The id of the change on its way."


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
        by = officer or (f"key {asker.key_id}" if asker.key_id else "operator")
        accept(app, connection, record.id, request, officer=by, key_id=asker.key_id)
        return _answer(connection, record, statuses.waiting(connection, record.id), created=True)


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
