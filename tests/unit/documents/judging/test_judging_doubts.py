"""What cannot be told from a document is said so: neither that it is broken nor that it is sound."""

from __future__ import annotations

import pytest

from chain_service.core.verdicts.verdict import Context, conclude
from chain_service.documents.facts import Problem, SignatureFacts
from support.worlds.judged_documents import DAY, LAST, binding, certificate, codes, judged, seal, signature


def test_a_seal_that_has_ended_since_by_the_registry_has_to_be_proven_in_use_before() -> None:
    asked = LAST + DAY
    signer = certificate(not_after=asked + DAY, revocation={"as_of": asked - 60, "next_update": asked + DAY})
    facts = signature(signer=signer, seal=seal(valid_until=asked + DAY))
    assert codes(judged(facts, bound=binding(at=asked)))["seal_registered"] == "signing_time_unproven"
    assert codes(judged(facts, bound=binding(at=asked, anchored_by=LAST)))["seal_registered"] == "seal_in_force"


def test_who_signed_without_a_seal_may_be_unknown_and_then_nothing_is_called_broken() -> None:
    for form in ("sm2-sign", "gbt35275", "pades"):
        signed = judged(signature(form=form, signer=None, seal=None, signature_holds=None, data_digest_holds=None))
        assert codes(signed)["parse"] == "signature_readable"
        assert codes(signed)["signer_certificate"] == "signer_untrusted"
        verdict = conclude(signed.groups, Context("2026-01-01T00:00:00Z"))
        assert (verdict.answer.value, verdict.code) == ("indeterminate", "signer_untrusted")


def test_a_sound_document_whose_record_is_known_and_not_proven_is_not_called_unanchored() -> None:
    assert judged(signature(), bound=binding(missing=False)).warnings == ()


@pytest.mark.parametrize(
    ("problem", "warned"),
    [
        ("irregular", "irregular_file"),
        ("timestamp_only", "timestamp_only"),
        ("several_receipts", "attachments_unread"),
        ("malformed", "attachments_unread"),
    ],
)
@pytest.mark.parametrize("signatures", [(), (signature(),)])
def test_what_is_wrong_with_the_document_as_such_is_a_warning(
    problem: str, warned: str, signatures: tuple[SignatureFacts, ...]
) -> None:
    signed = judged(*signatures, bound=binding(missing=False), problems=(Problem(problem, "…"),) * 2)
    assert [one.code for one in signed.warnings] == [warned]
