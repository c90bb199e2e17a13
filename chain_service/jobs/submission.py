"""Accepting records: checked, salted and durable before anything is acknowledged."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from chain_service.core.entries import Salt, body_digest
from chain_service.core.layout import PermitEntry
from chain_service.core.permits import permitted_on
from chain_service.core.records import Record, Remark, parse_record
from chain_service.errors import ChainServiceError, Conflict, Forbidden, MalformedRecord
from chain_service.jobs.context import App, Caller
from chain_service.jobs.organisations import permit_entries
from chain_service.store import organisations, records
from chain_service.store.records import Known, NewRecord


@dataclass(frozen=True)
class Accepted:
    """One line's answer. `created` is False when the same content was accepted before; `id` is then the first one's."""

    line: int
    id: str
    state: str
    created: bool
    warnings: tuple[Remark, ...] = ()


def submit(app: App, caller: Caller, lines: Iterable[tuple[int, bytes]]) -> list[Accepted]:
    """All records are durable and will be anchored, or none is.

    `lines` are (line number, JSON text). Errors name `line`: `MalformedRecord` (code `duplicate_identifier` for two
    lines with one identity), `Forbidden` (`wrong_organisation`, `organisation_not_registered`, `issuer_not_permitted`),
    `Conflict` (`identifier_taken`). Submitting the same content again is safe.
    """
    caller.need("anchor")
    parsed = _parse(caller, lines)
    _check_permits(app, caller.org, parsed)
    prepared = [_prepare(app, caller, record) for _, record in parsed]
    try:
        return _store(app, caller.org, parsed, prepared)
    except Conflict as error:
        if error.code != "constraint":
            raise
    # another request took one of the identities in between: this time it is seen
    return _store(app, caller.org, parsed, prepared)


def check(app: App, caller: Caller, lines: Iterable[tuple[int, bytes]]) -> int:
    """How many records the lines hold, each of which `submit` would read; raises what `submit` would for the others."""
    parsed = _parse(caller, lines)
    _check_permits(app, caller.org, parsed)
    return len(parsed)


def _parse(caller: Caller, lines: Iterable[tuple[int, bytes]]) -> list[tuple[int, Record]]:
    parsed: list[tuple[int, Record]] = []
    first_line: dict[str, int] = {}
    for line, text in lines:
        try:
            record = parse_record(text)
            caller.need_org(record.org)
        except ChainServiceError as error:
            error.details["line"] = line
            raise
        first = first_line.setdefault(record.identity, line)
        if first != line:
            raise MalformedRecord(
                f"lines {first} and {line} have the same identifier; send each record once",
                code="duplicate_identifier",
                line=line,
                first=first,
            )
        parsed.append((line, record))
    if not parsed:
        raise MalformedRecord("there is no record in what was sent", field="")
    return parsed


def _check_permits(app: App, org: str, parsed: list[tuple[int, Record]]) -> None:
    """Every certificate's issuer was permitted its type on the issued date, as far as the index knows."""
    with app.database.reading() as connection:
        if organisations.find(connection, org) is None:
            raise Forbidden(
                f"{org} is not registered on the chain that this service has read; ask the registrar",
                code="organisation_not_registered",
                org=org,
            )
        types = {record.type_code for _, record in parsed if record.kind == "certificate"}
        permits: dict[str, list[PermitEntry]] = {code: permit_entries(connection, org, code) for code in types}
    for line, record in parsed:
        if record.kind != "certificate" or record.issued is None:
            continue
        if not permitted_on(permits[record.type_code], record.issued):
            raise Forbidden(
                f"{org} had no permit for type {record.type_code} on {record.issued}; ask the registrar",
                code="issuer_not_permitted",
                line=line,
                type=record.type_code,
                issued=record.issued.isoformat(),
            )


def _prepare(app: App, caller: Caller, record: Record) -> NewRecord:
    salt = Salt(secrets.token_bytes(32))
    return NewRecord(
        id=str(uuid.uuid4()),
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
        key_id=caller.key_id,
        created_at=app.clock(),
        files=tuple(
            (algorithm, bytes.fromhex(value)) for file in record.files for algorithm, value in file["digests"].items()
        ),
    )


def _store(app: App, org: str, parsed: list[tuple[int, Record]], prepared: list[NewRecord]) -> list[Accepted]:
    with app.database.transaction() as connection:
        known = records.existing(connection, org, [record.identity for _, record in parsed])
        answers: list[Accepted] = []
        new: list[NewRecord] = []
        for (line, record), row in zip(parsed, prepared, strict=True):
            before = known.get(record.identity)
            if before is None:
                new.append(row)
                answers.append(Accepted(line, row.id, "pending", True, record.warnings))
            else:
                answers.append(_again(line, record, before))
        records.insert_many(connection, new)
    return answers


def _again(line: int, record: Record, before: Known) -> Accepted:
    if before.body != record.canonical:
        raise Conflict(
            "this identifier is taken by a record with other content; a changed certificate needs a new version and "
            "identifier",
            code="identifier_taken",
            line=line,
            id=before.id,
        )
    return Accepted(line, before.id, before.state, False, record.warnings)
