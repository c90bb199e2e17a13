"""The units and the way to install them, word for word as docs/operate/services.md has it, with users of their own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from chain_service.nodes.network.create import free_ports
from support.deploy import units
from support.deploy.units import ids, moved, read_unit
from support.worlds.running_instance import ISSUER, environment

ROOT = Path(__file__).resolve().parents[3]
SYSTEMD = ROOT / "scripts" / "deploy" / "systemd"
UNITS = sorted(SYSTEMD.glob("*.service"))
GUIDE = ROOT / "docs" / "operate" / "services.md"
EXPOSURE = 2.0
"""What systemd-analyze may count for a unit at most, of 10; one without any hardening has 9.6."""
needs_systemd = pytest.mark.skipif(
    not all(map(shutil.which, ("systemd-analyze", "systemd-tmpfiles", "systemd-sysusers"))),
    reason="systemd is not installed",
)
STUB = '#!/bin/sh\nexec {command} "$@"\n'


@needs_systemd
@pytest.mark.parametrize("file", UNITS, ids=lambda file: file.stem)
def test_a_unit_is_one_and_is_hardened(file: Path, tmp_path: Path) -> None:
    here = tmp_path / file.name
    here.write_text(file.read_text(encoding="utf-8").replace(units.OPT, str(ROOT)), encoding="utf-8")
    (ROOT / ".venv" / "bin" / "chain-service").stat()
    checked = subprocess.run(["systemd-analyze", "verify", str(here)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE * 10:.0f}", str(here)]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout


def test_each_unit_has_a_user_of_its_own_and_sees_no_other_s_keys() -> None:
    read = {file.stem: read_unit(file) for file in UNITS}
    assert read.keys() == {"chain-node", "chain-service", "chain-worker"}
    assert {unit.one("User") for unit in read.values()} == read.keys()
    users = (SYSTEMD / "sysusers.conf").read_text(encoding="utf-8")
    for unit in read.values():
        assert re.search(rf"^u {unit.one('User')} ", users, re.MULTILINE)
        own = unit.one("ReadWritePaths")
        assert own == unit.one("ExecStart").split()[2]
        secrets = {f"{own}/keys/roots", f"{own}/operator"} if own == "/var/lib/chain-service" else set()
        homes = {one.one("ReadWritePaths") for one in read.values()} | {"/var/lib/chain-registrar"}
        hidden = {path.removeprefix("-") for path in unit.one("InaccessiblePaths").split()}
        assert hidden == homes - {own} | secrets


def test_what_the_operator_keeps_inside_of_the_instance_stays_with_root() -> None:
    """A recursive line gives the instance's files to the service; later lines take these from it again."""
    lines = [line.split() for line in (SYSTEMD / "tmpfiles.conf").read_text(encoding="utf-8").splitlines()]
    owners = {line[1]: line[2:4] for line in lines if line and line[0] == "Z"}
    for name in ("operator", "keys/roots"):
        assert owners[f"/var/lib/chain-service/{name}"] == ["~0700", "root"], name


