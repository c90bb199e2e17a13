"""The states of a record, as they stand on chain."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from chain_service.core.encoding.display import hex0x, moment
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.state_tags import state_tag
from chain_service.core.records.states import ChangeRequest, State, parse_change_record
from chain_service.errors import Corrupt, MalformedRecord
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


@dataclass(frozen=True)
class StateCourse:
    """How an anchored record came to its newest state: what the index has read, and what is on its way."""

    events: tuple[StatusEvent, ...]
    asked_for: tuple[StoredStatusChange, ...]
    """Our changes in order of acceptance, refused ones too."""

    @property
    def waiting(self) -> StoredStatusChange | None:
        """The newest change that is accepted and not final."""
        return next((change for change in reversed(self.asked_for) if change.waiting), None)

    @property
    def on_chain(self) -> State:
        """The state on chain."""
        return stored_state(self.events[-1].state) if self.events else State.IN_FORCE

    @property
    def newest(self) -> State:
        """The state on its way, else that on chain."""
        return self.on_chain if self.waiting is None else stored_state(self.waiting.to_state)

    @property
    def newest_change(self) -> StoredStatusChange | None:
        """Our change to the newest state; None where it is of another instance, or there was none."""
        if self.waiting is not None or not self.events:
            return self.waiting
        return next((change for change in self.asked_for if change.digest == self.events[-1].digest), None)

    @property
    def newest_reason(self) -> int | None:
        """The number of the reason on chain for the newest state; None where it never changed or is on its way."""
        return self.events[-1].reason if self.waiting is None and self.events else None

    @property
    def settled(self) -> tuple[StoredStatusChange, ...]:
        """Our changes that were made, or given up for others: all but a last one that was refused."""
        refused_last = bool(self.asked_for) and self.asked_for[-1].refused is not None
        return self.asked_for[:-1] if refused_last else self.asked_for

    @property
    def changes(self) -> int:
        """How many changes there were until now, whoever asked for them and whatever came of it; it only grows."""
        return len({event.digest for event in self.events} | {change.digest for change in self.asked_for})

    @property
    def tag(self) -> str:
        """The newest state as `ifState` takes it."""
        return state_tag(self.newest.code, self.changes)


def course_of(connection: Connection, record: StoredRecord) -> StateCourse:
    """The course of an anchored record's states. Raises `Corrupt`."""
    generation, index, _ = log_position(record)
    log = log_id(OrgCode(record.org), generation)
    events = chain_index.status_history(connection, log, index)
    return StateCourse(tuple(events), tuple(statuses.of_record(connection, record.id)))


def told_request(change: StoredStatusChange) -> ChangeRequest | None:
    """What was asked for; None where that was erased or altered."""
    try:
        return parse_change_record(json_object(change.body or b"", "a stored change of state")).request
    except (Corrupt, MalformedRecord):
        return None


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
