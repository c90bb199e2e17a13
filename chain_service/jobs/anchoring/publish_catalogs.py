"""Catalog entries: publishing versions, tracing an entry's history, comparing versions, looking across the layers."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from chain_service.core.chainproof.storage_layout import (
    CATALOG_REGISTRY,
    CatalogStanding,
    catalog_digest_slot,
    catalog_standing_slot,
)
from chain_service.core.encoding.canonical import canonical
from chain_service.core.encoding.display import hex0x, moment
from chain_service.core.encoding.refusals import Refusals
from chain_service.core.encoding.visible_text import add_hidden, require_visible
from chain_service.core.registries import catalog_findings
from chain_service.core.registries.catalogs import CatalogVersion, check_history, digest, next_version, parse_catalog
from chain_service.errors import (
    BadRequest,
    ChainServiceError,
    Conflict,
    Corrupt,
    InvalidProof,
    MalformedRecord,
    NotFound,
    Unavailable,
)
from chain_service.jobs.anchoring.register_seals import account_of
from chain_service.jobs.context import App, Caller
from chain_service.jobs.sending.group_changes import VERSIONS, version_submission, version_words
from chain_service.store import catalogs, chain_index, organisations, submissions
from chain_service.store.catalogs import CatalogVersion as Stored
from chain_service.store.catalogs import NewCatalogVersion
from chain_service.store.rows import json_object

MAX_ENTRIES = 1000
_PLACE = ("sequence", "previous")


def publish(app: App, caller: Caller, entries: object) -> list[dict[str, Any]]:
    """The versions (one object, or a list) are on their way to the registry, all of them or none.

    `sequence` and `previous` are filled in where left out. Sending a version again whose content is the latest one's
    returns that one with `created` False. Raises `MalformedRecord`, `Forbidden`, `Conflict` (`catalog_conflict`);
    in a list `details["entry"]` counts from 1.
    """
    caller.need("catalog")
    parsed = _parse(caller, entries)
    account = account_of(app, caller.org)
    with app.database.transaction() as connection, Refusals() as refusals:
        organisations.get(connection, caller.org)
        stored = catalogs.latest(connection, [version.code for version in parsed])
        latest: dict[str, CatalogVersion] = {code: _read(version) for code, version in stored.items()}
        answers: list[dict[str, Any]] = []
        new: list[CatalogVersion] = []
        for place, version in enumerate(parsed, start=1):
            before = latest.get(version.code)
            if before is not None and _same(before, version):
                answers.append(_accepted(before, created=False))
                continue
            try:
                following = next_version(before, version)
            except Conflict as error:
                refusals.add(error, entry=place)
                continue
            latest[version.code] = following
            new.append(following)
            answers.append(_accepted(following, created=True))
        refusals.raise_first()
        _queue(app, connection, caller, account, new)
    return answers


def _parse(caller: Caller, entries: object) -> list[CatalogVersion]:
    listed = entries if isinstance(entries, list) else [entries]
    if not 1 <= len(listed) <= MAX_ENTRIES:
        raise MalformedRecord(f"between 1 and {MAX_ENTRIES} entries can be published at once", field="")
    parsed: list[CatalogVersion] = []
    with Refusals() as refusals:
        for place, entry in enumerate(listed, start=1):
            try:
                parsed.append(_read_entry(caller, entry))
            except ChainServiceError as error:
                refusals.add(error, entry=place)
    return parsed


def _read_entry(caller: Caller, entry: object) -> CatalogVersion:
    """The version in `entry`; raises the first refusal, which tells the others."""
    with Refusals() as refusals:
        try:
            version = parse_catalog(entry)
        except MalformedRecord as error:
            refusals.add(error)
            add_hidden(entry, refusals)
            refusals.raise_first()
        refusals.read(require_visible, version.body)
        refusals.read(caller.need_org, version.provider)
    return version


def _same(before: CatalogVersion, submitted: CatalogVersion) -> bool:
    """The submitted version says what the latest one says, apart from the place it may leave out."""
    content = {name: value for name, value in before.body.items() if name not in _PLACE}
    given = {name: value for name, value in submitted.body.items() if name not in _PLACE}
    if content != given or before.sequence is None:
        return False
    return submitted.sequence in (None, before.sequence) and submitted.previous in (None, before.previous)


def _queue(app: App, connection: Connection, caller: Caller, account: str, new: Sequence[CatalogVersion]) -> None:
    for start in range(0, len(new), VERSIONS):
        group = new[start : start + VERSIONS]
        words = [version_words(v.code, v.sequence or 0, v.action, v.previous, digest(v)) for v in group]
        submission = version_submission(app, account, caller.org, words)
        submissions.queue(connection, submission)
        rows = [
            NewCatalogVersion(
                id=str(uuid.uuid4()),
                code=version.code,
                sequence=version.sequence or 0,
                org=caller.org,
                layer=version.layer,
                action=version.action,
                digest=digest(version),
                previous=version.previous,
                body=canonical(version.body),
                key_id=caller.key_id,
                created_at=app.clock(),
                submission_id=submission.id,
            )
            for version in group
        ]
        catalogs.add_many(connection, rows)


def list_catalogs(
    app: App, *, org: str | None = None, layer: str | None = None, after: str | None = None, limit: int = 100
) -> dict[str, Any]:
    """The newest version of each entry by code; `next` is the `after` of the next page."""
    with app.database.reading() as connection:
        rows, following = catalogs.page(connection, org=org, layer=layer, after=after, limit=max(1, min(limit, 1000)))
    return {"catalogs": [_listed(row) for row in rows], "next": following}


def history(app: App, code: str) -> dict[str, Any]:
    """Every version in order, each with who, when and where, and whether all of it agrees with the chain.

    Raises `NotFound` (`catalog_unknown`).
    """
    with app.database.reading() as connection:
        rows = _rows(connection, code)
        head = chain_index.head_block(connection)
    final = [_read(row) for row in rows if row.final_block is not None]
    answer: dict[str, Any] = {
        "catalogCode": code,
        "versions": [
            {
                "sequence": row.sequence,
                "action": row.action,
                "digest": "sha-256:" + row.digest.hex(),
                "previous": "sha-256:" + row.previous.hex() if row.previous else None,
                "by": row.org,
                "keyId": row.key_id,
                "acceptedAt": moment(row.created_at),
                "state": "final" if row.final_block is not None else "pending",
                "version": _body(row),
            }
            | _place(row)
            for row in rows
        ],
    }
    try:
        answer["proof"] = _compare(app, code, final, head)
    except (Unavailable, InvalidProof) as error:
        answer["proof"] = {"outcome": "indeterminate", "code": error.code, "detail": error.message, "findings": []}
    return answer


def _compare(app: App, code: str, final: Sequence[CatalogVersion], head: chain_index.Block | None) -> dict[str, Any]:
    """The stored history against the head that the chain holds, proven."""
    if head is None:
        raise Unavailable("the chain has not been read yet", code="node_unavailable")
    wants = [
        (CATALOG_REGISTRY, catalog_digest_slot(code)),
        (CATALOG_REGISTRY, catalog_standing_slot(code)),
    ]
    _, state = app.require_chain().reader.prove(head.number, wants, head.hash)
    word = state.word(*wants[0])
    on_chain = word.to_bytes(32, "big") if word else None
    standing = CatalogStanding.from_word(state.word(*wants[1])) if word else None
    breaks = check_history(final, on_chain, standing.sequence if standing else None)
    return {
        "outcome": "failed" if breaks else "passed",
        "findings": [{"code": b.code, "sequence": b.sequence, "message": {"zh": b.zh, "en": b.en}} for b in breaks],
        "head": {
            "digest": "sha-256:" + on_chain.hex() if on_chain else None,
            "sequence": standing.sequence if standing else 0,
            "owner": standing.organisation if standing else None,
        },
        "chain": {
            "id": state.chain_id,
            "block": state.block,
            "hash": hex0x(state.block_hash),
            "time": moment(state.time),
            "assurance": state.assurance,
        },
    }


def diff(app: App, code: str, from_: int, to: int) -> dict[str, Any]:
    """What changed between two versions, by field and by item. Raises `NotFound` (`catalog_unknown`, `no_version`)."""
    with app.database.reading() as connection:
        rows = {row.sequence: row for row in _rows(connection, code)}
    for sequence in (from_, to):
        if sequence not in rows:
            raise NotFound(f"the entry has no version {sequence}", code="no_version", sequence=sequence)
    differences = catalog_findings.diff(_read(rows[from_]), _read(rows[to]))
    return {"catalogCode": code, "from": from_, "to": to, "differences": [one.to_json() for one in differences]}


def findings(app: App, org: str | None = None) -> dict[str, Any]:
    """Gaps between the three layers and figures over all entries, or those of one organisation."""
    entries: list[catalog_findings.Listed] = []
    after: str | None = None
    with app.database.reading() as connection:
        while True:
            rows, after = catalogs.page(connection, org=None, layer=None, after=after, limit=1000)
            entries += [catalog_findings.Listed(_read(row), int(row.created_at)) for row in rows]
            if after is None:
                break
    mine = {entry.version.code for entry in entries if org is None or entry.version.provider == org}
    found = [one.to_json() for one in catalog_findings.findings(entries, app.now) if one.catalog in mine]
    counted = [entry for entry in entries if entry.version.code in mine]
    return {"findings": found, "metrics": catalog_findings.metrics(counted, app.now).to_json()}


def _rows(connection: Connection, code: str) -> list[Stored]:
    rows = catalogs.history(connection, code)
    if not rows:
        raise NotFound("no catalog entry has this code", code="catalog_unknown", catalog=code)
    return rows


def _read(row: Stored) -> CatalogVersion:
    try:
        return parse_catalog(_body(row))
    except BadRequest as error:
        raise Corrupt("a stored catalog version is damaged", catalog=row.code, sequence=row.sequence) from error


def _body(row: Stored) -> dict[str, Any]:
    return json_object(row.body, "a stored catalog version", catalog=row.code, sequence=row.sequence)


def _accepted(version: CatalogVersion, *, created: bool) -> dict[str, Any]:
    return {
        "catalogCode": version.code,
        "sequence": version.sequence,
        "previous": "sha-256:" + version.previous.hex() if version.previous else None,
        "digest": "sha-256:" + digest(version).hex(),
        "created": created,
    }


def _listed(row: Stored) -> dict[str, Any]:
    body = _body(row)
    return {
        "catalogCode": row.code,
        "layer": row.layer,
        "title": body.get("title"),
        "providerCode": row.org,
        "sequence": row.sequence,
        "action": row.action,
        "digest": "sha-256:" + row.digest.hex(),
        "state": "final" if row.final_block is not None else "pending",
    }


def _place(row: Stored) -> dict[str, Any]:
    if row.final_block is None or row.final_time is None or row.final_tx is None:
        return {}
    return {"block": row.final_block, "time": moment(row.final_time), "tx": hex0x(row.final_tx)}
