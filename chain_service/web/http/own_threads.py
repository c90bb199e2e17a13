"""Answers for supervisors, made in threads that requests never take.

Endpoints share forty threads; while all of them wait, for a database or a node, nothing else is answered. Whether the
service is well must be known just then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from chain_service.errors import Unavailable

Result = TypeVar("Result")


class OwnThread(Generic[Result]):
    """What `make` gives, made in a thread of its own; who asks meanwhile shares it, so that asking often costs once."""

    def __init__(self, make: Callable[[], Result], seconds: float) -> None:
        self.make = make
        self.seconds = seconds
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="health")
        self._running: asyncio.Future[Result] | None = None

    async def __call__(self) -> Result:
        """The result. Raises Unavailable (`timeout`) where it takes longer than `seconds`."""
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().run_in_executor(self._thread, self.make)
        try:
            return await asyncio.wait_for(asyncio.shield(self._running), self.seconds)
        except TimeoutError:
            raise Unavailable(f"not known within {self.seconds:g} s", code="timeout") from None
