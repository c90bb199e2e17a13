"""A bound on log lines: whoever makes the service complain a thousand times a second does not fill its disk.

Each kind of line, a logger with its event, has a rate of its own, so that a flood of one kind hides no other. What
exceeds it is counted, and the next line of the kind that is written says how many it stands for (`left_out`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

WARNINGS = 10
"""Lines of one kind a second from `warning` on."""
BURST = 10
"""Seconds' worth of lines that may come at once."""
MOST_KINDS = 1000
"""Beyond it all further kinds are one: some messages of libraries are different every time."""


@dataclass
class _Kind:
    rate: float
    lines: float
    """That may be written now."""
    at: float
    left_out: int = 0


class LogRate(logging.Filter):
    """Lets through `rate` lines a second of one kind, and of warnings and errors fewer."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.rate = rate
        self.clock = clock
        self._kinds: dict[object, _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written; if some were not before it, it says so."""
        event = record.msg.get("event") if isinstance(record.msg, dict) else record.msg
        kind = self._kind((record.name, record.levelno, str(event)), record.levelno)
        now = self.clock()
        kind.lines = min(kind.rate * BURST, kind.lines + (now - kind.at) * kind.rate)
        kind.at = now
        if kind.lines < 1:
            kind.left_out += 1
            return False
        kind.lines -= 1
        if kind.left_out:
            if isinstance(record.msg, dict):
                record.msg["left_out"] = kind.left_out
            else:
                record.msg = f"{record.msg} ({kind.left_out} such lines were left out)"
            kind.left_out = 0
        return True

    def _kind(self, name: object, level: int) -> _Kind:
        if name not in self._kinds and len(self._kinds) >= MOST_KINDS:
            name = None
        rate = min(self.rate, WARNINGS) if level >= logging.WARNING else self.rate
        return self._kinds.setdefault(name, _Kind(rate, rate * BURST, self.clock()))
