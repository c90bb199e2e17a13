"""The one door for foreign bytes: any file in, facts out, never an exception for what is in the file."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from chain_service.core.encoding.digests import sha256, sm3
from chain_service.documents.asn1.der import FOREIGN_ERRORS
from chain_service.documents.facts import MAX_TEXT, DocumentFacts, Problem
from chain_service.documents.kinds import FileKind, recognise, shows_otherwise
from chain_service.documents.ofd.document import read_ofd
from chain_service.documents.pdf.document import read_pdf
from chain_service.documents.pki.trust import Trust
from chain_service.documents.pki.trust_store import TrustStore
from chain_service.documents.ses import seals
from chain_service.errors import MalformedDocument

__all__ = ["MAX_FILE", "read_document"]

MAX_FILE: Final = 20 * 1024 * 1024
"""Bytes of a file that is looked into; of a larger one only kind, size and digests are facts."""


def read_document(data: bytes, store: TrustStore, answers: tuple[bytes, ...] = ()) -> DocumentFacts:
    """Everything that can be read in a file.

    answers: OCSP responses (DER) that were fetched for it; like lists inside a file they have to prove themselves.

    One that is of none of the formats read here has media `unknown`, and a problem only if it carries signatures that
    are not looked at: it may still be anchored by digest.
    """
    kind = recognise(data)
    facts: dict[str, Any] = {}
    try:
        facts = _read(kind, data, _trust_of(store).with_evidence(answers=answers))
    except MalformedDocument as error:
        facts = {"problem": Problem(error.code, error.message[:MAX_TEXT])}
    except FOREIGN_ERRORS as error:
        facts = {"problem": Problem("malformed", f"the file is not formed as its format says ({type(error).__name__})")}
    return DocumentFacts(kind.media, len(data), sha256(data), sm3(data), kind=kind.code, **facts)


def _read(kind: FileKind, data: bytes, trust: Trust) -> dict[str, Any]:
    if kind.signed:
        raise MalformedDocument(f"{kind.name.en}: its signatures are not checked here", code="unknown_form")
    if kind.media != "unknown" and len(data) > MAX_FILE:
        detail = f"the file has {len(data)} bytes, more than the {MAX_FILE} that are read; verify by its digest instead"
        raise MalformedDocument(detail, code="too_large")
    if kind.media == "ofd":
        if shows_otherwise(data):
            raise MalformedDocument("other programs may show another document of this file", code="two_kinds")
        return read_ofd(data, trust)
    if kind.media == "pdf":
        return read_pdf(data, trust)
    if kind.media == "seal":
        return {"seal": seals.read_seal(data, trust)}
    return {}


_trust_of: Final = lru_cache(maxsize=2)(Trust)
"""A store is read once, not once for each document."""
