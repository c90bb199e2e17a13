"""Verdicts from receipt, disclosure and trust file alone: the same codes as with a chain, and no socket."""

from dataclasses import replace
from datetime import date

import orjson
import pytest

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import verify_evidence
from chain_service.core.chainproof.evidence_cbor import BlockProof, select
from chain_service.core.chainproof.storage_layout import PermitEntry
from chain_service.core.chainproof.trust import Until
from chain_service.core.encoding.digests import file_digests, keccak256
from chain_service.core.receipts.receipt import encode, refreshed
from chain_service.core.receipts.trust_file import sign, update
from chain_service.core.receipts.verify_offline import present, prove_receipt, seen_blocks, verify_offline
from chain_service.core.records.disclosure import reveal
from chain_service.core.records.states import State
from chain_service.core.verdicts.check_rules import RECORD
from chain_service.core.verdicts.inputs import Presented
from chain_service.core.verdicts.judge import JudgedSignatures
from chain_service.errors import BadRequest, InvalidProof
from support.chains.clique_simulator import validators
from support.offline.offline_questions import twice
from support.offline.offline_seals import large_records, sealed_records
from support.offline.offline_tampering import before_the_anchoring
from support.sockets import no_sockets
from support.worlds.judged_records import certificate, document
from support.worlds.receipt_world import (
    AGE_LIMIT,
    BLOCK,
    DAY,
    LOG_KEY,
    NOW,
    OLD_LOG_KEY,
    RECORD_ID,
    ROOTS,
    TIME,
    Issued,
    details,
    findings,
    terms,
    trust_file,
    with_ranges,
)

CLIQUE, QBFT, OTHERS = Issued("clique"), Issued("qbft"), Issued("clique", 9)


@pytest.fixture(params=[CLIQUE, QBFT], ids=["clique", "qbft"])
def issued(request):
    return request.param


@pytest.fixture(autouse=True)
def without_sockets():
    with no_sockets():
        yield


def test_a_good_receipt_proves_everything_but_the_file(issued):
    verdict = issued.verify(issued.receipt())
    assert (verdict.answer.value, verdict.code) == ("valid", "in_force")
    assert findings(verdict) == {
        "parse": "readable",
        "file_digest": "no_file",
        "log_signature": "signed",
        "inclusion": "included",
        "anchor": "head_on_chain",
        "validators": "quorum" if issued is QBFT else "majority",
        "issuer_permitted": "permitted",
        "status": "in_force",
        "validity_period": "within_validity",
    }
    assert verdict.groups[0].subject == RECORD_ID and verdict.context.warnings == ()
    assert verdict.context.included_by == verdict.context.status_as_of


@pytest.mark.parametrize("consensus", ["clique", "qbft"])
def test_one_validator_is_a_trial(consensus):
    alone = Issued(consensus, 1)
    assert findings(alone.verify(alone.receipt()))["validators"] == "trial"


@pytest.mark.parametrize("state", [state for state in State if state is not State.IN_FORCE])
def test_a_refreshed_receipt_tells_the_newer_state(issued, state):
    old = issued.receipt()
    newer = refreshed(old, issued.newer(state=int(state)))
    verdict = issued.verify(newer, now=TIME + BLOCK + 110)
    assert (verdict.answer.value, verdict.code) == ("invalid", state.code)
    assert verdict.context.included_by == issued.verify(old).context.included_by < verdict.context.status_as_of


def test_a_status_older_than_the_age_limit_asks_for_a_fresher_receipt(issued):
    late = TIME + BLOCK + AGE_LIMIT
    assert issued.verify(issued.receipt(), now=late).code == "in_force"
    verdict = issued.verify(issued.receipt(), now=late + 1)
    assert (verdict.answer.value, verdict.code) == ("indeterminate", "status_stale")
    assert "refresh" in verdict.next_step.en
    fresh = refreshed(issued.receipt(), issued.newer(BLOCK + AGE_LIMIT - 10))
    assert issued.verify(fresh, now=late + 1).code == "in_force"


