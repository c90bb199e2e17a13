"""Many connections that stay open and ask now and then, as counters' browsers do."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
PAUSE = 10.0
"""Seconds between two requests on one connection; less than the service keeps an idle one."""


@dataclass
class Connections:
    """So many connections from addresses of 127.0.0.0/8, opened again when one breaks; a context manager."""

    ports: Sequence[int]
    count: int
    answers: int = 0
    broken: int = 0
    most: int = 0
    _open: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Connections:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    async def _all(self) -> None:
        tasks = [asyncio.create_task(self._one(place)) for place in range(self.count)]
        while not self._stopping.is_set():
            await asyncio.sleep(0.2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, place: int) -> None:
        await asyncio.sleep(place * 0.005)
        while True:
            try:
                await self._ask_on(place)
            except (OSError, EOFError, TimeoutError):
                self.broken += 1
                await asyncio.sleep(1.0)

    async def _ask_on(self, place: int) -> None:
        ours = (f"127.0.{1 + place // 200}.{1 + place % 200}", 0)
        port = self.ports[place % len(self.ports)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=ours)
        self._open += 1
        self.most = max(self.most, self._open)
        try:
            while True:
                began = time.monotonic()
                writer.write(REQUEST)
                async with asyncio.timeout(30):
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = next(
                        int(line.partition(b":")[2])
                        for line in head.lower().splitlines()
                        if line.startswith(b"content-length:")
                    )
                    await reader.readexactly(length)
                if b" 200 " not in head.splitlines()[0]:
                    raise EOFError
                self.answers += 1
                await asyncio.sleep(max(0.0, PAUSE - (time.monotonic() - began)))
        finally:
            self._open -= 1
            writer.close()
