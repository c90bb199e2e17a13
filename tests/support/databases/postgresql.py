"""PostgreSQL servers and pgbouncer of our own: in a folder, as another user than root, on socket files and loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

OPTIONS = "-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off -c max_connections=200"


def programs() -> Path:
    """The folder of PostgreSQL's own programs; distributions keep them off the PATH."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(packaged[-1]) if packaged else shutil.which("initdb")
    if found is None:
        pytest.skip("PostgreSQL is not installed (initdb is neither in /usr/lib/postgresql nor on the PATH)")
    return Path(found).resolve().parent


def unprivileged() -> list[str]:
    """A prefix under which PostgreSQL and pgbouncer agree to run: they refuse root."""
    if os.geteuid() != 0:
        return []
    users = {entry.pw_name for entry in pwd.getpwall()}
    name = next((name for name in ("postgres", "nobody") if name in users), None)
    if name is None or shutil.which("runuser") is None:
        pytest.skip("PostgreSQL refuses to run as root and there is no other user here")
    return ["runuser", "-u", name, "--"]


@contextmanager
def private_folder() -> Iterator[Path]:
    """A short path, as socket files need one, that belongs to the user whom the server runs as."""
    prefix = unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="chain-service-pg-"))
    if prefix:
        shutil.chown(folder, prefix[2])
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class PostgresServer:
    """A server below `folder`, where its socket file lies too."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> PostgresServer:
        """An empty one; it does not run yet."""
        server = cls(folder)
        server.run("initdb", "-D", server.data, "-U", "chain", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        return server

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def run(self, program: str, *arguments: str | Path) -> None:
        """One of PostgreSQL's programs, which has to succeed."""
        command = [*unprivileged(), str(programs() / program), *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr

    @contextmanager
    def running(self) -> Iterator[None]:
        """The server runs meanwhile."""
        self.start()
        try:
            yield
        finally:
            self.stop()

    def start(self) -> None:
        """The server takes connections."""
        options = OPTIONS.format(folder=self.folder)
        self.run("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-o", options, "start")

    def stop(self) -> None:
        """The server is gone, and whoever was connected."""
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def url(self, name: str = "postgres", *, user: str = "chain", password: str = "") -> str:
        """Of a database of this server."""
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@/{name}?host={self.folder}"

    def execute(self, statement: str, name: str = "postgres") -> None:
        """One statement by the superuser."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(statement.encode())

    def rule(self, *lines: str) -> None:
        """Who may connect how, from now on (pg_hba.conf)."""
        file = self.data / "pg_hba.conf"
        file.write_text("\n".join([*lines, ""]), encoding="utf-8")
        self.execute("SELECT pg_reload_conf()")


@contextmanager
def standby(primary: PostgresServer, folder: Path) -> Iterator[PostgresServer]:
    """A hot standby of this server, which follows it meanwhile."""
    server = PostgresServer(folder)
    where = f"host={primary.folder} user=chain"
    server.run("pg_basebackup", "-D", server.data, "-d", where, "-R", "--checkpoint=fast", "--no-sync")
    with server.running():
        yield server


@contextmanager
def pgbouncer(server: PostgresServer, folder: Path, database: str) -> Iterator[str]:
    """URL of the database through a pgbouncer that hands each transaction to another session."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"""
[databases]
{database} = host={server.folder} dbname={database} user=chain
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 5432
auth_type = any
pool_mode = transaction
default_pool_size = 4
logfile = {folder}/pgbouncer.log
""",
        encoding="utf-8",
    )
    process = subprocess.Popen([*unprivileged(), program, "-q", str(settings)], cwd=folder)
    try:
        end = time.monotonic() + 30
        while not (folder / ".s.PGSQL.5432").exists():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        yield f"postgresql://chain@/{database}?host={folder}"
    finally:
        process.terminate()
        process.wait(timeout=30)
