"""Third-party documents and seals: what an independent checker found in them is found here."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from chain_service.documents.facts import DocumentFacts, SealFacts, SignatureFacts
from chain_service.documents.pki.trust_store import RootCertificate, TrustStore
from chain_service.documents.read import read_document

FORMS = {1: "ses-v1", 4: "ses-v4", 5: "ses-v5"}
DOCUMENTS = (
    "derived/neg_content_tampered.ofd",
    "derived/neg_signedvalue_bitflip.ofd",
    "derived/warn_uncovered_file_added.ofd",
    "ofdrw/DigitalSign.ofd",
    "ofdrw/SESV4SignDoc.ofd",
    "ofdrw/allprotected.ofd",
    "ofdrw/helloworld.ofd",
)
SEALS = ("ofdrw/SESealData.DER", "ofdrw/UserV1.esl", "ofdrw/UserV4.esl", "ofdrw/UserV5.esl")


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "documents"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "expected.json").read_text("utf-8"))


def read(folder: Path, name: str, expected: dict[str, Any], store: TrustStore | None = None) -> DocumentFacts:
    data = (folder / name).read_bytes()
    assert hashlib.sha256(data).hexdigest() == expected[name]["sha256"]
    return read_document(data, store or TrustStore())


def certificate(path: Path) -> bytes:
    lines = path.read_text().splitlines()
    return base64.b64decode("".join(line for line in lines if "-----" not in line))


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def assert_seal(found: SealFacts, told: dict[str, Any]) -> None:
    assert found.version == told["version"]
    assert found.code == told["esID"]
    assert found.name == told["name"]
    assert found.maker_id == told["vid"]
    assert (found.valid_from, found.valid_until) == (moment(told["validStart"]), moment(told["validEnd"]))
    assert found.signature_holds is told["seal_sig_ok"]
    assert found.maker is not None
    assert (found.maker.not_before, found.maker.not_after) == (
        moment(told["maker_notBefore"]),
        moment(told["maker_notAfter"]),
    )


def assert_signature(found: SignatureFacts, told: dict[str, Any]) -> None:
    assert found.problem is None
    assert len(found.references) == told["refs"]
    assert {one.algorithm for one in found.references} == {told["checkMethod"]}
    assert [one.name for one in found.references if not one.holds] == told["refs_bad"]
    if told["type"] == "Sign":
        return
    assert found.seal is not None and found.signer is not None
    assert found.form == FORMS[told["seal"]["version"]]
    assert found.signature_holds is told["sig_ok"]
    assert found.signer_in_seal is told["cert_in_seal"]
    assert found.data_digest_holds is told["dataHash_ok"]
    assert found.seal_file_equal is told["seal_file_matches"]
    assert "/" + found.place == told["propertyInfo"]
    signed = moment(told["signTime"])
    assert found.claimed[0].at == signed
    assert (found.signer.not_before <= signed <= found.signer.not_after) is told["cert_valid_at_signTime"]
    assert (found.seal.valid_from <= signed <= found.seal.valid_until) is told["seal_valid_at_signTime"]
    assert_seal(found.seal, told["seal"])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_holds_what_the_independent_checker_found(name: str, folder: Path, expected: dict[str, Any]) -> None:
    facts = read(folder, name, expected)
    told = expected[name]
    assert facts.media == "ofd" and facts.problem is None
    assert len(facts.signatures) == len(told.get("signatures", []))
    for found, one in zip(facts.signatures, told.get("signatures", []), strict=True):
        assert_signature(found, one)
        own = ("/Signature.xml", "/SignedValue.dat", "/Signatures.xml")
        assert list(facts.uncovered) == [name for name in one["uncovered"] if not name.endswith(own)]
        assert not found.coverage.displayed
        own = one["uncovered"]
        assert list(found.coverage.other) == [
            name for name in own if not name.endswith(("/Signature.xml", "/SignedValue.dat"))
        ]


@pytest.mark.parametrize("name", SEALS)
def test_a_seal_holds_what_the_independent_checker_found(name: str, folder: Path, expected: dict[str, Any]) -> None:
    facts = read(folder, name, expected)
    assert facts.media == "seal" and facts.problem is None and facts.seal is not None
    assert_seal(facts.seal, expected[name])


def test_a_signature_that_names_nobody_is_tried_with_the_known_signers(folder: Path, expected: dict[str, Any]) -> None:
    der = certificate(folder / "ofdrw/certs/user.pem")
    facts = read(folder, "ofdrw/DigitalSign.ofd", expected, TrustStore((), (der,)))
    (found,) = facts.signatures
    assert found.form == "sm2-sign"
    assert found.signature_holds is True
    assert found.signer is not None and found.signer.sha256 == hashlib.sha256(der).digest()
    (unknown,) = read(folder, "ofdrw/DigitalSign.ofd", expected).signatures
    assert unknown.signature_holds is None and unknown.signer is None


def test_an_authority_that_may_not_sign_certificates_is_refused(folder: Path, expected: dict[str, Any]) -> None:
    der = certificate(folder / "ofdrw/certs/ofdrw_test_root.pem")
    facts = read(folder, "ofdrw/allprotected.ofd", expected, TrustStore((RootCertificate("ofdrw", der),)))
    signer = facts.signatures[0].signer
    assert signer is not None and signer.path.outcome == "broken", signer
