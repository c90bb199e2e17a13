"""kill -9 at random moments while records pour in: the service, the trial chain, or both together."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from killable_instance import Instance, Killable

VICTIMS = (("service",), ("chain",), ("service", "chain"))


@contextmanager
def import_under_way(instance: Instance) -> Iterator[None]:
    """Records are submitted one lot after the other, each until it is acknowledged; all are anchored at the end."""
    enough = threading.Event()
    ids: list[str] = []
    failures: list[BaseException] = []

    def pour() -> None:
        try:
            while not enough.is_set():
                ids.extend(instance.submit(random.choice((1, 20, 200))))
        except BaseException as failure:  # noqa: BLE001 - carried to the main thread
            failures.append(failure)

    importer = threading.Thread(target=pour)
    importer.start()
    try:
        yield
    finally:
        enough.set()
        importer.join()
    assert not failures, failures
    instance.anchored(ids[-200:])
    instance.anchored(ids[:-200:97])


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.long)])
def test_an_import_survives_kills_at_random_moments(instance: Instance, chain: Killable, kills: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    before = len(chain.endings)
    killed = {"service": 0, "chain": 0}
    with instance.service() as service, import_under_way(instance):
        for place in range(kills):
            time.sleep(chance.uniform(0.3, 3.0))
            for victim in VICTIMS[place % len(VICTIMS)]:
                {"service": service, "chain": chain}[victim].kill()
                killed[victim] += 1
    assert service.endings == [-signal.SIGKILL] * killed["service"]
    assert chain.endings[before:] == [-signal.SIGKILL] * killed["chain"]
    instance.check()
