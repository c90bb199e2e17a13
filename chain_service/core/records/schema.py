"""The shapes of records: which members a certificate (GB/T 36903 names) and a document may and must have.

Bounds are ours, chosen well above what is seen: names 256 characters, numbers 128, codes 64, 64 holders, 64 files,
32 seal codes, 512 extension members with names of 128 characters, 8 levels in an extension, dates from year 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any, Literal, cast

from pydantic_core import SchemaValidator, ValidationError

from chain_service.core.encoding.canonical import MAX_DEPTH, Json, prune, within
from chain_service.core.encoding.members import (
    AnyValue,
    ListValue,
    MapValue,
    Member,
    ObjectValue,
    TextValue,
    core_schema_of,
    member_at,
)
from chain_service.core.encoding.refusals import Refusals
from chain_service.core.encoding.text import Text
from chain_service.core.records.identifiers import IDENTIFIER_ROOT, ORG_PATTERN
from chain_service.core.records.member_names import MEMBERS
from chain_service.errors import MOST_ERRORS, MalformedRecord

RecordKind = Literal["certificate", "document"]

MAX_HOLDERS = 64
MAX_FILES = 64
MAX_SEAL_CODES = 32
MAX_EXTENSION_MEMBERS = 512
MAX_EXTENSION_NAME = 128
MAX_EXTENSION_DEPTH = 8

_SHOWN = r"[^\x00-\x1f\x7f]"
# What tells two records apart must not differ by blanks around it; the blanks are Unicode's, listed because regular
# expressions of different languages mean different ones by \s.
_NO_BLANK = r"[^\x00-\x20\x7f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"


def _text(longest: int) -> TextValue:
    return TextValue(longest, f"{_SHOWN}*")


def _code(longest: int) -> TextValue:
    return TextValue(longest, f"{_NO_BLANK}(?:{_SHOWN}*{_NO_BLANK})?")


def _name(longest: int) -> Text:
    return Text(
        f"不超过 {longest} 个字符、不含控制字符的文本",
        f"text of at most {longest} characters without control characters",
    )


def _number(longest: int) -> Text:
    return Text(
        f"不超过 {longest} 个字符、不含控制字符且首尾无空白的文本",
        f"text of at most {longest} characters without control characters or blanks around it",
    )


def _kind(kind: str, zh: str) -> Member:
    return Member(
        "kind",
        MEMBERS["kind"],
        Text(f"certificate（电子证照）或 document（电子文书），此处为 {kind}（{zh}）", "certificate or document"),
        TextValue(among=(kind,)),
        required=True,
        open=True,
    )


_DATE = Text("日期 YYYY-MM-DD", "a date YYYY-MM-DD")
_DAY = TextValue(pattern="[0-9]{4}-[0-9]{2}-[0-9]{2}", format="date")
_ORG = Text("18 位统一社会信用代码", "a unified social credit code of 18 characters")
_ORG_CODE = TextValue(pattern=ORG_PATTERN)
_HEX = Text("64 位小写十六进制数字", "64 lower-case hex digits")
_HEX64 = TextValue(pattern="[0-9a-f]{64}")

HOLDER = ObjectValue(
    (
        Member("certificateHolderName", MEMBERS["certificateHolderName"], _name(256), _text(256), required=True),
        Member("certificateHolderCode", MEMBERS["certificateHolderCode"], _number(64), _code(64), required=True),
        Member(
            "certificateHolderTypeCode",
            MEMBERS["certificateHolderTypeCode"],
            Text("3 位数字代码，如 001、111", "a code of 3 digits such as 001 or 111"),
            TextValue(pattern="[0-9]{3}"),
            required=True,
        ),
        Member("certificateHolderTypeName", MEMBERS["certificateHolderTypeName"], _name(64), _text(64)),
    )
)
FILE = ObjectValue(
    (
        Member(
            "mediaType",
            MEMBERS["mediaType"],
            Text("小写的媒体类型，如 application/ofd", "a media type in lower case such as application/ofd"),
            TextValue(pattern="[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}"),
        ),
        Member(
            "digests",
            MEMBERS["digests"],
            Text("含 sha-256 或 sm3 的对象，其值为 64 位小写十六进制数字", "an object with sha-256 or sm3"),
            MapValue(_HEX64, names=("sha-256", "sm3")),
            required=True,
        ),
    )
)

_SEAL_CODES = Member(
    "sealCodes",
    MEMBERS["sealCodes"],
    Text(
        f"不超过 {MAX_SEAL_CODES} 个、各 1 至 64 个可见 ASCII 字符的编码列表",
        f"a list of at most {MAX_SEAL_CODES} codes of 1 to 64 printable ASCII characters",
    ),
    ListValue(TextValue(pattern="[!-~]{1,64}"), MAX_SEAL_CODES),
    open=True,
)
_COVERED = (
    Member(
        "files",
        MEMBERS["files"],
        Text(f"不超过 {MAX_FILES} 个对象的列表", f"a list of at most {MAX_FILES} objects"),
        ListValue(FILE, MAX_FILES),
    ),
    Member(
        "replaces",
        MEMBERS["replaces"],
        Text("记录编号，小写 UUID", "a record id, a UUID in lower case"),
        TextValue(pattern="[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ),
    Member(
        "extension",
        MEMBERS["extension"],
        Text(
            f"不超过 {MAX_EXTENSION_MEMBERS} 个成员的对象，名称 1 至 {MAX_EXTENSION_NAME} 个字符，"
            f"嵌套不超过 {MAX_EXTENSION_DEPTH} 层",
            f"an object of at most {MAX_EXTENSION_MEMBERS} members",
        ),
        MapValue(AnyValue(), longest_name=MAX_EXTENSION_NAME, most=MAX_EXTENSION_MEMBERS),
    ),
)


def _open(name: str, meaning: Text, value: TextValue, *, required: bool = False) -> Member:
    return Member(name, MEMBERS[name], meaning, value, required=required, open=True)


_CERTIFICATE = ObjectValue(
    (
        _kind("certificate", "电子证照"),
        _open(
            "certificateTypeCode",
            Text(
                "定义机构的统一社会信用代码加 3 位数字",
                "the unified social credit code of the defining organ and 3 digits",
            ),
            TextValue(pattern=ORG_PATTERN + "[0-9]{3}"),
            required=True,
        ),
        _open(
            "certificateIssuingAuthorityCode",
            _ORG,
            _ORG_CODE,
            required=True,
        ),
        _open("certificateIssuedDate", _DATE, _DAY, required=True),
        _open("certificateEffectiveDate", _DATE, _DAY),
        _open("certificateExpiringDate", _DATE, _DAY),
        _SEAL_CODES,
        *_COVERED,
        Member("certificateTypeName", MEMBERS["certificateTypeName"], _name(256), _text(256)),
        Member("certificateName", MEMBERS["certificateName"], _name(256), _text(256)),
        Member("certificateNumber", MEMBERS["certificateNumber"], _number(128), _code(128), required=True),
        Member(
            "certificateIdentifier",
            MEMBERS["certificateIdentifier"],
            Text(
                f"{IDENTIFIER_ROOT}.<类型代码>.<颁发机构>.<流水号>.<版本>.<校验位>",
                f"{IDENTIFIER_ROOT}.<type code>.<issuer>.<serial>.<version>.<check>",
            ),
            TextValue(pattern="[0-9A-Z.]{1,128}"),
            required=True,
        ),
        Member("certificateIssuingAuthorityName", MEMBERS["certificateIssuingAuthorityName"], _name(256), _text(256)),
        Member(
            "holders",
            MEMBERS["holders"],
            Text(f"1 至 {MAX_HOLDERS} 个对象的列表", f"a list of 1 to {MAX_HOLDERS} objects"),
            ListValue(HOLDER, MAX_HOLDERS),
            required=True,
        ),
    )
)
_DOCUMENT = ObjectValue(
    (
        _kind("document", "电子文书"),
        _open("documentTypeCode", _number(64), _code(64), required=True),
        _open("issuingOrganisationCode", _ORG, _ORG_CODE, required=True),
        _open("issuedDate", _DATE, _DAY),
        _open("expiringDate", _DATE, _DAY),
        _SEAL_CODES,
        *_COVERED,
        Member("documentNumber", MEMBERS["documentNumber"], _number(128), _code(128), required=True),
        Member("title", MEMBERS["title"], _name(256), _text(256)),
    )
)


@dataclass(frozen=True, slots=True)
class RecordSchema:
    """What a record of one kind may and must hold, and which of its members play which part."""

    kind: RecordKind
    table: ObjectValue
    """Every member with its type and words."""
    whole: SchemaValidator
    shown: SchemaValidator
    """The open members alone."""
    members: Mapping[str, SchemaValidator]
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

    @classmethod
    def of(cls, kind: RecordKind, table: ObjectValue, **parts: Any) -> RecordSchema:
        """The shape of this kind's records by their table of members; `parts` name the members that have a part to
        play.
        """
        shown = tuple(member for member in table if member.open)
        return cls(
            kind=kind,
            table=table,
            whole=SchemaValidator(table.core_schema()),
            shown=SchemaValidator(ObjectValue(shown).core_schema()),
            members=_validators(table),
            open=frozenset(member.name for member in shown),
            required=_required(table),
            **parts,
        )


def _validators(table: ObjectValue) -> Mapping[str, SchemaValidator]:
    return {member.name: SchemaValidator(core_schema_of(member.type)) for member in table}


def _required(table: ObjectValue) -> frozenset[str]:
    return frozenset(member.name for member in table if member.required)


CERTIFICATE = RecordSchema.of(
    "certificate",
    _CERTIFICATE,
    org="certificateIssuingAuthorityCode",
    type_code="certificateTypeCode",
    number="certificateNumber",
    issued="certificateIssuedDate",
    effective="certificateEffectiveDate",
    expiring="certificateExpiringDate",
)
DOCUMENT = RecordSchema.of(
    "document",
    _DOCUMENT,
    org="issuingOrganisationCode",
    type_code="documentTypeCode",
    number="documentNumber",
    issued="issuedDate",
    effective=None,
    expiring="expiringDate",
)
HOLDER_MEMBERS: Mapping[str, SchemaValidator] = _validators(HOLDER)
HOLDER_REQUIRED = _required(HOLDER)
SHAPES: Mapping[str, RecordSchema] = {shape.kind: shape for shape in (CERTIFICATE, DOCUMENT)}


def shape_of(value: Mapping[str, Json]) -> RecordSchema:
    """The shape for the value's `kind`. Raises MalformedRecord."""
    kind = value.get("kind")
    shape = SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise MalformedRecord(
            "kind must be certificate or document",
            zh="kind 须为 certificate（电子证照）或 document（电子文书）",
            field="kind",
        )
    return shape


