"""Whatever is accepted fits its JSON Schema, so that nobody is kept from submitting what would be taken."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_service.core.encoding.canonical import prune
from chain_service.core.registries.schemas import SUBMITTED, json_schemas
from chain_service.errors import MOST_ERRORS, MalformedRecord
from support.submissions.json_schema import faults
from support.submissions.submission_examples import ORG, PARSERS, SAMPLES, TYPE

SCHEMAS = json_schemas()
TEXTS = [
    *(
        "",
        " ",
        "x",
        " x",
        "x ",
        "x\u3000",
        "\u0085x",
        "a\x00",
        "a\n",
        "2024-02-30",
        "2024-02-29",
        "0001-01-01",
        "05",
        "06",
    ),
    *(
        "01",
        "duty",
        "table",
        "withdrawn",
        "in_force",
        "2",
        "3",
        "9",
        "00008",
        "document",
        "certificate",
        ORG,
        TYPE,
        "法人",
    ),
    *("301001/000001", "sm3:" + "0" * 64, "sha-256:" + "A" * 64, "ab" * 32, "AB" * 32, "2026-01-01T00:00"),
    *("x" * length for length in (36, 37, 60, 61, 64, 65, 128, 129, 200, 201, 256, 257, 500, 501, 2_000, 2_001)),
]
leaves = (
    st.none() | st.booleans() | st.integers(-1, 10) | st.sampled_from([2**53 - 1, 2**53, 1.5]) | st.sampled_from(TEXTS)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["zh", "en", "name", "sm3", "sha-256", "", "x" * 129]), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


@st.composite
def submissions(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A good example with up to three changes anywhere in it."""
    value = copy.deepcopy(SAMPLES[name])
    for _ in range(draw(st.integers(0, 3))):
        holder, key = draw(st.sampled_from(list(places(value))))
        what = draw(st.sampled_from(["change", "change", "remove", "repeat", "add"]))
        if what == "change":
            holder[key] = draw(values)
        elif what == "remove":
            del holder[key]
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]) if what == "repeat" else draw(values))
        elif what == "add":
            holder[draw(st.sampled_from(["surprise", "title", "en", "sm3"]))] = draw(values)
        if not value:
            break
    return value


@pytest.mark.parametrize("name", SUBMITTED)
def test_what_is_accepted_fits_its_schema(name: str) -> None:
    taken = [0]

    @settings(max_examples=400, deadline=None, derandomize=True, database=None)
    @given(submissions(name))
    def every(value: dict[str, Any]) -> None:
        try:
            PARSERS[name](value)
        except MalformedRecord as refused:
            assert len(refused.errors) <= MOST_ERRORS
        else:
            schema = value.get("kind", name) if name in ("certificate", "document") else name
            taken[0] += 1
            assert list(faults(SCHEMAS[schema], prune(value))) == []

    every()
    assert taken[0] > 10


@pytest.mark.parametrize("name", SUBMITTED)
def test_the_examples_have_every_member(name: str) -> None:
    assert SAMPLES[name].keys() == {member.name for member in SUBMITTED[name][1]}
    PARSERS[name](SAMPLES[name])


@pytest.mark.parametrize("name", SUBMITTED)
def test_a_schema_refuses_each_member_of_another_type_and_what_is_missing_or_unknown(name: str) -> None:
    for member in SUBMITTED[name][1]:
        for wrong in ([1.5], 1.5):
            value = {**SAMPLES[name], member.name: wrong}
            assert list(faults(SCHEMAS[name], value)), member.name
            with pytest.raises(MalformedRecord):
                PARSERS[name](value)
        without = {key: kept for key, kept in SAMPLES[name].items() if key != member.name}
        assert bool(list(faults(SCHEMAS[name], without))) == member.required, member.name
    assert list(faults(SCHEMAS[name], {**SAMPLES[name], "surprise": 1})) == [".surprise: additional"]
