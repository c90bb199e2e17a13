"""Signature and digest algorithms by their identifiers, and verifying with any of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from asn1crypto import algos, keys
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from chain_service.core.digests import sm3
from chain_service.documents import der, sm2
from chain_service.errors import MalformedDocument

LIBRARY_ERRORS: Final = (
    UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType,
    *der.FOREIGN_ERRORS,
)  # fmt: skip
"""What `cryptography` may raise over foreign bytes."""

MAX_KEY_BYTES: Final = 4096
MAX_RSA_BITS: Final = 8192
MIN_RSA_BITS: Final = 2048

SM2_WITH_SM3: Final = "1.2.156.10197.1.501"
SM2_CURVE: Final = "1.2.156.10197.1.301"
_SM2_KEYS: Final = frozenset({SM2_CURVE, "1.2.156.10197.1.301.1", "1.2.156.10197.1.301.3"})
EC_KEY: Final = "1.2.840.10045.2.1"
RSA: Final = "1.2.840.113549.1.1.1"
_RSA_PSS: Final = "1.2.840.113549.1.1.10"

_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha-1": hashes.SHA1(),  # noqa: S303  - found weak, yet told from one that does not verify
    "sha-224": hashes.SHA224(),
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}
WEAK: Final = frozenset({"md5", "sha-1"})
"""Digests for which two contents with one value can be made."""

DIGESTS: Final = {
    "1.2.156.10197.1.401": "sm3", "1.2.156.10197.1.401.1": "sm3", "1.2.840.113549.2.5": "md5", "1.3.14.3.2.26": "sha-1",
    "2.16.840.1.101.3.4.2.4": "sha-224", "2.16.840.1.101.3.4.2.1": "sha-256", "2.16.840.1.101.3.4.2.2": "sha-384",
    "2.16.840.1.101.3.4.2.3": "sha-512",
}  # fmt: skip
"""Identifier to our name of a digest."""
_FUNCTIONS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "sm3": sm3,
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    "sha-1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "sha-224": lambda data: hashlib.sha224(data).digest(),
    "sha-256": lambda data: hashlib.sha256(data).digest(),
    "sha-384": lambda data: hashlib.sha384(data).digest(),
    "sha-512": lambda data: hashlib.sha512(data).digest(),
}
_SIGNATURES: Final = {
    SM2_WITH_SM3: ("sm2", "sm3"),
    "1.2.840.113549.1.1.4": ("rsa", "md5"), "1.2.840.113549.1.1.5": ("rsa", "sha-1"),
    "1.2.840.113549.1.1.14": ("rsa", "sha-224"), "1.2.840.113549.1.1.11": ("rsa", "sha-256"),
    "1.2.840.113549.1.1.12": ("rsa", "sha-384"), "1.2.840.113549.1.1.13": ("rsa", "sha-512"),
    "1.2.840.10045.4.1": ("ecdsa", "sha-1"), "1.2.840.10045.4.3.1": ("ecdsa", "sha-224"),
    "1.2.840.10045.4.3.2": ("ecdsa", "sha-256"), "1.2.840.10045.4.3.3": ("ecdsa", "sha-384"),
    "1.2.840.10045.4.3.4": ("ecdsa", "sha-512"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Algorithm:
    """How a signature was made."""

    family: str
    """`sm2`, `rsa`, `rsa-pss`, `ecdsa`; the identifier itself if it is not known here."""
    digest: str | None
    salt_length: int = 0
    """Bytes, for `rsa-pss`."""

    @property
    def name(self) -> str:
        return self.family if self.digest is None else f"{self.family}-{self.digest}"

    @property
    def weak(self) -> bool:
        return self.digest in WEAK

    @classmethod
    def named(cls, oid: str) -> Algorithm:
        """The algorithm of a bare object identifier, as seals name it."""
        return cls(*_SIGNATURES.get(oid, (oid, None)))

    @classmethod
    def of(cls, identifier: Any, digest: str | None = None) -> Algorithm:
        """The algorithm of an AlgorithmIdentifier; CMS names a bare key type there and the `digest` beside it."""
        oid = identifier["algorithm"].dotted
        if oid == _RSA_PSS:
            return _pss(identifier)
        if oid == RSA and digest is not None:
            return cls("rsa", digest)
        if oid == EC_KEY and digest is not None:
            return cls("ecdsa", digest)
        if oid in _SM2_KEYS and digest in (None, "sm3"):
            return cls("sm2", "sm3")
        return cls.named(oid)


def _pss(identifier: Any) -> Algorithm:
    """RFC 4055: one digest for message and mask, the trailer 0xbc."""
    oid = identifier["algorithm"].dotted
    parameters = identifier["parameters"]
    if not isinstance(parameters, algos.RSASSAPSSParams):
        return Algorithm(oid, None)
    digest = DIGESTS.get(parameters["hash_algorithm"]["algorithm"].dotted)
    mask = parameters["mask_gen_algorithm"]
    mask_digest = DIGESTS.get(mask["parameters"]["algorithm"].dotted)
    salt = parameters["salt_length"].native
    if digest is None or digest != mask_digest or parameters["trailer_field"].native != 1 or not 0 <= salt <= 64:
        return Algorithm(oid, None)
    return Algorithm("rsa-pss", digest, salt)


def digest(name: str, data: bytes) -> bytes | None:
    """The digest of `data` by our name of the algorithm; None if there is no such algorithm."""
    function = _FUNCTIONS.get(name)
    return None if function is None else function(data)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures can be verified with."""

    name: str
    """`sm2`, `rsa-2048`, `ecdsa-secp256r1`, or the identifier of what is not known here."""
    point: bytes | None = None
    """SM2: uncompressed, 65 bytes."""
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | None = None


