"""Keys of every algorithm that signatures are verified with, and of a few that are weak or not known."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from document_makers.certificates import Key, new_key
from document_makers.encoding import SM2_WITH_SM3, element, explicit, identifier, integer, sequence

NULL = element(0x05)
PSS, MGF1, RSA, EC_KEY = "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8", "1.2.840.113549.1.1.1", "1.2.840.10045.2.1"
DIGESTS = {
    "sha-1": ("1.3.14.3.2.26", hashes.SHA1(), "sha1"),
    "sha-224": ("2.16.840.1.101.3.4.2.4", hashes.SHA224(), "sha224"),
    "sha-256": ("2.16.840.1.101.3.4.2.1", hashes.SHA256(), "sha256"),
    "sha-384": ("2.16.840.1.101.3.4.2.2", hashes.SHA384(), "sha384"),
    "sha-512": ("2.16.840.1.101.3.4.2.3", hashes.SHA512(), "sha512"),
    "sha-512/256": ("2.16.840.1.101.3.4.2.6", hashes.SHA512_256(), "sha512_256"),
    "sha3-224": ("2.16.840.1.101.3.4.2.7", hashes.SHA3_224(), "sha3_224"),
    "sha3-256": ("2.16.840.1.101.3.4.2.8", hashes.SHA3_256(), "sha3_256"),
    "sha3-384": ("2.16.840.1.101.3.4.2.9", hashes.SHA3_384(), "sha3_384"),
    "sha3-512": ("2.16.840.1.101.3.4.2.10", hashes.SHA3_512(), "sha3_512"),
}
"""Our name to identifier, the library's and hashlib's."""
OTHER_DIGESTS: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "sm3": (sequence(identifier("1.2.156.10197.1.401")), lambda data: hashlib.new("sm3", data).digest()),
    "md5": (sequence(identifier("1.2.840.113549.2.5")), lambda data: hashlib.new("md5", data).digest()),
    "shake256": (
        sequence(identifier("2.16.840.1.101.3.4.2.12")), lambda data: hashlib.shake_256(data).digest(64),
    ),
    "shake256 of a stated length": (
        sequence(identifier("2.16.840.1.101.3.4.2.18"), integer(512)), lambda data: hashlib.shake_256(data).digest(64),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class SigningKey(Key):
    """A key with one way of signing."""

    stated: bytes = b""
    """AlgorithmIdentifier of its signatures."""
    make: Callable[[bytes], bytes] = bytes

    @property
    def algorithm(self) -> bytes:
        return self.stated

    def sign(self, message: bytes) -> bytes:
        return self.make(message)


def digest(name: str, data: bytes) -> tuple[bytes, bytes]:
    """AlgorithmIdentifier and value of a digest by our name."""
    if name in OTHER_DIGESTS:
        stated, made = OTHER_DIGESTS[name]
        return stated, made(data)
    oid, _, called = DIGESTS[name]
    return sequence(identifier(oid)), hashlib.new(called, data).digest()


@cache
def _secret(kind: str) -> Any:
    """One key of a kind for all its algorithms: they take long to make."""
    if kind.startswith("rsa-"):
        return rsa.generate_private_key(65537, int(kind[4:]))
    if kind == "dsa":
        return dsa.generate_private_key(2048)
    if kind in ("ed25519", "ed448"):
        return (ed25519.Ed25519PrivateKey if kind == "ed25519" else ed448.Ed448PrivateKey).generate()
    return ec.generate_private_key(getattr(ec, kind)())


def _key(kind: str, stated: bytes, make: Callable[[Any, bytes], bytes]) -> SigningKey:
    secret = _secret(kind)
    public = secret.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SigningKey("rsa", public, secret, stated, lambda message: make(secret, message))


def _rsa(oid: str, name: str, kind: str = "rsa-2048", parameters: bytes = NULL) -> SigningKey:
    return _key(
        kind, sequence(identifier(oid), parameters), lambda k, m: k.sign(m, padding.PKCS1v15(), DIGESTS[name][1])
    )


def _ecdsa(oid: str, name: str, kind: str = "SECP256R1") -> SigningKey:
    return _key(kind, sequence(identifier(oid)), lambda k, m: k.sign(m, ec.ECDSA(DIGESTS[name][1])))


def _plain(oid: str, name: str, kind: str = "SECP256R1") -> SigningKey:
    def make(secret: Any, message: bytes) -> bytes:
        size = (secret.curve.group_order.bit_length() + 7) // 8
        parts = decode_dss_signature(secret.sign(message, ec.ECDSA(DIGESTS[name][1])))
        return b"".join(part.to_bytes(size, "big") for part in parts)

    return _key(kind, sequence(identifier(oid)), make)


def _pss(name: str, salt: int, *, stated: bytes | None = None, mask: str | None = None) -> SigningKey:
    """RFC 4055. stated: the parameters if they are not in full; mask: another digest for the mask."""
    hashed = sequence(identifier(DIGESTS[name][0]), NULL)
    masked = sequence(identifier(MGF1), sequence(identifier(DIGESTS[mask or name][0]), NULL))
    full = sequence(explicit(0, hashed), explicit(1, masked), explicit(2, integer(salt)))
    form = padding.PSS(padding.MGF1(DIGESTS[mask or name][1]), salt)
    return _key(
        "rsa-2048",
        sequence(identifier(PSS), full if stated is None else stated),
        lambda k, m: k.sign(m, form, DIGESTS[name][1]),
    )


def _pss_defaults(name: str) -> bytes:
    """Parameters without the salt's length, which is 20 then."""
    hashed = sequence(identifier(DIGESTS[name][0]), NULL)
    return sequence(explicit(0, hashed), explicit(1, sequence(identifier(MGF1), hashed)))


