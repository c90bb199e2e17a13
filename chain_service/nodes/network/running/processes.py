"""Processes of ours, told from others that got the same number later."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process and when it began: together they never come twice."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The living process with this number now."""
        started = _started(pid)
        return None if started is None else cls(pid, started)

    @classmethod
    def read(cls, value: Any) -> Process | None:
        """From what was stored; None if that is no process."""
        if isinstance(value, dict) and isinstance(value.get("pid"), int) and isinstance(value.get("started"), str):
            return cls(value["pid"], value["started"])
        return None

    def lives(self) -> bool:
        """Whether it still runs; a process id that was given to another since does not count."""
        return _started(self.pid) == self.started

    def signal(self, number: signal.Signals) -> None:
        """Sends it to this process and no other."""
        if self.lives():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within that time."""
        end = time.monotonic() + seconds
        while self.lives():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True


def _started(pid: int) -> str | None:
    if _PROC.joinpath("self", "stat").exists():
        try:
            fields = (_PROC / str(pid) / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
        except OSError:
            return None
        if fields[0] in "ZX":
            return None
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {fields[19]}"
    asked = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    state, _, started = asked.stdout.strip().partition(" ")
    return None if asked.returncode or state.startswith("Z") else started.strip()
