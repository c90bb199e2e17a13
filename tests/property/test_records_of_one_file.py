"""Records that name one file, in any number, order and state, and whatever is presented: against a small oracle."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import CertificateIdentifier, OrgCode, TypeCode
from chain_service.core.records.states import State
from chain_service.core.verdicts.check_rules import RECORD, SIGNATURE, SIGNATURE_CHECKS
from chain_service.core.verdicts.file_ownership import decide
from chain_service.core.verdicts.inputs import Candidate, JudgeInput, Memory, Outage, PastChange, Presented
from chain_service.core.verdicts.judge import Anchoring, JudgedSignatures, judge
from chain_service.core.verdicts.verdict import Group, Verdict, check
from chain_service.core.verdicts.verdict_codes import VerdictOutcome
from support.worlds.judged_records import ANCHORED, FILE, NOW, World, certificate, document

ORGS = tuple(map(OrgCode, ("11430000006122244L", "11330105002500287C", "91350100M0001TGQXM")))
TYPE = TypeCode("11100000000013338W011")


@dataclass(frozen=True)
class Drawn:
    """One anchored record that names the file."""

    org: int
    certificate: bool
    state: State
    replaces: bool = False
    """Whether it says that it replaces the record before it, if that is of its kind."""
    erased: bool = False
    """Whether its content is gone; which record it said it replaces is remembered."""


@dataclass(frozen=True)
class Paper:
    """What comes with the file: nothing, a disclosure or receipt of record `of`, or a seal of organisation `of`."""

    kind: str
    of: int = 0


def world(place: int, drawn: Drawn, before: Drawn | None = None) -> World:
    org = ORGS[drawn.org]
    more = {"replaces": record_id(place - 1)} if before is not None and follows(drawn, before) else {}
    if drawn.certificate:
        identifier = str(CertificateIdentifier(TYPE, org, f"2025000000{place}", "001"))
        body = certificate(certificateIssuingAuthorityCode=org, certificateIdentifier=identifier, **more)
    else:
        body = document(issuingOrganisationCode=org, documentNumber=f"第{place}号", files=[{"digests": FILE}], **more)
    return replace(World().holding(body), log=log_id(org, place), state=int(drawn.state))


def follows(drawn: Drawn, before: Drawn) -> bool:
    return drawn.replaces and drawn.certificate == before.certificate


def remembered(place: int, drawn: Drawn, before: Drawn | None) -> Memory:
    link = record_id(place - 1) if drawn.erased and before is not None and follows(drawn, before) else None
    return Memory(record_id(place), "anchored", anchored_at=ANCHORED, erased=drawn.erased, replaces=link)


def record_id(place: int) -> str:
    return f"3f2b6f0e-5d0c-4a7e-9a55-{place:012d}"


def facts_of(drawn: list[Drawn], paper: Paper, *, crowded: bool = False, counted: bool = False) -> JudgeInput:
    """As gathering would have them: newest first, the one decided on apart from the others."""
    worlds = [world(place, one, before) for place, (one, before) in enumerate(zip(drawn, (None, *drawn), strict=False))]
    words = {slot: word for one in worlds for slot, word in one.words().items()}
    base = worlds[0].proven(NOW - 30, 90)
    candidates = [
        Candidate(
            ORGS[one.org],
            "certificate" if one.certificate else "document",
            made.claim(),
            remembered(place, one, before),
            None if one.erased else made.disclosure,
            anchor_state=made.proven(ANCHORED, 7),
        )
        for place, (one, made, before) in enumerate(zip(drawn, worlds, (None, *drawn[:-1]), strict=True))
    ]
    chosen, known = None, [one for one in candidates if not one.memory.erased]
    presented = paper.kind in ("disclosure", "receipt")
    if presented:
        chosen = candidates[paper.of % len(candidates)]
    elif len({one.org for one in known}) == 1:
        chosen = max(known, key=lambda one: (one.kind == "certificate", candidates.index(one)))
    shown = worlds[candidates.index(chosen)].disclosure if chosen is not None else None
    return JudgeInput(
        subject="file",
        presented=Presented(
            # nothing else tells what an erased record names
            disclosure=shown if presented and (paper.kind == "disclosure" or chosen.memory.erased) else None,  # type: ignore[union-attr]
            files=(FILE,),
            whole_files=True,
        ),
        at=NOW,
        now_state=replace(base, words=words),
        max_age=180,
        anchor_state=chosen.anchor_state if chosen else None,
        claim=replace(chosen.claim, presented=paper.kind == "receipt") if chosen and chosen.claim else None,
        memory=chosen.memory if chosen else None,
        recalled=chosen.recalled if chosen else None,
        candidates=tuple(one for one in reversed(candidates) if one is not chosen),
        undecided=chosen is None and bool(known),
        crowded=crowded,
        counted=counted,
    )


def sealed_by(org: str | None) -> object:
    """The signatures of a file that one organisation sealed soundly; another one's record makes it a mismatch."""

    def examine(anchoring: Anchoring) -> JudgedSignatures:
        if org is None:
            return JudgedSignatures()
        issuer = anchoring.record.org if anchoring.record is not None else None
        binding = "no_issuer_named" if issuer is None else "issuer_bound" if issuer == org else "issuer_mismatch"
        told = {rule: rule.notes[0].code for rule in SIGNATURE_CHECKS} | {SIGNATURE.ISSUER_BINDING: binding}
        params = {"anchor": "root", "time": "then", "organisation": org}
        checks = tuple(check(rule, code, params=params) for rule, code in told.items())
        return JudgedSignatures((Group("signature", "file", checks),))

    return examine


