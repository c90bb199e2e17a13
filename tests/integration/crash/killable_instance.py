"""A whole instance whose processes are killed, and started again at once by a keeper, as a supervisor would."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import text

from chain_service.app import open_app
from chain_service.chain.contracts import decode_result, encode_call
from chain_service.config import Settings
from chain_service.core.chainproof.storage_layout import RECORD_LOG
from chain_service.core.encoding.digests import file_digests
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import CertificateIdentifier, OrgCode, TypeCode
from chain_service.jobs.asker import ROLES
from chain_service.jobs.auditing.audit import audit
from chain_service.jobs.instance import api_keys, initialise, registrar
from chain_service.jobs.workers import wait_indexed
from chain_service.nodes.network.create import free_ports

ORG = OrgCode("11439900000070017X")
TYPE = TypeCode(f"{ORG}001")
LAUNCHER = Path(__file__).with_name("kill_points.py")
PROGRAM = [sys.executable, "-c", "from chain_service.cli.main import main; main()"]
PATIENCE = 240.0
"""Seconds to wait for what must happen: killed again and again, on a machine that runs other tests beside this one, an
instance may start for minutes. It bounds a hang and measures nothing, so that load never fails a test."""
Process = subprocess.Popen[bytes]


class Killable:
    """One of the instance's processes; `keep` starts it again whenever it has ended."""

    def __init__(self, start: Callable[[], Process]) -> None:
        self._start = start
        self._stopping = threading.Event()
        self.process = start()
        self.endings: list[int] = []
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

    def replace(self, start: Callable[[], Process]) -> None:
        """It is asked to stop and, once it has, is started so from now on, as an upgrade does."""
        self._start = start
        stopping, ended = self.process, len(self.endings)
        stopping.terminate()
        _until(lambda: len(self.endings) > ended and self.process is not stopping)
        assert self.endings[ended:] == [0], "it did not stop as it was asked to"

    def stop(self) -> None:
        self._stopping.set()
        self._keeper.join()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()

    def _keep(self) -> None:
        while not self._stopping.wait(0.02):
            ended = self.process.poll()
            if ended is not None:
                self.endings.append(ended)
                self.process = self._start()