def check_whole(value: Mapping[str, Json], shape: RecordSchema) -> dict[str, Json]:
    """The value pruned, if it is a record of this shape. Raises MalformedRecord, which tells all that is wrong."""
    try:
        body = shape.whole.validate_python(value)
    except ValidationError:
        # The shapes have no room for anything empty: without it, the same value may be right.
        body = _pruned_whole(value, shape)
    with Refusals(shape.table) as refusals:
        if "extension" in body:
            body["extension"] = refusals.read(check_extension, body["extension"])
            if not body["extension"]:
                del body["extension"]
        for refusal in _wrong_dates(body, shape):
            refusals.add(refusal)
    return cast(dict[str, Json], body)


def _pruned_whole(value: Mapping[str, Json], shape: RecordSchema) -> dict[str, Json]:
    with Refusals(shape.table) as refusals:
        for name in islice((name for name in value if name not in shape.members), MOST_ERRORS):
            refusals.add(
                MalformedRecord(
                    "a record has no member of this name; use extension",
                    zh="记录没有此名称的成员，业务字段请放入 extension",
                    field=str(name)[:256],
                )
            )
        known = _pruned_members(value, shape, refusals)
        try:
            body = shape.whole.validate_python(known)
        except ValidationError as error:
            said = _named(refusals)
            for refusal in islice(_refusals(error, shape.table), MOST_ERRORS):
                if str(refusal.details["field"]).split(".")[0] not in said:
                    refusals.add(refusal)
        if refusals.found:
            # What stands right by itself may still be wrong within, or contradict the rest.
            said = _named(refusals)
            right = {name: item for name, item in known.items() if name not in said}
            if "extension" in right:
                refusals.read(check_extension, right["extension"])
            for refusal in _wrong_dates(right, shape):
                refusals.add(refusal)
    return cast(dict[str, Json], body)


