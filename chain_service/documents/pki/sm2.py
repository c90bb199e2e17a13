"""SM2 signatures (GB/T 32918.2) with SM3 (GB/T 32905); the curve's arithmetic is GmSSL's.

The digest that is signed, e = SM3(ZA ‖ message), is made here, so any user id serves. GmSSL writes a line to standard
error for each signature that does not verify; whoever calls from a process of its own closes that.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from chain_service.core.encoding.digests import sm3

DEFAULT_ID: Final = b"1234567812345678"
"""The user id that GM/T 0009 sets where nothing else was agreed."""
MAX_ID: Final = 0xFFFF // 8
"""Bytes: the id's length in bits has 16 bits."""
POINT_BYTES: Final = 65
RAW_BYTES: Final = 64
MAX_INTEGER_BYTES: Final = 64
"""Of r or s as written, leading zeros included."""

ORDER: Final = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
_CURVE: Final = bytes.fromhex(
    "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC"
    "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
)
"""a ‖ b ‖ x and y of the base point, as ZA takes them in."""


@lru_cache(maxsize=1024)
def user_digest(point: bytes, user_id: bytes = DEFAULT_ID) -> bytes:
    """ZA: what ties a public key (uncompressed point, 65 bytes) to a user id of at most MAX_ID bytes."""
    return sm3((8 * len(user_id)).to_bytes(2, "big") + user_id + _CURVE + point[1:])


def digest(point: bytes, message: bytes, user_id: bytes = DEFAULT_ID) -> bytes:
    """e: the 32 bytes that a signature over `message` by the owner of `point` signs."""
    return sm3(user_digest(point, user_id) + message)


def verify(point: bytes, message: bytes, signature: bytes, user_id: bytes = DEFAULT_ID, *, raw: bool = True) -> bool:
    """Whether `signature` is one over `message`. Never raises.

    point: the public key, uncompressed, 65 bytes. raw: r and s of 32 bytes each will do as well as DER, and integers
    padded or without their sign byte, as devices write them.
    """
    if len(point) != POINT_BYTES or point[0] != 4 or len(user_id) > MAX_ID:
        return False
    signed = digest(point, message, user_id)
    return any(_verify_digest(point, signed, r, s) for r, s in _readings(signature, raw))


def readable(signature: bytes) -> bool:
    """Whether the bytes have the shape of a signature."""
    return bool(_readings(signature))


def deviates(signature: bytes) -> bool:
    """Whether a signature that can be read is neither DER nor 64 bytes."""
    pair = _integers(signature)
    return pair is not None and len(signature) != RAW_BYTES and _encoded(*pair) != signature


def _verify_digest(point: bytes, signed: bytes, r: int, s: int) -> bool:
    """GB/T 32918.2 §7.1, steps B1 and B2 here, the others in GmSSL; it refuses points that are not on the curve."""
    import gmssl_pyx  # here: whoever holds trust stores needs the default id of this module, and no GmSSL

    if not (0 < r < ORDER and 0 < s < ORDER and (r + s) % ORDER):
        return False
    try:
        return gmssl_pyx.sm2_verify_sm3_digest(point[1:], signed, _encoded(r, s)) is True
    except gmssl_pyx.GmsslInnerError:
        return False


def _readings(signature: bytes, raw: bool = True) -> list[tuple[int, int]]:
    """What (r, s) the bytes may mean: both forms are in use, and a few bytes can be read as either."""
    readings = []
    pair = _integers(signature)
    if pair is not None and (raw or _encoded(*pair) == signature):
        readings.append(pair)
    if raw and len(signature) == RAW_BYTES:
        readings.append((int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")))
    return readings


def _integers(signature: bytes) -> tuple[int, int] | None:
    """r and s of SEQUENCE{INTEGER, INTEGER} and nothing behind it, read without a sign: neither can be negative."""
    if len(signature) < 8 or signature[0] != 0x30 or signature[1] != len(signature) - 2:
        return None
    r, at = _unsigned(signature, 2)
    s, end = _unsigned(signature, at)
    return None if r is None or s is None or end != len(signature) else (r, s)


def _unsigned(data: bytes, at: int) -> tuple[int | None, int]:
    """The INTEGER at `at` and where it ends; None if there is none."""
    if at + 2 > len(data) or data[at] != 2:
        return None, at
    start, end = at + 2, at + 2 + data[at + 1]
    if not 1 <= end - start <= MAX_INTEGER_BYTES or end > len(data):
        return None, at
    return int.from_bytes(data[start:end], "big"), end


def _encoded(r: int, s: int) -> bytes:
    """The signature in DER."""
    body = _integer(r) + _integer(s)
    return b"\x30" + bytes([len(body)]) + body


def _integer(value: int) -> bytes:
    contents = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return b"\x02" + bytes([len(contents)]) + contents
