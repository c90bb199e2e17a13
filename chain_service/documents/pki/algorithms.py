"""Signature and digest algorithms by their identifiers, and verifying with any of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from asn1crypto import algos, keys
from asn1crypto.core import Null, ObjectIdentifier
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from chain_service.core.encoding.digests import sm3
from chain_service.documents.asn1 import der
from chain_service.documents.pki import sm2
from chain_service.errors import MalformedDocument

LIBRARY_ERRORS: Final = (
    UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType,
    *der.FOREIGN_ERRORS,
)  # fmt: skip
"""What `cryptography` may raise over foreign bytes."""

_Key = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey

MAX_KEY_BYTES: Final = 4096
MAX_RSA_BITS: Final = 8192
MIN_RSA_BITS: Final = 2048

SM2_WITH_SM3: Final = "1.2.156.10197.1.501"
SM2_CURVE: Final = "1.2.156.10197.1.301"
_SM2_KEYS: Final = frozenset({SM2_CURVE, "1.2.156.10197.1.301.1", "1.2.156.10197.1.301.3"})
EC_KEY: Final = "1.2.840.10045.2.1"
RSA: Final = "1.2.840.113549.1.1.1"
_RSA_PSS: Final = "1.2.840.113549.1.1.10"
_MGF1: Final = "1.2.840.113549.1.1.8"
_SHAKE256_LEN: Final = "2.16.840.1.101.3.4.2.18"
_512_BITS: Final = b"\x02\x02\x02\x00"
_TRAILER_BC: Final = (1, "trailer_field_bc")
"""How asn1crypto gives the only trailer that RFC 4055 defines."""

_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha-1": hashes.SHA1(),  # noqa: S303  - found weak, yet told from one that does not verify
    "sha-224": hashes.SHA224(),
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
    "sha-512/256": hashes.SHA512_256(),
    "sha3-224": hashes.SHA3_224(),
    "sha3-256": hashes.SHA3_256(),
    "sha3-384": hashes.SHA3_384(),
    "sha3-512": hashes.SHA3_512(),
}
WEAK: Final = frozenset({"md5", "sha-1"})
"""Digests for which two contents with one value can be made."""
BROKEN: Final = frozenset({"md5"})
"""Of those the ones for which anybody makes them within a second."""

DIGESTS: Final = {
    "1.2.156.10197.1.401": "sm3", "1.2.156.10197.1.401.1": "sm3", "1.2.840.113549.2.5": "md5", "1.3.14.3.2.26": "sha-1",
    "2.16.840.1.101.3.4.2.4": "sha-224", "2.16.840.1.101.3.4.2.1": "sha-256", "2.16.840.1.101.3.4.2.2": "sha-384",
    "2.16.840.1.101.3.4.2.3": "sha-512", "2.16.840.1.101.3.4.2.6": "sha-512/256",
    "2.16.840.1.101.3.4.2.7": "sha3-224", "2.16.840.1.101.3.4.2.8": "sha3-256", "2.16.840.1.101.3.4.2.9": "sha3-384",
    "2.16.840.1.101.3.4.2.10": "sha3-512", "2.16.840.1.101.3.4.2.12": "shake256",
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
    "sha-512/256": lambda data: hashlib.new("sha512_256", data).digest(),
    "sha3-224": lambda data: hashlib.sha3_224(data).digest(),
    "sha3-256": lambda data: hashlib.sha3_256(data).digest(),
    "sha3-384": lambda data: hashlib.sha3_384(data).digest(),
    "sha3-512": lambda data: hashlib.sha3_512(data).digest(),
    "shake256": lambda data: hashlib.shake_256(data).digest(64),  # RFC 8702 §3.1, RFC 8419 §3: 512 bits
}
_SIGNATURES: Final = {
    SM2_WITH_SM3: ("sm2", "sm3"),
    "1.2.840.113549.1.1.4": ("rsa", "md5"), "1.2.840.113549.1.1.5": ("rsa", "sha-1"),
    "1.2.840.113549.1.1.14": ("rsa", "sha-224"), "1.2.840.113549.1.1.11": ("rsa", "sha-256"),
    "1.2.840.113549.1.1.12": ("rsa", "sha-384"), "1.2.840.113549.1.1.13": ("rsa", "sha-512"),
    "1.2.840.113549.1.1.16": ("rsa", "sha-512/256"),
    "2.16.840.1.101.3.4.3.13": ("rsa", "sha3-224"), "2.16.840.1.101.3.4.3.14": ("rsa", "sha3-256"),
    "2.16.840.1.101.3.4.3.15": ("rsa", "sha3-384"), "2.16.840.1.101.3.4.3.16": ("rsa", "sha3-512"),
    "1.2.840.10045.4.1": ("ecdsa", "sha-1"), "1.2.840.10045.4.3.1": ("ecdsa", "sha-224"),
    "1.2.840.10045.4.3.2": ("ecdsa", "sha-256"), "1.2.840.10045.4.3.3": ("ecdsa", "sha-384"),
    "1.2.840.10045.4.3.4": ("ecdsa", "sha-512"),
    "2.16.840.1.101.3.4.3.9": ("ecdsa", "sha3-224"), "2.16.840.1.101.3.4.3.10": ("ecdsa", "sha3-256"),
    "2.16.840.1.101.3.4.3.11": ("ecdsa", "sha3-384"), "2.16.840.1.101.3.4.3.12": ("ecdsa", "sha3-512"),
    "0.4.0.127.0.7.1.1.4.1.1": ("ecdsa-plain", "sha-1"), "0.4.0.127.0.7.1.1.4.1.2": ("ecdsa-plain", "sha-224"),
    "0.4.0.127.0.7.1.1.4.1.3": ("ecdsa-plain", "sha-256"), "0.4.0.127.0.7.1.1.4.1.4": ("ecdsa-plain", "sha-384"),
    "0.4.0.127.0.7.1.1.4.1.5": ("ecdsa-plain", "sha-512"),
    "1.3.101.112": ("ed25519", None), "1.3.101.113": ("ed448", None),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Algorithm:
    """How a signature was made."""

    family: str
    """`sm2`, `rsa`, `rsa-pss`, `ecdsa`, `ecdsa-plain` (r and s side by side, BSI TR-03111), `ed25519`, `ed448`;
    the identifier itself if it is not supported."""
    digest: str | None
    salt_length: int = 0
    """Bytes, for `rsa-pss`."""

    @property
    def name(self) -> str:
        """Family and digest, as `rsa-sha-256`; the family alone where the digest follows from it."""
        return self.family if self.digest is None else f"{self.family}-{self.digest}"

    @property
    def weak(self) -> bool:
        """Whether its digest no longer proves anything."""
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
    """RFC 4055 §3.1: one digest for message and mask, the trailer 0xbc; what is left out is SHA-1 and 20 bytes."""
    oid = identifier["algorithm"].dotted
    parameters = identifier["parameters"]
    if not parameters.dump() or isinstance(parameters, Null):
        return Algorithm("rsa-pss", "sha-1", 20)
    if not isinstance(parameters, algos.RSASSAPSSParams):
        return Algorithm(oid, None)
    digest = DIGESTS.get(parameters["hash_algorithm"]["algorithm"].dotted)
    mask = parameters["mask_gen_algorithm"]
    mask_digest = DIGESTS.get(mask["parameters"]["algorithm"].dotted)
    salt, trailer = parameters["salt_length"].native, parameters["trailer_field"].native
    known = digest is not None and mask["algorithm"].dotted == _MGF1 and digest == mask_digest
    if not known or trailer not in _TRAILER_BC or not 0 <= salt <= 64:
        return Algorithm(oid, None)
    return Algorithm("rsa-pss", digest, salt)


def digest_name(identifier: Any) -> str:
    """Our name of the digest of an AlgorithmIdentifier; the identifier itself if it is not supported."""
    oid = str(identifier["algorithm"].dotted)
    if oid == _SHAKE256_LEN and identifier["parameters"].dump() == _512_BITS:
        return "shake256"
    return DIGESTS.get(oid, oid)


def digest(name: str, data: bytes) -> bytes | None:
    """The digest of `data` by our name of the algorithm; None if there is no such algorithm."""
    function = _FUNCTIONS.get(name)
    return None if function is None else function(data)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures can be verified with."""

    name: str
    """`sm2`, `rsa-2048`, `ecdsa-secp256r1`, `ed25519`, or the identifier of what is not supported."""
    point: bytes | None = None
    """SM2: uncompressed, 65 bytes."""
    key: _Key | None = None
    weak: bool = False
    """An RSA key of fewer than MIN_RSA_BITS: others can work out its secret half."""