def test_a_past_moment_is_answered_by_the_newest_block_before_it(issued):
    receipt = refreshed(issued.receipt(), issued.newer(state=1))
    now = TIME + BLOCK + 500
    assert issued.verify(receipt, now=now, at=TIME + BLOCK + 50).code == "in_force"
    assert issued.verify(receipt, now=now, at=TIME + BLOCK + 100).code == "suspended"
    before = issued.verify(receipt, now=now, at=TIME + BLOCK - 1)
    assert (before.answer.value, before.code) == ("indeterminate", "not_anchored")
    with pytest.raises(BadRequest) as refusal:
        issued.verify(receipt, now=now, at=now + 60)
    assert refusal.value.code == "at_in_future"


def test_a_clock_that_runs_late_does_not_hide_the_newest_state(issued):
    receipt = refreshed(issued.receipt(), issued.newer(state=1))
    assert issued.verify(receipt, now=TIME + BLOCK + 50).code == "suspended"


def test_seals_are_judged_by_a_state_that_knows_the_moment_asked_about(issued):
    receipt, now = refreshed(issued.receipt(), issued.newer()), TIME + BLOCK + 200
    asked = []

    def examining(_name, moment, newest, _anchor):
        asked.append((moment - TIME, newest.block))
        return lambda _: JudgedSignatures()

    moments = [BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + 99, BLOCK + 100, BLOCK + 199]
    for moment in moments:
        issued.verify(receipt, now=now, at=TIME + moment, examining=examining)
    assert asked == [(moment, BLOCK if moment <= BLOCK else BLOCK + 100) for moment in moments]
    issued.verify(receipt, now=now, examining=examining)
    issued.verify(issued.receipt(), now=now, at=TIME + BLOCK + 1, examining=examining)
    assert asked[-2:] == [(BLOCK + 200, BLOCK + 100), (BLOCK + 1, BLOCK)]


def test_the_newer_evidence_has_to_be_newer(issued):
    for number in (BLOCK, BLOCK - 2):
        verdict = issued.verify(refreshed(issued.receipt(), issued.newer(number)))
        assert verdict.code == "proof_invalid" and "later block" in details(verdict)


def test_two_blocks_of_one_height_are_equivocation(issued):
    """On Clique as well: whoever makes a majority for both, one validator sealed on both branches."""
    remembered = {BLOCK: bytes(32)}
    with pytest.raises(InvalidProof) as refusal:
        prove_receipt(issued.receipt(), issued.chain, remembered)
    assert refusal.value.code == "equivocation"
    verdict = issued.verify(issued.receipt(), remembered=remembered)
    assert verdict.code == "proof_invalid" and "one height" in details(verdict)
    assert [warning.code for warning in verdict.context.warnings] == ["equivocation"]
    other = refreshed(issued.receipt(), issued.newer(BLOCK, state=1))
    with pytest.raises(InvalidProof) as refusal:
        prove_receipt(other, issued.chain)
    assert refusal.value.code == "equivocation"
    known = prove_receipt(issued.receipt(), issued.chain)[0].block_hash
    assert issued.verify(issued.receipt(), remembered={BLOCK: known}).code == "in_force"


def test_the_blocks_a_receipt_proves_are_named_with_their_headers_even_where_they_contradict_each_other(issued):
    both = seen_blocks(encode(refreshed(issued.receipt(), issued.newer())), issued.trust)
    assert [block.number for block in both] == [BLOCK, BLOCK + 100]
    assert [block.headers for block in both] == [issued.first.headers, issued.newer().headers]
    twice = seen_blocks(encode(refreshed(QBFT.receipt(), QBFT.newer(BLOCK, gasUsed=1))), QBFT.trust)
    assert [block.number for block in twice] == [BLOCK, BLOCK] and twice[0].block_hash != twice[1].block_hash
    assert seen_blocks(b"nonsense", issued.trust) == seen_blocks(encode(issued.receipt()), OTHERS.trust) == ()