NAMED: dict[str, tuple[str, str, Callable[[], SigningKey]]] = {
    **{
        oid: ("rsa", name, partial(_rsa, oid, name))
        for oid, name in (
            ("1.2.840.113549.1.1.5", "sha-1"), ("1.2.840.113549.1.1.14", "sha-224"),
            ("1.2.840.113549.1.1.11", "sha-256"), ("1.2.840.113549.1.1.12", "sha-384"),
            ("1.2.840.113549.1.1.13", "sha-512"), ("1.2.840.113549.1.1.16", "sha-512/256"),
            ("2.16.840.1.101.3.4.3.13", "sha3-224"), ("2.16.840.1.101.3.4.3.14", "sha3-256"),
            ("2.16.840.1.101.3.4.3.15", "sha3-384"), ("2.16.840.1.101.3.4.3.16", "sha3-512"),
        )
    },
    **{
        oid: ("ecdsa", name, partial(_ecdsa, oid, name))
        for oid, name in (
            ("1.2.840.10045.4.1", "sha-1"), ("1.2.840.10045.4.3.1", "sha-224"), ("1.2.840.10045.4.3.2", "sha-256"),
            ("1.2.840.10045.4.3.3", "sha-384"), ("1.2.840.10045.4.3.4", "sha-512"),
            ("2.16.840.1.101.3.4.3.9", "sha3-224"), ("2.16.840.1.101.3.4.3.10", "sha3-256"),
            ("2.16.840.1.101.3.4.3.11", "sha3-384"), ("2.16.840.1.101.3.4.3.12", "sha3-512"),
        )
    },
    **{
        f"0.4.0.127.0.7.1.1.4.1.{number}": (
            "ecdsa-plain", name, partial(_plain, f"0.4.0.127.0.7.1.1.4.1.{number}", name),
        )
        for number, name in enumerate(("sha-1", "sha-224", "sha-256", "sha-384", "sha-512"), 1)
    },
    "1.3.101.112": ("ed25519", "sha-512", lambda: _key("ed25519", sequence(identifier("1.3.101.112")), _direct)),
    "1.3.101.113": ("ed448", "shake256", lambda: _key("ed448", sequence(identifier("1.3.101.113")), _direct)),
    SM2_WITH_SM3: ("sm2", "sm3", lambda: _sm2()),
}  # fmt: skip
"""Identifier of a signature algorithm to its family, the digest that goes with it, and a key of it."""


