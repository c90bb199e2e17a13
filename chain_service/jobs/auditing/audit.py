"""Re-proving everything that is stored against the chain; and reading the chain anew."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog
from sqlalchemy import Connection

from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.digests import parse_hex32
from chain_service.core.encoding.display import hex0x, moment
from chain_service.core.records.hashing import log_id, parse_log_id
from chain_service.core.records.identifiers import OrgCode, is_org_code
from chain_service.core.registries.typed_codes import sought_org_code
from chain_service.errors import ChainServiceError, InvalidProof, NotFound, Unavailable
from chain_service.jobs.auditing.carried import audit_carried, audit_unstored, audit_unstored_seals
from chain_service.jobs.auditing.coverage import unproven_columns
from chain_service.jobs.auditing.findings import AuditFinding, finding
from chain_service.jobs.auditing.indexed import (
    audit_blocks,
    audit_events,
    audit_rivals,
    audit_validators,
    check_newest,
    counted_validators,
)
from chain_service.jobs.auditing.journaled import AuditedJournal, audit_journal
from chain_service.jobs.auditing.logs import AuditedLog, LogAudit
from chain_service.jobs.auditing.outbox import audit_deployment, audit_outbox
from chain_service.jobs.auditing.record_rows import audit_unplaced
from chain_service.jobs.auditing.registries import audit_catalogs, audit_seals
from chain_service.jobs.context import App, Progress, silent
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.leases import worker_lock
from chain_service.jobs.validators import trust_sets
from chain_service.store import batches, chain_index, validators
from chain_service.store.auditing import audits
from chain_service.store.auditing.audits import PassedAudit
from chain_service.store.auditing.whole_tables import logs_in
from chain_service.store.chain_index import IndexedBlock
from chain_service.store.registries import organisations

log = structlog.get_logger("audit")


@answer
class AuditedBlock:
    """The block that the index has read last: the audit is as of then."""

    block: int
    hash: str
    time: str


@answer
class AuditReport:
    """What an audit found, and how much it looked at."""

    ok: bool
    "Nothing was found."
    findings: tuple[AuditFinding, ...]
    logs: tuple[AuditedLog, ...]
    seals: int
    catalog_entries: int
    unproven: Mapping[str, tuple[str, ...]]
    "Columns that nothing proves, by table; the reasons are in docs/reference/audit.md."
    chain: AuditedBlock
    journal: AuditedJournal | None = None
    "Null where the index is damaged and nothing else was looked at."
    since: AuditedBlock | None = None
    "Where the earlier audit ended that this one went on from, with the time of that audit; null for a full one."
    skipped: tuple[str, ...] = ()
    "Tables of which only what is newer was looked at."


@answer
class RebuiltIndex:
    """What the index holds after it was read from the chain again."""

    blocks: int
    "How many were read."
    anchored: int
    "Records that are on chain."
    batched: int
    "Records that are in a batch on its way there."


LAST = math.inf
"""`since` the last audit, whenever that was."""


def audit(app: App, org: str | None = None, progress: Progress = silent, *, since: float | None = None) -> AuditReport:
    """Every stored log, record, state, seal and catalog entry (of one organisation, if given), proven or named.

    With `since` (unix seconds, or `LAST`) of blocks, logs and the outbox only what is newer than the last audit of that
    time or before that found nothing; log heads, states, seals, catalogs and the journal are always proven whole. An
    audit of all organisations without findings is remembered for that.

    Memory is seen as it was at one moment, so workers may go on meanwhile. Raises `Unavailable` when the chain cannot
    be read or what the node says of it does not hold: then nothing is proven; `NotFound` (`organisation_unknown`,
    `audit_unknown`).
    """
    org = None if org is None else sought_org_code(org)
    with app.database.reading() as connection:
        passed = None if since is None else audits.newest(connection, since)
        if since is not None and passed is None:
            raise NotFound("no audit without findings is remembered; run a full one", code="audit_unknown")
        report, reached = audit_stored(app, connection, org, progress, passed)
    if report.ok and org is None:
        _remember(app, reached)
    return report


def _remember(app: App, reached: PassedAudit) -> None:
    """A later audit may go on here; evidence that cannot be written to is audited all the same."""
    try:
        with app.database.transaction() as connection:
            audits.add(connection, reached)
    except ChainServiceError as error:
        log.warning("the audit could not be remembered", code=error.code)


def audit_stored(
    app: App,
    connection: Connection,
    org: str | None = None,
    progress: Progress = silent,
    passed: PassedAudit | None = None,
) -> tuple[AuditReport, PassedAudit]:
    """The audit of what this connection sees, and what it has proven if nothing was found; raises as `audit`."""
    if org is not None and not _is_known(app, connection, org):
        raise NotFound("no organisation has this code, here or on chain", code="organisation_unknown", org=org)
    head = chain_index.newest_block(connection)
    if head is None:
        raise Unavailable("the chain has not been read yet; start a worker first", code="node_unavailable")
    try:
        return _audit(app, connection, head, org, progress, passed)
    except InvalidProof as error:
        raise Unavailable(
            f"the node's answer could not be proven: {error.message}", code="finality_unproven"
        ) from error


def _is_known(app: App, connection: Connection, org: str) -> bool:
    """The organisation has a keystore or a log here, or is registered on chain."""
    if not is_org_code(org):
        return False
    here = set(app.keystore.accounts()) | {code for code, _ in batches.logs(connection)}
    return org in here or organisations.find(connection, org) is not None


def _audit(
    app: App,
    connection: Connection,
    head: IndexedBlock,
    org: str | None,
    progress: Progress,
    passed: PassedAudit | None,
) -> tuple[AuditReport, PassedAudit]:
    nothing = PassedAudit(app.clock(), 0, b"", {})
    counted = counted_validators(app, connection, None if passed is None else passed.block)
    if counted is not None:
        before = [] if passed is None else [one for one in validators.listed(connection) if one.block <= passed.block]
        trust_sets(app.require_chain(), [*before, *counted])
    damaged = check_newest(app, head) or _check_passed(connection, passed)
    if damaged:
        return _report(head, damaged), nothing
    (block,) = app.require_chain().reader.blocks(head.number, head.number)
    if block.block_hash != head.hash:
        moved = finding("index_differs", str(head.number), stored=hex0x(head.hash), onChain=hex0x(block.block_hash))
        return _report(head, [moved]), nothing
    first = app.require_chain().deployment.first_block if passed is None else passed.block + 1
    findings = audit_blocks(app, connection, head, first)
    findings += audit_validators(connection, counted, first if passed is None else first + 1, head.number)
    findings += audit_rivals(app, connection)
    findings += audit_events(app, connection, first, head.number, progress)
    findings += audit_deployment(app, connection)
    findings += audit_outbox(app, connection, first, head.number)
    logs, ends = _audit_logs(app, connection, head, org, progress, findings, passed)
    findings += audit_unplaced(connection, org)
    seals = audit_seals(app, connection, head, org, findings)
    entries = audit_catalogs(app, connection, head, org, findings)
    findings += audit_carried(connection, org)
    findings += audit_unstored(connection) + audit_unstored_seals(connection)
    journal = audit_journal(connection, findings)
    report = replace(_report(head, findings, logs, seals, entries), journal=journal)
    if passed is not None:
        report = replace(
            report, since=AuditedBlock(passed.block, hex0x(passed.block_hash), moment(passed.at)), skipped=NARROWED
        )
    return report, PassedAudit(app.clock(), head.number, head.hash, ends)


NARROWED = (
    "blocks",
    "chain_events",
    "heads",
    "status_events",
    "validators",
    "submissions",
    "transactions",
    "batches",
    "tiles",
    "records",
    "record_files",
)
"""The tables of which an audit since an earlier one looks only at what is newer; of all others at every row."""


def _check_passed(connection: Connection, passed: PassedAudit | None) -> list[AuditFinding]:
    """The block at which the earlier audit ended is still the one that is stored."""
    if passed is None:
        return []
    block = chain_index.block(connection, passed.block)
    if block is not None and block.hash == passed.block_hash:
        return []
    return [finding("index_differs", str(passed.block), audited=hex0x(passed.block_hash), hint="run a full audit")]


def _audit_logs(
    app: App,
    connection: Connection,
    head: IndexedBlock,
    org: str | None,
    progress: Progress,
    findings: list[AuditFinding],
    passed: PassedAudit | None,
) -> tuple[list[AuditedLog], dict[str, tuple[int, str]]]:
    stored = {log for table in ("batches", "tiles", "records") for log in logs_in(connection, table)}
    for log in sorted(log for log in stored if not is_org_code(log[0])):
        cause = "no organisation has this code"
        findings.append(finding("row_altered", f"{log[0]}.{log[1]}", table="batches", columns=["org"], cause=cause))
        stored.discard(log)
    on_chain = {parse_log_id(log) for log in chain_index.logs(connection)}
    mine = set(app.keystore.accounts()) | {code for code, _ in stored}
    logs = []
    ends: dict[str, tuple[int, str]] = {}
    for code, generation in sorted(stored | on_chain):
        if code in mine and org in (None, code):
            name = log_id(OrgCode(code), generation).hex()
            before = None if passed is None else passed.logs.get(name)
            proven = None if before is None else (int(before[0]), parse_hex32(before[1], field="root"))
            one = LogAudit(app, connection, head, OrgCode(code), generation, progress, proven)
            findings += one.run()
            logs.append(one.summary())
            end = one.end()
            if end is not None:
                ends[name] = end[0], end[1].hex()
    return logs, ends


def _report(
    head: IndexedBlock,
    findings: Sequence[AuditFinding],
    logs: Sequence[AuditedLog] = (),
    seals: int = 0,
    entries: int = 0,
) -> AuditReport:
    return AuditReport(
        ok=not findings,
        findings=tuple(findings),
        logs=tuple(logs),
        seals=seals,
        catalog_entries=entries,
        unproven=unproven_columns(),
        chain=AuditedBlock(head.number, hex0x(head.hash), moment(head.time)),
    )


def rebuild(app: App, progress: Progress = silent) -> RebuiltIndex:
    """What the index derived is read again from the chain, and takes the place of what stood once all of it is read.

    Records, entries and proofs stay. Until the end everybody reads the old index, and whatever ends this early leaves
    it. On SQLite nothing is accepted meanwhile. Raises `Conflict` (`worker_running`) while a worker runs, `lease_lost`
    where one takes over (PostgreSQL), `Unavailable` or `InvalidProof` where the chain cannot be read.
    """
    app.require_chain().reader.head()
    with worker_lock(app) as working, working.database.as_one() as beside:
        with beside.transaction() as connection:
            chain_index.drop_index(connection, app.clock())
        blocks = index(replace(working, database=beside), progress)
        with beside.reading() as connection:
            counts = batches.count(connection)
    return RebuiltIndex(blocks, counts.anchored, counts.batched)
