"""Finding the record that a question is about, and all that is remembered of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from sqlalchemy import Connection

from chain_service.core.receipts.receipt import Receipt
from chain_service.core.records.disclosure import Disclosure
from chain_service.core.records.hashing import Entry, log_id, parse_log_id, record_entry
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.states import State
from chain_service.core.verdicts.inputs import (
    AcceptedChange,
    Asked,
    Candidate,
    Claim,
    Content,
    Failure,
    Memory,
    PastChange,
    Presented,
)
from chain_service.errors import Corrupt, NotFound, Unavailable
from chain_service.jobs.asker import Asker
from chain_service.jobs.integrity import log_position, require_intact, stored_state, told_successor
from chain_service.jobs.proofs.inclusion import inclusion
from chain_service.jobs.verifying.candidates import CandidateRecords, Keyed, named_by, newest, waiting_for
from chain_service.jobs.verifying.candidates import recalled as recalled_of
from chain_service.jobs.verifying.request import (
    MAX_IDENTIFIER,
    ParsedRequest,
    VerificationRequest,
    read_question,
)
from chain_service.jobs.verifying.successors import Viewer, named_successor
from chain_service.store import batches, chain_index, records, statuses, tiles
from chain_service.store.database import DriverError
from chain_service.store.records import StoredRecord

log = structlog.get_logger("verify")


@dataclass(frozen=True)
class OtherMatches:
    """The records that the question would lead to just as well."""

    found: tuple[tuple[Candidate, bytes | None], ...] = ()
    """Each with the stored evidence of its anchoring block."""
    crowded: bool = False
    counted: bool = False
    undecided: bool = False
    """As in JudgeInput."""


@dataclass(frozen=True)
class Lookup:
    """Everything that judging needs apart from the chain's newest state."""

    subject: str
    presented: Presented
    claim: Claim | None = None
    receipt: Receipt | None = None
    memory: Memory | None = None
    recalled: Content | None = None
    evidence: bytes | None = None
    beside: OtherMatches = OtherMatches()
    display: Mapping[str, Any] = field(default_factory=dict)


