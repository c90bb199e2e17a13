"""Each format's one boundary: whatever comes in, a value or one of our errors comes out."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_service.core.encoding import cose, rlp
from chain_service.core.encoding.canonical import read_json
from chain_service.core.encoding.decoding import read_base64, read_day, read_hex, read_moment, read_quantity
from chain_service.core.log import checkpoints
from chain_service.core.receipts.receipt import parse as parse_receipt
from chain_service.core.receipts.trust_file import parse as parse_trust
from chain_service.core.records.disclosure import parse_disclosure
from chain_service.core.records.record import parse_record
from chain_service.errors import ChainServiceError
from chain_service.jobs.verifying.request import VerificationRequest, read_question
from chain_service.store.rows import json_object
from chain_service.web.http.bodies import parse_json

LIMIT = 2**20


def nested(depth: int, opening: str = "[", closing: str = "]", inner: str = "1") -> bytes:
    return (opening * depth + inner + closing * depth).encode()


POISONS: dict[str, bytes] = {
    **{f"{depth} lists": nested(depth) for depth in (64, 254, 255, 256, 1000, 1024, 1025, 100_000)},
    **{f"{depth} objects": nested(depth, '{"a":', "}") for depth in (64, 255, 1000, 100_000)},
    **{f"{depth} lists, spaced": nested(depth, "[ ", "]") for depth in (255, 1000, 1024)},
    "lists without end": b"[" * 100_000,
    "a lone surrogate": b'{"a":"\\ud800"}',
    "a lone surrogate in a name": b'{"\\udfff":1}',
    "a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "NUL": b"\0",
    "an escaped NUL": b'{"a":"\\u0000"}',
    "a long integer": b"9" * 5_000,
    "a long integer, spaced": b'{"a": ' + b"9" * 5_000 + b"}",
    "a long exponent": b'{"a": 1e999999}',
    "beyond 64 bits": b'{"a": 18446744073709551616}',
    "a fraction": b'{"a": 1.5}',
    "NaN": b'{"a": NaN}',
    "Infinity": b"[-Infinity]",
    "a name twice": b'{"a": 1, "a": 2}',
    "a name twice, escaped": b'{"a": 1, "\\u0061": 2}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "not UTF-8": b'{"a": "\xff"}',
    "full-width digits": '{"a": １２}'.encode(),
    "nothing": b"",
    "blank": b" \n",
}


def told(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """The value, or the error where it is ours; any other exception fails the test."""
    try:
        return call(*arguments, **named)
    except ChainServiceError as error:
        return error


@pytest.mark.parametrize("poison", POISONS)
@pytest.mark.parametrize("exact", [False, True], ids=["plain", "exact"])
def test_json_of_any_shape_is_a_value_or_refused(poison: str, exact: bool) -> None:
    found = told(read_json, POISONS[poison], limit=LIMIT, exact=exact)
    if not isinstance(found, ChainServiceError):
        assert poison in ("64 lists", "254 lists", "64 objects", "an escaped NUL", "a fraction", "beyond 64 bits") or (
            poison == "a long exponent"
        )


@pytest.mark.parametrize("poison", POISONS)
def test_no_reader_of_json_lets_anything_else_out(poison: str) -> None:
    data = POISONS[poison]
    wrapped = b'{"record":' + data + b',"salt":"' + b"00" * 32 + b'"}'
    extension = b'{"kind":"document","documentTypeCode":"a","documentNumber":"b","extension":{"x":' + data + b"}}"
    for text in (data, wrapped, extension):
        for reader in (parse_record, parse_disclosure, parse_json):
            told(reader, text)
        told(json_object, text, "a row")
        read = read_question(VerificationRequest(disclosure=text, receipt=text, file=text))
        assert read.failure is not None


def test_integers_beyond_64_bits_stay_what_they_are_where_that_is_asked_for() -> None:
    text = json.dumps({"a": 2**200, "b": [2**64]}).encode()
    assert read_json(text, limit=LIMIT, exact=True) == {"a": 2**200, "b": [2**64]}
    assert json_object(text, "a row") == {"a": 2**200, "b": [2**64]}


@given(st.binary(max_size=400))
@settings(max_examples=400)
def test_no_bytes_bring_out_anything_but_our_errors(data: bytes) -> None:
    for reader in (
        lambda: read_json(data, limit=LIMIT),
        lambda: read_json(data, limit=LIMIT, exact=True),
        lambda: cose.decode(data, "it"),
        lambda: rlp.decode(data),
        lambda: parse_receipt(data),
        lambda: parse_trust(data),
        lambda: checkpoints.parse(data),
        lambda: parse_disclosure(data),
        lambda: parse_json(data),
    ):
        told(reader)
    read_question(VerificationRequest(disclosure=data, receipt=data, file=data))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


@given(VALUES, st.sampled_from(["record", "open", "covered", "revealed", "anchor", "path", "index"]))
@settings(max_examples=300)
def test_no_value_in_any_place_brings_out_anything_but_our_errors(value: Any, place: str) -> None:
    salt = "00" * 32
    forms: list[dict[str, Any]] = [
        {"record": value, "salt": salt},
        {"open": {}, "covered": {}, "key": salt, "revealed": {}} | {place: value},
        {"anchor": {"log": salt}, "path": [], "index": 1, "size": 2, "entry": salt} | {place: value},
    ]
    for form in forms:
        with suppress(UnicodeEncodeError):
            data = json.dumps(form, ensure_ascii=False).encode()
            assert read_question(VerificationRequest(disclosure=data, receipt=data)).failure is not None
            told(parse_record, data)


@given(VALUES | st.text(max_size=90))
@settings(max_examples=400)
def test_no_object_brings_anything_else_out_of_a_text(value: Any) -> None:
    for reader in (read_hex, read_base64):
        found = told(reader, value, limit=40)
        assert isinstance(found, ChainServiceError) or (isinstance(found, bytes) and len(found) <= 42)
    for reader in (read_day, read_moment, read_quantity):
        told(reader, value)


@pytest.mark.parametrize(
    ("reader", "texts"),
    [
        (read_hex, ["abc", "0x00", "zz", "ab cd", "ａｂ", "١٢", "00" * 41, "\ud800\ud800", None, 1, b"00"]),
        (read_base64, ["YQ", "YQ=", "Y Q==", "é===", "ＹＱ＝＝", "YQ==\n", "\ud800", "A" * 100, None, b"YQ=="]),
    ],
)
def test_hex_and_base64_have_one_form(reader: Callable[..., Any], texts: list[Any]) -> None:
    for text in texts:
        assert isinstance(told(reader, text, limit=40), ChainServiceError), text


@pytest.mark.parametrize(
    ("reader", "texts"),
    [
        (
            read_day,
            ["2026-02-30", "２０２６-01-01", "20260101", "2026-W01-1", "0000-01-01", "2026-01-01\n"],
        ),
        (read_moment, ["2026-01-01", "2026-01-01T24:30", "2026-01-01T00:00:00+99:00", "２０２６-01-01T00:00:00Z"]),
        (read_quantity, ["0x", "1", "0x1_0", "0x-1", " 0x1", "0x" + "1" * 65, "0x１", "-0x1"]),
    ],
)
def test_days_moments_and_quantities_have_one_form(reader: Callable[..., Any], texts: list[str]) -> None:
    for text in texts:
        assert isinstance(told(reader, text), ChainServiceError), text


def test_what_is_well_formed_is_read() -> None:
    assert read_hex("00ffAB", limit=3) == b"\x00\xff\xab"
    assert read_base64(base64.b64encode(b"a" * 40).decode(), limit=40) == b"a" * 40
    assert read_day("2024-02-29").isoformat() == "2024-02-29"
    assert read_moment("2026-01-31T08:00:00.5+08:00").isoformat() == "2026-01-31T08:00:00.500000+08:00"
    assert read_quantity("0x10") == 16
