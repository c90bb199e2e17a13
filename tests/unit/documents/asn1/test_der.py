"""Strict DER: what passes has one encoding, and any bytes are answered in bounded time."""

from __future__ import annotations

from datetime import datetime

import pytest
from asn1crypto.parser import parse
from hypothesis import given
from hypothesis import strategies as st

from chain_service.documents.asn1 import der
from chain_service.errors import MalformedDocument
from document_makers.encoding import element, integer, octets, sequence
from support.cost import costs_at_most

MOST = 1 << 20


def refused(data: bytes, **more: int) -> str:
    with pytest.raises(MalformedDocument) as caught:
        der.check(data, "the sample", **({"most": MOST} | more))
    assert "the sample" in caught.value.message
    return caught.value.code


def test_one_element_with_all_that_it_holds_passes() -> None:
    der.check(sequence(integer(1), sequence(octets(b"\xff" * 300)), element(0x05)), "the sample", most=MOST)
    der.check(integer(7), "the sample", most=MOST)
    der.check(sequence(), "the sample", most=MOST)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "nothing"),
        (b"\x30", "no length"),
        (sequence() + b"\0", "something follows"),
        (b"\x30\x80\x00\x00", "an indefinite length"),
        (b"\x30\x81\x03\x02\x01\x01", "a length that is not minimal"),
        (b"\x04\x82\x00\x81" + bytes(129), "a length with a leading zero"),
        (b"\x30\x85\x00\x00\x00\x00\x00", "a length of five octets"),
        (b"\x30\x03\x02\x02\x01", "a member longer than what holds it"),
        (b"\x1f\x81\x01\x00", "a high tag number"),
        (b"\x10\x00", "a primitive sequence"),
        (b"\x24\x03\x04\x01\x00", "a constructed string"),
        (b"\x30\x02\x00\x00", "an end of contents"),
        (b"\x05\x01\x00", "a NULL with contents"),
    ],
)
def test_whatever_has_another_encoding_is_refused(data: bytes, why: str) -> None:
    assert refused(data) == "not_der", why


def test_sizes_counts_and_depth_are_bounded() -> None:
    assert refused(octets(bytes(100)), most=50) == "too_large"
    assert refused(sequence(*[integer(1)] * 100), most_elements=50) == "too_large"
    deep = b""
    for _ in range(der.MAX_DEPTH + 2):
        deep = sequence(deep)
    assert refused(deep) == "too_complex"


def test_a_megabyte_of_smallest_elements_is_refused_at_once() -> None:
    data = element(0x30, b"\x05\x00" * 500_000)
    with costs_at_most(1):
        assert refused(data) == "too_large"


@given(st.binary(max_size=200))
def test_any_bytes_pass_or_are_refused(data: bytes) -> None:
    try:
        der.check(data, "the sample", most=MOST)
    except MalformedDocument:
        return
    _, _, _, header, contents, trailer = parse(data, strict=True)
    assert header + contents + trailer == data


@pytest.mark.parametrize(
    ("tag", "written", "expected", "zoneless"),
    [
        (0x17, "200422021807Z", "2020-04-22T02:18:07+00:00", False),
        (0x17, "991231235959Z", "1999-12-31T23:59:59+00:00", False),
        (0x17, "2004220218Z", "2020-04-22T02:18:00+00:00", False),
        (0x18, "20200422021807Z", "2020-04-22T02:18:07+00:00", False),
        (0x18, "20200422021807.5Z", "2020-04-22T02:18:07+00:00", False),
        (0x18, "20200422101807+0800", "2020-04-22T02:18:07+00:00", False),
        (0x18, "20200422101807", "2020-04-22T02:18:07+00:00", True),
    ],
)
def test_both_time_types_are_read_zoneless_as_beijing(tag: int, written: str, expected: str, zoneless: bool) -> None:
    found = der.moment(element(tag, written.encode()), "the sample")
    assert found.at == int(datetime.fromisoformat(expected).timestamp())
    assert found.zoneless is zoneless
    assert found.exact is ("." not in written)


@pytest.mark.parametrize("written", ["", "20200431000000Z", "2020042202180", "20200422246060Z", "二〇二〇", "0" * 100])
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(MalformedDocument):
        der.moment(element(0x18, written.encode()), "the sample")


@given(st.binary(max_size=400), st.sampled_from([0x0C, 0x13, 0x16, 0x1E, 0x04]))
def test_any_string_has_a_text_that_prints(contents: bytes, tag: int) -> None:
    text = der.text(element(tag, contents))
    assert text.isprintable()
    text.encode()
