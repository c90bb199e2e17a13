"""DER as ITU-T X.690 defines it: what foreign bytes must keep to before any structure is read out of them.

asn1crypto reads BER as well and ignores what follows. Two encodings of one value would let the same signature stand
over bytes that differ, so everything foreign passes `check` first.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar, cast

from asn1crypto.core import Asn1Value

from chain_service.documents.facts import MAX_TEXT
from chain_service.errors import MalformedDocument

MAX_DEPTH: Final = 24
MAX_ELEMENTS: Final = 20_000

FOREIGN_ERRORS: Final = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, AssertionError, RecursionError,
    ArithmeticError,
)  # fmt: skip
"""What parsers of foreign bytes may raise; caught around them and turned into a finding."""

_END_OF_CONTENTS: Final = 0
_NULL: Final = 5
_CONSTRUCTED_UNIVERSALS: Final = frozenset({8, 11, 16, 17})
"""EXTERNAL, EMBEDDED PDV, SEQUENCE, SET: the universal types that are constructed, and always so in DER."""

T = TypeVar("T", bound=Asn1Value)


def check(data: bytes, what: str, *, most: int, most_elements: int = MAX_ELEMENTS) -> None:
    """Nothing, if `data` is one DER element of at most `most` bytes, nested elements included.

    Lengths are definite and minimal, tags low, nothing follows. What is wrapped in octet and bit strings is not looked
    into. Raises MalformedDocument with code `too_large` or `not_der`; `what` names the part.
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
            raise MalformedDocument(f"{what} is nested more than {MAX_DEPTH} deep", code="not_der")
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


def text(value: Any) -> str:
    """The characters of a string type, however it is encoded, at most MAX_TEXT of them and none that controls.

    Real certificates and seals carry UTF-8 or GB 18030 in string types that allow ASCII only.
    """
    contents = bytes(value.contents or b"")
    encodings = ("utf-16-be",) if value.tag == 30 else ("utf-8", "gb18030", "latin-1")
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
