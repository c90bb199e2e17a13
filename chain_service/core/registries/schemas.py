"""The JSON Schema documents of everything that is submitted, made from the tables that the checks read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chain_service.core.encoding.members import ObjectValue, document
from chain_service.core.encoding.text import Text
from chain_service.core.records.certificate_types import TYPE
from chain_service.core.records.schema import SHAPES
from chain_service.core.records.states import STATUS_CHANGE
from chain_service.core.registries.catalogs import CATALOG
from chain_service.core.registries.seals import SEAL

SUBMITTED: Mapping[str, tuple[Text, ObjectValue]] = {
    "certificate": (Text("电子证照记录", "record of a certificate"), SHAPES["certificate"].table),
    "document": (Text("电子文书记录", "record of a document"), SHAPES["document"].table),
    "seal": (Text("电子印章", "electronic seal"), SEAL),
    "catalog-entry": (Text("政务数据目录条目版本", "version of a catalog entry"), CATALOG),
    "status-change": (Text("记录状态变更", "change of a record's state"), STATUS_CHANGE),
    "certificate-type": (Text("证照类型", "certificate type"), TYPE),
}
"""Every kind of thing that is submitted, by the name of its schema."""


def json_schemas() -> Mapping[str, dict[str, Any]]:
    """The documents by their names."""
    return {name: document(name, title, table) for name, (title, table) in SUBMITTED.items()}
