"""Certificate types (GB/T 36902): what kinds of certificate exist, who defined them and who may hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chain_service.core.encoding.comparison import folded_name
from chain_service.core.encoding.json_fields import FieldReader
from chain_service.core.encoding.members import MapValue, Member, ObjectValue, TextValue
from chain_service.core.encoding.refusals import Refusals
from chain_service.core.encoding.text import Text
from chain_service.core.records.identifiers import (
    ORG_PATTERN,
    OrgCode,
    TypeCode,
    parse_org_code,
    parse_type_code,
)
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
        """As `/v1/types` and the files of certificate types have it; without labels `labels` is null."""
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
    return _NUMBER.sub("", folded_name(text))


_NUMBER = re.compile(r"[(\[]?\d*[)\]]?[:：]?$")
_STANDARD = frozenset(
    folded_name(word)
    for word in (
        *_WORDS,
        *(text for member in MEMBERS.values() for text in (member.zh, member.en)),
    )
)


def parse_type(value: object) -> CertificateType:
    """The certificate type in `value`, a JSON object.

    Raises MalformedRecord with `field`, also when the type code does not begin with the defining organ's code.
    """
    with Refusals(TYPE) as refusals:
        form = FieldReader(value, "a certificate type", TYPE, refusals)
        code = refusals.read(parse_type_code, form.get("certificateTypeCode"))
        organ = refusals.read(parse_org_code, form.get("definingOrganCode"), field="definingOrganCode")
        if code is not None and organ is not None and not code.startswith(organ):
            refusals.add(
                MalformedRecord(
                    "certificateTypeCode must begin with definingOrganCode",
                    zh="证照类型代码须以定义机构代码开头",
                    field="certificateTypeCode",
                )
            )
        name = refusals.read(form.text, "certificateTypeName")
        organ_name = refusals.read(form.optional_text, "definingOrganName")
        category = refusals.read(form.choice, "holderCategory")
        validity = refusals.read(form.optional_text, "validity")
        level = refusals.read(form.choice, "level")
        labels = refusals.read(_own_labels, form.get("labels"))
    return CertificateType(code, name, organ, organ_name, category, validity, level, labels)


def _own_labels(value: object) -> Mapping[str, Text]:
    with Refusals() as refusals:
        labels = parse_labels(value)
        for name, label in labels.items():
            if imitates_member(label):
                error = MalformedRecord(
                    f"the label of {name!r:.60} is that of a member that every record has",
                    zh="该业务字段的名称与记录固有成员相同，请改用其他名称",
                    field="labels",
                )
                error.path = f"labels.{name}"
                refusals.add(error)
    return labels


def parse_labels(value: object) -> Mapping[str, Text]:
    """The labels in `value`: `{field: {zh, en}}`, where `en` may be left out for the Chinese one; None is none.

    Raises MalformedRecord with `field`.
    """
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MOST_LABELS:
        raise MalformedRecord(f"labels must be an object of at most {MOST_LABELS} fields", field="labels")
    labels: dict[str, Text] = {}
    with Refusals(TYPE) as refusals:
        for name, label in value.items():
            if not isinstance(name, str) or not 0 < len(name) <= FIELD_LIMIT:
                refusals.add(MalformedRecord(f"fields in labels have 1 to {FIELD_LIMIT} characters", field="labels"))
            else:
                labels[name] = refusals.read(_label, name, label, refusals)
    return labels


def _label(name: str, value: object, refusals: Refusals) -> Text:
    form = FieldReader(value, f"the label of {name!r:.60}", LABEL, refusals, at=f"labels.{name}")
    zh = form.text("zh")
    return Text(zh, form.optional_text("en") or zh)


_TEXT = Text(f"不超过 {NAME_LIMIT} 个字符的文本", f"text of at most {NAME_LIMIT} characters")
_CALLED = Text(f"不超过 {LABEL_LIMIT} 个字符的文本", f"text of at most {LABEL_LIMIT} characters")
LABEL = ObjectValue(
    (
        Member("zh", Text("中文名称", "Chinese"), _CALLED, TextValue(LABEL_LIMIT), required=True),
        Member("en", Text("英文名称", "English"), _CALLED, TextValue(LABEL_LIMIT)),
    )
)
TYPE = ObjectValue(
    (
        Member(
            "certificateTypeCode",
            Text("证照类型代码", "type code"),
            Text(
                "定义机构的统一社会信用代码加 3 位数字", "unified social credit code of the defining organ and 3 digits"
            ),
            TextValue(pattern=ORG_PATTERN + "[0-9]{3}"),
            required=True,
        ),
        Member("certificateTypeName", Text("证照类型名称", "type name"), _TEXT, TextValue(NAME_LIMIT), required=True),
        Member(
            "definingOrganCode",
            Text("定义机构代码", "defining organ"),
            Text("统一社会信用代码，证照类型代码以其开头", "unified social credit code; the type code begins with it"),
            TextValue(pattern=ORG_PATTERN),
            required=True,
        ),
        Member("definingOrganName", Text("定义机构名称", "defining organ's name"), _TEXT, TextValue(NAME_LIMIT)),
        Member(
            "holderCategory",
            Text("持证主体类别", "holder category"),
            Text("、".join(HOLDER_CATEGORIES) + "之一", "one of " + "、".join(HOLDER_CATEGORIES)),
            TextValue(among=HOLDER_CATEGORIES),
            required=True,
        ),
        Member(
            "validity",
            Text("有效期限范围", "validity"),
            Text("如 5年、长期", "as the catalog of types words it, such as 5年 or 长期"),
            TextValue(NAME_LIMIT),
        ),
        Member(
            "level",
            Text("颁发机构级别", "level"),
            Text("、".join(LEVELS) + "之一", "one of " + "、".join(LEVELS)),
            TextValue(among=LEVELS),
            required=True,
        ),
        Member(
            "labels",
            Text("业务字段名称", "labels"),
            Text(
                f"不超过 {MOST_LABELS} 个业务字段的名称：`{{字段: {{zh, en}}}}`，各不超过 {LABEL_LIMIT} 个字符；"
                "不得与记录固有成员（如持证主体）同名",
                f"for at most {MOST_LABELS} sector fields: `{{field: {{zh, en}}}}`, each of {LABEL_LIMIT} characters; "
                "pages and warnings call them so; a label that reads as a member of every record, such as 持证主体, "
                "is refused",
            ),
            MapValue(LABEL, longest_name=FIELD_LIMIT, most=MOST_LABELS),
        ),
    )
)
"""What the registrar tells of a certificate type."""
