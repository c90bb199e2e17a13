"""The shapes of records: which members a certificate (GB/T 36903 names) and a document may and must have.

Bounds are ours, chosen well above what is seen: names 256 characters, numbers 128, codes 64, 64 holders, 64 files,
32 seal codes, 512 extension members with names of 128 characters, 8 levels in an extension, dates from year 1.
"""

# Annotations are evaluated here, not kept as text: TypedDict reads NotRequired from them.

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Literal, NotRequired, cast, get_origin, get_type_hints

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from chain_service.core.encoding.canonical import Json, prune, within
from chain_service.core.records.identifiers import IDENTIFIER_ROOT, ORG_PATTERN
from chain_service.errors import MalformedRecord

Kind = Literal["certificate", "document"]

MAX_HOLDERS = 64
MAX_FILES = 64
MAX_SEAL_CODES = 32
MAX_EXTENSION_MEMBERS = 512
MAX_EXTENSION_DEPTH = 8


def _text(longest: int) -> Any:
    return StringConstraints(strict=True, min_length=1, max_length=longest, pattern=r"^[^\x00-\x1f\x7f]*$")


def _code(longest: int) -> Any:
    # What tells two records apart must not differ by blanks around it.
    shape = r"^[^\x00-\x1f\x7f\s]([^\x00-\x1f\x7f]*[^\x00-\x1f\x7f\s])?$"
    return StringConstraints(strict=True, min_length=1, max_length=longest, pattern=shape)


def _matching(pattern: str) -> Any:
    return StringConstraints(strict=True, pattern=f"^(?:{pattern})$")


_Date = Annotated[str, _matching("[0-9]{4}-[0-9]{2}-[0-9]{2}")]
_Org = Annotated[str, _matching(ORG_PATTERN)]
_Hex64 = Annotated[str, _matching("[0-9a-f]{64}")]
_MediaType = Annotated[str, _matching("[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")]
_SealCode = Annotated[str, _matching("[!-~]{1,64}")]
_SealCodes = Annotated[list[_SealCode], Field(min_length=1, max_length=MAX_SEAL_CODES)]
_RecordId = Annotated[str, _matching("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")]
_Extension = Annotated[dict[str, Any], Field(min_length=1, max_length=MAX_EXTENSION_MEMBERS)]

_CLOSED = ConfigDict(extra="forbid", strict=True)


@with_config(_CLOSED)
class _Holder(TypedDict):
    certificateHolderName: Annotated[str, _text(256)]
    certificateHolderCode: Annotated[str, _code(64)]
    certificateHolderTypeCode: Annotated[str, _matching("[0-9]{3}")]
    certificateHolderTypeName: NotRequired[Annotated[str, _text(64)]]


@with_config(_CLOSED)
class _File(TypedDict):
    mediaType: NotRequired[_MediaType]
    digests: Annotated[dict[Literal["sha-256", "sm3"], _Hex64], Field(min_length=1)]


class _Covered(TypedDict):
    files: NotRequired[Annotated[list[_File], Field(min_length=1, max_length=MAX_FILES)]]
    replaces: NotRequired[_RecordId]
    extension: NotRequired[_Extension]


@with_config(_CLOSED)
class _OpenCertificate(TypedDict):
    kind: Literal["certificate"]
    certificateTypeCode: Annotated[str, _matching(ORG_PATTERN + "[0-9]{3}")]
    certificateIssuingAuthorityCode: _Org
    certificateIssuedDate: _Date
    certificateEffectiveDate: NotRequired[_Date]
    certificateExpiringDate: NotRequired[_Date]
    sealCodes: NotRequired[_SealCodes]


@with_config(_CLOSED)
class _Certificate(_OpenCertificate, _Covered):
    certificateTypeName: NotRequired[Annotated[str, _text(256)]]
    certificateName: NotRequired[Annotated[str, _text(256)]]
    certificateNumber: Annotated[str, _code(128)]
    certificateIdentifier: Annotated[str, _matching(r"[0-9A-Z.]{1,128}")]
    certificateIssuingAuthorityName: NotRequired[Annotated[str, _text(256)]]
    holders: Annotated[list[_Holder], Field(min_length=1, max_length=MAX_HOLDERS)]


