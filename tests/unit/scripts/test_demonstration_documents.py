"""What the demonstration seals and signs is sound, and its altered faces are named; judged without a chain."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

import samples
from chain_service.core.encoding.digests import sha256, sm3
from chain_service.core.verdicts.verdict_codes import CODES, Outcome, VerdictOutcome
from chain_service.documents.judging.binding import Binding
from chain_service.documents.judging.signatures import judge_document
from chain_service.documents.read import read_document
from chain_service.jobs.parsing.trust_directory import read_store
from demonstration import papers
from demonstration.sealed_files import licence, pdf_files
from demonstration.sealed_files.office import Office, open_office

NOW = int(time.time())
"""PDF files are signed later than this: at the moment they are made."""
LIST_AGE = 7 * 86_400


@cache
def office() -> Office:
    return open_office(samples.MARKET, NOW)


@cache
def record() -> dict[str, Any]:
    return next(one for organisation, one in samples.certificates(6) if organisation is samples.MARKET)


def forged() -> dict[str, Any]:
    return record() | {"holders": [record()["holders"][0] | {"certificateHolderName": "冒名者有限公司"}]}


def found(document: bytes, folder: Path) -> list[tuple[str, str]]:
    """Name and code of what did not pass, once the office's authorities are trusted."""
    office().write_trust(folder, NOW)
    facts = read_document(document, read_store(folder))
    binding = Binding(at=int(time.time()) + 60, list_age=LIST_AGE, issuer=samples.MARKET.code)
    groups = judge_document(facts, binding, "a document").groups
    assert groups, facts
    checks = [one for group in groups for one in group.checks if one.name != "seal_registered"]
    return [(one.name, one.code) for one in checks if one.outcome in (Outcome.FAILED, Outcome.INDETERMINATE)]


def test_a_sealed_ofd_is_sound_until_its_face_is_changed(tmp_path: Path) -> None:
    sealed = office().sealed(licence.ofd(record()), licence.SEAL, NOW)
    assert found(sealed.bytes(), tmp_path) == []
    changed = licence.redrawn(sealed, forged())
    assert changed.files.keys() == sealed.files.keys()
    assert ("reference_digests", "content_altered") in found(changed.bytes(), tmp_path)


def test_a_signed_pdf_is_sound_until_its_face_is_changed(tmp_path: Path) -> None:
    drawn = licence.pdf(record(), samples.MARKET.name)
    signed = pdf_files.signed(drawn, office().signer, "颁发")
    assert signed.startswith(drawn) and found(signed, tmp_path) == []
    changed = pdf_files.redrawn(signed, licence.pdf_content(forged(), samples.MARKET.name))
    assert changed.startswith(signed) and ("coverage", "content_altered") in found(changed, tmp_path)


def test_a_receipt_attached_by_another_program_leaves_the_signed_file_to_compare(tmp_path: Path) -> None:
    signed = pdf_files.signed(licence.pdf(record(), samples.MARKET.name), office().signer, "颁发")
    attached = pdf_files.with_receipt(signed, b"\xd2 a receipt")
    assert attached[len(signed) :].count(b"/Metadata")
    facts = read_document(attached, read_store(tmp_path))
    assert facts.receipt == b"\xd2 a receipt"
    assert facts.before_attaching == (sha256(signed), sm3(signed))
    assert found(attached, tmp_path) == []


def test_both_faces_show_the_same_words() -> None:
    words = [one.text for one in licence.words(record())]
    page = licence.ofd(record()).files[licence.PAGE].decode()
    content = licence.pdf_content(record(), samples.MARKET.name).decode()
    for text in (record()["certificateNumber"], record()["holders"][0]["certificateHolderName"], *words):
        assert text in page and text.encode("utf-16-be").hex() in content


def test_what_the_folder_of_papers_promises_are_verdicts_that_exist() -> None:
    assert all(CODES[code].answer == verdict for verdict, code in (one.verdict for one in papers.PROMISES))
    assert {verdict for verdict, _ in (one.verdict for one in papers.PROMISES)} == set(VerdictOutcome)
