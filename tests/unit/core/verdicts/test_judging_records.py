"""What a clerk is told about a record, one situation after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

import pytest

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.storage_layout import PermitEntry
from chain_service.core.encoding.text import Text
from chain_service.core.log.merkle import InclusionProof
from chain_service.core.records.disclosure import reveal
from chain_service.core.records.hashing import Entry, log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.states import State
from chain_service.core.verdicts.check_rules import RECORD_CHECKS
from chain_service.core.verdicts.inputs import (
    AcceptedChange,
    Asked,
    Failure,
    HeadSignature,
    JudgeInput,
    Memory,
    Outage,
    PastChange,
    Presented,
    Successor,
)
from chain_service.core.verdicts.judge import JudgedSignatures, judge
from chain_service.core.verdicts.verdict import Check, Verdict, warning
from chain_service.core.verdicts.verdict_codes import CODES, Outcome, VerdictOutcome
from support.worlds.judged_records import (
    ANCHORED,
    FILE,
    INDEX,
    NOW,
    ORG,
    RECORD_ID,
    SALT,
    SIZE,
    World,
    certificate,
    document,
)

DOWN = Outage("node_unavailable", "no node answered")
UNPROVEN = Outage("finality_unproven", "2 of 4 validators sealed")
ANCHORED_MEMORY = Memory(RECORD_ID, "anchored", anchored_at=ANCHORED)


def result(verdict: Verdict, name: str) -> Check:
    return next(check for check in verdict.groups[0].checks if check.name == name)


def by_identifier(world: World, **changes: object) -> JudgeInput:
    asked = Asked(identifier=world.disclosure.record.identity)
    return world.facts(presented=Presented(asked=asked), **changes)


def with_file(digests: dict[str, str], **changes: object) -> JudgeInput:
    return World().facts(presented=Presented(files=(digests,), whole_files=True), **changes)


def test_a_presented_disclosure_that_is_anchored_permitted_and_unchanged_is_in_force() -> None:
    verdict = judge(World().facts())
    assert (verdict.answer, verdict.code) == (VerdictOutcome.VALID, "in_force")
    assert [check.rule for check in verdict.groups[0].checks] == list(RECORD_CHECKS)


def test_a_partial_disclosure_is_worth_as_much_as_a_whole_one() -> None:
    world = World()
    partial = reveal(world.disclosure.record, SALT, ["certificateNumber"])
    verdict = judge(world.facts(presented=Presented(disclosure=partial), recalled=None, memory=None))
    assert verdict.code == "in_force"
    members = verdict.to_json()["record"]["members"]
    assert members["certificateNumber"] == "JY14301020001234"
    assert "holders.0.certificateHolderName" not in members


def test_a_look_up_by_identifier_is_at_best_in_force_not_compared_and_shows_no_members() -> None:
    verdict = judge(by_identifier(World()))
    assert (verdict.answer, verdict.code) == (VerdictOutcome.VALID, "in_force_not_compared")
    assert verdict.to_json()["record"]["members"] == {}


def test_a_look_up_shows_the_members_that_the_caller_may_see() -> None:
    verdict = judge(by_identifier(World(), display={"certificateNumber": "JY14301020001234"}))
    assert verdict.to_json()["record"]["members"] == {"certificateNumber": "JY14301020001234"}


def test_a_file_whose_digest_is_anchored_is_in_force_with_a_warning_that_its_signatures_were_not_checked() -> None:
    verdict = judge(with_file(FILE))
    assert verdict.code == "in_force"
    assert [warning.code for warning in verdict.context.warnings] == ["signatures_not_checked"]
    assert {check.outcome for check in verdict.groups[1].checks} == {Outcome.SKIPPED}
    assert len(verdict.groups[1].checks) == 10


def test_files_attached_after_signing_are_named_unless_the_record_names_the_file_with_them() -> None:
    added = JudgedSignatures(warnings=(warning("attachments_added", names="new.pdf"),))
    for presented, warned in ((FILE, []), ({"sha-256": "00" * 32}, ["attachments_added"])):
        facts = with_file(presented)
        facts = replace(facts, presented=replace(facts.presented, before_attaching=FILE))
        verdict = judge(facts, lambda _: added)
        assert (verdict.code, [one.code for one in verdict.context.warnings]) == ("in_force", warned)


def test_one_digest_of_a_file_is_enough_to_compare() -> None:
    assert judge(with_file({"sm3": FILE["sm3"]})).code == "in_force"


def test_a_file_is_altered_when_only_one_of_its_digests_agrees() -> None:
    assert judge(with_file({**FILE, "sm3": "00" * 32})).code == "content_altered"


def test_a_hidden_file_list_of_a_partial_disclosure_is_compared_with_the_same_record_stored() -> None:
    world = World()
    partial = reveal(world.disclosure.record, SALT, [])
    presented = Presented(disclosure=partial, files=(FILE,))
    assert judge(world.facts(presented=presented)).code == "in_force"
    assert judge(world.facts(presented=presented, recalled=None)).code == "not_anchored"


def test_a_document_needs_no_permit() -> None:
    verdict = judge(replace(World(), permits=()).holding(document()).facts())
    assert verdict.code == "in_force"
    assert result(verdict, "issuer_permitted").outcome is Outcome.SKIPPED


def test_a_head_shown_by_the_newest_block_alone_is_enough() -> None:
    elsewhere = replace(ANCHORED_MEMORY, record_id=None)
    verdict = judge(World().facts(anchor_state=None, memory=elsewhere))
    assert verdict.code == "in_force"
    assert result(verdict, "issuer_permitted").evidence["block"] == 90


def test_permits_missing_from_the_stored_evidence_are_read_from_the_newest_block_as_they_were_when_anchored() -> None:
    world = World()
    bare = replace(world.proven(ANCHORED, 7), words={k: v for k, v in world.words().items() if k[0] == "RecordLog"})
    assert judge(world.facts(anchor_state=bare)).code == "in_force"
    late = replace(world, permits=(replace(world.permits[0], recorded_at=ANCHORED + 1),))
    assert judge(late.facts(anchor_state=bare)).code == "issuer_not_permitted"


def test_a_suspended_organisation_does_not_matter_for_what_it_anchored_before() -> None:
    world = World()
    standing = {(storage_layout.ORGANISATIONS, storage_layout.standing_slot(ORG)): 0b11}
    now_state = replace(world.proven(NOW - 30, 90), words={**world.words(), **standing})
    assert judge(world.facts(now_state=now_state)).code == "in_force"


def test_a_withdrawn_certificate_is_invalid_with_date_and_reason_in_both_languages() -> None:
    change = PastChange(State.WITHDRAWN, 2, ANCHORED + 86_400, 12)
    verdict = judge(World().in_state(State.WITHDRAWN).facts(memory=replace(ANCHORED_MEMORY, history=(change,))))
    assert verdict.code == "withdrawn"
    assert verdict.message.zh == "已撤销（2025-06-16），原因：以欺骗手段取得"
    assert verdict.message.en == "withdrawn on 2025-06-16: obtained by fraud"


def test_a_superseded_certificate_names_its_successor_when_it_is_known() -> None:
    successor = "JY14301020009999"
    change = PastChange(State.SUPERSEDED, 9, ANCHORED + 86_400, 12, Successor(successor, "食品经营许可证"))
    world = World().in_state(State.SUPERSEDED)
    known = judge(world.facts(memory=replace(ANCHORED_MEMORY, history=(change,))))
    assert successor in known.message.en
    assert successor in known.next_step.zh
    unknown = judge(world.facts(memory=None))
    assert (unknown.message.en, unknown.next_step.en) == ("superseded", "ask the issuer for the new one and verify it")


def test_the_chain_decides_the_state_when_the_index_has_another() -> None:
    change = PastChange(State.IN_FORCE, 13, ANCHORED + 86_400, 12)
    verdict = judge(World().in_state(State.SUSPENDED).facts(memory=replace(ANCHORED_MEMORY, history=(change,))))
    assert (verdict.code, verdict.message.en) == ("suspended", "suspended")


HISTORY = (
    PastChange(State.SUSPENDED, 12, ANCHORED + 2 * 86_400, 12),
    PastChange(State.IN_FORCE, 13, ANCHORED + 4 * 86_400, 14),
)


def in_the_past(days: int, then: State | None, now: State = State.IN_FORCE, **changes: object) -> str:
    """The code for a moment so many days after the anchoring, when the chain's word showed the state `then`."""
    at = ANCHORED + days * 86_400
    shown = None if then is None else World().in_state(then).proven(at, 7 + days)
    memory = replace(ANCHORED_MEMORY, history=HISTORY)
    given = {"at": at, "past": True, "memory": memory, "then_state": shown}
    return judge(World().in_state(now).facts(**given | changes)).code


