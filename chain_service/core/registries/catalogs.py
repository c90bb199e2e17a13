"""The data catalog (政务数据目录): entries in three layers, their versions and the chain that these form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chain_service.core.chainproof import storage_layout
from chain_service.core.encoding.canonical import prune
from chain_service.core.encoding.digests import Digest
from chain_service.core.encoding.json_fields import Form
from chain_service.core.records.hashing import catalog_digest
from chain_service.core.records.identifiers import CatalogCode, OrgCode, parse_catalog_code, parse_org_code
from chain_service.errors import Conflict, MalformedRecord

LAYERS: Mapping[str, tuple[str, str]] = {
    "duty": ("职责目录", "duty"),
    "data": ("数据目录", "data"),
    "table": ("库表目录", "table"),
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


def parse_catalog(value: object) -> CatalogVersion:
    """The catalog version in `value`, a JSON object; sequence and previous may be left out.

    Raises MalformedRecord with `field`: unknown member or list value, a sharing type 2 or 3 without legal basis, two
    items of one name, a link from the top layer.
    """
    form = Form(value, "a catalog entry", _MEMBERS)
    layer = form.choice("layer", tuple(LAYERS))
    body = prune({**form.members, "items": _items(form), "open": _open(form)})
    for name, allowed in (
        ("sharingType", SHARING_TYPES),
        ("format", FORMATS),
        ("sharingMethod", SHARING_METHODS),
        ("updateCycle", UPDATE_CYCLES),
    ):
        form.optional_choice(name, tuple(allowed))
    for name in ("summary", "sharingCondition", "legalBasis", "classification"):
        form.optional_text(name, TEXT_LIMIT)
    if form.get("sharingType") in NEEDS_LEGAL_BASIS and form.get("legalBasis") is None:
        raise MalformedRecord("legalBasis is required for sharingType 2 and 3", field="legalBasis")
    if not isinstance(form.get("extension"), dict | None):
        raise MalformedRecord("extension must be an object", field="extension")
    return CatalogVersion(
        code=parse_catalog_code(form.get("catalogCode")),
        layer=layer,
        title=form.text("title", TITLE_LIMIT),
        provider=parse_org_code(form.get("providerCode"), field="providerCode"),
        action=form.choice("action", tuple(ACTIONS)),
        sequence=_sequence(form),
        previous=None if form.get("previous") is None else _sha256(form),
        links=_links(form, layer),
        update_cycle=form.get("updateCycle"),
        body=body,
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
    if (previous is not None and previous.live) == (submitted.action == "publish"):
        state = "live" if previous is not None and previous.live else "absent or withdrawn"
        raise _conflict(f"action {submitted.action} is not possible: the entry is {state}", submitted, "action")
    place = {"sequence": sequence, "previous": None if before is None else str(Digest("sha-256", before))}
    body = prune({**submitted.body, **place})
    return replace(submitted, sequence=sequence, previous=before, body=body)


@dataclass(frozen=True)
class Break:
    """A place where a history does not hold; `sequence` is the one expected there."""

    code: str
    sequence: int
    zh: str
    en: str


def check_history(
    versions: Sequence[CatalogVersion], head: bytes | None, sequence: int | None = None
) -> tuple[Break, ...]:
    """Every place where the versions, oldest first, do not form the history whose newest digest is `head`.

    `head` and `sequence` are what the chain holds; head None means that nothing is on chain. Empty: all holds.
    """
    breaks: list[Break] = []
    before: bytes | None = None
    for place, version in enumerate(versions, start=1):
        if version.sequence != place:
            breaks.append(Break("gap", place, "版本序号不连续", "the sequence has a gap"))
        if version.previous != before:
            breaks.append(
                Break("wrong_predecessor", place, "前一版本摘要不符", "the predecessor's digest is not the one named")
            )
        before = digest(version) if version.sequence is not None else None
    if before != head or (sequence is not None and sequence != len(versions)):
        breaks.append(
            Break("head_differs", len(versions), "与链上摘要不一致", "the newest version is not the one on chain")
        )
    return tuple(breaks)


def _conflict(message: str, version: CatalogVersion, field: str) -> Conflict:
    return Conflict(message, code="catalog_conflict", catalogCode=version.code, field=field)


def _items(form: Form) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    names: set[str] = set()
    for number, value in enumerate(form.items("items", MAX_ITEMS)):
        item = Form(value, f"items.{number}", ("name", "dataType", "length"))
        name = item.text("name", TITLE_LIMIT)
        if name in names:
            raise MalformedRecord("two items have one name", field=f"items.{number}.name")
        names.add(name)
        item.optional_text("dataType", DATA_TYPE_LIMIT)
        length = item.get("length")
        if length is not None and (type(length) is not int or not 0 <= length <= MAX_SEQUENCE):
            raise MalformedRecord("length must be a whole number", field=f"items.{number}.length")
        items.append(dict(item.members))
    return items


def _open(form: Form) -> bool | None:
    value = form.get("open")
    if value is not None and not isinstance(value, bool):
        raise MalformedRecord("open must be true or false", field="open")
    return value


def _sequence(form: Form) -> int | None:
    value = form.get("sequence")
    if value is not None and (type(value) is not int or not 1 <= value <= MAX_SEQUENCE):
        raise MalformedRecord("sequence must be a whole number from 1", field="sequence")
    return value


def _sha256(form: Form) -> bytes:
    found = Digest.parse(form.get("previous"), field="previous")
    if found.algorithm != "sha-256":
        raise MalformedRecord("previous must be a sha-256 digest", field="previous")
    return found.value


def _links(form: Form, layer: str) -> tuple[CatalogCode, ...]:
    links = tuple(
        parse_catalog_code(link, field=f"links.{number}") for number, link in enumerate(form.items("links", MAX_LINKS))
    )
    if links and LAYER_ABOVE[layer] is None:
        raise MalformedRecord("links lead upward: a duty has no layer above it", field="links")
    if len(set(links)) != len(links) or form.get("catalogCode") in links:
        raise MalformedRecord("links must name different other entries", field="links")
    return links


_MEMBERS = frozenset(
    {
        "catalogCode",
        "layer",
        "title",
        "providerCode",
        "summary",
        "format",
        "items",
        "sharingType",
        "sharingCondition",
        "sharingMethod",
        "legalBasis",
        "classification",
        "open",
        "updateCycle",
        "links",
        "action",
        "sequence",
        "previous",
        "extension",
    }
)
