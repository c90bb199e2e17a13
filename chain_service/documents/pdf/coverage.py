"""What of a PDF file a signature covers: its byte ranges to the byte, and what was changed after it, by whom.

Three outcomes (CoverageFacts): nothing that matters was changed; something shown was changed and nobody signed that
(`displayed`); it cannot be told (`unclear`). The rules are the table in docs/standards/documents.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.sign.fields import FieldMDPSpec, MDPPerm

from chain_service.documents.facts import MAX_NAMES, CoverageFacts
from chain_service.documents.pdf.changes import Change, ChangeKind, ObjectBudget, compare
from chain_service.documents.pdf.file import PDF_ERRORS, Field, PdfFile, state_at
from chain_service.documents.pdf.objects import entry, items, resolved
from chain_service.documents.pdf.written import leaves_nothing_to_guess
from chain_service.errors import MalformedDocument

__all__ = ["ByteRange", "LaterSignature", "States", "byte_range"]

MAX_STATES: Final = 24
MAX_COMPARED: Final = 400_000
"""Objects looked at in all comparisons of one file."""
_BLANK: Final = re.compile(rb"(?:[\0\t\n\f\r ]|%%EOF)*")
"""What shows nothing: mail gateways and portals append it."""
_HEX: Final = re.compile(rb"[\0\t\n\f\r ]{0,64}<([0-9A-Fa-f\0\t\n\f\r ]+)>[\0\t\n\f\r ]{0,64}")
_BLANKS: Final = b"\0\t\n\f\r "


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The two ranges of a signature, and whether the gap between them is its own value and nothing else."""

    first_end: int
    second_start: int
    end: int
    exact: bool
    literal: bool = False
    """The gap holds nothing but the value, though as a literal string, which ISO 32000-2 table 255 does not allow."""

    def signed(self, data: bytes) -> bytes:
        """The bytes that are signed."""
        return data[: self.first_end] + data[self.second_start : self.end]


def byte_range(file: PdfFile, field: Field, contents: bytes) -> ByteRange:
    """The ranges that the signature names (ISO 32000-2 §12.8.1). Raises MalformedDocument.

    Each reader trusts that the value it parsed is the one in the gap: a value elsewhere would leave bytes unsigned.
    """
    named = list(items(entry(field.dictionary, "/ByteRange")))
    numbers = [int(number) for number in named if isinstance(number, generic.NumberObject)]
    if not named:
        raise MalformedDocument("the signature names no bytes that it signs", code="no_value")
    if len(numbers) != 4 or len(named) != 4 or numbers[0] != 0 or min(numbers) < 0:
        what = "the signature's ByteRange is not a pair of ranges from the start"
        raise MalformedDocument(what, code="unknown_form")
    _, first, second, length = numbers
    if second + length > len(file.data):
        raise MalformedDocument("the signature's ByteRange leads out of the file", code="byte_range")
    if not 0 < first < second:
        raise MalformedDocument("the signature's ByteRange leaves no room for its value", code="no_value")
    gap = file.data[first:second]
    exact = _is_hexadecimal(gap, contents)
    if not exact and file.data[first - 1 : first] == b"<" and file.data[second : second + 1] == b">":
        exact = _is_hexadecimal(b"<%s>" % gap, contents)  # some makers sign the brackets too
    return ByteRange(first, second, second + length, exact, not exact and _is_literal(gap, contents))


def _is_hexadecimal(gap: bytes, contents: bytes) -> bool:
    """Whether the gap is the value and blanks, which show nothing (ISO 32000-2 §7.3.4.3 allows them inside too)."""
    found = _HEX.fullmatch(gap)
    digits = b"" if found is None else found[1].translate(None, _BLANKS)
    return bool(digits) and bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii")) == contents


def _is_literal(gap: bytes, contents: bytes) -> bool:
    if not gap.startswith(b"("):
        return False
    stream = BytesIO(gap)
    try:
        read = generic.read_string_from_stream(stream)
    except PDF_ERRORS:
        return False
    return stream.tell() == len(gap) and bytes(read.original_bytes) == contents


@dataclass(frozen=True, slots=True)
class LaterSignature:
    """A signature that holds and covers the file as it was at `end`."""

    end: int
    name: str
    trusted: bool
    """Its signer's certificate leads to a trusted root certificate: what was changed before it is attributable."""
    certificate: bytes | None = None
    """SHA-256 of that certificate: who signs twice answers for it too, known or not."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What was changed between two states, and who signed the later one."""

    changes: tuple[Change, ...]
    signer: LaterSignature | None

    def known_as(self, certificate: bytes | None) -> LaterSignature | None:
        """Who signed the later state, trusted where it is the one who signed the earlier."""
        if self.signer is None or certificate is None or self.signer.certificate != certificate:
            return self.signer
        return replace(self.signer, trusted=True)


