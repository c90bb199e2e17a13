"""A PDF file (ISO 32000) opened within bounds: its states, signature fields, validation material.

Objects are read by pyHanko; nothing is fetched or run, and nothing decrypted that needs a password. Sizes and counts
are bounded before objects are read. A file has the states in which it once ended, each of which is a file by itself:
the bytes up to the end of a signature's ranges are the document as it was signed.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.crypt import AuthStatus, StandardSecurityHandler
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

from chain_service.documents.asn1.der import FOREIGN_ERRORS
from chain_service.documents.facts import MAX_SIGNATURES, Problem
from chain_service.documents.pdf.objects import entry
from chain_service.documents.pdf.outline import form_fields
from chain_service.errors import MalformedDocument

__all__ = ["PDF_ERRORS", "Field", "PdfFile", "open_pdf", "signature_fields", "state_at", "streams"]

MAX_OBJECTS: Final = 200_000
MAX_REVISIONS: Final = 256
MAX_EARLIER: Final = 64
"""Revisions, the last ones, in which signatures are looked for that were taken away."""
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
_SPARE_END: Final = re.compile(rb"(?<=%%EOF)[\0\t\n\f\r ]*(?:%%EOF[\0\t\n\f\r ]*)+\Z")
"""The mark of the end once more, as mail gateways and careless writers append it."""
_RANGES: Final = re.compile(rb"/ByteRange\s{0,8}\[\s{0,8}\d{1,12}\s{1,8}\d{1,12}\s{1,8}(\d{1,12})\s{1,8}(\d{1,12})")
_TABLE: Final = re.compile(rb"/XRef\b")
_SIZE: Final = re.compile(rb"/Size\s{0,8}(\d{1,20})")
_INDEX: Final = re.compile(rb"/Index\s{0,8}\[([\d\s]*)\]")


@dataclass(frozen=True, slots=True)
class PdfFile:
    """An open file, or an earlier state of one."""

    data: bytes
    reader: PdfFileReader
    irregular: Problem | None
    """Why a strict reader refuses it: then programs may differ in what they show of it."""


@dataclass(frozen=True, slots=True)
class Field:
    """A signature field that is signed."""

    name: str
    """Fully qualified, at most MAX_TEXT characters."""
    field: Any
    """The field's own dictionary: it may lock others."""

    @property
    def dictionary(self) -> Any:
        """The signature dictionary."""
        return entry(self.field, "/V")

    @property
    def has_value(self) -> bool:
        """Whether the field has a signature; one that is empty waits for it."""
        return isinstance(self.dictionary, generic.DictionaryObject)


def open_pdf(data: bytes) -> PdfFile:
    """The file that `data` is.

    Raises MalformedDocument: `malformed` where something is shown to be missing; `encrypted`, `irregular`, `too_large`
    and `too_complex` where this program cannot read it.
    """
    _check_counts(data)
    opened = _SPARE_END.sub(b"\n", data)
    spare = None if opened is data or opened == data else Problem("irregular", "the file has its end more than once")
    irregular = None
    try:
        reader = _open(opened, strict=True)
    except PDF_ERRORS as error:
        irregular = Problem("irregular", f"a strict reader of PDF refuses the file ({type(error).__name__})")
        try:
            reader = _open(opened, strict=False)
        except PDF_ERRORS as second:
            raise _unopened(data, second) from second
    if irregular is None and reader.xrefs.hybrid_xrefs_present:
        irregular = Problem("irregular", "the file has two cross-reference tables that readers choose between")
    return PdfFile(data, reader, irregular or spare)


def state_at(file: PdfFile, end: int) -> PdfFile:
    """The file as it was when it ended there, read as readily as may be. Raises MalformedDocument or PDF_ERRORS."""
    data = file.data[:end]
    return PdfFile(data, _open(data, strict=False), file.irregular)


def _unopened(data: bytes, error: BaseException) -> MalformedDocument:
    """Damage is what is missing: ranges that were signed lead out of the file, or there is no object in it."""
    if any(int(start) + int(length) > len(data) for start, length in _RANGES.findall(data)):
        return MalformedDocument("the file ends before what was signed does", code="malformed")
    if b" obj" not in data:
        return MalformedDocument("there is no object in the file", code="malformed")
    what = f"its cross-references cannot be read ({type(error).__name__})"
    return MalformedDocument(f"{what}; other programs may repair them differently", code="irregular")


def _check_counts(data: bytes) -> None:
    """Counts that a file names and readers loop by; what hides them is left to the limits of the process."""
    if data.count(b"startxref") > MAX_REVISIONS or data.count(b"/XRef") > 2 * MAX_REVISIONS:
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
    reader.strict = False  # strictness is about the cross-references: of objects a reference may lead nowhere
    if reader.encrypt_dict is not None:
        _decrypt(reader)
    if reader.xrefs.total_revisions > MAX_REVISIONS:
        raise MalformedDocument(f"the file has more than {MAX_REVISIONS} revisions", code="too_large")
    if not isinstance(reader.root, generic.DictionaryObject):
        raise TypeError("the catalog is not a dictionary")
    return reader


def _decrypt(reader: PdfFileReader) -> None:
    """Opens what every program opens: a file whose user password is empty (ISO 32000-2 §7.6.4)."""
    opened = False
    try:
        if isinstance(reader.security_handler, StandardSecurityHandler):
            opened = reader.decrypt("").status is not AuthStatus.FAILED
    except PDF_ERRORS:
        opened = False
    if not opened:
        raise MalformedDocument("the file is encrypted; a password or key is needed to open it", code="encrypted")


def signature_fields(file: PdfFile) -> tuple[list[Field], list[str]]:
    """The signed fields in the order of the form, and names of those whose signature a later revision took away.

    Raises MalformedDocument (`too_large`, `too_complex`) or PDF_ERRORS: the form cannot be walked.
    """
    found = [field for field in _signed(file.reader) if field.has_value]
    names = {field.name for field in found}
    removed: dict[str, None] = {}
    revisions = file.reader.xrefs.total_revisions
    for revision in range(max(0, revisions - 1 - MAX_EARLIER), revisions - 1):
        try:
            earlier = _signed(file.reader.get_historical_resolver(revision))
            removed |= {field.name: None for field in earlier if field.name not in names and field.has_value}
        except (MalformedDocument, *PDF_ERRORS):
            continue  # no state of the document: one half of a linearized file, say
    return found, list(removed)[:MAX_SIGNATURES]


def _signed(handler: PdfHandler) -> Iterator[Field]:
    """Each signed signature field."""
    count = 0
    for node in form_fields(handler.root):
        if not node.signed or node.inherited:
            continue
        count += 1
        if count > MAX_SIGNATURES:
            raise MalformedDocument(f"the file has more than {MAX_SIGNATURES} signatures", code="too_large")
        yield Field(node.name, node.dictionary)


def streams(file: PdfFile, store: str, purpose: DecodePurpose, most: int) -> tuple[bytes, ...]:
    """At most `most` streams that the document security store lists under `store`; what cannot be read is left out."""
    try:
        listed = list(file.reader.root["/DSS"][store])[:most]
    except PDF_ERRORS:
        return ()
    return tuple(data for stream in listed if (data := _stream(stream, purpose)) is not None)


def _stream(reference: Any, purpose: DecodePurpose) -> bytes | None:
    try:
        return bytes(reference.get_object().read_data(purpose))
    except PDF_ERRORS:
        return None
