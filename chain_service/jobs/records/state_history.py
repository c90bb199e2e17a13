"""The states of a record, as they stand on chain."""

from __future__ import annotations

from sqlalchemy import Connection

from chain_service.core.encoding.display import hex0x, moment
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.states import State
from chain_service.jobs.asker import LISTERS, Acting
from chain_service.jobs.context import App
from chain_service.jobs.integrity import log_position, stored_state, told_successor
from chain_service.jobs.records.answers import Disclosed, StateHistory, StateOnChain
from chain_service.store import chain_index, records, statuses
from chain_service.store.chain_index import StatusEvent
from chain_service.store.readings import NewReading
from chain_service.store.records import StoredRecord
from chain_service.store.rows import json_object
from chain_service.store.statuses import StoredStatusChange


def current_state(connection: Connection, record: StoredRecord) -> State:
    """The state of an anchored record as the index has read it."""
    generation, index, _ = log_position(record)
    log = log_id(OrgCode(record.org), generation)
    return stored_state(chain_index.states(connection, log, [index]).get(index, 0))


def status_history(app: App, record_id: str) -> tuple[StateOnChain, ...]:
    """Every state the record took on chain, oldest first: the event itself and, where it is ours, its change record.

    Texts, legal bases and officers are shown by `disclosed_history` only. Raises `NotFound`, `Corrupt`.
    """
    return _history(app, record_id, disclosed=False)


def disclosed_history(app: App, record_id: str, asker: Acting) -> StateHistory:
    """`status_history` with the change records, for the record's own organisation; the reading is logged.

    Raises `NotFound`, `Forbidden` (`missing_role`, `wrong_organisation`), `Corrupt`.
    """
    asker.need(*LISTERS)
    with app.database.reading() as connection:
        org = records.get(connection, record_id).org
    asker.need_org(org)
    history = _history(app, record_id, disclosed=True)
    cause = "changes of state read by its organisation"
    app.readings.write([NewReading(app.clock(), asker.key_id, org, record_id, action="changes", cause=cause)])
    return StateHistory(record_id, history)


def _history(app: App, record_id: str, *, disclosed: bool) -> tuple[StateOnChain, ...]:
    with app.database.reading() as connection:
        record = records.get(connection, record_id)
        if record.generation is None or record.leaf_index is None:
            return ()
        log = log_id(OrgCode(record.org), record.generation)
        events = chain_index.status_history(connection, log, record.leaf_index)
        ours = statuses.by_digests(connection, [event.digest for event in events])
    return tuple(_state(event, ours.get(event.digest), disclosed=disclosed) for event in events)


def _state(event: StatusEvent, change: StoredStatusChange | None, *, disclosed: bool) -> StateOnChain:
    successor = shown = None
    if change is not None and change.body is not None:
        successor = told_successor(change)
        if disclosed and change.salt is not None:
            shown = Disclosed(json_object(change.body, "a stored change of state", change=change.id), change.salt)
    return StateOnChain(
        to=stored_state(event.state).code,
        reason_code=event.reason,
        digest="sha-256:" + event.digest.hex(),
        account=event.account,
        block=event.block,
        time=moment(event.time),
        tx=hex0x(event.tx),
        successor=successor,
        change=shown,
    )