def test_the_state_at_a_past_moment_is_what_the_chain_showed_then_whatever_the_index_says() -> None:
    for days in (1, 3, 5):
        assert in_the_past(days, State.IN_FORCE) == "in_force"
        assert in_the_past(days, State.SUSPENDED) == "suspended"
    assert in_the_past(1, State.IN_FORCE, now=State.WITHDRAWN) == "in_force"


def test_without_proof_the_index_is_believed_about_the_past_only_where_it_speaks_against_the_record() -> None:
    assert [in_the_past(days, None) for days in (1, 2, 3, 4)] == [
        "finality_unproven",
        "suspended",
        "suspended",
        "finality_unproven",
    ]
    withdrawn = PastChange(State.WITHDRAWN, 2, ANCHORED + 5 * 86_400, 15)
    edited = replace(ANCHORED_MEMORY, history=(replace(withdrawn, at=ANCHORED + 7 * 86_400),))
    assert in_the_past(6, None, now=State.WITHDRAWN, memory=edited) == "finality_unproven"
    assert in_the_past(6, State.WITHDRAWN, now=State.WITHDRAWN, memory=edited) == "withdrawn"
    assert in_the_past(6, None, now=State.WITHDRAWN, memory=None) == "finality_unproven"


def test_a_past_state_is_unknown_when_the_indexed_changes_do_not_lead_to_the_proven_one() -> None:
    memory = replace(ANCHORED_MEMORY, history=HISTORY[:1])
    assert in_the_past(1, State.IN_FORCE, memory=memory) == "status_stale"


