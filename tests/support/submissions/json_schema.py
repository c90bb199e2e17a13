"""JSON Schema 2020-12 as far as our documents use it; a word that is not known here is an error, not passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

WORDS = {"$schema", "$id", "title", "description", "format"}
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def faults(schema: dict[str, Any], value: Any, at: str = "") -> Iterator[str]:
    """The path and the word of each rule that the value breaks."""
    for word, rule in schema.items():
        if word not in WORDS:
            yield from _RULES[word](schema, rule, value, at)


def _type(schema: dict[str, Any], rule: str, value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, TYPES[rule]) or (rule == "integer" and isinstance(value, bool)):
        yield f"{at}: type"


def _when(kind: type, broken: Any, word: str) -> Any:
    def rule(schema: dict[str, Any], rule: Any, value: Any, at: str) -> Iterator[str]:
        if isinstance(value, kind) and broken(rule, value):
            yield f"{at}: {word}"

    return rule


def _matches(pattern: str, text: str) -> bool:
    # The dialect is ECMA-262, where $ is the very end; Python's would allow a line feed after it.
    return re.search(re.sub(r"\$$", r"\\Z", pattern), text) is not None


def _enum(schema: dict[str, Any], rule: list[Any], value: Any, at: str) -> Iterator[str]:
    if not any(type(value) is type(one) and value == one for one in rule):
        yield f"{at}: enum"


def _properties(schema: dict[str, Any], rule: dict[str, Any], value: Any, at: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in rule.items():
            if name in value:
                yield from faults(inner, value[name], f"{at}.{name}")


def _additional(schema: dict[str, Any], rule: Any, value: Any, at: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name in value.keys() - schema.get("properties", {}).keys():
            yield from [f"{at}.{name}: additional"] if rule is False else faults(rule, value[name], f"{at}.{name}")


def _names(schema: dict[str, Any], rule: dict[str, Any], value: Any, at: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name in value:
            yield from faults(rule, name, f"{at}[{name}]")


def _items(schema: dict[str, Any], rule: dict[str, Any], value: Any, at: str) -> Iterator[str]:
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from faults(rule, item, f"{at}.{place}")


def _any(schema: dict[str, Any], rule: list[dict[str, Any]], value: Any, at: str) -> Iterator[str]:
    if all(any(True for _ in faults(one, value, at)) for one in rule):
        yield f"{at}: anyOf"


_RULES = {
    "type": _type,
    "enum": _enum,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "items": _items,
    "anyOf": _any,
    "minLength": _when(str, lambda rule, text: len(text) < rule, "minLength"),
    "maxLength": _when(str, lambda rule, text: len(text) > rule, "maxLength"),
    "pattern": _when(str, lambda rule, text: not _matches(rule, text), "pattern"),
    "minimum": _when(int, lambda rule, number: number < rule, "minimum"),
    "maximum": _when(int, lambda rule, number: number > rule, "maximum"),
    "minItems": _when(list, lambda rule, items: len(items) < rule, "minItems"),
    "maxItems": _when(list, lambda rule, items: len(items) > rule, "maxItems"),
    "uniqueItems": _when(list, lambda rule, items: rule and len(items) != len({*map(repr, items)}), "uniqueItems"),
    "minProperties": _when(dict, lambda rule, value: len(value) < rule, "minProperties"),
    "maxProperties": _when(dict, lambda rule, value: len(value) > rule, "maxProperties"),
    "required": _when(dict, lambda rule, value: not set(rule) <= value.keys(), "required"),
}
