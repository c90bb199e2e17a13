"""Audits of the whole instance that found nothing: where a later one may go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from chain_service.store.auditing import journal
from chain_service.store.rows import json_object
from chain_service.store.schema import audits


@dataclass(frozen=True)
class PassedAudit:
    """What was proven `at` this moment (unix seconds): the chain up to a block, and of each log a size and its root."""

    at: float
    block: int
    block_hash: bytes
    logs: Mapping[str, Any]
    """Log in hex → size and root in hex."""


def add(connection: Connection, passed: PassedAudit) -> None:
    """The audit is remembered, and the journal tells of it."""
    row = {**vars(passed), "logs": json.dumps(dict(passed.logs), sort_keys=True)}
    id = connection.execute(insert(audits).values(row).returning(audits.c.id)).scalar_one()
    journal.note(connection, "audits", id=id)


def newest(connection: Connection, until: float | None = None) -> PassedAudit | None:
    """The last audit that was remembered (at this moment or before); None where there is none."""
    query = select(audits).order_by(audits.c.id.desc()).limit(1)
    row = connection.execute(query if until is None else query.where(audits.c.at <= until)).one_or_none()
    if row is None:
        return None
    return PassedAudit(row.at, row.block, row.block_hash, json_object(row.logs, "a remembered audit", id=row.id))
