"""Texts that are one to whoever types and reads them, and texts that are not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_service.core.encoding.comparison import folded, folded_name, spellings

SAME = [
    ("width", "ＪＹ１２３", "JY123"),
    ("case", "jy123", "JY123"),
    ("blanks", "临澜市 青禾\u3000食品\u00a0有限公司", "临澜市青禾食品有限公司"),
    ("round brackets", "青禾（临澜）公司", "青禾(临澜)公司"),
    ("square brackets", "国办发〔2025〕3号", "国办发[2025]3号"),
    ("full-width square brackets", "国办发［2025］3号", "国办发〔2025〕3号"),
    ("lenticular brackets", "国办发【2025】3号", "国办发〖2025〗3号"),
    ("dashes", "JY—3", "JY-3"),
    ("kinds of middle dots", "买买提•阿不都拉", "买买提・阿不都拉"),
    ("compatibility ideographs", "\uf90a融局", "金融局"),
    ("a supplementary compatibility ideograph", "\U0002f800", "\u4e3d"),
    ("radicals, as some PDFs have them", "⾦融局", "金融局"),
    ("variation selectors", "葛\U000e0101城", "葛城"),
    ("composed letters", "Ame\u0301lie", "Amélie"),
    ("Roman numerals", "Ⅲ类", "III类"),
    ("half-width katakana", "ｶﾌｪ", "カフェ"),
]
APART = [
    ("Latin and Cyrillic", "A局", "\u0410局"),
    ("Latin and Greek", "O2", "\u039f2"),
    ("simplified and traditional", "国土局", "國土局"),
    ("characters that look alike", "未央区", "末央区"),
    ("superscript", "10²号", "102号"),
    ("circled numbers", "分店①", "分店1"),
    ("fractions", "½", "1⁄2"),
    ("digit zero and letter O", "JY0", "JYO"),
    ("zero and its ideograph", "二〇二五", "二0二五"),
    ("dash and the number one", "第一号", "第-号"),
    ("a bracket more", "青禾(临澜)公司", "青禾临澜公司"),
    ("middle dot and none, in a number", "JY·3", "JY3"),
    ("middle dot and dash", "JY·3", "JY-3"),
    ("a hidden character", "青禾\u202e公司", "青禾公司"),
    ("a character of no width", "青禾\u200b公司", "青禾公司"),
    ("type and number of a document", "a\x1fb", "ab"),
]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text(
    st.sampled_from("aAＡ·•・（([〔【)— \u3000\x1f金\uf90a⾦①²ßİ\u0301\ufe00Ⅲ"), max_size=12
)


@pytest.mark.parametrize(("one", "other"), [pair[1:] for pair in SAME], ids=[pair[0] for pair in SAME])
def test_what_nobody_sees_or_types_apart_is_one(one: str, other: str) -> None:
    assert one != other
    assert folded(one) == folded(other)
    assert folded_name(one) == folded_name(other)


@pytest.mark.parametrize(("one", "other"), [pair[1:] for pair in APART], ids=[pair[0] for pair in APART])
def test_what_says_something_else_stays_apart(one: str, other: str) -> None:
    assert folded(one) != folded(other)


def test_middle_dots_tell_names_apart_from_none_nowhere_but_in_numbers() -> None:
    assert folded_name("买买提·阿不都拉") == folded_name("买买提阿不都拉")
    assert folded("买买提·阿不都拉") != folded("买买提阿不都拉")


@given(texts)
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    for fold in (folded, folded_name):
        assert fold(fold(text)) == fold(text)


@given(texts)
def test_a_text_is_itself_however_it_is_composed(text: str) -> None:
    for fold in (folded, folded_name):
        assert fold(text) == fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))


@given(st.text(st.sampled_from("市场监管局青禾食品有限公司0123456789-"), max_size=12), st.data())
def test_plain_ideographs_and_digits_are_never_changed(text: str, data: st.DataObject) -> None:
    assert folded(text) == folded_name(text) == text
    other = data.draw(st.text(st.sampled_from("市场监管局青禾食品有限公司0123456789-"), max_size=12))
    assert (folded(text) == folded(other)) == (text == other)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("国办发[2025]3号", "国办发〔2025〕3号"),
        ("国办发【２０２５】 3号", "国办发〔2025〕3号"),
        ("国办发(2025)3号", "国办发（2025）3号"),
        (" ｊｙ０１ ", "JY01"),
        ("a b", "a b"),
        ("ａ b", "a b"),
        ("approval\x1f临审[2025]1号", "approval\x1f临审〔2025〕1号"),
    ],
)
def test_what_is_stored_is_among_the_spellings_of_what_is_typed(typed: str, stored: str) -> None:
    assert stored in spellings(typed)


@given(texts)
def test_spellings_are_few_and_all_of_them_compare_as_one(text: str) -> None:
    forms = spellings(text)
    assert forms[0] == text and len(forms) <= 50
    assert {folded(form) for form in forms} == {folded(text)}


def test_an_identifier_has_one_spelling() -> None:
    assert len(spellings("1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U")) == 1
