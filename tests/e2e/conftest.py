"""One instance for all tests of this folder, driven through its doors only."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.worlds.running_instance import ISSUER, OTHER, Instance, Process, make_instance, wait_until_anchored
from support.worlds.sealed_licence import LOOKED_AGAIN, OFFICE, licence, licence_file, trust


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance whose chain runs, with contracts, two organisations and their permits; no worker yet."""
    instance = make_instance(tmp_path_factory.mktemp("instance"))
    node = Process(instance.data, "chain", "run")
    try:
        instance.done("deploy")
        for org in json.loads((instance.samples / "organisations.json").read_text(encoding="utf-8"))[:2]:
            instance.done("org", "add", org["code"], org["name"])
        for permit in json.loads((instance.samples / "permits.json").read_text(encoding="utf-8"))[:3]:
            instance.done("org", "permit", permit["organisation"], permit["certificateType"], "--from", permit["from"])
        for file in sorted((instance.samples / "types").iterdir()):
            instance.done("type", "add", file)
        for org in (ISSUER, OTHER):
            for role in ("anchor", "status", "catalog", "seal", "verify", "audit"):
                name = role if org == ISSUER else f"OTHER:{role}"
                instance.keys[name] = instance.done("key", "create", "--org", org, "--role", role)["key"]
        yield instance
    finally:
        node.stop()


@pytest.fixture(scope="session")
def service(chain: Instance) -> Iterator[Instance]:
    """The instance with API, page and workers running; at the end it stops in good order."""
    process = Process(chain.data, "serve", "--port", "0")
    try:
        yield Instance(chain.data, chain.samples, process.url, chain.keys)
    finally:
        assert process.stop() == 0


@pytest.fixture(scope="session")
def anchored(service: Instance) -> list[dict[str, Any]]:
    """The issuer's certificates, anchored: each `{id, record, disclosure}`."""
    records = service.records()
    body = "".join(json.dumps(record) + "\n" for record in records)
    with service.client("anchor") as client:
        answer = client.post("/v1/records", content=body, headers={"Content-Type": "application/x-ndjson"})
        assert answer.status_code == 202, answer.text
        ids = [json.loads(line)["id"] for line in answer.text.splitlines()]
        wait_until_anchored(client, ids[-1])
        return [
            {"id": one, "record": record, "disclosure": client.get(f"/v1/records/{one}").json()["disclosure"]}
            for one, record in zip(ids, records, strict=True)
        ]


@pytest.fixture(scope="module")
def sealing(service: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Instance, Path]]:
    """The issuer's seal is registered from its file, and a licence sealed with it is anchored from its file."""
    trust(service, today=True)
    folder = tmp_path_factory.mktemp("sealing")
    (folder / "office.esl").write_bytes(OFFICE.seal_file)
    made = service.done("seal", "register", folder / "office.esl", "--org", ISSUER, "--wait")
    assert (made["sealCode"], made["status"], made["sealType"]) == (OFFICE.seal_code, "in_force", "01")
    (folder / "in").mkdir()
    (folder / "in" / "licence.ofd").write_bytes(licence_file())
    (folder / "records.ndjson").write_text(json.dumps(licence()) + "\n", encoding="utf-8")
    service.done(
        "anchor", folder / "records.ndjson", "--org", ISSUER, "--documents", folder / "in", "--out", folder / "out"
    )
    yield service, folder
    shutil.rmtree(service.data / "trust-store")
    time.sleep(LOOKED_AGAIN)