# Validators.

CHANGE = BLOCK + 50
"""The first block of other validators."""
SHORT = {("clique", "one out"), ("qbft", "one out")}
"""Changes after which the simulated first block's signers are no longer enough of today's validators."""


def succession(before, later):
    """The chain of the one, with the validators of the other from CHANGE on."""
    end = Until(CHANGE - 1, keccak256(b"the last block"), TIME + CHANGE - 1)
    return with_ranges(
        before.chain, replace(before.chain.open, until=end), replace(later.chain.open, from_block=CHANGE)
    )


@pytest.mark.parametrize("consensus", ["clique", "qbft"])
@pytest.mark.parametrize("change", ["one in", "one out", "all replaced"])
def test_a_receipt_from_before_a_change_of_validators_verifies_after_it(consensus, change):
    pool = validators(9)
    before = Issued(consensus, among=tuple(pool[:4]))
    after = tuple({"one in": pool[:5], "one out": pool[:3], "all replaced": pool[4:8]}[change])
    later = Issued(consensus, among=after)
    newer = update(before.trust, sign(terms(succession(before, later), version=2), ROOTS[:3]))
    early = before.verify(before.receipt(), trusted=newer)
    assert (early.answer.value, early.code) == ("indeterminate", "trust_stale")
    assert (early.context.included_by is None) is (change == "all replaced" or (consensus, change) in SHORT)
    assert early.context.status_as_of is None
    whole = refreshed(before.receipt(), later.whole(BLOCK + 100))
    assert before.verify(whole, trusted=newer, now=NOW + 100).code == "in_force"
    # what refreshing adds is enough where the first block's signers are validators still
    both = before.verify(refreshed(before.receipt(), later.newer()), trusted=newer, now=NOW + 100)
    assert both.code == ("trust_stale" if early.context.included_by is None else "in_force")
    # a file from before the change cannot know who sealed; one that does is not to be told of a block by others
    old = before.verify(whole, now=NOW + 100)
    assert (old.answer.value, old.code) == ("indeterminate", "trust_stale")
    wrong = replace(before.receipt(), blocks=(BlockProof(later.first),))
    assert before.verify(wrong, trusted=newer).code == "proof_invalid"


# What was handed in.


def test_without_a_disclosure_there_is_nothing_to_verify(issued):
    verdict = verify_offline(encode(issued.receipt()), present(None), issued.trust, now=NOW)
    assert (verdict.answer.value, verdict.code) == ("indeterminate", "nothing_to_verify")
    verdict = verify_offline(encode(issued.receipt()), present(None, (file_digests(b"x"),)), issued.trust, now=NOW)
    assert verdict.code == "nothing_to_verify"


@pytest.mark.parametrize("data", [b"", b"\xd2\x80", b"not a receipt", bytes(300_000), b"\x9f" * 1000])
def test_what_is_no_receipt_is_a_verdict_not_an_exception(issued, data):
    verdict = issued.verify(data)
    assert (verdict.answer.value, verdict.code) == ("invalid", "proof_invalid")
    without = verify_offline(data, Presented(), issued.trust, now=NOW)
    assert (without.answer.value, without.code) == ("invalid", "proof_invalid")


@pytest.mark.parametrize("data", [b"", b"{}", b"[", b"\xff", b'{"record":{},"salt":""}'])
def test_what_is_no_disclosure_is_a_verdict_not_an_exception(issued, data):
    verdict = verify_offline(encode(issued.receipt()), present(data), issued.trust, now=NOW)
    assert (verdict.answer.value, verdict.code) == ("invalid", "unreadable")


def test_a_disclosure_that_contradicts_itself_is_a_mismatch(issued):
    partial = reveal(issued.content.disclosure.record, issued.content.disclosure.salt, ["certificateNumber"]).to_json()
    partial["revealed"]["certificateNumber"]["value"] = "1"
    verdict = verify_offline(encode(issued.receipt()), present(orjson.dumps(partial)), issued.trust, now=NOW)
    assert (verdict.answer.value, verdict.code) == ("invalid", "record_mismatch")


