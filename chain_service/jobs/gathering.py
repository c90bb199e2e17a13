"""Finding the record that a question is about, and all that is remembered of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from sqlalchemy import Connection

from chain_service.core.disclosures import Disclosure
from chain_service.core.entries import Entry, log_id, parse_log_id, record_entry
from chain_service.core.facts import AcceptedChange, Asked, Claim, Content, Failure, Memory, PastChange, Presented
from chain_service.core.identifiers import OrgCode
from chain_service.core.receipts import Receipt
from chain_service.core.statuses import State
from chain_service.errors import BadRequest, Corrupt, Unavailable
from chain_service.jobs.context import Caller
from chain_service.jobs.questions import MAX_IDENTIFIER, Question, Read, read_question
from chain_service.jobs.records import inclusion, stored_disclosure
from chain_service.jobs.stored import need_sound, placed, stored_state, told_successor
from chain_service.store import batches, chain_index, records, statuses, tiles
from chain_service.store.database import DriverError
from chain_service.store.records import StoredRecord
from chain_service.store.rows import json_object

log = structlog.get_logger("verify")


@dataclass(frozen=True)
class Draft:
    """Everything that judging needs apart from the chain's newest state."""

    subject: str
    presented: Presented
    claim: Claim | None = None
    receipt: Receipt | None = None
    memory: Memory | None = None
    recalled: Content | None = None
    evidence: bytes | None = None
    others: tuple[str, ...] = ()
    """Other organisations with a record that the question would lead to just as well."""
    display: Mapping[str, Any] = field(default_factory=dict)


