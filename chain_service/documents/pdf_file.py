"""A PDF file (ISO 32000) opened within bounds: its revisions, signature fields, validation material, attachments.

Objects are read by pyHanko; nothing is fetched, decrypted or run. Sizes and counts are bounded before objects are read.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import (
    DEFAULT_PURPOSE_LIMITS,
    DecodeLimits,
    DecodePurpose,
    DocumentDecodeBudget,
    StreamDecodeLimits,
)
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.rw_common import PdfHandler
from pyhanko.sign.fields import enumerate_sig_fields

from chain_service.documents.der import FOREIGN_ERRORS
from chain_service.documents.facts import MAX_SIGNATURES, MAX_TEXT, Problem
from chain_service.errors import MalformedDocument

__all__ = ["PDF_ERRORS", "Field", "PdfFile", "open_pdf", "signature_fields"]

MAX_OBJECTS: Final = 200_000
MAX_REVISIONS: Final = 64
MAX_FIELD_DEPTH: Final = 32
MAX_FIELDS: Final = 10_000
MAX_STREAM: Final = 32 * 1024 * 1024
MAX_DECODED: Final = 128 * 1024 * 1024
"""Bytes of all streams together, those that are decoded twice counted twice."""
MAX_STREAM_RATIO: Final = 1100
"""Just above what one layer of Deflate reaches: only stacked filters go beyond it."""

PDF_ERRORS: Final = (
    PdfError, NotImplementedError, StopIteration, EOFError, struct.error, zlib.error, MemoryError, *FOREIGN_ERRORS,
)  # fmt: skip
"""What reading foreign objects may raise."""

_LIMITS: Final = DecodeLimits(
    per_stream=StreamDecodeLimits(max_ratio=MAX_STREAM_RATIO, max_output_size=MAX_STREAM),
    per_purpose=dict(DEFAULT_PURPOSE_LIMITS),
    document_budget=DocumentDecodeBudget(base_allowance=MAX_DECODED, max_ratio=0),
)
MAX_TABLE_HEAD: Final = 64 * 1024
_TABLE: Final = re.compile(rb"/XRef\b")
_SIZE: Final = re.compile(rb"/Size\s{0,8}(\d{1,20})")
_INDEX: Final = re.compile(rb"/Index\s{0,8}\[([\d\s]*)\]")


@dataclass(frozen=True, slots=True)
class PdfFile:
    """An open file."""

    data: bytes
    reader: PdfFileReader
    irregular: Problem | None
    """Why a strict reader refuses it: then readers may differ in what they show of its later revisions."""

    @property
    def revisions(self) -> int:
        return int(self.reader.xrefs.total_revisions)


@dataclass(frozen=True, slots=True)
class Field:
    """A signature field that is signed."""

    name: str
    """Fully qualified, at most MAX_TEXT characters."""
    revision: int
    """Number of the revision in which the signature was written or last changed, from 0."""
    dictionary: Any
    """The signature dictionary."""
    lock: Any
    """The field's own dictionary: it may lock others."""


def open_pdf(data: bytes) -> PdfFile:
    """The file that `data` is. Raises MalformedDocument: `too_large`, `encrypted`, `malformed`."""
    _check_counts(data)
    irregular = None
    try:
        reader = _open(data, strict=True)
    except PDF_ERRORS as error:
        irregular = Problem("irregular", f"a strict reader of PDF refuses the file ({type(error).__name__})")
        try:
            reader = _open(data, strict=False)
        except PDF_ERRORS as second:
            raise MalformedDocument(
                f"cross-reference tables or catalog cannot be read ({type(second).__name__})", code="malformed"
            ) from second
    if irregular is None and reader.xrefs.hybrid_xrefs_present:
        irregular = Problem("irregular", "the file has two cross-reference tables that readers choose between")
    return PdfFile(data, reader, irregular)


def _check_counts(data: bytes) -> None:
    """Counts that a file names and readers loop by; what hides them is left to the limits of the process."""
    if data.count(b"startxref") > MAX_REVISIONS or data.count(b"/XRef") > MAX_REVISIONS:
        raise MalformedDocument(f"the file has more than {MAX_REVISIONS} revisions", code="too_large")
    if data.count(b" obj") > MAX_OBJECTS:
        raise MalformedDocument(f"the file has more than {MAX_OBJECTS} objects", code="too_large")
    for table in _TABLE.finditer(data):
        start = data.rfind(b"obj", max(0, table.start() - MAX_TABLE_HEAD), table.start())
        head = data[max(0, start) : table.end() + MAX_TABLE_HEAD].partition(b"stream")[0]
        numbers = [size[1] for size in _SIZE.finditer(head)]
        numbers += [number[:20] for index in _INDEX.finditer(head) for number in index[1].split()]
        if max(map(int, numbers), default=0) > MAX_OBJECTS:
            raise MalformedDocument(f"the file names more than {MAX_OBJECTS} objects", code="too_large")