def test_a_partial_disclosure_shows_name_and_validity_but_not_the_number(issued):
    disclosure = issued.content.disclosure
    shown = orjson.dumps(reveal(disclosure.record, disclosure.salt, ["holders.0.certificateHolderName"]).to_json())
    verdict = verify_offline(encode(issued.receipt()), present(shown), issued.trust, now=NOW)
    assert verdict.code == "in_force"
    members = verdict.context.record["members"]
    assert members["holders.0.certificateHolderName"] and members["certificateExpiringDate"]
    assert "certificateNumber" not in members
    hidden = orjson.loads(shown)
    del hidden["open"]["certificateExpiringDate"]
    verdict = verify_offline(encode(issued.receipt()), present(orjson.dumps(hidden)), issued.trust, now=NOW)
    assert verdict.answer.value == "invalid"


def test_a_file_is_compared_with_the_record_and_its_signatures_are_not_looked_at(issued):
    digests = {"sha-256": "ab" * 32, "sm3": "cd" * 32}
    data = encode(issued.receipt())
    verdict = verify_offline(data, present(issued.disclosed, (digests,), whole_files=True), issued.trust, now=NOW)
    assert verdict.code == "in_force" and findings(verdict)["file_digest"] == "file_matches"
    assert [warning.code for warning in verdict.context.warnings] == ["signatures_not_checked"]
    verdict = verify_offline(data, present(issued.disclosed, (file_digests(b"x"),)), issued.trust, now=NOW)
    assert (verdict.answer.value, verdict.code) == ("invalid", "content_altered")


def test_documents_need_no_permit():
    issued = Issued("clique", content=CLIQUE.content.holding(document()))
    verdict = issued.verify(issued.receipt())
    assert verdict.code == "in_force" and findings(verdict)["issuer_permitted"] == "no_permit_needed"


def test_the_permits_in_the_receipt_decide():
    ended = PermitEntry(storage_layout.PERMIT_END, 0, storage_layout.day_number(date(2025, 5, 31)), 1_740_000_000)
    content = replace(CLIQUE.content, permits=(*CLIQUE.content.permits, ended))
    issued = Issued("clique", content=content)
    assert issued.verify(issued.receipt()).code == "issuer_not_permitted"


def test_an_expired_certificate_is_expired():
    issued = Issued("clique", content=CLIQUE.content.holding(certificate(certificateExpiringDate="2026-01-01")))
    assert issued.verify(issued.receipt()).code == "expired"


# The log's key.


def test_any_key_in_the_proven_history_may_have_signed():
    issued = Issued("qbft", log_keys=(OLD_LOG_KEY, LOG_KEY))
    for signer, n in ((OLD_LOG_KEY, 0), (LOG_KEY, 1)):
        verdict = issued.verify(issued.receipt(signed_by=signer))
        check = verdict.record[RECORD.LOG_SIGNATURE]
        assert (verdict.code, check.code, check.evidence["n"]) == ("in_force", "signed", n)
        assert check.evidence["key"] == signer.public_key.hex()


def test_evidence_has_to_cover_all_that_a_receipt_promises(issued):
    words = list(verify_evidence(issued.first, issued.chain).words)
    for left_out in words:
        evidence = select(issued.pooled(), issued.chain, [slot for slot in words if slot != left_out])
        verdict = issued.verify(replace(issued.receipt(), blocks=(BlockProof(evidence),)))
        assert (verdict.answer.value, verdict.code) == ("invalid", "proof_invalid")
        assert "does not cover" in details(verdict)
    for left_out in range(2):
        newer = issued.newer()
        found = list(verify_evidence(newer, issued.chain).words)
        evidence = select(issued.pooled(BLOCK + 100), issued.chain, [found[left_out]])
        assert issued.verify(refreshed(issued.receipt(), evidence)).code == "proof_invalid"


