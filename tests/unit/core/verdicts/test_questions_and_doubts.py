"""What was asked for has to be what is answered; what the database alone would say is doubted."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_service.core.encoding.comparison import folded
from chain_service.core.records.disclosure import reveal
from chain_service.core.records.states import State
from chain_service.core.verdicts.inputs import Asked, Memory, Presented
from chain_service.core.verdicts.judge import judge
from chain_service.core.verdicts.verdict import Check, Verdict
from chain_service.core.verdicts.verdict_codes import VerdictOutcome
from support.worlds.judged_records import ANCHORED, NOW, RECORD_ID, SALT, World, certificate, document

ANCHORED_MEMORY = Memory(RECORD_ID, "anchored", anchored_at=ANCHORED)


def result(verdict: Verdict, name: str) -> Check:
    return next(check for check in verdict.groups[0].checks if check.name == name)


def test_papers_of_one_record_say_nothing_of_another_that_was_asked_for() -> None:
    world = World()
    record = world.disclosure.record
    for wrong in (
        Asked(identifier="1.2.156.3005.2.x"),
        Asked(number="another"),
        Asked(holder_name="another"),
        Asked(record.identity, record.number, "another"),
    ):
        verdict = judge(world.facts(presented=Presented(disclosure=world.disclosure, asked=wrong)))
        assert (verdict.answer, verdict.code) == (VerdictOutcome.INVALID, "record_mismatch")
    right = Asked(record.identity, record.number, record.holder_names[0])
    assert judge(world.facts(presented=Presented(disclosure=world.disclosure, asked=right))).code == "in_force"


def full_width(text: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)


TYPED = {
    "full width": full_width,
    "with blanks around": lambda text: f" {text}\u3000",
    "with a blank inside": lambda text: f"{text[:3]} {text[3:]}",
    "in small letters": str.lower,
}


@pytest.mark.parametrize("form", TYPED)
def test_what_was_asked_for_is_compared_however_it_was_typed(form: str) -> None:
    typed = TYPED[form]
    for world in (World(), World().holding(document())):
        record = world.disclosure.record
        name = record.holder_names[0] if record.holder_names else None
        members = list(world.disclosure.members)
        for shown in (world.disclosure, reveal(record, SALT, members)):
            asked = Asked(typed(record.identity), typed(record.number), typed(name) if name else None)
            verdict = judge(world.facts(presented=Presented(disclosure=shown, asked=asked)))
            assert verdict.code == "in_force", asked
            for wrong in (replace(asked, number=f"{asked.number}１"), replace(asked, identifier=typed("other"))):
                verdict = judge(world.facts(presented=Presented(disclosure=shown, asked=wrong)))
                assert verdict.code == "record_mismatch", wrong


ALIKE = ["国办发〔2025〕3号", "国办发［2025］3号", "国办发(2025)3号", "国办发【２０２５】 3号"]
NARROW = str.maketrans("０Ａ（[]", "0A(()")
UNLIKE = [
    "国办发〔2025〕31号",
    "国办发〔2025〕13号",
    "国办发〔2024〕3号",
    "国办发20253号",
    "国发〔2025〕3号",
    "JY-3",
    "JY3",
    "JY·3",
]


def test_numbers_that_a_keyboard_writes_in_several_ways_are_one_and_no_others() -> None:
    assert len({folded(number) for number in ALIKE}) == 1
    assert len({folded(number) for number in (ALIKE[0], *UNLIKE)}) == 1 + len(UNLIKE)
    assert len({folded(number) for number in ("JY-3", "ｊｙ－３", "JY–3", "JY−3 ")}) == 1


numbers = st.text(st.sampled_from("01aAbB-·.()[] \x1f０Ａ（"), max_size=5)


@given(numbers, numbers)
def test_numbers_with_other_letters_digits_or_signs_are_never_one(one: str, other: str) -> None:
    kept = [re.sub("[ ]", "", text.translate(NARROW)).lower() for text in (one, other)]
    assert (folded(one) == folded(other)) == (kept[0] == kept[1])


def test_a_sector_field_called_like_a_holder_s_name_makes_nobody_a_holder() -> None:
    world = World().holding(certificate(extension={"certificateHolderName": "另有其人"}))
    presented = Presented(disclosure=world.disclosure, asked=Asked(holder_name="另有其人"))
    assert judge(world.facts(presented=presented)).code == "record_mismatch"


def test_a_partial_disclosure_that_hides_what_was_asked_for_cannot_tell_unless_the_record_is_stored() -> None:
    world = World()
    record = world.disclosure.record
    partial = reveal(record, SALT, ["holders.0.certificateHolderTypeCode"])
    presented = Presented(disclosure=partial, asked=Asked(identifier=record.identity))
    assert judge(world.facts(presented=presented, recalled=None, memory=None)).answer is VerdictOutcome.INDETERMINATE
    assert judge(world.facts(presented=presented)).code == "in_force"


def test_a_stored_record_that_answers_to_another_identifier_is_named() -> None:
    verdict = judge(World().facts(presented=Presented(asked=Asked(identifier="1.2.156.3005.2.y"))))
    assert (verdict.answer, verdict.code) == (VerdictOutcome.INVALID, "record_mismatch")


def test_a_chain_that_is_ahead_of_the_clock_cannot_tell() -> None:
    verdict = judge(World().facts(at=NOW - 3600))
    assert (verdict.answer, verdict.code) == (VerdictOutcome.INDETERMINATE, "status_stale")


def test_without_the_stored_proof_of_its_anchoring_nobody_can_tell_which_permits_stood() -> None:
    verdict = judge(World().facts(anchor_state=None, memory=ANCHORED_MEMORY))
    assert (verdict.answer, verdict.code) == (VerdictOutcome.INDETERMINATE, "finality_unproven")
    assert result(verdict, "issuer_permitted").code == "finality_unproven"


def test_a_past_state_is_what_the_chain_proved_then_not_what_the_index_says() -> None:
    world = World()
    then = world.in_state(State.SUSPENDED).proven(ANCHORED + 10, 8)
    verdict = judge(world.facts(at=ANCHORED + 20, past=True, then_state=then))
    assert verdict.code == "suspended"
    agreed = judge(world.facts(at=ANCHORED + 20, past=True, then_state=world.proven(ANCHORED + 10, 8)))
    assert agreed.code == "in_force"
    assert agreed.to_json()["warnings"] == []
    by_index = judge(world.facts(at=ANCHORED + 20, past=True))
    assert by_index.code == "finality_unproven"
    assert [one["code"] for one in by_index.to_json()["warnings"]] == ["past_by_index"]
