"""API keys: made once, shown once, stored as a hash, revoked."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence

from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.display import moment, optional_moment
from chain_service.core.records.identifiers import parse_org_code
from chain_service.errors import BadRequest, Unauthorised
from chain_service.jobs.asker import ROLES, KeyHolder
from chain_service.jobs.context import App
from chain_service.store import keys
from chain_service.store.keys import ApiKey

PREFIX = "cs_"
_KEY = re.compile(r"cs_[A-Za-z0-9_-]{43}")
MAX_LABEL = 100


@answer
class ListedKey:
    """A key as the operator sees it: without what its holder keeps."""

    id: str
    org: str
    roles: tuple[str, ...]
    label: str
    """What the key is for, in the words of whoever made it."""
    created_at: str
    revoked_at: str | None
    """When it stopped working; null while it works."""


@answer
class CreatedKey(ListedKey):
    """A new key, with what its holder keeps."""

    key: str
    """What goes into `Authorization: Bearer`; it is shown once and stored as a hash."""


@answer
class RevokedKey:
    """A key that no longer works."""

    id: str
    revoked: bool
    changed: bool
    """False where it was revoked before."""


def create_key(app: App, org: str, roles: Sequence[str], label: str = "") -> CreatedKey:
    """A new key of the organisation with these roles; `key` is in this answer and nowhere else."""
    code = parse_org_code(org, field="org")
    wanted = tuple(role for role in ROLES if role in roles)
    unknown = sorted(set(roles) - set(ROLES))
    if unknown or not wanted:
        raise BadRequest(f"role must be one of {', '.join(ROLES)}", field="role", unknown=unknown)
    if len(label) > MAX_LABEL or not label.isprintable():
        raise BadRequest(f"label may have {MAX_LABEL} printable characters", field="label")
    secret = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(secrets.token_hex(8), code, wanted, _hash(secret), label, app.clock())
    with app.database.transaction() as connection:
        keys.add(connection, key)
    return CreatedKey(key.id, key.org, key.roles, key.label, moment(key.created_at), None, secret)


def list_keys(app: App, org: str | None = None) -> list[ListedKey]:
    """Every key, without what its holder keeps."""
    with app.database.reading() as connection:
        return [
            ListedKey(
                id=key.id,
                org=key.org,
                roles=key.roles,
                label=key.label,
                created_at=moment(key.created_at),
                revoked_at=optional_moment(key.revoked_at),
            )
            for key in keys.listed(connection, org)
        ]


def revoke_key(app: App, key_id: str) -> RevokedKey:
    """The key opens nothing any more. Raises `NotFound` (`key_unknown`)."""
    with app.database.transaction() as connection:
        changed = keys.revoke(connection, key_id, app.clock())
    return RevokedKey(key_id, revoked=True, changed=changed)


def authenticate(app: App, bearer: str) -> KeyHolder:
    """Who holds this key. Raises `Unauthorised`, alike for unknown, malformed and revoked keys."""
    if _KEY.fullmatch(bearer):
        with app.database.reading() as connection:
            key = keys.by_hash(connection, _hash(bearer))
        if key is not None and key.revoked_at is None:
            return KeyHolder(key.org, frozenset(role for role in ROLES if role in key.roles), key.id)
    raise Unauthorised("this API key is unknown or revoked")


def _hash(secret: str) -> bytes:
    # A key has 256 random bits: a plain hash cannot be searched, and looking it up costs no slow derivation.
    return hashlib.sha256(secret.encode("ascii")).digest()
