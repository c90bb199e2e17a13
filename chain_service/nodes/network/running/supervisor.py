"""The process that keeps nodes running: starts the wanted ones, brings back a dead one, stops them when told to.

    python -m chain_service.nodes.network DIR BINARY

A halted Clique network goes on when its killed validator is back: hence at once, and again after short pauses.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chain_service.errors import ChainServiceError
from chain_service.nodes.network.descriptor import NETWORK_FILE, Network, NodeDescriptor, load
from chain_service.nodes.network.engines.engine import engine_of
from chain_service.nodes.network.running.ledger import Ledger
from chain_service.nodes.network.running.processes import Process
from chain_service.nodes.network.running.watch import Watch, age

TICK = 0.2
GRACE = 60.0
"""Seconds a node gets to write its state when it is stopped."""
_HEALTHY = 10.0
"""Seconds of life after which a death is answered at once."""
_LONGEST_PAUSE = 10.0
_MAX_LOG = 64 * 2**20


@dataclass
class SupervisedNode:
    """One node under supervision."""

    node: NodeDescriptor
    child: subprocess.Popen[bytes] | None = None
    process: Process | None = None
    began: float = 0.0
    deaths: int = 0
    """In a row, none of them after a healthy life."""
    restarts: int = 0
    not_before: float = 0.0
    watch: Watch | None = None
    stopping: bool = False
    told: dict[str, Any] = field(default_factory=dict)

    def lives(self) -> bool:
        """Whether the node's process still runs, our child or one that was taken over."""
        if self.child is not None and self.child.poll() is not None:
            self.child = None
        return self.process is not None and self.process.lives()


