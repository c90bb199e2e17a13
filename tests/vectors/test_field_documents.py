"""Documents as the field writes them, by kind: each gets the answer that is right for it, alone and anchored.

They were made after reports of what programs write, with a trust store of their own. Its certificates and lists end, so
everything is judged a day after its newest list was made. Our own makers make the same kinds at any date: the last
table says which case of theirs stands for which file.
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from chain_service.core.verdicts.verdict_codes import CODES, VerdictOutcome
from chain_service.documents.pki import revocation
from chain_service.documents.pki.trust_store import RootCertificate, TrustStore
from chain_service.documents.read import read_document
from support.cms import cms_samples
from support.documents.judged import judged
from support.documents.samples import names
from support.pdf import pdf_changes, pdf_forms, pdf_samples, pdf_seals

DAY = 86_400
VALID = frozenset({"valid"})
UNSIGNED = frozenset({"no_signature"})
"""Nothing in it was signed, and nothing is wrong with it: its digest alone is judged."""
UNSUPPORTED = frozenset({"signature_unsupported"})
UNCLEAR = frozenset({"changes_unclear", "not_all_signed", "signature_unsupported"})
"""It cannot be told what a change means."""


@dataclass(frozen=True)
class Right:
    """What may be said of a file, and what has to be said beside it."""

    codes: frozenset[str] = VALID
    warned: Collection[str] = ()
    anchored: frozenset[str] = frozenset()
    """What may be said where a record names its very bytes, if that is something else."""


GOOD = Right()
NOTED = Right(warned={"encoding_deviation"})
IRREGULAR = Right(warned={"irregular_file"})

KINDS: dict[str, dict[str, Right]] = {
    "controls": {
        "ofd_ok.ofd": GOOD,
        "pdf_ok.pdf": GOOD,
        "plain.pdf": Right(UNSIGNED),
        "pdf_attachment_base.pdf": GOOD,
        "pdf_timestamp_plain.pdf": GOOD,
    },
    "ways in which programs write a PDF": {
        "pdf_linearized_signed.pdf": GOOD,
        "pdf_linearized_unsigned.pdf": Right(UNSIGNED),
        "pdf_hybrid_signed.pdf": GOOD,
        "pdf_encrypted_no_password.pdf": Right(VALID | UNSUPPORTED),
        "pdf_newline_appended.pdf": GOOD,
        "pdf_eof_comment_appended.pdf": Right(VALID | UNCLEAR),
        "pdf_67_revisions.pdf": Right(UNSUPPORTED | {"signer_untrusted"}),
        "pdf_contents_literal_string.pdf": Right(UNCLEAR | {"signature_invalid"}),
        "pdf_garbage_before_header.pdf": Right(UNCLEAR),
        "pdf_html_appended.pdf": Right(UNCLEAR | {"content_altered"}),
        "pdf_whole_copy_appended.pdf": Right(UNCLEAR | {"content_altered"}),
        "pdf_truncated.pdf": Right(frozenset({"unreadable"}), anchored=UNSUPPORTED),
    },
    "later revisions of a PDF": {
        "pdf_hybrid_signed_twice.pdf": GOOD,
        "pdf_hybrid_signed_stamped.pdf": GOOD,
        "pdf_dangling_reference_signed_stamped.pdf": GOOD,
        "pdf_docmdp1_dss_dts.pdf": GOOD,
        "pdf_freed_objects_then_store.pdf": GOOD,
        "pdf_field_name_with_period_stamped.pdf": Right(VALID | UNCLEAR),
        "pdf_same_partial_names.pdf": GOOD,
        "pdf_second_signer_drops_DA.pdf": Right(VALID | UNCLEAR),
        "pdf_lock_added_by_later_signer.pdf": Right(VALID | UNCLEAR),
        "pdf_filled_then_second_signature.pdf": Right(VALID | UNCLEAR),
        "pdf_stamp_then_second_signature.pdf": Right(VALID | UNCLEAR),
        "pdf_annotation_after_signing.pdf": Right(UNCLEAR | {"content_altered"}),
        "pdf_attachment_any_after_signing.pdf": Right(VALID | UNCLEAR, {"attachments_added"}),
        "pdf_attachment_named_licence_after_signing.pdf": Right(VALID | UNCLEAR, {"attachments_added"}),
    },
    "everyday CMS": {
        "pdf_timestamp_with_issuer_serial.pdf": GOOD,
        "pdf_hanko_lta.pdf": GOOD,
        "pdf_adobe_revocation_archive_both.pdf": GOOD,
        "pdf_adobe_revocation_archive_crl.pdf": GOOD,
        "pdf_adobe_revocation_archive_empty.pdf": GOOD,
        "pdf_adobe_revocation_archive_ocsp.pdf": GOOD,
        "pdf_dss_with_ocsp_only.pdf": GOOD,
        "pdf_no_content_type_attribute.pdf": NOTED,
        "pdf_no_certificates.pdf": Right(frozenset({"signer_untrusted"})),
        "pdf_two_signer_infos.pdf": Right(UNSUPPORTED),
        "pdf_enclosed_content_other.pdf": Right(UNSUPPORTED | {"content_altered"}),
        "pdf_pbad.pdf": Right(UNSUPPORTED),
        "pdf_x509_rsa_sha1.pdf": Right(UNSUPPORTED),
        "p7m_of_a_pdf.p7m": Right(UNSUPPORTED | UNSIGNED),
        "ofd_outer_pkcs7_signeddata.ofd": GOOD,
        "ofd_sign_content_type_twin.ofd": NOTED,
    },
    "algorithms": {
        "pdf_pss.pdf": GOOD,
        "pdf_pss_salt20_default.pdf": GOOD,
        "pdf_pss_no_parameters.pdf": Right(UNSUPPORTED, {"weak_digest"}),
        "pdf_rsa_parameters_absent.pdf": GOOD,
        "pdf_rsa_sha3_256.pdf": GOOD,
        "pdf_p521_sha512.pdf": GOOD,
        "pdf_brainpool256.pdf": GOOD,
        "pdf_plain_ecdsa.pdf": GOOD,
        "pdf_ed25519.pdf": GOOD,
        "pdf_sha1.pdf": Right(UNSUPPORTED, {"weak_digest"}),
        "pdf_pkcs7_sha1.pdf": Right(UNSUPPORTED, {"weak_digest"}, anchored=VALID),
        "pdf_md5_message_digest.pdf": Right(UNSUPPORTED, {"weak_digest"}),
        "ofd_check_method_401_2.ofd": Right(UNSUPPORTED),
    },
    "national seals": {
        "ofd_seal_maker_eku_serverauth.ofd": GOOD,
        "ofd_seal_maker_eku_serverauth_timestamping.ofd": GOOD,
        "ofd_seal_critical_extension.ofd": Right(VALID | UNSUPPORTED),
        "ofd_sm2_integers_always00.ofd": NOTED,
        "ofd_sm2_integers_negative.ofd": NOTED,
        "ofd_sm2_integers_padded.ofd": NOTED,
        "ofd_sm2_curve_301_3.ofd": NOTED,
        "ofd_bit_string_length_octet.ofd": NOTED,
        "ofd_bit_string_openssl.ofd": NOTED,
        "ofd_sm2_zero.ofd": Right(frozenset({"signature_invalid"})),
        "pdf_gm_sm2seal.pdf": GOOD,
        "pdf_ses_as_pkcs7_detached.pdf": Right(VALID | UNSUPPORTED),
    },
    "archives": {
        "ofd_zip_utf8_flag_in_local_header_only.ofd": GOOD,
        "ofd_zip64_sizes_in_local_header.ofd": GOOD,
        "ofd_directory_entries.ofd": GOOD,
        "ofd_backslash_names.ofd": IRREGULAR,
        "ofd_nul_padded.ofd": Right(warned={"uncovered_files"}),
        "ofd_vendor_bytes_after.ofd": Right(VALID | UNCLEAR, {"uncovered_files"}),
        "ofd_vendor_bytes_before.ofd": Right(VALID | UNCLEAR, {"uncovered_files"}),
        "docx_zip64_local.docx": Right(UNSIGNED),
    },
    "what a seal covers": {
        "ofd_root_not_covered.ofd": Right(warned={"uncovered_files"}),
        "ofd_two_seals_second_covers_root.ofd": GOOD,
        "ofd_annotation_then_second_seal.ofd": Right(VALID | UNCLEAR),
    },
    "encodings of XML": {
        "ofd_xml_gb18030.ofd": GOOD,
        "ofd_xml_utf-16.ofd": GOOD,
        "ofd_xml_utf-8-sig.ofd": GOOD,
    },
}
"""Kind to its files."""
RIGHT = {name: right for files in KINDS.values() for name, right in files.items()}


@pytest.fixture(scope="module")
def folder(vectors: Path) -> Path:
    return vectors / "field-documents"


@cache
def trusted(folder: Path) -> tuple[TrustStore, int]:
    """The trust store, and the moment at which its newest lists are a day old."""
    lists = tuple(file.read_bytes() for file in sorted((folder / "trust-store/crls").iterdir()))
    anchors, links = [], []
    for place in sorted((folder / "trust-store/anchors").iterdir()):
        anchors.append(RootCertificate(place.name, (place / "root0.cer").read_bytes()))
        links += [_certificate(file) for file in sorted((place / "intermediates").iterdir())]
    moment = max(revocation.parse(one).this_update for one in lists) + DAY
    return TrustStore(tuple(anchors), tuple(links), lists), moment


def _certificate(pem: Path) -> bytes:
    return base64.b64decode("".join(line for line in pem.read_text().splitlines() if "-----" not in line))


def judge(folder: Path, name: str, *, anchored: bool) -> tuple[str, set[str]]:
    store, moment = trusted(folder)
    facts = read_document((folder / name).read_bytes(), store)
    code, warnings, _ = judged(facts, at=moment, anchored_by=moment if anchored else None)
    return code, warnings


@pytest.mark.parametrize("name", RIGHT)
def test_a_document_of_the_field_gets_its_right_answer(name: str, folder: Path) -> None:
    code, warnings = judge(folder, name, anchored=False)
    assert code in RIGHT[name].codes
    assert warnings >= set(RIGHT[name].warned)


@pytest.mark.parametrize("name", RIGHT)
def test_the_same_bytes_anchored_are_never_called_damaged(name: str, folder: Path) -> None:
    code, warnings = judge(folder, name, anchored=True)
    assert code in (RIGHT[name].anchored or RIGHT[name].codes)
    assert code != "unreadable"
    assert warnings >= set(RIGHT[name].warned)


def test_every_document_of_the_field_has_a_right_answer(folder: Path) -> None:
    files = {file.name for file in folder.iterdir() if file.is_file() and file.suffix not in (".md", ".json")}
    assert files == set(RIGHT)


def test_only_what_is_shown_to_be_wrong_is_an_accusation() -> None:
    accused = {name for name, right in RIGHT.items() if any(_accuses(code) for code in right.codes)}
    assert accused == {
        "pdf_annotation_after_signing.pdf", "pdf_contents_literal_string.pdf", "pdf_enclosed_content_other.pdf",
        "pdf_html_appended.pdf", "pdf_truncated.pdf", "pdf_whole_copy_appended.pdf", "ofd_sm2_zero.ofd",
    }  # fmt: skip


def _accuses(code: str) -> bool:
    return code in CODES and CODES[code].answer is VerdictOutcome.INVALID


MADE: dict[str, tuple[str, str]] = {
    "ofd_ok.ofd": ("ofd", "sealed with a seal of version 4"),
    "pdf_ok.pdf": ("pdf", "signed"),
    "plain.pdf": ("pdf", "unsigned"),
    "pdf_attachment_base.pdf": ("pdf", "signed"),
    "pdf_timestamp_plain.pdf": ("change", "document timestamp"),
    "pdf_linearized_signed.pdf": ("form", "linearized"),
    "pdf_linearized_unsigned.pdf": ("form", "linearized"),
    "pdf_hybrid_signed.pdf": ("form", "hybrid"),
    "pdf_encrypted_no_password.pdf": ("pdf", "unsigned, encrypted with an empty password"),
    "pdf_newline_appended.pdf": ("pdf", "blanks appended"),
    "pdf_eof_comment_appended.pdf": ("form", "the end once more"),
    "pdf_67_revisions.pdf": ("pdf", "more ends than are followed"),
    "pdf_contents_literal_string.pdf": ("pdf", "the value moved out of its gap"),
    "pdf_garbage_before_header.pdf": ("pdf", "bytes before the head"),
    "pdf_html_appended.pdf": ("change", "bytes that belong to no state of the document"),
    "pdf_whole_copy_appended.pdf": ("pdf", "bytes appended and the end repeated"),
    "pdf_truncated.pdf": ("pdf", "cut off"),
    "pdf_hybrid_signed_twice.pdf": ("form", "hybrid, then two signatures"),
    "pdf_hybrid_signed_stamped.pdf": ("form", "hybrid, then a timestamp"),
    "pdf_dangling_reference_signed_stamped.pdf": ("form", "a reference that leads nowhere"),
    "pdf_docmdp1_dss_dts.pdf": ("form", "certified, then validation material and a timestamp"),
    "pdf_freed_objects_then_store.pdf": ("change", "objects that nothing refers to, freed numbers"),
    "pdf_field_name_with_period_stamped.pdf": ("form", "a field name with a full stop"),
    "pdf_same_partial_names.pdf": ("form", "two fields of one partial name"),
    "pdf_second_signer_drops_DA.pdf": ("change", "defaults of the form"),
    "pdf_lock_added_by_later_signer.pdf": ("change", "a hint or lock in the signed field"),
    "pdf_filled_then_second_signature.pdf": ("form", "filled by the second signer"),
    "pdf_stamp_then_second_signature.pdf": ("form", "stamped by the second signer"),
    "pdf_annotation_after_signing.pdf": ("change", "annotation, comment or stamp"),
    "pdf_attachment_any_after_signing.pdf": ("change", "another file attached"),
    "pdf_attachment_named_licence_after_signing.pdf": ("change", "another file attached"),
    "pdf_timestamp_with_issuer_serial.pdf": ("cms", "timestamp by an authority that names issuer and serial number"),
    "pdf_hanko_lta.pdf": ("cms", "clock of the signer ahead of the timestamp"),
    "pdf_adobe_revocation_archive_both.pdf": ("cms", "Adobe's archive with both"),
    "pdf_adobe_revocation_archive_crl.pdf": ("cms", "Adobe's archive with a list"),
    "pdf_adobe_revocation_archive_empty.pdf": ("cms", "Adobe's archive with nothing"),
    "pdf_adobe_revocation_archive_ocsp.pdf": ("cms", "Adobe's archive with an answer"),
    "pdf_dss_with_ocsp_only.pdf": ("cms", "an answer in the document security store"),
    "pdf_no_content_type_attribute.pdf": ("cms", "type of the content not told"),
    "pdf_no_certificates.pdf": ("cms", "no certificate"),
    "pdf_two_signer_infos.pdf": ("cms", "two signers"),
    "pdf_enclosed_content_other.pdf": ("cms", "something else enclosed"),
    "pdf_pbad.pdf": ("cms", "form of another country"),
    "pdf_x509_rsa_sha1.pdf": ("cms", "bare RSA"),
    "p7m_of_a_pdf.p7m": ("ofd", "signed data that encloses a pdf"),
    "ofd_outer_pkcs7_signeddata.ofd": ("ofd", "signed data in the words of pkcs 7"),
    "ofd_sign_content_type_twin.ofd": ("ofd", "signed data whose attributes use the national words"),
    "pdf_pss.pdf": ("cms", "PSS, SHA-256"),
    "pdf_pss_salt20_default.pdf": ("cms", "PSS, length of salt left out"),
    "pdf_pss_no_parameters.pdf": ("cms", "PSS without parameters, which means SHA-1"),
    "pdf_rsa_parameters_absent.pdf": ("cms", "RSA named by its key, without parameters"),
    "pdf_rsa_sha3_256.pdf": ("cms", "RSA with SHA3-256"),
    "pdf_p521_sha512.pdf": ("cms", "ECDSA on P-521"),
    "pdf_brainpool256.pdf": ("cms", "ECDSA on brainpoolP256r1"),
    "pdf_plain_ecdsa.pdf": ("cms", "plain ECDSA"),
    "pdf_ed25519.pdf": ("cms", "Ed25519"),
    "pdf_sha1.pdf": ("cms", "RSA with SHA-1"),
    "pdf_pkcs7_sha1.pdf": ("cms", "SHA-1 of the ranges enclosed"),
    "pdf_md5_message_digest.pdf": ("cms", "digest MD5"),
    "ofd_check_method_401_2.ofd": ("ofd", "digests of an identifier that nobody knows"),
    "ofd_seal_maker_eku_serverauth.ofd": ("ofd", "a seal maker with a certificate for servers"),
    "ofd_seal_maker_eku_serverauth_timestamping.ofd": (
        "ofd", "a seal maker with a certificate for servers and timestamps",
    ),
    "ofd_seal_critical_extension.ofd": ("ofd", "a critical extension of a known maker"),
    "ofd_sm2_integers_always00.ofd": ("ofd", "integers with a zero always before"),
    "ofd_sm2_integers_negative.ofd": ("ofd", "integers without sign byte"),
    "ofd_sm2_integers_padded.ofd": ("ofd", "integers padded to 32 bytes"),
    "ofd_sm2_curve_301_3.ofd": ("ofd", "a curve named by its third part"),
    "ofd_bit_string_length_octet.ofd": ("ofd", "bit strings with a length for unused bits"),
    "ofd_bit_string_openssl.ofd": ("ofd", "bit strings as openssl trims them"),
    "ofd_sm2_zero.ofd": ("ofd", "integers that are zero"),
    "pdf_gm_sm2seal.pdf": ("seal", "GM.sm2seal"),
    "pdf_ses_as_pkcs7_detached.pdf": ("seal", "adbe.pkcs7.detached"),
    "ofd_zip_utf8_flag_in_local_header_only.ofd": ("ofd", "archive: UTF-8 flag in local headers only"),
    "ofd_zip64_sizes_in_local_header.ofd": ("ofd", "archive: sizes in the ZIP64 field of local headers"),
    "ofd_directory_entries.ofd": ("ofd", "archive: directory entries"),
    "ofd_backslash_names.ofd": ("ofd", "archive: backslashes"),
    "ofd_nul_padded.ofd": ("ofd", "archive: zeros behind it"),
    "ofd_vendor_bytes_after.ofd": ("ofd", "archive: a maker's tail"),
    "ofd_vendor_bytes_before.ofd": ("ofd", "archive: a maker's head"),
    "docx_zip64_local.docx": ("ofd", "an archive of another kind"),
    "ofd_root_not_covered.ofd": ("ofd", "ofd xml is not covered"),
    "ofd_two_seals_second_covers_root.ofd": ("ofd", "a root that only the next seal covers"),
    "ofd_annotation_then_second_seal.ofd": ("ofd", "an annotation that the next seal covers"),
    "ofd_xml_gb18030.ofd": ("ofd", "pages in gb 18030"),
    "ofd_xml_utf-16.ofd": ("ofd", "pages in utf 16"),
    "ofd_xml_utf-8-sig.ofd": ("ofd", "pages with a byte order mark"),
}  # fmt: skip
"""File to the register of our makers and the case in it that is of the same kind."""


def registers() -> dict[str, Collection[str]]:
    """Every register of the makers, each of whose cases is judged by a test of its own."""
    return {
        "ofd": names(),
        "pdf": [*pdf_samples.WHOLE, *pdf_samples.BROKEN],
        "form": pdf_forms.FORMS,
        "change": [*pdf_changes.CHANGES, *pdf_changes.SIGNATURES],
        "cms": cms_samples.SAMPLES,
        "seal": pdf_seals.SUBFILTERS,
    }


def test_every_kind_of_the_field_is_also_made_here_at_any_date() -> None:
    assert set(MADE) == set(RIGHT)
    made = registers()
    assert {name: case for name, (register, case) in MADE.items() if case not in made[register]} == {}
