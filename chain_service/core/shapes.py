"""The shapes of records: which members a certificate (GB/T 36903 names) and a document may and must have.

Bounds are ours, chosen well above what is seen: names 256 characters, numbers 128, codes 64, 64 holders, 64 files,
32 seal codes, 512 extension members with names of 128 characters, 8 levels in an extension.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

from chain_service.core.canonical import Json, is_empty, prune
from chain_service.core.identifiers import parse_org_code, parse_type_code
from chain_service.errors import MalformedRecord

Kind = Literal["certificate", "document"]
Check = Callable[[Json, str], Json]
"""Takes a member that is not empty and its path; returns it pruned or raises MalformedRecord."""

MAX_HOLDERS = 64
MAX_FILES = 64
MAX_SEAL_CODES = 32
MAX_EXTENSION_MEMBERS = 512
MAX_EXTENSION_DEPTH = 8

_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a record of one kind may and must hold, and which of its members play which part."""

    kind: Kind
    checks: Mapping[str, Check]
    required: frozenset[str]
    open: frozenset[str]
    """Members that every disclosure shows."""
    org: str
    type_code: str
    number: str
    issued: str
    effective: str | None
    expiring: str


def shape_of(value: Mapping[str, Json]) -> Shape:
    """The shape for the value's `kind`. Raises MalformedRecord."""
    kind = value.get("kind")
    shape = SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise MalformedRecord("kind must be certificate or document", field="kind")
    return shape


def check_members(value: Mapping[str, Json], shape: Shape) -> dict[str, Json]:
    """The value pruned, each member in the form that the shape asks. Raises MalformedRecord, also for unknown ones."""
    body = {}
    checks = shape.checks
    for name, member in value.items():
        check = checks.get(name)
        if check is None:
            raise MalformedRecord(f"a {shape.kind} has no member of this name; use extension", field=str(name)[:128])
        if not is_empty(member):
            kept = check(member, name)
            if not is_empty(kept):
                body[name] = kept
    return body


def require(body: Mapping[str, Json], names: frozenset[str], prefix: str = "") -> None:
    """Returns only if all these members are there. Raises MalformedRecord."""
    if not names <= body.keys():
        missing = min(names - body.keys())
        raise MalformedRecord(f"{missing} is missing", field=prefix + missing)


def check_dates(body: Mapping[str, Json], shape: Shape) -> None:
    """Returns only if nothing expires before it was issued or takes effect. Raises MalformedRecord."""
    expiring = body.get(shape.expiring)
    if expiring is None:
        return
    for name in (shape.issued, shape.effective):
        # Dates written YYYY-MM-DD sort as text.
        if name is not None and body.get(name, "") > expiring:
            raise MalformedRecord(f"{shape.expiring} lies before {name}", field=shape.expiring)


def _text(longest: int) -> Check:
    def check(value: Json, field: str) -> Json:
        if type(value) is not str or len(value) > longest or _CONTROL.search(value):
            raise MalformedRecord(
                f"{field} must be text of at most {longest} characters without control characters", field=field
            )
        return value

    return check


def _code(longest: int) -> Check:
    """Text that tells things apart, so it may not differ by blanks around it."""
    text = _text(longest)

    def check(value: Json, field: str) -> Json:
        if text(value, field) != value.strip():
            raise MalformedRecord(f"{field} must not begin or end with a blank", field=field)
        return value

    return check


def _matching(pattern: str, what: str) -> Check:
    shape = re.compile(pattern)

    def check(value: Json, field: str) -> Json:
        if type(value) is not str or not shape.fullmatch(value):
            raise MalformedRecord(f"{field} must be {what}", field=field)
        return value

    return check


@lru_cache(maxsize=8192)
def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return _DATE.fullmatch(text) is not None


def _date(value: Json, field: str) -> Json:
    if type(value) is not str or len(value) != 10 or not _is_date(value):
        raise MalformedRecord(f"{field} must be a date YYYY-MM-DD", field=field)
    return value


def _org(value: Json, field: str) -> Json:
    return parse_org_code(value, field=field)


def _type_code(value: Json, field: str) -> Json:
    return parse_type_code(value, field=field)


def _list_of(check: Check, most: int) -> Check:
    def check_all(value: Json, field: str) -> Json:
        if type(value) is not list or len(value) > most:
            raise MalformedRecord(f"{field} must be a list of at most {most} items", field=field)
        kept = (check(item, f"{field}.{i}") for i, item in enumerate(value) if not is_empty(item))
        return [item for item in kept if not is_empty(item)]

    return check_all


