"""An error as callers meet it: RFC 9457 problem details, by the table of `error_codes`.

Example: `NotFound("no record 0d7c…", code="not_found")` becomes

    {"type": "urn:chain-service:problem:not_found", "title": …, "status": 404, "detail": "no record 0d7c…",
     "code": "not_found", "message": {"zh": …, "en": …}}
"""

from __future__ import annotations

from typing import Any

from chain_service.error_codes import CODES, Meaning
from chain_service.errors import (
    MOST_ERRORS,
    BadRequest,
    ChainServiceError,
    Conflict,
    Corrupt,
    Forbidden,
    Gone,
    InvalidProof,
    MalformedDocument,
    MalformedRecord,
    NotFound,
    Reverted,
    Unauthorised,
    Unavailable,
)

_BY_CLASS: tuple[tuple[type[ChainServiceError], str], ...] = (
    (Gone, "erased"),
    (NotFound, "not_found"),
    (Unauthorised, "unauthorised"),
    (Forbidden, "forbidden"),
    (Conflict, "conflict"),
    (Reverted, "reverted"),
    (Unavailable, "unavailable"),
    (Corrupt, "corrupt"),
    (InvalidProof, "invalid_proof"),
    (MalformedRecord, "malformed_record"),
    (MalformedDocument, "malformed_document"),
    (BadRequest, "bad_request"),
)


def meaning_of(error: ChainServiceError) -> Meaning:
    """What the error's code means; a code outside the table (a contract error's name) means what its class means."""
    if error.code in CODES:
        return CODES[error.code]
    for kind, code in _BY_CLASS:
        if isinstance(error, kind):
            return CODES[code]
    return CODES["internal_error"]


RESERVED = frozenset({"type", "title", "status", "detail", "code", "message", "requestId"})


def problem_object(error: ChainServiceError, request_id: str | None = None) -> dict[str, Any]:
    """The members of the RFC 9457 problem that tells this error; its details are extension members."""
    meaning = meaning_of(error)
    problem: dict[str, Any] = {
        "type": f"urn:chain-service:problem:{error.code}",
        "title": meaning.message_en,
        "status": meaning.status,
        "detail": error.message,
        "code": error.code,
        "message": {"zh": meaning.message_zh, "en": meaning.message_en},
    }
    problem.update({name: value for name, value in error.details.items() if name not in RESERVED})
    if told := error.errors or ((error,) if isinstance(error, MalformedRecord) else ()):
        problem["errors"] = [_entry(refusal) for refusal in told[:MOST_ERRORS]]
    if request_id:
        problem["requestId"] = request_id
    return problem


LONGEST_TEXT = 1_000
"""Characters of a message in `errors`."""


def _entry(error: ChainServiceError) -> dict[str, Any]:
    """One refusal of several: where in the body, its code, and what is wrong in both languages."""
    meaning = meaning_of(error)
    field = error.path or error.details.get("field") or ""
    entry = {name: error.details[name] for name in ("line", "entry") if name in error.details}
    message = {"zh": (error.zh or meaning.zh)[:LONGEST_TEXT], "en": error.message[:LONGEST_TEXT]}
    return entry | {"field": str(field)[:256], "code": error.code, "message": message}
