"""Re-proving the change records behind a log's changes of state: each gives the digest that its event carries."""

from __future__ import annotations

from sqlalchemy import Connection

from chain_service.core.encoding.display import moment
from chain_service.core.records.hashing import Salt, change_digest
from chain_service.core.records.states import State, parse_change_record
from chain_service.errors import BadRequest, Corrupt
from chain_service.jobs.auditing.findings import AuditFinding, finding
from chain_service.store import chain_index, records, statuses
from chain_service.store.chain_index import StatusEvent
from chain_service.store.rows import json_object
from chain_service.store.statuses import StoredStatusChange


def check_changes(
    connection: Connection, log: bytes, org: str, generation: int, account: str | None
) -> tuple[AuditFinding, ...]:
    """Changes of `account` (the organisation's own here) without their record, and records that say something else."""
    events = chain_index.status_events_of(connection, log)
    ours = statuses.by_digests(connection, [event.digest for event in events])
    findings = []
    for event in events:
        change = ours.get(event.digest)
        record = records.by_place(connection, org, generation, event.leaf_index)
        subject = record.id if record is not None else f"{log.hex()}#{event.leaf_index}"
        if change is None:
            if event.account == account:
                findings.append(finding("change_missing", subject, to=_state(event.state), block=event.block))
            continue
        erased = record is not None and record.erased_at is not None
        if not (erased and change.body is None) and not _says(change, event, subject):
            findings.append(finding("change_altered", subject, to=_state(event.state), block=event.block))
    return tuple(findings)


def _state(number: int) -> str:
    """The state's name; its number where an altered index names none."""
    try:
        return State(number).code
    except ValueError:
        return str(number)


def _says(change: StoredStatusChange, event: StatusEvent, record_id: str) -> bool:
    """The stored record is what was hashed, and tells of this change to this record."""
    try:
        body = json_object(change.body, "a stored change of state")
        told = parse_change_record(body)
    except (BadRequest, Corrupt):
        return False
    if change.salt is None or change_digest(body, Salt(change.salt)) != event.digest:
        return False
    request = told.request
    if (told.record_id, int(request.to), request.reason.number) != (record_id, event.state, event.reason):
        return False
    stored = (change.record_id, change.to_state, change.reason_code, moment(change.created_at))
    return stored == (record_id, event.state, event.reason, told.at)
