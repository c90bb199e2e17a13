"""A pool of processes that read documents: foreign bytes are never parsed in the service itself.

A document waits for a process in a bounded queue; beyond it callers are told to come back (`busy`). A process that
computes too long, grows too large or crashes is replaced, and the document counts as unreadable.
"""

from __future__ import annotations

import math
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from chain_service.config import Settings
from chain_service.core.encoding.digests import sha256, sm3
from chain_service.documents.facts import DocumentFacts, Problem, from_json
from chain_service.documents.pki.trust_store import TrustStore, to_json
from chain_service.errors import MalformedDocument, Unavailable
from chain_service.jobs.parsing.worker import OUT_OF_MEMORY, framed, read_frame, write_frame

PATIENCE = 2
"""How often the seconds of computing may pass on the clock before the process is killed: it shares processors."""
WORN = 5_000
"""Documents after which a process is replaced by a fresh one."""
log = structlog.get_logger("parsers")


@dataclass(frozen=True)
class Limits:
    """Bounds of a pool."""

    processes: int
    waiting: int
    """Documents that may wait for a process."""
    memory: int
    """MiB of address space of one process."""
    seconds: float
    """Seconds of computing for one document."""
    seconds_public: float
    """The same for callers without a key."""


def parser_limits(settings: Settings) -> Limits:
    """The bounds that the settings name."""
    return Limits(
        processes=settings.parsers,
        waiting=settings.parser_queue,
        memory=settings.parser_memory,
        seconds=settings.parse_seconds,
        seconds_public=settings.parse_seconds_public,
    )


