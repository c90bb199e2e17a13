"""What a record's type and issuer are called: as registered, or as the record says where nothing is registered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chain_service.core.encoding.visible_text import escaped, hidden_character, require_visible
from chain_service.core.records.disclosure import reveal
from chain_service.core.verdicts.inputs import Names, Presented, RegisteredName
from chain_service.core.verdicts.judge import judge
from chain_service.core.verdicts.names import names_of
from chain_service.core.verdicts.verdict import Verdict
from chain_service.errors import MalformedRecord
from support.worlds.judged_records import FILE, ORG, TYPE, World, certificate, document

HIDDEN = ["\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\x85", "\x9f", "\ufffd", "\u061c", "\u00ad", "\U000e0041"]
AS_STATED = {"zh": "按记录所载", "en": "as stated by the record"}


def at(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def registry(type_name: str = "食品经营许可证", *issuers: tuple[str, str]) -> Names:
    since = issuers or (("云溪市市场监督管理局", "2020-01-01"),)
    return Names(
        {TYPE: (RegisteredName(type_name, at("2020-01-01")),)},
        {ORG: tuple(RegisteredName(name, at(day)) for name, day in since)},
    )


def told(names: Names, value: dict[str, Any], **changes: Any) -> tuple[dict[str, Any], list[str]]:
    """The names in the verdict on a disclosure of this record, and the warnings about them."""
    verdict = judge(World().holding(value).facts(names=names, **changes))
    assert verdict.code == "in_force"
    return verdict.to_json()["record"]["names"], differing(verdict)


def differing(verdict: Verdict) -> list[str]:
    return [one.message.zh for one in verdict.context.warnings if one.code == "name_differs"]


def test_registered_names_are_shown_whatever_the_record_calls_itself() -> None:
    value = certificate(certificateTypeName="营业执照", certificateIssuingAuthorityName="国家最高机关")
    names, warned = told(registry(), value)
    assert (names["type"]["name"], names["type"]["source"]) == ("食品经营许可证", "registry")
    assert (names["issuer"]["name"], names["issuer"]["source"]) == ("云溪市市场监督管理局", "registry")
    assert names["issuer"]["code"] == ORG
    assert len(warned) == 2 and "营业执照" in warned[0] and "食品经营许可证" in warned[0]


@pytest.mark.parametrize(
    ("own", "clean"),
    [
        ("云溪市工商行政管理局", True),  # its name on the day of issue, 2025-06-01
        ("云溪市市场监督管理局", True),  # its name since
        ("云溪市食药局", False),  # its name before
        ("云溪市市场监督管理局 ", True),
        ("云溪市公安局", False),
    ],
)
def test_the_papers_of_an_organisation_that_was_renamed_since_stay_clean(own: str, clean: bool) -> None:
    renamed = registry(
        "食品经营许可证",
        ("云溪市食药局", "2010-01-01"),
        ("云溪市工商行政管理局", "2020-01-01"),
        ("云溪市市场监督管理局", "2025-06-10"),
    )
    names, warned = told(renamed, certificate(certificateIssuingAuthorityName=own))
    assert names["issuer"]["name"] == "云溪市市场监督管理局"
    assert (warned == []) is clean


def test_a_registry_that_began_after_the_day_of_issue_counts_whole() -> None:
    late = registry("食品经营许可证", ("甲局", "2025-06-10"), ("乙局", "2025-06-11"))
    assert told(late, certificate(certificateIssuingAuthorityName="甲局"))[1] == []


def test_without_a_registry_the_names_are_marked_as_stated_by_the_record() -> None:
    names, warned = told(Names(), certificate())
    assert names["type"] == {"code": TYPE, "name": "食品经营许可证", "source": "record", "note": AS_STATED}
    assert names["issuer"] == {"code": ORG, "name": None, "source": None, "note": None}
    assert warned == []


def test_a_document_never_takes_the_name_of_a_certificate_type() -> None:
    value = document(documentTypeCode=TYPE, title="食品经营许可证")
    names, _ = told(registry(), value)
    assert (names["type"]["source"], names["type"]["note"]) == ("record", AS_STATED)
    assert names["issuer"]["source"] == "registry"
    verdict = judge(World().holding(value).facts(names=registry()))
    assert verdict.to_json()["record"]["kind"] == "document"


def test_a_name_that_the_asker_may_not_see_is_neither_shown_nor_compared() -> None:
    world = World().holding(certificate(certificateTypeName="营业执照"))
    by_file = Presented(files=(FILE,))
    partial = Presented(disclosure=reveal(world.disclosure.record, world.disclosure.salt, ["certificateNumber"]))
    for presented in (by_file, partial):
        verdict = judge(world.facts(presented=presented, names=registry()))
        assert "营业执照" not in str(verdict.to_json())
        unknown = judge(world.facts(presented=presented)).to_json()["record"]["names"]
        assert unknown["type"]["name"] is None


def test_a_name_is_not_shown_before_it_is_proven_to_be_the_anchored_one() -> None:
    world = World()
    verdict = judge(replace(world.facts(), presented=Presented(disclosure=world.holding(document()).disclosure)))
    assert verdict.to_json()["record"]["names"]["type"]["name"] is None


@pytest.mark.parametrize("character", HIDDEN)
def test_what_hides_or_turns_round_is_shown_escaped_and_refused_by_name(character: str) -> None:
    name = f"食品{character}经营许可证"
    names, _ = told(Names(), certificate(certificateTypeName=name))
    shown = names["type"]["name"]
    assert character not in shown and f"U+{ord(character):04X}" in shown
    assert character not in names_of("certificate", TYPE, ORG, None, {}, registry(name)).to_json()["type"]["name"]
    with pytest.raises(MalformedRecord) as refused:
        require_visible({"holders": [{"certificateHolderName": name}]})
    assert refused.value.code == "hidden_character"
    assert refused.value.details == {
        "field": "holders.0.certificateHolderName",
        "character": f"U+{ord(character):04X}",
    }
    with pytest.raises(MalformedRecord):
        require_visible({"extension": {name: 1}})


@pytest.mark.parametrize("text", ["plain", "临澜市（甲）·乙", "两行\n文字", "𠮷野家", "葛\U000e0101", "ᠮᠣᠩᠭᠣᠯ\u180e"])
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    assert escaped(text) == text
    assert hidden_character(text) is None
    require_visible({"a": [text]})


def test_a_name_that_a_keyboard_writes_otherwise_is_no_other_name_and_an_imitation_is_one() -> None:
    for own, differs in (
        ("临澜市（甲）・ＡＢ 局", False),
        ("临澜市(甲)\u0410B局", True),
        ("临澜市(甲)AB\u200b局", True),
    ):
        named = names_of("certificate", TYPE, ORG, None, {"certificateTypeName": own}, registry("临澜市(甲)·ab局"))
        assert (named.type.differs, named.type.name) == (differs, "临澜市(甲)·ab局")