def _direct(secret: Any, message: bytes) -> bytes:
    return bytes(secret.sign(message))


def _sm2() -> SigningKey:
    key = new_key("sm2")
    return SigningKey("sm2", key.public, key.secret, key.algorithm, key.sign)


FORMS: dict[str, tuple[str, Callable[[], SigningKey]]] = {
    "RSA named by its key": ("sha-256", lambda: _rsa(RSA, "sha-256")),
    "RSA named by its key, without parameters": ("sha-256", lambda: _rsa(RSA, "sha-256", parameters=b"")),
    "RSA of 4096 bits": ("sha-256", lambda: _rsa("1.2.840.113549.1.1.11", "sha-256", "rsa-4096")),
    "PSS, SHA-256": ("sha-256", lambda: _pss("sha-256", 32)),
    "PSS, SHA-384": ("sha-384", lambda: _pss("sha-384", 48)),
    "PSS, SHA-512": ("sha-512", lambda: _pss("sha-512", 64)),
    "PSS, SHA3-256": ("sha3-256", lambda: _pss("sha3-256", 32)),
    "PSS, length of salt left out": ("sha-256", lambda: _pss("sha-256", 20, stated=_pss_defaults("sha-256"))),
    "ECDSA named by its key": ("sha-384", lambda: _ecdsa(EC_KEY, "sha-384")),
    "ECDSA on P-384": ("sha-384", lambda: _ecdsa("1.2.840.10045.4.3.3", "sha-384", "SECP384R1")),
    "ECDSA on P-521": ("sha-512", lambda: _ecdsa("1.2.840.10045.4.3.4", "sha-512", "SECP521R1")),
    "ECDSA on brainpoolP256r1": ("sha-256", lambda: _ecdsa("1.2.840.10045.4.3.2", "sha-256", "BrainpoolP256R1")),
    "ECDSA on brainpoolP384r1": ("sha-384", lambda: _ecdsa("1.2.840.10045.4.3.3", "sha-384", "BrainpoolP384R1")),
    "ECDSA on brainpoolP512r1": ("sha-512", lambda: _ecdsa("1.2.840.10045.4.3.4", "sha-512", "BrainpoolP512R1")),
    "plain ECDSA on P-521": ("sha-512", lambda: _plain("0.4.0.127.0.7.1.1.4.1.5", "sha-512", "SECP521R1")),
    "Ed448 with a digest of a stated length": ("shake256 of a stated length", lambda: NAMED["1.3.101.113"][2]()),
}  # fmt: skip
"""Ways in which strong algorithms are written: the digest beside them, and a key."""

WEAK: dict[str, tuple[str, Callable[[], SigningKey]]] = {
    "RSA with SHA-1": ("sha-256", lambda: _rsa("1.2.840.113549.1.1.5", "sha-1")),
    "RSA of 1024 bits": ("sha-256", lambda: _rsa("1.2.840.113549.1.1.11", "sha-256", "rsa-1024")),
    "PSS without parameters, which means SHA-1": ("sha-256", lambda: _pss("sha-1", 20, stated=b"")),
}
"""Signatures that verify and prove nothing."""

UNKNOWN: dict[str, tuple[str, Callable[[], SigningKey]]] = {
    "DSA": (
        "sha-256",
        lambda: _key(
            "dsa", sequence(identifier("2.16.840.1.101.3.4.3.2")), lambda k, m: k.sign(m, hashes.SHA256())
        ),
    ),
    "PSS whose mask has another digest": ("sha-256", lambda: _pss("sha-256", 32, mask="sha-512")),
    "an identifier that nobody knows": (
        "sha-256", lambda: _key("rsa-2048", sequence(identifier("1.2.3.4.5.6")), lambda k, m: b"x" * 256),
    ),
}  # fmt: skip
"""Signatures that are not verified here."""
