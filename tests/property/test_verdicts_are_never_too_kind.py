"""Whatever is combined: what applies and could not be checked is never valid, and judging never raises."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from chain_service.core.log.merkle import InclusionProof
from chain_service.core.records.disclosure import reveal
from chain_service.core.records.states import State
from chain_service.core.verdicts.check_rules import CHECKS, RECORD, CheckRule
from chain_service.core.verdicts.inputs import (
    AcceptedChange,
    Asked,
    Failure,
    JudgeInput,
    Memory,
    Outage,
    PastChange,
    Presented,
)
from chain_service.core.verdicts.judge import judge
from chain_service.core.verdicts.verdict import Context, Group, check, conclude
from chain_service.core.verdicts.verdict_codes import CODES, Outcome, VerdictOutcome
from support.worlds.judged_records import ANCHORED, FILE, NOW, RECORD_ID, SALT, World, certificate, document

WORLDS = [
    World(),
    replace(World(), permits=()),
    World().holding(document()),
    World().holding(certificate(certificateExpiringDate=None, files=None)),
    *(World().in_state(state) for state in State),
]


@st.composite
def facts(draw: st.DrawFn) -> JudgeInput:
    world = draw(st.sampled_from(WORLDS))
    other = draw(st.sampled_from(WORLDS))
    partial = reveal(world.disclosure.record, SALT, list(world.disclosure.members))
    contents = st.sampled_from([None, world.disclosure, other.disclosure, partial])
    now_state = draw(
        st.sampled_from(
            [
                world.proven(NOW - 30, 90),
                world.proven(NOW - 10_000, 80),
                replace(world.proven(NOW - 30, 90), words={}),
                other.proven(NOW - 30, 90),
                Outage("node_unavailable", "down"),
                Outage("finality_unproven", "unsealed"),
            ]
        )
    )
    claim = draw(st.sampled_from([None, world.claim(), world.claim(presented=True), other.claim()]))
    if claim is not None and draw(st.booleans()):
        index, size = draw(st.integers(-1, 2**65)), draw(st.integers(-1, 2**65))
        claim = replace(claim, proof=InclusionProof(index, size, claim.proof.path))
    memory = st.builds(
        Memory,
        record_id=st.just(RECORD_ID),
        state=st.sampled_from(["pending", "batched", "anchored", "failed"]),
        erased=st.booleans(),
        anchored_at=st.sampled_from([None, ANCHORED]),
        history=st.lists(st.builds(PastChange, st.sampled_from(State), st.just(99), st.just(ANCHORED), st.just(1)))
        .map(tuple),
        accepted=st.sampled_from([None, AcceptedChange(State.SUSPENDED, NOW - 5)]),
    )  # fmt: skip
    presented = st.builds(
        Presented,
        disclosure=contents,
        asked=st.sampled_from([Asked(), Asked("x"), Asked(world.disclosure.record.identity)]),
        files=st.sampled_from([(), (FILE,), ({"sha-256": "00" * 32},)]),
        whole_files=st.booleans(),
        failure=st.sampled_from([None, Failure("unreadable", "file", "x"), Failure("proof_invalid", "proof", "x")]),
    )
    return world.facts(
        presented=draw(presented),
        at=draw(st.sampled_from([NOW, NOW - 60, ANCHORED - 1])),
        past=draw(st.booleans()),
        now_state=now_state,
        anchor_state=draw(st.sampled_from([None, world.proven(ANCHORED, 7), other.proven(ANCHORED, 7)])),
        claim=claim,
        memory=draw(st.none() | memory),
        recalled=draw(contents),
    )


@given(facts())
@settings(max_examples=400, deadline=None)
def test_valid_means_that_every_check_passed_or_did_not_apply(case: JudgeInput) -> None:
    verdict = judge(case)
    outcomes = {result.outcome for group in verdict.groups for result in group.checks}
    if verdict.answer is VerdictOutcome.VALID:
        assert outcomes <= {Outcome.PASSED, Outcome.SKIPPED}
        for rule in (RECORD.INCLUSION, RECORD.ANCHOR, RECORD.VALIDATORS, RECORD.STATUS, RECORD.VALIDITY_PERIOD):
            assert verdict.record[rule].outcome is Outcome.PASSED
        assert not any(result.code == "not_reached" for result in verdict.record.checks)
    if verdict.answer is VerdictOutcome.INDETERMINATE:
        assert Outcome.FAILED not in outcomes
    if Outcome.FAILED in outcomes:
        assert verdict.answer is VerdictOutcome.INVALID


RESULTS = [(rule, code) for rule in CHECKS for code in (*rule.raises, *(note.code for note in rule.notes))]
PARAMS = dict.fromkeys(
    ("index", "size", "block", "validators", "signers", "date", "time", "anchor", "organisation"), "x"
)


@given(st.lists(st.sampled_from(RESULTS), max_size=12))
def test_no_combination_with_an_indeterminate_check_is_valid(chosen: list[tuple[CheckRule, str]]) -> None:
    groups = [Group(rule.group, "x", (check(rule, code, params=PARAMS),)) for rule, code in chosen]
    verdict = conclude(groups, Context("2025-01-01T00:00:00Z"))
    outcomes = {result.outcome for group in groups for result in group.checks}
    if Outcome.FAILED in outcomes:
        assert verdict.answer is VerdictOutcome.INVALID
    elif Outcome.INDETERMINATE in outcomes:
        assert verdict.answer is VerdictOutcome.INDETERMINATE
    elif verdict.answer is VerdictOutcome.VALID:
        assert Outcome.PASSED in outcomes


def test_of_any_two_findings_the_worse_and_then_the_earlier_code_decides() -> None:
    order = list(CODES)
    findings = [(rule, code) for rule, code in RESULTS if code in CODES]
    for one, other in product(findings, repeat=2):
        groups = [Group(rule.group, "x", (check(rule, code, params=PARAMS),)) for rule, code in (one, other)]
        passed = Group("record", "x", (check(RECORD.STATUS, "in_force", params=PARAMS),))
        decided = conclude([*groups, passed], Context("2025-01-01T00:00:00Z")).code
        severity = [VerdictOutcome.INVALID, VerdictOutcome.INDETERMINATE, VerdictOutcome.VALID]
        assert decided == min((one[1], other[1]), key=lambda c: (severity.index(CODES[c].answer), order.index(c)))
