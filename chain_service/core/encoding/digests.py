"""Digests: SHA-256 and SM3 for content, keccak-256 for whatever the chain hashed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal, cast

import tiny_keccak
from cryptography.hazmat.primitives import hashes

from chain_service.errors import MalformedRecord

Algorithm = Literal["sha-256", "sm3"]

HEX32 = "[0-9a-f]{64}"
_HEX64 = re.compile(HEX32)


@dataclass(frozen=True, slots=True)
class Digest:
    """A 32-byte digest together with the algorithm that made it; its text is `sha-256:<hex>` or `sm3:<hex>`."""

    algorithm: Algorithm
    value: bytes

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value.hex()}"

    @classmethod
    def parse(cls, text: object, *, field: str = "digest") -> Digest:
        """The digest that `text` writes: algorithm, colon, 64 lower-case hex digits. Raises MalformedRecord."""
        if isinstance(text, str):
            algorithm, _, digits = text.partition(":")
            if algorithm in ("sha-256", "sm3") and _HEX64.fullmatch(digits):
                return cls(cast(Algorithm, algorithm), bytes.fromhex(digits))
        raise MalformedRecord(f"{field} must be sha-256: or sm3: and 64 lower-case hex digits", field=field)


def sha256(data: bytes) -> bytes:
    """SHA-256 (FIPS 180-4), 32 bytes."""
    return hashlib.sha256(data).digest()


def sm3(data: bytes) -> bytes:
    """SM3 (GB/T 32905), 32 bytes."""
    hasher = hashes.Hash(hashes.SM3())
    hasher.update(data)
    return hasher.finalize()


def keccak256(data: bytes) -> bytes:
    """Keccak-256 with the original padding, as Ethereum uses it; 32 bytes."""
    return tiny_keccak.keccak256(data)


def file_digests(data: bytes) -> dict[str, str]:
    """Both digests of a file as a record's `files[].digests` holds them: algorithm name to 64 hex digits."""
    return {"sha-256": sha256(data).hex(), "sm3": sm3(data).hex()}


def parse_hex32(text: object, *, field: str) -> bytes:
    """The 32 bytes that 64 lower-case hex digits write. Raises MalformedRecord."""
    if isinstance(text, str) and _HEX64.fullmatch(text):
        return bytes.fromhex(text)
    raise MalformedRecord(f"{field} must be 64 lower-case hex digits", field=field)
