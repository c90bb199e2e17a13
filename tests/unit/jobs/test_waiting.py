"""Commands that wait where they cannot work: behind a pooler the worker elsewhere does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from chain_service.errors import Conflict
from chain_service.jobs import workers
from chain_service.jobs.leases import ELSEWHERE


@pytest.mark.parametrize("code", sorted(ELSEWHERE))
def test_what_another_process_does_is_waited_for(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def refused(_app: Any) -> Iterator[Any]:
        raise Conflict("not here", code=code)
        yield

    monkeypatch.setattr(workers, "worker_lock", refused)
    answers = iter([False, False, True])
    app: Any = SimpleNamespace(settings=SimpleNamespace(poll_interval=0.001))
    workers.wait_until(app, lambda: next(answers), timeout=60)
    assert list(answers) == []
