"""The data catalog (政务数据目录): entries in three layers, their versions and the chain that these form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chain_service.core.chainproof import storage_layout
from chain_service.core.encoding.canonical import prune
from chain_service.core.encoding.digests import HEX32, Digest
from chain_service.core.encoding.json_fields import FieldReader
from chain_service.core.encoding.members import (
    AnyValue,
    FlagValue,
    ListValue,
    MapValue,
    Member,
    NumberValue,
    ObjectValue,
    TextValue,
)
from chain_service.core.encoding.refusals import Refusals
from chain_service.core.encoding.text import Text
from chain_service.core.records.hashing import catalog_digest
from chain_service.core.records.identifiers import (
    CATALOG_PATTERN,
    ORG_PATTERN,
    CatalogCode,
    OrgCode,
    parse_catalog_code,
    parse_org_code,
)
from chain_service.errors import Conflict, MalformedRecord

LAYERS: Mapping[str, tuple[str, str]] = {
    "duty": ("职责目录", "catalog of duties"),
    "data": ("数据目录", "catalog of data"),
    "table": ("库表目录", "catalog of tables"),
}
LAYER_ABOVE: Mapping[str, str | None] = {"duty": None, "data": "duty", "table": "data"}
"""The layer that each layer's links lead to."""

SHARING_TYPES: Mapping[str, tuple[str, str]] = {
    "1": ("无条件共享", "unconditional"),
    "2": ("有条件共享", "conditional"),
    "3": ("不予共享", "not shared"),
}
NEEDS_LEGAL_BASIS = frozenset({"2", "3"})
FORMATS: Mapping[str, tuple[str, str]] = {
    "1": ("文件", "file"),
    "2": ("电子表格", "spreadsheet"),
    "3": ("数据库", "database"),
    "4": ("图形图像", "graphics"),
    "5": ("流媒体", "streaming"),
    "6": ("自描述格式", "self-described"),
    "7": ("服务接口", "service"),
}
SHARING_METHODS: Mapping[str, tuple[str, str]] = {
    "1": ("数据库", "database"),
    "2": ("文件", "file"),
    "3": ("服务接口", "service"),
}
UPDATE_CYCLES: Mapping[str, tuple[str, str]] = {
    "1": ("实时", "real time"),
    "2": ("每日", "daily"),
    "3": ("每周", "weekly"),
    "4": ("每月", "monthly"),
    "5": ("每季度", "quarterly"),
    "6": ("每年", "yearly"),
}
ACTIONS: Mapping[str, int] = {
    "publish": storage_layout.CATALOG_PUBLISH,
    "change": storage_layout.CATALOG_CHANGE,
    "withdraw": storage_layout.CATALOG_WITHDRAW,
}
"""Action to its number on chain."""

MAX_ITEMS = 1_000
MAX_LINKS = 100
MAX_SEQUENCE = 2**53 - 1
TITLE_LIMIT = 200
TEXT_LIMIT = 2_000
DATA_TYPE_LIMIT = 50

_SHORT = Text(f"不超过 {TITLE_LIMIT} 个字符的文本", f"text of at most {TITLE_LIMIT} characters")
_LONG = Text(f"不超过 {TEXT_LIMIT} 个字符的文本", f"text of at most {TEXT_LIMIT} characters")


def _one_of(values: Mapping[str, tuple[str, str]], more: Text | None = None) -> Text:
    listed = "、".join(f"{code} {zh}" for code, (zh, _) in values.items())
    told = ", ".join(f"{code} {en}" for code, (_, en) in values.items())
    return Text(listed + (f"；{more.zh}" if more else ""), told + (f"; {more.en}" if more else ""))