@lru_cache(maxsize=1024)
def public_key(info: bytes) -> PublicKey:
    """The key of a SubjectPublicKeyInfo in DER. Raises MalformedDocument; what is unknown is named, not refused."""
    parsed = der.load(keys.PublicKeyInfo, info, "the public key", most=MAX_KEY_BYTES)
    try:
        algorithm = parsed["algorithm"]
        oid = algorithm["algorithm"].dotted
        if oid in _SM2_KEYS or (oid == EC_KEY and algorithm["parameters"].dump() in _SM2_PARAMETERS):
            return PublicKey("sm2", point=der.bits(parsed["public_key"].dump(), "the public key"))
    except der.FOREIGN_ERRORS as error:
        raise der.malformed("the public key", error) from error
    try:
        key = load_der_public_key(info)
    except LIBRARY_ERRORS:
        return PublicKey(oid)
    if isinstance(key, rsa.RSAPublicKey):
        usable = key.key_size <= MAX_RSA_BITS
        return PublicKey(f"rsa-{key.key_size}", key=key if usable else None, weak=key.key_size < MIN_RSA_BITS)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return PublicKey(f"ecdsa-{key.curve.name}", key=key)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return PublicKey("ed25519", key=key)
    if isinstance(key, ed448.Ed448PublicKey):
        return PublicKey("ed448", key=key)
    return PublicKey(oid)


