"""Signals that end the demonstration: the first raises KeyboardInterrupt once, later ones change nothing.

So nothing interrupts the stopping of what was started, however often somebody presses Ctrl-C while the terminal closes.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _State:
    """Signals belong to the process, so there is one."""

    raised = False
    held = 0
    pending = False


def listen() -> None:
    """From now on; what is ignored, as SIGHUP under nohup, stays ignored."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _came)


@contextmanager
def held() -> Iterator[None]:
    """A signal that comes inside is raised at the end."""
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1
        if _State.pending and not _State.held:
            _raise_once()


def _came(_number: int, _frame: FrameType | None) -> None:
    if _State.held:
        _State.pending = True
    else:
        _raise_once()


def _raise_once() -> None:
    if not _State.raised:
        _State.raised = True
        raise KeyboardInterrupt
