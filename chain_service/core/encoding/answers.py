"""What jobs answer: frozen dataclasses, shown as JSON at the doors.

A job returns values, the door shows them. A class of answers is declared once and is then both the type that mypy
checks and the schema that OpenAPI tells:

    @answer
    class Registered:
        code: str
        "The organisation's code."
        log_keys: tuple[Hex, ...]
        warning: str | None = left_out()

    to_json(Registered("11…", (key,)))  # {"code": "11…", "logKeys": ["3f…"]}

Member names are the fields' names in lower camel case, without the underscore at the end of `from_`; bytes are hex,
moments are written by the job (RFC 3339).
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from enum import Enum
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Final, TypeVar, dataclass_transform

import orjson
from pydantic import ConfigDict, WithJsonSchema
from pydantic.alias_generators import to_camel

from chain_service.core.encoding.visible_text import printable

_LEFT_OUT: Final = "left out"


def _member_name(name: str) -> str:
    """The name in JSON; an underscore at the end only keeps a field's name apart from Python's own words."""
    return to_camel(name.removesuffix("_"))


@cache
def _texts_below_fields(module: str) -> dict[str, dict[str, str]]:
    """The text below each field of each class of a module, by the names of both."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.walk(ast.parse(inspect.getsource(sys.modules[module]))):
        if isinstance(node, ast.ClassDef):
            texts = found.setdefault(node.name, {})
            for member, below in pairwise(node.body):
                if isinstance(member, ast.AnnAssign) and isinstance(below, ast.Expr):
                    value = below.value
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        texts[ast.unparse(member.target)] = inspect.cleandoc(value.value)
    return found


def _describe(schema: dict[str, Any], cls: type[Any]) -> None:
    """The texts below the fields describe the members. Only whoever wants a schema waits for the source to be read."""
    members = schema.get("properties", {})
    for owner in reversed(cls.__mro__[:-1]):
        for name, text in _texts_below_fields(owner.__module__).get(owner.__name__, {}).items():
            if (member := members.get(_member_name(name))) is not None:
                member["description"] = text


_CONFIG: Final = ConfigDict(alias_generator=_member_name, json_schema_extra=_describe, ser_json_bytes="hex")
Answer = TypeVar("Answer")
Hex = Annotated[bytes, WithJsonSchema({"type": "string", "pattern": "^([0-9a-f]{2})*$"})]
"""Bytes whose schema says that they are shown in hex, which is no file."""


def left_out() -> Any:
    """A field that is no member of the JSON object while it is None."""
    return field(default=None, metadata={_LEFT_OUT: True})


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def answer(cls: type[Answer]) -> type[Answer]:
    """The class as a frozen dataclass whose schema has the names and descriptions that `to_json` writes."""
    made = dataclass(frozen=True, slots=True)(cls)
    made.__pydantic_config__ = _CONFIG  # type: ignore[attr-defined]
    return made


def json_bytes(value: Any, option: int = 0, default: Callable[[Any], Any] | None = None) -> bytes:
    """The value as JSON text; what it is made of is told by `default`, else by `to_json`.

    Names of files may be no UTF-8: what JSON cannot write of a text is written out (`printable`).
    """
    made, option = default or to_json, option | orjson.OPT_PASSTHROUGH_DATACLASS
    try:
        return orjson.dumps(value, made, option)
    except TypeError:
        return orjson.dumps(_printable_in(value), lambda one: _printable_in(made(one)), option)


def _printable_in(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return printable(value)
    if isinstance(value, dict):
        return {_printable_in(key): _printable_in(content) for key, content in value.items()}
    return [_printable_in(one) for one in value] if isinstance(value, list | tuple) else value


def to_json(value: Any) -> Any:
    """The value as JSON has it: dataclasses as objects, tuples and sets as arrays, bytes as hex, dates as ISO 8601.

    Raises TypeError for what has no such form.
    """
    if value is None or (isinstance(value, str | bool | int | float) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return to_json(value.value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        shown = ((key, getattr(value, name), omits) for name, key, omits in _members(type(value)))
        return {key: to_json(content) for key, content, omits in shown if content is not None or not omits}
    if isinstance(value, Mapping):
        return {str(key): to_json(content) for key, content in value.items()}
    if isinstance(value, Sequence):
        return [to_json(item) for item in value]
    if isinstance(value, Set):
        return sorted(to_json(item) for item in value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


@cache
def _members(cls: type[Any]) -> tuple[tuple[str, str, bool], ...]:
    """Name, member name and whether None is left out, of each field."""
    return tuple(
        (declared.name, _member_name(declared.name), _LEFT_OUT in declared.metadata) for declared in fields(cls)
    )
