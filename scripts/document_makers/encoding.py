"""DER written by hand, apart from the reader's libraries: what is made here is not read by its own maker."""

from __future__ import annotations

from datetime import UTC, datetime

SM2_WITH_SM3 = "1.2.156.10197.1.501"


def element(tag: int, *contents: bytes) -> bytes:
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def sequence(*members: bytes) -> bytes:
    return element(0x30, *members)


def integer(value: int) -> bytes:
    return element(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value: bytes) -> bytes:
    return element(0x04, value)


def bits(value: bytes) -> bytes:
    return element(0x03, b"\0", value)


def ia5(value: str) -> bytes:
    return element(0x16, value.encode())


def printable(value: str) -> bytes:
    return element(0x13, value.encode())


def utf8(value: str) -> bytes:
    return element(0x0C, value.encode())


def explicit(number: int, *contents: bytes) -> bytes:
    return element(0xA0 | number, *contents)


def identifier(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    body = b""
    for arc in (40 * first + second, *rest):
        octets_ = [arc & 0x7F]
        while arc := arc >> 7:
            octets_.append(0x80 | arc & 0x7F)
        body += bytes(reversed(octets_))
    return element(0x06, body)


def generalized_time(moment: int) -> bytes:
    return element(0x18, datetime.fromtimestamp(moment, UTC).strftime("%Y%m%d%H%M%SZ").encode())


def utc_time(moment: int) -> bytes:
    return element(0x17, datetime.fromtimestamp(moment, UTC).strftime("%y%m%d%H%M%SZ").encode())


def raw_signature(der: bytes) -> bytes:
    """r and s of a DER signature as 64 bytes, the form one maker of seals writes."""
    at, parts = 2, []
    for _ in range(2):
        length = der[at + 1]
        parts.append(int.from_bytes(der[at + 2 : at + 2 + length], "big").to_bytes(32, "big"))
        at += 2 + length
    return b"".join(parts)
