"""The processes that read documents: killed, stopped, swollen, worn out, overrun; the service goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chain_service.documents.pki.trust_store import TrustStore
from chain_service.errors import Unavailable
from chain_service.jobs.parsing import pool as parsers
from chain_service.jobs.parsing.pool import Limits, Parsers
from chain_service.jobs.parsing.trust_directory import TrustDirectory, read_store
from document_makers.packages import archive
from support.documents import city as test_city

LIMITS = Limits(processes=1, waiting=1, memory=512, seconds=10, seconds_public=5)


NOBODY = TrustStore()


@contextmanager
def pool(store: Any = lambda: NOBODY, **changes: Any) -> Iterator[Parsers]:
    made = Parsers(
        Limits(**{**{name: getattr(LIMITS, name) for name in LIMITS.__dataclass_fields__}, **changes}), store
    )
    made.start()
    try:
        if store() is NOBODY:
            made.read(b"")  # the trust store has been handed over
        yield made
    finally:
        made.close()


def process(made: Parsers) -> int:
    """The only process, which waits."""
    (one,) = [one for one in made._idle.queue if one is not None]
    return one._process.pid


def memory_of(pid: int) -> int:
    """MiB of address space."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE") // 2**20


def in_background(act: Any) -> tuple[threading.Thread, list[Any]]:
    told: list[Any] = []

    def run() -> None:
        try:
            told.append(act())
        except Unavailable as error:
            told.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, told


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return test_city.sealed().bytes()


def test_a_document_is_read_in_another_process_that_reads_the_next_one_too(sealed: bytes) -> None:
    with pool() as made:
        pid = process(made)
        assert [made.read(sealed).signatures[0].signature_holds for _ in range(3)] == [True] * 3
        assert process(made) == pid != os.getpid()
    assert not Path(f"/proc/{pid}").exists()


def test_a_process_killed_while_it_waits_is_replaced(sealed: bytes) -> None:
    with pool() as made:
        pid = process(made)
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
        assert made.read(sealed).problem is None
        assert process(made) != pid


def test_a_process_killed_at_work_is_an_outage_and_not_a_finding(sealed: bytes) -> None:
    with pool() as made:
        os.kill(process(made), signal.SIGSTOP)
        pid = process(made)
        thread, told = in_background(lambda: made.read(sealed))
        time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        thread.join(10)
        assert told[0].code == "busy"
        assert made.read(sealed).problem is None


def test_a_process_that_hangs_is_killed_and_replaced(sealed: bytes) -> None:
    with pool(seconds=200, seconds_public=0.2) as made:
        os.kill(process(made), signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(Unavailable) as hung:
            made.read(sealed, public=True)
        assert hung.value.code == "busy"
        assert time.monotonic() - began < 200
        assert made.read(sealed).problem is None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGXCPU, "too_slow"), (signal.SIGSEGV, "parser_stopped")])
def test_a_document_that_ends_its_process_is_unreadable(sealed: bytes, number: int, code: str) -> None:
    with pool() as made:
        pid = process(made)
        os.kill(pid, signal.SIGSTOP)
        thread, told = in_background(lambda: made.read(sealed))
        time.sleep(0.2)
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)
        thread.join(10)
        assert told[0].problem.code == code
        assert (told[0].media, told[0].size) == ("unknown", len(sealed))
        assert made.read(sealed).problem is None


def test_a_document_that_needs_too_much_memory_is_unreadable() -> None:
    large = archive({"OFD.xml": os.urandom(15 * 2**20)})
    with pool() as made:
        made.read(b"")
        used = memory_of(process(made))
    with pool(memory=used + 20) as made:
        assert made.read(large).problem is not None
        assert made.read(test_city.sealed().bytes()).problem is None


def test_beyond_the_queue_callers_are_told_to_come_back(sealed: bytes) -> None:
    with pool() as made:
        pid = process(made)
        os.kill(pid, signal.SIGSTOP)
        busy = [in_background(lambda: made.read(sealed)) for _ in range(2)]
        time.sleep(0.2)
        with pytest.raises(Unavailable) as refused:
            made.read(sealed)
        assert refused.value.code == "busy"
        os.kill(pid, signal.SIGCONT)
        for thread, _ in busy:
            thread.join(10)
        assert [told[0].problem for _, told in busy] == [None, None]


def test_a_worn_process_is_replaced(sealed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsers, "WORN", 2)
    with pool() as made:
        pid = process(made)
        for _ in range(3):
            assert made.read(sealed).problem is None
        assert process(made) != pid


def test_the_trust_store_is_read_again_when_it_changes(
    sealed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chain_service.jobs.parsing.trust_directory.LOOK_AGAIN", 0.0)
    anchors = TrustDirectory(tmp_path)
    with pool(anchors) as made:
        before = made.read(sealed).signatures[0].signer
        test_city.write_store(test_city.city().store, tmp_path)
        after = made.read(sealed).signatures[0].signer
        assert before is not None and after is not None
        assert (before.path.outcome, after.path.outcome, after.path.anchor) == ("untrusted", "trusted", "湖南")
        assert anchors() is anchors()


def test_what_is_no_certificate_is_left_out_of_the_trust_store(tmp_path: Path) -> None:
    test_city.write_store(test_city.city().store, tmp_path)
    whole = read_store(tmp_path)
    (tmp_path / "anchors" / "湖南" / "notes.pem").write_text("nothing")
    (tmp_path / "anchors" / "湖南" / "README").write_text("nothing")
    (tmp_path / "crls" / "half.crl").write_bytes(b"")
    assert read_store(tmp_path) == whole
    assert len(whole.roots) == 1 and whole.intermediates and whole.crls


def test_callers_without_a_key_leave_a_process_to_the_others(sealed: bytes) -> None:
    with pool(processes=2, waiting=4, seconds_public=30) as made:
        first = [one for one in made._idle.queue if one is not None][-1]._process.pid
        os.kill(first, signal.SIGSTOP)  # the one that is taken first
        stuck, _ = in_background(lambda: made.read(sealed, public=True))
        time.sleep(0.1)
        waiting, _ = in_background(lambda: made.read(sealed, public=True))
        assert made.read(sealed).problem is None
        assert stuck.is_alive() and waiting.is_alive()
        os.kill(first, signal.SIGCONT)
        for thread in (stuck, waiting):
            thread.join(10)


def test_callers_without_a_key_leave_places_in_the_queue_to_the_others(sealed: bytes) -> None:
    with pool(processes=2, waiting=2, seconds_public=1) as made:
        for one in made._idle.queue:
            if one is not None:
                os.kill(one._process.pid, signal.SIGSTOP)
        crowd = [in_background(lambda: made.read(sealed, public=True)) for _ in range(6)]
        time.sleep(0.2)
        refused = [told[0] for _, told in crowd if told]
        assert [one.code for one in refused] == ["busy"] * 4
        for one in list(made._idle.queue):
            if one is not None:
                os.kill(one._process.pid, signal.SIGCONT)
        assert made.read(sealed).problem is None
        for thread, _ in crowd:
            thread.join(10)


def test_a_trust_store_that_does_not_fit_is_an_outage_and_no_finding(sealed: bytes) -> None:
    large = TrustStore(crls=(b"\x30" + bytes(40 * 2**20),))
    with pool(lambda: large, memory=128) as made:
        with pytest.raises(Unavailable) as refused:
            made.read(sealed)
        assert refused.value.code == "busy"
