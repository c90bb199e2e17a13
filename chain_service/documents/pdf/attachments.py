"""Files attached to a PDF file (ISO 32000-2 §7.11.4, §14.13), and the one among them that is a receipt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from chain_service.core.receipts.receipt import MAX_RECEIPT_BYTES
from chain_service.documents.facts import MAX_TEXT, Problem
from chain_service.documents.pdf.file import PDF_ERRORS, PdfFile
from chain_service.documents.pdf.objects import entry, items, key_of
from chain_service.errors import MalformedDocument

__all__ = ["attached_files", "but_one_receipt", "read_receipt"]

MAX_ATTACHMENTS: Final = 200
MAX_DEPTH: Final = 8
ENDING: Final = ".receipt"
MEDIA: Final = "/application/cose"
_COSE: Final = b"\xd2"
"""The tag of COSE_Sign1 (RFC 9052 §2), with which every receipt begins."""


def read_receipt(file: PdfFile) -> tuple[bytes | None, tuple[Problem, ...]]:
    """The attached receipt, found by its name's ending or its media type; nothing in it is believed. Never raises.

    Of several none is taken: which one the reader was meant to see would be open.
    """
    try:
        found = [one for name, one in attached_files(file.reader.root) if _is_named_receipt(name, one)]
        if len(found) > 1:
            return None, (Problem("several_receipts", f"{len(found)} receipts are attached, of which none is taken"),)
        return (_content(found[0]) if found else None), ()
    except MalformedDocument as error:
        return None, (Problem(error.code, error.message),)
    except PDF_ERRORS as error:
        return None, (Problem("malformed", f"attachments cannot be read ({type(error).__name__})"),)


def attached_files(root: Any) -> Iterator[tuple[str, Any]]:
    """Name and specification (a value, as it stands there) of each file attached to the document as a whole.

    Raises MalformedDocument (`too_large`) or PDF_ERRORS.
    """
    listed = [*_leaves(entry(entry(root, "/Names"), "/EmbeddedFiles"), 0)]
    known = {key_of(item) for item in listed if key_of(item) is not None}
    listed += [item for item in items(entry(root, "/AF")) if key_of(item) not in known]
    if len(listed) > MAX_ATTACHMENTS:
        raise MalformedDocument(f"the file has more than {MAX_ATTACHMENTS} attachments", code="too_large")
    for item in listed:
        specification = item.get_object()
        yield str(entry(specification, "/UF") or entry(specification, "/F") or "")[:MAX_TEXT], item


def but_one_receipt(added: Sequence[tuple[str, Any]]) -> tuple[str, ...]:
    """Names of attached files, without the only receipt among them: that is what this service itself attaches."""
    receipts = [place for place, one in enumerate(added) if _is_receipt(*one)]
    return tuple(name or "?" for place, (name, _) in enumerate(added) if receipts != [place])


def _leaves(node: Any, depth: int) -> Iterator[Any]:
    """File specifications of a name tree (ISO 32000-2 §7.9.6)."""
    if depth > MAX_DEPTH:
        raise MalformedDocument(f"the tree of attachments is more than {MAX_DEPTH} deep", code="too_large")
    pairs = list(items(entry(node, "/Names")))
    if len(pairs) > 2 * MAX_ATTACHMENTS:
        raise MalformedDocument(f"the file has more than {MAX_ATTACHMENTS} attachments", code="too_large")
    yield from pairs[1::2]
    for kid in list(items(entry(node, "/Kids")))[: MAX_ATTACHMENTS + 1]:
        yield from _leaves(kid.get_object(), depth + 1)


def _is_named_receipt(name: str, specification: Any) -> bool:
    return name.lower().endswith(ENDING) or entry(_embedded(specification), "/Subtype") == MEDIA


def _is_receipt(name: str, specification: Any) -> bool:
    try:
        return _is_named_receipt(name, specification) and _content(specification).startswith(_COSE)
    except (MalformedDocument, *PDF_ERRORS):
        return False


def _embedded(specification: Any) -> Any:
    files = entry(specification.get_object(), "/EF")
    return entry(files, "/UF") or entry(files, "/F")


def _content(specification: Any) -> bytes:
    stream = _embedded(specification)
    if len(stream.encoded_data) > MAX_RECEIPT_BYTES:
        raise MalformedDocument(f"the attached receipt has more than {MAX_RECEIPT_BYTES} bytes", code="too_large")
    content = bytes(stream.data)
    if len(content) > MAX_RECEIPT_BYTES:
        raise MalformedDocument(f"the attached receipt has more than {MAX_RECEIPT_BYTES} bytes", code="too_large")
    return content