@lru_cache(maxsize=1024)
def public_key(info: bytes) -> PublicKey:
    """The key of a SubjectPublicKeyInfo in DER. Raises MalformedDocument; what is unknown is named, not refused."""
    parsed = der.load(keys.PublicKeyInfo, info, "the public key", most=MAX_KEY_BYTES)
    try:
        algorithm = parsed["algorithm"]
        oid = algorithm["algorithm"].dotted
        parameters = algorithm["parameters"].dump()
        if oid in _SM2_KEYS or (oid == EC_KEY and parameters == _SM2_PARAMETERS):
            return PublicKey("sm2", point=der.bits(parsed["public_key"].dump(), "the public key"))
        key = load_der_public_key(info)
    except UnsupportedAlgorithm:
        return PublicKey(oid)
    except der.FOREIGN_ERRORS as error:
        raise der.malformed("the public key", error) from error
    if isinstance(key, rsa.RSAPublicKey):
        return PublicKey(f"rsa-{key.key_size}", key=key if MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS else None)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return PublicKey(f"ecdsa-{key.curve.name}", key=key)
    return PublicKey(oid)


_SM2_PARAMETERS: Final = bytes.fromhex("06082a811ccf5501822d")


def verify(
    info: bytes,
    algorithm: Algorithm,
    signature: bytes,
    message: bytes,
    user_id: bytes = sm2.DEFAULT_ID,
    *,
    raw: bool = False,
) -> bool | None:
    """Whether `signature` over `message` verifies with the key `info`; None when key or algorithm are not known here.

    info: SubjectPublicKeyInfo, DER. RSA keys below MIN_RSA_BITS prove nothing and count as not known. Never raises.
    raw: an SM2 signature may be 64 bytes of r and s, as some makers of seals write it; certificates and lists never.
    """
    try:
        key = public_key(info)
    except MalformedDocument:
        return False
    if algorithm.family == "sm2":
        return None if key.point is None else sm2.verify(key.point, message, signature, user_id, raw=raw)
    if key.key is None or algorithm.digest not in _HASHES:
        return None
    try:
        return _verify(key.key, algorithm, signature, message)
    except InvalidSignature:
        return False
    except LIBRARY_ERRORS:
        return None


def _verify(key: Any, algorithm: Algorithm, signature: bytes, message: bytes) -> bool | None:
    assert algorithm.digest is not None
    function = _HASHES[algorithm.digest]
    if algorithm.family == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, message, ec.ECDSA(function))
        return True
    if not isinstance(key, rsa.RSAPublicKey):
        return None
    if algorithm.family == "rsa":
        key.verify(signature, message, padding.PKCS1v15(), function)
        return True
    if algorithm.family == "rsa-pss":
        key.verify(signature, message, padding.PSS(padding.MGF1(function), algorithm.salt_length), function)
        return True
    return None