ITEM = ObjectValue(
    (
        Member("name", Text("数据项名称", "name"), _SHORT, TextValue(TITLE_LIMIT), required=True),
        Member(
            "dataType",
            Text("数据类型", "data type"),
            Text(f"不超过 {DATA_TYPE_LIMIT} 个字符的文本", f"text of at most {DATA_TYPE_LIMIT} characters"),
            TextValue(DATA_TYPE_LIMIT),
        ),
        Member(
            "length",
            Text("数据长度", "length"),
            Text("不小于 0 的整数", "a whole number from 0"),
            NumberValue(0, MAX_SEQUENCE),
        ),
    )
)
CATALOG = ObjectValue(
    (
        Member(
            "catalogCode",
            Text("目录代码", "catalog code"),
            Text("如 301001/000001", "as 301001/000001"),
            TextValue(pattern=CATALOG_PATTERN),
            required=True,
        ),
        Member("layer", Text("目录层级", "layer"), _one_of(LAYERS), TextValue(among=tuple(LAYERS)), required=True),
        Member("title", Text("目录名称", "title"), _SHORT, TextValue(TITLE_LIMIT), required=True),
        Member(
            "providerCode",
            Text("数据提供机构代码", "provider"),
            Text(
                "提供数据的机构的统一社会信用代码",
                "unified social credit code of the organisation that provides the data",
            ),
            TextValue(pattern=ORG_PATTERN),
            required=True,
        ),
        Member(
            "action",
            Text("操作", "action"),
            Text("publish（发布）、change（变更）或 withdraw（撤回）", "`publish`, `change` or `withdraw`"),
            TextValue(among=tuple(ACTIONS)),
            required=True,
        ),
        Member(
            "sequence",
            Text("版本序号", "sequence"),
            Text(
                "从 1 起的整数，可不填；不符时报 `catalog_conflict`",
                "filled in if left out; given and not fitting: `catalog_conflict`",
            ),
            NumberValue(1, MAX_SEQUENCE),
        ),
        Member(
            "previous",
            Text("前一版本摘要", "previous version"),
            Text("前一版本的摘要 `sha-256:…`，可不填", "`sha-256:…` of the version before; filled in if left out"),
            TextValue(pattern="sha-256:" + HEX32),
        ),
        Member("summary", Text("摘要说明", "summary"), _LONG, TextValue(TEXT_LIMIT)),
        Member("format", Text("数据格式", "format"), _one_of(FORMATS), TextValue(among=tuple(FORMATS))),
        Member(
            "items",
            Text("数据项", "items"),
            Text(
                f"不超过 {MAX_ITEMS} 项，名称不得重复：`name`、`dataType`（不超过 {DATA_TYPE_LIMIT} 个字符）、`length`",
                f"at most {MAX_ITEMS}: `name`, `dataType` (at most {DATA_TYPE_LIMIT} characters), `length`",
            ),
            ListValue(ITEM, MAX_ITEMS),
        ),
        Member(
            "sharingType",
            Text("共享类型", "sharing type"),
            _one_of(SHARING_TYPES, Text("2 与 3 须填 `legalBasis`", "2 and 3 need a `legalBasis`")),
            TextValue(among=tuple(SHARING_TYPES)),
        ),
        Member("sharingCondition", Text("共享条件", "sharing condition"), _LONG, TextValue(TEXT_LIMIT)),
        Member(
            "sharingMethod",
            Text("共享方式", "sharing method"),
            _one_of(SHARING_METHODS),
            TextValue(among=tuple(SHARING_METHODS)),
        ),
        Member("legalBasis", Text("依据", "legal basis"), _LONG, TextValue(TEXT_LIMIT)),
        Member("classification", Text("数据分级", "classification"), _LONG, TextValue(TEXT_LIMIT)),
        Member(
            "open",
            Text("是否开放", "open"),
            Text("true 或 false：是否向社会开放", "true or false: open to the public"),
            FlagValue(),
        ),
        Member(
            "updateCycle",
            Text("更新周期", "update cycle"),
            _one_of(UPDATE_CYCLES),
            TextValue(among=tuple(UPDATE_CYCLES)),
        ),
        Member(
            "links",
            Text("关联目录", "links"),
            Text(f"不超过 {MAX_LINKS} 个上一层目录代码，不得重复", f"at most {MAX_LINKS} catalog codes one layer up"),
            ListValue(TextValue(pattern=CATALOG_PATTERN), MAX_LINKS, different=True),
        ),
        Member("extension", Text("扩展信息", "extension"), Text("JSON 对象", "an object"), MapValue(AnyValue())),
    )
)
"""What a version of a catalog entry is submitted as."""


@dataclass(frozen=True)
class CatalogVersion:
    """One version of a catalog entry; `body` is the pruned object whose canonical form is hashed."""

    code: CatalogCode
    layer: str
    title: str
    provider: OrgCode
    action: str
    sequence: int | None
    """From 1; None until `next_version` has filled it in."""
    previous: bytes | None
    """Digest of the version before, None for the first."""
    links: tuple[CatalogCode, ...]
    update_cycle: str | None
    body: Mapping[str, Any]

    @property
    def live(self) -> bool:
        """False for the version that withdraws the entry."""
        return self.action != "withdraw"


@dataclass(frozen=True)
class CatalogHeadOnChain:
    """The newest version of an entry as the chain holds it: no more than its place, digest and whether it is live."""

    sequence: int
    digest: bytes
    live: bool


