"""Random bytes of sealed documents changed: what was signed is never found valid once it is another.

A document that still is valid after a change must hold the same files, or differ only in files that no signature
covers and that the report names. What the files are is told by another reader of ZIP archives than ours.
"""

from __future__ import annotations

import io
import random
import zipfile
from dataclasses import replace
from functools import cache

import pytest

from chain_service.documents.facts import DocumentFacts
from chain_service.documents.pki.trust_store import TrustStore
from chain_service.documents.read import read_document
from document_makers.packages import add_signature, archive
from support.cms.plain_signatures import header, signed_data
from support.documents import samples, zip_forms  # noqa: F401
from support.documents.city import DAY, SIGNED, city, sealed, unsigned
from support.documents.encodings import Device, counted_bits
from support.documents.judged import judged
from support.documents.recipes import RECIPES

SIGNED_VALUE, SECOND_VALUE = (f"Doc_0/Signs/Sign_{place}/SignedValue.dat" for place in (0, 1))


def documents() -> dict[str, bytes]:
    of = city()
    sealed_twice = RECIPES["an annotation that the next seal covers"](of).data
    plain = add_signature(unsigned(), lambda data, _: signed_data(data, of.signer, at=SIGNED), kind="Sign", at=SIGNED)
    bare = add_signature(unsigned(), lambda data, _: of.signer.sign(data), kind="Sign", at=SIGNED)
    return {
        "v4": sealed().bytes(),
        "v4, stored": sealed().bytes(zipfile.ZIP_STORED),
        "v1": sealed(seal=of.make_seal(version=1)).bytes(zipfile.ZIP_STORED),
        "v5": sealed(seal=of.make_seal(version=5, raw=True), raw=True).bytes(zipfile.ZIP_STORED),
        "two signatures": sealed(sealed(), at=SIGNED + DAY).bytes(zipfile.ZIP_STORED),
        "an uncovered file": sealed(unsigned(attachment=b"data" * 50), leave_out=("Doc_0/Attachs/a.bin",)).bytes(
            zipfile.ZIP_STORED
        ),
        "SignedData": plain.bytes(zipfile.ZIP_STORED),
        "bare": bare.bytes(zipfile.ZIP_STORED),
        "integers of a device": sealed(signer=Device(of.signer, "always a zero before")).bytes(zipfile.ZIP_STORED),
        "bit strings of a maker": sealed(written={"as_bits": counted_bits}).bytes(zipfile.ZIP_STORED),
        "everything in ZIP64": zip_forms.HONEST["everything in ZIP64"].write(sealed().files),
        "a head and a tail": zip_forms.Form(head=b"KG" + bytes(9), tail=bytes(9), stored=True).write(sealed().files),
        "OFD.xml left out": sealed(leave_out=("OFD.xml",)).bytes(zipfile.ZIP_STORED),
        "an annotation under the second seal": sealed_twice,
    }


@cache
def store() -> TrustStore:
    return city().store


@pytest.fixture(scope="module")
def originals() -> dict[str, bytes]:
    return documents()


def files(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return {row.filename: opened.read(row) for row in opened.infolist()}


def one_byte_changed(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ chance.randrange(1, 256)]) + data[at + 1 :]


def changed(data: bytes, chance: random.Random) -> bytes:
    """One byte changed: of the archive, whose checksums tell most changes, or of a file with the archive mended."""
    if chance.random() < 0.25:
        return one_byte_changed(data, chance)
    whole = files(data)
    (name,) = chance.choices(list(whole), [len(one) for one in whole.values()])
    return archive({**whole, name: one_byte_changed(whole[name], chance)})


def named_as_uncovered(facts: DocumentFacts) -> set[str]:
    """The files that every signature says it does not cover, and those that none does."""
    others = [{*one.coverage.other, *one.coverage.added} for one in facts.signatures]
    return set(facts.uncovered) | set.intersection(*others)


