"""BER as some makers wrap signatures in PDF files: indefinite lengths, long lengths, strings in pieces.

asn1crypto reads it; what is here bounds what it would take too long over. Whatever a conclusion rests on is DER again.
"""

from __future__ import annotations

from typing import Final

from chain_service.documents.asn1.der import MAX_DEPTH, MAX_IDENTIFIER
from chain_service.errors import MalformedDocument

MAX_ELEMENTS: Final = 100_000
"""A revocation list that rides along has four or more for each certificate it names."""
_IDENTIFIER: Final = 6
_CONSTRUCTED: Final = 0x20
_INDEFINITE: Final = 0x80
_END_OF_CONTENTS: Final = b"\0\0"


def measure(data: bytes, what: str) -> int:
    """How many bytes the BER element at the beginning of `data` takes, with all that it holds within bounds.

    Raises MalformedDocument.
    """
    ends: list[int | None] = []
    limits = [len(data)]
    at = 0
    for _ in range(MAX_ELEMENTS):
        if ends and ends[-1] is None and data[at : at + 2] == _END_OF_CONTENTS:
            at += 2
            ends.pop()
            limits.pop()
        else:
            tag, start, end = _header(data, at, limits[-1], what)
            if tag & _CONSTRUCTED:
                ends.append(end)
                limits.append(limits[-1] if end is None else end)
                at = start
            elif end is None:
                raise MalformedDocument(f"{what} has a primitive element of indefinite length", code="malformed")
            else:
                at = end
        while ends and ends[-1] == at:
            ends.pop()
            limits.pop()
        if not ends:
            return at
        if len(ends) > MAX_DEPTH:
            raise MalformedDocument(f"{what} is nested more than {MAX_DEPTH} deep", code="too_complex")
    raise MalformedDocument(f"{what} has more than {MAX_ELEMENTS} elements", code="too_large")


def _header(data: bytes, at: int, limit: int, what: str) -> tuple[int, int, int | None]:
    """Tag, start and end of the contents of the element at `at`; no end if its length is indefinite."""
    if at + 2 > limit:
        raise MalformedDocument(f"{what} ends within an element", code="malformed")
    tag, length, start = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F:
        raise MalformedDocument(f"{what} has a tag number above 30", code="malformed")
    if length == _INDEFINITE:
        return tag, start, None
    if length > _INDEFINITE:
        octets = length & 0x7F
        length = int.from_bytes(data[start : start + octets], "big")
        start += octets
    if start + length > limit:
        raise MalformedDocument(f"{what} has an element longer than what holds it", code="malformed")
    if tag == _IDENTIFIER and length > MAX_IDENTIFIER:
        raise MalformedDocument(f"{what} has an object identifier of {length} bytes", code="too_large")
    return tag, start, start + length
