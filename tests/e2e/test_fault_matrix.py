"""Every fault is told by its cause in every place within seconds, and by none once it is cured.

`scripts/reference_pages/faults.py` is the table. Real processes: a trial chain behind a gate, the service on SQLite on
a small file system of its own, and on PostgreSQL.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from chain_service.chain.node_causes import NODE_CAUSES
from reference_pages.faults import FAULTS, Fault
from support.chains.gate import Gate, forwarded
from support.chains.server_certificates import ServerCertificate, self_signed
from support.databases.postgresql import PostgresServer, private_folder, standby
from support.worlds.running_instance import (
    ISSUER,
    PROGRAM,
    Instance,
    Process,
    Ran,
    environment,
    free_port,
    make_instance,
    wait_until_anchored,
)

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

PATIENCE = 90
"""Seconds; ten where nothing else wants the processor."""
FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
PAGE = b"<html><body>Please sign in to the city network</body></html>"
UNVERIFIED = httpx.create_ssl_context(verify=False)
"""Made once: it costs more than a request."""
BY_NAME = {fault.name: fault for fault in FAULTS}
ON_SQLITE = [fault.name for fault in FAULTS[: FAULTS.index(BY_NAME["node_tls"])]] + [
    "trust_expired", "disk_full", "locked", "newer",
]  # fmt: skip
ON_EVIDENCE = ["node_tls", "tls", "read_only"]
ON_POSTGRESQL = ["no_connection", "wrong_password"]


def until(tell: Callable[[], Any]) -> Any:
    """The first answer that is true."""
    end = time.monotonic() + PATIENCE
    while True:
        told = tell()
        if told:
            return told
        assert time.monotonic() < end
        time.sleep(0.2)


@dataclass
class World:
    """What the faults are made in."""

    folder: Path
    instance: Instance
    gate: Gate
    chain_url: str
    papers: dict[str, Any]
    process: Process
    environment: dict[str, str] = field(default_factory=dict)
    small: bool = False
    """Whether the instance lies on a small file system of its own."""

    @property
    def data(self) -> Path:
        return self.instance.data

    def client(self, role: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.instance.keys[role]}"} if role else {}
        return httpx.Client(base_url=self.process.url, headers=headers, timeout=60, verify=UNVERIFIED)

    def asked(self, path: str) -> httpx.Response:
        """The answer to whoever asks without a key, on a connection of its own."""
        return httpx.get(self.process.url + path, timeout=60, verify=UNVERIFIED)

    def state(self) -> tuple[int, dict[str, Any]]:
        answer = self.asked("/readyz")
        return answer.status_code, answer.json()

    def figures(self) -> str:
        return self.asked("/metrics").text

    def lines(self) -> list[dict[str, Any]]:
        text = self.process.log.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def command(self, *arguments: str) -> Ran:
        if self.environment:
            return self.instance.run_apart(*arguments, **self.environment)
        return self.instance.run(*arguments)

    def verdict(self) -> dict[str, Any]:
        with self.client() as client:
            answer = client.post("/v1/verify", json=self.papers)
            assert answer.status_code == 200, answer.text
            return dict(answer.json())


def expect(world: World, fault: Fault) -> None:
    """Every place names the fault."""
    began = time.monotonic()
    status, state = until(lambda: named(world, fault))
    print(f"{fault.name}: told after {time.monotonic() - began:.1f} s")
    assert (status, state["ready"]) == ((200, True) if fault.ready else (503, False))
    detail = state["checks"][fault.check]["detail"]
    assert detail and "127.0.0.1" not in detail
    figures = world.figures()
    assert f'chain_service_problem{{check="{fault.check}",code="{fault.code}"}} 1.0' in figures
    assert f"chain_service_ready {float(fault.ready)}" in figures
    line = next(
        line for line in reversed(world.lines()) if (line["event"], line.get("code")) == ("not well", fault.code)
    )
    assert line["check"] == fault.check and line["detail"]
    if fault.alert:
        alert = until(lambda: standing(world, fault))
        with world.client("audit") as client:
            listed = client.get("/v1/alerts", params={"code": fault.code}).json()["alerts"]
        assert [one["details"]["check"] for one in listed] == [fault.check]
        shown = world.instance.run("--json", "alerts", "show", str(listed[0]["id"]))
        if fault.name != "newer":  # no command goes on with such a database
            assert (shown.code, json.loads(shown.out)["code"]) == (0, fault.code)
        assert alert["message"] and alert["remedy"]
    ran = world.command("ready")
    assert fault.code in ran.out + ran.err, ran
    assert ran.code == (0 if fault.ready else 4), ran
    verdict = world.verdict()
    assert verdict["code"] == fault.verdict, verdict
    if fault.name.startswith(("node_4", "node_portal", "node_tls")):
        assert NODE_CAUSES[fault.code] in json.dumps(verdict), "the verdict tells the cause"
    assert "127.0.0.1" not in json.dumps(verdict)


def named(world: World, fault: Fault) -> tuple[int, dict[str, Any]] | None:
    status, state = world.state()
    check = state["checks"].get(fault.check) or {}
    return (status, state) if check.get("code") == fault.code else None


def standing(world: World, fault: Fault) -> dict[str, Any] | None:
    alerts = world.state()[1]["checks"].get("alerts") or {"standing": []}
    return next((alert for alert in alerts["standing"] if alert["code"] == fault.code), None)


def expect_cured(world: World, fault: Fault) -> None:
    """No place names it any more."""
    until(lambda: not named(world, fault) and world.state()[1]["ready"] and not standing(world, fault))
    assert f'chain_service_problem{{check="{fault.check}",code="{fault.code}"}}' not in world.figures()
    assert any((line["event"], line.get("code")) == ("well again", fault.code) for line in world.lines())
    until(lambda: world.verdict()["code"] == "in_force")
    if fault.alert:
        listed = json.loads(world.command("--json", "alerts", "list", "--cleared", "--code", fault.code).out)["alerts"]
        assert listed and all(alert["clearedAt"] for alert in listed)


# The world


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[bool]:
    """A mount of its own at this folder; False where that is not allowed."""
    folder.mkdir()
    allowed = subprocess.run(["mount", *options, str(folder)], capture_output=True).returncode == 0
    try:
        yield allowed
    finally:
        if allowed:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def a_chain(data: Path, heartbeat: int = 1) -> Iterator[str]:
    """A trial chain of its own folder, which seals a block every so many seconds."""
    port = free_port()
    settings = {"CHAIN_SERVICE_CHAIN_PORT": str(port), "CHAIN_SERVICE_HEARTBEAT": str(heartbeat)}
    process = Process(data, "chain", "run", **settings)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()


def anchored_paper(instance: Instance) -> dict[str, Any]:
    """A certificate, anchored: its disclosure and the receipt's bytes are not needed to ask for it."""
    with instance.client("anchor") as client:
        made = client.post("/v1/records", json=instance.records()[0])
        assert made.status_code == 202, made.text
        (record,) = made.json()["records"]
        seen = wait_until_anchored(client, record["id"])
    return {"disclosure": seen["disclosure"]}


