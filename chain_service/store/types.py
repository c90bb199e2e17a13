"""Certificate types as the instance's operator entered them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from chain_service.store.auditing import journal
from chain_service.store.rows import chunks, json_object, row_count
from chain_service.store.schema import certificate_type_names, certificate_types


@dataclass(frozen=True)
class StoredCertificateType:
    """A type's entry: `body` as it was given, `created_at` unix seconds."""

    code: str
    body: Mapping[str, Any]
    created_at: float


def put(connection: Connection, new: StoredCertificateType) -> None:
    """The type has this body, in place of an earlier one; a name that it has not had last is added to its names."""
    before = names(connection, [new.code]).get(new.code, [])
    name = new.body.get("certificateTypeName")
    if name is not None and (not before or before[-1][1] != name):
        row = {"code": new.code, "n": len(before), "name": name, "since": new.created_at}
        connection.execute(insert(certificate_type_names), row)
        journal.note(connection, "certificate_type_names", code=new.code, n=len(before))
    body = json.dumps(dict(new.body), ensure_ascii=False, sort_keys=True)
    replaced = update(certificate_types).where(certificate_types.c.code == new.code).values(body=body)
    if row_count(connection.execute(replaced)) == 0:
        row = {"code": new.code, "body": body, "created_at": new.created_at}
        connection.execute(insert(certificate_types), row)
    journal.note(connection, "certificate_types", code=new.code)


def find(connection: Connection, code: str) -> StoredCertificateType | None:
    """The type of this code."""
    row = connection.execute(select(certificate_types).where(certificate_types.c.code == code)).one_or_none()
    return None if row is None else _read(row)


def known(connection: Connection, codes: Collection[str]) -> set[str]:
    """Those of the codes that are listed."""
    codes_known: set[str] = set()
    for part in chunks(sorted(codes)):
        query = select(certificate_types.c.code).where(certificate_types.c.code.in_(part))
        codes_known.update(connection.scalars(query))
    return codes_known


def names(connection: Connection, codes: Collection[str]) -> dict[str, list[tuple[int, str]]]:
    """Every name that each of these types was listed under, with the time (unix seconds), the oldest first."""
    by_code: dict[str, list[tuple[int, str]]] = {}
    table = certificate_type_names
    for part in chunks(sorted(codes)):
        query = select(table.c.code, table.c.since, table.c.name).where(table.c.code.in_(part))
        for code, since, name in connection.execute(query.order_by(table.c.code, table.c.n)):
            by_code.setdefault(code, []).append((int(since), name))
    return by_code


def listed(connection: Connection) -> list[StoredCertificateType]:
    """All types by code."""
    rows = connection.execute(select(certificate_types).order_by(certificate_types.c.code))
    return [_read(row) for row in rows]


def _read(row: Row[Any]) -> StoredCertificateType:
    body = json_object(row.body, "a stored certificate type", type=row.code)
    return StoredCertificateType(row.code, body, row.created_at)
