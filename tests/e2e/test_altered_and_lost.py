"""What only an instance of its own can show: data altered behind its back, and a node that is gone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_instance import ISSUER, Instance, Process, make_instance


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Instance, Process]]:
    instance = make_instance(tmp_path_factory.mktemp("alone"))
    node = Process(instance.data, "chain", "run")
    try:
        instance.done("deploy")
        instance.done("org", "add", ISSUER, "临澜市市场监督管理局")
        for place in (1, 2):
            instance.done("org", "permit", ISSUER, f"11439900006123001100{place}", "--from", "2020-01-01")
        yield instance, node
    finally:
        node.stop()


def test_an_altered_record_is_named_and_a_lost_node_is_no_verdict(
    alone: tuple[Instance, Process], tmp_path: Path
) -> None:
    instance, node = alone
    source = instance.samples / f"certificates-{ISSUER}.ndjson"
    instance.done("anchor", source, "--org", ISSUER, "--out", tmp_path)
    file = next(tmp_path.glob("*.disclosure.json"))
    assert instance.run("verify", file).code == 0
    assert instance.done("audit")["ok"] is True
    assert instance.done("rebuild")["anchored"] > 0
    assert instance.done("audit", "--org", ISSUER)["ok"] is True

    record_id = file.name.removesuffix(".disclosure.json")
    with sqlite3.connect(instance.data / "chain_service.db") as database:
        found = database.execute("SELECT body FROM records WHERE id = ?", (record_id,)).fetchone()
        altered = bytes(found[0]).replace(b"certificateNumber", b"certificateNumbex")
        database.execute("UPDATE records SET body = ? WHERE id = ?", (altered, record_id))
    database.close()
    ran = instance.run("--json", "audit")
    assert ran.code == 1
    assert record_id in json.dumps(ran.json["findings"])

    assert node.stop() == 0
    ran = instance.run("--json", "verify", file)
    assert (ran.code, ran.json["code"]) == (3, "node_unavailable")
    assert instance.run("--json", "deploy").code == 1
    assert instance.run("org", "suspend", ISSUER).code == 4
    assert instance.run("audit").code == 4
