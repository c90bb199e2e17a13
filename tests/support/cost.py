"""What a call costs in computing: of this thread alone, so that a busy machine makes no difference."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def costs_at_most(seconds: float, what: object = "") -> Iterator[None]:
    """What stands inside takes at most `seconds` of computing. Raises AssertionError, naming `what`.

    Collecting garbage is not counted: walking through what thousands of tests left behind takes seconds by itself,
    whatever the call under test happens to do at that moment.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        started = time.thread_time()
        yield
        took = time.thread_time() - started
    finally:
        if collecting:
            gc.enable()
    assert took <= seconds, f"{took:.2f} s of computing; at most {seconds} s: {what}"
