"""Back to a moment by pgBackRest, word for word as docs/operate/backup.md has it, and what the service says then."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from support.databases.postgresql import PostgresServer, private_folder, programs
from support.deploy.units import OPT
from support.worlds.backed_up import anchored, chain_of, with_records
from support.worlds.running_instance import ISSUER, PROGRAM, environment, free_port

ROOT = Path(__file__).resolve().parents[3]
GUIDE = ROOT / "docs" / "operate" / "backup.md"
CLUSTER = "/var/lib/postgresql/15/main"
SYSTEMCTL = """#!/bin/sh -eu
# What systemd does with the units of this drill.
verb=$1; shift
for unit; do
  case $verb-$unit in
    *-postgresql) runuser -u postgres -- {pg_ctl} -D {data} -l {folder}/log -w -t 240 -m fast \\
      -o "-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off" $verb ;;
    start-chain-service) chain-service --data {instance} serve --port {port} >>{folder}/serve.log 2>&1 &
      echo $! >{folder}/serve.pid ;;
    start-chain-worker | stop-chain-*) ;;  # here `serve` has the workers, and nothing runs before
    *) exit 1 ;;
  esac
done >>{folder}/systemctl.log 2>&1
"""


def blocks() -> list[str]:
    """The commands of the section: how it is set up, and the way back."""
    section = GUIDE.read_text(encoding="utf-8").partition("by pgBackRest")[2]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


class Drill:
    """A server of PostgreSQL with an instance in it, below a root in which the guide is followed."""

    def __init__(self, server: PostgresServer, work: Path) -> None:
        self.server, self.root, self.port = server, server.folder, free_port()
        confs = self.root / "etc/postgresql/15/main/conf.d"
        for folder in (confs, self.root / "stubs"):
            folder.mkdir(parents=True)
        for name in ("pgbackrest", "lock"):
            for folder in (self.root / "var/lib" / name, self.root / "var/log" / name):
                folder.mkdir(parents=True)
                shutil.chown(folder, "postgres")
        with (server.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(f"include_dir = '{confs}'\n")
        with server.running():
            server.execute("CREATE ROLE postgres SUPERUSER LOGIN")
            server.execute("CREATE DATABASE instance")
            self.instance, self.ids = with_records(work, server.url("instance"))
        names = {
            "pg_ctl": programs() / "pg_ctl",
            "data": server.data,
            "folder": self.root,
            "instance": self.instance.data,
            "port": self.port,
        }
        self._stub("systemctl", SYSTEMCTL.format(**names))
        self._stub("chain-service", f"#!/bin/sh\nexec {PROGRAM[0]} -c '{PROGRAM[2]}' \"$@\"\n")

    def _stub(self, name: str, text: str) -> None:
        file = self.root / "stubs" / name
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)

    def follow(self, block: str, code: int = 0) -> str:
        """What the steps print, which have to end with this code."""
        moved = block.replace("/var/lib/chain-service", str(self.instance.data)).replace(":8000", f":{self.port}")
        moved = re.sub(r"(?<![\w.])/(etc|var)/", rf"{self.root}/\1/", moved.replace(OPT, str(self.program())))
        settings = {
            "PATH": f"{self.root}/stubs:{os.environ['PATH']}",
            "PGHOST": str(self.root),
            "PGDATABASE": "postgres",
            "PGBACKREST_CONFIG": f"{self.root}/etc/pgbackrest.conf",
            "PGBACKREST_LOCK_PATH": f"{self.root}/var/lib/lock",
        }
        command = ["sh", "-eu", "-c", f"cd /\n{moved}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment() | settings)
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}\n{self.logs()}"
        return done.stdout

    def program(self) -> Path:
        """The files that the guide installs, with the folders of this drill in them."""
        files = self.root / "program" / "scripts" / "deploy" / "pgbackrest"
        if not files.exists():
            files.mkdir(parents=True)
            for file in (ROOT / "scripts/deploy/pgbackrest").iterdir():
                text = file.read_text(encoding="utf-8").replace(CLUSTER, str(self.server.data))
                (files / file.name).write_text(text.replace("=/var/", f"={self.root}/var/"), encoding="utf-8")
        return self.root / "program"

    def logs(self) -> str:
        return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in self.root.glob("*log"))

    def places(self, ids: list[str]) -> set[int]:
        """Their places in the log."""
        with psycopg.connect(self.server.url("instance")) as connection:
            found = connection.execute("SELECT leaf_index FROM records WHERE id::text = ANY(%s)", [ids]).fetchall()
        assert len(found) == len(ids)
        return {row[0] for row in found}

    def now(self) -> str:
        """The server's time, as a target."""
        with psycopg.connect(self.server.url()) as connection:
            return str(connection.execute("SELECT clock_timestamp()").fetchone()[0])  # type: ignore[index]

    def end(self) -> None:
        """Nothing of it runs any more."""
        if (file := self.root / "serve.pid").exists():
            os.kill(int(file.read_text()), signal.SIGKILL)
        if (self.server.data / "postmaster.pid").exists():
            self.server.stop()


@pytest.fixture
def drill(tmp_path: Path) -> Iterator[Drill]:
    if shutil.which("pgbackrest") is None:
        pytest.skip("pgbackrest is not installed")
    if os.geteuid() != 0:
        pytest.skip("only root can start processes as other users")
    with private_folder() as folder:
        folder.chmod(0o755)
        made = Drill(PostgresServer.made(folder), tmp_path)
        try:
            yield made
        finally:
            made.end()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_guide_leads_back_to_a_moment_and_all_that_was_lost_is_named(drill: Drill) -> None:
    set_up, way_back = blocks()
    instance = drill.instance
    with chain_of(instance):
        told = drill.follow(set_up)
        assert "full backup" in told and "incr backup" in told
        kept = drill.ids + anchored(instance, 5, 8)  # these three are in the WAL alone
        target = drill.now()
        lost = anchored(instance, 8, 12)
        lost_places = drill.places(lost)
        key = instance.done("key", "create", "--org", ISSUER, "--role", "audit")
        instance.done("erase", kept[0], "--reason", "the holder asked for it")
        version = instance.done("trust", "export")

        way, replaced = re.subn(r"(?m)^TARGET=.*$", f"TARGET='{target}'", way_back)
        assert replaced == 1
        assert "log_cut_short" in drill.follow(way, code=1)

        report = instance.run("--json", "audit").json
        assert named(report["findings"]) == lost_places
        assert {one["code"] for one in report["findings"]} <= {"log_cut_short", "head_unknown"}
        assert report["logs"][0]["erased"] == 1
        with httpx.Client(base_url=f"http://127.0.0.1:{drill.port}", timeout=30) as client:
            assert [client.get(f"/v1/records/{id}/receipt").status_code for id in kept + lost] == [200] * 8 + [404] * 4
        assert key["id"] not in {one["id"] for one in instance.done("key", "list")["keys"]}
        assert instance.done("trust", "export")["version"] >= version["version"]


def named(findings: list[dict[str, Any]]) -> set[int]:
    """The leaf indexes that the audit says are lost."""
    told: set[int] = set()
    for one in findings:
        if one["code"] == "log_cut_short":
            first, last = one["details"]["lost"]
            told |= set(range(first, last + 1))
    return told
