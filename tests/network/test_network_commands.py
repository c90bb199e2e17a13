"""`chain-service network …` as an operator types it: what it answers, and how it ends when it cannot."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.worlds.running_instance import PROGRAM, Instance, environment, make_instance


@pytest.fixture(scope="module")
def born(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """An initialised instance; commands that change nothing may share it."""
    return make_instance(tmp_path_factory.mktemp("n"), certificates=24)


@pytest.fixture
def instance(born: Instance, tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """A copy of it."""
    data = tmp_path_factory.mktemp("n") / "data"
    shutil.copytree(born.data, data)
    return Instance(data, born.samples)


def code_of(out: str) -> str:
    return str(json.loads(out)["error"]["code"])


def test_init_makes_a_network_that_the_instance_will_use_and_says_so(instance: Instance) -> None:
    ran = instance.run("network", "init", "--validators", "4", "--port", "0")
    assert ran.code == 0 and "rpc_urls" in ran.err, ran
    made = tomllib.loads((instance.data / "network" / "network.toml").read_text())
    config = tomllib.loads((instance.data / "config.toml").read_text())
    assert config["rpc_urls"] == made["rpc_urls"]
    assert [url[:4] for url in config["rpc_urls"]] == ["http", "http", "ipc:", "ipc:", "ipc:", "ipc:"]
    assert config["batch_age"] == 0.05, "other settings stay"
    registrar = json.loads((instance.data / "registrar.json").read_text())["address"]
    assert (
        registrar.removeprefix("0x").lower()
        in json.loads((instance.data / "network" / "genesis.json").read_text())["alloc"]
    )
    again = instance.run("--json", "network", "init", "--port", "0")
    assert (again.code, code_of(again.out)) == (1, "conflict")


def test_an_instance_with_contracts_is_not_moved_to_a_new_chain(instance: Instance) -> None:
    (instance.data / "deployment.json").write_text("{}")
    before = (instance.data / "config.toml").read_bytes()
    ran = instance.run("--json", "network", "init", "--port", "0")
    assert (ran.code, code_of(ran.out)) == (1, "already_deployed") and "network grow" in ran.out
    assert not (instance.data / "network").exists()
    assert (instance.data / "config.toml").read_bytes() == before


def test_without_an_instance_somebody_has_to_be_funded(tmp_path: Path) -> None:
    nowhere = Instance(tmp_path / "d", tmp_path)
    ran = nowhere.run("--json", "network", "init")
    assert (ran.code, code_of(ran.out)) == (2, "usage") and "--fund" in ran.out
    ran = nowhere.run("--json", "network", "init", "--fund", "0x" + "12" * 20, "--port", "0")
    assert ran.code == 0, ran
    assert json.loads(ran.out)["configured"] is None


@pytest.mark.parametrize(
    "words",
    [
        ("init", "--engine", "quorum"),
        ("init", "--validators", "99"),
        ("init", "--fund", "me"),
        ("propose",),
        ("propose", "--add", "0x1", "--remove", "0x2"),
        ("status",),
        ("up",),
        ("down",),
        ("join", "nowhere.toml"),
    ],
)
def test_wrong_usage_and_a_missing_network_end_with_2(born: Instance, words: tuple[str, ...]) -> None:
    ran = born.run("--json", "network", *words)
    assert ran.code == 2 and json.loads(ran.out)["error"], ran


@pytest.fixture
def bare_path(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment in which neither an engine nor Go is found."""
    (tmp_path / "bin").mkdir()
    yield environment() | {"PATH": str(tmp_path / "bin")}


def test_without_besu_up_says_what_to_install_in_both_languages(instance: Instance, bare_path: dict[str, str]) -> None:
    assert instance.run("network", "init", "--engine", "besu", "--port", "0").code == 0
    done = subprocess.run(
        [*PROGRAM, "--data", str(instance.data), "network", "up"], capture_output=True, text=True, env=bare_path
    )
    assert done.returncode == 4
    assert "no_engine" in done.stderr and "Besu" in done.stderr and "请安装" in done.stderr


def test_status_of_a_network_that_is_down_is_4_and_says_so_of_every_node(instance: Instance) -> None:
    assert instance.run("network", "init", "--validators", "1", "--port", "0").code == 0
    ran = instance.run("--json", "network", "status")
    found = json.loads(ran.out)
    assert ran.code == 4 and not found["up"] and found["supervisor"] is None
    assert [node["answers"] for node in found["nodes"]] == [False] * 3
    shown = instance.run("network", "status")
    assert shown.code == 4 and "no node answers" in shown.out and "None" not in shown.out
    down = instance.run("--json", "network", "down")
    assert (down.code, json.loads(down.out)["stopped"]) == (0, [])


@pytest.mark.parametrize("command", ["init", "join", "up", "down", "status", "propose", "grow"])
def test_help_teaches_with_an_example(born: Instance, command: str) -> None:
    ran = born.run("network", command, "--help")
    assert ran.code == 0 and f"chain-service {'--json ' if command == 'status' else ''}network {command}" in ran.out