def test_a_record_was_anchored_by_a_past_moment_if_a_block_from_before_it_shows_its_head() -> None:
    world, at = World(), ANCHORED + 86_400
    head = (storage_layout.RECORD_LOG, storage_layout.head_slot(world.log, SIZE))
    for shown, code in ((world.words()[head], "in_force"), (0, "not_anchored")):
        then = replace(world.proven(at - 5, 8), words={**world.words(), head: shown})
        late = {"anchor_state": world.proven(at + 5, 9), "then_state": then, "at": at, "past": True}
        assert judge(world.facts(memory=ANCHORED_MEMORY, **late)).code == code


def test_two_states_of_which_the_newer_denies_the_head_are_of_two_histories() -> None:
    world = World()
    head = (storage_layout.RECORD_LOG, storage_layout.head_slot(world.log, SIZE))
    for denied in (0, 1):
        gone = replace(world.proven(NOW - 30, 90), words={**world.words(), head: denied})
        for presented in (True, False):
            verdict = judge(world.facts(now_state=gone, claim=world.claim(presented=presented)))
            assert verdict.code == "proof_invalid"
            assert result(verdict, "anchor").outcome is Outcome.FAILED
    before = replace(world.proven(ANCHORED - 9, 5), words={**world.words(), head: 0})
    assert judge(world.facts(then_state=before)).code == "in_force"


def test_permits_recorded_while_it_is_not_proven_when_the_record_was_anchored_have_to_make_no_difference() -> None:
    grant = replace(World().permits[0], recorded_at=ANCHORED - 5)
    taken = PermitEntry(storage_layout.PERMIT_END, 0, storage_layout.day_number(date(2025, 5, 31)), ANCHORED + 5)
    later = PermitEntry(storage_layout.PERMIT_END, 0, storage_layout.day_number(date(2025, 6, 15)), ANCHORED + 5)
    for permits, code in (
        ((grant,), "in_force"),
        ((grant, later), "in_force"),
        ((grant, taken), "finality_unproven"),
        ((replace(grant, recorded_at=ANCHORED + 1),), "finality_unproven"),
        ((taken,), "issuer_not_permitted"),
    ):
        world = replace(World(), permits=permits)
        shown = world.proven(ANCHORED + 10, 7)
        assert judge(world.facts(anchor_state=shown)).code == code
        stale = judge(world.facts(anchor_state=shown, memory=None, earliest=ANCHORED))
        assert stale.code == ("trust_stale" if code == "finality_unproven" else code)
        assert judge(world.facts(anchor_state=shown, memory=replace(ANCHORED_MEMORY, anchored_at=NOW))).code == (
            "in_force"
            if later in permits or permits == (grant,)
            else judge(world.facts(anchor_state=shown, memory=None)).code
        )


