"""The sustained run runs, here for a moment; whatever it started ends with it, also on Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
PATIENCE = 1200
"""Seconds after which a run hangs, which is then asked to end."""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not any(Path("/usr/lib/postgresql").glob("*/bin/initdb")), reason="PostgreSQL is not installed"),
]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the run puts everything; PostgreSQL's own user may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="chain-service-soak-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    # a test run that a shell started in the background ignores Ctrl-C, and what it starts would too
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "soaking", *words],
            env={**os.environ, "PYTHONPATH": str(SCRIPTS), "TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def ended(run: subprocess.Popen[str]) -> tuple[str, str]:
    """What it printed. One that hangs ends as on Ctrl-C, with all that it started, and fails the test."""
    try:
        return run.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        run.send_signal(signal.SIGINT)
        pytest.fail("\n".join(run.communicate()))


def left(folder: Path) -> list[str]:
    """The command lines of the processes that have something to do with the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = process.joinpath("cmdline").read_bytes()
            told = command + process.joinpath("environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in told and int(process.name) != os.getpid():
            found.append(command.replace(b"\0", b" ").decode())
    return found


def test_a_short_run_kills_everything_once_and_loses_nothing(folder: Path) -> None:
    run = started(folder, "--minutes", "0.5", "--rate", "20", "--json")
    out, said = ended(run)
    assert run.returncode == 0, out + said
    report = json.loads(out)
    assert report["wrong"] == []
    assert len(report["killed"]) == 5 and min(report["killed"].values()) >= 1
    assert report["acknowledged"] > 0 and report["counts"]["verifications"] > 0 and report["judgedSeconds"] >= 1
    assert left(folder) == [] and list(folder.iterdir()) == []


def test_nothing_that_it_started_outlives_ctrl_c(folder: Path) -> None:
    run = started(folder, "--minutes", "1")
    assert run.stderr is not None
    while "setting up" not in run.stderr.readline():
        assert run.poll() is None
    end = time.monotonic() + PATIENCE
    while not any("bin/chain-service " in command for command in left(folder)):
        assert run.poll() is None and time.monotonic() < end
        time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    ended(run)
    assert run.returncode == 130
    assert left(folder) == [] and list(folder.iterdir()) == []
