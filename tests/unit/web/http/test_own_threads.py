"""Health is answered while every thread of the endpoints waits."""

from __future__ import annotations

import asyncio
import threading
import time

import httpx
import pytest
from fastapi import FastAPI

from chain_service.errors import Unavailable
from chain_service.jobs.instance.health import NodeCheck, Readiness, ReadinessChecks
from chain_service.jobs.instance.surroundings import PlainCheck
from chain_service.web.api import health
from chain_service.web.http.own_threads import OwnThread

CALLERS = 60
"""More than there are threads."""


def test_health_is_answered_while_all_threads_are_taken() -> None:
    release, taken = threading.Event(), threading.Semaphore(0)
    web = FastAPI()
    web.include_router(health.router)
    fine = PlainCheck(ok=True)
    checks = ReadinessChecks(fine, fine, fine, fine, fine, NodeCheck(ok=False))
    web.state.readiness = OwnThread(lambda: Readiness(False, checks), 20)
    web.state.measured = OwnThread(lambda: b"up 1\n", 20)

    @web.get("/waits")
    def waits() -> None:
        taken.release()
        release.wait(60)

    async def asked() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://service") as client:
            waiting = [asyncio.create_task(client.get("/waits")) for _ in range(CALLERS)]
            for _ in range(40):
                await asyncio.to_thread(taken.acquire, timeout=30)
            try:
                answers = [(await client.get(path)).status_code for path in ("/healthz", "/readyz", "/metrics")]
                assert not any(one.done() for one in waiting)
            finally:
                release.set()
            await asyncio.gather(*waiting)
            return answers

    assert asyncio.run(asked()) == [200, 503, 200]


def test_who_asks_at_the_same_time_shares_one_answer() -> None:
    made: list[int] = []
    release = threading.Event()

    def make() -> int:
        release.wait(30)
        made.append(1)
        return len(made)

    async def together() -> list[int]:
        own = OwnThread(make, 30)
        asking = [asyncio.create_task(own()) for _ in range(50)]
        await asyncio.sleep(0)
        release.set()
        return await asyncio.gather(*asking)

    assert asyncio.run(together()) == [1] * 50


def test_what_takes_too_long_is_not_known() -> None:
    release = threading.Event()

    async def late() -> None:
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            await OwnThread(lambda: release.wait(60), 0.2)()
        assert caught.value.code == "timeout"
        assert time.monotonic() - began < 30
        release.set()

    asyncio.run(late())
