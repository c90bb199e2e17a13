"""What is stored beside a record's content follows from it: look-up columns, files, and the moment in its id."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection

from chain_service.core.encoding.digests import parse_hex32
from chain_service.core.records.disclosure import Disclosure
from chain_service.errors import BadRequest
from chain_service.jobs.auditing.findings import AuditFinding, added, compare_rows, finding
from chain_service.jobs.integrity import stored_disclosure
from chain_service.store import records
from chain_service.store.auditing.whole_tables import Row
from chain_service.store.records import StoredRecord

CHUNK = 1000


def lookup_differences(record: StoredRecord, disclosure: Disclosure) -> list[str]:
    """The columns that do not hold what the content gives."""
    content = disclosure.record
    given = {
        "org": content.org,
        "kind": content.kind,
        "type_code": content.type_code,
        "identity": content.identity,
        "number": content.number,
        "issued": content.issued.isoformat() if content.issued else None,
        "replaces": content.replaces,
        "body": content.canonical,
        "body_digest": disclosure.body_digest,
    }
    given |= dict.fromkeys(("erased_at", "erased_reason"))
    differing = [name for name, value in given.items() if getattr(record, name) != value]
    return differing + ([] if _is_of_its_moment(record) else ["id", "created_at"])


def _is_of_its_moment(record: StoredRecord) -> bool:
    """An id of version 7 begins with the millisecond of acceptance (RFC 9562 §5.7)."""
    try:
        id = uuid.UUID(record.id)
        return id.version != 7 or id.int >> 80 == int(record.created_at * 1000)
    except (ValueError, TypeError):
        return False


def check_files(record: StoredRecord, disclosure: Disclosure | None, stored: Sequence[Row]) -> list[AuditFinding]:
    """The files that look-ups know of the record are those that it names; of an erased one none."""
    named = [] if disclosure is None else disclosure.record.files
    digests = {(algorithm, value) for file in named for algorithm, value in file["digests"].items()}
    proven = [
        {"record_id": record.id, "algorithm": algorithm, "digest": parse_hex32(value, field="digest")}
        for algorithm, value in sorted(digests)
    ]
    return compare_rows("record_files", stored, proven, "the record's content")


def audit_unplaced(connection: Connection, org: str | None) -> list[AuditFinding]:
    """Records that are in no batch are at least of one piece; and no file is known of a record that is not there."""
    found: list[AuditFinding] = []
    after = -1
    while part := records.unplaced(connection, after, CHUNK):
        after = part[-1].seq
        files = records.files_of_many(connection, [record.id for record in part])
        for record in part:
            if org in (None, record.org):
                found += _check_unplaced(record, files.get(record.id, []))
    return found + [added("record_files", row, "no record of this id") for row in records.files_of_nobody(connection)]


def _check_unplaced(record: StoredRecord, files: Sequence[Row]) -> list[AuditFinding]:
    try:
        disclosure = stored_disclosure(record.body or b"", record.salt or b"")
    except BadRequest as error:
        return [finding("record_altered", record.id, reason=error.message, table="records", columns=["body"])]
    differing = lookup_differences(record, disclosure)
    altered = [finding("record_altered", record.id, table="records", columns=differing)] if differing else []
    return altered + check_files(record, disclosure, files)
