"""Everything that reads foreign ASN.1, fed with broken structures: always an answer, soon, and one that can be told."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from chain_service.documents.facts import DocumentFacts, SignatureFacts, from_json, to_json
from chain_service.documents.pki import certificates, ocsp, revocation, signed_data, timestamps
from chain_service.documents.pki.plain_signatures import read_plain_signature
from chain_service.documents.pki.trust import Trust
from chain_service.documents.ses.seals import read_seal, read_seal_signature
from chain_service.errors import MalformedDocument
from document_makers.certificates import extension, revocation_list
from document_makers.encoding import element, sequence
from document_makers.seals import HASHES, seal_signature
from support.cms.plain_signatures import signed_data as make_signed_data
from support.cms.timestamps import Stamp, timestamp_authority
from support.cost import costs_at_most
from support.documents.city import NOW, SIGNED, city

DATA = b"<Signature.xml>"
DAY = 86_400
AT_MOST = 2.0
"""Seconds of computing for one input, far above what is usual."""


@cache
def trust() -> Trust:
    return Trust(city().store)


def told(**found: object) -> None:
    """Facts that have to survive their way to the service."""
    facts = replace(DocumentFacts("ofd", 0, b"", b""), **found)  # type: ignore[arg-type]
    assert from_json(to_json(facts)) == facts


def a_signature(facts: SignatureFacts) -> None:
    told(signatures=(facts,))


def a_timestamp(data: bytes) -> None:
    found = timestamps.read(data, DATA, trust())
    a_signature(SignatureFacts("", "ses-v5", timestamps=(found,)))


def a_certificate(data: bytes) -> None:
    a_signature(SignatureFacts("", "ses-v4", signer=trust().certificate(data, (city().signer.certificate,))))


def a_list(data: bytes) -> None:
    found = revocation.parse(data)
    issuer = certificates.parse(city().root.certificate)
    revocation.look_up(certificates.parse(city().signer.certificate), issuer, [found], trust().user_id)


DOORS: dict[str, Callable[[bytes], object]] = {
    "seal": lambda data: told(seal=read_seal(data, trust())),
    "seal signature": lambda data: a_signature(read_seal_signature(data, trust()).facts),
    "plain signature": lambda data: a_signature(read_plain_signature(data, DATA, trust())),
    "timestamp": a_timestamp,
    "certificate": a_certificate,
    "list": a_list,
    "answer": ocsp.parse,
    "signed data": lambda data: signed_data.parse(data, "it"),
}


@cache
def structures() -> tuple[bytes, ...]:
    of = city()
    authority = timestamp_authority(of.root, NOW - 900 * DAY, NOW + 900 * DAY)
    stamp = Stamp(authority, SIGNED, DATA).der()
    seals = [of.make_seal(version=version, picture=b"P") for version in (1, 4, 5)]
    seals.append(of.make_seal(list_type=HASHES, extensions=sequence(extension("1.2.3", b"x", critical=True))))
    signatures = [
        seal_signature(
            one.der(), of.signer, version=one.version, data=DATA, location="/S.xml", at=SIGNED, timestamp=stamp
        )
        for one in seals
    ]
    return (
        *(one.der() for one in seals),
        *signatures,
        of.signer.certificate,
        of.root.certificate,
        revocation_list(of.root, NOW, NOW + DAY, {of.signer.serial: (NOW, "keyCompromise")}),
        make_signed_data(DATA, of.signer, at=SIGNED),
        make_signed_data(DATA, of.signer, attached=True),
        stamp,
        of.signer.sign(DATA),
    )


def broken(chance: random.Random) -> bytes:
    """A structure with some bytes changed, cut out, put in, doubled, or wrapped anew."""
    data = bytearray(chance.choice(structures()))
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) + 1)
        other = chance.choice(structures())
        start = chance.randrange(len(other))
        piece = other[start : start + chance.randrange(1, 80)]
        match chance.randrange(6):
            case 0 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(data):
                data[at] = chance.choice((0, 1, 2, 3, 4, 5, 6, 12, 22, 23, 24, 0x30, 0x31, 0x80, 0x82, 0xA0, 0xFF))
            case 2:
                del data[at : at + chance.randrange(1, 40)]
            case 3:
                data[at:at] = piece
            case 4:
                data[at : at + len(piece)] = piece
            case _:
                data = bytearray(element(chance.choice((0x30, 0x04, 0xA0)), bytes(data[at:]) or b"\0"))
        if not data:
            return b""
    return bytes(data)


def feed(count: int, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(count):
        data = broken(chance)
        for name, door in DOORS.items():
            with costs_at_most(AT_MOST, (name, number, data.hex())):
                try:
                    door(data)
                except MalformedDocument as error:
                    assert error.code.replace("_", "").islower(), (name, number)


def test_broken_structures_are_answered_at_every_door() -> None:
    feed(400, seed=1)


@pytest.mark.long
def test_many_broken_structures_are_answered_at_every_door() -> None:
    feed(15_000, seed=2)


HOSTILE = {
    "nesting": b"\x30\x80" * 100_000,
    "lengths": b"\x30\x84\x7f\xff\xff\xff" * 20_000,
    "indefinite": b"\x30\x80" * 9 + b"\x04\x80" * 50_000,
    "small members": element(0x30, b"\x02\x01\x01" * 300_000),
    "deep": b"".join(b"\x30\x83" + (900_000 - 5 * level).to_bytes(3, "big") for level in range(200)) + bytes(899_000),
    "names": element(0x30, element(0x30, *[element(0x31, element(0x30, b"\x06\x03\x55\x04\x03\x0c\x01x"))] * 19_000)),
    "a long tag": b"\x3f" + b"\xff" * 500_000,
    "a long identifier": element(0x30, b"\x06\x83\x07\xa1\x20" + b"\x81" * 500_000),
    "a long number": element(0x30, element(0x30, element(0x30, b"\x16\x02ES", element(2, b"\x7f" * 500_000)))),
    "zeros": bytes(1 << 20),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_structures_cost_little(name: str) -> None:
    for door in DOORS.values():
        with costs_at_most(AT_MOST, door), pytest.raises(MalformedDocument):
            door(HOSTILE[name])
            raise MalformedDocument("a problem was found and told")
