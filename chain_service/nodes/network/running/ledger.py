"""What commands and supervisor tell each other in `DIR/run`: which nodes are wanted, and what runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chain_service.files import write_shared
from chain_service.nodes.network.running.processes import Process


class Ledger:
    """The files of `DIR/run`; each is replaced whole."""

    def __init__(self, directory: Path) -> None:
        self.folder = directory / "run"
        self.log = self.folder / "supervisor.log"
        self.lock = self.folder / "lock"
        self._wanted, self._state, self._supervisor = (
            self.folder / name for name in ("wanted.json", "state.json", "supervisor.json")
        )

    def make(self) -> None:
        """Its folder is there, for its owner alone."""
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def wanted(self) -> set[str]:
        """Names of the nodes that are to run."""
        names = _read(self._wanted)
        return set(names) if isinstance(names, list) else set()

    def want(self, names: Iterable[str]) -> None:
        """These nodes shall run; the supervisor reads it."""
        _write(self._wanted, sorted(names))

    def supervisor(self) -> Process | None:
        """The supervisor, if it lives."""
        process = Process.read(_read(self._supervisor))
        return process if process and process.lives() else None

    def set_supervisor(self, process: Process) -> None:
        """This process is the network's supervisor."""
        _write(self._supervisor, vars(process))

    def state(self) -> dict[str, dict[str, Any]]:
        """Per node what the supervisor last said of it."""
        state = _read(self._state)
        return state if isinstance(state, dict) else {}

    def set_state(self, state: dict[str, dict[str, Any]]) -> None:
        """What the supervisor last saw of each node."""
        _write(self._state, state)

    def running(self) -> dict[str, Process]:
        """The nodes that were started from here and live."""
        processes = {name: Process.read(node.get("process")) for name, node in self.state().items()}
        return {name: process for name, process in processes.items() if process and process.lives()}


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _write(path: Path, value: Any) -> None:
    write_shared(path, json.dumps(value, indent=1))
