"""Published attacks on signed PDF files: none is valid, and no signature in one is found good."""

from __future__ import annotations

import re

import pytest

from chain_service.core.encoding.digests import sha256
from chain_service.core.verdicts.verdict import Check
from chain_service.core.verdicts.verdict_codes import Outcome
from chain_service.documents.read import read_document
from support.documents.city import city
from support.documents.judged import judged
from support.pdf import pdf_changes, pdfs
from support.pdf.pdf_attacks import ATTACKS
from support.pdf.pdf_disguises import DISGUISES

INTEGRITY = ("parse", "reference_digests", "coverage", "signature")
NOTHING_SIGNED = frozenset({"content_altered", "changes_unclear", "signature_invalid", "signature_unsupported"})


def groups(data: bytes) -> list[dict[str, Check]]:
    """The checks of each signature."""
    facts = read_document(data, city("ecdsa").store)
    _, _, checks = judged(facts)
    size = len(checks) // max(1, len(facts.signatures))
    return [{one.name: one for one in checks[at : at + size]} for at in range(0, len(checks), size or 1)]


def good(group: dict[str, Check]) -> bool:
    return all(group[name].outcome is Outcome.PASSED for name in INTEGRITY)


def test_the_original_is_good() -> None:
    (group,) = groups(pdf_changes.signed(city("ecdsa")))
    assert good(group)


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_leaves_the_signature_that_it_abuses_good(name: str) -> None:
    data = ATTACKS[name](city("ecdsa"))
    code = judged(read_document(data, city("ecdsa").store))[0]
    assert code in NOTHING_SIGNED
    assert not good(groups(data)[0])


@pytest.mark.parametrize("name", DISGUISES)
def test_no_change_passes_for_something_else(name: str) -> None:
    of = city("ecdsa")
    data = DISGUISES[name](of)
    assert judged(read_document(data, of.store))[0] in ("content_altered", "changes_unclear", "signer_revoked")
    assert not good(groups(data)[0])


@pytest.mark.parametrize(
    "name", sorted(DISGUISES.keys() - {"objects beyond the size"})
)  # a later trailer makes that good
def test_a_receipt_attached_afterwards_makes_no_changed_file_the_signed_one(name: str) -> None:
    of = city("ecdsa")
    changed = DISGUISES[name](of)
    data = pdf_changes.attached(changed, b"b.receipt", pdf_changes.RECEIPT)
    found = read_document(data, of.store).before_attaching
    assert found is None or found[0] == sha256(changed)


def test_no_name_of_any_object_is_exchanged_unnoticed() -> None:
    """Only an annotation's /Type, which nothing depends on, may change; without its value a signature is removed."""
    of = city("ecdsa")
    signed, unnoticed = pdf_changes.signed(of), set()
    for number in range(1, pdfs.size_of(signed)):
        written = pdfs.latest(signed, number)
        head = written.partition(b"stream")[0]
        for at in re.finditer(rb"/(?!Length)[A-Za-z0-9]+", b"" if b"/ByteRange" in head else head):
            other = written[: at.start()] + b"/Other" + written[at.start() + 1 :]
            checks = groups(pdfs.append(signed, {number: other}))[0]
            if checks["parse"].outcome is Outcome.PASSED and checks["coverage"].outcome is Outcome.PASSED:
                unnoticed.add(at[0])
    assert unnoticed == {b"/Annot"}
