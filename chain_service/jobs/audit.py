"""Re-proving everything that is stored against the chain; and reading the chain anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from chain_service.chain.reader import History
from chain_service.core.catalogs import check_history, parse_catalog
from chain_service.core.entries import parse_log_id
from chain_service.core.histories import read_seal_facts, read_seal_states
from chain_service.core.identifiers import OrgCode
from chain_service.core.layout import (
    CATALOG_REGISTRY,
    SEAL_FIRST_CERTIFICATE,
    SEAL_REGISTRY,
    SEAL_SHA256,
    SEAL_SM3,
    CatalogStanding,
    catalog_digest_slot,
    catalog_standing_slot,
    seal_fact_slot,
    seal_state_slot,
)
from chain_service.errors import BadRequest, Unavailable
from chain_service.jobs.audit_findings import Finding, finding
from chain_service.jobs.audit_logs import LogAudit
from chain_service.jobs.context import App, Progress, silent
from chain_service.jobs.index import index
from chain_service.jobs.texts import hex0x, moment
from chain_service.jobs.workers import worker_lock
from chain_service.store import batches, catalogs, chain_index, seals
from chain_service.store.chain_index import Block

TOGETHER = 100


def audit(app: App, org: str | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Every stored log, record, state, seal and catalog entry (of one organisation, if given), proven or named.

    `ok` holds only if nothing was found. Raises `Unavailable` when the chain cannot be read: then nothing is proven.
    """
    with app.database.reading() as connection:
        head = chain_index.head_block(connection)
        stored = set(batches.logs(connection))
        on_chain = {parse_log_id(log) for log in chain_index.logs(connection)}
    if head is None:
        raise Unavailable("the chain has not been read yet; start a worker first", code="node_unavailable")
    mine = set(app.keystore.accounts()) | {code for code, _ in stored}
    found: list[Finding] = []
    logs = []
    for code, generation in sorted(stored | on_chain):
        if code in mine and org in (None, code):
            one = LogAudit(app, head, OrgCode(code), generation, progress)
            found += one.run()
            logs.append(one.summary())
    seal_count = _audit_seals(app, head, org, found)
    catalog_count = _audit_catalogs(app, head, org, found)
    return {
        "ok": not found,
        "findings": [one.to_json() for one in found],
        "logs": logs,
        "seals": seal_count,
        "catalogEntries": catalog_count,
        "chain": {"block": head.number, "hash": hex0x(head.hash), "time": moment(head.time)},
    }


def _audit_seals(app: App, head: Block, org: str | None, found: list[Finding]) -> int:
    """Every registered seal's digests, owner and states are those on chain."""
    with app.database.reading() as connection:
        final = [(seal, seals.changes(connection, seal.code)) for seal in seals.of_owner(connection, org)]
    final = [(seal, changes) for seal, changes in final if seal.final_block is not None]
    reader = app.require_chain().reader
    for group in _grouped(final):
        histories = []
        for seal, changes in group:
            histories.append(History(SEAL_REGISTRY, _slot(seal_fact_slot, seal.code), SEAL_FIRST_CERTIFICATE + 1))
            histories.append(History(SEAL_REGISTRY, _slot(seal_state_slot, seal.code), 1 + len(changes)))
        _, state, _ = reader.prove_histories(head.number, [], histories, head.hash)
        for seal, changes in group:
            facts = read_seal_facts(state, seal.code)
            states = [one.state for one in read_seal_states(state, seal.code)][1:]
            ours = [change.state for change in changes if change.final_block is not None]
            if not facts or (facts[SEAL_SHA256], facts[SEAL_SM3]) != (seal.sha256, seal.sm3) or states != ours:
                found.append(finding("seal_differs", seal.code))
    return len(final)


def _audit_catalogs(app: App, head: Block, org: str | None, found: list[Finding]) -> int:
    """Every entry's versions form one history whose end is the head on chain."""
    with app.database.reading() as connection:
        histories = {code: catalogs.history(connection, code) for code in catalogs.codes(connection)}
    mine = [(code, rows) for code, rows in histories.items() if rows and org in (None, rows[0].org)]
    reader = app.require_chain().reader
    for group in _grouped(mine):
        wants = [
            (CATALOG_REGISTRY, slot(code)) for code, _ in group for slot in (catalog_digest_slot, catalog_standing_slot)
        ]
        _, state = reader.prove(head.number, wants, head.hash)
        for code, rows in group:
            word = state.word(CATALOG_REGISTRY, catalog_digest_slot(code))
            standing = state.word(CATALOG_REGISTRY, catalog_standing_slot(code))
            sequence = CatalogStanding.from_word(standing).sequence if standing else None
            try:
                versions = [parse_catalog(orjson.loads(row.body)) for row in rows if row.final_block is not None]
            except (BadRequest, orjson.JSONDecodeError):
                found.append(finding("catalog_altered", code))
                continue
            breaks = check_history(versions, word.to_bytes(32, "big") if word else None, sequence)
            found += [finding("catalog_" + one.code, code, sequence=one.sequence) for one in breaks]
    return len(mine)


def _slot(slot: Callable[[str, int], bytes], code: str) -> Callable[[int], bytes]:
    return lambda n: slot(code, n)


def _grouped(items: list[Any]) -> Iterable[list[Any]]:
    return (items[start : start + TOGETHER] for start in range(0, len(items), TOGETHER))


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
