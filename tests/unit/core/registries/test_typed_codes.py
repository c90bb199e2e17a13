"""Codes as a person types them: what is put right, what is told, and with which cause."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_service.core.registries.typed_codes import (
    sought_catalog_code,
    sought_org_code,
    sought_seal_code,
    typed_org_code,
    typed_type_code,
    unknown_organisation,
)
from chain_service.errors import MalformedRecord, NotFound

ORG, TYPE, CATALOG, SEAL = "11430000006122244L", "11100000MB03271699022", "307001/000012", "Seal-01_a.b"
Reads = Callable[[str], str]
KINDS = [(typed_org_code, ORG), (typed_type_code, TYPE), (sought_catalog_code, CATALOG), (sought_seal_code, SEAL)]

REFUSALS: dict[Reads, str] = {
    sought_org_code: "organisation_unknown",
    sought_catalog_code: "catalog_unknown",
    sought_seal_code: "seal_unknown",
}


def full_width(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


@pytest.mark.parametrize(("read", "code"), KINDS)
def test_width_and_blanks_are_put_right(read: Reads, code: str) -> None:
    for typed in (
        code,
        full_width(code),
        f" {code}\t",
        f"{code[:4]} {code[4:]}",
        f"\u3000{code[:4]}\u00a0{code[4:]}\n",
    ):
        assert read(typed) == code


@pytest.mark.parametrize(
    ("read", "typed", "code"),
    [
        (typed_org_code, ORG.lower(), ORG),
        (typed_org_code, full_width(ORG.lower()), ORG),
        (typed_type_code, TYPE.lower(), TYPE),
        (sought_catalog_code, "307001ab／00c", "307001AB/00C"),
        (sought_seal_code, "seal－01", "seal-01"),
        (sought_seal_code, "seal–01。a", "seal-01.a"),
        (sought_seal_code, "sEaL", "sEaL"),
    ],
)
def test_case_and_signs_are_put_right_where_they_can_mean_one_code_only(read: Reads, typed: str, code: str) -> None:
    assert read(typed) == code


@pytest.mark.parametrize(
    ("read", "typed", "zh", "en"),
    [
        (typed_org_code, ORG[:-1], "应为 18 位，所填为 17 位", "18 characters, not 17"),
        (sought_org_code, ORG[:-1], "应为 18 位，所填为 17 位", "18 characters, not 17"),
        (typed_org_code, "", "所填为 0 位", "not 0"),
        (
            typed_org_code,
            "114300000O6122244L",
            "第 10 位（不计空格）不应有 'O'，代码中不使用字母 I",
            "character 10 (not counting blanks), 'O'",
        ),
        (typed_org_code, "11А30000006122244L", "第 3 位（不计空格）不应有", "character 3"),
        (typed_org_code, "114300000①6122244", "第 10 位（不计空格）不应有 '①'", "character 10"),
        (
            typed_org_code,
            "11430000\u200b06122244L",
            "第 9 位（不计空格）不应有 U+200B",
            "character 9 (not counting blanks), U+200B",
        ),
        (typed_org_code, "11A30000006122244L", "第 3 至 8 位须为数字", "3 to 8 must be digits"),
        (typed_type_code, TYPE[:-1], "应为 21 位，所填为 20 位", "21 characters, not 20"),
        (typed_type_code, TYPE[:-1] + "A", "末三位须为数字", "last three must be digits"),
        (sought_catalog_code, "307001000012", "须形如 307001/000012", "a slash"),
        (sought_catalog_code, "307001-000012", "第 7 位（不计空格）不应有 '-'", "character 7"),
        (sought_catalog_code, "007001/000012", "不以 0 开头", "the first not 0"),
        (sought_catalog_code, "30/1", "应为 8 至 41 位，所填为 4 位", "8 to 41 characters, not 4"),
        (sought_seal_code, "_a", "须以字母或数字开头", "begins with a letter or digit"),
        (sought_seal_code, "印章", "第 1 位（不计空格）不应有 '印'", "character 1"),
        (sought_seal_code, "a" * 65, "应为 1 至 64 位", "1 to 64 characters, not 65"),
        (sought_seal_code, "a/b", "第 2 位（不计空格）不应有 '/'", "character 2"),
    ],
)
def test_what_cannot_be_a_code_is_told_with_its_cause(read: Reads, typed: str, zh: str, en: str) -> None:
    with pytest.raises((MalformedRecord, NotFound)) as refused:
        read(typed)
    assert refused.value.code == REFUSALS.get(read, "code_mistyped")
    assert zh in str(refused.value.zh)
    assert en in refused.value.message


@given(st.text(max_size=70))
def test_whatever_is_typed_is_a_code_that_stays_as_it_is_or_is_refused(typed: str) -> None:
    for read, _ in KINDS:
        try:
            code = read(typed)
        except (MalformedRecord, NotFound):
            continue
        assert code.isascii()
        assert read(code) == code


def test_an_unknown_code_whose_check_fails_is_said_to_be_mistyped_perhaps() -> None:
    (hint,) = unknown_organisation("11430000006122254L").errors
    assert "check character" in hint.message
    assert "校验码不符" in str(hint.zh)
    assert unknown_organisation(ORG).errors == ()