def parse_catalog(value: object) -> CatalogVersion:
    """The catalog version in `value`, a JSON object; sequence and previous may be left out.

    Raises MalformedRecord with `field`: unknown member or list value, a sharing type 2 or 3 without legal basis, two
    items of one name, a link from the top layer.
    """
    with Refusals(CATALOG) as refusals:
        form = FieldReader(value, "a catalog entry", CATALOG, refusals)
        layer = refusals.read(form.choice, "layer")
        items = _items(form, refusals)
        is_open = refusals.read(_open, form)
        body = refusals.read(prune, {**form.members, "items": items, "open": is_open})
        for name in ("sharingType", "format", "sharingMethod", "updateCycle"):
            refusals.read(form.optional_choice, name)
        for name in ("summary", "sharingCondition", "legalBasis", "classification"):
            refusals.read(form.optional_text, name)
        sharing = form.get("sharingType")
        if isinstance(sharing, str) and sharing in NEEDS_LEGAL_BASIS and form.get("legalBasis") is None:
            refusals.add(
                MalformedRecord(
                    "legalBasis is required for sharingType 2 and 3",
                    zh="有条件共享和不予共享须填写依据（legalBasis）",
                    field="legalBasis",
                )
            )
        if not isinstance(form.get("extension"), dict | None):
            refusals.add(MalformedRecord("extension must be an object", field="extension"))
        code = refusals.read(parse_catalog_code, form.get("catalogCode"))
        title = refusals.read(form.text, "title")
        provider = refusals.read(parse_org_code, form.get("providerCode"), field="providerCode")
        action = refusals.read(form.choice, "action")
        sequence = refusals.read(_sequence, form)
        previous = None if form.get("previous") is None else refusals.read(_sha256, form)
        links = refusals.read(_links, form, layer, refusals)
    return CatalogVersion(
        code, layer, title, provider, action, sequence, previous, links, form.get("updateCycle"), body
    )


def digest(version: CatalogVersion) -> bytes:
    """What stands on chain for this version: unsalted SHA-256 of its canonical form, sequence and predecessor included.

    Raises MalformedRecord for a version whose sequence has not been filled in.
    """
    if version.sequence is None:
        raise MalformedRecord("sequence is missing: a version is hashed with its place", field="sequence")
    return catalog_digest(version.body)


def next_version(previous: CatalogVersion | None, submitted: CatalogVersion) -> CatalogVersion:
    """`submitted` with sequence and previous filled in, following `previous` (None: the entry is new).

    Raises Conflict(code="catalog_conflict") when what it gives does not fit: another sequence or predecessor, another
    provider or layer, publishing what is live, changing or withdrawing what is not.
    """
    sequence = 1 if previous is None or previous.sequence is None else previous.sequence + 1
    before = None if previous is None else digest(previous)
    for name, given, needed in (
        ("sequence", submitted.sequence, sequence),
        ("previous", submitted.previous, before),
    ):
        if given is not None and given != needed:
            raise _conflict(f"{name} does not follow the latest version", submitted, name)
    if previous is not None:
        if previous.code != submitted.code:
            raise _conflict("catalogCode is that of another entry", submitted, "catalogCode")
        if previous.provider != submitted.provider:
            raise _conflict("providerCode is not the owner of this entry", submitted, "providerCode")
        if previous.layer != submitted.layer:
            raise _conflict("layer of an entry cannot change", submitted, "layer")
    _require_possible(submitted, previous is not None and previous.live)
    return placed(submitted, sequence, before)


def version_behind(head: CatalogHeadOnChain, submitted: CatalogVersion) -> CatalogVersion:
    """`submitted` with sequence and previous filled in, following a head of which only the chain tells.

    Raises Conflict(code="catalog_conflict") as `next_version`, as far as the head can show it.
    """
    for name, given, needed in (
        ("sequence", submitted.sequence, head.sequence + 1),
        ("previous", submitted.previous, head.digest),
    ):
        if given is not None and given != needed:
            raise _conflict(f"{name} does not follow the version on chain", submitted, name)
    _require_possible(submitted, head.live)
    return placed(submitted, head.sequence + 1, head.digest)


def placed(submitted: CatalogVersion, sequence: int, previous: bytes | None) -> CatalogVersion:
    """`submitted` with this place in its history, whatever it says itself."""
    place = {"sequence": sequence, "previous": None if previous is None else str(Digest("sha-256", previous))}
    body = prune({**submitted.body, **place})
    return replace(submitted, sequence=sequence, previous=previous, body=body)


