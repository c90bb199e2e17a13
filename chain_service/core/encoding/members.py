"""What JSON values may be, written once as tables of members.

A table such as `SEAL` names each member with its type, its bounds and its words in both languages. From it come the
validator of records, what `Form` checks, the JSON Schema documents (2020-12), the request bodies in OpenAPI and
docs/reference/records.md, so none of them can say something else than another:

    SEAL = ObjectValue((Member("sealName", Text("印章名称", "name"), …, TextValue(longest=200), required=True),))

A JSON Schema made here describes the pruned value: null and empty texts, lists and objects count as left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic_core import CoreSchema, core_schema

from chain_service.core.encoding.text import Text

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class TextValue:
    """A text that is not empty."""

    longest: int | None = None
    """In characters (code points)."""
    pattern: str | None = None
    """A regular expression for the whole text that Rust, Python and ECMA-262 read alike."""
    among: tuple[str, ...] = ()
    """The only texts allowed; empty: all."""
    format: str | None = None
    """A format of JSON Schema, as a hint for readers."""

    def json_schema(self) -> dict[str, Any]:
        """A string that is not empty, or one of those listed."""
        if self.among:
            return {"type": "string", "enum": list(self.among)}
        schema: dict[str, Any] = {"type": "string", "minLength": 1}
        if self.longest is not None:
            schema["maxLength"] = self.longest
        if self.pattern is not None:
            schema["pattern"] = f"^(?:{self.pattern})$"
        if self.format is not None:
            schema["format"] = self.format
        return schema

    def core_schema(self) -> CoreSchema:
        """The same for pydantic: only `str`, never a number."""
        if self.among:
            return core_schema.literal_schema(list(self.among))
        pattern = None if self.pattern is None else f"^(?:{self.pattern})$"
        return core_schema.str_schema(strict=True, min_length=1, max_length=self.longest, pattern=pattern)


@dataclass(frozen=True, slots=True)
class NumberValue:
    """A whole number."""

    least: int | None = None
    most: int | None = None
    among: tuple[int, ...] = ()
    or_text: bool = False
    """Its decimal digits in a text do as well."""

    def json_schema(self) -> dict[str, Any]:
        """An integer within its bounds; where `or_text`, also its decimal digits as a string."""
        schema: dict[str, Any] = {"type": "integer"}
        if self.among:
            schema["enum"] = list(self.among)
        if self.least is not None:
            schema["minimum"] = self.least
        if self.most is not None:
            schema["maximum"] = self.most
        return {"anyOf": [schema, {"type": "string", "pattern": "^[0-9]{1,5}$"}]} if self.or_text else schema


@dataclass(frozen=True, slots=True)
class FlagValue:
    """true or false."""

    def json_schema(self) -> dict[str, Any]:
        """True or false; no number stands for them."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class AnyValue:
    """Any JSON value without fractions."""

    def json_schema(self) -> dict[str, Any]:
        """Allows everything: JSON Schema cannot say that numbers have no fractions."""
        return {}

    def core_schema(self) -> CoreSchema:
        """The same for pydantic."""
        return core_schema.any_schema()


@dataclass(frozen=True, slots=True)
class ListValue:
    """A list that is not empty."""

    item: Value
    most: int
    different: bool = False

    def json_schema(self) -> dict[str, Any]:
        """An array of 1 to `most` items."""
        schema = {"type": "array", "items": self.item.json_schema(), "minItems": 1, "maxItems": self.most}
        return schema | {"uniqueItems": True} if self.different else schema

    def core_schema(self) -> CoreSchema:
        """The same for pydantic, which does not tell whether items differ."""
        return core_schema.list_schema(core_schema_of(self.item), min_length=1, max_length=self.most, strict=True)


