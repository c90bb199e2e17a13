"""Signed PDF files read and judged: each is found to be what it is, and nothing broken is found valid."""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from chain_service.documents import facts as facts_
from chain_service.documents.facts import DocumentFacts
from chain_service.documents.read import read_document
from document_makers.certificates import Family, Holder, issue
from document_makers.encoding import element, identifier, octets, sequence
from support.cost import costs_at_most
from support.documents.city import DAY, NOW, SIGNED, City, city
from support.documents.judged import judged
from support.pdf import pdf_samples, pdfs
from support.pdf.pdf_samples import BROKEN, FAMILIES, RECEIPT, WHOLE, signed, twice


def read(data: bytes, family: Family = "ecdsa") -> DocumentFacts:
    return read_document(data, city(family).store)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_document_is_found_valid(name: str, family: Family) -> None:
    facts = read(pdf_samples.whole(name, family), family)
    code, _, checks = judged(facts)
    assert code == "valid", [(check.name, check.code, dict(check.evidence)) for check in checks]
    assert facts.problems == ()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_document_is_found_to_be_what_it_is(name: str, family: Family) -> None:
    expected, data = pdf_samples.broken(name, family)
    code, _, checks = judged(read(data, family))
    assert code == expected, [(check.name, check.code, dict(check.evidence)) for check in checks]


def test_an_unsigned_document_has_no_signature() -> None:
    facts = read(pdfs.document())
    assert (facts.media, facts.problem, facts.signatures) == ("pdf", None, ())


def test_facts_survive_the_way_from_process_to_process() -> None:
    for make in WHOLE.values():
        facts = read(make(city("ecdsa")))
        assert facts_.from_json(facts_.to_json(facts)) == facts


def test_two_signatures_stand_in_the_order_of_signing_and_the_later_covers_the_earlier() -> None:
    first, second = read(twice(city("ecdsa"))).signatures
    assert (first.place, second.place) == ("Seal", "Second")
    assert first.coverage.added == ("signature Second",)
    assert not first.coverage.displayed
    assert second.coverage.whole
    assert second.coverage.covers_signatures == ("Seal",)


def test_the_claimed_time_is_that_of_the_signed_attribute_and_of_the_dictionary() -> None:
    (signature,) = read(signed(city("ecdsa"))).signatures
    assert [(one.at, one.source, one.zoneless) for one in signature.claimed] == [
        (SIGNED, "cms_attribute", False),
        (SIGNED, "pdf", False),
    ]


