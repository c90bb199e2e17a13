"""`replaces`: once the new record is anchored, the old one becomes superseded where its organisation meant that."""

from __future__ import annotations

import secrets
import uuid

from sqlalchemy import Connection

from chain_service.core.encoding.canonical import canonical
from chain_service.core.encoding.display import moment
from chain_service.core.records.hashing import Salt, change_digest, log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.states import REASONS, ChangeRecord, ChangeRequest, State, may_follow
from chain_service.errors import Corrupt, NotFound
from chain_service.jobs.context import App
from chain_service.store import chain_index, records, statuses
from chain_service.store.access import keys
from chain_service.store.records import StoredRecord
from chain_service.store.rows import json_object
from chain_service.store.statuses import NewStatusChange

CHANGED = 8


def supersede_replaced(app: App, connection: Connection, batch_id: str) -> None:
    """For each record of the batch that replaces another: the old one has an accepted change to `superseded`, if the
    submitting key has role `status`, the organisation is the same, a holder code agrees and the old state allows it.
    """
    for new in records.replacing_in_batch(connection, batch_id):
        old = _replaced(connection, new)
        if old is not None and _may(connection, new, old):
            accept(
                app,
                connection,
                old.id,
                ChangeRequest(State.SUPERSEDED, REASONS[CHANGED], successor=new.id),
                officer=f"key {new.key_id}" if new.key_id else "operator",
                key_id=new.key_id,
            )


def accept(
    app: App,
    connection: Connection,
    record_id: str,
    request: ChangeRequest,
    *,
    officer: str,
    key_id: str | None,
) -> str:
    """The change is durable under a salt of its own, to be sent; its id."""
    at = app.clock()
    body = ChangeRecord(record_id, request, officer, moment(at)).to_json()
    salt = Salt(secrets.token_bytes(32))
    change = NewStatusChange(
        id=str(uuid.uuid4()),
        record_id=record_id,
        to_state=int(request.to),
        reason_code=request.reason.number,
        body=canonical(body),
        salt=salt,
        digest=change_digest(body, salt),
        key_id=key_id,
        created_at=at,
    )
    statuses.add(connection, change)
    return change.id


def _replaced(connection: Connection, new: StoredRecord) -> StoredRecord | None:
    if new.replaces is None:
        return None
    try:
        return records.get(connection, new.replaces)
    except NotFound:
        return None


def _may(connection: Connection, new: StoredRecord, old: StoredRecord) -> bool:
    if old.org != new.org or old.state != "anchored" or old.id == new.id or not _same_holder(new, old):
        return False
    if new.key_id is not None and "status" not in keys.roles_of(connection, new.key_id):
        return False
    if statuses.waiting(connection, old.id) is not None:
        return False
    assert old.generation is not None and old.leaf_index is not None
    states = chain_index.states(connection, log_id(OrgCode(old.org), old.generation), [old.leaf_index])
    return may_follow(State(states.get(old.leaf_index, 0)), State.SUPERSEDED)


def _same_holder(new: StoredRecord, old: StoredRecord) -> bool:
    """A holder code stands in both; documents have no holders and need none."""
    if new.kind != old.kind:
        return False
    return new.kind == "document" or bool(_holders(new) & _holders(old))


def _holders(record: StoredRecord) -> set[str]:
    """Holder codes of a stored record; none where its body was erased or altered into something else."""
    try:
        holders = json_object(record.body or b"{}", "a stored record").get("holders", ())
        return {holder.get("certificateHolderCode") for holder in holders}
    except (Corrupt, AttributeError, TypeError):
        return set()
