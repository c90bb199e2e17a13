"""What a holder presents: the whole record with its salt, or some members with the rest provably present and unseen.

Both lead to the body digest, and so to the entry. `covered` of a partial disclosure is the list that was hashed: the
digests of all covered members. The digest of a revealed member is computed from its value and key and has to be the
one listed. The names are checked as well, since an issuer could hash anything: no open member may hide among the
covered ones, no mandatory member may be missing, and holders are numbered without gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chain_service.core.encoding.canonical import Json, read_json
from chain_service.core.encoding.digests import parse_hex32
from chain_service.core.records.hashing import (
    MemberKeys,
    Salt,
    body_digest,
    body_digest_from,
    covered_digests,
    member_digest,
    parse_salt,
)
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.record import Record, check_identifier, parse_record
from chain_service.core.records.schema import (
    HOLDER_MEMBERS,
    HOLDER_REQUIRED,
    MAX_EXTENSION_MEMBERS,
    MAX_HOLDERS,
    RecordKind,
    RecordSchema,
    check_extension,
    check_member,
    check_shown,
    shape_of,
)
from chain_service.errors import BadRequest, InvalidProof, MalformedDocument, MalformedRecord

MAX_DISCLOSURE_BYTES = 1024 * 1024

_HOLDER_MEMBER = re.compile(r"holders\.(0|[1-9][0-9]?)\.([A-Za-z]+)")
_MOST_COVERED = MAX_EXTENSION_MEMBERS + MAX_HOLDERS * len(HOLDER_MEMBERS) + 16


@dataclass(frozen=True)
class Disclosure:
    """`{record, salt}`: whoever holds it can recompute everything."""

    record: Record
    salt: Salt

    @property
    def kind(self) -> RecordKind:
        """Certificate or document."""
        return self.record.kind

    @property
    def org(self) -> OrgCode:
        """The issuer's code."""
        return self.record.org

    @property
    def type_code(self) -> str:
        """Code of the certificate type or the document type."""
        return self.record.type_code

    @cached_property
    def open(self) -> Mapping[str, Json]:
        """The open members under their record's names."""
        return self.record.open

    @cached_property
    def members(self) -> Mapping[str, Json]:
        """All covered members, by member name such as `holders.0.certificateHolderName`."""
        return self.record.covered

    @cached_property
    def body_digest(self) -> bytes:
        """Digest of the open members and the digests of the covered ones, 32 bytes; an entry binds it to its place."""
        return body_digest(self.record, self.salt)

    def to_json(self) -> dict[str, Any]:
        """`{record, salt}`, the salt as 64 hex digits; whoever has it can recompute everything."""
        return {"record": self.record.body, "salt": self.salt.hex()}


@dataclass(frozen=True)
class PartialDisclosure:
    """`{open, covered, key, revealed: {name: {value, key}}}`, made by `reveal` or `parse_disclosure`."""

    shape: RecordSchema
    open: Mapping[str, Json]
    """The open members under their record's names."""
    covered: Mapping[str, str]
    """The digest of every covered member in hex, the revealed ones included."""
    key: bytes
    """The key of the body; no member's key follows from it."""
    members: Mapping[str, Json]
    """The covered members that are revealed, by member name."""
    member_keys: Mapping[str, bytes]
    """The keys of the revealed members."""

    @property
    def kind(self) -> RecordKind:
        """Certificate or document."""
        return self.shape.kind

    @property
    def org(self) -> OrgCode:
        """The issuer's code."""
        return OrgCode(self.open[self.shape.org])

    @property
    def type_code(self) -> str:
        """Code of the certificate type or the document type."""
        return str(self.open[self.shape.type_code])

    @cached_property
    def body_digest(self) -> bytes:
        """The same 32 bytes as of the whole disclosure, from what is shown and the digests of the rest."""
        return body_digest_from(self.key, self.open, self.covered)

    def to_json(self) -> dict[str, Any]:
        """`{open, covered, key, revealed}`; keys and digests as hex."""
        revealed = {name: {"value": value, "key": self.member_keys[name].hex()} for name, value in self.members.items()}
        return {"open": self.open, "covered": self.covered, "key": self.key.hex(), "revealed": revealed}


def reveal(record: Record, salt: Salt, names: Iterable[str]) -> PartialDisclosure:
    """A partial disclosure that shows these covered members besides the open ones.

    Raises BadRequest with code `unknown_member` for a name that the record does not have.
    """
    keys, members, shown = MemberKeys(salt), record.covered, {}
    for name in names:
        if name in members:
            shown[name] = members[name]
        elif name not in record.open:
            raise BadRequest("the record has no member of this name", code="unknown_member", field=name)
    return PartialDisclosure(
        shape=record.shape,
        open=record.open,
        covered=covered_digests(record, keys),
        key=keys(""),
        members=shown,
        member_keys={name: keys(name) for name in shown},
    )


