"""Re-proving what the journal tells: its entries are those that were anchored, and its rows those that are stored."""

from __future__ import annotations

from collections.abc import Mapping, Set
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from chain_service.core.encoding.answers import Hex, answer
from chain_service.core.encoding.decoding import read_hex
from chain_service.core.encoding.display import moment
from chain_service.core.log.merkle import EMPTY_ROOT, GrowingRoot
from chain_service.core.records.statements import JOURNAL_HEAD
from chain_service.errors import BadRequest
from chain_service.jobs.auditing.findings import AuditFinding, added, compare, finding
from chain_service.jobs.integrity import stored_disclosure
from chain_service.store import records
from chain_service.store.auditing import journal
from chain_service.store.auditing.journal import JOURNALED
from chain_service.store.auditing.whole_tables import Row, rows
from chain_service.store.records import StoredRecord

CHUNK = 1000
_JOURNAL = "the journal"


@answer
class AuditedJournal:
    """How far the journal of what no chain proves is proven."""

    entries: int
    "Entries in their places."
    root: Hex
    "The root over them: written down elsewhere, it proves them too."
    anchored: int
    "How many of them stand under a head on chain; later ones nothing protects yet."
    record: str | None
    "The record that carries this head."
    anchored_at: str | None
    "Time of its block."


def audit_journal(connection: Connection, findings: list[AuditFinding]) -> AuditedJournal:
    """The journal gives every head that was anchored, and every row of which it speaks is as it says."""
    anchored = _anchored(connection)
    by_size = {size: (root, record) for size, root, record in anchored}
    grown, lost = GrowingRoot(), False
    for entry in journal.entries(connection):
        lost = lost or entry.leaf_index != grown.size
        grown.add(entry.leaf)
        _compare_head(by_size, grown, findings)
    if lost or any(size > grown.size for size in by_size):
        findings.append(finding("journal_cut", "journal_entries", table="journal_entries", entries=grown.size))
    findings += _check_heads(connection, by_size)
    for table in JOURNALED:
        findings += _check_rows(connection, table)
    size, _, record = max(anchored, default=(0, b"", None), key=lambda one: one[0])
    return AuditedJournal(
        entries=grown.size,
        root=grown.root(),
        anchored=min(size, grown.size),
        record=None if record is None else record.id,
        anchored_at=None if record is None or record.final_time is None else moment(record.final_time),
    )


def _anchored(connection: Connection) -> list[tuple[int, bytes, StoredRecord]]:
    """Size, root and record of every head on chain. The records themselves are proven with their logs."""
    found = []
    for record in records.of_type(connection, JOURNAL_HEAD):
        if record.final_block is None or record.body is None or record.salt is None:
            continue
        try:
            told: Mapping[str, Any] = stored_disclosure(record.body, record.salt).record.body.get("extension", {})
        except BadRequest:
            continue
        size, root = told.get("size"), told.get("root")
        if isinstance(size, int) and isinstance(root, str):
            found.append((size, root, record))
    return [(size, _read_root(root), record) for size, root, record in found]


def _read_root(text: str) -> bytes:
    """The root that a head's record names; what it is not cannot be equal to any."""
    try:
        return read_hex(text, limit=32)
    except BadRequest:
        return b""


def _compare_head(
    by_size: Mapping[int, tuple[bytes, StoredRecord]], grown: GrowingRoot, findings: list[AuditFinding]
) -> None:
    if grown.size in by_size:
        root, record = by_size[grown.size]
        if grown.root() != root:
            details = {"table": "journal_entries", "size": grown.size, "computed": grown.root().hex()}
            findings.append(finding("journal_differs", record.id, **details))


def _check_heads(connection: Connection, by_size: Mapping[int, tuple[bytes, StoredRecord]]) -> list[AuditFinding]:
    """The heads kept for the next one are those of the records."""
    found: list[AuditFinding] = []
    stored = list(rows(connection, "journal_heads"))
    kept = {row["record_id"] for row in stored}
    told = {record.id: (size, root) for size, (root, record) in by_size.items()}
    for row in stored:
        if row["record_id"] is None:
            found += compare("journal_heads", row, {"size": 0, "root": EMPTY_ROOT}, "the beginning")
        elif row["record_id"] in told:
            size, root = told[row["record_id"]]
            found += compare("journal_heads", row, {"size": size, "root": root}, "its record")
        elif records.find(connection, row["record_id"]) is None:
            found += compare("journal_heads", row, {"record_id": None}, "no record has this id")
    found += _check_erased(connection, {row["record_id"] for row in stored})
    return found + [
        finding("row_missing", f"journal_heads:{size}", table="journal_heads", cause="its record")
        for record, (size, _) in told.items()
        if record not in kept
    ]


def _check_erased(connection: Connection, kept: Set[str | None]) -> list[AuditFinding]:
    """The service never erases the record of a head: whoever did wants it not to be compared."""
    named = records.get_many(connection, sorted(id for id in kept if id is not None))
    heads = named | {record.id: record for record in records.of_type(connection, JOURNAL_HEAD)}
    cause = "the record of a head is never erased"
    return [
        finding("row_altered", f"records:{record.seq}", table="records", columns=["erased_at"], cause=cause)
        for record in heads.values()
        if record.erased_at is not None
    ]


def _check_rows(connection: Connection, table: str) -> list[AuditFinding]:
    found: list[AuditFinding] = []
    stored = journal.rows_of(connection, table)
    seen = 0
    while part := dict(islice(stored, CHUNK)):
        told = journal.latest(connection, table, list(part))
        seen += len(told)
        for key, row in part.items():
            found += _check_row(table, key, row, told.get(key))
    known = journal.count_rows(connection, table)
    if known != seen:
        keys = {key for key, _ in journal.rows_of(connection, table)}
        lost = sorted(set(journal.known_rows(connection, table)) - keys)
        found += [finding("row_missing", f"{table}:{key}", table=table, cause=_JOURNAL) for key in lost]
    return found


def _check_row(table: str, key: str, row: Row, told: tuple[bytes, bytes] | None) -> list[AuditFinding]:
    if told is None:
        return [added(table, row, _JOURNAL)]
    salt, digest = told
    if journal.row_digest(salt, row) == digest:
        return []
    return [finding("row_altered", f"{table}:{key}", table=table, cause=_JOURNAL)]
