"""What may follow a signature in a PDF file: each row of docs/standards/documents.md, and that there are no others."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from asn1crypto import keys, x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from chain_service.core.verdicts.verdict_codes import Outcome
from chain_service.documents.facts import CoverageFacts, DocumentFacts
from chain_service.documents.read import read_document
from document_makers.certificates import Family, Holder
from support.documents.city import SIGNED, city
from support.documents.judged import judged
from support.pdf import pdf_changes, pdf_forms, pdfs
from support.pdf.pdf_changes import COLUMNS, FIRST, ROWS, SIGNATURES
from support.pdf.pdf_forms import FORMS

TABLE = Path(__file__).parents[4] / "docs/standards/documents.md"


def pkcs8(holder: Holder) -> bytes:
    return bytes(holder.key.secret.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


@cache
def rows() -> dict[str, dict[str, str]]:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    head, *body = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert head == ["change", *COLUMNS]
    return {name: dict(zip(COLUMNS, cells, strict=True)) for name, *cells in body}


@cache
def files(row: str) -> dict[str, bytes | None]:
    return pdf_changes.cells(city("ecdsa"), row)


def read(data: bytes) -> DocumentFacts:
    return read_document(data, city("ecdsa").store)


def coverage(data: bytes) -> CoverageFacts:
    return next(one.coverage for one in read(data).signatures if one.place == FIRST)


def verdict(data: bytes) -> str:
    """What the check `coverage` of the first signature says."""
    found = next(one for one in judged(read(data))[2] if one.name == "coverage")
    return "good" if found.outcome is Outcome.PASSED else found.code


def test_the_table_has_exactly_the_rows_that_are_tested() -> None:
    assert tuple(rows()) == ROWS


@pytest.mark.parametrize("row", ROWS)
def test_a_change_after_signing_gets_the_verdict_of_the_table(row: str) -> None:
    found = {name: "—" if data is None else verdict(data) for name, data in files(row).items()}
    assert found == rows()[row]


@pytest.mark.parametrize("row", ROWS)
def test_whatever_was_changed_is_named(row: str) -> None:
    for data in files(row).values():
        if data is None:
            continue
        found = coverage(data)
        assert found.whole or found.displayed or found.unclear or found.added
        if b"/T (Second)" in data:
            assert any("Second" in one for one in (*found.displayed, *found.unclear, *found.added))


def test_a_change_that_a_later_signer_undid_is_still_told() -> None:
    of = city("ecdsa")
    first = pdf_changes.signed(of)
    forged = pdf_changes.CHANGES["text of a page"](first, of)
    second = SIGNATURES["signature without a picture"](forged, of.signer)
    original = pdfs.append(second, {pdfs.CONTENT: pdfs.latest(first, pdfs.CONTENT)})
    third = pdfs.sign(original, of.signer, name="Third", at=SIGNED + 120)
    found = coverage(third)
    assert "page 1: Contents (signed by Second)" in found.unclear
    assert "page 1: Contents (signed by Third)" in found.unclear


def test_a_timestamp_over_a_change_signs_nothing() -> None:
    of = city("ecdsa")
    for name in ("text of a page", "form field filled", "annotation, comment or stamp"):
        forged = pdf_changes.CHANGES[name](pdf_changes.signed(of), of)
        assert verdict(pdf_changes.stamped(forged, of)) == "content_altered"


def test_a_later_signature_that_does_not_hold_excuses_nothing() -> None:
    of = city("ecdsa")
    forged = pdf_changes.CHANGES["form field filled"](pdf_changes.signed(of), of)
    second = pdfs.sign(forged, of.signer, name="Second", at=SIGNED + 60)
    value = pdfs.value_of(second)
    broken = pdfs.with_value(second, value[:100] + bytes([value[100] ^ 1]) + value[101:])
    assert verdict(broken) == "content_altered"


def test_who_signs_twice_answers_for_what_he_changed_in_between_known_or_not() -> None:
    of = city("ecdsa")
    stranger, other = of.person(of.foreign), of.person(of.foreign)
    first = pdfs.sign(pdf_changes.base(), stranger, at=SIGNED)
    filled = pdf_changes.CHANGES["form field filled"](first, of)
    sign = SIGNATURES["signature with a picture, in a place of its own"]
    assert verdict(sign(filled, stranger)) == "good"
    assert verdict(sign(filled, other)) == "changes_unclear"


def test_a_locked_field_stays_as_it_is_whoever_signs_later() -> None:
    of = city("ecdsa")
    lock = (
        b"/Reference [<< /Type /SigRef /TransformMethod /FieldMDP "
        b"/TransformParams << /Type /TransformParams /Action /All /V /1.2 >> >>] "
    )
    first = pdfs.sign(pdf_changes.base(), of.signer, at=SIGNED, limits=lock)
    filled = pdf_changes.CHANGES["form field filled"](first, of)
    assert verdict(SIGNATURES["signature without a picture"](filled, of.signer)) == "content_altered"
    assert verdict(SIGNATURES["signature without a picture"](first, of.signer)) == "good"


def test_files_attached_after_signing_are_named_but_for_one_receipt() -> None:
    of = city("ecdsa")
    signed, receipt = pdf_changes.signed(of), pdf_changes.RECEIPT
    attach = pdf_changes.attached
    for data, named in (
        (attach(signed, b"a.receipt", receipt), ()),
        (attach(signed, b"a.receipt", b"%PDF-1.4 no receipt"), ("a.receipt",)),
        (attach(signed, b"new_licence.pdf", receipt), ("new_licence.pdf",)),
        (attach(attach(signed, b"a.receipt", receipt), b"b.receipt", receipt), ("b.receipt", "a.receipt")),
        (attach(attach(signed, b"a.receipt", receipt), b"new_licence.pdf", b"x"), ("new_licence.pdf",)),
    ):
        facts = read(data)
        assert facts.attached == named
        assert facts.before_attaching == (read(signed).sha256, read(signed).sm3)
        assert ("attachments_added" in judged(facts)[1]) == bool(named)


def test_files_that_a_later_signer_attached_are_his() -> None:
    of = city("ecdsa")
    data = pdf_changes.attached(pdf_changes.signed(of), b"new_licence.pdf", b"x")
    facts = read(SIGNATURES["signature without a picture"](data, of.signer))
    assert facts.attached == () and facts.before_attaching is None


def test_a_signature_that_was_taken_away_is_told() -> None:
    of = city("ecdsa")
    facts = read(pdfs.without_signature(pdfs.sign(pdfs.document(), of.signer, at=SIGNED)))
    assert [one.problem and one.problem.code for one in facts.signatures] == ["signature_removed"]
    assert judged(facts)[0] == "changes_unclear"


def test_many_states_are_compared_within_bounds() -> None:
    of = city("ecdsa")
    data = pdf_changes.signed(of)
    for number in range(70):
        data = pdfs.append(data, {5_000 + number: b"null"})
    assert verdict(data) == "good"


@pytest.mark.parametrize("family", ["rsa", "ecdsa", "sm2"])
@pytest.mark.parametrize("form", FORMS)
def test_a_file_in_a_form_that_programs_write_is_found_valid(form: str, family: Family) -> None:
    code, _, checks = judged(read_document(FORMS[form](city(family)), city(family).store))
    assert code == "valid", [(check.name, check.code, dict(check.evidence)) for check in checks]


def test_a_file_encrypted_with_an_empty_password_is_opened() -> None:
    of = city("rsa")
    signer = SimpleSigner(
        signing_cert=x509.Certificate.load(of.signer.certificate),
        signing_key=keys.PrivateKeyInfo.load(pkcs8(of.signer)),
        cert_registry=SimpleCertificateStore(),
    )
    data = pdf_forms.encrypted()
    assert read_document(data, of.store).problem is None
    for name in ("Seal", "Second"):
        writer = IncrementalPdfFileWriter(BytesIO(data))
        writer.encrypt("")
        data = PdfSigner(PdfSignatureMetadata(field_name=name), signer=signer).sign_pdf(writer).getvalue()
    facts = read_document(data, of.store)
    assert [(one.data_digest_holds, one.signature_holds) for one in facts.signatures] == [(True, True)] * 2
    assert [(one.coverage.whole, one.coverage.unclear) for one in facts.signatures] == [(False, ()), (True, ())]


def test_linearized_files_are_read_signed_or_not() -> None:
    facts = read(pdf_forms.linearized())
    assert (facts.problem, facts.problems, facts.signatures) == (None, (), ())
