"""Re-proving everything that is stored against the chain; and reading the chain anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.display import hex0x, moment
from chain_service.core.records.hashing import parse_log_id
from chain_service.core.records.identifiers import OrgCode, is_org_code
from chain_service.errors import InvalidProof, NotFound, Unavailable
from chain_service.jobs.auditing.findings import AuditFinding, finding
from chain_service.jobs.auditing.logs import AuditedLog, LogAudit
from chain_service.jobs.auditing.registries import audit_catalogs, audit_seals
from chain_service.jobs.context import App, Progress, silent
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.leases import worker_lock
from chain_service.store import batches, chain_index
from chain_service.store.chain_index import IndexedBlock
from chain_service.store.registries import organisations


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
    chain: AuditedBlock


@answer
class RebuiltIndex:
    """What the index holds after it was read from the chain again."""

    blocks: int
    "How many were read."
    anchored: int
    "Records that are on chain."
    batched: int
    "Records that are in a batch on its way there."


def audit(app: App, org: str | None = None, progress: Progress = silent) -> AuditReport:
    """Every stored log, record, state, seal and catalog entry (of one organisation, if given), proven or named.

    Memory is seen as it was at one moment, so workers may go on meanwhile. Raises `Unavailable` when the chain cannot
    be read or what the node says of it does not hold: then nothing is proven; `NotFound` (`organisation_unknown`).
    """
    with app.database.reading() as connection:
        head = chain_index.newest_block(connection)
        if org is not None and not _is_known(app, connection, org):
            raise NotFound("no organisation has this code, here or on chain", code="organisation_unknown", org=org)
        if head is None:
            raise Unavailable("the chain has not been read yet; start a worker first", code="node_unavailable")
        try:
            return _audit(app, connection, head, org, progress)
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


def _audit(app: App, connection: Connection, head: IndexedBlock, org: str | None, progress: Progress) -> AuditReport:
    (block,) = app.require_chain().reader.blocks(head.number, head.number)
    if block.block_hash != head.hash:
        moved = finding("index_differs", str(head.number), stored=hex0x(head.hash), onChain=hex0x(block.block_hash))
        return _report(head, [moved])
    stored = set(batches.logs(connection))
    on_chain = {parse_log_id(log) for log in chain_index.logs(connection)}
    mine = set(app.keystore.accounts()) | {code for code, _ in stored}
    findings: list[AuditFinding] = []
    logs = []
    for code, generation in sorted(stored | on_chain):
        if code in mine and org in (None, code):
            one = LogAudit(app, connection, head, OrgCode(code), generation, progress)
            findings += one.run()
            logs.append(one.summary())
    seals = audit_seals(app, connection, head, org, findings)
    entries = audit_catalogs(app, connection, head, org, findings)
    return _report(head, findings, logs, seals, entries)


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