def envelope(value: bytes) -> set[int]:
    """Offsets of a SignedData that its signature does not sign: versions, lists of algorithms, who is said to sign."""
    at = header(value, 0)[0]
    at = header(value, at)[1]  # the content type
    at = header(value, header(value, at)[0])[0]  # into [0] and the sequence
    ends = [at, *(at := header(value, at)[1] for _ in range(4))]
    signer = header(value, header(value, ends[4])[0])[0]
    inner = [signer, *(signer := header(value, signer)[1] for _ in range(5))]
    spans = ((ends[0], ends[2]), (inner[0], inner[2]), (inner[4], inner[5]))
    return {offset for start, end in spans for offset in range(start, end)}


def same_but_for_the_envelope(before: dict[str, bytes], after: dict[str, bytes], differing: set[str]) -> bool:
    """Whether only bytes of SignedData that are never signed are different."""
    if differing != {SIGNED_VALUE} or before[SIGNED_VALUE][4:6] != b"\x06\x0a":
        return False
    pairs = enumerate(zip(before[SIGNED_VALUE], after[SIGNED_VALUE], strict=True))
    return {at for at, (old, new) in pairs if old != new} <= envelope(before[SIGNED_VALUE])


def deviates_only(facts: DocumentFacts, before: DocumentFacts, differing: set[str]) -> bool:
    """Whether a signed value is written in another way, which is told, and every value in it is the same."""

    def values(told: DocumentFacts) -> DocumentFacts:
        signatures = tuple(replace(one, problems=()) for one in told.signatures)
        return replace(but_for_the_bytes(told), signatures=signatures)

    told = any(problem.code == "encoding_deviation" for one in facts.signatures for problem in one.problems)
    return told and differing <= {SIGNED_VALUE, SECOND_VALUE} and values(facts) == values(before)


def but_for_the_bytes(facts: DocumentFacts) -> DocumentFacts:
    return replace(facts, size=0, sha256=b"", sm3=b"", problems=())


def assert_no_forgery(original: bytes, forged: bytes) -> bool:
    """Whether the changed document was still valid, which only changes outside of what is signed may leave it."""
    facts = read_document(forged, store())
    code, _, _ = judged(facts)
    if code != "valid":
        return False
    before, after = files(original), files(forged)
    differing = {name for name in before | after if before.get(name) != after.get(name)}
    unseen = not differing or same_but_for_the_envelope(before, after, differing)
    if differing and not unseen and deviates_only(facts, read_document(original, store()), differing):
        return True
    assert unseen or differing <= named_as_uncovered(facts), (differing, facts.uncovered)
    if unseen:  # a byte of the archive or the envelope itself: times, attributes, versions; no fact depends on it
        assert but_for_the_bytes(facts) == but_for_the_bytes(read_document(original, store()))
    return True


def mutate(originals: dict[str, bytes], count: int, seed: int) -> float:
    chance = random.Random(seed)
    kinds = list(originals)
    still_valid = 0
    for place in range(count):
        original = originals[kinds[place % len(kinds)]]
        still_valid += assert_no_forgery(original, changed(original, chance))
    return still_valid / count


def test_originals_are_valid(originals: dict[str, bytes]) -> None:
    for name, data in originals.items():
        assert judged(read_document(data, store()))[0] == "valid", name


def test_a_changed_byte_of_what_is_signed_is_never_valid(originals: dict[str, bytes]) -> None:
    assert mutate(originals, 560, seed=1) < 0.3


@pytest.mark.long
def test_thousands_of_changed_bytes_forge_nothing(originals: dict[str, bytes]) -> None:
    assert mutate(originals, 14_000, seed=2) < 0.3


@pytest.mark.long
def test_bytes_all_over_the_files_of_a_sealed_document_count(originals: dict[str, bytes]) -> None:
    """One bit of every byte flipped, the archive made anew around it."""
    for kind in ("v4, stored", "v1", "SignedData"):
        whole = files(originals[kind])
        for name, data in whole.items():
            for at in range(0, len(data), 1 if kind == "SignedData" and "/Signs/" in name else 5):
                forged = data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :]
                assert_no_forgery(originals[kind], archive({**whole, name: forged}))