def _pruned_members(value: Mapping[str, Json], shape: RecordSchema, refusals: Refusals) -> dict[str, Json]:
    """The members that the shape has, pruned one by one, so that one which cannot be hides no other."""
    known: dict[str, Json] = {}
    for name, item in value.items():
        if name in shape.members:
            try:
                pruned = prune(item, max_depth=MAX_DEPTH - 1)
            except MalformedRecord as error:
                refusals.add(within(name, error))
                continue
            if pruned or pruned == 0:  # 0 and false are values
                known[name] = pruned
    return known


def _named(refusals: Refusals) -> set[str]:
    """The members that a refusal is about."""
    return {str(refusal.details.get("field")).split(".")[0] for refusal in refusals.found}


def check_shown(value: Mapping[str, Json], shape: RecordSchema) -> None:
    """Returns only if these are the open members of a pruned record. Raises MalformedRecord."""
    check_member(value, shape.shown, shape.table, "open")
    for refusal in _wrong_dates(value, shape):
        raise refusal


def check_member(value: Json, validator: SchemaValidator, table: ObjectValue, field: str) -> None:
    """Returns only if a pruned record of this table can have this member. Raises MalformedRecord."""
    try:
        validator.validate_python(value)
    except ValidationError as error:
        raise next(_refusals(error, table, field)) from None


