"""The bodies of requests that `core` checks itself, as OpenAPI shows them: from the same tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chain_service.core.registries.schemas import SUBMITTED


def submitted(name: str) -> dict[str, Any]:
    """The schema of what is submitted under this name, such as `seal`; a generated client names its class so."""
    title, table = SUBMITTED[name]
    called = "".join(word.capitalize() for word in name.split("-"))
    return {"title": called, "description": f"{title.zh} {title.en}", **_untitled(table.json_schema())}


def _untitled(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without the people's names of its members, which would become names of classes."""
    kept = {word: value for word, value in schema.items() if word != "title"}
    if "properties" in kept:
        kept["properties"] = {name: _untitled(value) for name, value in kept["properties"].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(kept.get(word), Mapping):
            kept[word] = _untitled(kept[word])
    return kept


COMPONENTS: dict[str, dict[str, Any]] = {
    schema["title"]: schema for schema in map(submitted, ("certificate", "document", "seal", "catalog-entry"))
}
"""Named once in the schema, and by reference wherever one is submitted."""


def _named(title: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{title}"}


RECORD: dict[str, Any] = {"oneOf": [_named("Certificate"), _named("Document")]}
SEAL: dict[str, Any] = _named("Seal")
CATALOG: dict[str, Any] = {
    "oneOf": [_named("CatalogEntry"), {"type": "array", "items": _named("CatalogEntry"), "minItems": 1}]
}
