"""Records: certificates and documents, as a department submits them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from chain_service.core.encoding.canonical import Json, jcs, read_json
from chain_service.core.encoding.refusals import Refusals
from chain_service.core.records.identifiers import CertificateIdentifier, OrgCode, org_code_checks
from chain_service.core.records.schema import RecordKind, RecordSchema, check_whole, shape_of
from chain_service.errors import MalformedRecord

CERTIFICATE_IDENTIFIER = "certificateIdentifier"
MAX_RECORD_BYTES = 256 * 1024
MAX_TEXT_BYTES = 2 * MAX_RECORD_BYTES
"""Blanks and escapes may make the text sent longer than its canonical form."""


class Remark(NamedTuple):
    """Something odd that does not refuse the record: a stable code and the member's path."""

    code: str
    field: str


@dataclass(frozen=True, slots=True)
class Record:
    """A valid record. Made by `parse_record`."""

    shape: RecordSchema
    org: OrgCode
    type_code: str
    number: str
    identity: str
    """Unique within the organisation: the certificate identifier, or type code, U+001F and number of a document."""
    body: Mapping[str, Json]
    """The pruned object."""
    canonical: bytes
    """RFC 8785 bytes of `body`: two records are the same if these are equal."""
    warnings: tuple[Remark, ...]

    @property
    def kind(self) -> RecordKind:
        """Certificate or document."""
        return self.shape.kind

    @property
    def identifier(self) -> str | None:
        """The certificate identifier; a document has none."""
        return self.body.get("certificateIdentifier")

    @property
    def holder_names(self) -> tuple[str, ...]:
        """Names of its holders in the record's order; none for a document."""
        return tuple(holder["certificateHolderName"] for holder in self.body.get("holders", ()))

    @property
    def issued(self) -> date | None:
        """The day it was issued."""
        return date_of(self.body, self.shape.issued)

    @property
    def effective(self) -> date | None:
        """The first day it is valid; None where the record says none."""
        return date_of(self.body, self.shape.effective)

    @property
    def expiring(self) -> date | None:
        """The last day it is valid; None where the record says none."""
        return date_of(self.body, self.shape.expiring)

    @property
    def seal_codes(self) -> tuple[str, ...]:
        """Codes of the electronic seals that it names."""
        return tuple(self.body.get("sealCodes", ()))

    @property
    def files(self) -> tuple[Mapping[str, Any], ...]:
        """Each `{mediaType?, digests: {"sha-256"?: hex, "sm3"?: hex}}`, at least one digest."""
        return tuple(self.body.get("files", ()))

    @property
    def replaces(self) -> str | None:
        """Id of the record that this one replaces."""
        return self.body.get("replaces")

    @property
    def open(self) -> dict[str, Json]:
        """The open members under their own names."""
        body = self.body
        return {name: body[name] for name in self.shape.open if name in body}

    @property
    def covered(self) -> dict[str, Json]:
        """All other members; holders and sector fields singly, as `holders.<i>.<name>` and `extension.<name>`."""
        members: dict[str, Json] = {}
        names = self.shape.open
        for name, value in self.body.items():
            if name == "holders":
                for i, holder in enumerate(value):
                    for part, held in holder.items():
                        members[f"holders.{i}.{part}"] = held
            elif name == "extension":
                for part, held in value.items():
                    members["extension." + part] = held
            elif name not in names:
                members[name] = value
        return members


def document_identity(type_code: str, number: str) -> str:
    """What makes a document the same one within its organisation: type code, U+001F and number."""
    return f"{type_code}\x1f{number}"


def parse_record(value: object) -> Record:
    """The record that a JSON object, or its UTF-8 text as bytes, writes.

    Raises MalformedRecord; `field` is the member's path, such as `holders.0.certificateHolderCode`, and `errors` has
    all that is wrong.
    """
    if isinstance(value, bytes):
        value = read_json(value, limit=MAX_TEXT_BYTES)
    if type(value) is not dict:
        raise MalformedRecord("a record must be a JSON object", field="")
    shape = shape_of(value)
    with Refusals(shape.table) as refusals:
        try:
            body = check_whole(value, shape)
        except MalformedRecord as error:
            refusals.add(error)
            if shape.kind == "certificate":
                refusals.read(_check_identifier_alone, value, shape, refusals)
    canonical = jcs(body)
    if len(canonical) > MAX_RECORD_BYTES:
        raise MalformedRecord(
            f"a record must not be longer than {MAX_RECORD_BYTES} bytes",
            zh=f"一条记录不得超过 {MAX_RECORD_BYTES} 字节",
            field="",
        )
    org, type_code, number = body[shape.org], body[shape.type_code], body[shape.number]
    remarks = [] if org_code_checks(org) else [Remark("org_code_check_fails", shape.org)]
    identity = document_identity(type_code, number)
    if shape.kind == "certificate":
        identity = body["certificateIdentifier"]
        remarks += check_identifier(identity, type_code, org)
    return Record(shape, org, type_code, number, identity, body, canonical, tuple(remarks))


def check_identifier(text: str, type_code: str, org: str) -> list[Remark]:
    """Remarks on an identifier that belongs to this type and issuer. Raises MalformedRecord if it does not."""
    field = CERTIFICATE_IDENTIFIER
    identifier = CertificateIdentifier.parse(text, field=field)
    if identifier.type_code != type_code:
        raise MalformedRecord(
            "certificateIdentifier names another type than certificateTypeCode",
            zh="证照标识中的类型代码与证照类型代码不一致",
            field=field,
        )
    if identifier.issuer == org:
        return []
    if identifier.issuer_is_org_code:
        raise MalformedRecord(
            "certificateIdentifier names another issuer than certificateIssuingAuthorityCode",
            zh="证照标识中的颁发机构与证照颁发机构代码不一致",
            field=field,
        )
    return [Remark("identifier_issuer_not_org_code", field)]


def _check_identifier_alone(value: Mapping[str, Json], shape: RecordSchema, refusals: Refusals) -> None:
    """Raises MalformedRecord if the identifier of a record refused already is wrong too, and nobody said so."""
    names = (CERTIFICATE_IDENTIFIER, shape.type_code, shape.org)
    given = [text for name in names if isinstance(text := value.get(name), str)]
    if len(given) == len(names) and {refusal.details.get("field") for refusal in refusals.found}.isdisjoint(names):
        check_identifier(*given)


def date_of(body: Mapping[str, Json], name: str | None) -> date | None:
    """The date of a checked member, if it is there."""
    text = None if name is None else body.get(name)
    return None if text is None else date.fromisoformat(text)
