"""When new blocks arrive here, which tells a clock that runs ahead from a chain that has halted.

A block that was not there when we looked last was sealed since. If its time lies further back than that, and block
times go on as fast as our own seconds do (a node that reads old blocks goes faster), our clock is ahead of the
validators'.
"""

from __future__ import annotations

import time
from threading import Lock

TOLERATED = 60.0
"""Seconds that this machine's clock may be ahead of the validators'."""
FASTER = 5.0
"""Seconds that block times may gain on ours between two arrivals."""


class Arrivals:
    """What was seen of the newest block, look by look. Threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._newest: tuple[int, int, float] | None = None
        self._looked = 0.0
        self._ahead: float | None = None
        self.judged = False
        """Whether an arrival has told anything of our clock yet."""

    def note(self, number: int, block_time: int, now: float) -> None:
        """A node's newest block is this one, `now` by our clock."""
        moment = time.monotonic()
        with self._lock:
            before, looked = self._newest, self._looked
            self._looked = moment
            if before is not None and number <= before[0]:
                return
            self._newest = (number, block_time, moment)
            if before is None or block_time - before[1] > moment - before[2] + FASTER:
                return
            ahead = now - block_time - (moment - looked)
            self._ahead = ahead if ahead > TOLERATED else None
            self.judged = True

    @property
    def ahead(self) -> int | None:
        """Seconds that our clock is ahead of the chain's; None where it is not, as far as that was seen."""
        ahead = self._ahead
        return None if ahead is None else round(ahead)
