"""CMS SignedData (RFC 5652) and timestamp tokens (RFC 3161), written by hand: SM2, ECDSA and RSA."""

from __future__ import annotations

import hashlib
import itertools

from document_makers.certificates import Holder
from document_makers.encoding import (
    element,
    explicit,
    generalized_time,
    identifier,
    integer,
    octets,
    sequence,
    utc_time,
)
from support.cms.plain_signatures import issuer_of

DATA, SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
SHA256, SM3 = "2.16.840.1.101.3.4.2.1", "1.2.156.10197.1.401"
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.5"
SIGNING_CERTIFICATE, TOKEN = "1.2.840.113549.1.9.16.2.47", "1.2.840.113549.1.9.16.2.14"
_SERIALS = itertools.count(1)


def digest_of(signer: Holder, data: bytes) -> tuple[str, bytes]:
    """Identifier and value of the digest that goes with the signer's key."""
    if signer.key.family == "sm2":
        return SM3, hashlib.new("sm3", data).digest()
    return SHA256, hashlib.sha256(data).digest()


def signed_data(
    content: bytes, signer: Holder, *, at: int | None = None, attributes: bool = True, attached: bool = False,
    kind: str = DATA, timestamp: tuple[Holder, int] | None = None, beside: tuple[bytes, ...] = (), ber: bool = False,
) -> bytes:  # fmt: skip
    """A ContentInfo with one signature over `content`, which is inside only if `attached`."""
    oid, digest = digest_of(signer, content)
    listed = sorted(
        [
            _attribute(CONTENT_TYPE, identifier(kind)),
            _attribute(MESSAGE_DIGEST, octets(digest)),
            _attribute(SIGNING_CERTIFICATE, _names(signer)),
            *([_attribute(SIGNING_TIME, utc_time(at))] if at is not None else []),
        ],
        key=lambda one: (len(one), one),
    )
    value = signer.sign(element(0x31, *listed) if attributes else content)
    token = b""
    if timestamp is not None:
        authority, when = timestamp
        token = element(0xA1, _attribute(TOKEN, timestamp_token(value, authority, when)))
    who = sequence(issuer_of(signer.certificate), integer(signer.serial))
    signed = element(0xA0, *listed) if attributes else b""
    row = sequence(
        integer(1), who, sequence(identifier(oid)), signed, signer.key.algorithm, octets(value), token
    )  # fmt: skip
    inside = explicit(0, octets(content)) if attached else b""
    members = (
        integer(1 if kind == DATA else 3),
        element(0x31, sequence(identifier(oid))),
        sequence(identifier(kind), inside),
        element(0xA0, signer.certificate, *beside),
        element(0x31, row),
    )
    if ber:
        return _endless(0x30, identifier(SIGNED_DATA), _endless(0xA0, _endless(0x30, *members)))
    return sequence(identifier(SIGNED_DATA), explicit(0, sequence(*members)))


def _endless(tag: int, *contents: bytes) -> bytes:
    """An element of indefinite length."""
    return bytes([tag, 0x80]) + b"".join(contents) + b"\0\0"


def _attribute(oid: str, value: bytes) -> bytes:
    return sequence(identifier(oid), element(0x31, value))


def _names(signer: Holder) -> bytes:
    """SigningCertificateV2 (RFC 5035), by SHA-256, its default."""
    return sequence(sequence(sequence(octets(hashlib.sha256(signer.certificate).digest()))))


def timestamp_token(stamped: bytes, authority: Holder, at: int) -> bytes:
    """A token over `stamped`."""
    oid, digest = digest_of(authority, stamped)
    info = sequence(
        integer(1),
        identifier("1.2.3.4.5"),
        sequence(sequence(identifier(oid)), octets(digest)),
        integer(next(_SERIALS)),
        generalized_time(at),
    )
    return signed_data(info, authority, kind=TST_INFO, attached=True)
