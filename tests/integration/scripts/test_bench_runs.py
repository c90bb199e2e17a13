"""The benchmarks run, here with sizes that measure nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[3] / "scripts" / "bench"

PATIENCE = 1500
"""Seconds after which a run hangs; on a busy machine the processes that it starts take minutes."""

pytestmark = pytest.mark.long


def ran(script: str, *arguments: str) -> Any:
    command = [sys.executable, str(BENCH / script), "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_issuing_is_measured_beside_its_floor() -> None:
    found = ran("issue.py", "--n", "50", "--rounds", "1")
    assert set(found["ratio"]) == {"issue", "verify"}


def test_the_running_service_is_measured_beside_its_floors() -> None:
    found = ran("service.py", "--n", "300", "--seconds", "0.5", "--bulk", "300")
    assert [one["records"] for one in found["imports"]] == [300]
    assert found["verify"]["nodeCallsPerVerification"] == 1
