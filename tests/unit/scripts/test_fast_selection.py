"""`scripts/test --fast` is worth running: hundreds of tests, and none that takes minutes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import testing

ROOT = Path(__file__).resolve().parents[3]
ENOUGH = 300


def test_the_fast_selection_exists_and_holds_hundreds_of_tests() -> None:
    assert all((ROOT / word.removeprefix("--ignore=")).exists() for word in testing.FAST)
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *testing.FAST]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert listed.returncode == 0, listed.stdout[-2000:]
    assert sum("::" in line for line in listed.stdout.splitlines()) >= ENOUGH
