"""Keys apart: the service works without the registrar's, root and sealing keys, and its password opens none of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain_service.chain.keystore import Keystore, open_registrar, registrar_address
from chain_service.chain.keystore import create_registrar as make_registrar
from chain_service.errors import Forbidden, Unauthorised
from chain_service.jobs.backups.manifest import read_manifest
from chain_service.jobs.backups.unpacking import unpack
from chain_service.jobs.context import silent
from chain_service.nodes.embedded.blocks import genesis
from support.worlds.backed_up import PASSWORD, done
from support.worlds.running_instance import (
    ISSUER,
    TYPE,
    Instance,
    Process,
    free_port,
    make_instance,
    wait_until_anchored,
)

pytestmark = pytest.mark.long
APART = ("operator", "node/sealing-key.json", "node/password")


@pytest.fixture(scope="module")
def separated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance that worked for a while under one password, then separated its keys; its chain runs again."""
    instance = make_instance(tmp_path_factory.mktemp("separated"))
    node = Process(instance.data, "chain", "run")
    try:
        instance.done("deploy")
        instance.done("org", "add", ISSUER, "临澜市市场监督管理局")
        instance.done("trust", "export")
    finally:
        node.stop()
    (instance.data / "operator.new").mkdir()  # as a run leaves it that was killed early
    (instance.data / "operator.new" / "password").write_text("half")
    made = instance.done("keystore", "separate")
    assert Path(made["operator"]) == instance.data / "operator" and len(made["removed"]) == 2
    node = Process(instance.data, "chain", "run")
    try:
        yield instance
    finally:
        node.stop()


def test_the_instance_s_password_opens_none_of_them_and_nothing_is_left_under_it(separated: Instance) -> None:
    data = separated.data
    password = (data / "password").read_text().strip()
    assert not (data / "registrar.json").exists() and not list((data / "keys" / "roots").iterdir())
    with pytest.raises(Forbidden):
        open_registrar(data / "operator" / "registrar.json", password)
    with pytest.raises(Forbidden):
        Keystore(data / "operator" / "keys", password).unlock()
    with pytest.raises(Unauthorised):
        genesis.unlock(data / "node", password, genesis.load(data / "node"))
    for file in (data / "operator", data / "operator" / "password", data / "node" / "password"):
        assert file.stat().st_mode & 0o077 == 0
    assert separated.run("keystore", "separate").code == 1


def test_a_new_instance_is_made_with_its_keys_apart(separated: Instance, tmp_path: Path) -> None:
    new = Instance(tmp_path / "data", separated.samples)
    port = free_port()
    settings = {
        "CHAIN_SERVICE_RPC_URLS": json.dumps([f"http://127.0.0.1:{port}"]),
        "CHAIN_SERVICE_CHAIN_PORT": str(port),
        "CHAIN_SERVICE_BLOCK_PERIOD": "0",
    }
    made = new.run_apart("--json", "init", "--separate-keys", **settings).json
    assert Path(made["operator"]) == new.data / "operator"
    assert not (new.data / "registrar.json").exists()
    assert registrar_address(new.data / "operator" / "registrar.json") == made["registrar"]
    password = (new.data / "password").read_text().strip()
    with pytest.raises(Forbidden):
        open_registrar(new.data / "operator" / "registrar.json", password)
    open_registrar(new.data / "operator" / "registrar.json", (new.data / "operator" / "password").read_text().strip())
    with pytest.raises(Unauthorised):
        genesis.unlock(new.data / "node", password, genesis.load(new.data / "node"))
    node = Process(new.data, "chain", "run")
    try:
        new.done("deploy")
        assert new.done("org", "add", ISSUER, "临澜市市场监督管理局")["registered"] is True
    finally:
        node.stop()
    refused = new.run("--json", "init", "--separate-keys")
    assert (refused.code, refused.json["error"]["code"]) == (1, "already_initialised")
    assert new.run("keystore", "separate").code == 1


