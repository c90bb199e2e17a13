"""Receipts attached to signed PDF files: used where they speak of the record found, and never against or for it."""

from __future__ import annotations

import itertools
import time

from chain_service.core.encoding.digests import file_digests
from chain_service.core.verdicts.verdict import Verdict
from chain_service.core.verdicts.verdict_codes import Outcome
from chain_service.jobs.proofs import receipts
from support.pdf import pdfs
from support.worlds.jobs_city import City, Org
from support.worlds.offices import Office

_codes = itertools.count(43_990_000_091_230)


def signed(org: Org) -> bytes:
    """A PDF signed by the organisation ten seconds ago."""
    office = Office(org.code, str(next(_codes)))
    return pdfs.sign(pdfs.document(), office.signer, at=int(time.time()) - 10)


def anchored(city: City, org: Org, content: bytes) -> bytes:
    """The receipt of the record that names this file."""
    (record,) = city.anchor(org, org.certificate(files=[{"digests": file_digests(content)}]))
    return receipts.receipt(city.app, record)


def checks(verdict: Verdict) -> dict[str, str]:
    return {one.name: one.code for one in verdict.groups[0].checks}


def told(verdict: Verdict) -> tuple[str, str, str, bool]:
    """Code, the checks of file and receipt, and whether a receipt was ignored."""
    ignored = "receipt_ignored" in {one.code for one in verdict.context.warnings}
    return verdict.code, checks(verdict)["file_digest"], checks(verdict)["log_signature"], ignored


def test_a_receipt_attached_after_anchoring_is_checked_and_the_signed_file_found(counter: City) -> None:
    org = counter.organisation()
    content = signed(org)
    receipt = anchored(counter, org, content)
    assert told(counter.verify(file=content)) == ("in_force", "file_matches", "no_receipt", False)
    attached = pdfs.with_receipts(content, receipt)
    assert told(counter.verify(file=attached)) == ("in_force", "signed_file_matches", "signed", False)


def test_a_receipt_of_another_record_or_a_broken_one_is_ignored_with_a_warning(counter: City) -> None:
    org = counter.organisation()
    content = signed(org)
    receipt = anchored(counter, org, content)
    other = anchored(counter, org, signed(org))
    forged = bytearray(receipt)
    forged[-1] ^= 1  # of the log key's signature
    for wrong in (other, bytes(forged), receipt[:-1], b"junk"):
        verdict = counter.verify(file=pdfs.with_receipts(content, wrong))
        assert told(verdict) == ("in_force", "signed_file_matches", "no_receipt", True)
    presented = counter.verify(file=pdfs.with_receipts(content, receipt), receipt=bytes(forged))
    assert (presented.code, told(presented)[3]) == ("proof_invalid", False)


def test_a_sound_receipt_makes_no_other_file_valid(counter: City) -> None:
    org = counter.organisation()
    content = signed(org)
    receipt = anchored(counter, org, content)
    never = pdfs.with_receipts(signed(org), receipt)
    assert told(counter.verify(file=never))[0::3] == ("not_anchored", True)
    for altered in (pdfs.overlaid(content), pdfs.filled(content)):
        verdict = counter.verify(file=pdfs.with_receipts(altered, receipt))
        assert verdict.code != "in_force"
        assert checks(verdict)["file_digest"] not in ("file_matches", "signed_file_matches")
    replaced = pdfs.replacing_receipt(content)
    assert checks(counter.verify(file=replaced))["file_digest"] != "signed_file_matches"


def test_an_unsigned_file_with_a_receipt_attached_is_another_file(counter: City) -> None:
    org = counter.organisation()
    content = pdfs.document(ballast=next(_codes) % 1_000)
    receipt = anchored(counter, org, content)
    assert counter.verify(file=pdfs.with_receipts(content, receipt)).code != "in_force"


def test_with_its_disclosure_the_file_is_compared_as_it_was_signed(counter: City) -> None:
    org = counter.organisation()
    content = signed(org)
    (record,) = counter.anchor(org, org.certificate(files=[{"digests": file_digests(content)}]))
    shown = counter.disclosure(org, record)
    attached = pdfs.with_receipts(content, receipts.receipt(counter.app, record))
    assert told(counter.verify(file=attached, disclosure=shown)) == ("in_force", "signed_file_matches", "signed", False)
    other = counter.verify(file=pdfs.with_receipts(signed(org), b"junk"), disclosure=shown)
    assert other.code == "content_altered"
    assert Outcome.FAILED in {one.outcome for one in other.groups[0].checks}
