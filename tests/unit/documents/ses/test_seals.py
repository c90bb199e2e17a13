"""Seals and their signatures: every layout and way of writing that is in use, and what does not hold."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from chain_service.documents.asn1.der import members
from chain_service.documents.facts import SealFacts, SignatureFacts
from chain_service.documents.pki.trust import Trust
from chain_service.documents.ses.seals import SignedValue, read_seal, read_seal_signature
from chain_service.errors import MalformedDocument
from document_makers.certificates import extension, new_key
from document_makers.encoding import (
    SM2_WITH_SM3,
    bits,
    element,
    explicit,
    generalized_time,
    ia5,
    identifier,
    integer,
    octets,
    sequence,
    utc_time,
)
from document_makers.seals import CERTIFICATES, HASHES, Seal, seal_signature
from support.cms.timestamps import Stamp, timestamp_authority
from support.documents.city import NOW, SIGNED, city

DATA = b"<Signature.xml>"
PLACE = "/Doc_0/Signs/Sign_0/Signature.xml"
DAY = 86_400
BIT_STRING = 0x03
VERSIONS = (1, 4, 5)
FORMS = {1: "ses-v1", 4: "ses-v4", 5: "ses-v5"}


@pytest.fixture(scope="module")
def trust() -> Trust:
    return Trust(city().store)


def seal(version: int = 4, **changes: Any) -> Seal:
    return city().make_seal(version=version, **changes)


def value(sealed: bytes, version: int = 4, **changes: Any) -> bytes:
    given = {"data": DATA, "location": PLACE, "at": SIGNED} | changes
    return seal_signature(sealed, given.pop("signer", city().signer), version=version, **given)


def v1_value(sealed: bytes, time: bytes) -> bytes:
    """A v1 signature with timeInfo as given."""
    of = city().signer
    digest, method = bits(hashlib.new("sm3", DATA).digest()), identifier(SM2_WITH_SM3)
    signed = sequence(integer(1), sealed, time, digest, ia5(PLACE), octets(of.certificate), method)
    return sequence(signed, bits(of.sign(signed)))


def signed(read: SignedValue) -> SignatureFacts:
    assert read.facts.problem is None, read.facts.problem
    return read.facts


def refused(data: bytes, trust: Trust) -> str:
    with pytest.raises(MalformedDocument) as caught:
        read_seal(data, trust)
    return caught.value.code


def stands(facts: SignatureFacts) -> bool:
    """Whether everything that the signed value alone tells is as it should be."""
    if facts.problem is not None or facts.seal is None or facts.signer is None or facts.seal.maker is None:
        return False
    trusted = {facts.signer.path.outcome, facts.seal.maker.path.outcome} == {"trusted"}
    return bool(facts.signature_holds and facts.signer_in_seal and facts.seal.signature_holds and trusted)


@pytest.mark.parametrize("raw", [False, True], ids=["der", "raw"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_good_signature_stands_in_every_version(version: int, raw: bool, trust: Trust) -> None:
    sealed = seal(version, raw=raw).der()
    read = read_seal_signature(value(sealed, version, raw=raw), trust)
    facts = signed(read)
    assert stands(facts), facts
    assert facts.form == FORMS[version]
    assert facts.claimed[0].at == SIGNED and not facts.claimed[0].zoneless
    assert facts.algorithm == "sm2-sm3" and facts.problems == ()
    assert (read.digest, read.names, read.seal) == (hashlib.new("sm3", DATA).digest(), PLACE, sealed)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_seal_tells_what_is_written_in_it(version: int, trust: Trust) -> None:
    made = seal(version)
    data = made.der()
    found = read_seal(data, trust)
    assert (found.version, found.code, found.name, found.type) == (version, made.code, made.name, made.kind)
    assert (found.created, found.valid_from, found.valid_until) == (made.created, made.valid_from, made.valid_until)
    assert found.sha256 == hashlib.sha256(data).digest()
    assert found.sm3 == hashlib.new("sm3", data).digest()
    assert found.signer_certificates == (hashlib.sha256(city().signer.certificate).digest(),)
    assert found.signature_holds is True
    assert found.maker is not None and found.maker.path.anchor == "湖南"


def test_a_signer_may_be_named_by_a_hash(trust: Trust) -> None:
    listed = seal(list_type=HASHES).der()
    assert signed(read_seal_signature(value(listed), trust)).signer_in_seal is True
    stranger = city().person(name="别人")
    assert signed(read_seal_signature(value(listed, signer=stranger), trust)).signer_in_seal is False
    assert read_seal(listed, trust).list_type == "hashes"


def test_a_signer_that_the_seal_does_not_list_is_told(trust: Trust) -> None:
    facts = signed(read_seal_signature(value(seal().der(), signer=city().person()), trust))
    assert facts.signature_holds is True and facts.signer_in_seal is False


def test_a_seal_by_another_key_does_not_hold(trust: Trust) -> None:
    forger = replace(city().maker, key=new_key())
    assert read_seal(seal(maker=forger).der(), trust).signature_holds is False


@pytest.mark.parametrize(
    ("time", "zoneless"),
    [
        (bits(generalized_time(SIGNED)), False),
        (bits(utc_time(SIGNED)), False),
        (utc_time(SIGNED), False),
        (generalized_time(SIGNED), False),
        (bits(generalized_time(SIGNED)[2:]), False),
        (bits(utc_time(SIGNED)[2:]), False),
        (bits(generalized_time(SIGNED + 8 * 3600)[2:-1]), True),
    ],
)
def test_the_time_of_a_v1_signature_is_read_however_it_is_written(time: bytes, zoneless: bool, trust: Trust) -> None:
    (claimed,) = signed(read_seal_signature(v1_value(seal(1).der(), time), trust)).claimed
    assert (claimed.at, claimed.zoneless, claimed.source) == (SIGNED, zoneless, "seal_signature")


def test_a_token_for_the_time_of_a_v1_signature_is_a_claim_only(trust: Trust) -> None:
    authority = timestamp_authority(city().root, NOW - 900 * DAY, NOW + 900 * DAY)
    token = Stamp(authority, SIGNED, b"something").der()
    facts = signed(read_seal_signature(v1_value(seal(1).der(), bits(token)), trust))
    assert facts.claimed[0].at == SIGNED and facts.timestamps == ()


@pytest.mark.parametrize("tagged", ["explicit", "implicit"])
def test_a_timestamp_over_the_signature_proves_its_time(tagged: str, trust: Trust) -> None:
    authority = timestamp_authority(city().root, NOW - 900 * DAY, NOW + 900 * DAY)
    bare = value(seal(5).der(), 5)
    signature = element_at(bare, 3)[3:]
    token = Stamp(authority, SIGNED + 60, signature).der()
    stamp = explicit(0, bits(token)) if tagged == "explicit" else element(0x80, b"\0" + token)
    facts = signed(read_seal_signature(sequence(contents(bare), stamp), trust))
    (found,) = facts.timestamps
    assert stands(facts)
    assert (found.problem, found.at, found.imprint_matches, found.signature_holds) == (None, SIGNED + 60, True, True)
    assert found.authority is not None and found.authority.path.outcome == "trusted"


def contents(data: bytes) -> bytes:
    return data[2 + (data[1] & 0x7F if data[1] >= 0x80 else 0) :]


def element_at(data: bytes, place: int) -> bytes:
    """The member at `place` of a sequence, whole."""
    rest = contents(data)
    for _ in range(place):
        rest = rest[size(rest) :]
    return rest[: size(rest)]


def size(data: bytes) -> int:
    octets_ = data[1] & 0x7F if data[1] >= 0x80 else 0
    return 2 + octets_ + (int.from_bytes(data[2 : 2 + octets_], "big") if octets_ else data[1])


@pytest.mark.parametrize("tagged", ["explicit", "implicit", "bare"])
def test_extensions_are_read_however_they_are_tagged(tagged: str, trust: Trust) -> None:
    listed = extension("1.2.3.4", b"x"), extension("1.2.3.5", b"y", critical=True)
    wrapped = {
        "explicit": explicit(0, sequence(*listed)),
        "implicit": element(0xA0, *listed),
        "bare": sequence(*listed),
    }
    found = read_seal(seal(extensions=wrapped[tagged]).der(), trust)
    assert found.signature_holds is True
    assert [problem.code for problem in found.problems] == ["critical_extension"]
    assert "1.2.3.5" in found.problems[0].detail


def test_a_signature_of_another_version_than_its_seal_is_told(trust: Trust) -> None:
    facts = signed(read_seal_signature(value(seal(4).der(), 5), trust))
    assert [problem.code for problem in facts.problems] == ["version_differs"]


def test_an_unknown_algorithm_is_neither_right_nor_wrong(trust: Trust) -> None:
    facts = signed(read_seal_signature(value(seal().der(), algorithm="1.2.3.4"), trust))
    assert facts.signature_holds is None and facts.algorithm == "1.2.3.4"
    assert read_seal(seal(algorithm="1.2.840.10045.4.3.2").der(), trust).signature_holds is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda der: der + b"\0", "not_der"),
        (lambda der: der[:-1], "not_der"),
        (lambda der: der.replace(b"\x16\x02ES", b"\x16\x02EX"), "malformed"),
        (lambda der: der.replace(b"ES\x02\x01\x04", b"ES\x02\x01\x07"), "unknown_version"),
        (lambda der: sequence(), "malformed"),
        (lambda der: sequence(contents(der), integer(1), integer(2)), "malformed"),
        (lambda der: sequence(der, der), "malformed"),
        (lambda der: b"", "not_der"),
        (lambda der: b"\x30" * 100, "not_der"),
        (lambda der: octets(bytes(5 << 20)), "too_large"),
    ],
)
def test_what_is_no_seal_is_refused(change: Any, code: str, trust: Trust) -> None:
    assert refused(change(seal().der()), trust) == code


def test_a_list_of_too_many_signers_is_refused(trust: Trust) -> None:
    assert refused(seal(signers=[b"x"] * 65).der(), trust) == "too_large"


def test_a_seal_with_an_empty_period_says_so(trust: Trust) -> None:
    found = read_seal(seal(valid_from=NOW, valid_until=NOW - 1).der(), trust)
    assert [problem.code for problem in found.problems] == ["empty_period"]


def test_a_maker_whose_certificate_cannot_be_read_leaves_the_seal_unchecked(trust: Trust) -> None:
    found: SealFacts = read_seal(seal(maker=replace(city().maker, certificate=b"\x30\x00")).der(), trust)
    assert found.maker is None and found.signature_holds is None


def assert_none_stands(version: int, trust: Trust, step: int) -> None:
    """Nothing does but the same signature with zero bits at its end counted as unused, which is told."""
    made = seal(version, list_type=CERTIFICATES)
    good = value(made.der(), version)
    (written,) = (member for member in members(good) if member[0] == BIT_STRING)
    counting_unused = good.rindex(written) + 2
    for at in range(version % step, len(good), step):
        changed = bytearray(good)
        changed[at] ^= 1 << (at // step) % 8
        facts = read_seal_signature(bytes(changed), trust).facts
        if at == counting_unused and stands(facts):
            assert [problem.code for problem in facts.problems] == ["encoding_deviation"]
        else:
            assert not stands(facts), at


@pytest.mark.parametrize("version", VERSIONS)
def test_no_changed_byte_leaves_a_signature_standing(version: int, trust: Trust) -> None:
    assert_none_stands(version, trust, step=13)


@pytest.mark.long
@pytest.mark.parametrize("version", VERSIONS)
def test_no_changed_byte_at_all_leaves_a_signature_standing(version: int, trust: Trust) -> None:
    assert_none_stands(version, trust, step=1)
