"""RLP is read in its one canonical form or not at all."""

import pytest
import rlp

from chain_service.core.encoding import rlp as strict_rlp
from chain_service.errors import InvalidProof

VALUES = [
    b"",
    b"\x00",
    b"\x7f",
    b"\x80",
    b"dog",
    bytes(55),
    bytes(56),
    bytes(255),
    bytes(256),
    bytes(70_000),
    [],
    [b"cat", b"dog"],
    [b"\xa0" * 32, b"", [b"", [b"\x01"]]],
    [bytes(32)] * 16 + [b""],
    [[], [[]], [[], [[]]]],
]


@pytest.mark.parametrize("value", VALUES)
def test_encoding_agrees_with_the_rlp_library_and_reads_back(value):
    assert strict_rlp.encode(value) == rlp.encode(value)
    assert strict_rlp.decode(rlp.encode(value)) == value


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("nothing at all", ""),
        ("a byte that stands for itself, wrapped", "8100"),
        ("the same inside a list", "c28100"),
        ("short length in long form, string", "b80161"),
        ("short length in long form, list", "f80161"),
        ("length with a leading zero, string", "b90038" + "61" * 56),
        ("length with a leading zero, list", "f90038" + "61" * 56),
        ("trailing byte", "c000"),
        ("trailing byte after a string", "8361626300"),
        ("truncated string", "836162"),
        ("truncated long string", "b838" + "61" * 55),
        ("truncated list", "c3616"[:4]),
        ("truncated long list", "f838" + "61" * 55),
        ("length bytes missing", "b9"),
        ("length bytes missing, list", "f9"),
        ("length bytes running past the list around them", "c1b9"),
        ("string that runs past its list", "c2836162"),
        ("hash that runs past its list", "c6a0" + "00" * 40),
        ("list that runs past its list", "c2c3616161"),
        ("length of 2^64 − 1", "bf" + "ff" * 8),
    ],
)
def test_what_is_not_minimal_or_not_whole_is_refused(why, data):
    with pytest.raises(InvalidProof):
        strict_rlp.decode(bytes.fromhex(data))


def test_depth_is_bounded_and_never_a_recursion_error():
    nested = b"\xc0"
    for _ in range(strict_rlp.MAX_DEPTH - 1):
        nested = strict_rlp.encode([strict_rlp.decode(nested)])
    assert strict_rlp.encode(strict_rlp.decode(nested)) == nested
    with pytest.raises(InvalidProof):
        strict_rlp.decode(strict_rlp.encode([strict_rlp.decode(nested)]))
    with pytest.raises(InvalidProof):
        strict_rlp.decode(b"\xc1" * 5000 + b"\xc0")


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255, 256, 2**64 - 1, 2**256 - 1])
def test_integers_have_one_form(value):
    data = strict_rlp.integer_bytes(value)
    assert strict_rlp.integer(data) == value
    with pytest.raises(InvalidProof):
        strict_rlp.integer(b"\x00" + data)


def test_integers_beyond_their_width_and_lists_are_refused():
    for item, bits in ((b"\x01" + bytes(8), 64), (b"\x01" + bytes(32), 256), ([], 64)):
        with pytest.raises(InvalidProof):
            strict_rlp.integer(item, bits)


def test_a_string_is_no_list():
    with pytest.raises(InvalidProof):
        strict_rlp.decode_list(b"\x83dog")