def parse_disclosure(value: object) -> Disclosure | PartialDisclosure:
    """The disclosure that a JSON object, or its UTF-8 text as bytes, writes.

    Raises MalformedDocument when it cannot be read, InvalidProof with code `record_mismatch` when a revealed member has
    not the digest that is listed for it.
    """
    try:
        if isinstance(value, bytes):
            value = read_json(value, limit=MAX_DISCLOSURE_BYTES)
        if type(value) is dict and value.keys() == {"record", "salt"}:
            return Disclosure(parse_record(value["record"]), parse_salt(value["salt"]))
        if type(value) is dict and value.keys() == {"open", "covered", "key", "revealed"}:
            return _parse_partial(value)
    except MalformedRecord as error:
        raise MalformedDocument(error.message, **error.details) from None
    raise MalformedDocument("a disclosure is {record, salt} or {open, covered, key, revealed}", field="")


def _parse_partial(value: Mapping[str, Json]) -> PartialDisclosure:
    # 1. The open members are those of a valid record.
    open_members = _object(value["open"], "open", 16)
    shape = shape_of(open_members)
    check_shown(open_members, shape)
    # 2. The covered names are those of a valid record.
    covered = _object(value["covered"], "covered", _MOST_COVERED)
    for name, digest in covered.items():
        parse_hex32(digest, field=f"covered.{name}"[:256])
    _check_covered_names(covered.keys(), shape)
    # 3. What is revealed has the form it has in a record and the digest that is listed.
    members: dict[str, Json] = {}
    keys: dict[str, bytes] = {}
    for name, shown in _object(value["revealed"], "revealed", _MOST_COVERED).items():
        field = f"revealed.{name}"[:256]
        if name not in covered:
            raise MalformedRecord("a revealed member is not listed in covered", field=field)
        if _object(shown, field, 2).keys() != {"value", "key"}:
            raise MalformedRecord("a revealed member is {value, key}", field=field)
        _check_member(name, shown["value"], shape)
        key = parse_hex32(shown["key"], field=f"{field}.key")
        if member_digest(key, shown["value"]).hex() != covered[name]:
            raise InvalidProof(
                "a revealed member does not have the digest listed for it", code="record_mismatch", field=name
            )
        members[name], keys[name] = shown["value"], key
    if "certificateIdentifier" in members:
        check_identifier(members["certificateIdentifier"], open_members[shape.type_code], open_members[shape.org])
    return PartialDisclosure(shape, open_members, covered, parse_hex32(value["key"], field="key"), members, keys)


def _check_covered_names(names: Iterable[str], shape: RecordSchema) -> None:
    """Returns only if a record of this shape can have exactly these covered members. Raises MalformedRecord."""
    top: set[str] = set()
    holders: dict[int, set[str]] = {}
    for name in names:
        if match := _HOLDER_MEMBER.fullmatch(name):
            holders.setdefault(int(match[1]), set()).add(match[2])
            top.add("holders")
        elif name.startswith("extension."):
            check_extension({name.removeprefix("extension."): True})
            top.add("extension")
        elif name in ("holders", "extension"):
            raise MalformedRecord("holders and sector fields are covered singly", field="covered")
        else:
            top.add(name)
    if not top <= shape.members.keys() - shape.open:
        raise MalformedRecord("covered names a member that is open or that a record cannot have", field="covered")
    if not shape.required - shape.open <= top:
        raise MalformedRecord("covered lacks a mandatory member", field="covered")
    if (holders and max(holders) + 1 != len(holders)) or len(holders) > MAX_HOLDERS:
        raise MalformedRecord("holders are not numbered from 0 without gap", field="covered")
    if not all(HOLDER_REQUIRED <= parts <= HOLDER_MEMBERS.keys() for parts in holders.values()):
        raise MalformedRecord("a holder lacks a mandatory member or has an unknown one", field="covered")


def _check_member(name: str, value: Json, shape: RecordSchema) -> None:
    """Returns only if a record's covered member of this name can have this value. Raises MalformedRecord."""
    if match := _HOLDER_MEMBER.fullmatch(name):
        check_member(value, HOLDER_MEMBERS[match[2]], shape.table, name)
    elif name.startswith("extension."):
        sector = {name.removeprefix("extension."): value}
        if check_extension(sector) != sector:
            raise MalformedRecord(f"{name} holds an empty value; leave the member out"[:256], field=name[:256])
    else:
        check_member(value, shape.members[name], shape.table, name)


def _object(value: Json, field: str, most: int) -> dict[str, Json]:
    if type(value) is not dict or len(value) > most or not all(type(name) is str for name in value):
        raise MalformedRecord(f"{field} must be an object of at most {most} members", field=field)
    return value
