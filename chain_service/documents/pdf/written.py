"""Whether every program finds in a PDF file what is found here: its cross-references leave nothing to guess.

Programs mend what is broken, each in its own way: a row of a table that is a byte short, an offset beside its object,
a dictionary with one name twice (ISO 32000-2 §7.3.7 leaves open which counts). What was added to a signed file has to
be free of all that before it may be compared with what was signed; else an attack on one program is a change that
another does not see.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from typing import Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.xref import ObjStreamRef, XRefSectionMetaInfo, XRefSectionType

from chain_service.documents.pdf.file import PDF_ERRORS, PdfFile
from chain_service.documents.pdf.objects import entry, items
from chain_service.errors import MalformedDocument

__all__ = ["leaves_nothing_to_guess"]

_OBJECT: Final = re.compile(rb"[\0\t\n\f\r ]{0,8}(\d{1,10})[\0\t\n\f\r ]{1,8}(\d{1,5})[\0\t\n\f\r ]{1,8}obj")
_HEAD: Final = re.compile(rb"[\0\t\n\f\r ]{0,8}xref[\t\r\n ]{1,4}")
_PART: Final = re.compile(rb"(\d{1,10}) (\d{1,10})[ ]?(?:\r\n|\n|\r)((?:\d{10} \d{5} [nf](?: \r| \n|\r\n))*)")
_TRAILER: Final = re.compile(rb"[\t\r\n ]{0,4}trailer[\t\r\n ]{0,8}(?=<<)")
_ROW: Final = 20
_END: Final = re.compile(rb"startxref[\t\r\n ]{1,4}(\d{1,12})[\t\r\n ]{1,4}%%EOF(?:[\0\t\n\f\r ]|%%EOF)*\Z")
_LAST: Final = 4096
"""Bytes at the end in which the last startxref stands."""


def leaves_nothing_to_guess(file: PdfFile, old: PdfFile | None = None, *, hybrid: bool = False) -> bool:
    """Whether what this state adds to an old one, or all of it, is found by every program as it is found here.

    A table that lies in the old state's bytes and does not belong to it was not read before, and is new as well.
    hybrid: sections with two tables (§7.5.8.4) pass, of which older programs read the one and newer ones both.
    Raises PDF_ERRORS.
    """
    xrefs = file.reader.xrefs
    start = 0 if old is None else len(old.data)
    known = frozenset() if old is None else _sections(old)
    if old is not None and _size(file) < _size(old):
        return False  # programs that go by it would lose objects (§7.5.5)
    for revision in range(xrefs.total_revisions):
        section = xrefs.get_xref_container_info(revision)
        if section.end_location <= start and _place(section) in known:
            continue
        if not _is_whole(file, section, hybrid):
            return False
        entries = xrefs.get_xref_data(revision)
        if not all(_leads(file, number, *place) for number, place in entries.standard_xrefs.items()):
            return False
        if start > 0 and not _written_strictly(file, revision, start):
            return False
    return start == 0 or _ends(file)


def _size(file: PdfFile) -> int:
    return int(file.reader.trailer["/Size"])


def _place(section: XRefSectionMetaInfo) -> tuple[XRefSectionType, int, int]:
    return section.xref_section_type, section.start_location, section.end_location


def _sections(file: PdfFile) -> frozenset[tuple[XRefSectionType, int, int]]:
    xrefs = file.reader.xrefs
    return frozenset(_place(xrefs.get_xref_container_info(revision)) for revision in range(xrefs.total_revisions))


def _is_whole(file: PdfFile, section: XRefSectionMetaInfo, hybrid: bool) -> bool:
    """The section stands where it is said to, names each object once, and can be read in one way only."""
    kind = section.xref_section_type
    if kind is XRefSectionType.HYBRID_MAIN and not hybrid:
        return False
    if kind in (XRefSectionType.STANDARD, XRefSectionType.HYBRID_MAIN):
        return _is_table(file, section.declared_startxref)
    if section.stream_ref is None or _OBJECT.match(file.data, section.declared_startxref) is None:
        return False
    stream = section.stream_ref.get_object()
    numbers = [int(item) for item in items(entry(stream, "/Index"))] or [0, int(entry(stream, "/Size") or 0)]
    spans = sorted(zip(numbers[::2], numbers[1::2], strict=True))
    return all(first + count <= second for (first, count), (second, _) in pairwise(spans))


def _is_table(file: PdfFile, place: int) -> bool:
    """§7.5.4: rows of exactly 20 bytes, as many as each part says, and a trailer whose names are there once."""
    head = _HEAD.match(file.data, place)
    if head is None:
        return False
    at, spans = head.end(), list[tuple[int, int]]()
    while (part := _PART.match(file.data, at)) is not None:
        first, count = int(part[1]), int(part[2])
        if len(part[3]) != _ROW * count:
            return False
        spans.append((first, first + count))
        at = part.end()
    trailer = _TRAILER.match(file.data, at)
    spans.sort()
    if trailer is None or any(one[1] > other[0] for one, other in pairwise(spans)):
        return False
    stream = BytesIO(file.data)
    stream.seek(trailer.end())
    container = generic.TrailerReference(file.reader)
    return _strictly(file, lambda: generic.DictionaryObject.read_from_stream(stream, container))


def _leads(file: PdfFile, number: int, generation: int, offset: int) -> bool:
    head = _OBJECT.match(file.data, offset)
    return head is not None and (int(head[1]), int(head[2])) == (number, generation)


def _written_strictly(file: PdfFile, revision: int, start: int) -> bool:
    """Each object of a revision can be read without mending anything, and each that it frees is gone."""
    entries = file.reader.xrefs.get_xref_data(revision)
    if any(_survives(file, number, freed, start) for number, freed in entries.freed.items()):
        return False
    reader = file.reader
    refs = [ref for ref in reader.xrefs.explicit_refs_in_revision(revision) if reader.xrefs[ref] is not None]
    reader.resolved_objects.clear()
    return _strictly(file, lambda: [reader.get_object(ref) for ref in refs])


def _strictly(file: PdfFile, read: Callable[[], object]) -> bool:
    file.reader.strict = True
    try:
        read()
    except (MalformedDocument, *PDF_ERRORS):
        return False
    finally:
        file.reader.strict = False
    return True


def _survives(file: PdfFile, number: int, freed: int, start: int) -> bool:
    """Whether an object that was set free is still found here, because its generation is not the one set free."""
    for generation in {0, max(0, freed - 1)}:
        place = file.reader.xrefs[generic.Reference(number, generation, file.reader)]
        if isinstance(place, ObjStreamRef):
            place = file.reader.xrefs[generic.Reference(place.obj_stream_id, 0, file.reader)]
        if isinstance(place, int) and place < start:
            return True
    return False


def _ends(file: PdfFile) -> bool:
    """The file ends with the place of its last cross-references, and nothing follows."""
    found = _END.search(file.data, max(0, len(file.data) - _LAST))
    return found is not None and int(found[1]) == file.reader.last_startxref