def test_validators_who_have_left_say_nothing_of_now_but_their_bad_news_stays() -> None:
    world = World()
    left = replace(world.proven(NOW - 30, 90), speaks_until=NOW - 20)
    verdict = judge(world.facts(now_state=left))
    assert (verdict.answer, verdict.code) == (VerdictOutcome.INDETERMINATE, "trust_stale")
    assert verdict.context.included_by and verdict.context.status_as_of is None
    assert "changed since" in verdict.message.en and "变更" in verdict.message.zh
    assert judge(world.facts(now_state=left, at=NOW - 25, past=True)).code == "in_force"
    withdrawn = World().in_state(State.WITHDRAWN)
    ended = replace(withdrawn.proven(NOW - 30, 90), speaks_until=NOW - 20)
    assert judge(withdrawn.facts(now_state=ended)).code == "withdrawn"


def test_before_it_was_anchored_a_record_was_not_anchored() -> None:
    assert judge(World().facts(at=ANCHORED - 1, past=True)).code == "not_anchored"


def test_a_block_slightly_ahead_of_the_clock_does_not_make_now_a_past_moment() -> None:
    world = World()
    ahead = world.proven(NOW + 5, 90)
    assert judge(world.facts(now_state=ahead, anchor_state=ahead, memory=None)).code == "in_force"


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        ("2025-06-01T15:59:59Z", "not_yet_effective"),
        ("2025-06-01T16:00:00Z", "in_force"),
        ("2030-05-31T15:59:59Z", "in_force"),
        ("2030-05-31T16:00:00Z", "expired"),
    ],
)
def test_both_days_of_the_period_count_whole_in_chinese_time(moment: str, code: str) -> None:
    at = int(datetime.fromisoformat(moment).timestamp())
    world = World()
    states = {"now_state": world.proven(at, 90), "anchor_state": world.proven(at, 7)}
    assert judge(world.facts(at=at, memory=None, **states)).code == code


def test_a_permit_covers_its_first_and_last_day_and_an_end_entry_closes_it() -> None:
    issued = storage_layout.day_number(date(2025, 6, 1))
    grant = PermitEntry(storage_layout.PERMIT_GRANT, issued, issued, 1)
    end = PermitEntry(storage_layout.PERMIT_END, 0, issued - 1, 2)
    assert judge(replace(World(), permits=(grant,)).facts()).code == "in_force"
    ended = judge(replace(World(), permits=(grant, end)).facts())
    assert ended.code == "issuer_not_permitted"
    assert result(ended, "issuer_permitted").evidence["permit"]["action"] == "end"


def test_a_record_in_the_log_of_another_organisation_is_not_permitted() -> None:
    world = replace(World(), log=log_id(OrgCode("11430000006122245J")))
    verdict = judge(world.facts())
    assert verdict.code == "issuer_not_permitted"
    assert result(verdict, "issuer_permitted").evidence["logOf"] == "11430000006122245J"


def test_a_stored_record_that_was_altered_is_named_even_when_only_its_identifier_was_given() -> None:
    world = World()
    altered = world.holding(certificate(certificateNumber="JY99999999999999")).disclosure
    verdict = judge(by_identifier(world, recalled=altered))
    assert verdict.code == "record_mismatch"
    evidence = result(verdict, "inclusion").evidence
    assert evidence["entryInLog"] == world.entry.hex() != evidence["entry"]


def test_a_stored_record_and_entry_altered_together_do_not_lead_to_the_head_on_chain() -> None:
    world = World()
    altered = world.holding(certificate(certificateNumber="JY99999999999999"))
    facts = by_identifier(world, recalled=altered.disclosure, claim=replace(world.claim(), entry=altered.entry))
    verdict = judge(facts)
    assert verdict.code == "record_mismatch"
    assert result(verdict, "anchor").outcome is Outcome.FAILED


def test_a_stored_entry_altered_alone_does_not_harm_a_holder_who_presents_the_truth() -> None:
    world = World()
    assert judge(world.facts(claim=replace(world.claim(), entry=Entry(b"\x01" * 32)))).code == "in_force"


def test_a_node_that_is_down_is_never_valid_though_the_stored_evidence_still_proves_the_anchoring() -> None:
    verdict = judge(World().facts(now_state=DOWN))
    assert verdict.code == "node_unavailable"
    assert result(verdict, "anchor").outcome is Outcome.PASSED
    assert verdict.context.included_by == "2025-06-15T15:06:40Z"
    assert verdict.context.status_as_of is None


