"""kill -9 at random moments while records pour in: the service, the trial chain, or both together."""

from __future__ import annotations

import random
import signal
import time

import pytest
from killable_instance import Instance, Killable

VICTIMS = (("service",), ("chain",), ("service", "chain"))


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.long)])
def test_an_import_survives_kills_at_random_moments(instance: Instance, chain: Killable, kills: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    before = len(chain.endings)
    killed = {"service": 0, "chain": 0}
    with instance.service() as service, instance.import_under_way():
        for place in range(kills):
            time.sleep(chance.uniform(0.3, 3.0))
            for victim in VICTIMS[place % len(VICTIMS)]:
                {"service": service, "chain": chain}[victim].kill()
                killed[victim] += 1
    assert service.endings == [-signal.SIGKILL] * killed["service"]
    assert chain.endings[before:] == [-signal.SIGKILL] * killed["chain"]
    instance.check()
