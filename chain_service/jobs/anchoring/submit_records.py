"""Accepting records: checked, salted and durable before anything is acknowledged."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import date
from functools import cache
from typing import TypeVar

from sqlalchemy import Connection

from chain_service.core.chainproof.storage_layout import PermitEntry
from chain_service.core.encoding.answers import answer, left_out
from chain_service.core.encoding.canonical import read_json
from chain_service.core.encoding.comparison import folded
from chain_service.core.encoding.refusals import Refusals
from chain_service.core.encoding.visible_text import add_hidden, require_visible
from chain_service.core.records.hashing import Salt, body_digest
from chain_service.core.records.record import MAX_TEXT_BYTES, Record, parse_record
from chain_service.core.records.statements import STATEMENTS
from chain_service.core.registries.permits import permitted_on
from chain_service.errors import ChainServiceError, Conflict, Forbidden, MalformedRecord
from chain_service.jobs.asker import Acting, Operator
from chain_service.jobs.context import App
from chain_service.jobs.registries.organisations import permit_entries
from chain_service.jobs.repeats import Once, begin, keep, seen_again
from chain_service.store import batches, records
from chain_service.store import types as certificate_types
from chain_service.store.records import KnownSubmission, NewRecord
from chain_service.store.registries import organisations

Result = TypeVar("Result")


@answer
class AcceptedRecord:
    """One record that is durable now."""

    _: KW_ONLY
    line: int | None = left_out()
    "Its line, where several were sent."
    id: str
    state: str
    created: bool
    "False where the same content was accepted before; `id` is then the first one's."


@answer
class AcceptedRecords:
    """The records that are durable now."""

    records: tuple[AcceptedRecord, ...]


def submit(
    app: App, asker: Acting, lines: Iterable[tuple[int, bytes]], once: Once | None = None
) -> list[AcceptedRecord]:
    """All records are durable and will be anchored, or none is.

    `lines` are (line number, JSON text). Errors name `line`: `MalformedRecord` (code `duplicate_identifier` for two
    lines with one identity, `hidden_character`, `type_is_certificate`), `Forbidden` (`wrong_organisation`,
    `organisation_not_registered`, `issuer_not_permitted`), `Conflict` (`identifier_taken`); `errors` of the first
    one are all that is wrong, up to 100. Submitting the same content again is safe.
    """
    asker.need("anchor")
    prepared = _checked(app, asker, lines)
    return seen_again(lambda: _store(app, asker.acting_for, prepared, once))


def submit_statement(app: App, org: str, text: bytes, beside: Callable[[Connection, AcceptedRecord], Result]) -> Result:
    """The statement, which this program made itself, is a record of the organisation; raises as `submit`.

    `beside` writes in the same transaction what belongs to it, and answers for it.
    """
    prepared = _checked(app, Operator(org), [(1, text)], statements=True)
    with app.database.transaction() as connection:
        (accepted,) = _insert(connection, org, prepared)
        return beside(connection, accepted)


def check(app: App, asker: Acting, lines: Iterable[tuple[int, bytes]]) -> int:
    """How many records the lines hold, each of which `submit` would read; raises what `submit` would for the others."""
    return len(_checked(app, asker, lines))


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A line's record as it would be stored: ten thousand of them take a quarter of the parsed objects' memory."""

    line: int
    row: NewRecord


def _checked(
    app: App, asker: Acting, lines: Iterable[tuple[int, bytes]], *, statements: bool = False
) -> list[_Prepared]:
    """The records of the lines, all of them good; raises the first refusal, which tells the others."""
    with Refusals() as refusals:
        prepared = _prepare(app, asker, lines, refusals)
        if prepared or not refusals.found:
            _check_permits(app, asker.acting_for, prepared, refusals)
            if not statements:
                _refuse_statements(prepared, refusals)
    return prepared


def _prepare(app: App, asker: Acting, lines: Iterable[tuple[int, bytes]], refusals: Refusals) -> list[_Prepared]:
    prepared: list[_Prepared] = []
    first_line: dict[str, int] = {}
    for line, text in lines:
        if refusals.full:
            break
        try:
            record = _read(asker, text)
        except ChainServiceError as error:
            refusals.add(error, line=line)
            continue
        first = first_line.setdefault(record.identity, line)
        if first != line:
            refusals.add(
                MalformedRecord(
                    f"lines {first} and {line} have the same identifier; send each record once",
                    code="duplicate_identifier",
                    zh=f"第 {first} 行与第 {line} 行的标识相同，每条记录只提交一次",
                    line=line,
                    first=first,
                )
            )
            continue
        prepared.append(_Prepared(line, _row(app, asker, record)))
    if not prepared and not refusals.found:
        raise MalformedRecord("the body contains no record", field="")
    return prepared


def _read(asker: Acting, text: bytes) -> Record:
    """The line's record; raises the first refusal, which tells the others."""
    with Refusals() as refusals:
        try:
            record = parse_record(text)
        except MalformedRecord as error:
            refusals.add(error)
            add_hidden(_value(text), refusals)
            refusals.raise_first()
        refusals.read(asker.need_org, record.org)
        refusals.read(require_visible, record.body)
    return record


