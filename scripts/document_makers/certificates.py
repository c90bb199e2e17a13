"""Keys, certificates and revocation lists of test authorities: SM2, ECDSA and RSA, right or wrong as asked."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import gmssl_pyx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from document_makers.encoding import (
    SM2_WITH_SM3,
    bits,
    element,
    explicit,
    generalized_time,
    identifier,
    integer,
    octets,
    sequence,
    utc_time,
    utf8,
)

Family = Literal["sm2", "ecdsa", "rsa"]
Secret = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | tuple[bytes, bytes]
"""Of SM2 the public and the private number, as gmssl wants them."""
SIGNATURE_USES, AUTHORITY_USES, ENCRYPTION_USES = (
    ("digitalSignature", "nonRepudiation"),
    ("certSign", "cRLSign"),
    (
        "keyEncipherment",
        "dataEncipherment",
    ),
)
USES = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "certSign",
    "cRLSign",
)
REASONS = {"keyCompromise": 1, "cessationOfOperation": 5, "certificateHold": 6, "removeFromCRL": 8}
_NULL = element(0x05)
_ALGORITHMS = {
    "sm2": sequence(identifier(SM2_WITH_SM3)),
    "ecdsa": sequence(identifier("1.2.840.10045.4.3.2")),
    "rsa": sequence(identifier("1.2.840.113549.1.1.11"), _NULL),
}
_SERIALS = itertools.count(1 << 24)  # four bytes each, however many there will be


@dataclass(frozen=True)
class Key:
    """A private key that signs and the SubjectPublicKeyInfo of its other half."""

    family: Family
    public: bytes
    secret: Secret = field(repr=False)

    @property
    def algorithm(self) -> bytes:
        """AlgorithmIdentifier of its signatures, DER."""
        return _ALGORITHMS[self.family]

    def sign(self, message: bytes) -> bytes:
        if isinstance(self.secret, tuple):
            public, private = self.secret
            return bytes(gmssl_pyx.sm2_sign(private, public, message))
        if isinstance(self.secret, ec.EllipticCurvePrivateKey):
            return self.secret.sign(message, ec.ECDSA(hashes.SHA256()))
        return self.secret.sign(message, padding.PKCS1v15(), hashes.SHA256())


def new_key(family: Family = "sm2") -> Key:
    if family == "sm2":
        public, private = gmssl_pyx.sm2_key_generate()
        kind = sequence(identifier("1.2.840.10045.2.1"), identifier("1.2.156.10197.1.301"))
        return Key(family, sequence(kind, bits(b"\x04" + public)), (public, private))
    secret = ec.generate_private_key(ec.SECP256R1()) if family == "ecdsa" else rsa.generate_private_key(65537, 2048)
    return Key(family, secret.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), secret)


@cache
def common_rsa_key(name: str) -> Key:  # noqa: ARG001 - told apart in the cache
    """An RSA key made once per run: they take long."""
    return new_key("rsa")


@dataclass(frozen=True)
class Holder:
    """Somebody with a key and a certificate: signer, seal maker or authority."""

    key: Key
    certificate: bytes
    name: bytes
    """Its subject, DER."""
    serial: int

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message)


def distinguished(names: Mapping[str, str]) -> bytes:
    """A name out of C, O, OU and CN."""
    kinds = {"C": "2.5.4.6", "O": "2.5.4.10", "OU": "2.5.4.11", "CN": "2.5.4.3"}
    return sequence(*(element(0x31, sequence(identifier(kinds[kind]), utf8(value))) for kind, value in names.items()))


def _uses(named: Sequence[str]) -> bytes:
    word = 0
    for name in named:
        word |= 0x80 >> USES.index(name)
    unused = (word & -word).bit_length() - 1 if word else 0
    return element(0x03, bytes([unused, word]))


def extension(oid: str, value: bytes, critical: bool = False) -> bytes:
    """One extension of a certificate, a list or an entry of it; `value` is DER."""
    return sequence(identifier(oid), element(0x01, b"\xff") if critical else b"", octets(value))


def issue(
    issuer: Holder | None,
    names: Mapping[str, str],
    not_before: int,
    not_after: int,
    *,
    family: Family = "sm2",
    key: Key | None = None,
    authority: bool = False,
    path_length: int | None = None,
    uses: Sequence[str] | None = None,
    extensions: bytes = b"",
) -> Holder:
    """A new holder; without an issuer it signs for itself."""
    key = key or new_key(family)
    subject, serial = distinguished(names), next(_SERIALS)
    signer = issuer.key if issuer else key
    uses = uses if uses is not None else (AUTHORITY_USES if authority else SIGNATURE_USES)
    below = b"" if path_length is None else integer(path_length)
    listed = [
        extension("2.5.29.19", sequence(element(0x01, b"\xff"), below) if authority else sequence(), True),
        *([extension("2.5.29.15", _uses(uses), True)] if uses else []),
        extensions,
    ]
    tbs = sequence(
        explicit(0, integer(2)),
        integer(serial),
        signer.algorithm,
        issuer.name if issuer else subject,
        sequence(generalized_or_utc(not_before), generalized_or_utc(not_after)),
        subject,
        key.public,
        explicit(3, sequence(*listed)),
    )
    return Holder(key, sequence(tbs, signer.algorithm, bits(signer.sign(tbs))), subject, serial)


def generalized_or_utc(moment: int) -> bytes:
    """RFC 5280 §4.1.2.5: UTCTime through 2049."""
    return utc_time(moment) if moment < 2_524_608_000 else generalized_time(moment)


def revocation_list(
    issuer: Holder,
    this_update: int,
    next_update: int | None,
    revoked: Mapping[int, tuple[int, str | None]] | None = None,
    extensions: bytes = b"",
) -> bytes:
    """A CRL; revoked: serial number to time and reason."""
    rows = []
    for serial, (at, reason) in (revoked or {}).items():
        why = (
            b"" if reason is None else sequence(extension("2.5.29.21", element(0x0A, bytes([REASONS[reason]])), False))
        )
        rows.append(sequence(integer(serial), generalized_or_utc(at), why))
    tbs = sequence(
        integer(1),
        issuer.key.algorithm,
        issuer.name,
        generalized_or_utc(this_update),
        generalized_or_utc(next_update) if next_update is not None else b"",
        sequence(*rows) if rows else b"",
        explicit(0, sequence(extension("2.5.29.20", integer(next(_SERIALS))), extensions)),
    )
    return sequence(tbs, issuer.key.algorithm, bits(issuer.sign(tbs)))
