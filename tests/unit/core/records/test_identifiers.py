"""Codes and identifiers: shape and check characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_service.core.encoding.digests import Digest, file_digests
from chain_service.core.records.identifiers import (
    CertificateIdentifier,
    TypeCode,
    check_character,
    org_code_checks,
    parse_catalog_code,
    parse_org_code,
    parse_type_code,
    tidied_identifier,
)
from chain_service.errors import MalformedRecord

GOOD = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U"


def test_an_identifier_falls_into_its_parts_and_back() -> None:
    identifier = CertificateIdentifier.parse(GOOD)
    assert identifier == (TypeCode("11100000000013338W011"), "11430000006122244L", "20230000403", "001")
    assert identifier.issuer_is_org_code
    assert str(identifier) == GOOD


@pytest.mark.parametrize(
    "text",
    [
        GOOD[:-1] + "V",
        GOOD.lower(),
        GOOD + "\n",
        " " + GOOD,
        GOOD.replace("1.2.156.3005.2.", "1.2.156.3005.1."),
        GOOD.replace("20230000403", "123456"),
        GOOD.replace("20230000403", "1" * 33),
        GOOD.replace(".001.", ".01."),
        GOOD.replace("0", "\uff10", 1),
        "",
        None,
        5,
    ],
)
def test_another_shape_or_check_character_is_refused(text: object) -> None:
    with pytest.raises(MalformedRecord) as refused:
        CertificateIdentifier.parse(text)
    assert refused.value.details == {"field": "certificateIdentifier"}


def test_changing_any_one_character_changes_the_check_character() -> None:
    body = GOOD.removeprefix("1.2.156.3005.2.").replace(".", "")[:-1]
    for place, letter in enumerate(body):
        other = "A" if letter != "A" else "B"
        assert check_character(body[:place] + other + body[place + 1 :]) != "U"


def test_an_issuer_that_is_no_organisation_code_is_seen_as_such() -> None:
    text = "1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9"
    assert not CertificateIdentifier.parse(text).issuer_is_org_code


def test_an_organisation_code_is_known_by_its_shape_alone() -> None:
    assert parse_org_code("91350100M0001TGQXM") == "91350100M0001TGQXM"
    assert not org_code_checks("91350100M0001TGQXM")
    assert org_code_checks("11430000006122244L")
    assert not org_code_checks("11430000006122254L")


@pytest.mark.parametrize("text", ["11430000006122244", "11430000006122244l", "1143000000612224IL", "A" * 18, None, 11])
def test_another_shape_is_no_organisation_code(text: object) -> None:
    with pytest.raises(MalformedRecord):
        parse_org_code(text)


def test_type_and_catalog_codes_have_their_shapes() -> None:
    assert parse_type_code("11100000MB03271699022") == "11100000MB03271699022"
    assert parse_catalog_code("307001/000012") == "307001/000012"
    for wrong in ("11100000MB0327169902", "11100000MB03271699AAA", None):
        with pytest.raises(MalformedRecord):
            parse_type_code(wrong)
    for wrong in ("307001", "07001/000012", "007001/000012", "307001/", "307001/../x", "307001/1/2", None):
        with pytest.raises(MalformedRecord):
            parse_catalog_code(wrong)


def test_digests_are_written_in_one_way_only() -> None:
    text = "sm3:" + "0a" * 32
    assert str(Digest.parse(text)) == text
    for wrong in (text.upper(), "sha-256:" + "0a" * 31, "md5:" + "0a" * 32, "0a" * 32, text + "\n", None, 7):
        with pytest.raises(MalformedRecord):
            Digest.parse(wrong)


def test_a_file_has_both_digests() -> None:
    assert file_digests(b"abc") == {
        "sha-256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sm3": "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
    }


def test_a_clumsily_typed_identifier_is_put_right_and_a_wrong_one_refused() -> None:
    full_width = "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in GOOD)
    for typed in (GOOD.lower(), f"  {GOOD[:20]} {GOOD[20:]}\n", full_width, GOOD.replace(".", "。")):
        assert tidied_identifier(typed) == GOOD
    assert tidied_identifier(GOOD.removeprefix("1.2.156.3005.2.").lower()) == GOOD
    assert tidied_identifier("approval\x1f临审〔2025〕1号") == "approval\x1f临审〔2025〕1号"


MISTYPED = {
    "the check character": (GOOD[:-1] + "V", "last, does not fit the characters before it: one of them or it is wrong"),
    "a digit of the serial number": (GOOD.replace("403", "404"), "or it is wrong"),
    "the issuing authority's code": (GOOD.replace("6122244L", "6122254L"), "issuing authority's code first"),
    "the type code": (GOOD.replace("13338W", "13339W"), "look at the type code first"),
    "a letter that no type code has": (GOOD.replace("13338W", "I3338W"), "type code has a wrong length or character"),
    "the version left out": (GOOD.replace(".001.", "."), "has 5 parts with full stops between, not 4"),
    "something at the end": (GOOD + ".1", "5 parts with full stops between, not 6"),
    "two digits of the version": (GOOD.replace(".001.", ".01."), "version has a wrong length"),
    "another root": (GOOD.replace("3005.2", "3005.3"), "must begin with 1.2.156.3005.2."),
}


@pytest.mark.parametrize("what", MISTYPED)
def test_the_part_that_is_mistyped_is_named_in_both_languages(what: str) -> None:
    typed, told = MISTYPED[what]
    with pytest.raises(MalformedRecord) as refused:
        tidied_identifier(typed)
    assert (refused.value.code, refused.value.details["field"]) == ("identifier_mistyped", "identifier")
    assert told in refused.value.message and refused.value.zh


@given(st.integers(0, len(GOOD) - 1), st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_no_single_wrong_character_is_looked_up(at: int, letter: str) -> None:
    typed = GOOD[:at] + letter + GOOD[at + 1 :]
    if typed != GOOD:
        with pytest.raises(MalformedRecord, match=r"identifier|校验"):
            tidied_identifier(typed)
