"""Certificate types (GB/T 36902): what kinds of certificate exist, who defined them and who may hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chain_service.core.encoding.json_fields import Form
from chain_service.core.records.identifiers import OrgCode, TypeCode, parse_org_code, parse_type_code
from chain_service.core.verdicts.verdict_codes import Text
from chain_service.errors import MalformedRecord

HOLDER_CATEGORIES = ("自然人", "法人", "非法人组织", "其他")
LEVELS = ("国家", "省", "地市", "区县", "乡镇", "其他")
NAME_LIMIT = 200
LABEL_LIMIT = 60
MOST_LABELS = 512
FIELD_LIMIT = 128


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
        labels=parse_labels(form.get("labels")),
    )


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
