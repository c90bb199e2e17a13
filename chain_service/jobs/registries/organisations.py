"""Who may act for whom, as the index has read it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from chain_service.core.chainproof.storage_layout import (
    OPEN_END,
    PERMIT_GRANT,
    PermitEntry,
    Right,
    code_key,
    date_of_day,
)
from chain_service.core.encoding.display import moment
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import is_org_code, parse_org_code
from chain_service.errors import NotFound
from chain_service.jobs.context import App
from chain_service.store import chain_index, organisations, types

RIGHTS = {right.name.lower(): right for right in Right if right.name}


def list_organisations(app: App) -> list[dict[str, Any]]:
    """Every organisation on chain, as the index has read it."""
    with app.database.reading() as connection:
        return [_listed(one) for one in organisations.listed(connection)]


def organisation(app: App, code: str) -> dict[str, Any]:
    """One organisation with its rights, permits, log keys and logs. Raises `NotFound` (`organisation_unknown`)."""
    if not is_org_code(code):
        raise NotFound("no organisation of this code is registered", code="organisation_unknown")
    with app.database.reading() as connection:
        found = organisations.get(connection, code)
        names = {code_key(one.code): one.code for one in types.listed(connection)}
        return _listed(found) | {
            "accounts": {
                account: right_names(Right(bits)) for account, bits in organisations.rights(connection, code).items()
            },
            "logKeys": [key.hex() for key in organisations.log_keys(connection, code)],
            "permits": [
                {"type": names.get(one.certificate_type), "typeHash": one.certificate_type.hex()}
                | permit_to_json(_core(one))
                | {"block": one.block}
                for one in organisations.permits(connection, code)
            ],
            "logs": [_log(connection, code, generation) for generation in range(found.generation + 1)],
        }


def permit_entries(connection: Connection, org: str, type_code: str) -> list[PermitEntry]:
    """The permit history of one type as indexed, as `core.registries.permits` judges it."""
    return [_core(one) for one in organisations.permits(connection, org, code_key(type_code))]


def _core(entry: organisations.PermitEntry) -> PermitEntry:
    return PermitEntry(entry.action, entry.valid_from, entry.valid_until, entry.recorded_at)


def _listed(one: organisations.Organisation) -> dict[str, Any]:
    return {"code": one.org, "name": one.name, "suspended": one.suspended, "generation": one.generation}


def right_names(rights: Right) -> list[str]:
    return [name for name, right in RIGHTS.items() if right in rights]


def permit_to_json(entry: PermitEntry) -> dict[str, Any]:
    grants = entry.action == PERMIT_GRANT
    last = None if entry.until_day == OPEN_END else date_of_day(entry.until_day)
    first = date_of_day(entry.from_day) if grants else None
    return {
        "action": "grant" if grants else "end",
        "from": first.isoformat() if first else None,
        "until": last.isoformat() if last else None,
        "recordedAt": moment(entry.recorded_at),
    }


def _log(connection: Connection, org: str, generation: int) -> dict[str, Any]:
    log = log_id(parse_org_code(org), generation)
    head = chain_index.log_head(connection, log)
    return {"generation": generation, "log": log.hex(), "size": head.size if head else 0}