def _open(data: bytes, *, strict: bool) -> PdfFileReader:
    reader = PdfFileReader(BytesIO(data), strict=strict, decode_limits=_LIMITS)
    if "/Encrypt" in reader.trailer:
        raise MalformedDocument("the file is encrypted; hand in one that opens without a password", code="encrypted")
    if reader.xrefs.total_revisions > MAX_REVISIONS:
        raise MalformedDocument(f"the file has more than {MAX_REVISIONS} revisions", code="too_large")
    if not isinstance(reader.root, generic.DictionaryObject):
        raise TypeError("the catalog is no dictionary")
    list(_filled(reader))
    return reader


def _require_bounded_form(handler: PdfHandler) -> None:
    """The form can be walked: fields that share their kids would otherwise be met more often than there are any."""
    left, level = MAX_FIELDS, list(_listed(_entry(handler.root, "/AcroForm"), "/Fields"))
    for _ in range(MAX_FIELD_DEPTH):
        left -= len(level)
        if left < 0:
            raise MalformedDocument(f"the form has more than {MAX_FIELDS} fields", code="too_large")
        level = list(islice((kid for field in level for kid in _listed(field.get_object(), "/Kids")), left + 1))
        if not level:
            return
    raise MalformedDocument(f"the form's fields lie more than {MAX_FIELD_DEPTH} deep", code="too_complex")


def _entry(node: Any, name: str) -> Any:
    """The value under a name, references followed, which pyHanko's `get` does not do; None if there is none."""
    try:
        return node[name]
    except KeyError:
        return None


def _listed(node: Any, name: str) -> Sequence[Any]:
    found = _entry(node, name) if isinstance(node, generic.DictionaryObject) else None
    return found if isinstance(found, generic.ArrayObject) else ()


def _filled(handler: PdfHandler) -> Iterator[tuple[str, Any, Any]]:
    """Name, value and dictionary of each signed signature field."""
    _require_bounded_form(handler)
    for count, (name, value, field) in enumerate(enumerate_sig_fields(handler, filled_status=True)):
        if count == MAX_SIGNATURES:
            raise MalformedDocument(f"the file has more than {MAX_SIGNATURES} signatures", code="too_large")
        yield name, value, field.get_object()


def signature_fields(file: PdfFile) -> tuple[list[Field], list[str]]:
    """The signed fields in the order of signing, and names of those whose signature a later revision took away.

    Raises MalformedDocument.
    """
    try:
        found = [_field(file, name, field) for name, _, field in _filled(file.reader)]
        names = {field.name for field in found}
        removed: dict[str, None] = {}
        for revision in range(file.revisions - 1):
            earlier = _filled(file.reader.get_historical_resolver(revision))
            removed.update((shown, None) for name, _, _ in earlier if (shown := name[:MAX_TEXT]) not in names)
    except MalformedDocument:
        raise
    except PDF_ERRORS as error:
        raise MalformedDocument(f"the form cannot be read ({type(error).__name__})", code="malformed") from error
    return sorted(found, key=lambda field: field.revision), list(removed)[:MAX_SIGNATURES]


def _field(file: PdfFile, name: str, field: Any) -> Field:
    value = field.raw_get("/V")
    dictionary = value.get_object()
    if not isinstance(dictionary, generic.DictionaryObject):
        raise TypeError("a signature is no dictionary")
    container = value.reference if isinstance(value, generic.IndirectObject) else field.container_ref
    return Field(name[:MAX_TEXT], file.reader.xrefs.get_last_change(container), dictionary, field)


def streams(file: PdfFile, store: str, purpose: DecodePurpose, most: int) -> tuple[bytes, ...]:
    """At most `most` streams that the document security store lists under `store`; what cannot be read is left out."""
    try:
        listed = list(file.reader.root["/DSS"][store])[:most]
    except PDF_ERRORS:
        return ()
    return tuple(data for one in listed if (data := _stream(one, purpose)) is not None)


def _stream(reference: Any, purpose: DecodePurpose) -> bytes | None:
    try:
        return bytes(reference.get_object().read_data(purpose))
    except PDF_ERRORS:
        return None