def test_an_expired_certificate_is_expired_even_while_the_node_is_down() -> None:
    world = World().holding(certificate(certificateExpiringDate="2025-06-20"))
    assert judge(world.facts(now_state=DOWN)).code == "expired"


def test_a_final_state_read_from_an_old_block_is_invalid_not_stale() -> None:
    assert judge(World().in_state(State.CANCELLED).facts(max_age=1)).code == "cancelled"


def test_an_erased_record_is_still_verified_from_what_its_holder_keeps_with_a_warning() -> None:
    verdict = judge(World().facts(memory=replace(ANCHORED_MEMORY, erased=True), recalled=None))
    assert (verdict.code, [warning.code for warning in verdict.context.warnings]) == ("in_force", ["erased"])


def test_a_claimed_replacement_is_shown_and_does_not_change_the_verdict() -> None:
    verdict = judge(World().facts(memory=replace(ANCHORED_MEMORY, replaced_by=RECORD_ID)))
    assert verdict.code == "in_force"
    assert [warning.code for warning in verdict.context.warnings] == ["replacement_unconfirmed"]


def test_remarks_on_a_record_become_warnings() -> None:
    odd = replace(World(), log=log_id(OrgCode("91350100M0001TGQXM"))).holding(
        document(issuingOrganisationCode="91350100M0001TGQXM")
    )
    verdict = judge(odd.facts())
    assert (verdict.code, [w.code for w in verdict.context.warnings]) == ("in_force", ["org_code_check_fails"])


def test_a_change_on_its_way_does_not_touch_moments_before_it_was_accepted() -> None:
    memory = replace(ANCHORED_MEMORY, accepted=AcceptedChange(State.SUSPENDED, NOW - 60))
    then = {"then_state": World().proven(NOW - 70, 80)}
    assert judge(World().facts(memory=memory, at=NOW - 61, past=True, **then)).code == "in_force"
    assert judge(World().facts(memory=memory, at=NOW - 59, past=True, **then)).code == "status_changing"


REACHED: dict[str, Callable[[], JudgeInput]] = {
    "unreadable": lambda: World().facts(presented=Presented(failure=Failure("unreadable", "file", "no ZIP"))),
    "content_altered": lambda: with_file({"sha-256": "00" * 32}),
    "record_mismatch": lambda: World().facts(presented=Presented(disclosure=World().holding(document()).disclosure)),
    "proof_invalid": lambda: World().facts(
        presented=Presented(),
        claim=replace(World().claim(presented=True), proof=InclusionProof(INDEX, SIZE, (b"\x00" * 32,) * 4)),
    ),
    "issuer_not_permitted": lambda: replace(World(), permits=()).facts(),
    "not_yet_effective": lambda: World().holding(certificate(certificateEffectiveDate="2025-07-01")).facts(),
    "expired": lambda: World().holding(certificate(certificateExpiringDate="2025-06-24")).facts(),
    "status_changing": lambda: World().facts(
        memory=replace(ANCHORED_MEMORY, accepted=AcceptedChange(State.SUSPENDED, NOW - 5))
    ),
    "node_unavailable": lambda: World().facts(now_state=DOWN, anchor_state=None),
    "finality_unproven": lambda: World().facts(now_state=UNPROVEN),
    "trust_stale": lambda: World().facts(limit=Text("信任文件已过期", "the trust file expired")),
    "status_stale": lambda: World().facts(max_age=29),
    "pending": lambda: World().facts(claim=None, memory=Memory(RECORD_ID, "batched")),
    "not_anchored": lambda: World().facts(claim=None, memory=None, recalled=None),
    "several_records": lambda: with_file(FILE, claim=None, memory=None, recalled=None, undecided=True),
    "nothing_to_verify": lambda: World().facts(presented=Presented(), claim=None, memory=None, recalled=None),
    "in_force_not_compared": lambda: by_identifier(World()),
    "in_force": lambda: World().facts(),
} | {state.code: lambda state=state: World().in_state(state).facts() for state in State if state is not State.IN_FORCE}


RAISED_ELSEWHERE = {"papers_do_not_match", "issuer_unknown", "changes_unclear", "trust_file_alone"}
"""By `jobs.verifying.several_papers`, which puts several records together, and the page that has no chain at hand."""


