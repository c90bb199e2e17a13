"""What only an instance of its own can show: data altered behind its back, a node that goes and comes back."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.worlds.running_instance import ISSUER, OTHER, Instance, Process, make_instance, wait_until_anchored


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance with anchored certificates, handed out to `out`; its chain runs only while a test runs it."""
    instance = make_instance(tmp_path_factory.mktemp("alone"))
    node = Process(instance.data, "chain", "run")
    try:
        instance.done("deploy")
        instance.done("org", "add", ISSUER, "临澜市市场监督管理局")
        for place in (1, 2):
            instance.done("org", "permit", ISSUER, f"11439900006123001100{place}", "--from", "2020-01-01")
        source = instance.samples / f"certificates-{ISSUER}.ndjson"
        instance.done("anchor", source, "--org", ISSUER, "--out", instance.data / "out")
        instance.keys["anchor"] = instance.done("key", "create", "--org", ISSUER, "--role", "anchor")["key"]
    finally:
        assert node.stop() == 0
    return instance


@pytest.fixture
def node(alone: Instance) -> Iterator[Process]:
    running = Process(alone.data, "chain", "run")
    yield running
    running.stop()


def disclosures(instance: Instance) -> list[Path]:
    return sorted((instance.data / "out").glob("*.disclosure.json"))


def test_the_index_can_be_dropped_and_rebuilt(alone: Instance, node: Process) -> None:
    assert alone.done("audit")["ok"] is True
    assert alone.done("rebuild")["anchored"] > 0
    assert alone.done("audit", "--org", ISSUER)["ok"] is True
    assert alone.run("verify", disclosures(alone)[0]).code == 0


def test_an_altered_record_is_named_by_the_audit(alone: Instance, node: Process) -> None:
    record_id = disclosures(alone)[3].name.removesuffix(".disclosure.json")
    with sqlite3.connect(alone.data / "chain_service.db") as database:
        before = database.execute("SELECT body FROM records WHERE id = ?", (record_id,)).fetchone()[0]
        altered = bytes(before).replace(ISSUER.encode() + b".", OTHER.encode() + b".", 1)
        assert altered != before
        database.execute("UPDATE records SET body = ? WHERE id = ?", (altered, record_id))
    ran = alone.run("--json", "audit")
    assert ran.code == 1
    assert {finding["subject"] for finding in ran.json["findings"]} == {record_id}
    assert record_id in alone.run("audit").out
    with database:
        database.execute("UPDATE records SET body = ? WHERE id = ?", (before, record_id))
    database.close()
    assert alone.run("audit").code == 0


def test_without_a_node_nothing_is_judged_and_the_registrar_cannot_act(alone: Instance) -> None:
    ran = alone.run("--json", "verify", disclosures(alone)[0])
    assert (ran.code, ran.json["verdict"], ran.json["code"]) == (3, "indeterminate", "node_unavailable")
    for command in (("org", "suspend", ISSUER), ("audit",), ("rebuild",)):
        assert alone.run(*command).code == 4


def test_what_is_accepted_without_a_node_is_anchored_when_it_is_back(alone: Instance) -> None:
    record = {
        "kind": "document",
        "documentTypeCode": "notice",
        "documentNumber": "断网期间〔2026〕1号",
        "issuingOrganisationCode": ISSUER,
        "issuedDate": "2026-01-05",
    }
    service = Process(alone.data, "serve", "--port", "0")
    try:
        served = Instance(alone.data, alone.samples, service.url, alone.keys)
        with served.client("anchor") as client:
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json()["checks"]["node"]["ok"]) == (503, False)
            assert client.get("/healthz").status_code == 200
            accepted = client.post("/v1/records", json=record)
            assert accepted.status_code == 202
            record_id = accepted.json()["records"][0]["id"]
            disclosure = json.loads(disclosures(alone)[0].read_text(encoding="utf-8"))
            verdict = client.post("/v1/verify", json={"disclosure": disclosure}).json()
            assert (verdict["verdict"], verdict["code"]) == ("indeterminate", "node_unavailable")
            time.sleep(0.3)
            assert client.get(f"/v1/records/{record_id}").json()["state"] in ("pending", "batched")
            node = Process(alone.data, "chain", "run")
            try:
                wait_until_anchored(client, record_id)
                assert client.get("/readyz").status_code == 200
                assert client.post("/v1/verify", json={"disclosure": disclosure}).json()["verdict"] == "valid"
            finally:
                assert node.stop() == 0
    finally:
        assert service.stop() == 0
