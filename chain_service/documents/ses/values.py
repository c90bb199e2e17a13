"""Values of electronic seals in the encodings that makers write: what is meant is recovered, the deviation told.

A value is recovered only where the bytes can mean one thing. Nothing here decides: a recovered digest has to be that
of the content, a recovered signature has to verify.
"""

from __future__ import annotations

from typing import Final

from asn1crypto.parser import parse

from chain_service.documents.asn1 import der
from chain_service.documents.facts import Problem
from chain_service.documents.pki import sm2
from chain_service.errors import MalformedDocument

_BIT_STRING: Final = 3
_MOST_UNUSED: Final = 7
_SIGNATURE_SIZES: Final = (64, 256, 384, 512)
"""Bytes of signatures without a length of their own: r and s of SM2, RSA of 2048 to 4096 bits."""
MOST_TRIMMED: Final = 4
"""Zero bytes that trimming may have taken off a value of such a size."""


def bits(element: bytes, what: str) -> tuple[bytes, tuple[Problem, ...]]:
    """The bytes of a BIT STRING and how it deviates. Raises MalformedDocument.

    OpenSSL counts the zero bits at the end as unused and leaves zero bytes out; one maker writes the length into the
    octet that counts unused bits.
    """
    category, _, tag, _, contents, _ = parse(element)
    if (category, tag) != (0, _BIT_STRING) or not contents:
        raise MalformedDocument(f"{what} is not a bit string", code="malformed")
    unused, value = contents[0], bytes(contents[1:])
    if unused == 0:
        return value, ()
    if value and unused <= _MOST_UNUSED and value[-1] % (1 << unused) == 0:
        return value, (_deviation(f"{what} has zero bits at its end trimmed off"),)
    if unused > _MOST_UNUSED and unused == len(value):
        return value, (_deviation(f"{what} has its length where unused bits are counted"),)
    raise MalformedDocument(f"{what} is not a string of whole bytes", code="malformed")


def signature_bits(element: bytes, what: str) -> tuple[bytes, tuple[Problem, ...]]:
    """As `bits`, for a signature's value: zero bytes trimmed off its end are put back. Raises MalformedDocument."""
    value, problems = bits(element, what)
    whole = value.ljust(_whole_length(value), b"\0")
    if whole != value:
        problems = (_deviation(f"{what} has zeros at its end trimmed off"),)
    if sm2.deviates(whole):
        problems += (_deviation(f"{what} holds integers that are padded or lack their sign byte"),)
    return whole, problems


def same_digest(written: bytes, made: bytes) -> bool:
    """Whether a digest is the one that was written, perhaps without zero bytes at its end."""
    trimmed = len(made) - len(written)
    return written == made or (0 < trimmed <= MOST_TRIMMED and written.ljust(len(made), b"\0") == made)


def unpadded(data: bytes) -> tuple[bytes, tuple[Problem, ...]]:
    """The DER element at the beginning of `data` without zero bytes behind it. Raises MalformedDocument."""
    end = der.length(data, "the value")
    if end == len(data) or data[end:].strip(b"\0"):
        return data, ()
    return data[:end], (_deviation("zero bytes follow the value"),)


def _whole_length(value: bytes) -> int:
    """How long a value was before zero bytes at its end were trimmed off."""
    if value[:1] == b"\x30" and len(value) > 1 and value[1] < 0x80:
        return min(value[1] + 2, len(value) + MOST_TRIMMED)
    return next((size for size in _SIGNATURE_SIZES if 0 <= size - len(value) <= MOST_TRIMMED), len(value))


def _deviation(detail: str) -> Problem:
    return Problem("encoding_deviation", detail)
