"""Re-proving seals and catalog entries against their registries, and what the registries hold that is not stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection

from chain_service.chain.reader import HistoryRequest
from chain_service.core.chainproof.storage_layout import (
    CATALOG_REGISTRY,
    SEAL_FIRST_CERTIFICATE,
    SEAL_REGISTRY,
    CatalogStanding,
    catalog_digest_slot,
    catalog_standing_slot,
    code_key,
    seal_fact_slot,
    seal_state_slot,
)
from chain_service.core.encoding.canonical import canonical
from chain_service.core.registries.catalogs import CatalogVersion, check_history, digest, parse_catalog
from chain_service.core.registries.histories import read_seal_facts, read_seal_states
from chain_service.core.registries.seals import parse_seal, seal_facts
from chain_service.errors import BadRequest, Corrupt
from chain_service.jobs.auditing.findings import AuditFinding, compare, finding
from chain_service.jobs.context import App
from chain_service.jobs.registries.catalogs import step_of
from chain_service.store import chain_index
from chain_service.store.chain_index import IndexedBlock
from chain_service.store.registries import catalogs, organisations, seals
from chain_service.store.registries.catalogs import StoredCatalogVersion, UnstoredVersion
from chain_service.store.registries.seals import StoredSeal
from chain_service.store.rows import json_object

TOGETHER = 100


def audit_seals(
    app: App, connection: Connection, head: IndexedBlock, org: str | None, findings: list[AuditFinding]
) -> int:
    """Every registered seal is stored, and its facts and states are those on chain; how many there are."""
    final = [(seal, seals.changes(connection, seal.code)) for seal in seals.of_owner(connection, org)]
    final = [(seal, changes) for seal, changes in final if seal.final_block is not None]
    reader = app.require_chain().reader
    for group in _grouped(final):
        histories = []
        for seal, changes in group:
            histories.append(
                HistoryRequest(SEAL_REGISTRY, _slot(seal_fact_slot, seal.code), SEAL_FIRST_CERTIFICATE + 1)
            )
            histories.append(HistoryRequest(SEAL_REGISTRY, _slot(seal_state_slot, seal.code), 1 + len(changes)))
        _, state, _ = reader.prove_histories(head.number, [], histories, head.hash)
        for seal, changes in group:
            states = [step.state for step in read_seal_states(state, seal.code)][1:]
            ours = [(change.n, change.state) for change in changes if change.final_block is not None]
            if read_seal_facts(state, seal.code) != _facts(seal) or list(enumerate(states, start=1)) != ours:
                findings.append(finding("seal_differs", seal.code))
    known = {seal.code for seal, _ in final}
    for event in chain_index.events(connection, ("SealRegistered",)):
        owner = organisations.org_in(event.args["owner"])
        if _ours(app, owner, org) and event.args["code"] not in known:
            findings.append(finding("seal_missing", event.args["code"], owner=owner))
    return len(final)


def _facts(seal: StoredSeal) -> list[bytes]:
    """What the registry holds of the seal as it is stored; nothing if its body and its columns disagree."""
    try:
        body = parse_seal(json_object(seal.body, "a stored seal"))
    except (BadRequest, Corrupt):
        return []
    stored = (seal.code, seal.owner, seal.sha256, seal.sm3, seal.body)
    if stored != (body.code, body.owner, body.sha256, body.sm3, canonical(body.to_json())):
        return []
    return seal_facts(body)


def audit_catalogs(
    app: App, connection: Connection, head: IndexedBlock, org: str | None, findings: list[AuditFinding]
) -> int:
    """Every entry on chain is stored, and its versions form one history whose end is its head; how many there are."""
    histories = {code: catalogs.history(connection, code) for code in catalogs.codes(connection)}
    mine = [(code, rows) for code, rows in histories.items() if rows and org in (None, rows[0].org)]
    codes = {code_key(code): code for code in histories}
    lost: dict[str, list[UnstoredVersion]] = {}
    for version in catalogs.unstored(connection, org=org):
        if version.catalog in codes:
            lost.setdefault(codes[version.catalog], []).append(version)
            facts = {"sequence": version.sequence, "digest": version.digest.hex(), "block": version.block}
            findings.append(finding("catalog_version_missing", codes[version.catalog], **facts))
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
                versions = [_version(row.body) for row in rows if row.final_block is not None]
                altered = [one for row in rows for one in _check_version(row)]
            except (BadRequest, Corrupt):
                findings.append(finding("catalog_altered", code))
                continue
            missing = [step_of(one) for one in lost.get(code, [])]
            breaks = check_history(versions, word.to_bytes(32, "big") if word else None, sequence, missing)
            findings += altered
            findings += [finding("catalog_" + gap.code, code, sequence=gap.sequence) for gap in breaks]
    findings += _missing_entries(app, connection, org, {key.hex() for key in codes})
    return len(mine)


def _version(body: bytes) -> CatalogVersion:
    return parse_catalog(json_object(body, "a stored catalog version"))


def _check_version(row: StoredCatalogVersion) -> list[AuditFinding]:
    """The row's columns are what its body says."""
    version = _version(row.body)
    proven = {
        "code": version.code,
        "sequence": version.sequence,
        "org": version.provider,
        "layer": version.layer,
        "action": version.action,
        "digest": digest(version),
        "previous": version.previous,
        "body": canonical(version.body),
    }
    return compare("catalog_versions", vars(row), proven, "its content")


def _missing_entries(app: App, connection: Connection, org: str | None, known: set[str]) -> list[AuditFinding]:
    missing: dict[str, str] = {}
    for event in chain_index.events(connection, ("CatalogChanged",)):
        owner = organisations.org_of(event)
        if _ours(app, owner, org):
            missing |= {change[0]: owner for change in event.args["changes"] if change[0] not in known}
    return [finding("catalog_missing", "0x" + catalog, owner=owner) for catalog, owner in missing.items()]


def _ours(app: App, owner: str, org: str | None) -> bool:
    """This instance is the owner's custodian, and the owner is the one asked about, if one is."""
    return org in (None, owner) and owner in app.keystore.accounts()


def _slot(slot: Callable[[str, int], bytes], code: str) -> Callable[[int], bytes]:
    return lambda n: slot(code, n)


def _grouped(items: list[Any]) -> Iterable[list[Any]]:
    return (items[start : start + TOGETHER] for start in range(0, len(items), TOGETHER))
