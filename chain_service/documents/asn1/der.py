"""DER as ITU-T X.690 defines it: what foreign bytes must keep to before any structure is read out of them.

asn1crypto reads BER as well and ignores what follows. Two encodings of one value would let the same signature stand
over bytes that differ, so everything foreign passes `check` first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, TypeVar, cast

from asn1crypto.core import Asn1Value, Sequence
from asn1crypto.parser import parse

from chain_service.core.encoding.times import LAST_SECOND, UTC8
from chain_service.documents.facts import MAX_TEXT
from chain_service.errors import MalformedDocument

MAX_DEPTH: Final = 64
"""A signature whose timestamp names issuer and serial number of its authority is nested 25 deep; a timestamp over that
timestamp, as archives renew them, goes 8 deeper, and so on. Readers recurse a few frames for each."""
MAX_ELEMENTS: Final = 20_000
MAX_IDENTIFIER: Final = 64
"""Bytes of an object identifier: reading a long one takes time that grows with its square."""

FOREIGN_ERRORS: Final = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, AssertionError, RecursionError,
    ArithmeticError,
)  # fmt: skip
"""What parsers of foreign bytes may raise; caught around them and turned into a finding."""

_END_OF_CONTENTS: Final = 0
_BIT_STRING: Final = 3
_NULL: Final = 5
_IDENTIFIER: Final = 6
_BMP_STRING: Final = 30
_CONSTRUCTED_UNIVERSALS: Final = frozenset({8, 11, 16, 17})
"""EXTERNAL, EMBEDDED PDV, SEQUENCE, SET: the universal types that are constructed, and always so in DER."""

T = TypeVar("T", bound=Asn1Value)


class Exact(Sequence):  # type: ignore[misc]
    """A structure with the members of its `_fields` and no more: asn1crypto passes over what is left."""

    def _parse_children(self, recurse: bool = False) -> None:
        super()._parse_children(recurse)
        if len(self.children) != len(self._fields):
            raise ValueError("more members than the structure has")

    def elements(self) -> dict[str, bytes]:
        """Every member as it is encoded, by name; for structures whose optional members stand last."""
        return dict(zip((field[0] for field in self._fields), members(self.dump()), strict=False))


def members(sequence: bytes) -> list[bytes]:
    """What a SEQUENCE or SET (DER) holds, each member as it is encoded. Raises MalformedDocument."""
    _, at, last = _header(sequence, 0, len(sequence), "a sequence")
    elements = []
    while at < last:
        end = _header(sequence, at, last, "a sequence")[2]
        elements.append(sequence[at:end])
        at = end
    return elements


def length(data: bytes, what: str) -> int:
    """Bytes of the DER element at the beginning of `data`. Raises MalformedDocument."""
    return _header(data, 0, len(data), what)[2]


def bits(element: bytes, what: str) -> bytes:
    """The whole bytes of a BIT STRING (DER). Raises MalformedDocument, also when bits are left over."""
    category, _, tag, _, contents, _ = parse(element)
    if (category, tag) != (0, _BIT_STRING) or not contents or contents[0] != 0:
        raise MalformedDocument(f"{what} is not a string of whole bytes", code="malformed")
    return bytes(contents[1:])


def check(data: bytes, what: str, *, most: int, most_elements: int = MAX_ELEMENTS) -> None:
    """Nothing, if `data` is one DER element of at most `most` bytes, nested elements included.

    Lengths are definite and minimal, tags low, nothing follows. What is wrapped in octet and bit strings is not looked
    into. Raises MalformedDocument with code `too_large`, `too_complex` or `not_der`; `what` names the part.
    """
    if len(data) > most:
        raise MalformedDocument(f"{what} has {len(data)} bytes, more than {most}", code="too_large")
    constructed, start, end = _header(data, 0, len(data), what)
    if end != len(data):
        raise MalformedDocument(f"{what} is followed by {len(data) - end} bytes", code="not_der")
    open_until = [end] if constructed else []
    at = start if constructed else end
    for _ in range(most_elements):
        while open_until and at == open_until[-1]:
            open_until.pop()
        if not open_until:
            return
        if len(open_until) > MAX_DEPTH:
            raise MalformedDocument(f"{what} is nested more than {MAX_DEPTH} deep", code="too_complex")
        constructed, start, end = _header(data, at, open_until[-1], what)
        if constructed:
            open_until.append(end)
            at = start
        else:
            at = end
    raise MalformedDocument(f"{what} has more than {most_elements} elements", code="too_large")


def _header(data: bytes, at: int, limit: int, what: str) -> tuple[bool, int, int]:
    """Whether the element at `at` is constructed, and where its contents begin and end."""
    if at + 2 > limit:
        raise MalformedDocument(f"{what} ends within an element", code="not_der")
    tag, length = data[at], data[at + 1]
    start = at + 2
    if length >= 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4 or start + octets > limit:
            raise MalformedDocument(f"{what} has a length that DER does not allow", code="not_der")
        length = int.from_bytes(data[start : start + octets], "big")
        if length < 0x80 or length >> (8 * (octets - 1)) == 0:
            raise MalformedDocument(f"{what} has a length that is not minimal", code="not_der")
        start += octets
    number = tag & 0x1F
    if number == 0x1F:
        raise MalformedDocument(f"{what} has a tag number above 30", code="not_der")
    constructed = bool(tag & 0x20)
    if tag < 0x40 and (number == _END_OF_CONTENTS or constructed != (number in _CONSTRUCTED_UNIVERSALS)):
        raise MalformedDocument(f"{what} has a tag that DER does not allow", code="not_der")
    if tag == _IDENTIFIER and length > MAX_IDENTIFIER:
        raise MalformedDocument(f"{what} has an object identifier of {length} bytes", code="too_large")
    if tag == _NULL and length:
        raise MalformedDocument(f"{what} has a NULL with contents", code="not_der")
    if start + length > limit:
        raise MalformedDocument(f"{what} has an element longer than what holds it", code="not_der")
    return constructed, start, start + length


def load(spec: type[T], data: bytes, what: str, *, most: int) -> T:
    """The structure that `data` encodes in DER, its members still unread. Raises MalformedDocument."""
    check(data, what, most=most)
    try:
        return cast(T, spec.load(data, strict=True))
    except FOREIGN_ERRORS as error:
        raise malformed(what, error) from error


def malformed(what: str, error: Exception) -> MalformedDocument:
    """The refusal for a parser's exception: its kind and place, never the foreign text it repeats."""
    return MalformedDocument(f"{what} is not formed as its standard says ({type(error).__name__})", code="malformed")


