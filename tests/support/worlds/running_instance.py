"""A whole instance as an operator runs it: trial chain and service as processes."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from unittest.mock import patch

import httpx

from chain_service.cli.main import run as run_command
from chain_service.nodes.network.create import free_ports

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = [sys.executable, "-c", "from chain_service.cli.main import main; main()"]
ISSUER = "1143990000612301XQ"
OTHER = "11439900006123028Q"
TYPE = "114399000061230011001"
FAST = """
batch_age = 0.05
poll_interval = 0.05
public_rate = "100000/minute"
max_lines = 50
"""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Instance:
    """One instance below `data`, with the sample data that are submitted to it."""

    data: Path
    samples: Path
    url: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    """Role (or `OTHER:role`) to key."""

    def run(self, *arguments: str | Path, stdin: bytes = b"", **settings: str) -> Ran:
        """One command with --data and settings as environment, in this process: what it writes and its exit code."""
        # as `main` has them
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace") for _ in range(2))
        given = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
        words = ["--data", str(self.data), *map(str, arguments)]
        with (
            patch.dict(os.environ, environment() | settings, clear=True),
            patch.object(sys, "stdin", given),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = run_command(words)
        return Ran(code, *(stream.buffer.getvalue().decode() for stream in map(_flushed, (out, err))))

    def run_apart(self, *arguments: str | Path, **settings: str) -> Ran:
        """One command as a process of its own."""
        command = [*PROGRAM, "--data", str(self.data), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, timeout=120, env=environment() | settings)
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def done(self, *arguments: str | Path) -> Any:
        """The JSON answer of a command that has to succeed."""
        ran = self.run("--json", *arguments)
        assert ran.code == 0, ran
        return ran.json

    def records(self, org: str = ISSUER) -> list[dict[str, Any]]:
        text = (self.samples / f"certificates-{org}.ndjson").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def client(self, role: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.keys[role]}"} if role else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


def _flushed(stream: io.TextIOWrapper) -> Any:
    stream.flush()
    return stream


def environment() -> dict[str, str]:
    """The environment of this machine less the settings somebody may have made in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CHAIN_SERVICE_")}


def free_port() -> int:
    """One that no outgoing connection takes before it is used."""
    return free_ports(1)[0]


class Process:
    """A command that keeps running, its first line of output, and what it logs."""

    def __init__(self, data: Path, *arguments: str, **settings: str) -> None:
        self.log = data.with_name(f"{data.name}-{arguments[0]}.log")
        self._stderr: IO[bytes] = self.log.open("ab")
        self.process = subprocess.Popen(
            [*PROGRAM, "--quiet", "--data", str(data), *arguments],
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment() | settings,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().decode().strip()
        assert self.url, self.log.read_text(encoding="utf-8")

    def stop(self) -> int:
        """Asked to stop by SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()
            self._stderr.close()
        return code


def make_instance(
    folder: Path, *, block_period: int = 0, certificates: int = 60, database_url: str | None = None
) -> Instance:
    """Initialised, with a node of its own port; nothing runs yet."""
    samples = folder / "samples"
    command = [sys.executable, str(ROOT / "scripts" / "samples.py"), "--out", str(samples), "--n", str(certificates)]
    subprocess.run(command, check=True, capture_output=True)
    for file in samples.glob("certificates-*.ndjson"):  # no test may begin to fail on some day
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r'("certificateExpiringDate": ?)"[0-9-]+"', r'\1"2099-12-30"', text), encoding="utf-8")
    data, port = folder / "data", free_port()
    settings = {
        "CHAIN_SERVICE_RPC_URLS": json.dumps([f"http://127.0.0.1:{port}"]),
        "CHAIN_SERVICE_CHAIN_PORT": str(port),
        "CHAIN_SERVICE_BLOCK_PERIOD": str(block_period),
    }
    if database_url is not None:
        settings["CHAIN_SERVICE_DATABASE_URL"] = database_url
    subprocess.run(
        [*PROGRAM, "--data", str(data), "init"], check=True, capture_output=True, env=environment() | settings
    )
    config = data / "config.toml"
    config.write_text(config.read_text(encoding="utf-8") + FAST, encoding="utf-8")
    return Instance(data, samples)


def wait_until_anchored(client: httpx.Client, record_id: str) -> dict[str, Any]:
    """What the record looks like once it is anchored."""
    for _ in range(400):
        seen: dict[str, Any] = client.get(f"/v1/records/{record_id}").json()
        if seen["state"] == "anchored":
            return seen
        time.sleep(0.05)
    raise AssertionError(f"not anchored in time: {seen}")