class Drill:
    """A root in which the guide was followed, and the processes that it started."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.chain_port, self.port = free_ports(2)

    def follow(self) -> str:
        """What the steps of the guide printed last."""
        stubs = self.root / "stubs"
        (self.root / "etc").mkdir()
        stubs.mkdir()
        commands = {
            name: f"{shutil.which(name)} --root={self.root}" for name in ("systemd-sysusers", "systemd-tmpfiles")
        }
        commands["systemctl"] = f"{sys.executable} {units.__file__}"
        for name, command in commands.items():
            (stubs / name).write_text(STUB.format(command=command))
            (stubs / name).chmod(0o755)
        steps = re.search(r"```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
        assert steps is not None
        script = moved(steps[1], self.root, ROOT)
        script = script.replace(":8545", f":{self.chain_port}").replace(":8000", f":{self.port}")
        settings = {
            "CHAIN_SERVICE_CHAIN_PORT": str(self.chain_port),
            "CHAIN_SERVICE_PORT": str(self.port),
            "CHAIN_SERVICE_RPC_URLS": f'["http://127.0.0.1:{self.chain_port}"]',
            "CHAIN_SERVICE_BLOCK_PERIOD": "0",
            "DRILL_ROOT": str(self.root),
            "DRILL_PROGRAM": str(ROOT),
            "PATH": f"{stubs}:{os.environ['PATH']}",
        }
        done = subprocess.run(
            ["sh", "-eu", "-c", script], capture_output=True, text=True, check=False, env=environment() | settings
        )
        assert done.returncode == 0, done.stdout + done.stderr + self.logs()
        return done.stdout.splitlines()[-1]

    def logs(self) -> str:
        return "".join(file.read_text(encoding="utf-8") for file in self.root.glob("*.log"))

    def operator(self, *words: str) -> str:
        """What a command of the operator prints."""
        settings = {
            "CHAIN_SERVICE_DATA": str(self.root / "var/lib/chain-service"),
            "CHAIN_SERVICE_PASSWORD_FILE": str(self.root / "etc/chain-service/password"),
        }
        command = [str(ROOT / ".venv/bin/chain-service"), "--quiet", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment() | settings).stdout

    def processes(self) -> dict[str, int]:
        return {file.stem: int(file.read_text()) for file in self.root.glob("*.pid")}

    def may_read(self, user: str, path: str) -> bool:
        uid, gid = ids(self.root, user, read_unit(SYSTEMD / f"{user}.service").one("Group"))
        command = ["cat", str(self.root / path)]
        return subprocess.run(command, capture_output=True, user=uid, group=gid, extra_groups=[]).returncode == 0


@pytest.fixture
def drill() -> Iterator[Drill]:
    if os.geteuid() != 0:
        pytest.skip("only root can start processes as other users")
    if units.python_for_all() is None:
        pytest.skip("no Python of this version that other users can start")
    root = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    root.chmod(0o755)
    made = Drill(root)
    try:
        yield made
    finally:
        for pid in made.processes().values():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        shutil.rmtree(root)


def stopped(pid: int) -> bool:
    """Asked to stop, the process ends; nobody waits for it but whoever adopted it."""
    os.kill(pid, signal.SIGTERM)
    for _ in range(1200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@needs_systemd
@pytest.mark.long
def test_the_guide_leads_from_nothing_to_services_that_read_no_more_than_they_need(drill: Drill) -> None:
    assert '"ready":true' in drill.follow(), drill.logs()
    for name, pid in drill.processes().items():
        assert Path(f"/proc/{pid}").stat().st_uid == ids(drill.root, name, "chain-service")[0]

    key = drill.operator("key", "create", "--org", ISSUER, "--role", "anchor").strip().splitlines()[-1]
    record = {
        "kind": "document", "documentTypeCode": "notice", "documentNumber": "临市监〔2026〕12号",
        "issuingOrganisationCode": ISSUER, "issuedDate": "2026-01-05",
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{drill.port}", headers=headers, timeout=30) as client:
        accepted = client.post("/v1/records", json=record)
        assert accepted.status_code == 202, accepted.text
        path = f"/v1/records/{accepted.json()['records'][0]['id']}"
        for _ in range(1200):
            if client.get(path).json()["state"] == "anchored":
                break
            time.sleep(0.05)
        assert client.get(f"{path}/receipt").status_code == 200, drill.logs()
        read = client.post("/v1/verify", files={"file": ("notice.pdf", b"%PDF-1.7 and nothing more")})
        assert (read.status_code, read.json()["code"]) == (200, "unreadable"), read.text
        assert client.get("/v1/trust").status_code == 200
        assert client.get("/offline.html").status_code == 200

    service, node = "var/lib/chain-service", "var/lib/chain-node"
    organisation = f"{service}/keys/accounts/{ISSUER}.json"
    drill.operator("key", "revoke", drill.operator("key", "list").split()[0])
    assert (drill.root / service / "erasures.ndjson").stat().st_size > 0
    for name in ("chain-service", "chain-worker"):  # both do again what it lists as they start
        assert drill.may_read(name, f"{service}/erasures.ndjson")
    (root_key,) = (drill.root / service / "keys" / "roots").iterdir()
    secrets = {
        organisation: {"chain-service", "chain-worker"},
        str(next((drill.root / node / "node").glob("*key*")).relative_to(drill.root)): {"chain-node"},
        "var/lib/chain-registrar/registrar.json": set(),
        str(root_key.relative_to(drill.root)): set(),
        "etc/chain-service/password": set(),
        **{f"run/credentials/{name}/password": {name} for name in drill.processes()},
    }
    for path, readers in secrets.items():
        assert (drill.root / path).is_file(), path
        assert {user for user in drill.processes() if drill.may_read(user, path)} == readers, path
    assert {name: stopped(pid) for name, pid in drill.processes().items()} == dict.fromkeys(drill.processes(), True)
    assert "unforeseen" not in drill.logs()