def timestamp_authority(family: Family = "ecdsa") -> Holder:
    of = city(family)
    usage = sequence(identifier("2.5.29.37"), element(0x01, b"\xff"), octets(sequence(identifier("1.3.6.1.5.5.7.3.8"))))
    names = {"C": "CN", "O": "测试", "CN": "时间戳"}
    return issue(
        of.authorities["good"].holder, names, NOW - 300 * DAY, NOW + 300 * DAY, family=family, extensions=usage
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_timestamp_inside_proves_that_the_signature_is_older_than_its_certificates_end(family: Family) -> None:
    of = city(family)
    stamp = (timestamp_authority(family), NOW - 59 * DAY)
    data = pdfs.sign(pdfs.document(), pdf_samples.ended(of), at=NOW - 60 * DAY, timestamp=stamp)
    facts = read(data, family)
    (token,) = facts.signatures[0].timestamps
    assert (token.at, token.imprint_matches, token.signature_holds) == (NOW - 59 * DAY, True, True)
    assert judged(facts)[0] == "valid"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_document_timestamp_proves_the_same_for_every_signature_it_covers(family: Family) -> None:
    of = city(family)
    data = pdfs.sign(pdfs.document(), pdf_samples.ended(of), at=NOW - 60 * DAY)
    assert judged(read(data, family))[0] == "signing_time_unproven"
    stamped = pdfs.stamp(data, timestamp_authority(family), at=NOW - 59 * DAY, others=(pdfs.field_number(data),))
    facts = read(stamped, family)
    assert [one.at for one in facts.signatures[0].timestamps] == [NOW - 59 * DAY]
    assert judged(facts)[0] == "valid"
    forged = stamped.replace(b"2026-0001", b"2026-0002")
    assert [one.imprint_matches for one in read(forged, family).signatures[0].timestamps] == [False]


def test_a_document_timestamp_alone_is_no_signature() -> None:
    facts = read(pdfs.stamp(pdfs.document(), timestamp_authority(), at=SIGNED))
    assert facts.signatures == ()
    assert [one.code for one in facts.problems] == ["timestamp_only"]


def test_a_revocation_list_inside_the_document_counts() -> None:
    of = city("ecdsa")
    signer = of.person("no_list")
    data = pdfs.sign(pdfs.document(), signer, at=SIGNED)
    assert judged(read(data))[0] == "revocation_unknown"
    lists = of.authorities["no_list"].revocation_lists()
    assert judged(read(pdfs.with_store(data, (), lists)))[0] == "valid"


def test_an_attached_receipt_is_handed_on_as_it_is() -> None:
    assert read(pdfs.with_receipts(pdfs.document(), RECEIPT)).receipt == RECEIPT
    assert read(pdfs.document()).receipt is None


def test_of_two_receipts_none_is_taken() -> None:
    facts = read(pdfs.with_receipts(pdfs.document(), RECEIPT, RECEIPT + b"2"))
    assert facts.receipt is None
    assert [one.code for one in facts.problems] == ["several_receipts"]


def test_a_receipt_that_is_too_large_is_not_taken() -> None:
    facts = read(pdfs.with_receipts(pdfs.document(), bytes(300_000)))
    assert facts.receipt is None
    assert [one.code for one in facts.problems] == ["too_large"]


def test_the_size_of_an_attached_file_is_no_count_of_objects() -> None:
    data = pdfs.with_receipts(pdfs.document(streams=True), RECEIPT, entries=b"/Params << /Size 9000000 >> ")
    assert read(data).receipt == RECEIPT


def test_a_receipt_that_unpacks_into_a_flood_is_not_taken() -> None:
    packed = zlib.compress(zlib.compress(bytes(60_000_000)))
    facts = read(pdfs.with_receipts(pdfs.document(), packed, entries=b"/Filter [/FlateDecode /FlateDecode] "))
    assert facts.receipt is None
    assert len(facts.problems) == 1


@pytest.mark.parametrize(
    "data",
    [b"%PDF-1.7\n", b"%PDF-1.7\nstartxref\n9\n%%EOF\n", signed(city("ecdsa"))[:-300], signed(city("ecdsa"))[:5000]],
    ids=["head only", "no object", "end cut off", "signature cut off"],
)
def test_a_file_of_which_something_is_missing_is_damaged(data: bytes) -> None:
    facts = read(data)
    assert facts.problem is not None and facts.problem.code == "malformed"
    assert judged(facts)[0] == "unreadable"


def with_streams(_: City) -> bytes:
    return pdfs.sign(pdfs.document(streams=True), city("ecdsa").signer, at=SIGNED)


NINES = bytes.maketrans(b"0123456789", b"9" * 10)
NOT_FOLLOWED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "size": ("too_large", lambda data: re.sub(rb"/Size \d+", b"/Size 900000000", data)),
    "index": ("too_large", lambda data: re.sub(rb"/Index \[1 1", b"/Index [1 999999999", data)),
    "revisions": ("too_large", lambda data: data + b"startxref\n0\n%%EOF\n" * 300),
    "wrong offset": ("irregular", lambda data: re.sub(rb"\d+(?=\n%%EOF\n$)", lambda at: at[0].translate(NINES), data)),
    "bytes before the head": ("irregular", lambda data: b"\xef\xbb\xbf" + data),
}


@pytest.mark.parametrize("name", NOT_FOLLOWED)
def test_a_signed_file_that_cannot_be_followed_is_not_called_damaged(name: str) -> None:
    code, change = NOT_FOLLOWED[name]
    data = change(with_streams(city("ecdsa")) if name in ("size", "index") else signed(city("ecdsa")))
    facts = read(data)
    assert facts.problem is not None and facts.problem.code == code
    assert judged(facts)[0] == "signature_unsupported"


