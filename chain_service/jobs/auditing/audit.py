"""Re-proving everything that is stored against the chain; and reading the chain anew."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from chain_service.core.encoding.display import hex0x, moment
from chain_service.core.records.hashing import parse_log_id
from chain_service.core.records.identifiers import OrgCode, is_org_code
from chain_service.errors import InvalidProof, NotFound, Unavailable
from chain_service.jobs.auditing.findings import Finding, finding
from chain_service.jobs.auditing.logs import LogAudit
from chain_service.jobs.auditing.registries import audit_catalogs, audit_seals
from chain_service.jobs.context import App, Progress, silent
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.workers import worker_lock
from chain_service.store import batches, chain_index, organisations
from chain_service.store.chain_index import Block


def audit(app: App, org: str | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Every stored log, record, state, seal and catalog entry (of one organisation, if given), proven or named.

    `ok` holds only if nothing was found; `logs`, `seals` and `catalogEntries` say how much was looked at. Memory is
    seen as it was at one moment, so workers may go on meanwhile. Raises `Unavailable` when the chain cannot be read or
    what the node says of it does not hold: then nothing is proven; `NotFound` (`organisation_unknown`).
    """
    report: dict[str, Any] = {"logs": [], "seals": 0, "catalogEntries": 0}
    with app.database.reading() as connection:
        head = chain_index.head_block(connection)
        if org is not None and not _is_known(app, connection, org):
            raise NotFound("no organisation has this code, here or on chain", code="organisation_unknown", org=org)
        if head is None:
            raise Unavailable("the chain has not been read yet; start a worker first", code="node_unavailable")
        try:
            found = _audit(app, connection, head, org, report, progress)
        except InvalidProof as error:
            raise Unavailable(
                f"the node's answer could not be proven: {error.message}", code="finality_unproven"
            ) from error
    return {
        "ok": not found,
        "findings": [one.to_json() for one in found],
        **report,
        "chain": {"block": head.number, "hash": hex0x(head.hash), "time": moment(head.time)},
    }


def _is_known(app: App, connection: Connection, org: str) -> bool:
    """The organisation has a keystore or a log here, or is registered on chain."""
    if not is_org_code(org):
        return False
    here = set(app.keystore.accounts()) | {code for code, _ in batches.logs(connection)}
    return org in here or organisations.find(connection, org) is not None


def _audit(
    app: App, connection: Connection, head: Block, org: str | None, report: dict[str, Any], progress: Progress
) -> list[Finding]:
    """What was found; `report` tells how much was looked at."""
    (block,) = app.require_chain().reader.blocks(head.number, head.number)
    if block.block_hash != head.hash:
        return [finding("index_differs", str(head.number), stored=hex0x(head.hash), onChain=hex0x(block.block_hash))]
    stored = set(batches.logs(connection))
    on_chain = {parse_log_id(log) for log in chain_index.logs(connection)}
    mine = set(app.keystore.accounts()) | {code for code, _ in stored}
    found: list[Finding] = []
    for code, generation in sorted(stored | on_chain):
        if code in mine and org in (None, code):
            one = LogAudit(app, connection, head, OrgCode(code), generation, progress)
            found += one.run()
            report["logs"].append(one.summary())
    report["seals"] = audit_seals(app, connection, head, org, found)
    report["catalogEntries"] = audit_catalogs(app, connection, head, org, found)
    return found


def rebuild(app: App, progress: Progress = silent) -> dict[str, Any]:
    """What the index derived is dropped and read again from the chain; records, entries and proofs stay.

    Raises `Conflict` (`worker_running`) while a worker runs.
    """
    app.require_chain().reader.head()
    with worker_lock(app):
        with app.database.transaction() as connection:
            chain_index.drop_index(connection, app.clock())
        blocks = index(app, progress)
        with app.database.reading() as connection:
            counts = batches.count(connection)
    return {"blocks": blocks, "anchored": counts.anchored, "batched": counts.batched}
