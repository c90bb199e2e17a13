"""OCSP answers: `cryptography` and OpenSSL make and read them, we judge them; SM2 answers are made by hand."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as answers
from hypothesis import given
from hypothesis import strategies as st

from chain_service.documents.facts import RevocationFacts
from chain_service.documents.pki import ocsp
from chain_service.documents.pki.trust import Trust
from chain_service.documents.pki.trust_store import RootCertificate, TrustStore
from chain_service.errors import MalformedDocument
from document_makers.certificates import Family, Holder, extension, issue, new_key, revocation_list
from document_makers.encoding import bits, element, explicit, generalized_time, identifier, integer, octets, sequence

DAY = 86_400
START = 1_700_000_000
END = START + 9_000 * DAY
MADE = START + 100 * DAY
ADDRESS = "http://ocsp.test/"
ACCESS = extension(
    "1.3.6.1.5.5.7.1.1", sequence(sequence(identifier("1.3.6.1.5.5.7.48.1"), element(0x86, ADDRESS.encode())))
)
RESPONDS = extension("2.5.29.37", sequence(identifier("1.3.6.1.5.5.7.3.9")))
NO_CHECK = extension("1.3.6.1.5.5.7.48.1.5", b"\x05\x00")


def authority(family: Family = "ecdsa") -> Holder:
    return issue(None, {"CN": "根"}, START, END, authority=True, family=family)


def leaf_of(issuer: Holder, until: int = END) -> Holder:
    return issue(issuer, {"CN": "某"}, START, until, family=issuer.key.family, extensions=ACCESS)


def responder_of(issuer: Holder, extensions: bytes = RESPONDS + NO_CHECK) -> Holder:
    uses = ("digitalSignature",)
    return issue(issuer, {"CN": "应答者"}, START, END, family="ecdsa", uses=uses, extensions=extensions)


def moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def answer(leaf: Holder, issuer: Holder, by: Holder | None = None, revoked: int | None = None, at: int = MADE) -> bytes:
    """What a responder, by default the issuer itself, says; made by `cryptography`."""
    by = by or issuer
    certificate, authority_, responder = (x509.load_der_x509_certificate(one.certificate) for one in (leaf, issuer, by))
    status = answers.OCSPCertStatus.GOOD if revoked is None else answers.OCSPCertStatus.REVOKED
    builder = (
        answers.OCSPResponseBuilder()
        .add_response(
            certificate, authority_, hashes.SHA256(), status, moment(at), moment(at + DAY),
            None if revoked is None else moment(revoked),
            None if revoked is None else x509.ReasonFlags.key_compromise,
        )
        .responder_id(answers.OCSPResponderEncoding.HASH, responder)
    )  # fmt: skip
    if by is not issuer:
        builder = builder.certificates([responder])
    return builder.sign(by.key.secret, hashes.SHA256()).public_bytes(Encoding.DER)  # type: ignore[arg-type]


def found(leaf: Holder, root: Holder, *responses: bytes, **more: Any) -> RevocationFacts:
    read = Trust(TrustStore((RootCertificate("here", root.certificate),), ocsp_responses=responses, **more))
    assert read.problems == ()
    (only,) = read.certificate(leaf.certificate).path.revocations
    return only


def test_the_question_is_one_that_others_understand() -> None:
    root = authority()
    leaf = leaf_of(root)
    told = found(leaf, root)
    assert told.outcome == "unknown" and told.ask == (ADDRESS,)
    asked = answers.load_der_ocsp_request(told.question)
    assert asked.serial_number == leaf.serial
    assert asked.issuer_name_hash == hashlib.sha1(root.name).digest()
    assert asked.issuer_key_hash == hashlib.sha1(root.key.public[-65:]).digest()


def test_a_certificate_without_a_responder_has_nobody_to_ask() -> None:
    root = authority()
    told = found(issue(root, {"CN": "某"}, START, END, family="ecdsa"), root)
    assert told.ask == () and told.question == b""


def test_an_answer_of_the_issuer_counts() -> None:
    root = authority()
    leaf = leaf_of(root)
    told = found(leaf, root, answer(leaf, root))
    assert (told.outcome, told.source, told.as_of, told.next_update) == ("good", "ocsp", MADE, MADE + DAY)
    revoked = found(leaf, root, answer(leaf, root, revoked=MADE - DAY))
    assert (revoked.outcome, revoked.revoked_at, revoked.reason) == ("revoked", MADE - DAY, "keyCompromise")


def test_a_responder_that_the_issuer_made_counts_and_no_other() -> None:
    root = authority()
    leaf = leaf_of(root)
    assert found(leaf, root, answer(leaf, root, by=responder_of(root))).outcome == "good"
    for extensions in (b"", RESPONDS, NO_CHECK):
        assert found(leaf, root, answer(leaf, root, by=responder_of(root, extensions))).outcome == "unknown"
    elsewhere = Holder(new_key("ecdsa"), root.certificate, root.name, root.serial)
    assert found(leaf, root, answer(leaf, root, by=responder_of(elsewhere))).outcome == "unknown"


def test_an_answer_about_another_certificate_says_nothing() -> None:
    root = authority()
    assert found(leaf_of(root), root, answer(leaf_of(root), root)).outcome == "unknown"
    other = authority()
    leaf = leaf_of(root)
    assert found(leaf, root, answer(leaf, other)).outcome == "unknown"


def test_an_answer_by_another_key_says_nothing() -> None:
    root = authority()
    leaf = leaf_of(root)
    assert found(leaf, root, answer(leaf, root, by=authority())).outcome == "unknown"


def test_of_list_and_answer_the_one_that_revokes_counts_then_the_newer() -> None:
    root = authority()
    leaf = leaf_of(root)
    clean = revocation_list(root, MADE + DAY, MADE + 2 * DAY)
    revoking = revocation_list(root, MADE - DAY, MADE, {leaf.serial: (MADE - 2 * DAY, None)})
    assert found(leaf, root, answer(leaf, root), crls=(clean,)).source == "crl"
    assert found(leaf, root, answer(leaf, root, at=MADE + 5 * DAY), crls=(clean,)).source == "ocsp"
    assert found(leaf, root, answer(leaf, root), crls=(revoking,)).outcome == "revoked"
    assert found(leaf, root, answer(leaf, root, revoked=MADE), crls=(clean,)).outcome == "revoked"


def test_an_answer_after_the_end_of_the_certificate_may_have_forgotten_it() -> None:
    root = authority()
    ended = leaf_of(root, until=MADE - DAY)
    assert found(ended, root, answer(ended, root)).after_end


def test_sm2_responders_are_understood() -> None:
    root = authority("sm2")
    leaf = leaf_of(root)
    algorithm = sequence(identifier("1.2.156.10197.1.401"))
    hashed = (octets(hashlib.new("sm3", part).digest()) for part in (root.name, root.key.public[-65:]))
    single = sequence(
        sequence(algorithm, *hashed, integer(leaf.serial)), element(0x80), generalized_time(MADE),
        explicit(0, generalized_time(MADE + DAY)),
    )  # fmt: skip
    tbs = sequence(explicit(1, root.name), generalized_time(MADE), sequence(single))
    basic = sequence(tbs, root.key.algorithm, bits(root.sign(tbs)))
    wrapped = explicit(0, sequence(identifier("1.3.6.1.5.5.7.48.1.1"), octets(basic)))
    told = found(leaf, root, sequence(element(0x0A, b"\0"), wrapped))
    assert (told.outcome, told.source, told.as_of, told.next_update) == ("good", "ocsp", MADE, MADE + DAY)


@given(at=st.integers(0, 2_000), bit=st.integers(0, 7))
def test_no_changed_bit_of_an_answer_calls_another_certificate_good(at: int, bit: int) -> None:
    data = bytearray(GOOD_ANSWER)
    data[at % len(data)] ^= 1 << bit
    store = TrustStore((RootCertificate("here", ROOT.certificate),), ocsp_responses=(bytes(data),))
    (told,) = Trust(store).certificate(LEAF.certificate).path.revocations
    assert told.outcome == "unknown" or (told.outcome, told.as_of, told.next_update) == ("good", MADE, MADE + DAY)


ROOT = authority()
LEAF = leaf_of(ROOT)
GOOD_ANSWER = answer(LEAF, ROOT)


@pytest.mark.parametrize("data", [b"", b"junk", sequence(), sequence(element(0x0A, b"\x06")), GOOD_ANSWER + b"\0"])
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedDocument):
        ocsp.parse(data)
    assert Trust(TrustStore(ocsp_responses=(data,))).problems != ()
