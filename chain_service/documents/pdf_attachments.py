"""Files attached to a PDF file (ISO 32000-2 §7.11.4), as far as one of them is a receipt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from chain_service.core.receipts import MAX_RECEIPT_BYTES
from chain_service.documents.facts import Problem
from chain_service.documents.pdf_file import PDF_ERRORS, PdfFile
from chain_service.errors import MalformedDocument

__all__ = ["read_receipt"]

MAX_ATTACHMENTS: Final = 200
MAX_DEPTH: Final = 8
ENDING: Final = ".receipt"
MEDIA: Final = "/application/cose"


def read_receipt(file: PdfFile) -> tuple[bytes | None, tuple[Problem, ...]]:
    """The attached receipt, found by its name's ending or its media type; nothing in it is believed. Never raises.

    Of several none is taken: which one the reader was meant to see would be open.
    """
    try:
        found = [one for one in _attachments(file) if _is_receipt(one)]
        if len(found) > 1:
            return None, (Problem("several_receipts", f"{len(found)} receipts are attached, of which none is taken"),)
        return (_content(found[0]) if found else None), ()
    except MalformedDocument as error:
        return None, (Problem(error.code, error.message),)
    except PDF_ERRORS as error:
        return None, (Problem("malformed", f"attachments cannot be read ({type(error).__name__})"),)


def _attachments(file: PdfFile) -> list[Any]:
    names = file.reader.root.get("/Names")
    tree = None if names is None else names.get("/EmbeddedFiles")
    found = []
    for one in _leaves(tree, 0) if tree is not None else ():
        found.append(one)
        if len(found) > MAX_ATTACHMENTS:
            raise MalformedDocument(f"the file has more than {MAX_ATTACHMENTS} attachments", code="too_large")
    return found


def _leaves(node: Any, depth: int) -> Iterator[Any]:
    """File specifications of a name tree (ISO 32000-2 §7.9.6)."""
    if depth > MAX_DEPTH:
        raise MalformedDocument(f"the tree of attachments is more than {MAX_DEPTH} deep", code="too_large")
    pairs = list(node.get("/Names", ()))
    yield from (one.get_object() for one in pairs[1::2])
    for kid in list(node.get("/Kids", ()))[: MAX_ATTACHMENTS + 1]:
        yield from _leaves(kid.get_object(), depth + 1)


def _is_receipt(specification: Any) -> bool:
    name = str(specification.get("/UF") or specification.get("/F") or "")
    return name.lower().endswith(ENDING) or _embedded(specification).get("/Subtype") == MEDIA


def _embedded(specification: Any) -> Any:
    files = specification["/EF"]
    return files["/UF"] if "/UF" in files else files["/F"]


def _content(specification: Any) -> bytes:
    stream = _embedded(specification)
    if len(stream.encoded_data) > MAX_RECEIPT_BYTES:
        raise MalformedDocument(f"the attached receipt has more than {MAX_RECEIPT_BYTES} bytes", code="too_large")
    content = bytes(stream.data)
    if len(content) > MAX_RECEIPT_BYTES:
        raise MalformedDocument(f"the attached receipt has more than {MAX_RECEIPT_BYTES} bytes", code="too_large")
    return content
