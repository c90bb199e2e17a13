"""Everything that can go wrong, on one screen. Only `web` and `cli` translate these for a reader."""

from __future__ import annotations

import traceback
from typing import Any

MOST_ERRORS = 100
"""Refusals of one body that are told at once; what is wrong beyond them is told the next time."""


class ChainServiceError(Exception):
    """Root of all errors raised on purpose.

    `code` is stable and machine-readable, `message` is one English sentence that names the field and the remedy,
    `details` holds JSON values (never record contents, salts or keys). `zh` says in Chinese what `message` says, where
    the sentence of the code is not enough, and `path` leads from the body to a member that `details["field"]` only
    names. `errors` are all refusals of one body, this one first, or empty.
    """

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None, zh: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.message = message
        self.zh = zh
        self.path: str | None = None
        self.details = details
        self.errors: tuple[ChainServiceError, ...] = ()


class BadRequest(ChainServiceError):
    """The input cannot be read or is not allowed; the caller has to change it."""

    default_code = "bad_request"


class MalformedRecord(BadRequest):
    """A record, seal or catalog entry breaks a rule of its form; `details["field"]` names the member."""

    default_code = "malformed_record"


class MalformedDocument(BadRequest):
    """A document, disclosure or proof cannot be parsed."""

    default_code = "malformed_document"


class InvalidProof(BadRequest):
    """A proof was parsed and proves nothing: wrong hash, seal, node, slot or size."""

    default_code = "invalid_proof"


class CannotTell(InvalidProof):
    """A proof that may hold: what it takes to check it is not known here, or this version cannot. Nothing is wrong."""

    default_code = "trust_stale"


class Unauthorised(ChainServiceError):
    """No key, or a key that is unknown, revoked or expired."""

    default_code = "unauthorised"


class Forbidden(ChainServiceError):
    """The key is known and may not do this."""

    default_code = "forbidden"


class RateLimited(ChainServiceError):
    """This address or key asked too often; `details["retryAfter"]` seconds remain."""

    default_code = "rate_limited"


class NotFound(ChainServiceError):
    """What was asked for is not here."""

    default_code = "not_found"


class Gone(NotFound):
    """The record was erased; its proof of existence stays."""

    default_code = "erased"


class Conflict(ChainServiceError):
    """The request is well formed and contradicts what stands already."""

    default_code = "conflict"


class Unavailable(ChainServiceError):
    """Node, database or service cannot be reached now; the same request may succeed later."""

    default_code = "unavailable"


class Reverted(ChainServiceError):
    """A contract refused; `code` is its error's name, `details["arguments"]` the error's arguments."""

    default_code = "reverted"


class Corrupt(ChainServiceError):
    """Our own data contradict the chain or the program: stop and alert."""

    default_code = "corrupt"


def frames(error: BaseException) -> list[str]:
    """Where an unexpected error came from, without its message, which might quote data."""
    return [f"{f.filename}:{f.lineno}:{f.name}" for f in traceback.extract_tb(error.__traceback__)[-12:]]
