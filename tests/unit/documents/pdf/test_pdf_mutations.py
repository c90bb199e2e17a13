"""Signed PDF files changed by a byte, a block or by chance: never found whole, and reading never fails or lasts."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain_service.documents import facts as facts_
from chain_service.documents.facts import DocumentFacts
from chain_service.documents.read import read_document
from support.cost import costs_at_most
from support.documents.city import SIGNED, city
from support.documents.judged import judged
from support.pdf import pdfs
from support.pdf.pdf_forms import FORMS
from support.pdf.pdf_samples import WHOLE, signed, twice

LONGEST = 5.0
"""Seconds of computing that no file of these sizes may take; the process that parses is ended after 10."""


def read(data: bytes) -> DocumentFacts:
    with costs_at_most(LONGEST):
        return read_document(data, city("ecdsa").store)


@cache
def originals() -> dict[str, bytes]:
    of = city("ecdsa")
    return {
        "signed": signed(of),
        "cross-references as a stream": pdfs.sign(pdfs.document(streams=True), of.signer, at=SIGNED),
        "without attributes": signed(of, attributes=False),
        "signed twice": twice(of),
        "linearized": FORMS["linearized"](of),
        "hybrid": FORMS["hybrid"](of),
        "form filled and signed again": FORMS["filled by the second signer"](of),
    }


def gaps(data: bytes) -> list[range]:
    """Where the values of signatures lie, which no signature of their own covers."""
    return [range(found.start(1), found.end(1)) for found in re.finditer(rb"/Contents (<[0-9a-f]+>)", data)]


def holding(facts: DocumentFacts) -> list[str]:
    """The signatures that hold over the whole file."""
    return [
        one.place
        for one in facts.signatures
        if one.data_digest_holds and one.signature_holds and one.coverage.whole and one.problem is None
    ]


def changes(data: bytes, chance: random.Random, count: int) -> Iterator[bytes]:
    """The file with one byte changed, flipped, taken out or put in, anywhere but in the last signature's value."""
    open_to_change = gaps(data)[-1]
    for _ in range(count):
        at = chance.randrange(len(data))
        if at in open_to_change:
            continue
        other = bytes([data[at] ^ (1 << chance.randrange(8))])
        yield chance.choice(
            [
                data[:at] + other + data[at + 1 :],
                data[:at] + data[at + 1 :],
                data[:at] + other + data[at:],
                data[:at] + bytes([(data[at] + 1 + chance.randrange(255)) % 256]) + data[at + 1 :],
            ]
        )


def is_behind_what_holds(data: bytes, changed: bytes, facts: DocumentFacts) -> bool:
    """Whether the change lies behind all that a signature which still holds covers, and what follows there is named.

    Cut off at that place the file would be valid too; so is one whose later signature no field leads to any more.
    """
    ranges = [re.findall(rb"\d+", found[1]) for found in re.finditer(rb"/ByteRange \[([\d ]+)\]", data)]
    end = min(int(start) + int(length) for *_, start, length in ranges)
    sound = [one for one in facts.signatures if one.data_digest_holds and one.signature_holds and one.coverage.added]
    return changed[:end] == data[:end] and len(sound) == len(facts.signatures) == 1


def assert_never_whole(name: str, data: bytes, count: int, seed: int) -> None:
    assert judged(read(data))[0] == "valid"
    tried = 0
    for changed in changes(data, random.Random(seed), count):
        if changed.rstrip(b"\0\t\n\f\r ") == data.rstrip(b"\0\t\n\f\r "):
            continue  # blanks at the end are nobody's content
        facts = read(changed)
        assert not holding(facts), name
        # where no field leads to the signature any more: no_signature
        assert judged(facts)[0] != "valid" or is_behind_what_holds(data, changed, facts), name
        tried += 1
    assert tried > count // 20


