"""Every file is told by its bytes: what it is, whether signatures in it were not looked at, whether it is a picture."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_service.core.verdicts.verdict_codes import Outcome
from chain_service.documents.facts import from_json, to_json
from chain_service.documents.judging.binding import Binding
from chain_service.documents.judging.signatures import judge_document
from chain_service.documents.kinds import KINDS, at_first_sight, recognise
from chain_service.documents.pki.trust_store import TrustStore
from chain_service.documents.read import MAX_FILE, read_document
from document_makers.packages import archive
from support.cms import cms
from support.cms.plain_signatures import signed_data
from support.documents.city import city, sealed, unsigned
from support.documents.judged import judged
from support.pdf import pdfs

OFFICE = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}
OPENED = b"application/vnd.oasis.opendocument.text"
SIGNATURE = b'<s xmlns="http://www.w3.org/2000/09/xmldsig#"/>'
PKCS7 = cms.signed_data(b"text", city("rsa").signer, attached=True)
MAIL = b"From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: "
SAMPLES: dict[str, list[bytes]] = {
    "ofd": [
        sealed().bytes(), b"KGHEAD" + bytes(58) + sealed().bytes(), sealed().bytes() + bytes(9), sealed().bytes()[:900],
        archive({"ofd.XML": b"<x/>"}),
    ],
    "pdf": [pdfs.document(), b"\xef\xbb\xbf" + pdfs.document()],
    "seal": [city().make_seal(version=version).der() for version in (1, 4, 5)],
    "jpeg": [b"\xff\xd8\xff\xe0\0\x10JFIF", b"\xff\xd8\xff\xe1" + sealed().bytes()],
    "png": [b"\x89PNG\r\n\x1a\n" + bytes(20)],
    "tiff": [b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"],
    "heif": [b"\0\0\0\x18ftypheic\0\0\0\0", b"\0\0\0\x18ftypavif\0\0\0\0"],
    "gif": [b"GIF89a\1\0\1\0"],
    "bmp": [b"BM\x1e\0\0\0" + bytes(24)],
    "webp": [b"RIFF\x24\0\0\0WEBPVP8 "],
    "jpeg2000": [b"\0\0\0\x0cjP  \r\n\x87\n"],
    "office": [archive(OFFICE), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)],
    "office_signed": [
        archive({**OFFICE, "_xmlsignatures/sig1.xml": SIGNATURE}),
        archive({"mimetype": OPENED, "META-INF/documentsignatures.xml": b"<x/>"}, 0),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "_signatures".encode("utf-16-le"),
    ],
    "asic": [
        archive({"mimetype": b"application/vnd.etsi.asic-e+zip", "a.pdf": b"%PDF-"}, 0),
        archive({"a.txt": b"a", "META-INF/signatures001.xml": SIGNATURE}),
        archive({"a.txt": b"a", "META-INF/signature.p7s": PKCS7}),
    ],
    "zip": [
        archive({"1.ofd": sealed().bytes(), "2.pdf": pdfs.document()}), archive({"a.txt": b"x"})[:40],
        archive({"1.pdf": pdfs.document()}, 0), archive({}),
    ],
    "archive": [b"7z\xbc\xaf\x27\x1c\0\4", b"Rar!\x1a\7\1\0", b"\x1f\x8b\x08\0"],
    "cms": [
        PKCS7, cms.signed_data(pdfs.document(), city("rsa").signer, attached=True), signed_data(b"x", city().signer),
        base64.encodebytes(PKCS7), b"-----BEGIN PKCS7-----\n" + base64.encodebytes(PKCS7),
        cms.signed_data(b"text", city("rsa").signer, attached=True, ber=True),
    ],
    "mail_signed": [
        MAIL + b'multipart/signed; protocol="application/pkcs7-signature"\r\n\r\n',
        MAIL + b"application/pkcs7-mime\r\n\r\n",
    ],
    "mail": [MAIL + b"text/plain\r\n\r\nhello"],
    "xml_signed": [
        b"<?xml version='1.0'?><a>" + SIGNATURE + b"</a>",
        ("\ufeff<a>" + SIGNATURE.decode() + "</a>").encode("utf-16-le"),
    ],
    "xml": [b"<?xml version='1.0'?><a/>", b"  \n<a/>"],
    "html": [b"<!DOCTYPE html><html></html>", b"\xef\xbb\xbf<HTML lang=zh>"],
    "rtf": [b"{\\rtf1 text}"],
    "text": ["电子证照".encode(), "电子证照".encode("gb18030"), b'{"a": 1}', b"PK", "照".encode() * 3_000],
    "empty": [b""],
    "unknown": [bytes(100), b"MZ\x90\0\3\0\0\0", b"\x30\x03\x02\x01\x01", city().signer.certificate],
}  # fmt: skip
CASES = [(kind, data) for kind, samples in SAMPLES.items() for data in samples]


def test_every_kind_has_a_sample() -> None:
    assert set(SAMPLES) == set(KINDS)


@pytest.mark.parametrize(("kind", "data"), CASES)
def test_a_file_is_of_the_kind_that_its_bytes_tell(kind: str, data: bytes) -> None:
    found = recognise(data)
    assert found.code == kind
    assert at_first_sight(data) in (found, None)
    assert (
        at_first_sight(data) is None
        or (found.media, found.signed) == ("unknown", found.code == "xml_signed")
        or (found.code == "mail_signed")
    )


@pytest.mark.parametrize(("kind", "data"), [case for case in CASES if KINDS[case[0]].signed])
def test_signatures_that_are_not_looked_at_are_told_of_and_never_passed_over(kind: str, data: bytes) -> None:
    facts = read_document(data, TrustStore())
    assert (facts.media, facts.kind) == ("unknown", kind)
    assert facts.problem is not None and KINDS[kind].name.en in facts.problem.detail
    assert judged(facts)[0] == "signature_unsupported"
    assert judged(facts, anchored_by=1)[0] == "signature_unsupported"


@pytest.mark.parametrize(("kind", "data"), [case for case in CASES if KINDS[case[0]].picture])
def test_a_picture_that_is_not_anchored_asks_for_the_original(kind: str, data: bytes) -> None:
    facts = read_document(data, TrustStore())
    told = judge_document(facts, Binding(at=0, list_age=0), "a file")
    assert told.groups == () and [one.code for one in told.warnings] == ["picture_only"]
    assert KINDS[kind].name.zh in told.warnings[0].message.zh and KINDS[kind].name.en in told.warnings[0].message.en
    assert told.kind == {"kind": kind, "zh": KINDS[kind].name.zh, "en": KINDS[kind].name.en}
    assert judge_document(facts, Binding(at=0, list_age=0, missing=False), "a file").warnings == ()


@pytest.mark.parametrize("kind", ["zip", "archive"])
def test_an_archive_of_files_says_that_none_was_looked_into(kind: str) -> None:
    for data in SAMPLES[kind]:
        told = judge_document(read_document(data, TrustStore()), Binding(at=0, list_age=0, missing=False), "a file")
        assert told.groups == () and [one.code for one in told.warnings] == ["archive_unopened"]


@pytest.mark.parametrize("kind", ["office", "text", "html", "rtf", "xml", "mail", "unknown", "empty"])
def test_other_files_are_named_and_not_complained_about(kind: str) -> None:
    for data in SAMPLES[kind]:
        told = judge_document(read_document(data, TrustStore()), Binding(at=0, list_age=0), "a file")
        assert (told.groups, told.warnings, told.kind["kind"]) == ((), (), kind)


def test_an_archive_with_broken_headers_and_no_ofd_in_it_is_not_complained_about() -> None:
    data = bytearray(archive(OFFICE))
    data[14:18] = b"\1\2\3\4"
    assert read_document(bytes(data), TrustStore()).problem is None


def test_a_document_that_is_too_large_says_that_its_digest_can_be_asked() -> None:
    facts = read_document(b"%PDF-1.7" + bytes(MAX_FILE), TrustStore())
    assert facts.problem is not None and "digest" in facts.problem.detail
    assert judged(facts)[0] == "signature_unsupported"
    assert read_document(b"\xff\xd8\xff" + bytes(MAX_FILE), TrustStore()).problem is None


# a seal by itself


def seal_checks(data: bytes) -> dict[str, tuple[str, dict[str, object]]]:
    facts = read_document(data, city().store)
    _, _, checks = judged(from_json(to_json(facts)))
    return {one.name: (one.code, dict(one.evidence)) for one in checks}


@pytest.mark.parametrize("version", [1, 4, 5])
def test_a_seal_file_is_shown_and_judged_as_a_seal(version: int) -> None:
    made = city().make_seal(version=version)
    found = seal_checks(made.der())
    code, evidence = found["seal_signature"]
    assert code == "seal_holds"
    assert (evidence["sealCode"], evidence["sealName"], evidence["makerId"]) == (made.code, made.name, "tests")
    assert evidence["version"] == version and len(evidence["sealPeriod"]) == 2  # type: ignore[arg-type]
    assert "maker" in evidence
    signing = {"reference_digests", "coverage", "signature", "signer_certificate", "revocation", "signing_time"}
    assert {found[name][0] for name in signing} == {"nothing_signed"}


def test_a_seal_by_itself_is_never_valid_for_anything() -> None:
    facts = read_document(city().seal.der(), city().store)
    told = judge_document(facts, Binding(at=1_790_000_000, list_age=10**9), "a.esl")
    assert not any(one.outcome is Outcome.PASSED and one.name == "signature" for one in told.groups[0].checks)
    assert "sealed_not_anchored" not in [one.code for one in told.warnings]


def test_a_forged_seal_file_does_not_verify() -> None:
    seal = city().seal.der()
    assert seal_checks(seal[:-1] + bytes([seal[-1] ^ 1]))["seal_signature"][0] == "signature_invalid"
    stranger = city().make_seal(maker=city().person(city().foreign)).der()
    assert seal_checks(stranger)["seal_signature"][0] == "signer_untrusted"


@given(st.binary(max_size=300))
def test_any_bytes_are_of_some_kind(data: bytes) -> None:
    assert recognise(data).code in KINDS
    for head in (b"PK\x03\x04", b"PK\x05\x06", b"\x30\x82", b"<", b"From: ", b"MI" * 40):
        assert recognise(head + data).code in KINDS


def test_an_unsigned_ofd_has_nothing_to_complain_about() -> None:
    facts = read_document(unsigned().bytes(), TrustStore())
    assert (facts.kind, facts.problem, facts.signatures) == ("ofd", None, ())
