"""kill -9 between acceptance and finality: whatever was acknowledged is anchored, and exactly once."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest
from kill_points import POINTS
from killable_instance import LAUNCHER, Instance, Killable, catalog_entry, seal

QUICK = ("signed bytes stored, not sent", "inside the index transaction")


@pytest.fixture(scope="module")
def service(running: tuple[Instance, Killable]) -> Iterator[Killable]:
    """One service for all points: what was started after one kill is killed at the next point."""
    instance, _ = running
    with instance.service(program=[sys.executable, str(LAUNCHER), str(instance.armed)]) as service:
        yield service


def a_day_of_work(instance: Instance) -> None:
    """Records, a change of state, a seal and a catalog entry, each waited for until it is final."""
    serial = next(instance.serials)
    first, *_ = ids = instance.submit(3)
    instance.anchored(ids)
    change = {"to": "suspended", "reasonCode": 1, "legalBasis": "食品安全法第一百二十四条"}
    instance.ask("POST", f"/v1/records/{first}/status", change)
    instance.ask("POST", "/v1/seals", seal(serial))
    instance.ask("POST", "/v1/catalogs", catalog_entry(serial))
    later = instance.submit(2)
    instance.changed_once(first, "suspended")
    instance.final(f"/v1/seals/{seal(serial)['sealCode']}", "history")
    instance.final(f"/v1/catalogs/{catalog_entry(serial)['catalogCode']}/history", "versions")
    instance.anchored(later)


@pytest.mark.parametrize(
    "point", [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in POINTS]
)
def test_a_service_killed_at_this_point_finishes_its_work_after_the_restart(
    instance: Instance, service: Killable, point: str
) -> None:
    before = len(service.endings)
    with instance.kill_at(point):
        a_day_of_work(instance)
    assert service.endings[before:] == [-signal.SIGKILL]
    instance.check()