@pytest.mark.parametrize("name", originals())
def test_no_changed_byte_leaves_a_signature_that_holds_over_the_whole_file(name: str) -> None:
    assert_never_whole(name, originals()[name], 250, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("name", originals())
def test_no_changed_byte_of_thousands_leaves_a_signature_that_holds_over_the_whole_file(name: str) -> None:
    assert_never_whole(name, originals()[name], 8_000, seed=2)


def test_every_byte_of_the_signature_dictionary_and_the_trailer_counts() -> None:
    """These are what attacks on ranges and values change."""
    data = signed(city("ecdsa"))
    (gap,) = gaps(data)
    dictionary = range(data.rindex(b"/Type /Sig "), gap.start)
    for at in (*dictionary, *range(gap.stop, len(data) - 1)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert not holding(read(changed)), data[at - 10 : at + 10]


def test_a_changed_value_never_proves_another_content() -> None:
    """Where a signature holds whose value was changed, the change says nothing: whom and what it tells is the same."""
    data = signed(city("ecdsa"))
    whole = read(data)
    (gap,) = gaps(data)
    end = gap.start + 2 * len(pdfs.value_of(data).rstrip(b"\0"))
    chance, held = random.Random(3), 0
    for at in (chance.randrange(gap.start + 1, end) for _ in range(300)):
        changed = data[:at] + (b"0" if data[at : at + 1] != b"0" else b"7") + data[at + 1 :]
        facts = read(changed)
        if holding(facts):
            held += 1
            assert facts.signatures == whole.signatures, at
    assert 0 < held < 60


Change = Callable[[bytes, bytes], bytes]
ATTACKS: dict[str, Change] = {
    "range from elsewhere": lambda data, _: data.replace(b"/ByteRange [0 ", b"/ByteRange [1 ", 1),
    "range of one part": lambda data, _: re.sub(rb"(/ByteRange \[0 \d+) \d+ \d+\]", rb"\1" + b" " * 22 + b"]", data),
    "range beyond the end": lambda data, _: re.sub(rb"(/ByteRange \[0 \d+ \d+) \d+\]", rb"\1 9999999999]", data),
    "range of negative length": lambda data, _: re.sub(rb"(/ByteRange \[0 \d+ \d+) \d+\]", rb"\1 -000000009]", data),
    "value emptied": lambda data, _: re.sub(rb"/Contents <[0-9a-f]+>", b"/Contents <>", data),
    "value zeroed": lambda data, value: data.replace(value, b"0" * len(value)),
    "value renamed": lambda data, _: data.replace(b"/Contents <", b"/Kontents <"),
    "kind renamed": lambda data, _: data.replace(b"/SubFilter /ETSI", b"/SubFilter /ITSE"),
    "field of another kind": lambda data, _: data.replace(b"/FT /Sig", b"/FT /Btn"),
    "blank in the gap": lambda data, value: data.replace(value, b" " + value[1:]),
    "comment in the gap": lambda data, value: data.replace(value[-40:] + b">", b"> %" + value[-38:] + b" "),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_on_ranges_or_value_leaves_nothing_whole(name: str) -> None:
    data = signed(city("ecdsa"))
    changed = ATTACKS[name](data, pdfs.value_of(data).hex().encode())
    assert changed != data
    facts = read(changed)
    assert not holding(facts)
    assert judged(facts)[0] != "valid"


@cache
def whole_files() -> list[bytes]:
    return [make(city("ecdsa")) for make in WHOLE.values()]


def from_pieces(data: st.DataObject) -> bytes:
    """Blocks of whole files, shuffled, cut, repeated and joined."""
    pieces = []
    for _ in range(data.draw(st.integers(1, 6))):
        one = data.draw(st.sampled_from(whole_files()))
        start = data.draw(st.integers(0, len(one)))
        pieces.append(one[start : start + data.draw(st.integers(0, len(one)))])
    return b"%PDF-1.7\n" + b"".join(pieces)


WORDS = (
    b"obj", b"endobj", b"stream\n", b"endstream", b"xref\n", b"trailer\n", b"startxref\n", b"%%EOF\n", b"<<", b">>",
    b"[", b"]", b"(", b")", b"<", b">", b"/Type ", b"/XRef ", b"/Size ", b"/Root ", b"/Prev ", b"/W ", b"/Index ",
    b"/Length ", b"/Filter ", b"/FlateDecode ", b"/AcroForm ", b"/Fields ", b"/Kids ", b"/Parent ", b"/V ", b"/FT ",
    b"/Sig ", b"/ByteRange ", b"/Contents ", b"1 0 R ", b"0 ", b"1 ", b"-1 ", b"999999999 ",
    b"0000000009 00000 n \n", b"\n",
)  # fmt: skip


def one_of(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return settings(
        max_examples=count, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
    )


def check_any(data: bytes) -> None:
    facts = read(data)
    assert facts_.from_json(facts_.to_json(facts)) == facts


@one_of(150)
@given(words=st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=8)), max_size=60))
def test_words_of_pdf_in_any_order_are_read_or_refused(words: list[bytes]) -> None:
    check_any(b"%PDF-1.7\n" + b"".join(words))
    check_any(pdfs.append(pdfs.document(), {1: b"".join(words)}))
    check_any(pdfs.append(pdfs.document(), {6: b"".join(words)}))


@one_of(100)
@given(data=st.data())
def test_pieces_of_whole_files_are_read_or_refused(data: st.DataObject) -> None:
    check_any(from_pieces(data))


@pytest.mark.long
@one_of(4_000)
@given(words=st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=8)), max_size=120))
def test_words_of_pdf_in_any_order_are_read_or_refused_many_times(words: list[bytes]) -> None:
    check_any(b"%PDF-1.7\n" + b"".join(words))
    check_any(pdfs.append(signed(city("ecdsa")), {6: b"".join(words)}))
    check_any(pdfs.append(signed(city("ecdsa")), {9: b"".join(words)}))


@pytest.mark.long
@one_of(3_000)
@given(data=st.data())
def test_pieces_of_whole_files_are_read_or_refused_many_times(data: st.DataObject) -> None:
    check_any(from_pieces(data))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 5_000 + b"]" * 5_000,
        b"<</A" * 5_000 + b">>" * 5_000,
        b"(" * 100_000,
        b"<< /Fields [6 0 R] /Kids [6 0 R] /Parent 6 0 R >>",
        b"<< /Fields [<< /T (a) /FT /Sig /V 6 0 R /Kids [6 0 R] >>] >>",
        b"6 0 R",
        b"<< /Fields [7 0 R 7 0 R 7 0 R] >>",
    ],
    ids=["arrays", "dictionaries", "strings", "its own field", "its own value", "itself", "fields twice"],
)
def test_a_form_that_leads_in_circles_or_too_deep_is_read_or_refused(body: bytes) -> None:
    check_any(pdfs.append(pdfs.document(), {6: body}))
    check_any(pdfs.append(signed(city("ecdsa")), {6: body}))