def verdict_on(drawn: list[Drawn], paper: Paper, **changes: bool) -> Verdict:
    examine = sealed_by(ORGS[paper.of % len(ORGS)] if paper.kind == "seal" else None)
    return judge(decide(facts_of(drawn, paper, **changes), examine), examine)  # type: ignore[arg-type]


def passed_on(drawn: list[Drawn], place: int) -> bool:
    """Superseded by the next record, of the same organisation, which has not ended or was passed on itself."""
    if drawn[place].state is not State.SUPERSEDED or place + 1 >= len(drawn):
        return False
    heir = drawn[place + 1]
    same = follows(heir, drawn[place]) and heir.org == drawn[place].org
    return same and (heir.state is State.IN_FORCE or passed_on(drawn, place + 1))


def oracle(drawn: list[Drawn], paper: Paper) -> set[str]:
    """The codes that may be said."""
    own = paper.of % len(drawn) if paper.kind in ("disclosure", "receipt") else None
    ended = {
        one.state.code
        for place, one in enumerate(drawn)
        if one.state is not State.IN_FORCE and (place == own or not passed_on(drawn, place))
    }
    if ended:
        return ended
    known = {one.org for place, one in enumerate(drawn) if not one.erased}
    owners = known if own is None else {*known, drawn[own].org}
    if not owners:
        return {"not_anchored"}
    signer = paper.of % len(ORGS)
    if paper.kind == "seal":
        if signer in owners:
            return {"in_force"}
        return {"issuer_mismatch"} if len(owners) == 1 else {"several_records"}
    return {"in_force"} if own is not None or len(owners) == 1 else {"several_records"}


records = st.lists(
    st.builds(
        Drawn,
        st.integers(0, 2),
        st.booleans(),
        st.sampled_from([State.IN_FORCE] * 12 + list(State)),
        st.booleans(),
        st.sampled_from([False, False, True]),
    ),
    min_size=1,
    max_size=5,
)
papers = st.builds(Paper, st.sampled_from(["none", "disclosure", "receipt", "seal"]), st.integers(0, 4))
WITHDRAWN, STRANGER = Drawn(0, True, State.WITHDRAWN), Drawn(1, True, State.IN_FORCE)
GONE = Drawn(0, True, State.SUPERSEDED, erased=True)


@given(records, papers)
@example([WITHDRAWN, STRANGER], Paper("none"))
@example([STRANGER, WITHDRAWN], Paper("none"))
@example([WITHDRAWN, STRANGER], Paper("disclosure", 1))
@example([WITHDRAWN, STRANGER], Paper("receipt", 1))
@example([WITHDRAWN, STRANGER], Paper("seal", 1))
@example([replace(WITHDRAWN, erased=True), STRANGER], Paper("none"))
@example([STRANGER, replace(WITHDRAWN, erased=True)], Paper("disclosure"))
@example([replace(WITHDRAWN, erased=True)], Paper("none"))
@example([replace(STRANGER, erased=True), Drawn(0, True, State.IN_FORCE)], Paper("seal", 1))
@example([Drawn(0, True, State.SUPERSEDED, erased=True), Drawn(0, True, State.IN_FORCE, True)], Paper("none"))
@example([Drawn(0, True, State.SUPERSEDED), Drawn(0, True, State.IN_FORCE, True)], Paper("none"))
@example([GONE, replace(GONE, replaces=True), Drawn(0, True, State.IN_FORCE, True)], Paper("none"))
@example([GONE, Drawn(0, True, State.IN_FORCE, True, True), STRANGER], Paper("disclosure", 2))
@example([Drawn(0, True, State.SUPERSEDED), Drawn(1, True, State.IN_FORCE, True)], Paper("none"))
@settings(max_examples=400, deadline=None)
def test_what_ended_stays_ended_and_no_stranger_makes_a_file_unverifiable(drawn: list[Drawn], paper: Paper) -> None:
    verdict = verdict_on(drawn, paper)
    allowed = oracle(drawn, paper)
    assert verdict.code in allowed or (paper.kind == "seal" and verdict.answer is VerdictOutcome.INVALID and allowed)
    assert (verdict.answer is VerdictOutcome.VALID) == (allowed == {"in_force"})
    warned = {one.code for one in verdict.context.warnings}
    own = paper.of % len(drawn) if paper.kind in ("disclosure", "receipt") else None
    told = {one.org for place, one in enumerate(drawn) if not one.erased or place == own}
    assert ("anchored_by_others" in warned) == (len(told) > 1)


