"""Certificate types (GB/T 36902): what kinds of certificate exist, who defined them and who may hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chain_service.core.encoding.json_fields import Form
from chain_service.core.encoding.text import Text
from chain_service.core.encoding.visible_text import folded
from chain_service.core.records.identifiers import OrgCode, TypeCode, parse_org_code, parse_type_code
from chain_service.core.records.member_names import MEMBERS
from chain_service.errors import MalformedRecord

HOLDER_CATEGORIES = ("自然人", "法人", "非法人组织", "其他")
LEVELS = ("国家", "省", "地市", "区县", "乡镇", "其他")
NAME_LIMIT = 200
LABEL_LIMIT = 60
MOST_LABELS = 512
FIELD_LIMIT = 128
# fmt: off
_WORDS = (
    "类别", "状态", "标题", "名称", "编号", "证照类型", "文书", "电子证照", "电子文书", "颁发机构", "颁发机构代码",
    "制发机构", "制发机构代码", "颁发日期", "制发日期", "有效期", "有效期起始", "有效期截止", "截止日期",
    "证照类型代码", "文书类型代码", "类型代码", "代码类型", "印章编码", "取代", "文件", "文件类型", "摘要",
    "业务字段", "上链时间", "未出示的内容", "已比对文件", "Kind", "Status", "Title", "Name", "Number", "Type",
    "Certificate type", "Document", "Certificate", "Issuer", "Issuer's code", "Issuing authority code",
    "Issuing organisation code", "Issued", "Effective from", "Expires", "Type code", "Document type code", "Holder",
    "Holder's name", "Holder code", "Holder code type", "Seals", "Replaces", "Files", "Media type", "Digests",
    "Sector fields", "Anchored at", "Not shown", "File compared",
)
# fmt: on
"""What the pages call members of every record, and what they say beside them."""


@dataclass(frozen=True)
class CertificateType:
    """One entry of the catalog of certificate types; `level` is that of the issuing authority."""

    code: TypeCode
    name: str
    defining_organ: OrgCode
    defining_organ_name: str | None
    holder_category: str
    validity: str | None
    """Range of validity as the catalog words it, e.g. `5年` or `长期`."""
    level: str
    labels: Mapping[str, Text] = field(default_factory=dict)
    """What to call the sector fields (members of `extension`) of such certificates."""

    def to_json(self) -> dict[str, Any]:
        return {
            "certificateTypeCode": self.code,
            "certificateTypeName": self.name,
            "definingOrganCode": self.defining_organ,
            "definingOrganName": self.defining_organ_name,
            "holderCategory": self.holder_category,
            "validity": self.validity,
            "level": self.level,
            "labels": {name: label.to_json() for name, label in self.labels.items()} or None,
        }


def imitates_member(label: Text) -> bool:
    """Whether a sector field of this label would read as a member that every record has, perhaps a numbered one."""
    return any(_without_number(text) in _STANDARD for text in (label.zh, label.en))


def _without_number(text: str) -> str:
    return _NUMBER.sub("", folded(text))


_NUMBER = re.compile(r"[(\[]?\d*[)\]]?[:：]?$")
_STANDARD = frozenset(
    folded(word)
    for word in (
        *_WORDS,
        *(text for member in MEMBERS.values() for text in (member.zh, member.en)),
    )
)


def parse_type(value: object) -> CertificateType:
    """The certificate type in `value`, a JSON object.

    Raises MalformedRecord with `field`, also when the type code does not begin with the defining organ's code.
    """
    form = Form(value, "a certificate type", _MEMBERS)
    code = parse_type_code(form.get("certificateTypeCode"))
    organ = parse_org_code(form.get("definingOrganCode"), field="definingOrganCode")
    if not code.startswith(organ):
        raise MalformedRecord("certificateTypeCode must begin with definingOrganCode", field="certificateTypeCode")
    return CertificateType(
        code=code,
        name=form.text("certificateTypeName", NAME_LIMIT),
        defining_organ=organ,
        defining_organ_name=form.optional_text("definingOrganName", NAME_LIMIT),
        holder_category=form.choice("holderCategory", HOLDER_CATEGORIES),
        validity=form.optional_text("validity", NAME_LIMIT),
        level=form.choice("level", LEVELS),
        labels=_own_labels(form.get("labels")),
    )


def _own_labels(value: object) -> Mapping[str, Text]:
    labels = parse_labels(value)
    for name, label in labels.items():
        if imitates_member(label):
            raise MalformedRecord(
                f"the label of {name!r:.60} is that of a member that every record has", field="labels"
            )
    return labels


def parse_labels(value: object) -> Mapping[str, Text]:
    """The labels in `value`: `{field: {zh, en}}`, where `en` may be left out for the Chinese one; None is none.

    Raises MalformedRecord with `field`.
    """
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MOST_LABELS:
        raise MalformedRecord(f"labels must be an object of at most {MOST_LABELS} fields", field="labels")
    found = {}
    for name, label in value.items():
        if not isinstance(name, str) or not 0 < len(name) <= FIELD_LIMIT:
            raise MalformedRecord(f"fields in labels have 1 to {FIELD_LIMIT} characters", field="labels")
        form = Form(label, f"the label of {name!r:.60}", ("zh", "en"))
        zh = form.text("zh", LABEL_LIMIT)
        found[name] = Text(zh, form.optional_text("en", LABEL_LIMIT) or zh)
    return found


_MEMBERS = frozenset(
    {
        "certificateTypeCode",
        "certificateTypeName",
        "definingOrganCode",
        "definingOrganName",
        "holderCategory",
        "validity",
        "level",
        "labels",
    }
)
