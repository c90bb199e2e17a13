"""The instance's two servers as child processes: real `chain-service` commands, stopped by their process ids."""

from __future__ import annotations

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import requests

from chain_service.config import Settings
from demonstration.signals import held
from demonstration.story import Failed

START_SECONDS = 60
STOP_SECONDS = 40
COMMAND_SECONDS = 900
"""The longest command builds a node from source."""
COMMAND = Path(sys.executable).with_name("chain-service")


def free_port(wanted: int) -> int:
    """`wanted` or the next one on which nothing listens."""
    for port in range(wanted, wanted + 500):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Failed("no free port on 127.0.0.1")


class Instance:
    """An instance in one directory. Commands run in it; its chain and its service run until `stop`. A context manager.

    Settings of the caller's environment do not reach it: all its state is below its directory.
    """

    chain_command = "chain-service chain run"

    def __init__(self, data: Path, *, port: int | None = None, chain_port: int | None = None) -> None:
        self.data = data
        self.port = free_port(8000) if port is None else port
        self.chain_port = free_port(8545) if chain_port is None else chain_port
        self.rpc = f"http://127.0.0.1:{self.chain_port}"
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {name: value for name, value in os.environ.items()
                             if not name.startswith("CHAIN_SERVICE_") and name != "PYTHONPATH"}  # fmt: skip
        self._environment |= {
            "CHAIN_SERVICE_DATA": str(data),
            "CHAIN_SERVICE_RPC_URLS": json.dumps([self.rpc]),
            "CHAIN_SERVICE_CHAIN_PORT": str(self.chain_port),
            "CHAIN_SERVICE_PORT": str(self.port),
            "PYTHONUTF8": "1",
        }
        self._running: list[subprocess.Popen[str]] = []
        atexit.register(self.stop)  # also where a signal comes just before __exit__ has begun

    def __enter__(self) -> Instance:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def chain_zh(self) -> str:
        """The chain by name."""
        return f"试验链 {self.rpc}"

    def settings(self) -> Settings:
        """What the instance's own commands go by."""
        return Settings(data=self.data, rpc_urls=[self.rpc])

    def run(self, *words: str, allowed: tuple[int, ...] = (0,)) -> tuple[int, Any]:
        """Exit code and JSON answer of one command. Raises Failed for another exit code than allowed."""
        process = self._spawn("--json", *words, errors=subprocess.PIPE)
        try:
            answer, errors = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failed(f"chain-service {' '.join(words)} did not end in {COMMAND_SECONDS} s") from None
        self._running.remove(process)
        if process.returncode not in allowed:
            raise Failed(f"chain-service {' '.join(words)} ended with {process.returncode}:\n{errors.strip()}")
        return process.returncode, json.loads(answer)

    def start_chain(self) -> int:
        """The trial chain answers; its process id."""
        return self._start("chain", "chain", "run", "--port", str(self.chain_port))

    def start_service(self) -> int:
        """API, page and workers answer and are ready; the process id."""
        pid = self._start("service", "serve", "--port", str(self.port))
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if requests.get(f"{self.url}/readyz", timeout=10).ok:
                return pid
            time.sleep(0.1)
        raise Failed(f"the service is not ready after {START_SECONDS} s: {self.log('service')}")

    def alive(self) -> bool:
        return all(process.poll() is None for process in self._running)

    def stop(self) -> None:
        """What was started here has ended, the newest first: the service before its chain."""
        with held():
            while self._running:
                _end(self._running.pop())

    def log(self, name: str) -> str:
        """The end of a server's log."""
        return "\n".join(self._log_file(name).read_text(encoding="utf-8", errors="replace").splitlines()[-12:])

    def _log_file(self, name: str) -> Path:
        return self.data / "log" / f"{name}.log"

    def _start(self, name: str, *words: str) -> int:
        file = self._log_file(name)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        with file.open("w") as log:
            process = self._spawn("--quiet", *words, errors=log)
        assert process.stdout is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ)
            if not waiting.select(START_SECONDS) or not process.stdout.readline():
                raise Failed(f"chain-service {' '.join(words)} did not start:\n{self.log(name)}")
        return process.pid

    def _spawn(self, *words: str, errors: int | IO[str]) -> subprocess.Popen[str]:
        """A command that `stop` will end, in a session of its own: Ctrl-C reaches only us, and we its descendants."""
        with held():
            process = subprocess.Popen(
                [COMMAND, *words],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
            self._running.append(process)
        return process


def _end(process: subprocess.Popen[str]) -> None:
    """The process is asked to end, then all that is left of its session is killed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        time.sleep(0.5)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