_SM2_PARAMETERS: Final = frozenset(ObjectIdentifier(oid).dump() for oid in _SM2_KEYS)


def weak_key(info: bytes) -> str | None:
    """The name of a key that is too short to prove anything; None for any other."""
    try:
        key = public_key(info)
    except MalformedDocument:
        return None
    return key.name if key.weak else None


def verify(
    info: bytes,
    algorithm: Algorithm,
    signature: bytes,
    message: bytes,
    user_id: bytes = sm2.DEFAULT_ID,
    *,
    raw: bool = False,
    short_keys: bool = False,
) -> bool | None:
    """Whether `signature` over `message` verifies with the key `info`; None when key or algorithm are not supported.

    info: SubjectPublicKeyInfo, DER. Never raises.
    raw: an SM2 signature may be 64 bytes of r and s, as some makers of seals write it; certificates and lists never.
    short_keys: also with an RSA key of fewer than MIN_RSA_BITS, by which nothing is proven: whoever asks so has to say
    that it is weak. Otherwise None.
    """
    try:
        key = public_key(info)
    except MalformedDocument:
        return None
    if key.weak and not short_keys:
        return None
    if algorithm.family == "sm2":
        return None if key.point is None else sm2.verify(key.point, message, signature, user_id, raw=raw)
    try:
        return _verify(key.key, algorithm, signature, message)
    except InvalidSignature:
        return False
    except LIBRARY_ERRORS:
        return None


def proves(info: bytes, algorithm: Algorithm, signature: bytes, message: bytes, user_id: bytes) -> bool:
    """Whether the signature verifies, and by nothing weak: what certificates, lists and answers need."""
    return not algorithm.weak and verify(info, algorithm, signature, message, user_id) is True


def _verify(key: _Key | None, algorithm: Algorithm, signature: bytes, message: bytes) -> bool | None:
    """Raises InvalidSignature."""
    match key, algorithm.family:
        case ed25519.Ed25519PublicKey(), "ed25519":
            key.verify(signature, message)
            return True
        case ed448.Ed448PublicKey(), "ed448":
            key.verify(signature, message)
            return True
    function = _HASHES.get(algorithm.digest or "")
    if function is None:
        return None
    match key, algorithm.family:
        case ec.EllipticCurvePublicKey(), "ecdsa":
            key.verify(signature, message, ec.ECDSA(function))
        case ec.EllipticCurvePublicKey(), "ecdsa-plain":
            key.verify(_from_plain(signature, key), message, ec.ECDSA(function))
        case rsa.RSAPublicKey(), "rsa":
            key.verify(signature, message, padding.PKCS1v15(), function)
        case rsa.RSAPublicKey(), "rsa-pss":
            key.verify(signature, message, padding.PSS(padding.MGF1(function), algorithm.salt_length), function)
        case _:
            return None
    return True


def _from_plain(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """r ‖ s, each as long as the group's order (BSI TR-03111 §5.2.1), as the library wants it."""
    size = (key.curve.group_order.bit_length() + 7) // 8
    if len(signature) != 2 * size:
        raise InvalidSignature
    return encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))