class Parsers:
    """The pool. `store` gives the trust store in force; processes start when first needed and end with `close`."""

    def __init__(self, limits: Limits, store: Callable[[], TrustStore]) -> None:
        self._limits = limits
        self._store = store
        self._places = threading.BoundedSemaphore(limits.processes + limits.waiting)
        # callers without a key leave half of the queue to the others and, where there are several, a process
        self._public_places = threading.BoundedSemaphore(max(1, limits.processes - 1) + limits.waiting // 2)
        self._public = threading.BoundedSemaphore(max(1, limits.processes - 1))
        self._idle: queue.LifoQueue[_Parser | None] = queue.LifoQueue()
        for _ in range(limits.processes):
            self._idle.put(None)
        self._closed = False

    def start(self) -> None:
        """The processes run already when the first document comes."""
        taken = [self._idle.get() for _ in range(self._limits.processes)]
        for parser in taken:
            self._idle.put(parser or _Parser(self._limits.memory))

    def close(self) -> None:
        """The processes have ended; no document is read any more."""
        self._closed = True
        for _ in range(self._limits.processes):
            try:
                parser = self._idle.get(timeout=self._limits.seconds)
            except queue.Empty:
                return
            if parser is not None:
                parser.end()

    def read(self, data: bytes, *, public: bool = False, answers: tuple[bytes, ...] = ()) -> DocumentFacts:
        """The facts of the document; foreign bytes never raise. Raises Unavailable (`busy`).

        answers: at most 255 OCSP responses that were fetched for it.
        """
        if not public:
            with _place(self._places):
                return self._read(data, answers, self._limits.seconds)
        seconds = self._limits.seconds_public
        with _place(self._public_places), _place(self._places):
            if not self._public.acquire(timeout=seconds * PATIENCE):
                raise Unavailable("no parser process became free; try again", code="busy")
            try:
                return self._read(data, answers, seconds)
            finally:
                self._public.release()

    def _read(self, data: bytes, answers: tuple[bytes, ...], seconds: float) -> DocumentFacts:
        try:
            parser = self._idle.get(timeout=seconds * PATIENCE)
        except queue.Empty:
            raise Unavailable("no parser process became free; try again", code="busy") from None
        try:
            if self._closed:
                raise Unavailable("the service is stopping", code="busy")
            if parser is None or parser.worn():
                if parser is not None:
                    parser.end()
                parser = _Parser(self._limits.memory)
            return parser.read(data, answers, self._store(), seconds)
        except OSError as error:
            raise Unavailable(f"no process can be started: {error.strerror}", code="busy") from error
        except _Ended as ended:
            log.warning("the parser process ended while it read a document", why=ended.problem.code, size=len(data))
            return DocumentFacts("unknown", len(data), sha256(data), sm3(data), ended.problem)
        finally:
            if parser is not None and parser.broken:
                parser.end()
                parser = None
            self._idle.put(parser)


@contextmanager
def _place(places: threading.BoundedSemaphore) -> Iterator[None]:
    """One of them is taken. Raises Unavailable (`busy`): there is none left."""
    if not places.acquire(blocking=False):
        raise Unavailable("too many documents wait to be read; try again in a few seconds", code="busy")
    try:
        yield
    finally:
        places.release()


class _Ended(Exception):
    """The document ended the process that read it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


class _Parser:
    """One process; used by one thread at a time."""

    def __init__(self, memory: int) -> None:
        command = [sys.executable, "-I", "-m", "chain_service.jobs.parsing.worker", str(memory)]
        self._memory = memory
        self._process = subprocess.Popen(  # noqa: S603 - nothing of the command comes from outside
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,  # an interrupt at the terminal is the service's, which finishes what it reads
        )
        self._trusted: TrustStore | None = None
        self._read = 0
        self.broken = False

    def worn(self) -> bool:
        return self._read >= WORN or self._process.poll() is not None

    def end(self) -> None:
        """The process has ended, by itself or not."""
        self._process.kill()  # first: closing a pipe that nobody empties would wait
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError as error:
                    log.debug("a parser's pipe was broken already", error=str(error))
        self._process.wait()

    def read(self, data: bytes, answers: tuple[bytes, ...], store: TrustStore, seconds: float) -> DocumentFacts:
        """Raises _Ended, Unavailable (`busy`) where the machine and not the document is to blame."""
        late, self.broken = threading.Event(), True
        watch = threading.Timer(seconds * PATIENCE, self._stop, [late])
        began = time.monotonic()
        watch.start()
        try:
            if store is not self._trusted:
                self._ask(b"T", to_json(store))
                self._trusted = store
            head = bytes([min(255, math.ceil(seconds)), len(answers)])
            answer = self._ask(b"D", head, *map(framed, answers), data)
            facts = from_json(answer)
            if facts.sha256 != sha256(data):
                raise MalformedDocument("the facts are those of another document")
        except (OSError, EOFError, MalformedDocument) as error:
            self.end()
            if store is not self._trusted:
                log.error("the parser process ended while it read the trust store", exit=self._process.returncode)
                raise Unavailable("the trust store could not be read; raise parser_memory", code="busy") from error
            raise self._blame(late.is_set(), seconds, time.monotonic() - began) from error
        finally:
            watch.cancel()
        self._read, self.broken = self._read + 1, False
        return facts

    def _stop(self, late: threading.Event) -> None:
        late.set()
        self._process.kill()

    def _ask(self, *parts: bytes) -> bytes:
        assert self._process.stdin is not None and self._process.stdout is not None
        write_frame(self._process.stdin, *parts)
        answer = read_frame(self._process.stdout)
        if answer is None:
            raise EOFError
        return answer

    def _blame(self, late: bool, seconds: float, took: float) -> Exception:
        code = self._process.returncode
        if code == -signal.SIGXCPU:
            return _Ended(Problem("too_slow", f"reading it took more than {seconds:g} s of computing"))
        if late or code == -signal.SIGKILL:
            return Unavailable(f"the document was not read within {took:.0f} s; try again", code="busy")
        if code == OUT_OF_MEMORY:
            return _Ended(Problem("too_large", f"reading it needs more than {self._memory} MiB of memory"))
        return _Ended(Problem("parser_stopped", "the parser process ended"))