@pytest.mark.parametrize("code", REACHED)
def test_each_situation_leads_to_its_code(code: str) -> None:
    verdict = judge(REACHED[code]())
    assert verdict.code == code
    assert verdict.answer is CODES[code].answer
    assert verdict.message.zh and verdict.message.en and verdict.next_step.zh and verdict.next_step.en


def test_every_code_that_a_check_of_the_record_may_raise_has_a_situation_here() -> None:
    raised = {code for rule in RECORD_CHECKS for code in rule.raises}
    assert raised - REACHED.keys() == RAISED_ELSEWHERE
    assert "nothing_to_verify" in raised


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ({"proof": InclusionProof(0, SIZE, ())}, "proof_invalid"),
        ({"proof": InclusionProof(SIZE, SIZE, ())}, "proof_invalid"),
        ({"proof": InclusionProof(2**70, 2**71, ())}, "proof_invalid"),
        ({"proof": InclusionProof(-1, -1, ())}, "proof_invalid"),
        ({"log": b"short"}, "proof_invalid"),
        ({"log": b"\xff" * 32}, "proof_invalid"),
        ({"entry": b"short", "proof": InclusionProof(1, SIZE, ())}, "proof_invalid"),
    ],
)
def test_a_presented_proof_of_impossible_shape_is_a_failed_check_not_an_exception(
    claim: dict[str, object], code: str
) -> None:
    facts = World().facts(claim=replace(World().claim(presented=True), **claim))
    assert judge(facts).code == code


def test_a_presented_proof_alone_is_not_compared_and_says_nothing_without_the_record() -> None:
    world = World()
    alone = {"presented": Presented(), "claim": world.claim(presented=True)}
    assert judge(world.facts(**alone)).code == "in_force_not_compared"
    assert judge(world.facts(**alone, recalled=None, memory=None)).code == "nothing_to_verify"


def test_a_disclosure_that_contradicts_itself_is_a_mismatch() -> None:
    failure = Failure("record_mismatch", "disclosure", "a revealed member has another digest")
    facts = World().facts(presented=Presented(failure=failure), recalled=None, claim=None, memory=None)
    assert judge(facts).code == "record_mismatch"


def test_a_head_that_is_not_on_chain_any_more_leaves_the_record_unanchored() -> None:
    world = World()
    key = (storage_layout.RECORD_LOG, storage_layout.head_slot(world.log, SIZE))
    gone = replace(world.proven(NOW, 90), words={**world.words(), key: 0})
    assert judge(world.facts(now_state=gone, anchor_state=None)).code == "not_anchored"
    assert judge(world.facts(now_state=gone, anchor_state=None, claim=world.claim(presented=True))).code == (
        "proof_invalid"
    )


def test_evidence_that_does_not_cover_what_is_asked_is_indeterminate() -> None:
    world = World()
    bare = replace(world.proven(NOW, 90), words={})
    assert judge(world.facts(now_state=bare)).code == "finality_unproven"
    assert judge(world.facts(now_state=bare, anchor_state=None)).code == "finality_unproven"


# The log's signature on the head, where a receipt is presented to a service that reads the chain.

SIGNED = HeadSignature(b"protected", b"\0" * 8, bytes(64))


def signature_check(**changes: object) -> Check:
    facts = World().facts(claim=World().claim(presented=True), head_signature=SIGNED, **changes)
    return result(judge(facts), "log_signature")


def test_a_signature_stays_open_while_no_state_shows_the_log_keys() -> None:
    assert signature_check().code == "finality_unproven"
    assert signature_check(now_state=DOWN, anchor_state=None).code == "node_unavailable"


def test_a_signature_by_a_key_that_the_chain_does_not_list_is_a_failed_check() -> None:
    world = World()
    states: dict[str, object] = {}
    for name, time, block in (("now_state", NOW - 30, 90), ("anchor_state", ANCHORED, 7)):
        state = world.proven(time, block)
        absent = {(storage_layout.ORGANISATIONS, storage_layout.log_key_slot(ORG, 0)): 0}
        states[name] = replace(state, words={**state.words, **absent})
    found = signature_check(**states)
    assert found.code == "proof_invalid" and "no log key" in found.evidence["detail"]


def test_a_receipt_that_proves_nothing_leaves_its_signature_unjudged() -> None:
    failure = Failure("proof_invalid", "receipt", "a trie node is missing")
    facts = World().facts(presented=replace(World().facts().presented, failure=failure), claim=None)
    assert result(judge(facts), "log_signature").code == "not_reached"
