"""`scripts/demo`, as somebody meets it who has just fetched the program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running_instance import ROOT, environment, free_port

EXPECTATIONS = 27


def command(data: Path, *arguments: str) -> list[str]:
    ports = ["--port", str(free_port()), "--chain-port", str(free_port())]
    return [sys.executable, "-m", "demonstration", "--data", str(data), *ports, *arguments]


def variables() -> dict[str, str]:
    return environment() | {"PYTHONPATH": str(ROOT / "scripts"), "PYTHONUTF8": "1"}


def demo(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(data, *arguments), env=variables(), capture_output=True, text=True, timeout=280, check=False
    )


def processes_of(data: Path) -> list[str]:
    """Command lines of the processes that work in this directory."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes()
            if f"CHAIN_SERVICE_DATA={data}\0".encode() in variables + b"\0":
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--validators", "2"), "must be 3 to 9"), (("--n", "5"), "at least"), (("--surprise",), "unrecognized")],
)
def test_what_it_cannot_do_is_refused_in_a_sentence(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = demo(tmp_path / "data", *arguments)
    assert done.returncode == 2 and words in done.stderr
    assert not (tmp_path / "data").exists()


def test_an_instance_that_it_did_not_make_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    done = demo(tmp_path, "--once")
    assert done.returncode == 1 and "did not make" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.long
def test_every_expectation_holds_the_first_time_and_again_on_the_same_data(tmp_path: Path) -> None:
    for told in ("keystores (encrypted)", "withdrawn by an earlier demonstration"):
        done = demo(tmp_path, "--once", "--n", "60")
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"all {EXPECTATIONS} expectations held" in done.stdout
        assert told in done.stdout
        assert processes_of(tmp_path) == []


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="sees its processes through /proc")
def test_interrupted_it_stops_what_it_started_and_takes_back_what_it_altered(tmp_path: Path) -> None:
    with subprocess.Popen(command(tmp_path), env=variables(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "UPDATE records" in line:
                break
        assert processes_of(tmp_path)
        os.kill(process.pid, signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(60) == 130, rest
    for _ in range(50):
        if not processes_of(tmp_path):
            break
        time.sleep(0.1)
    assert processes_of(tmp_path) == []
    done = demo(tmp_path, "--once")
    assert done.returncode == 0, done.stdout
    assert "left altered" in done.stdout
