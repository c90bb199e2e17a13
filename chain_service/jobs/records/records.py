"""Reading records: where one stands, its proof, its disclosure; and its erasure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast, get_args

from sqlalchemy import Connection

from chain_service.core.encoding.decoding import read_day
from chain_service.core.encoding.display import hex0x, moment
from chain_service.core.records.disclosure import Disclosure, PartialDisclosure, reveal
from chain_service.core.records.hashing import log_id, parse_log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.statements import STATEMENTS
from chain_service.core.records.states import State
from chain_service.core.verdicts.judge import listed_files
from chain_service.errors import (
    BadRequest,
    Conflict,
    Corrupt,
    Gone,
)
from chain_service.jobs.asker import LISTERS, PUBLIC, READERS, Acting, Asker, Public
from chain_service.jobs.context import App
from chain_service.jobs.integrity import disclosure_of, log_position, stored_disclosure
from chain_service.jobs.pages import page_size, parse_cursor, write_cursor
from chain_service.jobs.proofs.inclusion import inclusion
from chain_service.jobs.records.answers import (
    AnchoredHead,
    Disclosed,
    Erasure,
    ListedRecord,
    RecordPage,
    RecordProof,
    RecordStanding,
)
from chain_service.jobs.records.erasure_list import note_erasure
from chain_service.jobs.records.state_history import course_of, status_history
from chain_service.store import batches, records, submissions
from chain_service.store.readings import Action, NewReading
from chain_service.store.records import RecordFilters, RecordState, StoredRecord


def read(app: App, record_id: str, asker: Asker = PUBLIC) -> RecordStanding:
    """Where the record stands; its own organisation's readers get the disclosure too, and that is logged.

    Raises `NotFound` (`record_unknown`), `Gone` (`erased`).
    """
    with app.database.reading() as connection:
        record = records.get(connection, record_id)
        _refuse_erased(record)
    standing = _standing(app, record)
    if isinstance(asker, Public) or asker.org != record.org or asker.roles.isdisjoint(READERS):
        return standing
    disclosed = replace(standing, disclosure=Disclosed.whole(disclosure_of(record)))
    _log(app, asker, record, "disclosure", "read by its organisation")
    return disclosed


def page(
    app: App,
    asker: Acting,
    *,
    state: str | None = None,
    type: str | None = None,
    from_: str | None = None,
    to: str | None = None,
    q: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> RecordPage:
    """The organisation's own records, newest first, without their contents; `next` is the cursor of the next page.

    `from_` and `to` are days of issue. A search (`q`) is logged, without what was searched for.
    """
    asker.need(*LISTERS)
    if state is not None and state not in get_args(RecordState):
        raise BadRequest(f"state must be one of {', '.join(get_args(RecordState))}", field="state")
    filters = RecordFilters(cast(RecordState | None, state), type, _parse_day(from_, "from"), _parse_day(to, "to"), q)
    before = parse_cursor(cursor)
    if q:
        cause = "searched by its organisation"
        app.readings.write([NewReading(app.clock(), asker.key_id, asker.org, None, action="search", cause=cause)])
    with app.database.reading() as connection:
        rows, following = records.page(connection, asker.acting_for, filters, page_size(limit), before)
    return RecordPage(tuple(_listed(row) for row in rows), write_cursor(following))


def _listed(row: StoredRecord) -> ListedRecord:
    return ListedRecord(
        id=row.id,
        kind=row.kind,
        org=row.org,
        type=row.type_code,
        number=row.number,
        issued=row.issued,
        state=row.state,
        index=row.leaf_index,
        created_at=moment(row.created_at),
        erased=row.erased_at is not None,
    )


def proof(app: App, record_id: str) -> RecordProof:
    """The record's place in the anchored log, provable by anyone; it outlives erasure.

    Raises `NotFound`, `Conflict` (`not_anchored`).
    """
    with app.database.reading() as connection:
        record = records.get(connection, record_id)
        if record.state != "anchored":
            raise Conflict("the record is not anchored yet; try again in a few seconds", code="not_anchored")
        _, index, size = log_position(record)
        entry, path = inclusion(connection, [record])[0]
    return RecordProof(entry, index, size, path.path, anchor_of(app, record))


def anchor_of(app: App, record: StoredRecord) -> AnchoredHead | None:
    """Where the chain holds the record's head; None before it is final."""
    if record.final_block is None or app.chain is None:
        return None
    generation, _, size = log_position(record)
    if record.root is None or record.final_hash is None or record.final_time is None or record.final_tx is None:
        raise Corrupt("the stored record lacks its log head or the block where that is final", record=record.id)
    return AnchoredHead(
        chain_id=app.chain.deployment.chain_id,
        contract=app.chain.deployment.address("RecordLog"),
        log=log_id(OrgCode(record.org), generation),
        size=size,
        root=record.root,
        block=record.final_block,
        block_hash=hex0x(record.final_hash),
        time=moment(record.final_time),
        tx=hex0x(record.final_tx),
    )


