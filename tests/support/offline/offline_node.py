"""Runs the offline page's own script under node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run_script(mode: str, argument: str) -> Any:
    """What a mode of `offline_script.mjs` answers; skips where node is missing."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    command = [node, str(Path(__file__).with_name("offline_script.mjs")), mode, argument]
    done = subprocess.run(command, capture_output=True, timeout=900, cwd=ROOT)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)


def run_with(mode: str, folder: Path, value: Any) -> Any:
    """The same with a file that holds `value` as JSON."""
    file = folder / f"{mode}.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    return run_script(mode, str(file))