@dataclass(frozen=True, slots=True)
class MapValue:
    """An object whose members are all of one type; not empty."""

    value: Value
    names: tuple[str, ...] = ()
    """The only names allowed; empty: all."""
    longest_name: int | None = None
    most: int | None = None

    def json_schema(self) -> dict[str, Any]:
        """An object that is not empty, with names of these or names of at most so many characters."""
        schema: dict[str, Any] = {"type": "object", "minProperties": 1}
        if self.names:
            members = {name: self.value.json_schema() for name in self.names}
            return schema | {"properties": members, "additionalProperties": False}
        if self.most is not None:
            schema["maxProperties"] = self.most
        if self.longest_name is not None:
            schema["propertyNames"] = {"minLength": 1, "maxLength": self.longest_name}
        inner = self.value.json_schema()
        return schema | {"additionalProperties": inner} if inner else schema

    def core_schema(self) -> CoreSchema:
        """The same for pydantic, which does not tell how long names are."""
        names = core_schema.literal_schema(list(self.names)) if self.names else core_schema.str_schema()
        return core_schema.dict_schema(
            names, core_schema_of(self.value), min_length=1, max_length=self.most, strict=True
        )


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object."""

    name: str
    label: Text
    """What people call it."""
    meaning: Text
    """What it has to be; a refusal says that it must be so."""
    type: Value
    required: bool = False
    open: bool = False
    """Every disclosure of a record shows it."""

    def json_schema(self) -> dict[str, Any]:
        """The schema of its value, with title and description in both languages."""
        label, meaning = self.label, self.meaning
        words = {"title": f"{label.zh} {label.en}", "description": f"{meaning.zh}。{meaning.en}"}
        return words | self.type.json_schema()


@dataclass(frozen=True, slots=True)
class ObjectValue:
    """An object with these members and no others."""

    members: tuple[Member, ...]

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    def named(self, name: str) -> Member | None:
        """The member of this name; None if there is none."""
        return next((member for member in self.members if member.name == name), None)

    def json_schema(self) -> dict[str, Any]:
        """An object of these members and no others."""
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {member.name: member.json_schema() for member in self.members},
        }
        if required := [member.name for member in self.members if member.required]:
            schema["required"] = required
        return schema | {"additionalProperties": False}

    def core_schema(self) -> CoreSchema:
        """The same for pydantic."""
        fields = {
            member.name: core_schema.typed_dict_field(core_schema_of(member.type), required=member.required)
            for member in self.members
        }
        return core_schema.typed_dict_schema(fields, extra_behavior="forbid", strict=True)


Value: TypeAlias = TextValue | NumberValue | FlagValue | AnyValue | ListValue | MapValue | ObjectValue


def core_schema_of(value: Value) -> CoreSchema:
    """How pydantic-core checks such a value in a record, as quickly as ten thousand lines need it."""
    if isinstance(value, NumberValue | FlagValue):
        raise TypeError("no record has a member of this type; `Form` reads it")
    return value.core_schema()


def document(name: str, title: Text, value: ObjectValue) -> dict[str, Any]:
    """The JSON Schema document that describes a pruned value of this table."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:chain-service:schema:{name}",
        "title": f"{title.zh} {title.en}",
        "description": EMPTY.zh + EMPTY.en,
        **value.json_schema(),
    }


EMPTY = Text(
    "空值（null、空文本、空列表、空对象）视为未填写：先去除，再按本模式检查。",
    "Empty values (null, empty text, list or object) count as left out: this describes what remains without them.",
)


def member_at(table: ObjectValue, field: str) -> Member | None:
    """The innermost member of the table that a path such as `holders.0.certificateHolderName` leads to."""
    reached: Member | None = None
    here: Value = table
    for step in field.split("."):
        if isinstance(here, ListValue) and step.isascii() and step.isdigit():
            here = here.item
        elif isinstance(here, ObjectValue) and (member := here.named(step)) is not None:
            reached, here = member, member.type
        elif isinstance(here, MapValue):
            here = here.value
        else:
            break
    return reached