def _object_of(checks: Mapping[str, Check], required: frozenset[str]) -> Check:
    def check(value: Json, field: str) -> Json:
        if type(value) is not dict:
            raise MalformedRecord(f"{field} must be an object", field=field)
        kept = {}
        for name, member in value.items():
            inner = checks.get(name)
            if inner is None:
                raise MalformedRecord(f"{field} has a member of an unknown name", field=f"{field}.{name}"[:256])
            if not is_empty(member):
                held = inner(member, f"{field}.{name}")
                if not is_empty(held):
                    kept[name] = held
        if kept:
            require(kept, required, f"{field}.")
        return kept

    return check


def _files_digests(value: Json, field: str) -> Json:
    kept = _DIGESTS(value, field)
    if not kept:
        raise MalformedRecord(f"{field} must hold sha-256 or sm3", field=field)
    return kept


def check_extension(value: Json, field: str) -> Json:
    """Sector fields: a bounded object of any JSON values. Raises MalformedRecord."""
    if type(value) is not dict or len(value) > MAX_EXTENSION_MEMBERS:
        raise MalformedRecord(f"extension must be an object of at most {MAX_EXTENSION_MEMBERS} members", field=field)
    for name in value:
        if not isinstance(name, str) or not 0 < len(name) <= 128 or _CONTROL.search(name):
            raise MalformedRecord(
                "names in extension must have 1 to 128 characters, no control characters", field=field
            )
    return prune(value, max_depth=MAX_EXTENSION_DEPTH, field=field)


def _kind(value: Json, field: str) -> Json:
    # `shape_of` has looked at it.
    del field
    return value


_HEX64 = _matching("[0-9a-f]{64}", "64 lower-case hex digits")
_DIGESTS = _object_of({"sha-256": _HEX64, "sm3": _HEX64}, frozenset())
_MEDIA_TYPE = _matching(
    "[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}", "a media type such as application/ofd"
)

HOLDER_CHECKS: Mapping[str, Check] = {
    "certificateHolderName": _text(256),
    "certificateHolderCode": _code(64),
    "certificateHolderTypeCode": _matching("[0-9]{3}", "a holder code type of 3 digits such as 001 or 111"),
    "certificateHolderTypeName": _text(64),
}
HOLDER_REQUIRED = frozenset({"certificateHolderName", "certificateHolderCode", "certificateHolderTypeCode"})

_COMMON: Mapping[str, Check] = {
    "kind": _kind,
    "files": _list_of(
        _object_of({"mediaType": _MEDIA_TYPE, "digests": _files_digests}, frozenset({"digests"})), MAX_FILES
    ),
    "sealCodes": _list_of(
        _matching("[!-~]{1,64}", "a seal code of 1 to 64 printable ASCII characters"), MAX_SEAL_CODES
    ),
    "replaces": _matching("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a record id, a UUID in lower case"),
    "extension": check_extension,
}

CERTIFICATE = Shape(
    kind="certificate",
    checks={
        **_COMMON,
        "certificateTypeCode": _type_code,
        "certificateTypeName": _text(256),
        "certificateName": _text(256),
        "certificateNumber": _code(128),
        "certificateIdentifier": _text(128),
        "certificateIssuingAuthorityCode": _org,
        "certificateIssuingAuthorityName": _text(256),
        "certificateIssuedDate": _date,
        "certificateEffectiveDate": _date,
        "certificateExpiringDate": _date,
        "holders": _list_of(_object_of(HOLDER_CHECKS, HOLDER_REQUIRED), MAX_HOLDERS),
    },
    required=frozenset(
        {
            "kind",
            "certificateTypeCode",
            "certificateNumber",
            "certificateIdentifier",
            "certificateIssuingAuthorityCode",
            "certificateIssuedDate",
            "holders",
        }
    ),
    open=frozenset(
        {
            "kind",
            "certificateTypeCode",
            "certificateIssuingAuthorityCode",
            "certificateIssuedDate",
            "certificateEffectiveDate",
            "certificateExpiringDate",
            "sealCodes",
        }
    ),
    org="certificateIssuingAuthorityCode",
    type_code="certificateTypeCode",
    number="certificateNumber",
    issued="certificateIssuedDate",
    effective="certificateEffectiveDate",
    expiring="certificateExpiringDate",
)
DOCUMENT = Shape(
    kind="document",
    checks={
        **_COMMON,
        "documentTypeCode": _code(64),
        "documentNumber": _code(128),
        "title": _text(256),
        "issuingOrganisationCode": _org,
        "issuedDate": _date,
        "expiringDate": _date,
    },
    required=frozenset({"kind", "documentTypeCode", "documentNumber", "issuingOrganisationCode"}),
    open=frozenset({"kind", "documentTypeCode", "issuingOrganisationCode", "issuedDate", "expiringDate", "sealCodes"}),
    org="issuingOrganisationCode",
    type_code="documentTypeCode",
    number="documentNumber",
    issued="issuedDate",
    effective=None,
    expiring="expiringDate",
)
SHAPES: Mapping[str, Shape] = {shape.kind: shape for shape in (CERTIFICATE, DOCUMENT)}