@pytest.mark.parametrize("name", NOT_FOLLOWED)
def test_an_unsigned_file_that_cannot_be_followed_is_judged_by_its_digest_alone(name: str) -> None:
    facts = read(NOT_FOLLOWED[name][1](pdfs.document(streams=name in ("size", "index"))))
    assert facts.problem is None and facts.signatures == ()
    assert judged(facts)[:2] == ("no_signature", {"irregular_file"})


def test_a_file_that_takes_a_password_says_so() -> None:
    facts = read(pdfs.encrypted(pdfs.document()))
    assert facts.problem is not None and facts.problem.code == "encrypted"
    assert judged(facts)[0] == "signature_unsupported"


def form(*fields: bytes) -> bytes:
    """A file whose form begins with object 4, the first of these."""
    catalog = b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]/SigFlags 3>>>>"
    pages = (b"<</Type/Pages/Kids[3 0 R]/Count 1>>", b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>")
    data, places = b"%PDF-1.7\n", []
    for number, content in enumerate((catalog, *pages, *fields), start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(places) + 1
    return data + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        size, table, size, len(data))  # fmt: skip


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("too_complex", [b"<</T(a)/FT/Sig/Kids[4 0 R]>>"]),
        ("too_complex", [b"<</T(a)/FT/Sig/Kids 5 0 R>>", b"[4 0 R]"]),
        ("too_complex", [b"<</T(a)/FT/Sig/Kids[%d 0 R]>>" % (n + 5) for n in range(99)] + [b"<</T(z)/FT/Sig>>"]),
        ("too_large", [b"<</T(a)/FT/Sig/Kids[%d 0 R %d 0 R]>>" % (n + 5, n + 5) for n in range(30)] + [b"<</T(z)>>"]),
    ],
    ids=["its own kid", "its own kid by reference", "deep", "two kids that are one"],
)
def test_a_form_that_could_be_walked_for_ever_is_refused_at_once(code: str, fields: list[bytes]) -> None:
    with costs_at_most(1):
        facts = read(form(*fields))
    assert facts.problem is None and [one.code for one in facts.problems] == ["irregular"], code
    signed_too = read(form(*fields) + b"% /ByteRange\n")
    assert signed_too.problem is None or signed_too.problem.code in (code, "irregular")


def test_readers_by_size_alone_would_take_the_moved_value_for_the_whole_file() -> None:
    """The attack is real: the ranges and the value they leave out add up to the size of the file."""
    data = pdfs.elsewhere(signed(city("ecdsa")))
    ranges = [int(number) for number in re.findall(rb"/ByteRange \[([\d ]+)\]", data)[-1].split()]
    value = len(pdfs.value_of(signed(city("ecdsa"))))
    assert ranges[1] + ranges[3] + 2 * value + 2 < len(data)
    (signature,) = read(data).signatures
    assert (signature.data_digest_holds, signature.signature_holds) == (True, True)
    assert signature.coverage.displayed == ("bytes between the signed ranges",)


@pytest.mark.parametrize("family", ["rsa", "ecdsa"])
@pytest.mark.parametrize("name", [*WHOLE, "a letter changed", "another text laid over it"])
def test_an_independent_reader_agrees_on_integrity(name: str, family: Family, tmp_path: Path) -> None:
    reader = shutil.which("pdfsig")
    if reader is None:
        pytest.skip("pdfsig of poppler-utils is not installed")
    data = pdf_samples.whole(name, family) if name in WHOLE else pdf_samples.broken(name, family)[1]
    path = tmp_path / "signed.pdf"
    path.write_bytes(data)
    said = subprocess.run([reader, "-nocert", path], capture_output=True, text=True, check=False).stdout
    theirs = [line.endswith("Signature is Valid.") for line in said.splitlines() if "Signature Validation" in line]
    facts = read(data, family)
    ours = [bool(one.data_digest_holds and one.signature_holds) for one in facts.signatures]
    assert theirs == ours, said
    if name == "blanks appended":
        return  # for the other reader blanks count
    entire = ["Not total document signed" not in part for part in said.split("Signature #")[1:]]
    assert entire == [one.coverage.whole for one in facts.signatures], said
