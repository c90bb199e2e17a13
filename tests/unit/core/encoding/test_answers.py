"""Answers as JSON: the names that a class declares are those that readers and the OpenAPI schema see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from chain_service.core.encoding.answers import Hex, answer, json_bytes, left_out, to_json
from chain_service.web.http.answers import json_answer


class Colour(Enum):
    RED = "red"


class Rank(IntEnum):
    FIRST = 1


@answer
class Part:
    """One part of a thing."""

    from_: str
    block_hash: Hex


@answer
class Thing:
    """A thing with all that an answer may hold."""

    catalog_code: str
    """What it is called."""
    age_of_head: float | None
    parts: tuple[Part, ...]
    since: date
    colour: Colour
    rights: Mapping[str, tuple[str, ...]]
    warning: str | None = left_out()
    """Why to be careful."""
    created: bool | None = left_out()


@answer
class NumberedThing(Thing):
    """A thing of a class derived from another."""

    tx: bytes | None = left_out()


def thing(**other: Any) -> Thing:
    given: dict[str, Any] = {
        "catalog_code": "307001/000012",
        "age_of_head": None,
        "parts": (Part("2024-01-01", b"\x00\xff"),),
        "since": date(2024, 2, 29),
        "colour": Colour.RED,
        "rights": {"0xAb": ("anchor", "seal")},
    }
    return Thing(**given | other)


SHOWN = {
    "catalogCode": "307001/000012",
    "ageOfHead": None,
    "parts": [{"from": "2024-01-01", "blockHash": "00ff"}],
    "since": "2024-02-29",
    "colour": "red",
    "rights": {"0xAb": ["anchor", "seal"]},
}


def test_members_have_the_fields_names_and_their_order() -> None:
    assert to_json(thing()) == SHOWN
    assert list(to_json(thing())) == list(SHOWN)


def test_a_member_that_is_none_is_null_unless_declared_to_be_left_out() -> None:
    assert to_json(thing())["ageOfHead"] is None
    assert "warning" not in to_json(thing())
    assert to_json(thing(warning="early code", created=False)) == SHOWN | {"warning": "early code", "created": False}


def test_a_derived_class_has_the_members_of_both() -> None:
    whole = NumberedThing(**{name: getattr(thing(), name) for name in Thing.__dataclass_fields__}, tx=b"\x01")
    assert to_json(whole) == SHOWN | {"tx": "01"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (0.5, 0.5),
        ("某市", "某市"),
        (b"", ""),
        (b"\x0a\xf0", "0af0"),
        (date(2026, 1, 31), "2026-01-31"),
        (datetime(2026, 1, 31, 8, tzinfo=UTC), "2026-01-31T08:00:00+00:00"),
        (Colour.RED, "red"),
        (Rank.FIRST, 1),
        ((1, (2, [b"\x03"])), [1, [2, ["03"]]]),
        ({"b", "a"}, ["a", "b"]),
        (frozenset({b"\x02", b"\x01"}), ["01", "02"]),
        ({"sha-256": b"\x01", 3: (Colour.RED,)}, {"sha-256": "01", "3": ["red"]}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        ([Part("x", b"")], [{"from": "x", "blockHash": ""}]),
    ],
    ids=repr,
)
def test_values_of_every_kind_have_their_form_in_json(value: object, shown: object) -> None:
    told = to_json(value)
    assert told == shown
    assert type(told) is type(shown)


@dataclass
class Holder:
    content: object


@pytest.mark.parametrize("foreign", [object(), Decimal("1.5"), 1j, Part, iter(()), bytearray(b"\x01").__iter__()])
def test_what_has_no_form_in_json_is_refused_however_deep_it_lies(foreign: object) -> None:
    for value in (foreign, [foreign], {"a": {"b": (foreign,)}}, Holder([foreign])):
        with pytest.raises(TypeError, match="has no form in JSON"):
            to_json(value)


def test_an_answer_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        thing().catalog_code = "another"  # type: ignore[misc]


def test_the_schema_has_the_names_that_the_json_has() -> None:
    schema = TypeAdapter(Thing).json_schema(mode="serialization")
    everything = to_json(thing(warning="w", created=True))
    assert list(schema["properties"]) == list(everything)
    assert list(schema["$defs"]["Part"]["properties"]) == list(everything["parts"][0])
    assert schema["$defs"]["Part"]["properties"]["blockHash"]["type"] == "string"
    assert set(schema["required"]) == set(SHOWN)
    assert schema["description"] == "A thing with all that an answer may hold."
    assert schema["properties"]["catalogCode"]["description"] == "What it is called."
    assert schema["properties"]["warning"]["description"] == "Why to be careful."


def test_openapi_tells_of_a_route_what_it_answers() -> None:
    web = FastAPI()
    web.get("/thing", response_model=Thing)(lambda: json_answer(thing()))
    assert json.loads(bytes(json_answer(thing()).body)) == SHOWN
    api = web.openapi()
    content = api["paths"]["/thing"]["get"]["responses"]["200"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/Thing"}
    shapes = api["components"]["schemas"]
    assert list(shapes["Thing"]["properties"]) == [*SHOWN, "warning", "created"]
    assert list(shapes["Part"]["properties"]) == ["from", "blockHash"]


any_text = st.text(st.characters() | st.sampled_from("\ud800\udc80\udcff"), max_size=6)


@given(
    st.recursive(any_text | st.none() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(any_text, inner))
)
def test_whatever_texts_there_are_their_json_can_be_written_and_read(value: Any) -> None:
    read = json.loads(json_bytes({"value": value, "error": Colour.RED}))
    assert json_bytes(read) == json_bytes({"value": value, "error": "red"})


def test_bytes_of_a_name_that_is_no_utf_8_are_written_out() -> None:
    name = b"licence \xff.pdf".decode("utf-8", "surrogateescape")
    assert json.loads(json_bytes([name, {name: (name,)}, "\ud801"])) == [
        "licence \\xff.pdf",
        {"licence \\xff.pdf": ["licence \\xff.pdf"]},
        "\\ud801",
    ]
    with pytest.raises(TypeError):
        json_bytes(object())
