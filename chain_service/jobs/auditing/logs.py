"""Re-proving one log: entries → tiles → every head on chain; records → entries; states → words on chain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from chain_service.core.chainproof.evidence import Evidence, verify_evidence
from chain_service.core.chainproof.storage_layout import (
    RECORD_LOG,
    RECORD_STATUS,
    head_slot,
    size_slot,
    status_in,
    status_slot,
)
from chain_service.core.encoding.answers import Hex, answer
from chain_service.core.log import tiles as core_tiles
from chain_service.core.log.merkle import leaf_hash
from chain_service.core.records.hashing import founding_entry, log_id, record_entry
from chain_service.core.records.identifiers import OrgCode
from chain_service.errors import BadRequest, Corrupt, InvalidProof
from chain_service.jobs.auditing.changes import check_changes
from chain_service.jobs.auditing.findings import AuditFinding, compare, finding, missing
from chain_service.jobs.auditing.record_rows import check_files, lookup_differences
from chain_service.jobs.context import App, Progress
from chain_service.jobs.integrity import stored_disclosure
from chain_service.store import batches, chain_index, records, tiles
from chain_service.store.auditing.whole_tables import Row, rows
from chain_service.store.batches import Batch
from chain_service.store.chain_index import IndexedBlock, IndexedHead
from chain_service.store.records import StoredRecord

CHUNK = 4096
SLOTS_AT_ONCE = 400


@answer
class AuditedLog:
    """How much of one log was proven."""

    org: str
    generation: int
    log: Hex
    size: int
    "Leaves under the newest head on chain."
    heads: int
    "Heads on chain."
    records: int
    erased: int
    "How many of the records are erased."
    since: int
    "Leaves that an earlier audit proved: their records and batches were not looked at again."


class LogAudit:
    """The audit of one log as of the block that the index has read last, and of the memory that `connection` sees."""

    def __init__(
        self,
        app: App,
        connection: Connection,
        head: IndexedBlock,
        org: OrgCode,
        generation: int,
        progress: Progress,
        proven: tuple[int, bytes] | None = None,
    ) -> None:
        """`proven` is the size and root at which an earlier audit ended; what stands before is not read again."""
        self._base, self._base_root = proven or (0, b"")
        self._app, self._connection, self._block, self._progress = app, connection, head, progress
        self._org, self._generation = org, generation
        self._log = log_id(org, generation)
        self._found: list[AuditFinding] = []
        self._size = self._records = self._erased = 0
        self._heads: list[IndexedHead] = chain_index.log_heads(connection, self._log)
        self._batches: list[Batch] = batches.of_log(connection, org, generation)
        self._of_log = {"org": org, "generation": generation}
        self._lost_batches: set[str | None] = set()
        self._batch_rows: dict[str, Row] = {}
        self._states = chain_index.all_states(connection, self._log)

    def run(self) -> list[AuditFinding]:
        """What is not as it should be."""
        self._check_heads()
        entries = self._check_tree(self._connection)
        self._check_records(self._connection, entries)
        self._check_evidence(self._connection)
        account = self._app.keystore.accounts().get(self._org)
        self._found += check_changes(self._connection, self._log, self._org, self._generation, account)
        self._check_states()
        return self._found

    def summary(self) -> AuditedLog:
        """What was proven."""
        return AuditedLog(
            org=self._org,
            generation=self._generation,
            log=self._log,
            size=self._size,
            heads=len(self._heads),
            records=self._records,
            erased=self._erased,
            since=self._base,
        )

    def end(self) -> tuple[int, bytes] | None:
        """Size and root of the newest head on chain; None where there is none."""
        return (self._heads[-1].size, self._heads[-1].root) if self._heads else None

    def _add(self, code: str, subject: str, **details: Any) -> None:
        self._found.append(finding(code, subject, **details))

    def _check_heads(self) -> None:
        """The chain's words are the heads that the index knows, and those are the batches'."""
        reader = self._app.require_chain().reader
        sizes = [head.size for head in self._heads] or [1]
        for start in range(0, len(sizes), SLOTS_AT_ONCE):
            part = self._heads[start : start + SLOTS_AT_ONCE]
            wants = [(RECORD_LOG, size_slot(self._log)), *((RECORD_LOG, head_slot(self._log, h.size)) for h in part)]
            _, state = reader.prove(self._block.number, wants, self._block.hash)
            self._size = state.word(*wants[0])
            for head in part:
                word = state.word(RECORD_LOG, head_slot(self._log, head.size))
                if word.to_bytes(32, "big") != head.root:
                    self._add("root_differs", self._log.hex(), size=head.size, onChain=f"{word:064x}")
        known = {batch.new_size: batch for batch in self._batches}
        for head in self._heads:
            batch = known.get(head.size)
            if batch is None or batch.root != head.root or batch.final_block is None:
                self._add("head_unknown", self._log.hex(), size=head.size)
        if self._heads and self._size != self._heads[-1].size:
            self._add("head_unknown", self._log.hex(), size=self._size)
        on_chain = {head.size for head in self._heads}
        for batch in self._batches:
            if batch.final_block is not None and batch.new_size not in on_chain:
                self._add("head_missing", self._log.hex(), size=batch.new_size)

    def _check_tree(self, connection: Connection) -> list[bytes]:
        """The stored entries give every head's root, and the stored tiles; those after `proven` are returned."""
        base = self._base
        end = self._batches[-1].new_size if self._batches else self._size
        entries = tiles.entries(connection, self._org, self._generation, base, end)
        held = base + len(entries)
        if held < max(end, self._size):
            needed = max(end, self._size)
            lost = [max(1, held), needed - 1]  # the founding entry is no record
            self._add("log_cut_short", self._log.hex(), stored=held, needed=needed, lost=lost)
        deployment = self._app.require_chain().deployment
        contract = deployment.contracts[RECORD_LOG].raw_address
        if base == 0 and entries and entries[0] != founding_entry(deployment.chain_id, contract, self._log):
            self._add("founding_entry_differs", self._log.hex())
        grown: dict[tuple[int, int], bytes] = {}

        stored = tiles.TileReader(connection, self._org, self._generation)

        def read(level: int, n: int) -> bytes:
            return grown.get((level, n)) or (stored(level, n) if base else b"")

        if base and not self._goes_on_from(read):
            return entries
        at = base
        for size, root in [*((head.size, head.root) for head in self._heads), (held, None)]:
            if not at <= size <= held:
                continue
            step = core_tiles.append(at, read, [leaf_hash(entry) for entry in entries[at - base : size - base]])
            grown.update(step.tiles)
            at = size
            if root not in (None, step.root):
                self._add("root_differs", self._log.hex(), size=size, computed=step.root.hex())
            self._progress(f"{self._org}.{self._generation}", at, held)
        self._check_batches(read, held)
        self._check_tiles(connection, entries, grown, stored)
        return entries

    def _goes_on_from(self, read: core_tiles.ReadTile) -> bool:
        """The stored tiles give the root at which the earlier audit ended, and so does a head on chain."""
        try:
            root = core_tiles.root(self._base, read)
        except Corrupt:
            root = b""
        heads = {head.size: head.root for head in self._heads}
        if root == self._base_root == heads.get(self._base):
            return True
        self._add("root_differs", self._log.hex(), size=self._base, computed=root.hex(), audited=self._base_root.hex())
        return False

    def _check_tiles(
        self,
        connection: Connection,
        entries: list[bytes],
        grown: dict[tuple[int, int], bytes],
        stored: tiles.TileReader,
    ) -> None:
        """Every stored tile follows from the stored entries, none is missing and there is no other.

        After an earlier audit only of those that grew since.
        """
        first, skipped = divmod(self._base, core_tiles.WIDTH)
        joined = stored(tiles.ENTRIES, first)[: skipped * tiles.HASH] + b"".join(entries)
        step = core_tiles.WIDTH * tiles.HASH
        for at in range(0, len(joined), step):
            grown[tiles.ENTRIES, first + at // step] = joined[at : at + step]
        if self._base:
            grown = {place: data for place, data in grown.items() if stored(*place) != data}
        for row in () if self._base else rows(connection, "tiles", self._of_log):
            if grown.pop((row["level"], row["n"]), None) != row["data"]:
                self._add("tile_differs", self._log.hex(), table="tiles", level=row["level"], n=row["n"])
        for level, n in grown:
            self._add("tile_differs", self._log.hex(), table="tiles", level=level, n=n)

    def _check_batches(self, read: core_tiles.ReadTile, size: int) -> None:
        """Each batch goes on where the one before ended, and its roots and path follow from the entries."""
        before = max(1, self._base)
        for row in rows(self._connection, "batches", self._of_log, without=("evidence",)):
            self._batch_rows[row["id"]] = row
        for row in sorted(self._batch_rows.values(), key=lambda row: str(row["new_size"]).zfill(20)):
            if isinstance(row["new_size"], int) and row["new_size"] <= self._base:
                continue
            proven: dict[str, Any] = {"old_size": before}
            if isinstance(row["new_size"], int) and before < row["new_size"] <= size:
                proven["old_root"] = core_tiles.root(before, read)
                proven["root"] = core_tiles.root(row["new_size"], read)
                proven["consistency_path"] = b"".join(core_tiles.consistency_path(before, row["new_size"], read))
            self._found += compare("batches", row, proven, "the entries")
            before = row["new_size"]

    def _check_records(self, connection: Connection, entries: list[bytes]) -> None:
        """Every entry is that of the record stored for its place; every identifier stands once."""
        base, held = self._base, self._base + len(entries)
        expected = max(1, base)
        identities: dict[str, str] = {}
        for record, files in self._stored(connection):
            assert record.leaf_index is not None
            while expected < min(record.leaf_index, held):
                self._add("record_missing", self._log.hex(), index=expected)
                expected += 1
            expected = max(expected, record.leaf_index + 1)
            self._records += 1
            if record.leaf_index >= held:
                self._add("record_misplaced", record.id, index=record.leaf_index)
            elif record.erased_at is not None:
                self._erased += 1
                self._found += check_files(record, None, files)
            else:
                self._check_record(record, files, entries[record.leaf_index - base], identities)
            if not self._records % CHUNK:
                self._progress("records", self._records, len(entries))
        for index in range(expected, held):
            self._add("record_missing", self._log.hex(), index=index)

    def _stored(self, connection: Connection) -> Iterator[tuple[StoredRecord, list[Row]]]:
        first = self._base
        while part := records.stream(connection, self._org, self._generation, first, CHUNK):
            files = records.files_of_many(connection, [record.id for record in part])
            yield from ((record, files.get(record.id, [])) for record in part)
            first = (part[-1].leaf_index or 0) + 1

    def _check_record(self, record: StoredRecord, files: list[Row], entry: bytes, identities: dict[str, str]) -> None:
        index = record.leaf_index or 0
        try:
            disclosure = stored_disclosure(record.body or b"", record.salt or b"")
        except BadRequest as error:
            self._add("record_altered", record.id, index=index, entry=entry.hex(), reason=error.message)
            return
        if record_entry(self._log, index, disclosure.body_digest) != entry:
            self._add("record_altered", record.id, index=index, entry=entry.hex(), reason="it gives another entry")
            return
        self._found += check_files(record, disclosure, files)
        first = identities.setdefault(disclosure.record.identity, record.id)
        if first != record.id:
            self._add("identifier_repeated", record.id, index=index, first=first)
        batch = self._batch_rows.get(record.batch_id or "")
        if batch is None and record.batch_id not in self._lost_batches:
            self._lost_batches.add(record.batch_id)
            self._found.append(missing("batches", {"id": record.batch_id}, "its records"))
        in_batch = batch is not None and batch["old_size"] <= index < batch["new_size"]
        differing = lookup_differences(record, disclosure)
        if not in_batch:
            differing.append("batch_id")
        if record.failure is not None:
            differing.append("failure")
        if differing:
            self._add(
                "record_altered",
                record.id,
                index=index,
                reason="its look-up values do not match its content",
                table="records",
                columns=differing,
            )

    def _check_evidence(self, connection: Connection) -> None:
        """Each anchored batch's stored proof still shows its head."""
        trust = self._app.require_chain().reader.trust
        for batch in self._batches:
            stored = batches.get(connection, batch.id).evidence
            if batch.final_block is None or batch.new_size <= self._base:
                continue
            try:
                state = verify_evidence(Evidence.from_bytes(stored or b""), trust)
                word = state.word(RECORD_LOG, head_slot(self._log, batch.new_size))
            except InvalidProof as error:
                self._add("evidence_invalid", self._log.hex(), size=batch.new_size, reason=error.message)
            else:
                if state.block != batch.evidence_block:
                    row = self._batch_rows[batch.id]
                    self._found += compare("batches", row, {"evidence_block": state.block}, "its evidence")
                if word.to_bytes(32, "big") != batch.root:
                    self._add("evidence_invalid", self._log.hex(), size=batch.new_size, reason="it shows another root")

    def _check_states(self) -> None:
        """Every status word on chain holds the states that the index has read, zero where nothing changed."""
        reader = self._app.require_chain().reader
        words = range((self._size + 63) // 64)
        for start in range(0, len(words), SLOTS_AT_ONCE):
            part = words[start : start + SLOTS_AT_ONCE]
            wants = [(RECORD_STATUS, status_slot(self._log, word * 64)[0]) for word in part]
            _, state = reader.prove(self._block.number, wants, self._block.hash)
            for word, want in zip(part, wants, strict=True):
                proven = state.word(*want)
                for place in range(64):
                    index = word * 64 + place
                    if status_in(proven, 4 * place) != self._states.get(index, 0):
                        self._add("status_differs", self._log.hex(), index=index)
