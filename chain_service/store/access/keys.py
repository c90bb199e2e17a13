"""API keys, known by their hash only, and how much of its limits each has used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from chain_service.errors import NotFound
from chain_service.store.auditing import journal
from chain_service.store.rows import chunks, row_count
from chain_service.store.schema import api_keys, key_windows

Counted = Literal["requests", "lookups"]
"""What of a key is counted: its requests, and the identifiers that it looks up."""
KeyState = Literal["standing", "expired", "revoked"]


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
    expires_at: float | None = None
    rate: str | None = None
    """Requests, as `600/minute`; None: as its roles have it."""
    daily_lookups: int | None = None
    """Look-ups by identifier in a day; None: as the instance has it."""
    types: tuple[str, ...] = ()
    """Certificate types that it may look up by identifier; empty: all."""
    replaces: str | None = None
    """The key whose successor it is."""
    last_used_at: float | None = None

    def state(self, now: float) -> KeyState:
        """Whether it opens anything at this moment."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "standing"


_REPLACED = select(api_keys.c.replaces).where(api_keys.c.id == bindparam("id"))
_BY_HASH = select(api_keys).where(api_keys.c.hash == bindparam("hash"))


def _key(row: Row[Any]) -> ApiKey:
    types = tuple(row.types.split(",")) if row.types else ()
    return ApiKey(**{**row._mapping, "roles": tuple(row.roles.split(",")), "types": types})


def add(connection: Connection, key: ApiKey) -> None:
    """The key is known. Raises Conflict (`constraint`) where the one that it replaces has a successor."""
    lists = {"roles": ",".join(key.roles), "types": ",".join(key.types) or None}
    connection.execute(insert(api_keys), vars(key) | lists)
    journal.note(connection, "api_keys", id=key.id)


def by_hash(connection: Connection, hash: bytes) -> ApiKey | None:
    """The key with this hash, revoked or not; None where it is unknown."""
    row = connection.execute(_BY_HASH, {"hash": hash}).one_or_none()
    return None if row is None else _key(row)


def get(connection: Connection, id: str, *, lock: bool = False) -> ApiKey:
    """The key of this id; with `lock` nobody else changes it meanwhile. Raises NotFound (`key_unknown`)."""
    query = select(api_keys).where(api_keys.c.id == id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("no key has this id", code="key_unknown", id=id)
    return _key(row)


def successor(connection: Connection, id: str) -> str | None:
    """The id of the key that replaces this one."""
    return connection.execute(select(api_keys.c.id).where(api_keys.c.replaces == id)).scalar_one_or_none()


@dataclass(frozen=True)
class KeyFilters:
    """Which keys are asked for; None: whatever it is."""

    org: str | None = None
    role: str | None = None
    state: KeyState | None = None
    """At the moment `now`."""
    unused_since: float | None = None
    """Never used, or last before this moment (unix seconds)."""
    now: float = 0.0


def page(connection: Connection, filters: KeyFilters, *, skip: int, limit: int) -> tuple[list[ApiKey], int | None]:
    """Keys without the first `skip`, oldest first, revoked ones too, and the `skip` of the next page."""
    query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id).offset(skip).limit(limit + 1)
    if filters.org is not None:
        query = query.where(api_keys.c.org == filters.org)
    if filters.role is not None:
        query = query.where(("," + api_keys.c.roles + ",").contains(f",{filters.role},", autoescape=True))
    if filters.state is not None:
        query = query.where(api_keys.c.revoked_at.is_not(None) if filters.state == "revoked" else _ends(filters))
    if filters.unused_since is not None:
        query = query.where(or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < filters.unused_since))
    found = [_key(row) for row in connection.execute(query)]
    return found[:limit], skip + limit if len(found) > limit else None


def _ends(filters: KeyFilters) -> Any:
    expired = api_keys.c.expires_at.is_not(None) & (api_keys.c.expires_at <= filters.now)
    return api_keys.c.revoked_at.is_(None) & (expired if filters.state == "expired" else ~expired)


