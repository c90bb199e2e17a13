"""The schema of verdicts is the shape of verdicts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from chain_service.core.encoding.text import Text
from chain_service.core.records.disclosure import reveal
from chain_service.core.records.states import State
from chain_service.core.verdicts.inputs import JudgeInput, Names, Presented
from chain_service.core.verdicts.judge import judge
from chain_service.core.verdicts.shown_members import with_hidden
from chain_service.web.schemas.verdicts import VerdictView, VerifiedRecord
from support.worlds.judged_documents import judged, signature
from support.worlds.judged_records import World, certificate, document

WORLD = World()
PARTIAL = reveal(WORLD.disclosure.record, WORLD.disclosure.salt, ["certificateNumber"])
SITUATIONS: dict[str, JudgeInput] = {
    "in force": WORLD.facts(),
    "withdrawn": WORLD.in_state(State.WITHDRAWN).facts(),
    "a document": WORLD.holding(document()).facts(),
    "sector fields": WORLD.holding(certificate(extension={"area": "12"})).facts(),
    "partial": WORLD.facts(presented=Presented(disclosure=PARTIAL)),
    "a file": WORLD.facts(presented=Presented(files=({"sha-256": "ab" * 32},), whole_files=True)),
    "another file": WORLD.facts(presented=Presented(files=({"sha-256": "00" * 32},), whole_files=True)),
    "nothing known": WORLD.facts(
        presented=Presented(), recalled=None, memory=None, claim=None, now_state=None, anchor_state=None
    ),
}


def told(facts: JudgeInput) -> dict[str, Any]:
    """The JSON of the verdict as the service tells it; what the asker presented was signed once."""
    labels = {WORLD.disclosure.type_code: {"area": Text("面积", "area")}}
    facts = replace(facts, names=Names(labels=labels))
    verdict = judge(facts, lambda _: judged(signature()))
    return with_hidden(verdict, facts.presented.disclosure, facts.recalled, facts.names).to_json()


@pytest.mark.parametrize("situation", SITUATIONS)
def test_nothing_of_a_verdict_is_missing_from_its_schema(situation: str) -> None:
    value = told(SITUATIONS[situation])
    assert VerdictView.model_validate(value, strict=True).model_dump(exclude_unset=True) == value


def test_the_situations_show_every_part_of_a_verdict() -> None:
    found = [told(facts) for facts in SITUATIONS.values()]
    assert {one["verdict"] for one in found} == {"valid", "invalid", "indeterminate"}
    assert {group["name"] for one in found for group in one["groups"]} == {"record", "signature"}
    assert any(one["warnings"] for one in found) and any(one["record"] is None for one in found)
    seen = {name for one in found if one["record"] for name in one["record"]}
    assert seen == set(VerifiedRecord.model_fields)


@pytest.mark.parametrize("member", VerdictView.model_fields)
def test_a_verdict_that_lacks_a_member_does_not_fit(member: str) -> None:
    value = told(WORLD.facts())
    del value[member]
    with pytest.raises(ValidationError):
        VerdictView.model_validate(value)
