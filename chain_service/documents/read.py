"""The one door for foreign bytes: any file in, facts out, never an exception for what is in the file."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Literal

from chain_service.core.digests import sha256, sm3
from chain_service.documents import seals
from chain_service.documents.der import FOREIGN_ERRORS
from chain_service.documents.facts import MAX_TEXT, DocumentFacts, Problem
from chain_service.documents.ofd import read_ofd
from chain_service.documents.pdf import read_pdf
from chain_service.documents.trust import Trust
from chain_service.documents.trust_store import TrustStore
from chain_service.errors import MalformedDocument

__all__ = ["MAX_FILE", "read_document"]

MAX_FILE: Final = 20 * 1024 * 1024
"""Bytes of a file that is looked into; of a larger one only size and digests are facts."""
PDF_HEAD: Final = 1024
"""Readers of PDF look for its head within so many bytes."""
_SEAL_HEAD: Final = b"\x16\x02ES"
"""The id of SES_Header, near the beginning of every seal."""

Media = Literal["ofd", "pdf", "seal", "unknown"]


def read_document(data: bytes, store: TrustStore, answers: tuple[bytes, ...] = ()) -> DocumentFacts:
    """Everything that can be read in a file.

    answers: OCSP responses (DER) that were fetched for it; like lists inside a file they have to prove themselves.

    One that is of none of the formats read here has media `unknown` and no problem: it may still be anchored by digest.
    """
    media = sniff(data)
    found: dict[str, Any] = {}
    try:
        if len(data) > MAX_FILE and media != "unknown":
            raise MalformedDocument(f"the file has {len(data)} bytes; {MAX_FILE} are allowed", code="too_large")
        found = _read(media, data, _trust_of(store).with_evidence(answers=answers))
    except MalformedDocument as error:
        if error.code == "not_ofd":
            media = "unknown"  # a ZIP archive of another kind
        else:
            found = {"problem": Problem(error.code, error.message[:MAX_TEXT])}
    except FOREIGN_ERRORS as error:
        found = {"problem": Problem("malformed", f"the file is not formed as its format says ({type(error).__name__})")}
    return DocumentFacts(media, len(data), sha256(data), sm3(data), **found)


def sniff(data: bytes) -> Media:
    """What a file is by its first bytes, whatever its name."""
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "ofd"
    if b"%PDF-" in data[:PDF_HEAD]:
        return "pdf"
    if data.startswith(b"\x30") and _SEAL_HEAD in data[:64]:
        return "seal"
    return "unknown"


def _read(media: Media, data: bytes, trust: Trust) -> dict[str, Any]:
    if media == "ofd":
        return read_ofd(data, trust)
    if media == "pdf":
        return read_pdf(data, trust)
    if media == "seal":
        return {"seal": seals.read_seal(data, trust)}
    return {}


_trust_of: Final = lru_cache(maxsize=2)(Trust)
"""A store is read once, not once for each document."""