def look_up(
    connection: Connection,
    question: VerificationRequest,
    asker: Asker,
    before_attaching: Mapping[str, str] | None = None,
    *,
    keyed: Keyed,
) -> Lookup:
    """What is presented, and what is remembered of the record it leads to, as far as the asker may see it.

    Stored rows may have been altered into anything: where they cannot be used the lookup says so. Raises
    `MalformedRecord` for a malformed digest, `Unavailable`, and what the database itself raises.
    """
    read = replace(read_question(question), before_attaching=before_attaching or {})
    try:
        return _look_up(connection, question, read, Viewer(asker, read.disclosure), keyed)
    except (Unavailable, DriverError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever an altered row leads to, it is no answer and ends no others
        log.error("the stored record is damaged", error=type(error).__name__)
        return damaged(Lookup(_subject(question, read), _presented(question, read)))


def damaged(lookup: Lookup) -> Lookup:
    """The same question with nothing remembered, as what is stored cannot be used."""
    failure = lookup.presented.failure
    if failure is None or failure.code != "unreadable":
        failure = Failure("record_mismatch", "record", "its stored data are damaged")
    return Lookup(lookup.subject, replace(lookup.presented, failure=failure))


def _presented(question: VerificationRequest, read: ParsedRequest) -> Presented:
    return Presented(
        disclosure=read.disclosure,
        asked=Asked(question.identifier, question.number, question.holder_name),
        files=read.files,
        before_attaching=read.before_attaching,
        whole_files=question.file is not None,
        failure=read.failure,
    )


def _look_up(
    connection: Connection, question: VerificationRequest, read: ParsedRequest, viewer: Viewer, keyed: Keyed
) -> Lookup:  # fmt: skip
    subject, presented = _subject(question, read), _presented(question, read)
    named, undecided = named_by(connection, question, read, viewer.asker, keyed), False
    if read.disclosure is not None or read.place is not None:
        record = _led(connection, read)
    else:
        record, undecided = named.meant()
        if record is None and not undecided:
            record = waiting_for(connection, question, read, viewer.asker)
    candidates = tuple(_candidate(connection, record_beside, named, viewer) for record_beside in named.besides(record))
    beside = OtherMatches(candidates, named.crowded, named.counted)
    claim, failure = read.claim or _claim_of_place(connection, read.receipt), read.failure
    if record is None:
        memory = _memory_of_place(connection, claim, viewer)
        beside = replace(beside, undecided=undecided)
        return Lookup(subject, presented, claim=claim, receipt=read.receipt, memory=memory, beside=beside)
    require_intact(record)
    recalled = recalled_of(record)
    if claim is None and record.state == "anchored":
        claim, failure = _stored_claim(connection, record, failure)
    if recalled is None and record.erased_at is None and failure is None and read.disclosure is None:
        failure = Failure("record_mismatch", "disclosure", "the stored record is no longer a valid record")
    if failure is not presented.failure:
        presented = replace(presented, failure=failure)
    return Lookup(
        subject,
        presented,
        claim=claim,
        receipt=read.receipt,
        memory=_memory(connection, record, viewer),
        recalled=recalled,
        evidence=batches.get(connection, record.batch_id).evidence if record.batch_id else None,
        beside=beside,
        display=_display(recalled, question, viewer.asker) if viewer.asker.may_look_up(record.type_code) else {},
    )


def _subject(question: VerificationRequest, read: ParsedRequest) -> str:
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


def _led(connection: Connection, read: ParsedRequest) -> StoredRecord | None:
    """The record that a disclosure or a receipt says it is: by content, by place, by identity."""
    content = read.disclosure
    if content is not None:
        records_led_to = records.by_body_digest(connection, content.body_digest)
        if records_led_to is not None:
            return records_led_to
    if read.place is not None:
        org, generation = parse_log_id(read.place[0])
        return records.by_place(connection, org, generation, read.place[1])
    if content is not None:
        records_led_to = _erased(connection, content)
        if records_led_to is None and isinstance(content, Disclosure):
            record = content.record
            records_led_to = newest(
                [r for r in records.by_identity(connection, record.identity) if r.org == record.org]
            )
        return records_led_to
    return None


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


def _stored_claim(
    connection: Connection, record: StoredRecord, failure: Failure | None
) -> tuple[Claim | None, Failure | None]:
    generation, _, _ = log_position(record)
    try:
        entry, proof = inclusion(connection, [record])[0]
    except Corrupt as error:
        return None, failure or Failure("record_mismatch", "proof", error.message)
    return Claim(log_id(OrgCode(record.org), generation), Entry(entry), proof, presented=False), failure


def _candidate(
    connection: Connection, record: StoredRecord, named: CandidateRecords, viewer: Viewer
) -> tuple[Candidate, bytes | None]:
    """What is remembered of a record besides the one meant; no claim where that cannot be used."""
    claim, memory, evidence = None, Memory(record.id, record.state), None
    try:
        require_intact(record)
        claim, _ = _stored_claim(connection, record, None)
        memory = _memory(connection, record, viewer)
        evidence = batches.get(connection, record.batch_id).evidence if record.batch_id else None
    except (Corrupt, NotFound) as error:
        log.error("the stored data of another record are damaged", error=type(error).__name__)
        claim = None
    exact = record.id not in named.inexact
    return Candidate(record.org, record.kind, claim, memory, recalled_of(record), exact), evidence


def _claim_of_place(connection: Connection, receipt: Receipt | None) -> Claim | None:
    """What a receipt without disclosure claims, if the log that it speaks of is stored here."""
    if receipt is None:
        return None
    org, generation = parse_log_id(receipt.log)
    entry = tiles.entry(connection, org, generation, receipt.proof.index)
    return None if entry is None else Claim(receipt.log, Entry(entry), receipt.proof, presented=True)


def _memory(connection: Connection, record: StoredRecord, viewer: Viewer) -> Memory:
    history: tuple[PastChange, ...] = ()
    if record.state == "anchored" and record.generation is not None and record.leaf_index is not None:
        is_told = viewer.may_see(record.org, record.body_digest)
        history = _changes(connection, log_id(OrgCode(record.org), record.generation), record.leaf_index, told=is_told)
    waiting = statuses.waiting(connection, record.id)
    replacing = records.replacing(connection, record.id)
    newer = [other for other in replacing if other.state == "anchored" and other.erased_at is None]
    unconfirmed = newer and not (history and history[-1].state is State.SUPERSEDED)
    return Memory(
        record_id=record.id,
        state=record.state,
        erased=record.erased_at is not None,
        anchored_at=record.final_time,
        history=history,
        accepted=AcceptedChange(stored_state(waiting.to_state), int(waiting.created_at)) if waiting else None,
        replaced_by=newer[-1].id if unconfirmed else None,
        replaces=record.replaces if record.erased_at is not None else None,
    )


def _memory_of_place(connection: Connection, claim: Claim | None, viewer: Viewer) -> Memory | None:
    """What the index tells of a place in a log whose record is not stored here."""
    head = chain_index.head_of_size(connection, claim.log, claim.proof.size) if claim is not None else None
    if claim is None or head is None:
        return None
    is_told = viewer.may_see(parse_log_id(claim.log)[0], None)
    changes = _changes(connection, claim.log, claim.proof.index, told=is_told)
    return Memory(record_id=None, state="anchored", anchored_at=head.time, history=changes)


def _changes(connection: Connection, log: bytes, index: int, *, told: bool) -> tuple[PastChange, ...]:
    """Every indexed change, with the successor where that is to be told."""
    events = chain_index.status_history(connection, log, index)
    ours = statuses.by_digests(connection, [event.digest for event in events]) if events else {}
    changes = []
    for event in events:
        change = ours.get(event.digest)
        successor = told_successor(change) if change is not None else None
        named = named_successor(connection, successor) if told and successor is not None else None
        changes.append(PastChange(stored_state(event.state), event.reason, event.time, event.block, named))
    return tuple(changes)


def _display(recalled: Content | None, question: VerificationRequest, asker: Asker) -> Mapping[str, Any]:
    """The anchored members, for a counter with the role `verify` that says by identifier and cause what it looks up."""
    if recalled is None or "verify" not in asker.roles:
        return {}
    if question.identifier is None or not question.use_cause:
        return {}
    return {**recalled.open, **recalled.members}
