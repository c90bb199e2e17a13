"""What the ten checks of a signature say of every way in which it can be wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.storage_layout import PermitEntry, Standing
from chain_service.core.verdicts.check_rules import SIGNATURE, SIGNATURE_CHECKS
from chain_service.core.verdicts.inputs import Outage
from chain_service.core.verdicts.verdict import Context, conclude
from chain_service.core.verdicts.verdict_codes import Outcome
from chain_service.documents.facts import ClaimedTime, CoverageFacts, Problem, ReferenceFacts, SignatureFacts
from chain_service.documents.judging.signatures import judge_document
from chain_service.documents.judging.timing import SIGNER_CLOCK_SKEW as SKEW
from support.worlds.judged_documents import (
    DAY,
    FIRST,
    ISSUER,
    LAST,
    MAKER,
    NOW,
    OTHER,
    SIGNED,
    binding,
    certificate,
    codes,
    document,
    judged,
    listed,
    registry,
    result,
    seal,
    signature,
    timestamp,
)

GOOD = {
    "parse": "signature_readable",
    "reference_digests": "digests_match",
    "coverage": "all_covered",
    "signature": "signature_holds",
    "seal_signature": "seal_holds",
    "signer_certificate": "certificate_trusted",
    "revocation": "not_revoked",
    "signing_time": "time_claimed",
    "seal_registered": "seal_in_force",
    "issuer_binding": "issuer_bound",
}
CHANGED = (ReferenceFacts("Doc_0/P.xml", "sm3", False, False),)
FORBIDDEN = {"may_sign": False}
ENDED = certificate(not_after=NOW - DAY, revocation={"as_of": NOW - 2 * DAY})
REVOKED = {"outcome": "revoked", "revoked_at": NOW - DAY}

WRONG: dict[str, tuple[SignatureFacts, str, str]] = {
    "unreadable": (signature(problem=Problem("malformed", "…")), "parse", "unreadable"),
    "not as this program reads it": (signature(problem=Problem("not_der", "…")), "parse", "signature_unsupported"),
    "signature taken away": (signature(problem=Problem("signature_removed", "…")), "parse", "changes_unclear"),
    "value taken away": (signature(problem=Problem("no_value", "…")), "parse", "signature_invalid"),
    "form not read here": (signature(problem=Problem("unknown_form", "…")), "parse", "signature_unsupported"),
    "unknown digest": (
        signature(references=(ReferenceFacts("a", "x", None, False),)), "reference_digests", "signature_unsupported"),
    "unknown algorithm": (signature(signature_holds=None), "signature", "signature_unsupported"),
    "weak signature": (signature(weak=True), "signature", "signature_unsupported"),
    "weak digest": (
        signature(references=(ReferenceFacts("a", "sha-1", True, True),)), "reference_digests",
        "signature_unsupported"),
    "critical extension": (
        signature(problems=(Problem("critical_extension", "…"),)), "signature", "signature_unsupported"),
    "critical extension of the seal": (
        signature(seal=seal(problems=(Problem("critical_extension", "…"),))), "seal_signature",
        "signature_unsupported"),
    "unknown digest of what was signed": (
        signature(data_digest_holds=None), "reference_digests", "signature_unsupported"),
    "no signer": (signature(signer=None), "parse", "signature_unsupported"),
    "seal unreadable": (signature(seal=None), "parse", "signature_unsupported"),
    "content changed": (signature(references=CHANGED), "reference_digests", "content_altered"),
    "digest rewritten": (signature(data_digest_holds=False), "reference_digests", "content_altered"),
    "page not signed": (
        signature(coverage=CoverageFacts(False, displayed=("Doc_0/Q.xml",))), "coverage", "content_altered"),
    "page that may be shown": (
        signature(coverage=CoverageFacts(False, unclear=("Doc_0/Q.xml",))), "coverage", "changes_unclear"),
    "template left out": (
        signature(coverage=CoverageFacts(False, left_out=("Doc_0/T.xml",))), "coverage", "not_all_signed"),
    "coverage unknown": (signature(coverage=CoverageFacts(False)), "coverage", "content_altered"),
    "signature": (signature(signature_holds=False), "signature", "signature_invalid"),
    "seal forged": (signature(seal=seal(signature_holds=False)), "seal_signature", "signature_invalid"),
    "seal algorithm": (signature(seal=seal(signature_holds=None)), "seal_signature", "signature_unsupported"),
    "seal swapped": (signature(seal_file_equal=False), "seal_signature", "seal_mismatch"),
    "signer not in seal": (signature(signer_in_seal=False), "seal_signature", "seal_mismatch"),
    "maker untrusted": (
        signature(seal=seal(maker=certificate(MAKER, path={"outcome": "untrusted"}))),
        "seal_signature", "signer_untrusted"),
    "maker unreadable": (signature(seal=seal(maker=None)), "seal_signature", "signer_untrusted"),
    "maker revoked before": (
        signature(seal=seal(maker=certificate(MAKER, revocation={"outcome": "revoked", "revoked_at": FIRST - 1}))),
        "seal_signature", "signer_revoked"),
    "maker unknown": (
        signature(seal=seal(maker=certificate(MAKER, revocation={"outcome": "unknown"}))),
        "seal_signature", "revocation_unknown"),
    "maker's usage": (
        signature(seal=seal(maker=certificate(MAKER, **FORBIDDEN))), "seal_signature", "signature_invalid"),
    "seal made outside": (
        signature(seal=seal(maker=certificate(MAKER, not_before=FIRST + DAY))),
        "seal_signature", "signed_outside_validity"),
    "usage": (signature(signer=certificate(**FORBIDDEN)), "signer_certificate", "signature_invalid"),
    "usage, without a seal": (
        signature(form="pades", seal=None, signer=certificate(**FORBIDDEN)), "signer_certificate", "signer_untrusted"),
    "untrusted": (
        signature(signer=certificate(path={"outcome": "untrusted"})), "signer_certificate", "signer_untrusted"),
    "broken path": (
        signature(signer=certificate(path={"outcome": "broken"})), "signer_certificate", "signer_untrusted"),
    "expired at signing": (
        signature(signer=certificate(not_after=SIGNED - SKEW - 1)), "signer_certificate", "signed_outside_validity"),
    "not valid yet": (
        signature(signer=certificate(not_before=SIGNED + SKEW + 1)), "signer_certificate", "signed_outside_validity"),
    "revoked before": (
        signature(signer=certificate(revocation={"outcome": "revoked", "revoked_at": SIGNED - 1})),
        "revocation", "signer_revoked"),
    "no list": (
        signature(signer=certificate(revocation={"outcome": "unknown"})), "revocation", "revocation_unknown"),
    "old list": (
        signature(signer=certificate(revocation={"as_of": NOW - 30 * DAY, "next_update": NOW - 20 * DAY})),
        "revocation", "revocation_unknown"),
    "list too old though nothing newer was promised": (
        signature(signer=certificate(revocation={"as_of": NOW - 8 * DAY, "next_update": None})),
        "revocation", "revocation_unknown"),
    "seal expired at signing": (
        signature(seal=seal(valid_until=SIGNED - 1)), "signing_time", "signed_outside_validity"),
    "seal ended since": (signature(seal=seal(valid_until=NOW - DAY)), "signing_time", "signing_time_unproven"),
    "signed in the future": (
        signature(claimed=(ClaimedTime(NOW + DAY, "seal_signature"),)), "signing_time", "signing_time_unproven"),
    "certificate ended since": (signature(signer=ENDED), "signing_time", "signing_time_unproven"),
    "revoked since": (
        signature(signer=certificate(revocation=REVOKED)), "signing_time", "signing_time_unproven"),
}  # fmt: skip


def test_a_good_signature_passes_every_check_in_the_order_of_the_interface() -> None:
    signed = judged(signature())
    assert codes(signed) == GOOD
    assert list(codes(signed)) == [rule.name for rule in SIGNATURE_CHECKS]
    assert signed.groups[0].subject == "Doc_0/Signs/Sign_0/Signature.xml"
    assert [one.code for one in signed.warnings] == ["sealed_not_anchored"]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_by_its_check_and_never_valid(name: str) -> None:
    facts, check, code = WRONG[name]
    signed = judged(facts)
    assert codes(signed)[check] == code
    assert result(signed, check).outcome in (Outcome.FAILED, Outcome.INDETERMINATE)
    assert conclude(signed.groups, Context("2026-01-01T00:00:00Z")).answer.value != "valid"


def test_every_code_that_a_check_may_raise_is_raised_here_or_below() -> None:
    raised = {(check, code) for _, check, code in WRONG.values()}
    below = {
        *(("seal_registered", code) for code in SIGNATURE.SEAL_REGISTERED.raises),
        *(("issuer_binding", code) for code in SIGNATURE.ISSUER_BINDING.raises),
        ("seal_signature", "signing_time_unproven"),
    }
    assert {(rule.name, code) for rule in SIGNATURE_CHECKS for code in rule.raises} <= raised | below


def test_a_document_that_cannot_be_read_is_one_group_that_says_so() -> None:
    facts = document(problem=Problem("malformed", "it ends in the middle"))
    signed = judge_document(facts, binding(), "file.ofd")
    assert [group.subject for group in signed.groups] == ["file.ofd"]
    assert set(codes(signed).values()) == {"unreadable", "not_reached"}
    assert result(signed, "parse").evidence["problem"] == "malformed"


@pytest.mark.parametrize("problem", ["malformed", "not_der", "too_large", "zip_bomb"])
def test_a_file_that_is_the_anchored_one_is_never_called_damaged(problem: str) -> None:
    anchored = binding(anchored_by=NOW - DAY)
    whole = judge_document(document(problem=Problem(problem, "…")), anchored, "file.ofd")
    one = judged(signature(problem=Problem(problem, "…")), bound=anchored)
    assert codes(whole)["parse"] == codes(one)["parse"] == "signature_unsupported"


@pytest.mark.parametrize(
    "problem",
    ["encrypted", "several_signers", "too_complex", "too_large", "too_slow", "unknown_form", "unknown_version",
     "zip_bomb"],
)  # fmt: skip
def test_what_this_program_cannot_do_is_not_the_files_damage(problem: str) -> None:
    whole = judge_document(document(problem=Problem(problem, "…")), binding(), "file.ofd")
    assert codes(whole)["parse"] == "signature_unsupported"


@pytest.mark.parametrize(
    "unknown",
    [{"signature_holds": None}, {"weak": True}, {"problems": (Problem("critical_extension", "…"),)}],
    ids=["unknown algorithm", "weak algorithm", "critical extension"],
)
def test_what_cannot_be_told_of_a_signature_excuses_no_change_of_its_content(unknown: dict[str, object]) -> None:
    signed = judged(signature(references=CHANGED, **unknown))
    assert conclude(signed.groups, Context("2026-01-01T00:00:00Z")).code == "content_altered"


def test_a_document_without_signatures_has_no_group() -> None:
    assert judged().groups == ()


def test_files_that_are_not_displayed_are_a_warning() -> None:
    signed = judged(signature(coverage=CoverageFacts(False, other=("extra.xml",))), uncovered=("extra.xml",))
    assert codes(signed)["coverage"] == "shown_covered"
    assert "extra.xml" in next(one for one in signed.warnings if one.code == "uncovered_files").message.en


@pytest.mark.parametrize(
    ("digest", "anchored", "code"),
    [
        ("sha-1", False, "signature_unsupported"),
        ("sha-1", True, "digests_match"),
        ("md5", False, "signature_unsupported"),
        ("md5", True, "signature_unsupported"),
    ],
)
def test_a_weak_digest_is_a_warning_and_good_only_where_a_record_makes_up_for_it(
    digest: str, anchored: bool, code: str
) -> None:
    bound = binding(anchored_by=NOW - DAY if anchored else None)
    signed = judged(signature(references=(ReferenceFacts("a", digest, True, True),)), bound=bound)
    assert codes(signed)["reference_digests"] == code
    assert digest in next(one for one in signed.warnings if one.code == "weak_digest").message.zh


def test_a_weak_signature_is_not_made_up_for_by_a_record() -> None:
    signed = judged(signature(weak=True, algorithm="rsa-1024"), bound=binding(anchored_by=NOW - DAY))
    assert codes(signed)["signature"] == "signature_unsupported"
    assert "rsa-1024" in next(one for one in signed.warnings if one.code == "weak_digest").message.en


def test_deviations_are_told_once_beside_a_good_result() -> None:
    told = (Problem("encoding_deviation", "it is written in an old way"),)
    signed = judged(signature(problems=told), signature(problems=told, seal=seal(problems=told)))
    assert conclude(signed.groups, Context("2026-01-01T00:00:00Z")).answer.value == "valid"
    (warned,) = (one for one in signed.warnings if one.code == "encoding_deviation")
    assert warned.message.en.count("written in an old way") == 1


# The time rule: what is proven counts, what is claimed does not.


@pytest.mark.parametrize("signer", [ENDED, certificate(revocation=REVOKED)])
@pytest.mark.parametrize("proof", ["anchoring", "timestamp"])
def test_a_signature_proven_older_than_the_end_of_its_certificate_counts(signer: object, proof: str) -> None:
    proven = NOW - 2 * DAY
    bound = binding(anchored_by=proven if proof == "anchoring" else None)
    stamps = (timestamp(proven),) if proof == "timestamp" else ()
    signed = judged(signature(signer=signer, timestamps=stamps), bound=bound)
    verdict = conclude(signed.groups, Context("2026-01-01T00:00:00Z"))
    assert verdict.code == "in_force_signer_expired"
    assert proof in result(signed, "signing_time").evidence["provenBy"]


@pytest.mark.parametrize("signer", [ENDED, certificate(revocation=REVOKED)])
def test_a_signature_proven_only_after_the_end_does_not_count_and_the_standards_answer_stands_beside(
    signer: object,
) -> None:
    signed = judged(signature(signer=signer), bound=binding(anchored_by=NOW - 60))
    found = result(signed, "signing_time")
    assert found.code == "signing_time_unproven"
    assert found.evidence["byTheStandard"] == "valid"
    assert found.evidence["claimedTime"] == "2026-06-13T14:13:20Z"


@pytest.mark.parametrize(
    "changes",
    [
        {"imprint_matches": False},
        {"signature_holds": False},
        {"authority": None},
        {"authority": certificate(path={"outcome": "untrusted"})},
        {"authority": certificate(revocation={"outcome": "unknown"})},
        {"authority": certificate(not_after=NOW - 60)},
        {"problem": Problem("not_der", "…")},
    ],
)
def test_a_timestamp_that_does_not_hold_proves_no_time(changes: dict[str, object]) -> None:
    signed = judged(signature(signer=ENDED, timestamps=(timestamp(NOW - 2 * DAY, **changes),)))
    assert codes(signed)["signing_time"] == "signing_time_unproven"


def test_the_earlier_proof_counts() -> None:
    stamped = signature(timestamps=(timestamp(NOW - 5 * DAY),))
    assert (
        result(judged(stamped, bound=binding(anchored_by=NOW - DAY)), "signing_time")
        .evidence["provenBy"]
        .startswith("timestamp")
    )
    assert (
        result(judged(stamped, bound=binding(anchored_by=NOW - 9 * DAY)), "signing_time")
        .evidence["provenBy"]
        .startswith("anchoring")
    )


def test_a_list_from_after_the_proven_time_is_enough_however_old_it_is() -> None:
    old = certificate(revocation={"as_of": NOW - 50 * DAY, "next_update": NOW - 43 * DAY})
    assert codes(judged(signature(signer=old)))["revocation"] == "revocation_unknown"
    anchored = binding(anchored_by=NOW - 60 * DAY)
    assert codes(judged(signature(signer=old), bound=anchored))["revocation"] == "not_revoked"


def test_a_list_made_after_the_certificate_ended_may_have_dropped_it() -> None:
    signer = certificate(not_after=NOW - DAY, revocation={"as_of": NOW - 60, "after_end": True})
    signed = judged(signature(signer=signer), bound=binding(anchored_by=NOW - 9 * DAY))
    assert codes(signed)["revocation"] == "revocation_unknown"


def test_every_certificate_of_the_path_counts() -> None:
    lists = (listed(b"\x01" * 32), listed(b"\x0a" * 32, outcome="revoked", revoked_at=SIGNED - 1))
    assert codes(judged(signature(signer=certificate(path={"revocations": lists}))))["revocation"] == "signer_revoked"


def test_the_registration_of_a_seal_proves_that_it_is_older_than_the_end_of_its_maker() -> None:
    maker = certificate(MAKER, not_after=NOW - DAY, revocation={"as_of": NOW - 2 * DAY})
    facts = signature(seal=seal(maker=maker))
    assert codes(judged(facts))["seal_signature"] == "seal_holds"
    unregistered = binding(states=(registry(),))
    assert codes(judged(facts, bound=unregistered))["seal_signature"] == "signing_time_unproven"


# The seal registry on chain.


@pytest.mark.parametrize(
    ("states", "anchored", "code"),
    [
        ([(1, FIRST)], None, "seal_in_force"),
        ([(1, FIRST), (2, SIGNED - 1)], None, "seal_not_in_force"),
        ([(1, FIRST), (3, SIGNED - 1)], None, "seal_not_in_force"),
        ([(1, FIRST), (2, SIGNED + 1)], None, "signing_time_unproven"),
        ([(1, FIRST), (2, NOW - DAY)], NOW - 2 * DAY, "seal_in_force"),
        ([(1, FIRST), (2, SIGNED - 9), (1, SIGNED - 1)], None, "seal_in_force"),
        ([(1, NOW - DAY)], None, "seal_in_force"),
    ],
)
def test_a_seal_has_to_be_in_force_when_it_was_used(
    states: list[tuple[int, int]], anchored: int | None, code: str
) -> None:
    bound = binding(states=(registry(*states),), anchored_by=anchored)
    assert codes(judged(signature(), bound=bound))["seal_registered"] == code


def test_another_seal_under_a_registered_code_is_a_mismatch_and_binds_nobody() -> None:
    bound = binding(states=(registry((storage_layout.SEAL_IN_FORCE, FIRST), digest=b"\x07" * 32),))
    anonymous = certificate(organisation="国家税务总局", common_name="税务")
    signed = judged(signature(signer=anonymous), bound=bound)
    assert codes(signed)["seal_registered"] == "seal_mismatch"
    assert codes(signed)["issuer_binding"] == "issuer_unproven"


@pytest.mark.parametrize("code", ["node_unavailable", "finality_unproven"])
def test_a_registry_that_cannot_be_read_leaves_the_seal_open(code: str) -> None:
    outage = Outage(code, "no answer")  # type: ignore[arg-type]
    assert codes(judged(signature(), bound=binding(states=(), outage=outage)))["seal_registered"] == code


def test_a_seal_outside_its_registered_period_was_not_in_force() -> None:
    late = signature(claimed=(ClaimedTime(LAST + 1, "seal_signature"),), seal=seal(valid_until=LAST + DAY))
    late_signer = certificate(not_after=LAST + DAY)
    signed = judged(signature(claimed=late.claimed, seal=late.seal, signer=late_signer), bound=binding(at=LAST + 2))
    assert codes(signed)["seal_registered"] == "seal_not_in_force"


# Who signed.

TAX = certificate(organisation="国家税务总局某局", common_name="某局")


@pytest.mark.parametrize(
    ("signer", "bound", "code"),
    [
        (certificate(), binding(), "issuer_bound"),
        (certificate(), binding(states=(registry(),)), "issuer_bound"),
        (TAX, binding(), "issuer_bound"),
        (TAX, binding(states=(registry(),)), "issuer_unproven"),
        (TAX, binding(states=(registry((1, FIRST), certificates=(b"\x08" * 32,)),)), "issuer_unproven"),
        (TAX, binding(states=(registry((1, FIRST), owner=OTHER),)), "issuer_mismatch"),
        (certificate(), binding(states=(registry((1, FIRST), owner=OTHER),)), "issuer_mismatch"),
        (
            certificate(),
            binding(states=(registry((1, FIRST), owner=OTHER, certificates=(b"\x08" * 32,)),)),
            "issuer_mismatch",
        ),
        (certificate(), binding(states=(registry((1, FIRST), certificates=()),)), "issuer_bound"),
        (certificate(), binding(issuer=OTHER), "issuer_mismatch"),
        (certificate(common_name="43010000000099"), binding(states=(registry(),)), "issuer_unproven"),
        (certificate(), binding(issuer=None), "no_issuer_named"),
    ],
)
def test_the_signer_is_bound_by_certificate_or_by_registry(signer: object, bound: object, code: str) -> None:
    assert codes(judged(signature(signer=signer), bound=bound))["issuer_binding"] == code  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("standing", "day", "code"),
    [
        (Standing(True, False, 0), date(2026, 6, 1), "issuer_bound"),
        (Standing(True, False, 0), date(2019, 6, 1), "issuer_not_permitted"),
        (Standing(False, False, 0), date(2019, 6, 1), "issuer_bound"),
    ],
)
def test_where_no_record_decides_an_issuer_of_this_chain_needs_its_permit(
    standing: Standing, day: date, code: str
) -> None:
    permit = PermitEntry(
        storage_layout.PERMIT_GRANT, storage_layout.day_number(date(2020, 1, 1)), storage_layout.OPEN_END, FIRST
    )
    state = registry()
    words = {
        (storage_layout.ORGANISATIONS, storage_layout.standing_slot(ISSUER)): standing.to_word(),
        (storage_layout.ORGANISATIONS, storage_layout.permit_slot(ISSUER, "type", 0)): permit.to_word(),
        (storage_layout.ORGANISATIONS, storage_layout.permit_slot(ISSUER, "type", 1)): 0,
    }
    known = replace(state, words={**state.words, **words})
    bound = binding(states=(known,), type_code="type", issued=day)
    assert codes(judged(signature(), bound=bound))["issuer_binding"] == code


def test_another_organisation_may_sign_beside_the_issuer_but_not_instead_of_it() -> None:
    other = signature(place="second", signer=certificate(organisation=f"{OTHER}另一局"))
    unregistered = binding(states=(registry(),))
    signed = judged(signature(), other, bound=unregistered)
    assert codes(signed, 0)["issuer_binding"] == "issuer_bound"
    assert codes(signed, 1)["issuer_binding"] == "signed_beside_issuer"
    broken = judged(signature(signature_holds=False), other, bound=unregistered)
    assert codes(broken, 1)["issuer_binding"] == "issuer_mismatch"


def test_on_chain_but_broken_is_told_apart_from_sound_but_not_on_chain() -> None:
    broken = judged(signature(signature_holds=False), bound=binding(anchored_by=NOW - DAY))
    assert [one.code for one in broken.warnings] == ["anchored_but_broken"]
    assert [one.code for one in judged(signature()).warnings] == ["sealed_not_anchored"]
    assert judged(signature(), bound=binding(anchored_by=NOW - DAY, missing=False)).warnings == ()


def test_foreign_numbers_and_names_of_any_size_are_judged() -> None:
    odd = signature(
        claimed=(ClaimedTime(-(10**15), "seal_signature"),),
        signer=certificate(not_before=-(10**18), not_after=10**18, path={"valid_from": None, "valid_until": None}),
        seal=seal(code="../" * 90, valid_from=-(10**18), valid_until=10**18, created=10**17),
    )
    assert codes(judged(odd))["seal_registered"] == "not_registered"