class Supervisor:
    """Runs the own nodes of the network in `directory` with the engine's `binary`."""

    def __init__(self, directory: Path, binary: Path) -> None:
        self.directory, self.binary = directory, binary
        me = Process.of(os.getpid())
        assert me is not None
        self.process = me
        self.ledger = Ledger(directory)
        self.network: Network = load(directory / NETWORK_FILE)
        self.engine = engine_of(self.network.engine)
        self.kept = {node.name: SupervisedNode(node) for node in self.network.own(directory)}
        self._told: Any = None
        self._stale = False

    def adopt(self) -> None:
        """Nodes that a supervisor before this one started and that still run are taken over."""
        state = self.ledger.state()
        for name, process in self.ledger.running().items():
            if name in self.kept:
                self._watch(self.kept[name], process)
                self.kept[name].restarts = int(state[name].get("restarts", 0))
                say("adopted", node=name, pid=process.pid)

    def run(self, stopped: threading.Event) -> None:
        """Until `stopped`; then every node is stopped, each with one signal."""
        self.adopt()
        while not stopped.wait(TICK):
            wanted = self.ledger.wanted()
            for name, kept in self.kept.items():
                self._tend(kept, name in wanted)
            self._alert()
            self.tell()
        for kept in self.kept.values():
            self._stop(kept)
        self._wait_for_all()
        self.tell()

    def tell(self) -> None:
        """state.json says what is so; supervisor.json who says it, also where the files were removed."""
        state = {name: self._state(kept) for name, kept in self.kept.items()}
        try:
            if self.ledger.supervisor() != self.process:
                self.ledger.set_supervisor(self.process)
            if state != self._told or not self.ledger.state():
                self.ledger.set_state(state)
        except OSError as error:  # a full disk must not leave the nodes without a keeper
            say("the list of running processes could not be written", error=str(error))
            return
        self._told = state

    def _state(self, kept: SupervisedNode) -> dict[str, Any]:
        process = kept.process
        said = kept.watch.said() if kept.watch else {}
        return {"process": vars(process) if process else None, "restarts": kept.restarts} | kept.told | said

    def _tend(self, kept: SupervisedNode, wanted: bool) -> None:
        if kept.lives():
            if not wanted and not kept.stopping:
                self._stop(kept)
            return
        if kept.process is not None:
            self._buried(kept)
        if wanted and time.monotonic() >= kept.not_before:
            self._start(kept)

    def _start(self, kept: SupervisedNode) -> None:
        folder = self.directory / kept.node.name
        try:
            self.engine.initialise(self.binary, folder)
            with _log(folder) as log:
                kept.child = subprocess.Popen(  # noqa: S603 - a command line of ours
                    self.engine.command(self.binary, self.network, kept.node),
                    cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
        except (OSError, ChainServiceError) as error:
            say("not started", node=kept.node.name, error=str(error))
            self._pause(kept)
            return
        process = Process.of(kept.child.pid)
        if process is None:
            self._pause(kept)
            return
        self._watch(kept, process)
        self.tell()
        say("started", node=kept.node.name, pid=process.pid)

    def _watch(self, kept: SupervisedNode, process: Process) -> None:
        kept.process, kept.began, kept.stopping = process, time.monotonic(), False
        if kept.watch is None:
            kept.watch = Watch(self.engine.endpoint(self.directory / kept.node.name, kept.node))
            kept.watch.start()

    def _buried(self, kept: SupervisedNode) -> None:
        """A node is gone: on purpose, or to be brought back."""
        meant, kept.process, kept.stopping = kept.stopping, None, False
        if meant:
            kept.deaths, kept.not_before = 0, 0.0
            say("stopped", node=kept.node.name)
            return
        kept.restarts += 1
        say("died", node=kept.node.name, restarts=kept.restarts)
        if time.monotonic() - kept.began >= _HEALTHY:
            kept.deaths, kept.not_before = 0, 0.0
        elif kept.deaths:
            self._pause(kept)
        else:
            kept.deaths = 1

    def _pause(self, kept: SupervisedNode) -> None:
        kept.deaths += 1
        kept.not_before = time.monotonic() + min(_LONGEST_PAUSE, 0.5 * 2 ** min(kept.deaths, 10))

    def _stop(self, kept: SupervisedNode) -> None:
        """One interrupt, never a second: go-ethereum panics on repeated ones. A frozen node is woken to hear it."""
        if kept.process is not None and not kept.stopping:
            kept.stopping = True
            kept.process.signal(signal.SIGINT)
            kept.process.signal(signal.SIGCONT)

    def _wait_for_all(self) -> None:
        end = time.monotonic() + GRACE
        for kept in self.kept.values():
            while kept.lives() and time.monotonic() < end:
                time.sleep(0.05)
            if kept.process and kept.lives():
                say("killed", node=kept.node.name, after=GRACE)
                kept.process.signal(signal.SIGKILL)
            if kept.watch:
                kept.watch.stop()
            kept.process = None

    def _alert(self) -> None:
        """Says it once when no node has a fresh block, and once when one has again."""
        times = [kept.watch.head_time for kept in self.kept.values() if kept.watch and kept.watch.head_time]
        if not times:
            return
        oldest = age(max(times))
        stale = oldest > 15 + 5 * self.network.period
        if stale != self._stale:
            self._stale = stale
            say("no new blocks: half of the validators or more are down" if stale else "blocks again", age=oldest)


def _log(folder: Path) -> Any:
    path = folder / "log"
    if path.exists() and path.stat().st_size > _MAX_LOG:
        shutil.move(path, folder / "log.1")
    return path.open("ab")


def say(what: str, **facts: Any) -> None:
    """One line of JSON in supervisor.log."""
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": what} | facts
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()


def main() -> int:
    """Leaves whoever started it, then runs until SIGTERM or SIGINT; 3 if another supervisor has the directory."""
    if os.fork():
        os._exit(0)
    directory, binary = Path(sys.argv[1]), Path(sys.argv[2])
    ledger = Ledger(directory)
    ledger.make()
    with ledger.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another supervisor runs this network")
            return 3
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        supervisor = Supervisor(directory, binary)
        ledger.set_supervisor(supervisor.process)
        supervisor.run(stopped)
    return 0
