"""API keys, known by their hash only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from chain_service.errors import NotFound
from chain_service.store.rows import row_count
from chain_service.store.schema import api_keys


@dataclass(frozen=True)
class ApiKey:
    """A key of one organisation; `hash` is the SHA-256 of what its holder keeps, times are unix seconds."""

    id: str
    org: str
    roles: tuple[str, ...]
    hash: bytes
    label: str
    created_at: float
    revoked_at: float | None = None


_BY_HASH = select(api_keys).where(api_keys.c.hash == bindparam("hash"))


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(**{**row._mapping, "roles": tuple(row.roles.split(","))})


def add(connection: Connection, key: ApiKey) -> None:
    """The key is known."""
    connection.execute(insert(api_keys), vars(key) | {"roles": ",".join(key.roles)})


def by_hash(connection: Connection, hash: bytes) -> ApiKey | None:
    """The key with this hash, revoked or not; None where it is unknown."""
    row = connection.execute(_BY_HASH, {"hash": hash}).one_or_none()
    return None if row is None else _key(row)


def listed(connection: Connection, org: str | None = None) -> list[ApiKey]:
    """All keys (of the organisation, if given), oldest first, revoked ones too."""
    query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
    rows = connection.execute(query if org is None else query.where(api_keys.c.org == org))
    return [_key(row) for row in rows]


def revoke(connection: Connection, id: str, at: float) -> bool:
    """The key is revoked; False if it was before. Raises NotFound (`key_unknown`)."""
    standing = update(api_keys).where(api_keys.c.id == id, api_keys.c.revoked_at.is_(None))
    if row_count(connection.execute(standing.values(revoked_at=at))):
        return True
    if connection.execute(select(api_keys.c.id).where(api_keys.c.id == id)).one_or_none() is None:
        raise NotFound("no key has this id", code="key_unknown", id=id)
    return False


def roles_of(connection: Connection, id: str) -> tuple[str, ...]:
    """The roles of the key, none where it is unknown or revoked."""
    query = select(api_keys.c.roles).where(api_keys.c.id == id, api_keys.c.revoked_at.is_(None))
    roles = connection.execute(query).scalar_one_or_none()
    return () if roles is None else tuple(roles.split(","))
