"""CBOR with one encoding per value, and the two COSE messages signed here with Ed25519 (RFC 8949, 9052, 9053).

The library decodes; what it decoded has to give the same bytes again, so a message has one form and no hidden parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chain_service.core.encoding.digests import sha256
from chain_service.errors import InvalidProof, MalformedDocument

Cbor = Any

EDDSA: Final = -8
"""COSE algorithm EdDSA (RFC 9053 §2.2); the curve here is Ed25519."""
ALG: Final = 1
KID: Final = 4

MAX_DEPTH: Final = 8


class Signer(NamedTuple):
    """An Ed25519 key that signs: its 32-byte public key, and a function from a message to its 64-byte signature."""

    public_key: bytes
    sign: Callable[[bytes], bytes]


def key_id(public_key: bytes) -> bytes:
    """The COSE key id of an Ed25519 key: the first 8 bytes of SHA-256(public key)."""
    return sha256(public_key)[:8]


def encode(value: Cbor) -> bytes:
    """The deterministic encoding (RFC 8949 §4.2.1) of integers, bytes, text, lists, None and maps with integer keys.

    A map may not mix keys of which one is shorter and greater than another, as -1 and 24: the library sorts by length.
    """
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes, what: str) -> Cbor:
    """The value that `data` encodes, made of integers, bytes, text, lists, None and maps alone.

    Raises MalformedDocument if `data` is not the deterministic encoding of such a value. `what` names it in messages.
    """
    try:
        value = cbor2.loads(
            data,
            tag_hook=_refuse_tag,
            semantic_decoders=_NO_TAGS,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
        if _is_plain(value) and encode(value) == data:
            return value
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise MalformedDocument(f"{what} is not CBOR: {type(error).__name__}", field="") from None
    raise MalformedDocument(f"{what} is not the deterministic encoding of its value", field="")


def _is_plain(value: Cbor) -> bool:
    """Whether it is what `decode` promises: 1.0 and true would pass for 1 in comparisons."""
    kind = type(value)
    if kind is bytes or kind is int or kind is str or value is None:
        return True
    if kind is list:
        return _BYTES.issuperset(map(type, value)) or all(map(_is_plain, value))
    return kind is dict and all(type(key) is int and _is_plain(item) for key, item in value.items())


_BYTES: Final = frozenset({bytes})
"""Most lists here are of byte strings, which need no call each."""


def _refuse_tag(*_: object) -> None:
    raise ValueError("no tag belongs here")


_KNOWN_TAGS: Final = (*range(6), 25, *range(28, 31), 35, 36, 37, 43, 100, 256, 258, 260, 261, 1004, 43000, 55799)
_NO_TAGS: Final = dict.fromkeys(_KNOWN_TAGS, _refuse_tag)


def signed_bytes(protected: bytes, payload: bytes) -> bytes:
    """Sig_structure of COSE_Sign1 (RFC 9052 §4.4): what is signed where the payload is this."""
    return encode(["Signature1", protected, b"", payload])


def signed_bytes_of_many(body: bytes, signer: bytes, payload: bytes) -> bytes:
    """Sig_structure of one signature in COSE_Sign (RFC 9052 §4.4), with the protected headers of body and signer."""
    return encode(["Signature", body, signer, b"", payload])


def verify_ed25519(public_key: bytes, signature: bytes, message: bytes) -> None:
    """Returns only if the signature (RFC 8032, 64 bytes) is the key's over the message. Raises InvalidProof."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise InvalidProof("a signature does not verify") from None
