"""What the canonical form leaves out, and what it refuses."""

import pytest

from chain_service.core.encoding.canonical import MAX_DEPTH, canonical, prune, read_json
from chain_service.errors import MalformedDocument, MalformedRecord


def test_empty_members_are_left_out_at_every_depth() -> None:
    value = {"a": None, "b": "", "c": [], "d": {}, "e": {"f": {"g": [None, "", [], {"h": [{}]}]}}, "i": 0, "j": False}
    assert canonical(value) == b'{"i":0,"j":false}'


def test_empty_elements_of_a_list_are_left_out_too() -> None:
    assert canonical({"a": ["x", "", None, 0, False, [""], "y"]}) == b'{"a":["x",0,false,"y"]}'


def test_names_are_sorted_and_text_is_written_as_it_is() -> None:
    assert (
        canonical({"名": "值", "b": "\u2028\u007f\u001f/", "a": 1})
        == '{"a":1,"b":"\u2028\u007f\\u001f/","名":"值"}'.encode()
    )


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"a": {"b": 1.0}}, "a.b"),
        ({"a": [1, float("nan")]}, "a.1"),
        ({"a": 2**53}, "a"),
        ({"a": -(2**53)}, "a"),
        ({"a": "\ud800"}, "a"),
        ({"a": {"\udfff": 1}}, "a"),
        ({"\U0001f600": 1}, ""),
        ({"a": b"bytes"}, "a"),
        ({"a": ("tuple",)}, "a"),
        ({"a": {1: "x"}}, "a"),
    ],
)
def test_what_json_or_we_do_not_have_is_refused_with_its_place(value: object, field: str) -> None:
    with pytest.raises(MalformedRecord) as refused:
        canonical(value)
    assert refused.value.details["field"] == field


def test_the_largest_integers_are_allowed() -> None:
    assert canonical([2**53 - 1, -(2**53) + 1]) == b"[9007199254740991,-9007199254740991]"


def test_depth_is_bounded() -> None:
    deep: object = "x"
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert prune(deep) == deep
    with pytest.raises(MalformedRecord, match="nested too deep"):
        prune([deep])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"NaN",
        b'"\\ud800"',
        b"[" * 5000 + b"]" * 5000,
        b'{"a":1,"a":1}',
        b'{ "x": [ {"a": 1, "\\u0061": 2} ] }',
        b'{"a":' + b"1" * 200 + b"}",
    ],
)
def test_text_that_is_not_one_json_value_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedDocument):
        read_json(text, limit=100 if len(text) < 1000 and b"11" in text else 100_000, error=MalformedDocument)


def test_text_with_blanks_and_escapes_is_read() -> None:
    assert read_json(b' { "a" : "\\u4e2d" , "b" : [ {"a":1}, {"a":2} ] } ', limit=100) == {
        "a": "中",
        "b": [{"a": 1}, {"a": 2}],
    }