class Instance:
    """An instance below `directory`, its trial chain running; the service runs within `service`."""

    def __init__(self, directory: Path, database_url: str = "") -> None:
        self.directory = directory
        self._chain_port, *self.ports = free_ports(3)
        self.settings = Settings(
            data=directory / "data",
            database_url=database_url,
            rpc_urls=[f"http://127.0.0.1:{self._chain_port}"],
            chain_port=self._chain_port,
            port=self.ports[0],
            block_period=0,
            batch_age=0.05,
            poll_interval=0.02,
            parsers=1,  # nobody hands documents in, and each is one process more to start after every kill
        )
        given = self.settings.model_dump(mode="json", include=self.settings.model_fields_set - {"data"})
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("CHAIN_SERVICE_")}
        self._environment |= {
            f"CHAIN_SERVICE_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in given.items()
        }
        self.armed = directory / "armed"
        self.armed.mkdir()
        self.key = ""
        self.accepted: dict[str, str] = {}
        """Identity of every acknowledged record and its id."""
        self.serials = itertools.count(1)

    @contextmanager
    def chain(self) -> Iterator[Killable]:
        """The trial chain runs, its contracts stand and the organisation may do everything."""
        initialise.init(self.settings)
        chain = Killable(lambda: self._run(PROGRAM, "chain", "run"))
        try:
            _until(self._node_answers)
            initialise.deploy(self.settings)
            app = open_app(self.settings)
            registrar.add(app, ORG, "临澜市市场监督管理局")
            registrar.permit(app, ORG, TYPE, date(2020, 1, 1), None)
            wait_indexed(app)
            self.key = api_keys.create_key(app, ORG, ROLES).key
            app.database.close()
            yield chain
        finally:
            chain.stop()

    @contextmanager
    def service(self, port: int | None = None, program: Sequence[str] = PROGRAM) -> Iterator[Killable]:
        """The service runs."""
        service = Killable(lambda: self.serve(program, port or self.ports[0]))
        try:
            yield service
        finally:
            service.stop()

    @contextmanager
    def kill_at(self, point: str) -> Iterator[None]:
        """A service that runs as `kill_points.py` with the folder `armed` dies once at this point meanwhile."""
        file = self.armed / point
        file.touch()
        try:
            yield
            assert not file.exists(), "nothing got there"
        finally:
            file.unlink(missing_ok=True)

    def serve(self, program: Sequence[str], port: int) -> Process:
        """A new process of the service."""
        return self._run(program, "serve", "--port", str(port))

    def ask(self, method: str, path: str, body: Any = None, media_type: str = "application/json") -> Any:
        """The answer, asked for again, now at one service and now at the other, as long as nobody gives one.

        To what changes something it is the first answer, whoever was asked first.
        """
        ports = itertools.cycle(self.ports)
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": media_type}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        found: list[Any] = []

        def answered() -> bool:
            connection = http.client.HTTPConnection("127.0.0.1", next(ports), timeout=PATIENCE)
            try:
                connection.request(method, path, sent, headers)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException):
                return False
            finally:
                connection.close()
            if b"idempotency_running" in content:
                return False  # the one that was killed still has its transaction
            assert answer.status in (200, 202), (answer.status, content)
            lines = content.splitlines() if media_type == "application/x-ndjson" else [content]
            found.append([json.loads(line) for line in lines])
            assert all(told["created"] for told in found[-1] if method == "POST"), content
            return True

        _until(answered)
        return found[0] if media_type == "application/x-ndjson" else found[0][0]

    def ready(self, port: int) -> None:
        """The service at this port says that it can do its work."""

        def told() -> bool:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            try:
                connection.request("GET", "/readyz")
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False
            finally:
                connection.close()

        _until(told)

    def submit(self, count: int) -> list[str]:
        """The ids of so many new records, acknowledged; the same id if one had been acknowledged before."""
        new = [certificate(next(self.serials)) for _ in range(count)]
        body = b"\n".join(json.dumps(one).encode() for one in new)
        answers = self.ask("POST", "/v1/records", body, "application/x-ndjson")
        ids = [answer["id"] for answer in answers]
        self.accepted |= zip((one["certificateIdentifier"] for one in new), ids, strict=True)
        return ids

    @contextmanager
    def import_under_way(self, sizes: Sequence[int] = (1, 20, 200)) -> Iterator[None]:
        """Records are submitted one lot after the other, each until it is acknowledged; all are anchored at the end."""
        enough = threading.Event()
        ids: list[str] = []
        failures: list[BaseException] = []

        def pour() -> None:
            try:
                while not enough.is_set():
                    ids.extend(self.submit(random.choice(sizes)))
            except BaseException as failure:  # noqa: BLE001 - carried to the main thread
                failures.append(failure)

        importer = threading.Thread(target=pour)
        importer.start()
        try:
            yield
        finally:
            enough.set()
            importer.join()
        assert not failures, failures
        self.anchored(ids[-200:])
        self.anchored(ids[:-200:97])

    def anchored(self, ids: Sequence[str]) -> None:
        """All of them are anchored."""
        for id in ids:
            _until(lambda id=id: self.ask("GET", f"/v1/records/{id}")["state"] == "anchored")

    def final(self, path: str, member: str) -> None:
        """Nothing waits in the list `member` of the answer, and it holds one thing."""
        _until(lambda: [one["state"] for one in self.ask("GET", path)[member]] == ["final"])

    def changed_once(self, id: str, state: str) -> None:
        """The record has this state on chain, by one change."""
        _until(lambda: self.ask("GET", f"/v1/records/{id}")["status"] == state)
        assert [change["to"] for change in self.ask("GET", f"/v1/records/{id}")["history"]] == [state]

    def check(self) -> None:
        """Everything acknowledged is anchored exactly once, nothing is left over, and the audit finds nothing."""
        app = open_app(self.settings)
        try:
            with app.database.reading() as connection:
                rows = connection.execute(
                    text("SELECT identity, id, leaf_index FROM records ORDER BY leaf_index")
                ).all()
                sent_twice = connection.execute(
                    text(
                        "SELECT submission_id FROM transactions WHERE outcome = 'final'"
                        " GROUP BY submission_id HAVING count(*) > 1"
                    )
                ).all()
                open_ends = connection.execute(
                    text("SELECT id FROM submissions WHERE final_block IS NULL AND abandoned_at IS NULL")
                ).all()
            assert {row.identity: row.id for row in rows} == self.accepted
            assert [row.leaf_index for row in rows] == list(range(1, len(rows) + 1))
            assert (sent_twice, open_ends) == ([], [])
            chain = app.require_chain()
            size = chain.sender.call(
                chain.deployment.address(RECORD_LOG), encode_call(RECORD_LOG, "sizeOf", log_id(ORG, 0))
            )
            assert decode_result(RECORD_LOG, "sizeOf", size) == len(rows) + 1
            found = audit(app)
            assert found.ok, found.findings
        finally:
            app.database.close()

    def _run(self, program: Sequence[str], *words: str) -> Process:
        log = (self.directory / f"{words[0]}.log").open("ab")
        with log:
            return subprocess.Popen(
                [*program, "--data", str(self.settings.data), "--quiet", *words],
                env=self._environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def _node_answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._chain_port), timeout=1).close()
        except OSError:
            return False
        return True


def certificate(serial: int) -> Mapping[str, Any]:
    number = f"K{serial:09d}"
    return {
        "kind": "certificate",
        "certificateTypeCode": TYPE,
        "certificateNumber": number,
        "certificateIdentifier": str(CertificateIdentifier(TYPE, ORG, number, "001")),
        "certificateIssuingAuthorityCode": ORG,
        "certificateIssuedDate": "2025-06-02",
        "holders": [
            {
                "certificateHolderName": "临澜市青禾食品有限公司",
                "certificateHolderCode": "91439900MA0000QW0X",
                "certificateHolderTypeCode": "001",
            }
        ],
    }


def seal(serial: int) -> Mapping[str, Any]:
    return {
        "sealCode": f"43990000{serial:06d}",
        "sealName": "临澜市市场监督管理局",
        "ownerCode": ORG,
        "sealType": "01",
        "digests": file_digests(f"seal {serial}".encode()),
        "signerCertificates": [f"sha-256:{file_digests(b'signer')['sha-256']}"],
        "validFrom": "2020-01-01",
        "validUntil": "2035-12-31",
    }


def catalog_entry(serial: int) -> Mapping[str, Any]:
    return {
        "catalogCode": f"307001/{serial:06d}",
        "layer": "duty",
        "title": "食品经营许可",
        "summary": "依据三定规定负责食品经营许可。",
        "legalBasis": "临澜市机构编制委员会文件",
        "providerCode": ORG,
        "action": "publish",
    }


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "what was awaited did not come"
        time.sleep(0.02)
