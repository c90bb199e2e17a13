"""A PDF document (ISO 32000, PAdES) as facts."""

from __future__ import annotations

from typing import Any

from chain_service.core.digests import sha256, sm3
from chain_service.documents.pdf_attachments import read_receipt
from chain_service.documents.pdf_file import PDF_ERRORS, open_pdf
from chain_service.documents.pdf_signatures import read_signatures
from chain_service.documents.trust import Trust
from chain_service.errors import MalformedDocument

__all__ = ["read_pdf"]


def read_pdf(data: bytes, trust: Trust) -> dict[str, Any]:
    """What DocumentFacts says of a PDF file beyond its digests. Raises MalformedDocument: it cannot be read."""
    try:
        # 1. the file: limits, cross-references, no encryption
        file = open_pdf(data)
        # 2. every signature and what it covers
        signatures, problems, signed = read_signatures(file, trust)
        # 3. an attached receipt
        receipt, more = read_receipt(file)
    except PDF_ERRORS as error:
        raise MalformedDocument(f"the file cannot be read ({type(error).__name__})", code="malformed") from error
    irregular = () if file.irregular is None else (file.irregular,)
    before = None if signed is None else (sha256(signed), sm3(signed))
    found: dict[str, Any] = {"signatures": signatures, "receipt": receipt, "before_attaching": before}
    return found | {"problems": (*irregular, *problems, *more)}
