"""Foreign bytes at the doors of OFD and of seals: no exception, no hang, time and memory bounded."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_service.documents.facts import from_json, to_json
from chain_service.documents.pki.trust_store import TrustStore
from chain_service.documents.read import MAX_FILE, read_document
from document_makers.packages import add_signature, archive
from support.cms.plain_signatures import signed_data
from support.cost import costs_at_most
from support.documents.city import city, sealed, unsigned
from support.documents.heavy import HEAVY

LONGEST = 10.0
"""Seconds for any file."""
MOST_MEMORY = 256
"""MiB of a process that reads any file of at most MAX_FILE bytes."""
CHILD = """
import resource, sys
from chain_service.documents.facts import to_json
from chain_service.documents.read import read_document
from chain_service.documents.pki.trust_store import TrustStore
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
with open(sys.argv[1], "rb") as file:
    to_json(read_document(file.read(), TrustStore()))
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM")))
"""
HEADS = (
    b"",
    b"MI" + b"A" * 62,
    b"MIIB" + b"=" * 70,
    b"-----BEGIN CMS-----\n",
    b"{",
    b"%PDF-1.7\n",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x30\x82\x01\x00\x30\x13\x16\x02ES",
    b"\x30\x80\x16\x02ES",
)


def read(data: bytes, store: TrustStore | None = None) -> None:
    """Reads a file as the process that parses does, within the bound of time."""
    with costs_at_most(LONGEST):
        facts = read_document(data, store or TrustStore())
        assert from_json(to_json(facts)) == facts


@given(st.sampled_from(HEADS), st.binary(max_size=2_000))
def test_any_bytes_are_read_without_an_exception(head: bytes, rest: bytes) -> None:
    read(head + rest)


def spliced(data: bytes, chance: random.Random) -> bytes:
    """A file with pieces cut out, doubled, moved or overwritten."""
    out = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        start = chance.randrange(len(out) + 1)
        end = min(len(out), start + chance.choice((1, 2, 4, 16, 200)))
        what = chance.randrange(5)
        if what == 0:
            del out[start:end]
        elif what == 1:
            out[start:start] = out[start:end] * chance.choice((1, 2, 50))
        elif what == 2:
            out[start:end] = chance.randbytes(end - start)
        elif what == 3:
            out[start:end] = chance.choice((b"\xff", b"\x00", b"\x80", b"\x30", b"<", b"&")) * (end - start)
        else:
            out[start:start] = chance.choice(
                (b"<a>", b"\x30\x84\xff\xff\xff\xff", b"\x02\x01\x00", b"../", b"\xa0\x80")
            )
    return bytes(out)


def _package(chance: random.Random) -> bytes:
    """A sealed package with one or two of its files spliced, well packed again."""
    of = city()
    made = chance.choice(
        (
            lambda: sealed(seal=of.make_seal(version=chance.choice((1, 4, 5)))),
            lambda: add_signature(unsigned(), lambda data, _: signed_data(data, of.signer, at=1), kind="Sign"),
        )
    )().files
    for name in chance.sample(sorted(made), 2):
        made[name] = spliced(made[name], chance)
    return archive(made)


def _archive(chance: random.Random) -> bytes:
    return spliced(sealed().bytes(), chance)


def _seal(chance: random.Random) -> bytes:
    return spliced(city().make_seal(version=chance.choice((1, 4, 5))).der(), chance)


DOORS: dict[str, Callable[[random.Random], bytes]] = {"package": _package, "archive": _archive, "seal": _seal}


@pytest.mark.parametrize("door", DOORS)
def test_spliced_files_are_read_without_an_exception(door: str) -> None:
    chance, store = random.Random(5), city().store
    for _ in range(60):
        read(DOORS[door](chance), store)


@pytest.mark.long
@pytest.mark.parametrize("door", DOORS)
def test_thousands_of_spliced_files_are_read_without_an_exception(door: str) -> None:
    chance, store = random.Random(6), city().store
    for _ in range(3_000):
        read(DOORS[door](chance), store)


@pytest.mark.long
@pytest.mark.parametrize("name", HEAVY)
def test_the_heaviest_files_are_read_within_the_bounds(name: str, tmp_path: Path) -> None:
    data = HEAVY[name]()
    assert len(data) <= MAX_FILE
    file = tmp_path / "heavy"
    file.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", CHILD, str(file)], capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < LONGEST
    assert int(done.stdout) < MOST_MEMORY


def test_a_file_beyond_the_limit_is_not_looked_into() -> None:
    facts = read_document(b"%PDF-1.7" + bytes(MAX_FILE), TrustStore())
    assert facts.problem is not None and facts.problem.code == "too_large"
