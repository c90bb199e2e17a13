"""Electronic seals and seal signatures: GM/T 0031-2014 (version 1), GB/T 38540-2020 (4), GM/T 0031-2025 (5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import gmssl_pyx

from document_makers.encoding import (
    SM2_WITH_SM3,
    bits,
    explicit,
    generalized_time,
    ia5,
    identifier,
    integer,
    octets,
    printable,
    raw_signature,
    sequence,
    utc_time,
    utf8,
)

PICTURE = bytes.fromhex("89504e470d0a1a0a") + bytes(range(256)) * 8
"""Stands for a picture: nothing reads it."""
CERTIFICATES, HASHES = 1, 2


class Signer(Protocol):
    """Who holds a key and a certificate for it."""

    @property
    def certificate(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


@dataclass(frozen=True)
class Seal:
    """Everything a seal says; `der` makes it."""

    version: int
    maker: Signer
    signers: Sequence[bytes]
    """Certificates in its list."""
    code: str
    valid_from: int
    valid_until: int
    created: int
    name: str = "测试用印章"
    kind: int = 1
    list_type: int = CERTIFICATES
    raw: bool = False
    """Its signature is 64 bytes of r and s instead of DER."""
    algorithm: str = SM2_WITH_SM3
    picture: bytes = PICTURE
    extensions: bytes = b""
    as_bits: Callable[[bytes], bytes] = bits
    """How its BIT STRING is written."""

    def info(self) -> bytes:
        """SES_SealInfo: what a version 4 or 5 seal's maker signs."""
        time = utc_time if self.version == 1 else generalized_time
        listed = [
            octets(signer) if self.list_type == CERTIFICATES else certificate_hash(signer) for signer in self.signers
        ]
        kind = b"" if self.version == 1 else integer(self.list_type)
        moments = [time(moment) for moment in (self.created, self.valid_from, self.valid_until)]
        return sequence(
            sequence(ia5("ES"), integer(self.version), ia5("tests")),
            ia5(self.code),
            sequence(integer(self.kind), utf8(self.name), kind, sequence(*listed), *moments),
            sequence(ia5("PNG"), octets(self.picture), integer(40), integer(40)),
            self.extensions,
        )

    def der(self) -> bytes:
        """SESeal, as an .esl file holds it."""
        info, certificate, algorithm = self.info(), octets(self.maker.certificate), identifier(self.algorithm)
        told = sequence(info, certificate, algorithm) if self.version == 1 else info
        signature = self.maker.sign(told)
        value = self.as_bits(raw_signature(signature) if self.raw else signature)
        if self.version == 1:
            return sequence(info, sequence(certificate, algorithm, value))
        return sequence(info, certificate, algorithm, value)

    def with_(self, **changes: Any) -> Seal:
        return replace(self, **changes)


def certificate_hash(certificate: bytes) -> bytes:
    """CertDigestObj."""
    return sequence(printable("SM3"), octets(gmssl_pyx.sm3_hash(certificate)))


def seal_signature(
    seal: bytes,
    signer: Signer,
    *,
    version: int,
    data: bytes,
    location: str,
    at: int,
    raw: bool = False,
    algorithm: str = SM2_WITH_SM3,
    timestamp: bytes | None = None,
    as_bits: Callable[[bytes], bytes] = bits,
    digest: Callable[[bytes], bytes] = gmssl_pyx.sm3_hash,
) -> bytes:
    """SES_Signature over `data` (Signature.xml) at the path `location`, as SignedValue.dat holds it."""
    data_hash = as_bits(digest(data))
    certificate, method = octets(signer.certificate), identifier(algorithm)
    if version == 1:
        time = bits(generalized_time(at))
        signed = sequence(integer(1), seal, time, data_hash, ia5(location), certificate, method)
        signature = signer.sign(signed)
        return sequence(signed, as_bits(raw_signature(signature) if raw else signature))
    signed = sequence(integer(version), seal, generalized_time(at), data_hash, ia5(location))
    signature = signer.sign(signed)
    stamp = b"" if timestamp is None else explicit(0, bits(timestamp))
    return sequence(signed, certificate, method, as_bits(raw_signature(signature) if raw else signature), stamp)
