"""The processes of the run, each started again when it has ended; all of them end with the run."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from demonstration.processes import COMMAND, free_port
from demonstration.signals import held

START_SECONDS = 600.0
Process = subprocess.Popen[bytes]


class Missing(Exception):
    """Something that the run needs is not installed."""


class Kept:
    """One process; as soon as it has ended it is started again, as a supervisor would."""

    def __init__(self, name: str, start: Callable[[], Process]) -> None:
        self.name = name
        self._start = start
        self._stopping = threading.Event()
        self.killed = 0
        self.endings: list[int] = []
        with held():
            self.process = start()
            self._keeper = threading.Thread(target=self._keep, daemon=True)
            self._keeper.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """kill -9."""
        self.killed += 1
        self.process.send_signal(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """It has ended, and nothing starts it again."""
        self._stopping.set()
        self._keeper.join()
        self.process.send_signal(how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _keep(self) -> None:
        while not self._stopping.wait(0.2):
            ended = self.process.poll()
            if ended is not None:
                self.endings.append(ended)
                self.process = self._start()


def footprint(pid: int) -> tuple[int, int] | None:
    """Resident bytes of the process and its descendants, and its own open descriptors; None where it has ended."""
    try:
        descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        return sum(_resident(one) for one in (pid, *_descendants(pid))), descriptors
    except OSError:
        return None


def _descendants(pid: int) -> Iterator[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in map(int, children):
        yield child
        try:
            yield from _descendants(child)
        except OSError:
            continue


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


@contextmanager
def postgresql() -> Iterator[tuple[Kept, str]]:
    """A server of our own on a socket file, and the URL of an empty database on it. Raises Missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if initdb is None:
        raise Missing("PostgreSQL is not installed: install the package postgresql")
    programs = Path(initdb).resolve().parent
    user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="chain-service-soak-pg-"))
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    making = [str(programs / "initdb"), "-D", str(data), "-U", "chain", "-A", "trust", "-E", "UTF8", "--locale=C"]
    subprocess.run(making, user=user, cwd=folder, check=True, capture_output=True)
    options = ("listen_addresses=", f"unix_socket_directories={folder}", "max_connections=300")

    def start() -> Process:
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(
                [programs / "postgres", "-D", data, *(word for option in options for word in ("-c", option))],
                user=user, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    try:
        server = Kept("postgresql", start)
        try:
            url = f"postgresql://chain@/soak?host={folder}"
            until(lambda: _created(url.replace("/soak?", "/postgres?")), START_SECONDS, "PostgreSQL did not start")
            yield server, url
        finally:
            server.stop(signal.SIGQUIT)  # at once: nobody needs its data any more
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    users = {entry.pw_name for entry in pwd.getpwall()}
    name = next((name for name in ("postgres", "nobody") if name in users), None)
    if name is None:
        raise Missing("PostgreSQL refuses to run as root and there is no other user here")
    return name


def _created(url: str) -> bool:
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE soak")
    except psycopg.OperationalError:
        return False
    return True


@dataclass
class Instance:
    """One instance below a folder: trial chain, two services with workers, a worker beside them."""

    data: Path
    database_url: str

    def __post_init__(self) -> None:
        self.chain_port = free_port(18_545)
        first = free_port(18_000)
        self.ports = (first, free_port(first + 1))
        self._environment = {name: value for name, value in os.environ.items()
                             if not name.startswith("CHAIN_SERVICE_") and name != "PYTHONPATH"}  # fmt: skip
        self._environment |= {
            "CHAIN_SERVICE_DATA": str(self.data),
            "CHAIN_SERVICE_DATABASE_URL": self.database_url,
            "CHAIN_SERVICE_RPC_URLS": json.dumps([f"http://127.0.0.1:{self.chain_port}"]),
            "CHAIN_SERVICE_CHAIN_PORT": str(self.chain_port),
            "PYTHONUTF8": "1",
        }

    def run(self, *words: str) -> Any:
        """The command's JSON answer."""
        done = subprocess.run(
            [COMMAND, "--json", *words], env=self._environment, capture_output=True, text=True, timeout=600
        )
        if done.returncode != 0:
            raise RuntimeError(f"chain-service {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def keep(self, name: str, *words: str) -> Kept:
        """A command that keeps running, under this name."""

        def start() -> Process:
            with (self.data / f"{name}.log").open("ab") as log:
                return subprocess.Popen(
                    [COMMAND, "--quiet", *words],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    start_new_session=True,
                )

        return Kept(name, start)

    @contextmanager
    def services(self) -> Iterator[list[Kept]]:
        """Two services and a worker run; each of the three may have the leases."""
        commands = {f"service {port}": ("serve", "--port", str(port)) for port in self.ports} | {"worker": ("worker",)}
        with ExitStack() as running:
            kept = []
            for name, words in commands.items():
                one = self.keep(name, *words)
                running.callback(one.stop)
                kept.append(one)
            yield kept


def until(holds: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """`holds()` becomes true within so many seconds. Raises RuntimeError saying `otherwise`."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= end:
            raise RuntimeError(otherwise)
        time.sleep(0.1)


def say(text: str) -> None:
    """One line for whoever watches."""
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def names(processes: Sequence[Kept]) -> str:
    """How often each was killed."""
    return ", ".join(f"{one.name} {one.killed}" for one in processes)
