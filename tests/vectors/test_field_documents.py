"""Documents as the field writes them, by kind: each gets the answer that is right for it, alone and anchored.

They, their trust store and an index of what each one is lie beside this repository; certificates and lists in it end,
so everything is judged a day after its newest list was made. Our own makers make the same kinds at any date: the last
table says which case of theirs stands for which file.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from document_makers.judged import judged

from chain_service.core.codes import CODES, Answer
from chain_service.documents import revocation
from chain_service.documents.read import read_document
from chain_service.documents.trust_store import Anchor, TrustStore

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
def folder(shared: Path) -> Path:
    found = shared / "field-documents"
    if not found.is_dir():
        pytest.skip("the documents of the field are not beside this checkout (../shared/vectors/field-documents)")
    return found


@cache
def trusted(folder: Path) -> tuple[TrustStore, int]:
    """The trust store, and the moment at which its newest lists are a day old."""
    lists = tuple(file.read_bytes() for file in sorted((folder / "trust-store/crls").iterdir()))
    anchors, links = [], []
    for place in sorted((folder / "trust-store/anchors").iterdir()):
        anchors.append(Anchor(place.name, (place / "root0.cer").read_bytes()))
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
    indexed = {name for name, _, _ in json.loads((folder / "index.json").read_text("utf-8"))}
    assert indexed <= files


def test_only_what_is_shown_to_be_wrong_is_an_accusation() -> None:
    accused = {name for name, right in RIGHT.items() if any(_accuses(code) for code in right.codes)}
    assert accused == {
        "pdf_annotation_after_signing.pdf", "pdf_contents_literal_string.pdf", "pdf_enclosed_content_other.pdf",
        "pdf_html_appended.pdf", "pdf_truncated.pdf", "pdf_whole_copy_appended.pdf", "ofd_sm2_zero.ofd",
    }  # fmt: skip


def _accuses(code: str) -> bool:
    return code in CODES and CODES[code].answer is Answer.INVALID
