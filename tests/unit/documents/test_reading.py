"""The door for foreign bytes: what a file is, by its bytes alone; what is no document is not called broken."""

from __future__ import annotations

import hashlib

import gmssl_pyx
import pytest

from chain_service.documents.facts import DocumentFacts
from chain_service.documents.pki.trust_store import TrustStore
from chain_service.documents.read import read_document
from document_makers.packages import archive
from support.documents.city import city, sealed


def read(data: bytes) -> DocumentFacts:
    return read_document(data, TrustStore())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0",
        b"0123456789 a text that begins like DER",
        "电子证照".encode(),
        b"\x89PNG\r\n\x1a\n",
        b"PK",
        archive({"word/document.xml": b"<w/>"}),
        archive({}),
        city().signer.certificate,
    ],
)
def test_a_file_of_another_kind_is_unknown_and_not_broken(data: bytes) -> None:
    facts = read(data)
    assert (facts.media, facts.problem, facts.signatures) == ("unknown", None, ())


def test_size_and_digests_are_facts_of_every_file() -> None:
    for data in (b"", b"abc", sealed().bytes()):
        facts = read(data)
        assert facts.size == len(data)
        assert facts.sha256 == hashlib.sha256(data).digest()
        assert facts.sm3 == gmssl_pyx.sm3_hash(data)


@pytest.mark.parametrize("version", [1, 4, 5])
def test_a_seal_file_is_read_whatever_its_version(version: int) -> None:
    facts = read_document(city().make_seal(version=version).der(), city().store)
    assert facts.media == "seal" and facts.problem is None and facts.seal is not None
    assert facts.seal.version == version
    assert facts.seal.signature_holds is True
    assert facts.seal.maker is not None and facts.seal.maker.path.outcome == "trusted"


def test_a_damaged_seal_says_what_is_wrong() -> None:
    facts = read(city().seal.der()[:-1])
    assert facts.media == "seal" and facts.seal is None
    assert facts.problem is not None and facts.problem.code == "not_der"


def test_a_damaged_document_says_what_is_wrong() -> None:
    facts = read(sealed().bytes()[:-100])
    assert facts.media == "ofd"
    assert facts.problem is not None and facts.problem.code == "not_zip"
