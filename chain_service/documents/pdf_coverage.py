"""What of a PDF file a signature covers: its byte ranges to the byte, and what later revisions changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import process_data_at_eof
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.fields import FieldMDPSpec, MDPPerm

from chain_service.documents.facts import MAX_NAMES, CoverageFacts
from chain_service.documents.pdf_changes import ATTACHING, POLICY
from chain_service.documents.pdf_file import PDF_ERRORS, Field, PdfFile
from chain_service.errors import MalformedDocument

__all__ = ["ATTACHED", "ByteRange", "byte_range", "coverage"]

ATTACHED: Final = "attached files"
"""What CoverageFacts.added says of them."""
_BLANK: Final = b"\0\t\n\f\r "
"""White space of PDF: mail and portals append it."""
_HEX: Final = re.compile(rb"<(?:[0-9A-Fa-f]{2})+>")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The two ranges of a signature, and whether the gap between them is its own value and nothing else."""

    first_end: int
    second_start: int
    end: int
    exact: bool

    def signed(self, data: bytes) -> bytes:
        """The bytes that are signed."""
        return data[: self.first_end] + data[self.second_start : self.end]


def byte_range(file: PdfFile, field: Field, contents: bytes) -> ByteRange:
    """The ranges that the signature names (ISO 32000-2 §12.8.1). Raises MalformedDocument.

    Each reader trusts that the value it parsed is the one in the gap: a value elsewhere would leave bytes unsigned.
    """
    named = field.dictionary["/ByteRange"]
    numbers = [int(number) for number in named if isinstance(number, int) and not isinstance(number, bool)]
    if len(numbers) != 4 or len(named) != 4 or numbers[0] != 0 or min(numbers) < 0:
        raise MalformedDocument("the signature's ByteRange is no pair of ranges from the start", code="byte_range")
    _, first, second, length = numbers
    if not 0 < first < second <= second + length <= len(file.data):
        raise MalformedDocument("the signature's ByteRange leads out of the file", code="byte_range")
    gap = file.data[first:second]
    exact = _HEX.fullmatch(gap) is not None and bytes.fromhex(gap[1:-1].decode("ascii")) == contents
    return ByteRange(first, second, second + length, exact)


def coverage(file: PdfFile, field: Field, ranges: ByteRange, later: set[str]) -> CoverageFacts:
    """What the ranges cover, and what revisions after them did. Never raises.

    later: names of fields that were signed after this one.
    """
    # 1. the ranges are the whole file but for the value itself
    if not ranges.exact:
        return CoverageFacts(False, displayed=("bytes between the signed ranges",))
    if not file.data[ranges.end :].strip(_BLANK):
        return CoverageFacts(True)
    # 2. what follows is a later revision of exactly the one that is signed
    follows = file.revisions > field.revision + 1
    if not follows or file.irregular is not None or not _covers_revision(file, field, ranges):
        return CoverageFacts(False, displayed=("bytes after the signed ranges",))
    # 3. what it changed is allowed, and does not change what is displayed
    try:
        permission = _permission(field)
        result = POLICY.review_file(file.reader, field.revision, _locked(field), permission)
    except PDF_ERRORS:
        return CoverageFacts(False, displayed=("changes that cannot be told",))
    if not isinstance(result, DiffResult):
        return CoverageFacts(False, displayed=("changed objects",))
    level = result.modification_level
    if level is ModificationLevel.OTHER or (permission is not None and level.value > permission.value):
        return CoverageFacts(False, displayed=("changes that the signature forbids",))
    return _allowed(result, permission, later)


def _allowed(result: DiffResult, permission: MDPPerm | None, later: set[str]) -> CoverageFacts:
    """Other signatures and validation material are harmless; filled fields only if this signature permits filling."""
    filled = sorted(result.changed_form_fields - later)
    names = tuple(f"form field {name}" for name in filled)
    signatures = tuple(f"signature {name}" for name in sorted(later))
    permits = permission in (MDPPerm.FILL_FORMS, MDPPerm.ANNOTATE)
    displayed = () if permits else names
    attached = (ATTACHED,) if result.modification_level is ATTACHING else ()
    added = (*signatures, *attached, *(names if permits else ()))
    if not displayed and not added:
        added = ("validation material or metadata",)
    return CoverageFacts(
        whole=False,
        displayed=displayed[:MAX_NAMES],
        added=added[:MAX_NAMES],
        more_names=max(0, len(displayed) - MAX_NAMES) + max(0, len(added) - MAX_NAMES),
    )


def _covers_revision(file: PdfFile, field: Field, ranges: ByteRange) -> bool:
    """The ranges end with the end of the revision that holds the signature, its cross-references included."""
    stream = BytesIO(file.data)
    stream.seek(ranges.end)
    xrefs = file.reader.xrefs
    try:
        if process_data_at_eof(stream) != xrefs.get_startxref_for_revision(field.revision):
            return False
        ends = (xrefs.get_xref_container_info(one).end_location for one in range(field.revision + 1))
        return all(end <= ranges.end for end in ends)
    except PDF_ERRORS:
        return False


def _permission(field: Field) -> MDPPerm | None:
    """What the signer permits to change afterwards: the stricter of DocMDP and the field's lock; None if unsaid."""
    stated = []
    parameters = _transform(field, "/DocMDP")
    if parameters is not None:
        stated.append(MDPPerm(parameters.get("/P", 2)))
    lock = field.lock.get("/Lock")
    if isinstance(lock, generic.DictionaryObject) and "/P" in lock:
        stated.append(MDPPerm(lock["/P"]))
    return min(stated, key=lambda one: int(one.value), default=None)


def _locked(field: Field) -> FieldMDPSpec | None:
    """The fields that the signer locks."""
    parameters = _transform(field, "/FieldMDP")
    return None if parameters is None else FieldMDPSpec.from_pdf_object(parameters)


def _transform(field: Field, method: str) -> Any:
    """Parameters of the transform method (ISO 32000-2 §12.8.2), or None if the signature does not use it."""
    for reference in list(field.dictionary.get("/Reference", ()))[:8]:
        one = reference.get_object()
        if one.get("/TransformMethod") == method:
            return one["/TransformParams"]
    return None
