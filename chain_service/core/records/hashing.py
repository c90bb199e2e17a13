"""What is hashed for ever: log ids, member keys, body digests, entries, change records, catalog versions.

`‖` joins bytes, JCS is RFC 8785, u64be 8 bytes big-endian; all digests are SHA-256. Examples: `tests/golden`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import NewType

from chain_service.core.encoding.canonical import Json, canonical, jcs
from chain_service.core.encoding.digests import parse_hex32
from chain_service.core.records.identifiers import OrgCode, parse_org_code
from chain_service.core.records.record import Record
from chain_service.errors import MalformedRecord

Salt = NewType("Salt", bytes)
LogId = NewType("LogId", bytes)
Entry = NewType("Entry", bytes)

_LOG = b"chain_service/log/1\0"
_RECORD = b"chain_service/record/1\0"
_MEMBER = b"chain_service/member/1\0"
_ENTRY = b"chain_service/entry/1\0"
_CHANGE = b"chain_service/change/1\0"

_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


def parse_salt(text: object, *, field: str = "salt") -> Salt:
    """The salt that 64 lower-case hex digits write. Raises MalformedRecord."""
    return Salt(parse_hex32(text, field=field))


def log_id(org: OrgCode, generation: int = 0) -> LogId:
    """Organisation code (18 ASCII bytes) ‖ 10 zero bytes ‖ generation u32be."""
    return LogId(org.encode("ascii") + bytes(10) + generation.to_bytes(4, "big"))


@lru_cache(maxsize=1024)
def parse_log_id(log: bytes) -> tuple[OrgCode, int]:
    """Organisation and generation of a 32-byte log id. Raises MalformedRecord."""
    if len(log) != 32 or log[18:28] != bytes(10) or not log[:18].isascii():
        raise MalformedRecord("a log id is 18 characters, 10 zero bytes and a generation", field="log")
    return parse_org_code(log[:18].decode("ascii"), field="log"), int.from_bytes(log[28:], "big")


def founding_entry(chain_id: int, record_log: bytes, log: LogId) -> Entry:
    """Entry 0, which ties the log to chain and contract: SHA-256(tag ‖ chain id u64be ‖ RecordLog address ‖ log)."""
    return Entry(sha256(_LOG + chain_id.to_bytes(8, "big") + _exactly(20, record_log) + _exactly(32, log)).digest())


def record_entry(log: LogId, index: int, body_digest: bytes) -> Entry:
    """The entry at `index`, SHA-256(tag ‖ log ‖ index u64be ‖ body digest): it fits no other log and no other place."""
    return Entry(sha256(_ENTRY + _exactly(32, log) + index.to_bytes(8, "big") + _exactly(32, body_digest)).digest())


class MemberKeys:
    """The keys of one record's members: HMAC-SHA256(salt, member name in UTF-8), RFC 2104.

    The pad states are hashed once and copied for each name, which halves the time of `hmac.new`.
    """

    __slots__ = ("inner", "outer")

    def __init__(self, salt: Salt) -> None:
        block = _exactly(32, salt).ljust(64, b"\0")
        self.inner = sha256(block.translate(_INNER_PAD))
        self.outer = sha256(block.translate(_OUTER_PAD))

    def __call__(self, name: str) -> bytes:
        """The key of this member; the name "" gives the key of the body."""
        inner, outer = self.inner.copy(), self.outer.copy()
        inner.update(name.encode())
        outer.update(inner.digest())
        return outer.digest()


def member_key(salt: Salt, name: str) -> bytes:
    """HMAC-SHA256(salt, name in UTF-8), 32 bytes; the name "" gives the key of the body."""
    return MemberKeys(salt)(name)


def covered_digests(record: Record, keys: MemberKeys) -> dict[str, str]:
    """The digest of every covered member in hex, by member name."""
    digests = {}
    inner_state, outer_state = keys.inner.copy, keys.outer.copy
    # Issuing and verifying spend most of their time here: `member_digest(keys(name), value)`, written out.
    for name, value in record.covered.items():
        inner, outer = inner_state(), outer_state()
        inner.update(name.encode())
        outer.update(inner.digest())
        digests[name] = sha256(_MEMBER + outer.digest() + jcs(value)).hexdigest()
    return digests


def member_digest(key: bytes, value: Json) -> bytes:
    """SHA-256(tag ‖ key of the member ‖ JCS(value)); the value has to be pruned."""
    return sha256(_MEMBER + key + jcs(value)).digest()


def body_digest_from(key: bytes, open_members: Mapping[str, Json], covered: Mapping[str, str]) -> bytes:
    """SHA-256(tag ‖ key("") ‖ JCS({"open", "covered"})); `covered` holds every covered member's digest in hex."""
    return sha256(_RECORD + key + jcs({"open": open_members, "covered": covered})).digest()


def body_digest(record: Record, salt: Salt) -> bytes:
    """Digest of a record under its salt, 32 bytes."""
    keys = MemberKeys(salt)
    return body_digest_from(keys(""), record.open, covered_digests(record, keys))


def change_digest(change: Mapping[str, Json], salt: Salt) -> bytes:
    """SHA-256(tag ‖ salt ‖ JCS(change)) of {recordId, to, reasonCode, text, legalBasis, officer, successor, at}."""
    return sha256(_CHANGE + _exactly(32, salt) + canonical(change)).digest()


def catalog_digest(version: Mapping[str, Json]) -> bytes:
    """SHA-256(JCS(version)) of a catalog version: public metadata, without tag and salt."""
    return sha256(canonical(version)).digest()


def _exactly(length: int, data: bytes) -> bytes:
    # Joined bytes are only unambiguous while every part but the last has its length.
    if len(data) != length:
        raise ValueError(f"{length} bytes are needed, not {len(data)}")
    return data