def text(element: bytes) -> str:
    """The characters of a string type (DER), at most MAX_TEXT of them and none that controls.

    Real certificates and seals carry UTF-8 or GB 18030 in string types that allow ASCII only.
    """
    _, _, tag, _, contents, _ = parse(element)
    encodings = ("utf-16-be",) if tag == _BMP_STRING else ("utf-8", "gb18030", "latin-1")
    for encoding in encodings:
        try:
            decoded = contents.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        decoded = contents.decode("latin-1")
    return clean(decoded)


def clean(decoded: str) -> str:
    """At most MAX_TEXT characters of a foreign text, what cannot be printed replaced."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in decoded[:MAX_TEXT])


_REST = (
    r"-?(?P<month>\d\d)-?(?P<day>\d\d)[ T]?(?P<hour>\d\d):?(?P<minute>\d\d)"
    r"(:?(?P<second>\d\d))?(?P<fraction>[.,]\d{1,9})?(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_SHORT_YEAR: Final = re.compile(r"(?P<year>\d{2})" + _REST, re.ASCII)
_LONG_YEAR: Final = re.compile(r"(?P<year>\d{4})" + _REST, re.ASCII)
_PARTS: Final = ("month", "day", "hour", "minute", "second")
_UTC_TIME: Final = 23
_GENERALIZED_TIME: Final = 24
_EARLIEST: Final = -631_152_000


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as it was written: Unix seconds, rounded down."""

    at: int
    exact: bool
    """False when a fraction of a second was dropped."""
    zoneless: bool
    """True when it named no zone and was read as UTC+8."""


def moment(element: bytes, what: str) -> Moment:
    """The time of a UTCTime or GeneralizedTime (DER) as they are in use. Raises MalformedDocument."""
    patterns = {_UTC_TIME: (_SHORT_YEAR,), _GENERALIZED_TIME: (_LONG_YEAR,)}
    _, _, tag, _, contents, _ = parse(element)
    return _moment(bytes(contents), patterns.get(tag, ()), what)


def written_moment(text: bytes, what: str) -> Moment:
    """The time that a text writes: `2020-04-22 02:18:07`, `20200422021807Z` or `200422021807Z`.

    Raises MalformedDocument.
    """
    digits = sum(48 <= character <= 57 for character in text[:16])
    return _moment(text, (_SHORT_YEAR,) if digits <= 12 else (_LONG_YEAR,), what)


def _moment(contents: bytes, patterns: tuple[re.Pattern[str], ...], what: str) -> Moment:
    """Two digits of a year are 1950 to 2049 (RFC 5280 §4.1.2.5.1)."""
    text = contents[:40].decode("ascii", "replace")
    parts = next((match for pattern in patterns if (match := pattern.fullmatch(text))), None)
    if parts is None:
        raise MalformedDocument(f"{what} is not a time", code="malformed")
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        year += 1900 if year >= 50 else 2000
    zone = _zone(parts["zone"])
    try:
        month, day, hour, minute, second = (int(parts[part] or 0) for part in _PARTS)
        written = datetime(year, month, day, hour, minute, second, tzinfo=zone or UTC8)
        at = int(written.timestamp())
    except (ValueError, OverflowError) as error:
        raise MalformedDocument(f"{what} is not a time that exists", code="malformed") from error
    if not _EARLIEST <= at <= LAST_SECOND:
        raise MalformedDocument(f"{what} lies outside of the years 1950 to 9999", code="malformed")
    return Moment(at, parts["fraction"] is None, zone is None)


def _zone(written: str | None) -> timezone | None:
    if written is None:
        return None
    if written == "Z":
        return UTC
    digits = written.replace(":", "")
    offset = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5]))
    return timezone(-offset if digits[0] == "-" else offset) if offset < timedelta(hours=24) else None
