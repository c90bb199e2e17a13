"""A whole instance in a folder that goes away again: trial chain and service as processes, by their own commands."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any

from chain_service.app import open_app
from chain_service.config import Settings
from chain_service.core.records.identifiers import OrgCode, TypeCode
from chain_service.jobs.instance import registrar
from chain_service.jobs.instance.api_keys import create_key
from chain_service.jobs.workers import wait_indexed

PATIENCE = 600
"""Seconds to wait for what must happen; it bounds a hang and measures nothing."""


class Instance:
    """An initialised instance with a running trial chain and deployed contracts; a context manager.

    `serve` starts the service beside it. Everything started is stopped, and the folder removed, at the end.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        """`settings` are given to every command of the instance, by name."""
        self.directory = Path(tempfile.mkdtemp(prefix="chain-service-bench-"))
        self.data = self.directory / "data"
        given = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in (settings or {}).items()
        }
        self._environment = os.environ | {f"CHAIN_SERVICE_{name.upper()}": value for name, value in given.items()}
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Instance:
        try:
            self.run("init")
            self.node, self.rpc_url = self.start("chain", "run", "--port", "0")
            self._environment["CHAIN_SERVICE_RPC_URLS"] = json.dumps([self.rpc_url])
            self.run("deploy")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, *words: str) -> str:
        """What the command prints; it must succeed."""
        done = subprocess.run(
            self._command(words), env=self._environment, capture_output=True, text=True, timeout=PATIENCE
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def start(self, *words: str, environment: Mapping[str, str] | None = None) -> tuple[subprocess.Popen[str], str]:
        """A command that keeps running, and the address it says it listens at."""
        log = (self.directory / f"{len(self._processes)}.log").open("w")
        process = subprocess.Popen(
            self._command(words),
            env=self._environment | dict(environment or {}),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        log.close()
        self._processes.append(process)
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            process.wait()
            raise RuntimeError(f"{' '.join(words)} did not start:\n{Path(log.name).read_text()}")
        return process, url

    def serve(self, *words: str, environment: Mapping[str, str] | None = None) -> tuple[subprocess.Popen[str], str]:
        """The service on a free port, and its address."""
        return self.start("serve", "--port", "0", *words, environment=environment)

    def stop(self, process: subprocess.Popen[str]) -> None:
        """The process has ended by itself after one signal."""
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)

    def close(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            if process.stdout is not None:
                process.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _command(self, words: Sequence[str]) -> list[str]:
        return [str(Path(sys.executable).with_name("chain-service")), "--data", str(self.data), "--quiet", *words]


def organisation(instance: Instance, org: OrgCode, types: Sequence[TypeCode], roles: Sequence[str]) -> str:
    """The organisation is registered and may issue certificates of the types since 2000; a key of it with the roles.

    The key has no limit that a measurement would meet. One process does it all: each command would start another.
    """
    settings = Settings(data=instance.data, rpc_urls=[instance.rpc_url])
    with closing(open_app(settings)) as app:
        registrar.add(app, org, "Bench City Administration")
        for code in types:
            registrar.permit(app, org, code, date(2000, 1, 1), None)
        wait_indexed(app, timeout=PATIENCE)
        return create_key(app, org, roles, rate="10000000/minute", daily_lookups=2_000_000_000).key


def memory(process: subprocess.Popen[str]) -> dict[str, float]:
    """Resident megabytes of a process now (`VmRSS`) and at most so far (`VmHWM`)."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    pairs = (line.split(":", 1) for line in lines if line.startswith(("VmRSS", "VmHWM")))
    return {name: int(value.split()[0]) / 1024 for name, value in pairs}


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """Processor time the process has used, in and out of the kernel."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
