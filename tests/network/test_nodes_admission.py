"""Who is not in network.toml is not let in, and neither is who has another genesis."""

from __future__ import annotations

import json
import select
import shutil
import socket
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from running_network import RunningNetwork, wait_until

from chain_service.nodes.network.create import free_ports, make_node, write_network
from chain_service.nodes.network.descriptor import Network, load
from chain_service.nodes.network.engines.engine import engine_of
from chain_service.nodes.network.rpc import call
from chain_service.nodes.network.running import control
from chain_service.nodes.network.running.control import down, up

pytestmark = pytest.mark.long
PATIENCE = 20
"""Seconds; a listed node has its peers within two."""


@contextmanager
def outsider(
    network: RunningNetwork, folder: Path, ports: tuple[int, int, int], genesis: str
) -> Iterator[tuple[Network, str]]:
    """A writer that knows every node of the network and runs on this genesis; its door."""
    from dataclasses import replace

    folder.mkdir(mode=0o700)
    made = make_node(folder / "stranger", "stranger", "writer", "geth", "127.0.0.1", ports)
    mine = write_network(folder, replace(network.network, nodes=(*network.network.nodes, made)), genesis)
    try:
        with pytest.raises(control.Unavailable):
            up(folder, cache=folder, geth=network.geth, timeout=PATIENCE)
        yield mine, engine_of("geth").endpoint(folder / "stranger", made)
    finally:
        down(folder)
        shutil.rmtree(folder)


def test_a_stranger_with_the_right_genesis_that_is_not_listed_stays_alone(network: RunningNetwork) -> None:
    folder = network.directory.parent / "stranger"
    genesis = (network.directory / "genesis.json").read_text()
    with outsider(network, folder, (*free_ports(3),), genesis) as (_, door):
        assert int(call(door, "net_peerCount"), 16) == 0
        assert int(call(door, "eth_blockNumber"), 16) == 0
        for node in network.network.nodes:
            assert int(network.call(node.name, "net_peerCount"), 16) == 5


def an_address_outside_the_fence() -> str:
    """An address of this machine that no node has; nothing is sent when it is looked for."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as looking:
        try:
            looking.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has loopback addresses only, and all of them are inside the fence")
        return str(looking.getsockname()[0])


def test_go_ethereum_hangs_up_on_a_foreign_address_at_once_and_waits_for_the_handshake_of_a_near_one(
    network: RunningNetwork,
) -> None:
    """Neither says a word. The near one calls first and would be the first to be given up, were there no fence."""
    if network.network.engine != "geth":
        pytest.skip("the fence is go-ethereum's: Besu has no such setting")
    node, foreign = network.network.node("validator-1"), an_address_outside_the_fence()
    peers = tomllib.loads((network.directory / node.name / "node.toml").read_text())["Node"]["P2P"]
    assert not any(ip_address(foreign) in ip_network(one) for one in peers["NetRestrict"])

    def first_ended() -> list[str]:
        door = (node.host, node.p2p_port)
        with socket.create_connection(door, timeout=60, source_address=(node.host, 0)) as near:
            time.sleep(0.5)
            with socket.create_connection(door, timeout=60, source_address=(foreign, 0)) as far:
                ended, _, _ = select.select([near, far], [], [], 60)
                return ["near" if one is near else "far" for one in ended if one.recv(1) == b""]

    assert wait_until(lambda: first if len(first := first_ended()) == 1 else None) == ["far"]


def test_a_listed_node_with_another_genesis_is_refused(network: RunningNetwork) -> None:
    """The observer's own key and place, but with a genesis of another time."""
    folder = network.directory.parent / "impostor"
    document = json.loads((network.directory / "genesis.json").read_text())
    document["timestamp"] = hex(int(document["timestamp"], 16) + 1)
    network.down("observer-1")
    folder.mkdir(mode=0o700)
    try:
        shutil.copytree(network.directory / "observer-1", folder / "observer-1", ignore=shutil.ignore_patterns("data"))
        (folder / "genesis.json").write_text(json.dumps(document))
        shutil.copy(network.directory / "network.toml", folder)
        assert [node.name for node in load(folder / "network.toml").own(folder)] == ["observer-1"]
        with pytest.raises(control.Unavailable):
            up(folder, cache=folder, geth=network.geth, timeout=PATIENCE)
        door = engine_of("geth").endpoint(folder / "observer-1", network.network.node("observer-1"))
        assert int(call(door, "net_peerCount"), 16) == 0
        assert int(call(door, "eth_blockNumber"), 16) == 0
    finally:
        down(folder)
        shutil.rmtree(folder)
        network.up(timeout=120)
    wait_until(lambda: int(network.call("observer-1", "net_peerCount"), 16) == 5, seconds=60)


def test_a_listed_node_has_all_its_peers_within_seconds(network: RunningNetwork) -> None:
    """The control for the two tests above: being on the list is what makes the difference."""
    network.up("observer-1")
    began = time.monotonic()
    wait_until(lambda: int(network.call("observer-1", "net_peerCount"), 16) == 5, seconds=PATIENCE)
    assert time.monotonic() - began < PATIENCE