@dataclass
class States:
    """The states of one file, compared once however many signatures ask."""

    file: PdfFile
    later: Sequence[LaterSignature]
    """Signatures that hold, by the end of what they sign."""
    timestamps: frozenset[str]
    """Names of the fields that hold document timestamps."""
    budget: ObjectBudget = field(default_factory=lambda: ObjectBudget(MAX_COMPARED))
    _opened: dict[int, PdfFile] = field(default_factory=dict)
    _steps: dict[tuple[int, int], tuple[Change, ...]] = field(default_factory=dict)

    @cached_property
    def end(self) -> int:
        """Where the file ends but for what shows nothing."""
        ends = {later_signature.end for later_signature in self.later}
        return next((place for place in sorted(ends) if self.blank_from(place)), len(self.file.data))

    def blank_from(self, offset: int) -> bool:
        """Whether nothing but white space follows from this byte of the file on."""
        return _BLANK.fullmatch(self.file.data, offset) is not None

    def coverage(self, field: Field, ranges: ByteRange, signer: bytes | None) -> CoverageFacts:
        """What the ranges cover, and what was changed after them; `signer` is the SHA-256 of a certificate.

        Never raises.
        """
        # 1. the ranges are the whole file but for the value itself
        if not ranges.exact:
            if ranges.literal:
                return CoverageFacts(False, unclear=("the signature's value is not written in hexadecimal",))
            return CoverageFacts(False, displayed=("bytes between the signed ranges",))
        if self.blank_from(ranges.end):
            return CoverageFacts(True)
        # 2. what follows are states of the file that can be told from each other
        try:
            steps = self._after(ranges.end)
            then = self._as_signed(field, ranges.end)
            permission, locked = _permission(then), _locked(then)
        except (MalformedDocument, *PDF_ERRORS) as error:
            detail = error.message if isinstance(error, MalformedDocument) else type(error).__name__
            return CoverageFacts(False, unclear=(f"changes that cannot be classified: {detail}",))
        # 3. each change by its kind, by who signed it, and by what this signature permits
        found: dict[str, dict[str, None]] = {"displayed": {}, "unclear": {}, "added": {}}
        for step in steps:
            for change in step.changes:
                outcome = self._outcome(change, step.known_as(signer), permission, locked)
                found[outcome][self._told(change, step.signer)] = None
        if not any(found.values()):
            found["added"]["a state in which nothing differs"] = None
        return _facts(found)

    def _as_signed(self, field: Field, end: int) -> Field:
        """The field in the state that was signed: what was written into it since permits nothing.

        Raises MalformedDocument or PDF_ERRORS.
        """
        place = field.field.container_ref
        reader = self._state(end).reader
        then = generic.IndirectObject(place.idnum, place.generation, reader)
        return Field(field.name, resolved(reader, then))

    def _told(self, change: Change, signer: LaterSignature | None) -> str:
        if change.kind is ChangeKind.SIGNATURE and change.name in self.timestamps:
            return f"timestamp {change.name}"
        if change.kind in (ChangeKind.SIGNATURE, ChangeKind.MATERIAL) or signer is None:
            return change.what
        return f"{change.what} (signed by {signer.name})"

    def attached_since(self, ranges: ByteRange) -> list[Change] | None:
        """The files attached after these ranges, None if there are none or it cannot be told.

        Also None if anything else was changed, but for metadata: programs that attach a file say there when they did.
        """
        try:
            changes = [change for step in self._after(ranges.end) for change in step.changes]
        except (MalformedDocument, *PDF_ERRORS):
            return None
        attached = [change for change in changes if change.kind is ChangeKind.ATTACHED]
        return (
            attached
            if attached and all(difference.kind in (ChangeKind.ATTACHED, ChangeKind.MATERIAL) for difference in changes)
            else None
        )

    def unsigned_attachments(self) -> list[Change]:
        """The files attached after the last signature that holds."""
        start = max((later_signature.end for later_signature in self.later), default=self.end)
        if start == self.end or self.blank_from(start):
            return []
        try:
            return [change for change in self._between(start, self.end) if change.kind is ChangeKind.ATTACHED]
        except (MalformedDocument, *PDF_ERRORS):
            return []

    def _after(self, start: int) -> list[_Step]:
        """Raises MalformedDocument or PDF_ERRORS: what was changed cannot be told."""
        signers: dict[int, LaterSignature] = {}
        for later_signature in self.later:
            if later_signature.end > start:
                known = signers.get(later_signature.end)
                signers[later_signature.end] = later_signature if known is None or later_signature.trusted else known
        ends = [*sorted(signers), *([] if self.end in signers else [self.end])]
        if len(ends) > MAX_STATES:
            raise MalformedDocument(f"more than {MAX_STATES} states follow", code="too_complex")
        starts = [start, *ends[:-1]]
        return [_Step(self._between(*pair), signers.get(pair[1])) for pair in zip(starts, ends, strict=True)]

    def _between(self, start: int, end: int) -> tuple[Change, ...]:
        known = self._steps.get((start, end))
        if known is None:
            known = self._steps[start, end] = self._compared(self._state(start), self._state(end))
        return known

    def _state(self, end: int) -> PdfFile:
        if end not in self._opened:
            if end >= self.end:
                self._opened[end] = self.file
            else:
                self._opened[end] = state_at(self.file, end)
                if self.file.irregular is not None and not leaves_nothing_to_guess(self._opened[end], hybrid=True):
                    raise MalformedDocument("its cross-references are not at the stated offset", code="irregular")
        return self._opened[end]

    def _compared(self, old: PdfFile, new: PdfFile) -> tuple[Change, ...]:
        if old.reader.last_startxref == new.reader.last_startxref:
            raise MalformedDocument("bytes follow that belong to no state of the document", code="irregular")
        if not leaves_nothing_to_guess(new, old):
            raise MalformedDocument("programs may differ in how they read what was added", code="irregular")
        return compare(old.reader, new.reader, self.budget)

    def _outcome(
        self, change: Change, signer: LaterSignature | None, permission: MDPPerm | None, locked: FieldMDPSpec | None
    ) -> str:
        """`added`, `unclear` or `displayed`: the table in docs/standards/documents.md, row by row."""
        kind, known = change.kind, signer is not None and signer.trusted
        if kind is ChangeKind.MATERIAL:
            return "added"
        if kind is ChangeKind.SIGNATURE:
            if change.name in self.timestamps:
                return "added"
            held = any(later_signature.name == change.name for later_signature in self.later)
            return "added" if held and permission is not MDPPerm.NO_CHANGES else "unclear"
        if kind is ChangeKind.ATTACHED:
            return "added" if permission is None or permission is MDPPerm.ANNOTATE else "unclear"
        if kind is ChangeKind.FILLED:
            if permission is MDPPerm.NO_CHANGES or (locked is not None and locked.is_locked(change.name)):
                return "displayed"
            return "added" if permission is not None or known else "unclear" if signer else "displayed"
        if kind is ChangeKind.PICTURE:
            return "added" if signer is not None and permission is not MDPPerm.NO_CHANGES else "unclear"
        if kind is ChangeKind.SEEN:
            allowed = known and (permission in (None, MDPPerm.ANNOTATE) or _is_picture(change))
            return "added" if allowed else "displayed" if signer is None and permission is None else "unclear"
        if kind is ChangeKind.FONTS:
            return "added" if known and permission is None else "unclear"
        if kind is ChangeKind.BESIDE:
            return "added" if signer is not None and permission is None else "unclear"
        if kind is ChangeKind.REDRAWN:
            return "unclear" if signer is not None or permission is not None else "displayed"
        return "displayed" if signer is None else "unclear"


