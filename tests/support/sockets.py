"""No socket, for what is tested: nodes and services of other tests that live in this process go on with theirs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

OPENING = {"socket.__new__", "socket.getaddrinfo", "socket.gethostbyname"}
_strangers: list[frozenset[int]] = []
"""Of each `no_sockets` in force, the threads that it says nothing to."""


def _watch(event: str, _: object) -> None:
    if _strangers and event in OPENING and any(threading.get_ident() not in known for known in _strangers):
        raise AssertionError("a verifier opened a socket")


sys.addaudithook(_watch)


@contextmanager
def no_sockets() -> Iterator[None]:
    """This thread, and every thread that starts from now on, opens no socket and asks for no address."""
    others = frozenset(thread.ident for thread in threading.enumerate() if thread.ident is not None)
    known = others - {threading.get_ident()}
    _strangers.append(known)
    try:
        yield
    finally:
        _strangers.remove(known)
