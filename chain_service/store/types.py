"""Certificate types as the instance's operator entered them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from chain_service.store.rows import json_object, touched
from chain_service.store.schema import certificate_types


@dataclass(frozen=True)
class CertificateType:
    """A type's entry: `body` as it was given, `created_at` unix seconds."""

    code: str
    body: Mapping[str, Any]
    created_at: float


def put(connection: Connection, new: CertificateType) -> None:
    """The type has this body, in place of an earlier one."""
    body = json.dumps(dict(new.body), ensure_ascii=False, sort_keys=True)
    replaced = update(certificate_types).where(certificate_types.c.code == new.code).values(body=body)
    if touched(connection.execute(replaced)) == 0:
        row = {"code": new.code, "body": body, "created_at": new.created_at}
        connection.execute(insert(certificate_types), row)


def find(connection: Connection, code: str) -> CertificateType | None:
    """The type of this code."""
    row = connection.execute(select(certificate_types).where(certificate_types.c.code == code)).one_or_none()
    return None if row is None else _read(row)


def listed(connection: Connection) -> list[CertificateType]:
    """All types by code."""
    rows = connection.execute(select(certificate_types).order_by(certificate_types.c.code))
    return [_read(row) for row in rows]


def _read(row: Row[Any]) -> CertificateType:
    body = json_object(row.body, "a stored certificate type", type=row.code)
    return CertificateType(row.code, body, row.created_at)
