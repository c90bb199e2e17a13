"""What a holder presents: the whole record with its salt, or some members with the rest provably present."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chain_service.core.entries import Salt
from chain_service.core.identifiers import OrgCode
from chain_service.core.records import Kind, Record


@dataclass(frozen=True, slots=True)
class Disclosure:
    """`{record, salt}`: whoever holds it can recompute everything."""

    record: Record
    salt: Salt

    kind: Kind
    org: OrgCode
    type_code: str
    open: Mapping[str, Any]
    """Open members under their record's names."""
    members: Mapping[str, Any]
    """Covered members that are shown, by member name (`holders.0.certificateHolderName`)."""
    body_digest: bytes

    def to_json(self) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class PartialDisclosure:
    """`{open, covered, key, revealed}`: same attributes as Disclosure; `members` has only what is revealed."""

    kind: Kind
    org: OrgCode
    type_code: str
    open: Mapping[str, Any]
    members: Mapping[str, Any]
    body_digest: bytes
    covered: Mapping[str, bytes]
    """Digest of every covered member, the revealed ones included (those recomputed from value and key)."""
    key: bytes
    keys: Mapping[str, bytes]
    """Keys of the revealed members."""

    def to_json(self) -> dict[str, Any]:
        raise NotImplementedError


def parse_disclosure(value: object) -> Disclosure | PartialDisclosure:
    """The disclosure that a JSON object, or its UTF-8 text as bytes, writes.

    Raises MalformedDocument when it cannot be read, InvalidProof(code="record_mismatch") when a revealed member does
    not have the digest listed for it."""
    raise NotImplementedError


def reveal(record: Record, salt: Salt, names: Iterable[str]) -> PartialDisclosure:
    """A partial disclosure that shows these covered members. Raises BadRequest(code="unknown_member")."""
    raise NotImplementedError
