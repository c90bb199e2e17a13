"""A PDF document (ISO 32000, PAdES) as facts."""

from __future__ import annotations

from typing import Any

from chain_service.core.encoding.digests import sha256, sm3
from chain_service.documents.facts import Problem
from chain_service.documents.pdf.attachments import read_receipt
from chain_service.documents.pdf.file import PDF_ERRORS, open_pdf
from chain_service.documents.pdf.signatures import read_signatures
from chain_service.documents.pki.trust import Trust
from chain_service.errors import MalformedDocument

__all__ = ["read_pdf"]

_SIGNED = b"/ByteRange"
"""Stands in every signature, and plainly: its value has to be left out of what it signs (ISO 32000-2 §12.8.1)."""


def read_pdf(data: bytes, trust: Trust) -> dict[str, Any]:
    """What DocumentFacts says of a PDF file beyond its digests.

    Raises MalformedDocument: it cannot be read, though a signature may be in it or it is shown to be damaged. Any
    other file that this program cannot follow is one without signatures: its digest says all that is to be said.
    """
    try:
        return _read(data, trust)
    except MalformedDocument as error:
        if _SIGNED in data or error.code in ("malformed", "encrypted"):
            raise
        return {"problems": (Problem("irregular", error.message),)}


def _read(data: bytes, trust: Trust) -> dict[str, Any]:
    try:
        # 1. the file: limits, cross-references, no password
        file = open_pdf(data)
        # 2. every signature and what it covers
        read = read_signatures(file, trust)
        # 3. an attached receipt
        receipt, more = read_receipt(file)
    except PDF_ERRORS as error:
        raise MalformedDocument(f"the file cannot be read ({type(error).__name__})", code="irregular") from error
    irregular = () if file.irregular is None else (file.irregular,)
    before = None if read.before_attaching is None else (sha256(read.before_attaching), sm3(read.before_attaching))
    facts = {"signatures": read.signatures, "receipt": receipt, "before_attaching": before, "attached": read.attached}
    return facts | {"problems": (*irregular, *read.problems, *more)}
