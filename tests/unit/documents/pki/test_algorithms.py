"""Every algorithm that is named verifies a signature and refuses a changed one; weak and unknown are told apart."""

from __future__ import annotations

import pytest
from asn1crypto import algos

from chain_service.documents.pki import algorithms
from chain_service.documents.pki.algorithms import Algorithm
from support.cms import signing_keys
from support.cms.signing_keys import FORMS, NAMED, UNKNOWN, WEAK, SigningKey, digest

MESSAGE = b"what is signed"


def algorithm_of(key: SigningKey, name: str) -> Algorithm:
    return Algorithm.of(algos.SignedDigestAlgorithm.load(key.algorithm), name.split(" ")[0])


def verdicts(key: SigningKey, name: str, *, short_keys: bool = False) -> tuple[bool | None, ...]:
    """Of a signature, of the same over another message, and of one with a changed byte."""
    algorithm, signature = algorithm_of(key, name), key.sign(MESSAGE)
    changed = bytes([*signature[:-1], signature[-1] ^ 1])
    return tuple(
        algorithms.verify(key.public, algorithm, value, message, short_keys=short_keys)
        for value, message in ((signature, MESSAGE), (signature, MESSAGE + b"!"), (changed, MESSAGE))
    )


@pytest.mark.parametrize("oid", NAMED)
def test_a_named_algorithm_verifies_and_refuses(oid: str) -> None:
    family, name, make = NAMED[oid]
    key = make()
    assert Algorithm.named(oid).family == algorithm_of(key, name).family == family
    assert verdicts(key, name) == (True, False, False)


def test_every_signature_algorithm_that_is_named_is_tried_here() -> None:
    not_verified = {"1.2.840.113549.1.1.4"}  # RSA with MD5: named so that it can be called weak
    assert set(algorithms._SIGNATURES) - not_verified == set(NAMED)
    assert Algorithm.named("1.2.840.113549.1.1.4").weak


@pytest.mark.parametrize("form", FORMS)
def test_an_algorithm_verifies_in_every_way_it_is_written(form: str) -> None:
    name, make = FORMS[form]
    assert verdicts(make(), name) == (True, False, False)


@pytest.mark.parametrize("form", UNKNOWN)
def test_of_an_unknown_algorithm_nothing_is_said(form: str) -> None:
    name, make = UNKNOWN[form]
    assert verdicts(make(), name) == (None, None, None)


@pytest.mark.parametrize("form", WEAK)
def test_a_weak_signature_is_verified_and_proves_nothing(form: str) -> None:
    name, make = WEAK[form]
    key = make()
    algorithm = algorithm_of(key, name)
    assert verdicts(key, name, short_keys=True) == (True, False, False)
    assert algorithm.weak or algorithms.weak_key(key.public)
    assert not algorithms.proves(key.public, algorithm, key.sign(MESSAGE), MESSAGE, b"")


def test_a_short_key_is_named_and_counts_only_for_whoever_asks_for_it() -> None:
    key = WEAK["RSA of 1024 bits"][1]()
    assert algorithms.weak_key(key.public) == "rsa-1024"
    assert verdicts(key, "sha-256") == (None, None, None)


@pytest.mark.parametrize("name", [*signing_keys.DIGESTS, *signing_keys.OTHER_DIGESTS])
def test_every_digest_is_the_one_that_others_make(name: str) -> None:
    stated, made = digest(name, MESSAGE)
    known = algorithms.digest_name(algos.DigestAlgorithm.load(stated))
    assert algorithms.digest(known, MESSAGE) == made


def test_every_digest_that_is_named_is_tried_here() -> None:
    tried = {*signing_keys.DIGESTS, *signing_keys.OTHER_DIGESTS} - {"shake256 of a stated length"}
    assert set(algorithms.DIGESTS.values()) == set(algorithms._FUNCTIONS) == tried


@pytest.mark.parametrize("key", [b"", b"junk", b"\x30\x00", FORMS["PSS, SHA-256"][1]().public[:-5]])
def test_a_key_that_cannot_be_read_refuses_nothing(key: bytes) -> None:
    assert algorithms.verify(key, Algorithm("rsa", "sha-256"), b"x" * 256, MESSAGE) is None
