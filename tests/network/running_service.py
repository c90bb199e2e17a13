"""The service as an operator runs it, on a network of real nodes: a process that is killed and started again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx
from running_network import RunningNetwork, wait_until

from chain_service.chain.keystore import registrar_address

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-c", "from chain_service.cli.main import main; main()"]
ORG = "1143990000612301XQ"
HALTED_AFTER = 15
SETTINGS = f"""
batch_age = 0.2
poll_interval = 0.1
rpc_timeout = 3.0
public_rate = "100000/minute"
halted_after = {HALTED_AFTER}
"""


def document(number: str, **other: Any) -> dict[str, Any]:
    """A document of the organisation; it needs no permit."""
    value = {
        "kind": "document",
        "documentTypeCode": "approval",
        "documentNumber": number,
        "title": "关于同意办理食品经营许可事项的批复",
        "issuingOrganisationCode": ORG,
        "issuedDate": "2025-06-02",
    }
    return value | other


@dataclass
class Service:
    """One instance on the network, and the process that serves it, if one runs."""

    data: Path
    network: RunningNetwork
    environment: dict[str, str]
    key: str = ""
    url: str = ""
    process: subprocess.Popen[bytes] | None = None
    used: Iterator[int] = field(default_factory=lambda: iter(range(1, 10**9)))

    def run(self, *words: str | Path) -> Any:
        """The JSON answer of a command, which has to succeed."""
        command = [*PROGRAM, "--data", str(self.data), "--json", *map(str, words)]
        done = subprocess.run(command, capture_output=True, env=self.environment, timeout=300)
        assert done.returncode == 0, done.stderr.decode()[-3000:] + done.stdout.decode()[-2000:]
        return json.loads(done.stdout) if done.stdout else None

    def start(self) -> None:
        log: IO[bytes] = (self.data.parent / "serve.log").open("ab")
        command = [*PROGRAM, "--quiet", "--data", str(self.data), "serve", "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=self.environment)
        log.close()
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().decode().strip()
        assert self.url, (self.data.parent / "serve.log").read_text()[-3000:]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=60)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=60)

    def submit(self, count: int) -> list[str]:
        """The ids of so many new documents, accepted, in bodies of up to 10,000 lines."""
        lines = [json.dumps(document(f"批〔2025〕{next(self.used)}号")) for _ in range(count)]
        with self.client() as client:
            answer = client.post(
                "/v1/records", content="\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
            )
        assert answer.status_code == 202, answer.text[:2000]
        return [json.loads(line)["id"] for line in answer.text.splitlines()]

    def record(self, id: str) -> dict[str, Any]:
        with self.client() as client:
            found: dict[str, Any] = client.get(f"/v1/records/{id}").json()
        return found

    def anchored(self, ids: Sequence[str], seconds: float = 90) -> None:
        """The last and so all of them are anchored: a log has one order."""
        wait_until(
            lambda: {self.record(ids[at])["state"] for at in (0, -1)} == {"anchored"}, seconds=seconds, every=0.3
        )

    def anchor(self, count: int = 1) -> list[str]:
        ids = self.submit(count)
        self.anchored(ids)
        return ids

    def verify(self, id: str) -> dict[str, Any]:
        """The verdict on the record's own disclosure."""
        disclosure = self.record(id)["disclosure"]
        with self.client() as client:
            verdict: dict[str, Any] = client.post("/v1/verify", json={"disclosure": disclosure}).json()
        return verdict

    def receipt(self, id: str) -> bytes:
        with self.client() as client:
            answer = client.get(f"/v1/records/{id}/receipt")
        assert answer.status_code == 200, answer.text
        return answer.content

    def ready(self) -> dict[str, Any]:
        with self.client() as client:
            state: dict[str, Any] = client.get("/readyz").json()
        return state

    def alerts(self) -> set[str]:
        return {one["code"] for one in self.ready()["checks"]["alerts"]["standing"]}

    def verify_offline(self, id: str, folder: Path, receipt: bytes | None = None) -> dict[str, Any]:
        """The command line's verdict with receipt, disclosure and trust file alone."""
        folder.mkdir(exist_ok=True)
        files = {name: folder / f"{id}.{name}" for name in ("receipt", "disclosure", "trust")}
        files["receipt"].write_bytes(receipt or self.receipt(id))
        files["disclosure"].write_text(json.dumps(self.record(id)["disclosure"]), encoding="utf-8")
        self.run("trust", "export", "--out", files["trust"])
        words = ["verify", "--offline", "--trust", files["trust"], "--receipt", files["receipt"]]
        verdict: dict[str, Any] = self.run(*words, "--disclosure", files["disclosure"])
        return verdict

    def audit(self) -> dict[str, Any]:
        found: dict[str, Any] = self.run("audit")
        return found


def catalog_entry(folder: Path) -> dict[str, Any]:
    """A catalog entry of the organisation, from the sample data."""
    command = [sys.executable, str(ROOT / "scripts" / "samples.py"), "--out", str(folder), "--n", "1"]
    subprocess.run(command, check=True, capture_output=True)
    entry: dict[str, Any] = json.loads(sorted((folder / "catalogs").iterdir())[0].read_text(encoding="utf-8"))
    return entry | {"providerCode": ORG}


def make(network: RunningNetwork, data: Path, rpc_urls: Sequence[str] | None = None) -> Service:
    """An instance with contracts on the network, one organisation and one key for everything; nothing runs yet."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHAIN_SERVICE_")}
    service = Service(data, network, clean | {"CHAIN_SERVICE_RPC_URLS": json.dumps(rpc_urls or network.rpc_urls)})
    service.run("init")
    config = data / "config.toml"
    config.write_text(config.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")
    network.fund(registrar_address(data / "registrar.json"), 2**160)
    service.run("deploy")
    service.run("org", "add", ORG, "临澜市第一局")
    roles = "anchor,status,catalog,verify,audit"
    service.key = service.run("key", "create", "--org", ORG, "--role", roles)["key"]
    return service


@contextlib.contextmanager
def serving(network: RunningNetwork, rpc_urls: Sequence[str] | None = None) -> Iterator[Service]:
    """A new instance on the network, serving; stopped whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="chain-svc-"))
    service = make(network, folder / "data", rpc_urls)
    try:
        service.start()
        yield service
    finally:
        service.stop()
        shutil.rmtree(folder, ignore_errors=True)
