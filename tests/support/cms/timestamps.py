"""Timestamp tokens (RFC 3161) of test authorities, SM2, ECDSA or RSA, right or wrong as asked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from document_makers.certificates import Family, Holder, extension, issue
from document_makers.encoding import element, explicit, generalized_time, identifier, integer, octets, sequence
from support.cms.plain_signatures import CONTENT_TYPE, MESSAGE_DIGEST, issuer_of

SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
DIGESTS = {
    "sm3": "1.2.156.10197.1.401",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha1": "1.3.14.3.2.26",
}
KEYS = {"sm2": "1.2.156.10197.1.301.1", "ecdsa": "1.2.840.10045.4.3.2", "rsa": "1.2.840.113549.1.1.1"}


def timestamp_authority(issuer: Holder, not_before: int, not_after: int, **more: Any) -> Holder:
    """A holder that may make timestamps and nothing else."""
    purpose = extension("2.5.29.37", sequence(identifier(TIME_STAMPING)), critical=True)
    given: dict[str, Any] = {"family": issuer.key.family, "uses": ("digitalSignature",), "extensions": purpose}
    return issue(issuer, {"C": "CN", "O": "测试", "CN": "时间戳"}, not_before, not_after, **(given | more))


@dataclass(frozen=True)
class Stamp:
    """Everything a token says; `der` makes it."""

    authority: Holder
    at: int
    over: bytes
    imprint: str | None = None
    """Name of the imprint's digest in hashlib; by default the one that goes with the authority's key."""
    accuracy: bytes = b""
    time: bytes | None = None
    """genTime, if it is not simply `at`."""
    names: Holder | None = None
    """Whose certificate the signed attribute names; by default the authority's."""
    attributes: bool = True
    content_type: str = TST_INFO
    certificates: tuple[bytes, ...] | None = None

    @property
    def family(self) -> Family:
        return self.authority.key.family

    @property
    def digest(self) -> str:
        return "sm3" if self.family == "sm2" else "sha256"

    def info(self) -> bytes:
        name = self.imprint or self.digest
        imprint = sequence(sequence(identifier(DIGESTS[name])), octets(hashlib.new(name, self.over).digest()))
        return sequence(
            integer(1),
            identifier("1.2.3.4"),
            imprint,
            integer(7),
            self.time or generalized_time(self.at),
            self.accuracy,
        )

    def signed(self) -> bytes:
        named = (self.names or self.authority).certificate
        rows = (
            (CONTENT_TYPE, identifier(self.content_type)),
            (MESSAGE_DIGEST, octets(hashlib.new(self.digest, self.info()).digest())),
            (SIGNING_CERTIFICATE, sequence(sequence(sequence(octets(hashlib.sha256(named).digest()))))),
        )
        return b"".join(sorted(sequence(identifier(kind), element(0x31, value)) for kind, value in rows))

    def der(self) -> bytes:
        """The token: a ContentInfo."""
        digest = sequence(identifier(DIGESTS[self.digest]))
        told = element(0x31, self.signed()) if self.attributes else self.info()
        row = sequence(
            integer(1),
            sequence(issuer_of(self.authority.certificate), integer(self.authority.serial)),
            digest,
            element(0xA0, self.signed()) if self.attributes else b"",
            sequence(identifier(KEYS[self.family]), b"\x05\x00" if self.family == "rsa" else b""),
            octets(self.authority.sign(told)),
        )
        held = (self.authority.certificate,) if self.certificates is None else self.certificates
        content = sequence(identifier(self.content_type), explicit(0, octets(self.info())))
        parts = (integer(3), element(0x31, digest), content, element(0xA0, *held), element(0x31, row))
        return sequence(identifier(SIGNED_DATA), explicit(0, sequence(*parts)))
