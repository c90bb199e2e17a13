"""The national seal in a PDF is read by its content, whatever the SubFilter says, and judged as in an OFD document."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from chain_service.documents.facts import DocumentFacts
from chain_service.documents.read import read_document
from document_makers.certificates import Holder
from support.documents.city import DAY, NOW, SIGNED, city, sealed
from support.documents.encodings import Device, counted_bits
from support.documents.judged import judged
from support.pdf import pdfs
from support.pdf.pdf_seals import SUBFILTERS, sealed_pdf

FORMS = {1: "ses-v1", 4: "ses-v4", 5: "ses-v5"}


def read(data: bytes) -> DocumentFacts:
    return read_document(data, city().store)


def code(data: bytes) -> str:
    return judged(read(data))[0]


@pytest.mark.parametrize("subfilter", SUBFILTERS)
@pytest.mark.parametrize("version", [1, 4, 5])
def test_a_sealed_pdf_is_valid_in_every_version_and_under_every_name(version: int, subfilter: str) -> None:
    facts = read(sealed_pdf(city(), version=version, subfilter=subfilter))
    assert judged(facts)[:2] == ("valid", set())
    (one,) = facts.signatures
    assert (one.form, one.place) == (FORMS[version], "Seal")
    assert one.seal is not None and one.seal.code == city().seal.code
    assert one.coverage.whole and one.references[0].name == "ByteRange"


def test_it_is_the_seal_of_an_ofd_document_in_all_that_the_seal_says() -> None:
    (in_pdf,) = read(sealed_pdf(city())).signatures
    (in_ofd,) = read(sealed().bytes()).signatures
    assert (in_pdf.signer, in_pdf.algorithm, in_pdf.signer_in_seal) == (in_ofd.signer, in_ofd.algorithm, True)
    assert in_pdf.seal is not None and in_ofd.seal is not None
    assert (in_pdf.seal.code, in_pdf.seal.maker) == (in_ofd.seal.code, in_ofd.seal.maker)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"signer": Holder(city().person().key, city().signer.certificate, b"", 1)}, "signature_invalid"),
        ({"signer": city().person()}, "seal_mismatch"),
        ({"seal": {"maker": city().person(city().foreign)}}, "signer_untrusted"),
        ({"seal": {"maker": city().person(uses=("keyEncipherment",))}}, "signature_invalid"),
        ({"seal": {"valid_until": SIGNED - DAY}}, "signed_outside_validity"),
        ({"change": lambda value: value[:-1] + bytes([value[-1] ^ 1])}, "signature_invalid"),
        ({"change": lambda value: value.replace(b"ES\x02\x01\x04", b"ES\x02\x01\x07")}, "signature_unsupported"),
        ({"algorithm": "1.2.3.4"}, "signature_unsupported"),
        ({"at": NOW + 10 * DAY}, "signing_time_unproven"),
    ],
)
def test_what_is_wrong_with_the_seal_is_named_as_in_an_ofd_document(change: dict[str, object], expected: str) -> None:
    assert code(sealed_pdf(city(), **change)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "written",
    [{"signer": Device(city().signer, "always a zero before")}, {"as_bits": counted_bits}],
    ids=["integers", "bit strings"],
)
def test_encodings_of_makers_are_recovered_in_a_pdf_too(written: dict[str, object]) -> None:
    facts = read(sealed_pdf(city(), **written))  # type: ignore[arg-type]
    assert judged(facts)[:2] == ("valid", {"encoding_deviation"})


def test_a_changed_page_is_altered() -> None:
    data = sealed_pdf(city())
    at = data.index(b"Licence") if b"Licence" in data else data.index(b"BT")
    assert code(data[:at] + b"l" + data[at + 1 :]) == "content_altered"


def test_content_put_over_a_sealed_page_is_altered() -> None:
    data = sealed_pdf(city())
    assert code(pdfs.overlaid(data, pdfs.field_number(data))) == "content_altered"


def test_the_value_of_another_document_proves_nothing() -> None:
    other = pdfs.value_of(sealed_pdf(city(), base=pdfs.document(streams=True)))
    assert code(pdfs.with_value(sealed_pdf(city()), other)) == "content_altered"


def test_the_value_of_an_ofd_document_proves_nothing_in_a_pdf() -> None:
    value = sealed().files["Doc_0/Signs/Sign_0/SignedValue.dat"]
    data = sealed_pdf(city())
    assert code(pdfs.with_value(data, value.ljust(len(pdfs.value_of(data)), b"\0"))) == "content_altered"


def test_a_seal_that_is_only_promised_is_a_form_that_is_not_known() -> None:
    data = sealed_pdf(city(), change=lambda _: b"\x30\x03\x02\x01\x01")
    assert code(data) == "signature_unsupported"


def assert_no_byte_may_change(version: int, count: int) -> None:
    """Anywhere but in the value's own room; in there, what still is valid is the same value."""
    data, chance = sealed_pdf(city(), version=version), random.Random(version)
    start = data.rindex(b"/Contents <") + len(b"/Contents ")
    room = range(start, data.index(b">", start) + 1)
    before = read(data)
    for at in (chance.randrange(len(data) - 1) for _ in range(count)):
        changed = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
        facts = read(changed)
        if judged(facts)[0] == "valid":
            assert at in room, at
            assert [replace(one, problems=()) for one in facts.signatures] == list(before.signatures), at


@pytest.mark.parametrize("version", [1, 4, 5])
def test_a_changed_byte_of_a_sealed_pdf_is_never_valid(version: int) -> None:
    assert_no_byte_may_change(version, 60)


@pytest.mark.long
@pytest.mark.parametrize("version", [1, 4, 5])
def test_thousands_of_changed_bytes_of_a_sealed_pdf_are_never_valid(version: int) -> None:
    assert_no_byte_may_change(version, 1_500)