def registered(instance: Instance) -> None:
    organisations = json.loads((instance.samples / "organisations.json").read_text(encoding="utf-8"))
    instance.done("org", "add", ISSUER, next(org["name"] for org in organisations if org["code"] == ISSUER))
    for permit in json.loads((instance.samples / "permits.json").read_text(encoding="utf-8")):
        if permit["organisation"] == ISSUER:
            instance.done("org", "permit", ISSUER, permit["certificateType"], "--from", permit["from"])
    for file in sorted((instance.samples / "types").iterdir()):
        instance.done("type", "add", file)
    for role in ("anchor", "audit"):
        instance.keys[role] = instance.done("key", "create", "--org", ISSUER, "--role", role)["key"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A service that is well, its node behind a gate, its clock and its disk ours to set."""
    folder = tmp_path_factory.mktemp("matrix")
    with ExitStack() as stack:
        small = stack.enter_context(mounted(folder / "small", "-t", "tmpfs", "-o", "size=64m,mode=700", "none"))
        made = make_instance(folder, certificates=12)
        chain = folder / "chain"
        chain.mkdir()
        shutil.copytree(made.data / "node", chain / "node")
        shutil.copy(made.data / "password", chain / "password")
        chain_url = stack.enter_context(a_chain(chain))
        gate = Gate(free_port(), forwarded(chain_url))
        gate_url = stack.enter_context(gate.open())
        data = folder / "small" / "data"
        shutil.copytree(made.data, data)
        config = data / "config.toml"
        lines = [line for line in config.read_text(encoding="utf-8").splitlines() if not line.startswith("rpc_urls")]
        lines = [line for line in lines if not line.startswith("poll_interval")]
        lines += [f'rpc_urls = ["{gate_url}"]', "disk_reserve = 4", "rpc_timeout = 5"]
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        instance = Instance(data, made.samples)
        instance.done("deploy")
        (folder / "offset").write_text("+0", encoding="utf-8")
        clock = {} if FAKETIME is None else {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(folder / "offset"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip
        early = folder / "early"
        shutil.copytree(chain, early)
        registered(instance)
        process = Process(data, "serve", "--port", "0", **clock)
        world = World(folder, replace(instance, url=process.url), gate, chain_url, {}, process, small=small)
        stack.callback(lambda: world.process.stop())
        world.papers = anchored_paper(world.instance)
        yield world


# The faults on SQLite


@contextmanager
def shifted(world: World, seconds: int) -> Iterator[None]:
    if FAKETIME is None:
        pytest.skip("libfaketime is not installed")
    offset = world.folder / "offset"
    world.environment = {
        "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    offset.write_text(f"{seconds:+d}", encoding="utf-8")
    try:
        yield
    finally:
        offset.write_text("+0", encoding="utf-8")
        world.environment = {}


@contextmanager
def other_node(world: World, data: Path) -> Iterator[None]:
    with a_chain(data, heartbeat=3600) as url, world.gate.giving(forwarded(url)):
        yield


def set_back(world: World) -> Any:
    return other_node(world, world.folder / "early")


def wiped(world: World) -> Any:
    data = world.folder / "wiped"
    subprocess.run([*PROGRAM, "--data", str(data), "init"], check=True, capture_output=True, env=environment())
    return other_node(world, data)


@contextmanager
def stopped(world: World) -> Iterator[None]:
    def nobody(_: bytes) -> tuple[int, bytes]:
        raise ConnectionAbortedError

    with world.gate.giving(nobody):
        yield


def falsified(method: str, result: Any) -> Any:
    """The accounts that the node proves are others than those of the block's state."""
    if method == "eth_getProof" and isinstance(result, dict):
        leaf = result["accountProof"][-1]
        result["accountProof"][-1] = leaf[:-1] + ("0" if leaf[-1] != "0" else "1")
    return result


@contextmanager
def expired_trust(world: World) -> Iterator[None]:
    exported = world.instance.run("trust", "export", CHAIN_SERVICE_TRUST_LIFETIME="2")
    assert exported.code == 0, exported
    yield
    assert world.instance.run("trust", "export").code == 0


@contextmanager
def full(world: World) -> Iterator[None]:
    if not world.small:
        pytest.skip("mounting is not allowed here")
    filler = world.folder / "small" / "filler"
    system = os.statvfs(world.data)
    filler.write_bytes(bytes(system.f_bavail * system.f_frsize - 2 * 2**20))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def locked(world: World) -> Iterator[None]:
    with sqlite3.connect(world.data / "chain_service.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


@contextmanager
def newer(world: World) -> Iterator[None]:
    with sqlite3.connect(world.data / "chain_service.db", isolation_level=None) as other:
        (before,) = other.execute("SELECT version_num FROM alembic_version").fetchone()
        (readable,) = other.execute("SELECT readable_from FROM compatibility").fetchone()
        other.execute("UPDATE compatibility SET readable_from = '9999'")
        other.execute("UPDATE alembic_version SET version_num = '9999'")
        try:
            yield
        finally:
            other.execute("UPDATE alembic_version SET version_num = ?", (before,))
            other.execute("UPDATE compatibility SET readable_from = ?", (readable,))


MADE: dict[str, Callable[[World], Any]] = {
    "clock_behind": lambda world: shifted(world, -310),
    "clock_ahead": lambda world: shifted(world, 310),
    "node_set_back": set_back,
    "node_wiped": wiped,
    "node_stopped": stopped,
    "node_lies": lambda world: world.gate.giving(forwarded(world.chain_url, falsified)),
    "node_401": lambda world: world.gate.giving(lambda _: (401, b"")),
    "node_413": lambda world: world.gate.giving(lambda _: (413, PAGE)),
    "node_429": lambda world: world.gate.giving(lambda _: (429, b"")),
    "node_portal": lambda world: world.gate.giving(lambda _: (200, PAGE)),
    "trust_expired": expired_trust,
    "disk_full": full,
    "locked": locked,
    "newer": newer,
}


@pytest.mark.parametrize("name", ON_SQLITE)
def test_a_fault_is_told_everywhere_by_its_cause_and_forgotten_when_it_is_cured(world: World, name: str) -> None:
    fault = BY_NAME[name]
    until(lambda: world.state()[1]["ready"])
    with MADE[name](world):
        expect(world, fault)
    expect_cured(world, fault)


# Evidence on a read-only file system, behind TLS


def test_read_only_evidence_is_served_and_audited_and_expired_certificates_are_told(world: World) -> None:
    assert world.process.stop() == 0
    node, own = world.folder / "node-tls", world.folder / "own-tls"
    for folder in (node, own):
        folder.mkdir()
    made: dict[Path, ServerCertificate] = {folder: self_signed(folder, days=-1) for folder in (node, own)}
    gate = Gate(free_port(), forwarded(world.chain_url))
    with mounted(world.folder / "evidence", "-o", "bind,ro", str(world.data)) as allowed:
        if not allowed:
            pytest.skip("mounting is not allowed here")
        instance = Instance(world.folder / "evidence", world.instance.samples)
        for command in ("audit", "verify"):
            paper = world.folder / "paper.json"
            paper.write_text(json.dumps(world.papers["disclosure"]), encoding="utf-8")
            ran = instance.run(command, *([paper] if command == "verify" else []))
            assert ran.code == 0, ran
        settings = {
            "CHAIN_SERVICE_RPC_URLS": json.dumps([f"https://127.0.0.1:{gate.port}"]),
            "CHAIN_SERVICE_TLS_CERTIFICATE": str(made[own].file),
            "CHAIN_SERVICE_TLS_KEY": str(made[own].key),
            "SSL_CERT_FILE": str(made[node].file),
        }
        with ExitStack() as stack:
            stack.enter_context(gate.open(made[node]))
            process = Process(world.folder / "evidence", "serve", "--no-workers", "--port", "0", **settings)
            stack.callback(process.stop)
            evidence = replace(world, instance=instance, process=process, environment=settings)
            for name in ON_EVIDENCE:
                expect(evidence, replace(BY_NAME[name], verdict="node_unavailable"))
            self_signed(own, days=30)
            told = until(lambda: read_by_sighup(evidence))
            assert told["code"] == "certificate_expired", "what clients are shown counts, not the file alone"
            process.process.send_signal(signal.SIGHUP)
            until(lambda: evidence.state()[1]["checks"]["certificate"]["ok"])
            stack.close()
        with gate.open(self_signed(node, days=30)):
            process = Process(world.folder / "evidence", "serve", "--no-workers", "--port", "0", **settings)
            try:
                cured = replace(evidence, process=process)
                until(lambda: cured.state()[1]["checks"]["node"]["ok"])
                expect(cured, BY_NAME["read_only"])
                self_signed(own, days=-1)
                expect(cured, BY_NAME["tls"])
            finally:
                process.stop()


def read_by_sighup(world: World) -> dict[str, Any] | None:
    """What `/readyz` says of the certificate once it tells that the file has a newer one."""
    check: dict[str, Any] = world.state()[1]["checks"]["certificate"]
    return check if "SIGHUP" in check.get("detail", "") else None


# PostgreSQL


def test_what_is_wrong_with_postgresql_is_told_by_its_cause(world: World) -> None:
    with private_folder() as first, private_folder() as second:
        server = PostgresServer.made(first)
        with server.running():
            server.execute("CREATE ROLE clerk LOGIN PASSWORD 'right'")
            server.execute("CREATE DATABASE city OWNER clerk")
            server.rule("local all chain trust", "local replication chain trust", "local all clerk scram-sha-256")
            data = world.folder / "postgresql"
            shutil.copytree(
                world.data, data, ignore=shutil.ignore_patterns("chain_service.db*", "filler", "worker.lock")
            )
            url = server.url("city", user="clerk", password="right")
            config = data / "config.toml"
            config.write_text(f'database_url = "{url}"\n' + config.read_text(encoding="utf-8"), encoding="utf-8")
            instance = Instance(data, world.instance.samples)
            process = Process(data, "serve", "--port", "0")
            try:
                city = replace(world, instance=instance, process=process, environment={})
                until(lambda: city.state()[1]["ready"])
                faults = {
                    "no_connection": (
                        "ALTER DATABASE city CONNECTION LIMIT 0",
                        "ALTER DATABASE city CONNECTION LIMIT -1",
                    ),
                    "wrong_password": ("ALTER ROLE clerk PASSWORD 'other'", "ALTER ROLE clerk PASSWORD 'right'"),
                }
                for name in ON_POSTGRESQL:
                    make, cure = faults[name]
                    fault = replace(BY_NAME[name], verdict=city.verdict()["code"])
                    server.execute(make)
                    expect(city, fault)
                    server.execute(cure)
                    until(lambda: city.state()[1]["ready"])
                    assert not named(city, fault)
            finally:
                process.stop()
            with standby(server, second) as copy:
                settings = {"CHAIN_SERVICE_DATABASE_URL": copy.url("city", user="clerk", password="right")}
                process = Process(data, "serve", "--port", "0", **settings)
                try:
                    city = replace(city, process=process, environment=settings)
                    expect(city, replace(BY_NAME["standby"], verdict=city.verdict()["code"]))
                    copy.execute("SELECT pg_promote()")
                    until(lambda: city.state()[1]["ready"])
                finally:
                    process.stop()


def test_every_fault_of_the_table_is_made() -> None:
    made = {*ON_SQLITE, *ON_EVIDENCE, *ON_POSTGRESQL, "standby"}
    assert made == set(BY_NAME) and len(FAULTS) == 20