def _require_possible(submitted: CatalogVersion, live: bool) -> None:
    if live == (submitted.action == "publish"):
        state = "live" if live else "absent or withdrawn"
        raise _conflict(f"action {submitted.action} is not possible: the entry is {state}", submitted, "action")


@dataclass(frozen=True)
class HistoryBreak:
    """A place where a history does not hold; `sequence` is the one expected there."""

    code: str
    sequence: int
    zh: str
    en: str


@dataclass(frozen=True)
class CatalogStep:
    """A version's place in a history, all that the chain tells of it: a missing version has no more."""

    sequence: int | None
    previous: bytes | None
    digest: bytes | None


def check_history(
    versions: Sequence[CatalogVersion],
    head: bytes | None,
    sequence: int | None = None,
    missing: Sequence[CatalogStep] = (),
) -> tuple[HistoryBreak, ...]:
    """Every place where the versions, oldest first, do not form the history whose newest digest is `head`.

    `head` and `sequence` are what the chain holds; head None means that nothing is on chain. `missing` are versions of
    which only the chain tells; they take their places among the others. Empty: all holds.
    """
    steps = [
        CatalogStep(version.sequence, version.previous, digest(version) if version.sequence is not None else None)
        for version in versions
    ]
    if missing:
        steps = sorted([*steps, *missing], key=lambda step: step.sequence or 0)
    breaks: list[HistoryBreak] = []
    before: bytes | None = None
    for place, step in enumerate(steps, start=1):
        if step.sequence != place:
            breaks.append(HistoryBreak("gap", place, "版本序号不连续", "the sequence has a gap"))
        if step.previous != before:
            breaks.append(
                HistoryBreak(
                    "wrong_predecessor", place, "前一版本摘要不符", "the predecessor's digest is not the one named"
                )
            )
        before = step.digest
    if before != head or (sequence is not None and sequence != len(steps)):
        breaks.append(
            HistoryBreak("head_differs", len(steps), "与链上摘要不一致", "the newest version is not the one on chain")
        )
    return tuple(breaks)


def _conflict(message: str, version: CatalogVersion, field: str) -> Conflict:
    return Conflict(message, code="catalog_conflict", catalogCode=version.code, field=field)


def _items(form: FieldReader, refusals: Refusals) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    names: set[str] = set()
    for number, value in enumerate(refusals.read(form.items, "items") or ()):
        if refusals.full:
            break
        item = refusals.read(_item, value, f"items.{number}", names, refusals)
        if item is not None:
            items.append(item)
    return items


def _item(value: object, at: str, names: set[str], refusals: Refusals) -> dict[str, Any]:
    """The item, whose name none of `names` is; it is added to them."""
    item = FieldReader(value, at, ITEM, refusals, at=at)
    name = refusals.read(item.text, "name")
    if name is not None and name in names:
        refusals.add(MalformedRecord("two items have one name", zh="数据项名称重复", field=f"{at}.name"))
    names.add(name)
    refusals.read(item.optional_text, "dataType")
    length = item.get("length")
    if length is not None and (type(length) is not int or not 0 <= length <= MAX_SEQUENCE):
        refusals.add(MalformedRecord("length must be a whole number", field=f"{at}.length"))
    return dict(item.members)


def _open(form: FieldReader) -> bool | None:
    value = form.get("open")
    if value is not None and not isinstance(value, bool):
        raise MalformedRecord("open must be true or false", field="open")
    return value


def _sequence(form: FieldReader) -> int | None:
    value = form.get("sequence")
    if value is not None and (type(value) is not int or not 1 <= value <= MAX_SEQUENCE):
        raise MalformedRecord("sequence must be a whole number from 1", field="sequence")
    return value


def _sha256(form: FieldReader) -> bytes:
    previous = Digest.parse(form.get("previous"), field="previous")
    if previous.algorithm != "sha-256":
        raise MalformedRecord("previous must be a sha-256 digest", field="previous")
    return previous.value


def _links(form: FieldReader, layer: str, refusals: Refusals) -> tuple[CatalogCode, ...]:
    links = tuple(
        refusals.read(parse_catalog_code, link, field=f"links.{number}")
        for number, link in enumerate(form.items("links"))
    )
    if links and layer is not None and LAYER_ABOVE[layer] is None:
        raise MalformedRecord(
            "links lead upward: a duty has no layer above it", zh="职责目录不得关联上层", field="links"
        )
    good = [link for link in links if link is not None]
    if len(set(good)) != len(good) or form.get("catalogCode") in good:
        raise MalformedRecord("links must name different other entries", zh="关联条目重复或指向自身", field="links")
    return links