def check_extension(value: Mapping[str, Json]) -> dict[str, Json]:
    """Sector fields pruned: any JSON values with bounded names, number and depth. Raises MalformedRecord."""
    for name in value:
        if not 0 < len(name) <= MAX_EXTENSION_NAME:
            raise MalformedRecord("names in extension must have 1 to 128 characters", field="extension")
    try:
        return cast(dict[str, Json], prune(value, max_depth=MAX_EXTENSION_DEPTH))
    except MalformedRecord as error:
        raise within("extension", error) from None


def _wrong_dates(body: Mapping[str, Json], shape: RecordSchema) -> Iterator[MalformedRecord]:
    """Each date of the body that does not exist, and the end that lies before a beginning."""
    expiring = body.get(shape.expiring)
    if expiring is not None and not _is_date(expiring):
        yield _no_day(shape.expiring)
        expiring = None
    for name in (shape.issued, shape.effective):
        if name is not None and name in body:
            if not _is_date(body[name]):
                yield _no_day(name)
            # Dates written YYYY-MM-DD sort as text.
            elif expiring is not None and body[name] > expiring:
                yield MalformedRecord(
                    f"{shape.expiring} lies before {name}",
                    zh=f"{shape.expiring} 早于 {name}",
                    field=shape.expiring,
                )


def _no_day(field: str) -> MalformedRecord:
    return MalformedRecord(f"{field} is not a calendar date", zh=f"{field} 不是日历上的日期", field=field)


@lru_cache(maxsize=8192)
def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _refusals(error: ValidationError, table: ObjectValue, at: str = "") -> Iterator[MalformedRecord]:
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        path = [*([at] if at else []), *(str(part) for part in found["loc"] if part != "[key]")]
        yield _refusal(found["type"], found["msg"], ".".join(path)[:256], path[-1], table)


def _refusal(kind: str, message: str, field: str, name: str, table: ObjectValue) -> MalformedRecord:
    member = member_at(table, field.removeprefix("open."))
    label = field if member is None else f"{member.label.zh}（{field}）"
    if kind == "missing":
        return MalformedRecord(f"{name} is missing", zh=f"缺少{label}", field=field)
    if kind == "extra_forbidden":
        return MalformedRecord("there is no member of this name", zh="此处没有该名称的成员", field=field)
    if member is None:
        return MalformedRecord(message, field=field)
    called, meaning = _innermost(field, member)
    return MalformedRecord(f"{called} must be {meaning.en}", zh=f"{label}须为{meaning.zh}", field=field)


def _innermost(field: str, member: Member) -> tuple[str, Text]:
    """The name that the refusal uses: a digest goes by its algorithm."""
    last = field.rpartition(".")[2]
    return (last, _HEX) if member.name == "digests" and last in ("sha-256", "sm3") else (member.name, member.meaning)
