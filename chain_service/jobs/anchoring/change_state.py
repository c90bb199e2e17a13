"""Changing a record's state, and the history of its states."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from chain_service.core.encoding.display import hex0x, moment
from chain_service.core.encoding.visible_text import require_visible
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.states import State, may_follow, parse_change_request
from chain_service.errors import Conflict
from chain_service.jobs.anchoring.supersede import accept
from chain_service.jobs.context import App, Caller
from chain_service.jobs.integrity import placed, stored_state, told_successor
from chain_service.store import chain_index, records, statuses
from chain_service.store.records import StoredRecord
from chain_service.store.rows import json_object
from chain_service.store.statuses import StatusChange


def change_status(
    app: App,
    caller: Caller,
    record_id: str,
    to: str,
    reason_code: int | str,
    *,
    text: str | None = None,
    legal_basis: str | None = None,
    successor: str | None = None,
    officer: str | None = None,
) -> dict[str, Any]:
    """The change is durable and on its way to the chain; until it is final the record's verdict is indeterminate.

    Asking again for the state that stands, or that is on its way, returns it with `created` False. Raises
    `MalformedRecord`, `NotFound`, `Forbidden`, `Conflict` (`not_anchored`, `illegal_transition`, `change_pending`).
    """
    caller.need("status")
    request = parse_change_request(
        {"to": to, "reasonCode": reason_code, "text": text, "legalBasis": legal_basis, "successor": successor}
    )
    require_visible({"text": text, "legalBasis": legal_basis})
    with app.database.transaction() as connection:
        record = records.get(connection, record_id)
        caller.need_org(record.org)
        if record.state != "anchored":
            raise Conflict("the record is not anchored, so it has no state to change", code="not_anchored")
        if request.successor is not None:
            caller.need_org(records.get(connection, request.successor).org)
        current = current_state(connection, record)
        waiting = statuses.waiting(connection, record.id)
        target = stored_state(waiting.to_state) if waiting is not None else current
        if target is request.to:
            return _answer(connection, record, waiting, created=False)
        if waiting is not None:
            raise Conflict(
                f"a change to {target.code} is on its way; try again when it is final", code="change_pending"
            )
        if not may_follow(current, request.to):
            raise Conflict(
                f"a record that is {current.code} cannot become {request.to.code}",
                code="illegal_transition",
                **{"from": current.code, "to": request.to.code},
            )
        by = officer or (f"key {caller.key_id}" if caller.key_id else "operator")
        accept(app, connection, record.id, request, officer=by, key_id=caller.key_id)
        return _answer(connection, record, statuses.waiting(connection, record.id), created=True)


def current_state(connection: Connection, record: StoredRecord) -> State:
    """The state of an anchored record as the index has read it."""
    generation, index, _ = placed(record)
    log = log_id(OrgCode(record.org), generation)
    return stored_state(chain_index.states(connection, log, [index]).get(index, 0))


def status_history(app: App, record_id: str) -> list[dict[str, Any]]:
    """Every state the record took on chain, oldest first: the event itself and, where it is ours, its change record.

    Texts, legal bases and officers are shown by `disclosed_history` only. Raises `NotFound`, `Corrupt`.
    """
    return _history(app, record_id, disclosed=False)


def disclosed_history(app: App, record_id: str, caller: Caller) -> list[dict[str, Any]]:
    """`status_history` with the change records, for the record's own organisation."""
    with app.database.reading() as connection:
        caller.need_org(records.get(connection, record_id).org)
    return _history(app, record_id, disclosed=True)


def _history(app: App, record_id: str, *, disclosed: bool) -> list[dict[str, Any]]:
    with app.database.reading() as connection:
        record = records.get(connection, record_id)
        if record.generation is None or record.leaf_index is None:
            return []
        log = log_id(OrgCode(record.org), record.generation)
        events = chain_index.status_history(connection, log, record.leaf_index)
        ours = statuses.by_digests(connection, [event.digest for event in events])
    found = []
    for event in events:
        change = ours.get(event.digest)
        entry: dict[str, Any] = {
            "to": stored_state(event.state).code,
            "reasonCode": event.reason,
            "digest": "sha-256:" + event.digest.hex(),
            "account": event.account,
            "block": event.block,
            "time": moment(event.time),
            "tx": hex0x(event.tx),
        }
        if change is not None and change.body is not None:
            successor = told_successor(change)
            if successor is not None:
                entry["successor"] = successor
            if disclosed and change.salt is not None:
                body = json_object(change.body, "a stored change of state", change=change.id)
                entry["change"] = {"record": body, "salt": change.salt.hex()}
        found.append(entry)
    return found


def _answer(
    connection: Connection, record: StoredRecord, waiting: StatusChange | None, *, created: bool
) -> dict[str, Any]:
    current = current_state(connection, record)
    answer: dict[str, Any] = {"id": record.id, "status": current.code, "created": created, "state": "final"}
    if waiting is not None:
        answer |= {"state": "pending", "to": stored_state(waiting.to_state).code, "change": waiting.id}
    return answer