def test_evidence_from_before_the_anchoring_fixes_no_time(issued):
    """Else whoever holds a receipt could let a permit count that was recorded after the record was anchored."""
    answer = before_the_anchoring(issued).answered()["expected"]
    assert (answer["verdict"], answer["code"]) == ("invalid", "proof_invalid")


def test_what_judging_the_record_needs_has_to_be_covered_and_its_seals_need_not():
    answers = {question.name: question.answered()["expected"]["code"] for question in sealed_records()}
    short = {name for name in answers if "without" in name}
    unsealed = {name for name in short if name.endswith("of SealRegistry")}
    assert (len(short), len(unsealed)) == (5 + 2 + 3 + 2 + 4, 2 + 3 + 4)
    assert {answers[name] for name in short - unsealed} == {"proof_invalid"}
    assert {answers[name] for name in answers.keys() - (short - unsealed)} == {"in_force"}
    assert len(answers) == len(short) + 4


def test_receipts_hold_a_hundred_permits_and_all_the_seals_that_a_record_may_name():
    answers = [question.answered()["expected"]["code"] for question in large_records()]
    assert answers == ["in_force", "in_force"]


# The trust file's age.


def test_an_expired_trust_file_decides_nothing_unless_that_is_accepted(issued):
    assert issued.verify(issued.receipt(), trusted=trust_file(issued.chain, expires=NOW)).code == "in_force"
    stale = trust_file(issued.chain, expires=NOW - 1)
    verdict = issued.verify(issued.receipt(), trusted=stale)
    assert (verdict.answer.value, verdict.code) == ("indeterminate", "trust_stale")
    assert "expired on" in verdict.message.en and "到期" in verdict.message.zh and verdict.context.warnings == ()
    accepted = issued.verify(issued.receipt(), trusted=stale, accept_stale=True)
    assert accepted.code == "in_force"
    assert [warning.code for warning in accepted.context.warnings] == ["stale_trust_accepted"]
    fresh = issued.verify(issued.receipt(), accept_stale=True)
    assert fresh.code == "in_force" and fresh.context.warnings == ()


def test_bad_news_and_bad_proofs_outrank_an_expired_trust_file(issued):
    stale = trust_file(issued.chain, expires=NOW - 1)
    withdrawn = refreshed(issued.receipt(), issued.newer(BLOCK + 10, state=int(State.WITHDRAWN)))
    assert issued.verify(withdrawn, trusted=stale).code == "withdrawn"
    assert issued.verify(b"nonsense", trusted=stale).code == "proof_invalid"


def test_seals_older_than_the_trusting_period_prove_nothing_any_more_unless_that_is_accepted(issued):
    verdict = issued.verify(issued.receipt(), now=NOW + 40 * DAY)
    assert (verdict.answer.value, verdict.code) == ("indeterminate", "trust_stale")
    assert "40 days" in verdict.message.en and "40 天" in verdict.message.zh
    moment = {"now": NOW + 40 * DAY, "at": NOW}
    assert issued.verify(issued.receipt(), **moment).code == "trust_stale"
    accepted = issued.verify(issued.receipt(), **moment, accept_stale=True)
    assert accepted.code == "in_force"
    assert [warning.code for warning in accepted.context.warnings] == ["stale_trust_accepted"]
    assert issued.verify(issued.receipt(), now=NOW + 40 * DAY, accept_stale=True).code == "status_stale"


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", [State.IN_FORCE, State.WITHDRAWN, State.SUPERSEDED])
def test_no_later_block_takes_back_the_end_of_a_record(issued, before, after):
    verdict = issued.verify(twice(issued, before, after), now=NOW + 200)
    passing = (State.IN_FORCE, State.SUSPENDED, State.TRANSFERRED)
    assert verdict.code == (after.code if before in passing or after is before else "proof_invalid")
