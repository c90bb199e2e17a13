"""Nodes die, freeze, are restarted and stopped; the supervisor heals, and `down` stops exactly what `up` started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from running_network import CACHE, RunningNetwork, running, wait_until

from chain_service.errors import BadRequest, Conflict, NotFound, Unavailable
from chain_service.nodes.network.create import Plan
from chain_service.nodes.network.running.ledger import Ledger
from chain_service.nodes.network.running.processes import Process

pytestmark = pytest.mark.long


def events(network: RunningNetwork) -> list[dict[str, object]]:
    return [json.loads(line) for line in Ledger(network.directory).log.read_text().splitlines()]


def test_a_killed_validator_is_back_by_itself_and_seals_again(healthy: RunningNetwork) -> None:
    name = "validator-2"
    before = healthy.pid(name)
    address = healthy.network.node(name).address
    healthy.kill(name)
    wait_until(lambda: name in healthy.running() and healthy.pid(name) != before, seconds=10)
    height = healthy.head()

    def sealed() -> list[int]:
        return [last["block"] for last in healthy.status()["signers"] if last["address"] == address]

    wait_until(lambda: max(sealed(), default=0) > height + 1, seconds=60)
    (told,) = [node for node in healthy.status()["nodes"] if node["name"] == name]
    assert told["restarts"] >= 1


def test_all_nodes_killed_at_once_go_on_from_where_they_were(healthy: RunningNetwork) -> None:
    height = healthy.wait_for_blocks(2)
    kept = healthy.call("writer-1", "eth_getBlockByNumber", hex(height - 2), False)["hash"]
    healthy.kill(*healthy.running())
    wait_until(lambda: len(healthy.running()) == 6, seconds=30)
    healthy.up(timeout=120)
    for node in healthy.network.nodes:
        assert healthy.call(node.name, "eth_getBlockByNumber", hex(height - 2), False)["hash"] == kept


def test_without_half_of_the_validators_nothing_is_sealed_and_the_supervisor_says_so(healthy: RunningNetwork) -> None:
    """Two of four away: the chain waits; both back: it goes on by itself."""
    healthy.hold("validator-3", "validator-4")
    time.sleep(4)  # two more blocks may still be sealed
    with pytest.raises(Unavailable) as stalled:
        healthy.up("writer-1", timeout=12)
    assert stalled.value.code == "network_stalled"
    halted = healthy.head()
    wait_until(lambda: any("no new blocks" in str(event["event"]) for event in events(healthy)), seconds=40)
    assert healthy.head() == halted
    healthy.want("validator-3", "validator-4")
    wait_until(lambda: healthy.head() > halted, seconds=60)
    wait_until(lambda: events(healthy)[-1]["event"] == "blocks again", seconds=30)


def test_a_frozen_validator_that_is_thawed_catches_up(healthy: RunningNetwork) -> None:
    healthy.freeze("validator-1")
    wait_until(lambda: healthy.status()["nodes"][0]["answers"] is False, seconds=20)
    height = healthy.wait_for_blocks(3)
    healthy.thaw("validator-1")
    wait_until(lambda: healthy.head("validator-1") >= height, seconds=60)


def test_one_node_can_be_restarted_alone(healthy: RunningNetwork) -> None:
    before = {name: healthy.pid(name) for name in healthy.running()}
    done = healthy.up("observer-1")
    assert done.started == ("observer-1",)
    after = {name: healthy.pid(name) for name in healthy.running()}
    assert {name for name in before if before[name] != after[name]} == {"observer-1"}


def test_up_again_starts_nothing(healthy: RunningNetwork) -> None:
    before = {name: healthy.pid(name) for name in healthy.running()}
    assert healthy.up().started == ()
    assert {name: healthy.pid(name) for name in healthy.running()} == before


def test_a_new_supervisor_takes_over_the_nodes_of_one_that_was_killed(healthy: RunningNetwork) -> None:
    before = {name: healthy.pid(name) for name in healthy.running()}
    os.kill(Ledger(healthy.directory).supervisor().pid, signal.SIGKILL)
    wait_until(lambda: Ledger(healthy.directory).supervisor() is None, seconds=10)
    assert healthy.up().started == ()
    assert {name: healthy.pid(name) for name in healthy.running()} == before
    healthy.kill("validator-4")
    wait_until(lambda: len(healthy.running()) == 6 and healthy.pid("validator-4") != before["validator-4"], seconds=20)


def test_a_supervisor_whose_files_were_removed_writes_them_again_and_obeys(geth: Path) -> None:
    with running(Plan(validators=1, writers=0, observers=0), geth) as network:
        ledger = Ledger(network.directory)
        supervisor, nodes = ledger.supervisor(), ledger.running()
        for name in ("supervisor.json", "state.json"):
            (ledger.folder / name).unlink()
        wait_until(lambda: ledger.supervisor() == supervisor and ledger.running() == nodes, seconds=10)
        assert network.down().stopped == ("validator-1",)
        assert not supervisor.lives() and not nodes["validator-1"].lives()


def test_down_stops_what_up_started_and_nothing_else(geth: Path, tmp_path: Path) -> None:
    """A stranger's geth runs on, even one whose process id stands in the network's files."""
    stranger = subprocess.Popen(
        [geth, "--datadir", tmp_path / "stranger", "--nodiscover", "--port", "0", "--authrpc.port", "0",
         "--ipcdisable", "--networkid", "5"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with running(Plan(validators=1, writers=0, observers=0), geth) as network:
            supervisor = Ledger(network.directory).supervisor()
            (process,) = Ledger(network.directory).running().values()
            assert network.down().stopped == ("validator-1",)
            assert not supervisor.lives() and not process.lives()
            assert "panic" not in (network.directory / "validator-1" / "log").read_text()
            forged = {"validator-1": {"process": {"pid": stranger.pid, "started": process.started}}}
            Ledger(network.directory).set_state(forged)
            assert network.down().stopped == ()
            time.sleep(1)
            assert stranger.poll() is None
            with pytest.raises(NotFound, match="no node validator-9"):
                network.down("validator-9")
    finally:
        stranger.send_signal(signal.SIGINT)
        stranger.wait(60)


def test_a_node_of_another_authority_cannot_be_started_here(network: RunningNetwork) -> None:
    key = network.directory / "observer-1" / "key"
    aside = key.rename(key.with_name("key.aside"))
    try:
        with pytest.raises(Conflict, match="another authority"):
            network.up("observer-1")
    finally:
        aside.rename(key)


def test_a_geth_of_another_version_is_refused(network: RunningNetwork, tmp_path: Path) -> None:
    from chain_service.nodes.network.running.control import up

    wrong = tmp_path / "geth"
    wrong.write_text("#!/bin/sh\necho Version: 1.14.0-stable\n")
    wrong.chmod(0o755)
    with pytest.raises(BadRequest) as refused:
        up(network.directory, cache=CACHE, geth=wrong)
    assert refused.value.code == "no_engine"
    assert Process.of(os.getpid()).lives()