@given(records, papers, st.randoms())
@settings(max_examples=150, deadline=None)
def test_neither_kind_nor_order_of_anchoring_decides(drawn: list[Drawn], paper: Paper, lot: object) -> None:
    plain = [replace(one, replaces=False, erased=False) for one in drawn]
    if len({one.org for one in plain}) == 1 or paper.kind in ("disclosure", "receipt"):
        return
    shuffled = [replace(one, certificate=not one.certificate) for one in plain]
    lot.shuffle(shuffled)  # type: ignore[attr-defined]
    assert verdict_on(plain, paper).code == verdict_on(shuffled, paper).code


@given(records, papers)
@settings(max_examples=100, deadline=None)
def test_beyond_the_records_looked_at_nothing_is_valid(drawn: list[Drawn], paper: Paper) -> None:
    assert verdict_on(drawn, paper, crowded=True).answer is not VerdictOutcome.VALID
    among_many = verdict_on(drawn, paper, crowded=True, counted=True)
    if paper.kind in ("disclosure", "receipt"):
        # what was presented decides, since none of the others has ended unseen
        assert among_many.code == verdict_on(drawn, paper).code
    elif among_many.answer is VerdictOutcome.VALID:
        assert paper.kind == "seal"


def test_all_organisations_are_named_where_nothing_says_whose_the_file_is() -> None:
    verdict = verdict_on([STRANGER, Drawn(2, False, State.IN_FORCE)], Paper("none"))
    assert ORGS[1] in verdict.message.zh and ORGS[2] in verdict.message.en
    assert verdict.to_json()["record"] is None
    named = verdict.record[RECORD.FILE_DIGEST].evidence["alsoNamedBy"]
    assert {one["organisation"] for one in named} == {ORGS[1], ORGS[2]}


def test_a_state_that_another_record_decides_says_so() -> None:
    verdict = verdict_on([WITHDRAWN, STRANGER], Paper("disclosure", 1))
    status = verdict.record[RECORD.STATUS]
    assert (status.code, status.evidence["decidedBy"], status.evidence["state"]) == ("withdrawn", ORGS[0], "in_force")
    assert ORGS[0] in next(one.message.en for one in verdict.context.warnings if one.code == "decided_by_another")


def test_a_record_whose_place_cannot_be_proven_makes_nothing_valid() -> None:
    facts = facts_of([STRANGER, Drawn(0, True, State.IN_FORCE)], Paper("disclosure", 0))
    for broken in (None, facts.claim):
        other = replace(facts.candidates[0], claim=broken)
        verdict = judge(replace(facts, candidates=(other,)))
        assert (verdict.answer, verdict.code) == (VerdictOutcome.INDETERMINATE, "finality_unproven")


@pytest.mark.parametrize("state", [State.IN_FORCE, State.WITHDRAWN])
def test_an_erased_record_is_told_of_only_if_something_says_that_it_ended(state: State) -> None:
    drawn = [STRANGER, Drawn(0, True, state, erased=True)]
    facts = facts_of(drawn, Paper("disclosure", 0))
    down = Outage("node_unavailable", "the chain cannot be read")
    past = {"at": ANCHORED - 60, "past": True}
    for unknown in ({"now_state": down}, past, {"at": NOW - 60, "past": True}, {"max_age": 1}):
        asked = replace(facts, **unknown)
        verdict = judge(asked)
        told = state is State.WITHDRAWN and "now_state" not in unknown
        assert verdict.answer is not VerdictOutcome.VALID
        assert (ORGS[0] in str(verdict.to_json())) == told, unknown
        alone = judge(replace(asked, candidates=()))
        assert told or verdict.to_json() == alone.to_json()
    # what the index says against it counts, and so does what cannot be placed
    ended = PastChange(State.WITHDRAWN, 1, NOW - 90, 80)
    told_of = replace(facts.candidates[0], memory=replace(facts.candidates[0].memory, history=(ended,)))
    assert ORGS[0] in str(judge(replace(facts, candidates=(told_of,), now_state=down)).to_json())
    lost = replace(facts.candidates[0], claim=None)
    assert judge(replace(facts, candidates=(lost,))).code == "finality_unproven"


def test_a_record_anchored_after_the_moment_asked_about_changes_nothing_then() -> None:
    facts = facts_of([STRANGER, Drawn(0, True, State.WITHDRAWN)], Paper("disclosure", 0))
    other = world(1, WITHDRAWN)
    later = replace(facts.candidates[0], anchor_state=other.proven(NOW - 60, 80))
    none_yet = world(0, STRANGER).words() | dict.fromkeys(other.words(), 0)
    then = replace(other.proven(NOW - 4_000, 70), words=none_yet)
    earlier = replace(facts, candidates=(later,), at=NOW - 3_600, past=True, then_state=then)
    assert judge(earlier).code == "in_force"
    assert judge(replace(facts, candidates=(later,))).code == "withdrawn"
    # that its evidence is of a later block proves nothing about then
    untold = judge(replace(earlier, then_state=replace(then, words=world(0, STRANGER).words())))
    assert (untold.answer, untold.code) == (VerdictOutcome.INDETERMINATE, "finality_unproven")