def test_what_an_interrupted_run_left_is_finished(separated: Instance, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(separated.data, data)
    copy = Instance(data, separated.samples)
    shutil.copy(data / "operator" / "registrar.json", data / "registrar.json")  # killed before it was removed
    (data / "node" / "password").rename(data / "node" / "password.new")  # killed before it was renamed
    made = copy.done("keystore", "separate")
    assert [Path(file).name for file in made["removed"]] == ["registrar.json"]
    assert not (data / "node" / "password.new").exists()
    genesis.unlock(data / "node", (data / "node" / "password").read_text().strip(), genesis.load(data / "node"))


def test_a_directory_that_holds_other_keys_is_refused_and_nothing_is_removed(
    separated: Instance, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(separated.data, data)
    registrar = make_registrar(data / "registrar.json", (data / "password").read_text().strip())
    ran = Instance(data, separated.samples).run("--json", "keystore", "separate")
    assert (ran.code, ran.json["error"]["code"]) == (1, "keystore_exists")
    assert registrar_address(data / "registrar.json") == registrar


def test_a_backup_has_nothing_of_the_operator_s_and_no_password_and_is_whole_without(
    separated: Instance, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(separated.data, data)
    copy = Instance(data, separated.samples)
    node_password = (data / "node" / "password").read_bytes()
    (data / "own-password").write_bytes((data / "password").read_bytes())
    with (data / "config.toml").open("a", encoding="utf-8") as config:
        config.write(f'password_file = "{data / "own-password"}"\n')
    (data / ".password.0123456789abcdef.new").write_bytes(b"what a write that was killed left")
    done(copy, "backup", tmp_path / "backup")
    read = read_manifest(tmp_path / "backup", PASSWORD["CHAIN_SERVICE_BACKUP_PASSWORD"])
    (tmp_path / "seen").mkdir()
    unpack(tmp_path / "backup", read, tmp_path / "seen", silent)
    names = {path.relative_to(tmp_path / "seen").as_posix() for path in (tmp_path / "seen").rglob("*")}
    assert {"keys/keystore.json", "node/sealing-key.json", "config.toml"} <= names
    assert not [name for name in names if "password" in name or name.startswith("operator")]
    assert done(copy, "backup", "verify", tmp_path / "backup")["audit"]["ok"]

    registrar = registrar_address(data / "operator" / "registrar.json")
    done(copy, "restore", tmp_path / "backup", "--replace")
    assert registrar_address(data / "operator" / "registrar.json") == registrar
    assert (data / "own-password").read_bytes() == (data / "password").read_bytes()
    assert (data / "node" / "password").read_bytes() == node_password
    genesis.unlock(data / "node", node_password.decode().strip(), genesis.load(data / "node"))


def test_the_service_does_all_its_work_where_they_are_absent_and_the_operator_does_not(
    separated: Instance, tmp_path: Path
) -> None:
    data = separated.data
    key = separated.done("key", "create", "--org", ISSUER, "--role", "anchor,status,verify,audit")["key"]
    separated.done("org", "permit", ISSUER, TYPE, "--from", "2000-01-01")
    version = separated.done("trust", "export", "--new-root-key")["version"]
    for name in APART:
        shutil.move(data / name, tmp_path / Path(name).name.replace("password", "node-password"))
    service = Process(data, "serve", "--port", "0")
    try:
        instance = Instance(data, separated.samples, service.url, {"any": key})
        with instance.client("any") as client:
            record = next(one for one in instance.records() if one["certificateTypeCode"] == TYPE)
            accepted = client.post("/v1/records", json=record)
            assert accepted.status_code == 202, accepted.text
            id = accepted.json()["records"][0]["id"]
            wait_until_anchored(client, id)
            disclosure = client.get(f"/v1/records/{id}").json()["disclosure"]
            verdict = client.post("/v1/verify", json={"disclosure": disclosure}).json()
            assert (verdict["verdict"], verdict["code"]) == ("valid", "in_force"), json.dumps(verdict)
            assert client.get(f"/v1/records/{id}/receipt", params={"refresh": True}).status_code == 200
            assert client.get(f"/v1/logs/{ISSUER}.0/checkpoint").status_code == 200
            assert client.get("/v1/trust").status_code == 200
            change = {"to": "suspended", "reasonCode": 12, "legalBasis": "食品安全法"}
            assert client.post(f"/v1/records/{id}/status", json=change).status_code == 202
        assert instance.run("org", "suspend", ISSUER).code != 0
        assert instance.run("trust", "export", "--new-root-key").code != 0
        assert not list((data / "keys" / "roots").iterdir())
    finally:
        assert service.stop() == 0
        for name in APART:
            shutil.move(tmp_path / Path(name).name.replace("password", "node-password"), data / name)
    assert separated.done("trust", "export", "--new-root-key")["version"] == version + 1
