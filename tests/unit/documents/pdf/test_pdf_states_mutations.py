"""Every PDF file of the makers with a byte changed: valid only where what was signed is there and still what is shown.

What is shown is told by another reader (pdftotext of poppler), of the changed file and of the file as it was signed.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache, partial

import pytest

from chain_service.documents.facts import DocumentFacts
from chain_service.documents.read import read_document
from support.documents.city import City, city
from support.documents.judged import judged
from support.pdf import pdf_changes
from support.pdf.pdf_attacks import ATTACKS
from support.pdf.pdf_changes import ROWS
from support.pdf.pdf_forms import FORMS
from support.pdf.pdf_samples import BROKEN, WHOLE

Make = Callable[[City], bytes]


def cell(row: str, column: str, of: City) -> bytes:
    return pdf_changes.cells(of, row)[column] or pdf_changes.signed(of)


MADE: dict[str, Make] = {
    **WHOLE,
    **{name: make for name, (_, make) in BROKEN.items()},
    **FORMS,
    **ATTACKS,
    **{f"{row}, {column}": partial(cell, row, column) for row in ROWS for column in ("nobody", "known")},
}


def read(data: bytes) -> DocumentFacts:
    return read_document(data, city("ecdsa").store)


@cache
def shown(data: bytes) -> bytes:
    reader = shutil.which("pdftotext")
    if reader is None:
        pytest.skip("pdftotext of poppler-utils is not installed")
    done = subprocess.run([reader, "-", "-"], input=data, capture_output=True, check=False, timeout=60)
    return done.stdout


def states(data: bytes) -> Iterator[bytes]:
    """The file as it is, and as it was whenever it ended before."""
    at = len(data)
    while at > 0:
        yield data[:at]
        at = data.rfind(b"%%EOF\n", 0, at - 6) + 6
        if at < 6:
            return


def changed(data: bytes, chance: random.Random) -> bytes:
    """One byte changed, mostly where the later states are, which no signature but the last covers."""
    at = (
        chance.randrange(len(data))
        if chance.random() < 0.5
        else len(data) - 1 - chance.randrange(min(2_500, len(data)))
    )
    other = bytes([data[at] ^ chance.randrange(1, 256)])
    return chance.choice(
        [data[:at] + other + data[at + 1 :], data[:at] + data[at + 1 :], data[:at] + other + data[at:]]
    )


def assert_nothing_forged(name: str, count: int, seed: int) -> int:
    """How many of the changed files were still valid, all of them showing what was signed."""
    data, chance, valid = MADE[name](city("ecdsa")), random.Random(seed), 0
    for _ in range(count):
        made = changed(data, chance)
        if judged(read(made))[0] != "valid":
            continue
        valid += 1
        signed = {shown(state) for state in states(data) if judged(read(state))[0] == "valid"}
        assert shown(made) in signed, (name, made[-400:])
    return valid


@pytest.mark.parametrize("name", MADE)
def test_a_byte_changed_forges_nothing(name: str) -> None:
    assert_nothing_forged(name, 2, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("name", MADE)
def test_many_bytes_changed_forge_nothing(name: str) -> None:
    assert_nothing_forged(name, 20, seed=2)