@with_config(_CLOSED)
class _OpenDocument(TypedDict):
    kind: Literal["document"]
    documentTypeCode: Annotated[str, _code(64)]
    issuingOrganisationCode: _Org
    issuedDate: NotRequired[_Date]
    expiringDate: NotRequired[_Date]
    sealCodes: NotRequired[_SealCodes]


@with_config(_CLOSED)
class _Document(_OpenDocument, _Covered):
    documentNumber: Annotated[str, _code(128)]
    title: NotRequired[Annotated[str, _text(256)]]


_NAME = "text of at most 256 characters without control characters"
_NUMBER = "text of at most 128 characters without control characters or blanks around it"
_DATE = "a date YYYY-MM-DD"
_ORG = "a unified social credit code of 18 characters"
_EXPECTED: Mapping[str, str] = {
    "kind": "certificate or document",
    "certificateTypeCode": "the unified social credit code of the defining organ and 3 digits",
    "certificateTypeName": _NAME,
    "certificateName": _NAME,
    "certificateNumber": _NUMBER,
    "certificateIdentifier": f"{IDENTIFIER_ROOT}.<type code>.<issuer>.<serial>.<version>.<check>",
    "certificateIssuingAuthorityCode": _ORG,
    "certificateIssuingAuthorityName": _NAME,
    "certificateIssuedDate": _DATE,
    "certificateEffectiveDate": _DATE,
    "certificateExpiringDate": _DATE,
    "holders": f"a list of 1 to {MAX_HOLDERS} objects",
    "certificateHolderName": _NAME,
    "certificateHolderCode": "text of at most 64 characters without control characters or blanks around it",
    "certificateHolderTypeCode": "a code of 3 digits such as 001 or 111",
    "certificateHolderTypeName": "text of at most 64 characters without control characters",
    "documentTypeCode": "text of at most 64 characters without control characters or blanks around it",
    "documentNumber": _NUMBER,
    "title": _NAME,
    "issuingOrganisationCode": _ORG,
    "issuedDate": _DATE,
    "expiringDate": _DATE,
    "files": f"a list of at most {MAX_FILES} objects",
    "mediaType": "a media type in lower case such as application/ofd",
    "digests": "an object with sha-256 or sm3",
    "sha-256": "64 lower-case hex digits",
    "sm3": "64 lower-case hex digits",
    "sealCodes": f"a list of at most {MAX_SEAL_CODES} codes of 1 to 64 printable ASCII characters",
    "replaces": "a record id, a UUID in lower case",
    "extension": f"an object of at most {MAX_EXTENSION_MEMBERS} members",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a record of one kind may and must hold, and which of its members play which part."""

    kind: Kind
    whole: TypeAdapter[Any]
    shown: TypeAdapter[Any]
    """The open members alone."""
    members: Mapping[str, TypeAdapter[Any]]
    """Every member by its name."""
    open: frozenset[str]
    """Members that every disclosure shows."""
    required: frozenset[str]
    org: str
    type_code: str
    number: str
    issued: str
    effective: str | None
    expiring: str


def _members(of: Any) -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(of, include_extras=True)
    bare = {name: hint.__args__[0] if get_origin(hint) is NotRequired else hint for name, hint in hints.items()}
    return {name: TypeAdapter(hint) for name, hint in bare.items()}


CERTIFICATE = Shape(
    kind="certificate",
    whole=TypeAdapter(_Certificate),
    shown=TypeAdapter(_OpenCertificate),
    members=_members(_Certificate),
    open=frozenset(_OpenCertificate.__annotations__),
    required=frozenset(_Certificate.__required_keys__),
    org="certificateIssuingAuthorityCode",
    type_code="certificateTypeCode",
    number="certificateNumber",
    issued="certificateIssuedDate",
    effective="certificateEffectiveDate",
    expiring="certificateExpiringDate",
)
DOCUMENT = Shape(
    kind="document",
    whole=TypeAdapter(_Document),
    shown=TypeAdapter(_OpenDocument),
    members=_members(_Document),
    open=frozenset(_OpenDocument.__annotations__),
    required=frozenset(_Document.__required_keys__),
    org="issuingOrganisationCode",
    type_code="documentTypeCode",
    number="documentNumber",
    issued="issuedDate",
    effective=None,
    expiring="expiringDate",
)
HOLDER_MEMBERS: Mapping[str, TypeAdapter[Any]] = _members(_Holder)
HOLDER_REQUIRED = frozenset(_Holder.__required_keys__)
SHAPES: Mapping[str, Shape] = {shape.kind: shape for shape in (CERTIFICATE, DOCUMENT)}


def shape_of(value: Mapping[str, Json]) -> Shape:
    """The shape for the value's `kind`. Raises MalformedRecord."""
    kind = value.get("kind")
    shape = SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise MalformedRecord("kind must be certificate or document", field="kind")
    return shape


def check_whole(value: Mapping[str, Json], shape: Shape) -> dict[str, Json]:
    """The value pruned, if it is a record of this shape. Raises MalformedRecord."""
    try:
        body = shape.whole.validator.validate_python(value)
    except ValidationError:
        # The shapes have no room for anything empty: without it, the same value may be right.
        for name in value.keys() - shape.members.keys():
            raise MalformedRecord("a record has no member of this name; use extension", field=str(name)[:256]) from None
        body = _validated(shape.whole, prune(value))
    if "extension" in body:
        body["extension"] = check_extension(body["extension"])
        if not body["extension"]:
            del body["extension"]
    check_dates(body, shape)
    return cast(dict[str, Json], body)


def check_shown(value: Mapping[str, Json], shape: Shape) -> None:
    """Returns only if these are the open members of a pruned record. Raises MalformedRecord."""
    _validated(shape.shown, value, "open")
    check_dates(value, shape)


def check_member(value: Json, adapter: TypeAdapter[Any], field: str) -> None:
    """Returns only if a pruned record can have this member. Raises MalformedRecord."""
    _validated(adapter, value, field)


def check_extension(value: Mapping[str, Json]) -> dict[str, Json]:
    """Sector fields pruned: any JSON values with bounded names, number and depth. Raises MalformedRecord."""
    for name in value:
        if not 0 < len(name) <= 128:
            raise MalformedRecord("names in extension must have 1 to 128 characters", field="extension")
    try:
        return cast(dict[str, Json], prune(value, max_depth=MAX_EXTENSION_DEPTH))
    except MalformedRecord as error:
        raise within("extension", error) from None


def check_dates(body: Mapping[str, Json], shape: Shape) -> None:
    """Returns only if all dates exist and nothing expires before it begins. Raises MalformedRecord."""
    expiring = body.get(shape.expiring)
    if expiring is not None:
        _require_date(expiring, shape.expiring)
    for name in (shape.issued, shape.effective):
        if name is not None and name in body:
            _require_date(body[name], name)
            # Dates written YYYY-MM-DD sort as text.
            if expiring is not None and body[name] > expiring:
                raise MalformedRecord(f"{shape.expiring} lies before {name}", field=shape.expiring)


def _require_date(text: str, field: str) -> None:
    if not _is_date(text):
        raise MalformedRecord(f"{field} is not a day of the calendar", field=field)


@lru_cache(maxsize=8192)
def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _validated(adapter: TypeAdapter[Any], value: Json, at: str = "") -> Json:
    try:
        return adapter.validator.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = [*([at] if at else []), *(str(part) for part in first["loc"] if part != "[key]")]
    field = ".".join(path)[:256]
    if first["type"] == "missing":
        raise MalformedRecord(f"{path[-1]} is missing", field=field)
    if first["type"] == "extra_forbidden":
        raise MalformedRecord("there is no member of this name here", field=field)
    named = [part for step in path for part in step.split(".") if part in _EXPECTED]
    raise MalformedRecord(f"{named[-1]} must be {_EXPECTED[named[-1]]}" if named else first["msg"], field=field)
