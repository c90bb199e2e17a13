"""What was asked for has to be what is answered; what the database alone would say is doubted."""

from __future__ import annotations

from chain_service.core.records.disclosure import reveal
from chain_service.core.records.states import State
from chain_service.core.verdicts.inputs import Asked, Memory, Presented
from chain_service.core.verdicts.judge import judge
from chain_service.core.verdicts.verdict import Check, Verdict
from chain_service.core.verdicts.verdict_codes import VerdictOutcome
from support.worlds.judged_records import ANCHORED, NOW, RECORD_ID, SALT, World

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
