"""API keys: made once, shown once, stored as a hash, limited, rotated, revoked."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final, cast, get_args

from limits import RateLimitItem, parse_many

from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.display import moment, optional_moment
from chain_service.core.registries.typed_codes import typed_org_code, typed_type_code
from chain_service.errors import BadRequest, Conflict, Unauthorised
from chain_service.jobs.asker import ROLES, KeyHolder, Role
from chain_service.jobs.context import App
from chain_service.jobs.key_limits import DAY
from chain_service.jobs.pages import page_size, parse_cursor, write_cursor
from chain_service.jobs.records.erasure_list import note_end, note_revocation
from chain_service.jobs.verifying.missed_lookups import MISSED_WITHIN
from chain_service.store import readings
from chain_service.store.access import keys
from chain_service.store.access.keys import ApiKey, KeyFilters, KeyState

PREFIX = "cs_"
_KEY = re.compile(r"cs_[A-Za-z0-9_-]{43}")
MAX_LABEL = 100
OVERLAP = 7 * DAY
MOST_MISSED = 10_000
"""Misses that are counted at most when a key is shown."""
RATES: Final[Mapping[Role, str]] = {
    "anchor": "12000/minute",
    "status": "12000/minute",
    "catalog": "12000/minute",
    "seal": "12000/minute",
    "verify": "1200/minute",
    "audit": "1200/minute",
}
"""Requests that a key of a role may make where it says nothing else: machines submit, people look up and read."""


@answer
class ListedKey:
    """A key as the operator sees it: without what its holder keeps."""

    id: str
    org: str
    roles: tuple[str, ...]
    label: str
    """What the key is for, in the words of whoever made it."""
    state: KeyState
    """Whether it works."""
    created_at: str
    expires_at: str | None
    """When it stops working by itself."""
    revoked_at: str | None
    """When it was stopped; null where it was not."""
    last_used_at: str | None
    """To about a minute; null where it never was."""
    rate: str
    """Requests that it may make."""
    daily_lookups: int
    """Look-ups by identifier that it may make in a day."""
    types: tuple[str, ...] | None
    """Certificate types that it may look up by identifier; null: all."""
    replaces: str | None
    """The key whose successor it is."""


@answer
class CreatedKey(ListedKey):
    """A new key, with what its holder keeps."""

    key: str
    """What goes into `Authorization: Bearer`; it is shown once and stored as a hash."""


@answer
class RotatedKey(CreatedKey):
    """A new key in place of another, which ends a little later."""

    replaced_ends_at: str


@answer
class ShownKey(ListedKey):
    """A key with its successor and what it has used of its limits."""

    replaced_by: str | None
    lookups_today: int
    """By UTC; processes take them in shares, so it may be a few more than were made."""
    missed_lookups: int
    """Look-ups in the last hour that found nothing; an alert stands from `missed_lookups` of the settings on."""


@answer
class KeyPage:
    """Keys, oldest first."""

    keys: tuple[ListedKey, ...]
    next: str | None
    """Cursor of the next page."""


@answer
class RevokedKey:
    """A key that no longer works."""

    id: str
    revoked: bool
    changed: bool
    """False where it was revoked before."""


def create_key(
    app: App,
    org: str,
    roles: Sequence[str],
    label: str = "",
    *,
    rate: str | None = None,
    daily_lookups: int | None = None,
    expires_at: float | None = None,
    types: Sequence[str] = (),
) -> CreatedKey:
    """A new key of the organisation with these roles; `key` is in this answer and nowhere else.

    `types` bound what it may look up by identifier. Raises `BadRequest`.
    """
    code = typed_org_code(org)
    wanted = tuple(role for role in ROLES if role in roles)
    unknown = sorted(set(roles) - set(ROLES))
    if unknown or not wanted:
        raise BadRequest(f"role must be one of {', '.join(ROLES)}", field="role", unknown=unknown)
    if len(label) > MAX_LABEL or not label.isprintable():
        raise BadRequest(f"label may have {MAX_LABEL} printable characters", field="label")
    if rate is not None:
        rate = str(parse_rate(rate))
    if daily_lookups is not None and not 0 <= daily_lookups < 2**31:
        raise BadRequest("the look-ups of a day must be a number from 0 on", field="daily-lookups")
    if expires_at is not None and expires_at <= app.clock():
        raise BadRequest("a key must expire in the future", field="expires")
    scope = tuple(dict.fromkeys(typed_type_code(one) for one in types))
    secret = _secret()
    key = ApiKey(
        secrets.token_hex(8),
        code,
        wanted,
        _hash(secret),
        label,
        app.clock(),
        expires_at=expires_at,
        rate=rate,
        daily_lookups=daily_lookups,
        types=scope,
    )
    with app.database.transaction() as connection:
        keys.add(connection, key)
    return CreatedKey(**_facts(app, key), key=secret)


def rotate_key(app: App, key_id: str, overlap: float = OVERLAP, *, expires_at: float | None = None) -> RotatedKey:
    """A new key with all that the old one may do; the old one ends `overlap` seconds from now, or earlier if it would.

    One that expires is followed by one that lives as long, unless `expires_at` says otherwise. Raises `NotFound`
    (`key_unknown`), `Conflict` (`key_ended`) for a key that has ended or was rotated before, `BadRequest`.
    """
    now, secret = app.clock(), _secret()
    if overlap < 0 or (expires_at is not None and expires_at <= now):
        raise BadRequest("a key must expire in the future", field="overlap" if overlap < 0 else "expires")
    with app.database.transaction() as connection:
        old = keys.get(connection, key_id, lock=True)
        successor = keys.successor(connection, key_id)
        if old.state(now) != "standing" or successor is not None:
            raise Conflict("this key has ended or was replaced already", code="key_ended", successor=successor)
        if expires_at is None and old.expires_at is not None:
            expires_at = now + old.expires_at - old.created_at
        ends = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
        new = replace(
            old,
            id=secrets.token_hex(8),
            hash=_hash(secret),
            created_at=now,
            expires_at=expires_at,
            replaces=old.id,
            last_used_at=None,
        )
        keys.add(connection, new)
        keys.end(connection, old.id, ends)
        note_end(app, old.id, ends)
    return RotatedKey(**_facts(app, new), key=secret, replaced_ends_at=moment(ends))


def list_keys(
    app: App,
    org: str | None = None,
    *,
    role: str | None = None,
    state: str | None = None,
    unused_since: float | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> KeyPage:
    """Keys, without what their holders keep, page by page; `unused_since` finds those that nobody needs."""
    if role is not None and role not in ROLES:
        raise BadRequest(f"role must be one of {', '.join(ROLES)}", field="role")
    if state is not None and state not in get_args(KeyState):
        raise BadRequest(f"state must be one of {', '.join(get_args(KeyState))}", field="state")
    org = None if org is None else typed_org_code(org)
    filters = KeyFilters(org, role, cast(KeyState | None, state), unused_since, app.clock())
    with app.database.reading() as connection:
        found, following = keys.page(connection, filters, skip=parse_cursor(cursor) or 0, limit=page_size(limit))
    return KeyPage(tuple(ListedKey(**_facts(app, key)) for key in found), write_cursor(following))


def show_key(app: App, key_id: str) -> ShownKey:
    """One key with what it has used. Raises `NotFound` (`key_unknown`)."""
    now = app.clock()
    today = int(now) // DAY * DAY
    with app.database.reading() as connection:
        key = keys.get(connection, key_id)
        used = [one.used for one in keys.windows(connection, key_id) if one.counted == "lookups" and one.since == today]
        missed = readings.misses(connection, key_id, now - MISSED_WITHIN, MOST_MISSED)
        successor = keys.successor(connection, key_id)
    return ShownKey(**_facts(app, key), replaced_by=successor, lookups_today=sum(used), missed_lookups=missed)


def revoke_key(app: App, key_id: str) -> RevokedKey:
    """The key opens nothing any more, here and in a restored backup. Raises `NotFound` (`key_unknown`)."""
    with app.database.transaction() as connection:
        changed = keys.revoke(connection, key_id, app.clock())
        if changed:
            note_revocation(app, key_id)
    return RevokedKey(key_id, revoked=True, changed=changed)


def admit(app: App, bearer: str) -> KeyHolder:
    """Who holds this key, one request of which is counted.

    Raises `Unauthorised`, alike for unknown, malformed and revoked keys, and `RateLimited`.
    """
    key = _standing(app, bearer)
    app.key_limits.request(key.id, parse_rate(_rate(key)), app.clock())
    roles = frozenset(role for role in ROLES if role in key.roles)
    return KeyHolder(key.org, roles, key.id, frozenset(key.types), _daily_lookups(app, key))


def _standing(app: App, bearer: str) -> ApiKey:
    """The key, which works. Who sends an expired key holds it, so that it has expired tells nothing to anybody else."""
    if _KEY.fullmatch(bearer):
        with app.database.reading() as connection:
            key = keys.by_hash(connection, _hash(bearer))
        state = key.state(app.clock()) if key is not None else "revoked"
        if key is not None and state == "standing":
            return key
        if state == "expired":
            raise Unauthorised("this API key has expired", code="key_expired")
    raise Unauthorised("this API key is unknown or revoked")


def _daily_lookups(app: App, key: ApiKey) -> int:
    return app.settings.daily_lookups if key.daily_lookups is None else key.daily_lookups


@cache
def parse_rate(rate: str) -> RateLimitItem:
    """The rate, one only: requests in a window of at most a day. Raises `BadRequest` (field `rate`)."""
    try:
        (parsed,) = parse_many(rate)
    except ValueError:
        parsed = None
    if parsed is None or not 1 <= parsed.get_expiry() <= DAY or not 1 <= parsed.amount < 2**31:
        raise BadRequest("a rate is requests in a time of at most a day, such as 600/minute or 5000/hour", field="rate")
    return parsed


def _rate(key: ApiKey) -> str:
    """Its own rate, or the highest that one of its roles has."""
    return key.rate or max((RATES[role] for role in ROLES if role in key.roles), key=lambda one: parse_rate(one).amount)


def _facts(app: App, key: ApiKey) -> dict[str, Any]:
    """What `ListedKey` says of the key."""
    return {
        "id": key.id,
        "org": key.org,
        "roles": key.roles,
        "label": key.label,
        "state": key.state(app.clock()),
        "created_at": moment(key.created_at),
        "expires_at": optional_moment(key.expires_at),
        "revoked_at": optional_moment(key.revoked_at),
        "last_used_at": optional_moment(key.last_used_at),
        "rate": str(parse_rate(_rate(key))),
        "daily_lookups": _daily_lookups(app, key),
        "types": key.types or None,
        "replaces": key.replaces,
    }


def _secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _hash(secret: str) -> bytes:
    # A key has 256 random bits: a plain hash cannot be searched, and looking it up costs no slow derivation.
    return hashlib.sha256(secret.encode("ascii")).digest()
