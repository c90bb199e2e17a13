"""The tour as commands with the output that docs/tour.md promises, and a shell that runs them one after the other."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DONE = "tour-command-done"


@dataclass(frozen=True)
class Step:
    """One command as the page shows it; in `output` an ellipsis stands for what varies."""

    command: str
    output: str

    def promises(self, found: str) -> bool:
        """Whether `found` is what the page says, blanks at line ends apart."""
        wanted = _tidy(self.output)
        return re.fullmatch(".*?".join(map(re.escape, wanted.split("…"))), _tidy(found), re.DOTALL) is not None


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def steps(text: str) -> list[Step]:
    """The commands of every console block of a Markdown text, in order; `> ` continues a command."""
    found: list[Step] = []
    for block in _BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            end = next((n for n, line in enumerate(lines[1:], 1) if not line.startswith("> ")), len(lines))
            command = "\n".join([lines[0], *(line.removeprefix("> ") for line in lines[1:end])])
            found.append(Step(command, "\n".join(lines[end:])))
    return found


class Shell:
    """One bash in a folder: variables and background jobs last from command to command. A context manager."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CHAIN_SERVICE_")}
        path = f"{Path(sys.executable).parent}:{environment['PATH']}"
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=environment | {"PATH": path, "PYTHONUTF8": "1", **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._seen = ""

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_failure: object) -> None:
        """Every process that the tour started has ended."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                self._process.wait(10)
                os.killpg(self._process.pid, number)
                time.sleep(1)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                break
        self._process.wait()
        self._process.stdout.close()

    def run(self, command: str, timeout: float = 120.0) -> str:
        """What the command wrote, both streams; one that goes on in the background is waited for until it speaks."""
        background = command.rstrip().endswith("&")
        self._send(f"{command}\nstatus=$?; echo; echo {_DONE}; (exit $status)\n")
        written = self._until(f"\n{_DONE}\n", timeout)
        return self._until("\n", timeout) if background and not written.strip() else written

    def _send(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def _until(self, mark: str, timeout: float) -> str:
        """What came before `mark`."""
        assert self._process.stdout is not None
        end = time.monotonic() + timeout
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            while mark not in self._seen:
                left = end - time.monotonic()
                if left <= 0 or not waiting.select(left):
                    raise AssertionError(f"nothing for {timeout} s after: {self._seen}")
                data = self._process.stdout.read()
                if not data:
                    raise AssertionError(f"the shell ended: {self._seen}")
                self._seen += data.decode(errors="replace")
        found, self._seen = self._seen.split(mark, 1)
        return found