def gather(
    connection: Connection, question: Question, caller: Caller | None, before_attaching: Mapping[str, str] | None = None
) -> Draft:
    """What is presented, and what is remembered of the record it leads to.

    Stored rows may have been altered into anything: where they cannot be used the draft says so. Raises
    `MalformedRecord` for a malformed digest, `Unavailable`, and what the database itself raises.
    """
    read = replace(read_question(question), before_attaching=before_attaching or {})
    try:
        return _gather(connection, question, read, caller)
    except (Unavailable, DriverError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever an altered row leads to, it is no answer and ends no others
        log.error("what is stored of a record is damaged", error=type(error).__name__)
        return damaged(Draft(_subject(question, read), _presented(question, read)))


def damaged(draft: Draft) -> Draft:
    """The same question with nothing remembered, as what is stored cannot be used."""
    failure = draft.presented.failure
    if failure is None or failure.code != "unreadable":
        failure = Failure("record_mismatch", "record", "what is stored of it is damaged")
    return Draft(draft.subject, replace(draft.presented, failure=failure))


def _presented(question: Question, read: Read) -> Presented:
    return Presented(
        disclosure=read.disclosure,
        asked=Asked(question.identifier, question.number, question.holder_name),
        files=read.files,
        before_attaching=read.before_attaching,
        whole_files=question.file is not None,
        failure=read.failure,
    )


def _gather(connection: Connection, question: Question, read: Read, caller: Caller | None) -> Draft:
    subject, presented = _subject(question, read), _presented(question, read)
    record, others = _find(connection, question, read, caller)
    claim, failure = read.claim or _claim_of_place(connection, read.receipt), read.failure
    if record is None:
        memory = _memory_of_place(connection, claim)
        return Draft(subject, presented, claim=claim, receipt=read.receipt, memory=memory)
    need_sound(record)
    recalled = _recall(record)
    if claim is None and record.state == "anchored":
        claim, failure = _stored_claim(connection, record, failure)
    if recalled is None and record.erased_at is None and failure is None and read.disclosure is None:
        failure = Failure("record_mismatch", "disclosure", "the stored record is no longer a valid record")
    if failure is not presented.failure:
        presented = replace(presented, failure=failure)
    return Draft(
        subject,
        presented,
        claim=claim,
        receipt=read.receipt,
        memory=_memory(connection, record),
        recalled=recalled,
        evidence=batches.get(connection, record.batch_id).evidence if record.batch_id else None,
        others=others,
        display=_display(recalled, question, caller),
    )


def _subject(question: Question, read: Read) -> str:
    if question.identifier is not None:
        return question.identifier[:MAX_IDENTIFIER]
    if isinstance(read.disclosure, Disclosure):
        return read.disclosure.record.identifier or read.disclosure.record.number
    if read.files:
        algorithm, value = next(iter(read.files[0].items()))
        return f"{algorithm}:{value}"
    if read.place is not None:
        return f"{read.place[0].hex()}#{read.place[1]}"
    return "-"


Found = tuple[StoredRecord | None, tuple[str, ...]]
"""The record meant, and other organisations that have anchored one that could be meant."""


def _find(connection: Connection, question: Question, read: Read, caller: Caller | None) -> Found:
    """The record meant: by content, by place, by identity, by identifier, by file."""
    content = read.disclosure
    if content is not None:
        found = records.by_body_digest(connection, content.body_digest)
        if found is not None:
            return found, ()
    if read.place is not None:
        org, generation = parse_log_id(read.place[0])
        return records.by_place(connection, org, generation, read.place[1]), ()
    if content is not None:
        found = _erased(connection, content)
        if found is None and isinstance(content, Disclosure):
            record = content.record
            found = _newest([r for r in records.by_identity(connection, record.identity) if r.org == record.org])
        return found, ()
    if question.identifier is not None:
        return _by_identifier(connection, question, caller)
    for digests in (*read.files, read.before_attaching):
        for algorithm, value in digests.items():
            several = _first_organisation(records.by_file_digest(connection, algorithm, bytes.fromhex(value)))
            if several[0] is not None:
                return several
    return None, ()


def _erased(connection: Connection, content: Content) -> StoredRecord | None:
    """The erased record whose entry, which stays, is that of what its holder presents; nothing stored leads to it."""
    by_tile: dict[tuple[int, int], list[int]] = {}
    for generation, index in records.erased_places(connection, content.org):
        by_tile.setdefault((generation, index // tiles.WIDTH), []).append(index)
    for (generation, _), indexes in by_tile.items():
        log = log_id(content.org, generation)
        reader = tiles.TileReader(connection, content.org, generation)
        for index in indexes:
            if reader.entry(index) == record_entry(log, index, content.body_digest):
                return records.by_place(connection, content.org, generation, index)
    return None


def _by_identifier(connection: Connection, question: Question, caller: Caller | None) -> Found:
    """Without the role `verify`, only if number and a holder's name fit: otherwise as if there were none."""
    assert question.identifier is not None
    if len(question.identifier) > MAX_IDENTIFIER or "\0" in question.identifier:
        return None, ()
    found = records.by_identity(connection, question.identifier)
    if caller is None or "verify" not in caller.roles:
        found = [record for record in found if _fits(record, question)]
    return _first_organisation(found)


def _fits(record: StoredRecord, question: Question) -> bool:
    try:
        body = json_object(record.body, "a stored record") if record.body is not None else {}
    except Corrupt:
        return False
    holders = body.get("holders", ())
    if not isinstance(holders, list):
        return False
    names = [holder.get("certificateHolderName") for holder in holders if isinstance(holder, dict)]
    return body.get("certificateNumber") == question.number and question.holder_name in names


def _first_organisation(found: Sequence[StoredRecord]) -> Found:
    """Of several organisations' records the newest of the one that came first, and the other organisations.

    Anyone may anchor a document that names another's file, or under another's identifier: a certificate, which needs a
    permit, goes before a document, and an anchored record before one that waits; then the earlier one decides, so that
    nobody's later record hides what the issuer says of its own.
    """
    standing = [record for record in found if record.state != "failed"]
    if not standing:
        return None, ()
    first = min(standing, key=lambda r: (r.kind != "certificate", r.state != "anchored", r.final_time or 0, r.seq))
    others = sorted({record.org for record in standing} - {first.org})
    return _newest([r for r in standing if r.org == first.org and r.kind == first.kind]), tuple(others)


def _newest(found: Sequence[StoredRecord]) -> StoredRecord | None:
    """The newest anchored one, else the newest one that did not fail."""
    for wanted in ("anchored", "batched", "pending"):
        for record in found:
            if record.state == wanted:
                return record
    return None


def _recall(record: StoredRecord) -> Content | None:
    if record.body is None or record.salt is None:
        return None
    try:
        return stored_disclosure(record.body, record.salt)
    except BadRequest:
        return None


def _stored_claim(
    connection: Connection, record: StoredRecord, failure: Failure | None
) -> tuple[Claim | None, Failure | None]:
    generation, _, _ = placed(record)
    try:
        entry, proof = inclusion(connection, [record])[0]
    except Corrupt as error:
        return None, failure or Failure("record_mismatch", "proof", error.message)
    return Claim(log_id(OrgCode(record.org), generation), Entry(entry), proof, presented=False), failure


def _claim_of_place(connection: Connection, receipt: Receipt | None) -> Claim | None:
    """What a receipt without disclosure claims, if the log that it speaks of is stored here."""
    if receipt is None:
        return None
    org, generation = parse_log_id(receipt.log)
    entry = tiles.entry(connection, org, generation, receipt.proof.index)
    return None if entry is None else Claim(receipt.log, Entry(entry), receipt.proof, presented=True)


def _memory(connection: Connection, record: StoredRecord) -> Memory:
    history: tuple[PastChange, ...] = ()
    if record.state == "anchored" and record.generation is not None and record.leaf_index is not None:
        history = _changes(connection, log_id(OrgCode(record.org), record.generation), record.leaf_index)
    waiting = statuses.waiting(connection, record.id)
    newer = [other for other in records.replacing(connection, record.id) if other.state == "anchored"]
    unconfirmed = newer and not (history and history[-1].state is State.SUPERSEDED)
    return Memory(
        record_id=record.id,
        state=record.state,
        erased=record.erased_at is not None,
        anchored_at=record.final_time,
        history=history,
        accepted=AcceptedChange(stored_state(waiting.to_state), int(waiting.created_at)) if waiting else None,
        replaced_by=newer[-1].id if unconfirmed else None,
    )


def _memory_of_place(connection: Connection, claim: Claim | None) -> Memory | None:
    """What the index tells of a place in a log whose record is not stored here."""
    head = chain_index.head_of_size(connection, claim.log, claim.proof.size) if claim is not None else None
    if claim is None or head is None:
        return None
    changes = _changes(connection, claim.log, claim.proof.index)
    return Memory(record_id=None, state="anchored", anchored_at=head.time, history=changes)


def _changes(connection: Connection, log: bytes, index: int) -> tuple[PastChange, ...]:
    events = chain_index.status_history(connection, log, index)
    ours = statuses.by_digests(connection, [event.digest for event in events]) if events else {}
    found = []
    for event in events:
        change = ours.get(event.digest)
        successor = told_successor(change) if change is not None else None
        found.append(PastChange(stored_state(event.state), event.reason, event.time, event.block, successor))
    return tuple(found)


def _display(recalled: Content | None, question: Question, caller: Caller | None) -> Mapping[str, Any]:
    """The anchored members, for a counter with the role `verify` that says by identifier and cause what it looks up."""
    if recalled is None or caller is None or "verify" not in caller.roles:
        return {}
    if question.identifier is None or not question.use_cause:
        return {}
    return {**recalled.open, **recalled.members}
