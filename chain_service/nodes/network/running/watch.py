"""One node's head as seen over time: how old it is, and which blocks were replaced."""

from __future__ import annotations

import threading
import time
from typing import Any

from chain_service.errors import ChainServiceError
from chain_service.nodes.network.rpc import call

_KEPT = 512
"""Blocks remembered below the head; a deeper reorganisation counts with this depth."""


class Watch:
    """Asks a node for its head once a second, in a thread of its own, until stopped."""

    def __init__(self, endpoint: str, *, every: float = 1.0) -> None:
        self._endpoint, self._every = endpoint, every
        self._hashes: dict[int, str] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.reorganisations, self.deepest, self.last_replaced = 0, 0, 0
        self.head: int | None = None
        self.head_time = 0

    def start(self) -> None:
        """The nodes are watched, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """They are watched no more; a look that has begun ends by itself."""
        self._stopped.set()

    def said(self) -> dict[str, int | None]:
        """For state.json."""
        return {
            "head": self.head,
            "headTime": self.head_time,
            "reorganisations": self.reorganisations,
            "deepestReorganisation": self.deepest,
            "lastReplacedBlock": self.last_replaced,
        }

    def _run(self) -> None:
        while not self._stopped.wait(self._every):
            try:
                self.look(call(self._endpoint, "eth_getBlockByNumber", "latest", False))
            except ChainServiceError:
                self.head = None

    def look(self, block: dict[str, Any] | None) -> None:
        """Takes note of a new head, asking for the blocks between it and what is known."""
        if block is None:
            return
        number, fresh = int(block["number"], 16), {}
        self.head, self.head_time = number, int(block["timestamp"], 16)
        lowest = max(0, number - _KEPT)
        if self._hashes:
            at = number
            while self._hashes.get(at) != block["hash"]:
                fresh[at] = block["hash"]
                if at <= lowest or at <= min(self._hashes):
                    break
                at -= 1
                block = call(self._endpoint, "eth_getBlockByHash", block["parentHash"], False)
        else:
            fresh[number] = block["hash"]
        self._take(number, fresh)

    def _take(self, head: int, fresh: dict[int, str]) -> None:
        replaced = [number for number, known in self._hashes.items() if fresh.get(number, known) != known]
        if replaced:
            depth = max(self._hashes) - min(replaced) + 1
            self.reorganisations += 1
            self.deepest = max(self.deepest, depth)
            self.last_replaced = min(replaced)
        known = self._hashes | fresh
        self._hashes = {number: hash_ for number, hash_ in known.items() if head - _KEPT < number <= head}


def age(head_time: int) -> float:
    """Seconds since a block's time, at least 0."""
    return max(0.0, time.time() - head_time)
