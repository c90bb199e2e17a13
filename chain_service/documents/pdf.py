"""A PDF document (ISO 32000, PAdES) as facts."""

from __future__ import annotations

from typing import Any

from chain_service.documents.pdf_attachments import read_receipt
from chain_service.documents.pdf_file import open_pdf
from chain_service.documents.pdf_signatures import read_signatures
from chain_service.documents.trust import Trust

__all__ = ["read_pdf"]


def read_pdf(data: bytes, trust: Trust) -> dict[str, Any]:
    """What DocumentFacts says of a PDF file beyond its digests. Raises MalformedDocument: it cannot be read."""
    # 1. the file: limits, cross-references, no encryption
    file = open_pdf(data)
    # 2. every signature and what it covers
    signatures, problems = read_signatures(file, trust)
    # 3. an attached receipt
    receipt, more = read_receipt(file)
    irregular = () if file.irregular is None else (file.irregular,)
    return {"signatures": signatures, "receipt": receipt, "problems": (*irregular, *problems, *more)}