def _value(text: bytes) -> object:
    """What the text writes; nothing where it is no JSON, which has been said already."""
    try:
        return read_json(text, limit=MAX_TEXT_BYTES)
    except MalformedRecord:
        return None


def _check_permits(app: App, org: str, prepared: Sequence[_Prepared], refusals: Refusals) -> None:
    """Every certificate's issuer was permitted its type on the issued date, as far as the index knows."""
    certificates = [(submitted.line, submitted.row) for submitted in prepared if submitted.row.kind == "certificate"]
    with app.database.reading() as connection:
        standing = organisations.find(connection, org)
        if standing is not None and batches.stopped(connection, org, standing.generation) is not None:
            raise Conflict(
                "the organisation's log is stopped: the chain holds a log head that this instance did not make; tell "
                "the operator, who runs `audit`, and the registrar, who can open a new generation",
                code="log_stopped",
                org=org,
            )
        if standing is None:
            raise Forbidden(
                f"{org} is not registered on the chain that this service has read; ask the registrar",
                code="organisation_not_registered",
                org=org,
            )
        types = {row.type_code for _, row in certificates}
        permits: dict[str, list[PermitEntry]] = {code: permit_entries(connection, org, code) for code in types}
        documents = {
            submitted.row.type_code: submitted.line
            for submitted in reversed(prepared)
            if submitted.row.kind == "document"
        }
        taken = certificate_types.known(connection, {code_of(type_code) for type_code in documents})
    for type_code, line in documents.items():
        if code_of(type_code) in taken:
            refusals.add(
                MalformedRecord(
                    f"{type_code} is the code of a certificate type; a document needs a type code of its own",
                    code="type_is_certificate",
                    field="documentTypeCode",
                    line=line,
                )
            )
    permitted = cache(lambda type_code, issued: permitted_on(permits[type_code], date.fromisoformat(issued)))
    for line, row in certificates:
        if row.issued is not None and not permitted(row.type_code, row.issued):
            refusals.add(
                Forbidden(
                    f"{org} had no permit for type {row.type_code} on {row.issued}; ask the registrar",
                    code="issuer_not_permitted",
                    line=line,
                    type=row.type_code,
                    issued=row.issued,
                )
            )


def _refuse_statements(prepared: Sequence[_Prepared], refusals: Refusals) -> None:
    """No document has a type code that is kept for what this program states itself."""
    for submitted in prepared:
        if submitted.row.kind == "document" and code_of(submitted.row.type_code) in STATEMENTS:
            refusals.add(
                MalformedRecord(
                    f"{submitted.row.type_code} is kept for statements of this program",
                    code="type_reserved",
                    field="documentTypeCode",
                    line=submitted.line,
                )
            )


def code_of(text: str) -> str:
    """The certificate type code that this one could be taken for: width, case and blanks tell no two apart."""
    return folded(text).upper()


def new_id(at: float) -> str:
    """A UUID version 7 (RFC 9562 §5.7) of this moment (unix seconds) with 74 random bits: nobody guesses it, and ids
    made together lie together in an index.
    """
    value = int(at * 1000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(3 << 62) | 2 << 62
    return str(uuid.UUID(int=value))


def _row(app: App, asker: Acting, record: Record) -> NewRecord:
    salt, now = Salt(secrets.token_bytes(32)), app.clock()
    return NewRecord(
        id=new_id(now),
        org=record.org,
        kind=record.kind,
        type_code=record.type_code,
        identity=record.identity,
        number=record.number,
        body=record.canonical,
        salt=salt,
        body_digest=body_digest(record, salt),
        issued=record.issued.isoformat() if record.issued else None,
        replaces=record.replaces,
        key_id=asker.key_id,
        created_at=now,
        files=tuple(
            (algorithm, bytes.fromhex(value)) for file in record.files for algorithm, value in file["digests"].items()
        ),
    )


def _store(app: App, org: str, prepared: Sequence[_Prepared], once: Once | None = None) -> list[AcceptedRecord]:
    with app.database.transaction() as connection:
        begin(app, connection, once)
        return keep(app, connection, once, _insert(connection, org, prepared))


def _insert(connection: Connection, org: str, prepared: Sequence[_Prepared]) -> list[AcceptedRecord]:
    with Refusals() as refusals:
        known = records.existing(connection, org, [line.row.identity for line in prepared])
        answers: list[AcceptedRecord] = []
        new: list[NewRecord] = []
        for line in prepared:
            before = known.get(line.row.identity)
            if before is None:
                new.append(line.row)
                answers.append(AcceptedRecord(line=line.line, id=line.row.id, state="pending", created=True))
            else:
                answers.append(refusals.read(_again, line, before))
        refusals.raise_first()
        records.insert_many(connection, new)
    return answers


def _again(one: _Prepared, before: KnownSubmission) -> AcceptedRecord:
    if before.body != one.row.body:
        raise Conflict(
            "this identifier is taken by a record with other content; a changed certificate needs a new version and "
            "identifier",
            code="identifier_taken",
            line=one.line,
            id=before.id,
        )
    return AcceptedRecord(line=one.line, id=before.id, state=before.state, created=False)
