"""What is hashed for ever: log ids, member keys, body digests, entries, change records, catalog versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NewType

from chain_service.core.identifiers import OrgCode
from chain_service.core.records import Record

Salt = NewType("Salt", bytes)
LogId = NewType("LogId", bytes)
Entry = NewType("Entry", bytes)


def parse_salt(text: object, *, field: str = "salt") -> Salt:
    """The 32 bytes that 64 lower-case hex digits write. Raises MalformedRecord."""
    raise NotImplementedError


def log_id(org: OrgCode, generation: int = 0) -> LogId:
    """Organisation code (18 ASCII bytes) ‖ 10 zero bytes ‖ generation u32be."""
    raise NotImplementedError


def parse_log_id(log: bytes) -> tuple[OrgCode, int]:
    """Organisation and generation of a 32-byte log id. Raises MalformedRecord."""
    raise NotImplementedError


def founding_entry(chain_id: int, record_log: bytes, log: LogId) -> Entry:
    """Entry 0 of a log: binds it to chain and RecordLog contract (20-byte address)."""
    raise NotImplementedError


def record_entry(log: LogId, index: int, body_digest: bytes) -> Entry:
    """The entry at `index` (> 0): fits no other log and no other place."""
    raise NotImplementedError


def body_digest(record: Record, salt: Salt) -> bytes:
    """Digest of a record under its salt, 32 bytes."""
    raise NotImplementedError


def member_key(salt: Salt, name: str) -> bytes:
    """HMAC-SHA256(salt, name in UTF-8); the name \"\" gives the key of the body."""
    raise NotImplementedError


def change_digest(change: Mapping[str, Any], salt: Salt) -> bytes:
    """Digest of a status change record {recordId, to, reasonCode, text, legalBasis, officer, successor, at}."""
    raise NotImplementedError


def catalog_digest(version: Mapping[str, Any]) -> bytes:
    """Unsalted SHA-256 of a catalog version's canonical form."""
    raise NotImplementedError
