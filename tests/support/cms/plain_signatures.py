"""Signatures of type Sign: SM2 over Signature.xml as it is, and GB/T 35275 SignedData around it."""

from __future__ import annotations

import gmssl_pyx

from document_makers.certificates import Holder
from document_makers.encoding import element, explicit, identifier, integer, octets, sequence, utc_time

DATA, SIGNED_DATA = "1.2.156.10197.6.1.4.2.1", "1.2.156.10197.6.1.4.2.2"
SM3, SM2 = "1.2.156.10197.1.401", "1.2.156.10197.1.301.1"
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.5"


def issuer_of(certificate: bytes) -> bytes:
    """The issuer's name in a certificate made here: the element after version, serial number and algorithm."""
    at = header(certificate, header(certificate, 0)[0])[0]
    for _ in range(3):
        at = header(certificate, at)[1]
    return certificate[at : header(certificate, at)[1]]


def header(data: bytes, at: int) -> tuple[int, int]:
    """Where the contents of an element begin and end."""
    length = data[at + 1]
    start = at + 2
    if length >= 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[at + 2 : start], "big")
    return start, start + length


def signed_data(
    data: bytes, signer: Holder, *, at: int | None = None, attached: bool = False, enclosed: bool = True,
    digest: str = SM3, algorithm: str = SM2,
) -> bytes:  # fmt: skip
    """GB/T 35275 SignedData over `data`; with a time its digest and the time are signed attributes.

    enclosed: the signer's certificate lies in it; digest, algorithm: identifiers, which no signature covers.
    """
    attributes = b""
    told = data
    if at is not None:
        listed = sorted(
            sequence(identifier(kind), element(0x31, value))
            for kind, value in (
                (CONTENT_TYPE, identifier(DATA)),
                (MESSAGE_DIGEST, octets(gmssl_pyx.sm3_hash(data))),
                (SIGNING_TIME, utc_time(at)),
            )
        )
        attributes = element(0xA0, *listed)
        told = element(0x31, *listed)
    who = sequence(issuer_of(signer.certificate), integer(signer.serial))
    row = sequence(
        integer(1),
        who,
        sequence(identifier(digest)),
        attributes,
        sequence(identifier(algorithm)),
        octets(signer.sign(told)),
    )
    content = sequence(identifier(DATA), explicit(0, octets(data)) if attached else b"")
    beside = element(0xA0, signer.certificate) if enclosed else b""
    inner = sequence(
        integer(1), element(0x31, sequence(identifier(SM3))), content, beside, element(0x31, row),
    )  # fmt: skip
    return sequence(identifier(SIGNED_DATA), explicit(0, inner))