def _is_picture(change: Change) -> bool:
    return bool(change.name) and change.what.startswith("the picture of signature")


def _facts(found: dict[str, dict[str, None]]) -> CoverageFacts:
    named = {name: tuple(texts)[:MAX_NAMES] for name, texts in found.items()}
    more = sum(max(0, len(texts) - MAX_NAMES) for texts in found.values())
    return CoverageFacts(
        False, displayed=named["displayed"], unclear=named["unclear"], added=named["added"], more_names=more
    )


def _permission(field: Field) -> MDPPerm | None:
    """What the signer permits to change afterwards: the stricter of DocMDP and the field's lock; None if unsaid."""
    stated = []
    parameters = _transform(field, "/DocMDP")
    if parameters is not None:
        stated.append(MDPPerm(entry(parameters, "/P") or 2))
    lock = entry(entry(field.field, "/Lock"), "/P")
    if lock is not None:
        stated.append(MDPPerm(lock))
    return min(stated, key=lambda number: int(number.value), default=None)


def _locked(field: Field) -> FieldMDPSpec | None:
    """The fields that the signer locks."""
    parameters = _transform(field, "/FieldMDP")
    return None if parameters is None else FieldMDPSpec.from_pdf_object(parameters)


def _transform(field: Field, method: str) -> Any:
    """Parameters of the transform method (ISO 32000-2 §12.8.2), or None if the signature does not use it."""
    for reference in _first(items(entry(field.dictionary, "/Reference")), 8):
        one = reference.get_object()
        if entry(one, "/TransformMethod") == method:
            return entry(one, "/TransformParams") or {}
    return None


def _first(values: Iterable[Any], count: int) -> list[Any]:
    return list(values)[:count]