def present(app: App, record_id: str, names: Sequence[str], asker: Acting) -> PartialDisclosure:
    """A partial disclosure that shows these members and proves that the others are there."""
    record = _own(app, record_id, asker)
    whole = disclosure_of(record)
    _log(app, asker, record, "present", "partial disclosure made")
    return reveal(whole.record, whole.salt, names)


def erase(app: App, record_id: str, reason: str, asker: Acting, *, listed: bool = False) -> Erasure:
    """Record, salt and every look-up value made from them are destroyed; entry and position stay.

    So do keyed digests of the files that an anchored record names: if it was withdrawn, or is later, no other record
    brings these files back. The digests' key is the keystore's, so that whoever has the database cannot guess a file.

    The list beside the database names it first, unless it is `listed`: restoring an older database erases it again.
    Raises `NotFound`, `Forbidden`, `Conflict` (`not_anchored` while its batch is under way; `statement_stays`).
    Repeating it is safe.
    """
    if not reason.strip():
        raise BadRequest("an erasure needs a reason", field="reason")
    app.keystore.unlock()  # takes its time, and nobody has to wait for it
    with app.database.transaction() as connection:
        record = records.get(connection, record_id)
        asker.need_org(record.org)
        if record.type_code in STATEMENTS:
            raise Conflict("a statement of the service itself is not erased", code="statement_stays", id=record_id)
        if record.state == "batched":
            raise Conflict("the record is being anchored; erase it when that is done", code="not_anchored")
        if record.state == "anchored" and record.erased_at is None:
            records.keep_files(connection, record_id, _kept_files(app, connection, record))
        if record.erased_at is None and not listed:
            note_erasure(app, record_id, record.org, reason.strip())
        done = records.erase(connection, record_id, reason.strip(), app.clock())
    app.database.scrub()
    return Erasure(record_id, erased=True, changed=done)


def _kept_files(app: App, connection: Connection, record: StoredRecord) -> list[tuple[int, str, bytes]]:
    """Number of the file, algorithm and keyed digest for all digests that the record states."""
    try:
        stated = [list(digests.items()) for digests in listed_files(disclosure_of(record))]
    except Corrupt:
        stated = [[(algorithm, digest.hex())] for algorithm, digest in records.files_of(connection, record.id)]
    return [
        (n, algorithm, app.keystore.kept_digest(f"{algorithm}:{value}"))
        for n, digests in enumerate(stated)
        for algorithm, value in digests
    ]


def _own(app: App, record_id: str, asker: Acting) -> StoredRecord:
    with app.database.reading() as connection:
        record = records.get(connection, record_id)
    asker.need_org(record.org)
    asker.need(*READERS)
    _refuse_erased(record)
    return record


def _refuse_erased(record: StoredRecord) -> None:
    if record.erased_at is not None:
        raise Gone("the record was erased; its proof of existence stays", id=record.id, at=moment(record.erased_at))


def content_at(app: App, place: tuple[str, int]) -> Disclosure | None:
    """The stored content of the record at this place (log in hex, index); None where it is not available."""
    org, generation = parse_log_id(bytes.fromhex(place[0]))
    with app.database.reading() as connection:
        record = records.by_place(connection, org, generation, place[1])
    if record is None or record.body is None or record.salt is None:
        return None
    try:
        return stored_disclosure(record.body, record.salt)
    except BadRequest:
        return None


def _standing(app: App, record: StoredRecord) -> RecordStanding:
    history = status_history(app, record.id)
    return RecordStanding(
        id=record.id,
        kind=record.kind,
        org=record.org,
        type=record.type_code,
        state=record.state,
        index=record.leaf_index,
        anchor=anchor_of(app, record),
        status=history[-1].to if history else State.IN_FORCE.code,
        state_tag=_tag(app, record),
        history=history,
        created_at=moment(record.created_at),
        replaces=record.replaces,
        failure=record.failure,
        waiting_for=_obstacle(app, record),
        disclosure=None,
    )


def _tag(app: App, record: StoredRecord) -> str | None:
    if record.state != "anchored":
        return None
    with app.database.reading() as connection:
        return course_of(connection, record).tag


def _obstacle(app: App, record: StoredRecord) -> str | None:
    """Why the record's batch was refused last, by the contract error's name; None while it is on its way."""
    if record.state != "batched" or record.batch_id is None:
        return None
    with app.database.reading() as connection:
        batch = batches.find(connection, record.batch_id)
        return submissions.get(connection, batch.submission_id).last_error if batch is not None else None


def _log(app: App, asker: Acting, record: StoredRecord, action: Action, cause: str) -> None:
    app.readings.write([NewReading(app.clock(), asker.key_id, asker.org, record.id, action=action, cause=cause)])


def _parse_day(text: str | None, field: str) -> str | None:
    """The day as it is stored, YYYY-MM-DD. Raises `BadRequest`."""
    if text is None:
        return None
    why = f"{field} must be a calendar date YYYY-MM-DD"
    return read_day(text, refuse=lambda _: BadRequest(why, field=field)).isoformat()
