"""`scripts/demo`, as somebody meets it who has just fetched the program."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.worlds.running_instance import ROOT, environment, free_port

EXPECTATIONS = 53


def command(data: Path, *arguments: str) -> list[str]:
    ports = ["--port", str(free_port()), "--chain-port", str(free_port())]
    return [sys.executable, "-m", "demonstration", "--data", str(data), *ports, *arguments]


def variables() -> dict[str, str]:
    return environment() | {"PYTHONPATH": str(ROOT / "scripts"), "PYTHONUTF8": "1"}


def demo(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(data, *arguments), env=variables(), capture_output=True, text=True, timeout=900, check=False
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
        papers = tmp_path / "papers"
        text = (papers / "README.txt").read_text(encoding="utf-8")
        names = {path.name for path in papers.iterdir()} - {"README.txt"}
        told_of = {name for line in text.splitlines() for name in line.split(" + ")}
        assert len(names) == 14 and names <= told_of, text
        assert f"{papers}/README.txt" in done.stdout and "cs_" in done.stdout


def interrupted(data: Path, words: str, number: signal.Signals) -> tuple[int, str]:
    """Exit code and last output of a demonstration that gets the signal twice once it has said these words.

    The second one may come when the interpreter itself is ending, and then be what it ends by.
    """
    with subprocess.Popen(command(data, "--n", "60"), env=variables(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if words in line:
                break
        else:
            pytest.fail(f"it never said {words}")
        for _ in range(2):
            os.kill(process.pid, number)
            time.sleep(0.05)
        rest = process.stdout.read()
        return process.wait(120), rest


def nothing_is_left(data: Path) -> bool:
    """No process, once those that have been told to end are gone."""
    for _ in range(50):
        if not processes_of(data):
            return True
        time.sleep(0.1)
    return False


SEES_PROCESSES = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="sees its processes through /proc")


@SEES_PROCESSES
def test_interrupted_while_it_makes_the_instance_it_leaves_nothing_running(tmp_path: Path) -> None:
    code, rest = interrupted(tmp_path, "准备实例", signal.SIGTERM)
    assert code in (130, -signal.SIGTERM) and processes_of(tmp_path) == [], rest


def test_interrupted_while_it_is_being_loaded_it_says_so_and_no_more(tmp_path: Path) -> None:
    slow = tmp_path / "chain_service"
    slow.mkdir()
    (slow / "__init__.py").write_text(
        f"import pathlib, time\npathlib.Path({str(slow)!r}, 'begun').touch()\ntime.sleep(60)\n"
    )
    paths = variables() | {"PYTHONPATH": f"{tmp_path}:{ROOT / 'scripts'}"}
    asked = command(tmp_path / "data")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(asked, env=paths, cwd=tmp_path, text=True, **pipes) as process:
        for _ in range(600):
            if (slow / "begun").exists():
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, "")
    assert "interrupted" in errors and "Traceback" not in errors
    assert not (tmp_path / "data").exists()


@pytest.mark.long
@SEES_PROCESSES
def test_whenever_a_signal_comes_nothing_is_left_and_the_next_run_goes_on(tmp_path: Path) -> None:
    for words, number, code in (
        ("已初始化", signal.SIGHUP, 130),
        ("已部署", signal.SIGTERM, 130),
        ("个机构已在链上登记", signal.SIGINT, 130),
        ("A sealed OFD", signal.SIGTERM, 130),
        ("UPDATE records", signal.SIGINT, 130),
        ("Ctrl-C", signal.SIGHUP, 0),
        ("Ctrl-C", signal.SIGTERM, 0),
        ("Ctrl-C", signal.SIGINT, 0),
    ):
        ended, rest = interrupted(tmp_path, words, number)
        assert ended in (code, -number), (words, rest)
        assert nothing_is_left(tmp_path), (words, processes_of(tmp_path))
    done = demo(tmp_path, "--once", "--n", "60")
    assert done.returncode == 0, done.stdout


@SEES_PROCESSES
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_installation_ends_it_too(tmp_path: Path, number: signal.Signals) -> None:
    """With a pip that would take a minute, and starts a process of its own."""
    (tmp_path / "scripts").mkdir()
    for name in ("demo", "install"):
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts" / name)
    for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock", "requirements-client.lock"):
        (tmp_path / name).touch()
    slow = tmp_path / ".venv" / "bin" / "python"
    slow.parent.mkdir(parents=True)
    slow.write_text(f"""#!/bin/sh
case "$*" in *pip*) touch {tmp_path}/begun; sleep 60 & sleep 60; exit 0 ;; esac
exec {sys.executable} "$@"
""")
    slow.chmod(0o755)
    (tmp_path / ".venv" / ".installed-before").touch()
    environment = variables() | {"CHAIN_SERVICE_DATA": str(tmp_path)}
    with subprocess.Popen([tmp_path / "scripts" / "demo"], env=environment, stderr=subprocess.PIPE) as process:
        for _ in range(1200):
            if (tmp_path / "begun").exists():
                break
            time.sleep(0.05)
        os.kill(process.pid, number)
        assert process.wait(60) == 130
    assert nothing_is_left(tmp_path), processes_of(tmp_path)