def revoke(connection: Connection, id: str, at: float) -> bool:
    """The key is revoked; False if it was before. Raises NotFound (`key_unknown`)."""
    standing = update(api_keys).where(api_keys.c.id == id, api_keys.c.revoked_at.is_(None))
    if row_count(connection.execute(standing.values(revoked_at=at))):
        journal.note(connection, "api_keys", id=id)
        return True
    get(connection, id)
    return False


def standing(connection: Connection, ids: Iterable[str]) -> dict[str, float | None]:
    """Those of these keys that are known and were not revoked, and when each expires."""
    found: dict[str, float | None] = {}
    for part in chunks(sorted(ids)):
        query = select(api_keys.c.id, api_keys.c.expires_at)
        query = query.where(api_keys.c.id.in_(part), api_keys.c.revoked_at.is_(None))
        found |= {row.id: row.expires_at for row in connection.execute(query)}
    return found


def end(connection: Connection, id: str, at: float) -> None:
    """The key opens nothing from this moment on."""
    connection.execute(update(api_keys).where(api_keys.c.id == id).values(expires_at=at))
    journal.note(connection, "api_keys", id=id)


def first_of(connection: Connection, id: str) -> str:
    """The key that this one and all before it replaced, by its id: rotated keys have one holder."""
    return _until_last(id, lambda one: connection.execute(_REPLACED, {"id": one}).scalar())[-1]


def holders(connection: Connection, id: str) -> Sequence[str]:
    """All keys of the holder of this one, oldest first: those that it replaced, itself, and those that replaced it."""
    return _until_last(first_of(connection, id), lambda one: successor(connection, one))


def _until_last(id: str, following: Callable[[str], str | None]) -> Sequence[str]:
    found = dict.fromkeys([id])
    while (after := following(id)) is not None:
        if after in found:  # rows that were altered into a circle
            break
        found[after] = None
        id = after
    return list(found)


def roles_of(connection: Connection, id: str) -> tuple[str, ...]:
    """The roles of the key, none where it is unknown or revoked; what it did before it expired stays done."""
    query = select(api_keys.c.roles).where(api_keys.c.id == id, api_keys.c.revoked_at.is_(None))
    roles = connection.execute(query).scalar_one_or_none()
    return () if roles is None else tuple(roles.split(","))


@dataclass(frozen=True)
class KeyWindow:
    """How much of one limit a key has been granted in the window that began at `since` (unix seconds)."""

    counted: Counted
    since: int
    used: int


def windows(connection: Connection, id: str) -> Sequence[KeyWindow]:
    """The newest window of each limit of the key."""
    columns = (key_windows.c.counted, key_windows.c.since, key_windows.c.used)
    return [KeyWindow(*row) for row in connection.execute(select(*columns).where(key_windows.c.key_id == id))]


def grant(connection: Connection, id: str, counted: Counted, since: int, wanted: int, most: int, at: float) -> int:
    """How many of `wanted` the key is granted of the `most` of the window that began at `since`; it is used `at`.

    Whoever asks with a clock that is behind is granted of the newer window.
    """
    new = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {"key_id": id, "counted": counted, "since": since, "used": 0}
    connection.execute(new(key_windows).values(row).on_conflict_do_nothing())
    mine = (key_windows.c.key_id == id, key_windows.c.counted == counted)
    query = select(key_windows.c.since, key_windows.c.used).where(*mine).with_for_update()
    stored_since, stored_used = connection.execute(query).one()
    used = 0 if stored_since < since else stored_used
    granted = max(0, min(wanted, most - used))
    values = {"since": max(since, stored_since), "used": used + granted}
    connection.execute(update(key_windows).where(*mine).values(values))
    used_at = func.coalesce(api_keys.c.last_used_at, 0.0)
    connection.execute(update(api_keys).where(api_keys.c.id == id, used_at < at).values(last_used_at=at))
    return granted
