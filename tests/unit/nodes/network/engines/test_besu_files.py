"""The files of a Besu node: options Besu knows, peers let in and nobody else, the same bytes for the same network."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from typing import Any

import pytest
from eth_keys.datatypes import PrivateKey

from chain_service.errors import BadRequest
from chain_service.nodes.network.create import Plan, create, join
from chain_service.nodes.network.descriptor import Network
from chain_service.nodes.network.engines import besu
from chain_service.nodes.network.keys import public_hex

# Names of Besu's command line as its own test file lists them: besu-eth/besu,
# app/src/test/resources/everything_config.toml at commit 00a576be26ad1e5ea297371564650ea2aec2d245.
KNOWN = {
    "data-path", "data-storage-format", "discovery-enabled", "genesis-file", "host-allowlist", "metrics-enabled",
    "metrics-host", "metrics-port", "min-gas-price", "nat-method", "node-private-key-file", "p2p-host",
    "p2p-interface", "p2p-port", "permissions-nodes-config-file", "permissions-nodes-config-file-enabled", "profile",
    "rpc-http-api", "rpc-http-enabled", "rpc-http-host", "rpc-http-port", "static-nodes-file", "sync-mode",
    "tx-pool-limit-by-account-percentage", "tx-pool-max-size", "version-compatibility-protection",
}  # fmt: skip
LOOPBACK = "127.0.0.1"


@pytest.fixture
def network(network_of) -> Network:
    return network_of()


def files(network: Network, name: str) -> dict[str, str]:
    return besu.node_files(network, network.node(name))


def options(network: Network, name: str) -> dict[str, Any]:
    return tomllib.loads(files(network, name)["besu.toml"])


def every_name(network: Network) -> list[str]:
    return [node.name for node in network.nodes]


def test_every_option_is_one_that_besu_lists(network: Network) -> None:
    used = {option for name in every_name(network) for option in options(network, name)}
    assert used == KNOWN


def test_the_option_file_reads_back_as_the_options(network: Network) -> None:
    for node in network.nodes:
        assert options(network, node.name) == besu.options(node)


def test_the_votes_are_answered_by_validators_only(network: Network) -> None:
    apis = {node.role: options(network, node.name)["rpc-http-api"] for node in network.nodes}
    assert apis == {
        "validator": ["ETH", "NET", "WEB3", "QBFT"],
        "writer": ["ETH", "NET", "WEB3"],
        "observer": ["ETH", "NET", "WEB3"],
    }


def test_doors_other_than_that_for_peers_stay_on_loopback(network: Network) -> None:
    for node in network.nodes:
        told = options(network, node.name)
        assert (told["rpc-http-host"], told["metrics-host"]) == (LOOPBACK, LOOPBACK)
        assert (told["p2p-host"], told["p2p-interface"]) == (node.host, node.host)
        assert set(told["host-allowlist"]) == {"localhost", LOOPBACK}


def test_every_node_keeps_all_states_and_takes_free_transactions(network: Network) -> None:
    for name in every_name(network):
        told = options(network, name)
        assert (told["sync-mode"], told["data-storage-format"], told["min-gas-price"]) == ("FULL", "FOREST", 0)


def test_one_sender_may_fill_the_pool(network: Network) -> None:
    for name in every_name(network):
        assert options(network, name)["tx-pool-limit-by-account-percentage"] == 1


def test_the_allowlist_is_the_peers_and_the_node_itself(network: Network) -> None:
    for node in network.nodes:
        made = files(network, node.name)
        allowed = tomllib.loads(made["permissions_config.toml"])
        peers = json.loads(made["static-nodes.json"])
        assert set(allowed) == {"nodes-allowlist"}
        assert node.enode not in peers
        assert sorted([*peers, node.enode]) == sorted(allowed["nodes-allowlist"])
        assert len(peers) == len(network.nodes) - 1


def test_all_nodes_have_the_same_allowlist_in_whatever_order_the_descriptors_came(network: Network) -> None:
    other = replace(network, nodes=network.nodes[::-1])
    made = {files(each, name)["permissions_config.toml"] for each in (network, other) for name in every_name(each)}
    assert len(made) == 1


def test_a_host_name_is_refused_because_besu_would_not_start(network: Network) -> None:
    named = replace(network, nodes=(*network.nodes[:-1], replace(network.nodes[-1], host="node.example")))
    with pytest.raises(BadRequest, match=r"IP addresses only, not 'node\.example'") as refused:
        files(named, "validator-1")
    assert refused.value.details["field"] == "host"


def test_a_host_name_is_refused_before_any_key_is_made(tmp_path) -> None:
    with pytest.raises(BadRequest, match="IP addresses only"):
        create(tmp_path / "network", Plan(validators=1, engine="besu", chain_id=20261, host="node.example"))
    assert not list(tmp_path.iterdir())


def test_another_authoritys_host_name_is_refused_before_the_genesis_is_made(tmp_path) -> None:
    for name in ("first", "second"):
        plan = Plan(validators=1, writers=0, observers=0, engine="besu", chain_id=20261, authority=name, first_port=0)
        create(tmp_path / name, plan)
    descriptor = tmp_path / "second" / "descriptor.toml"
    descriptor.write_text(descriptor.read_text().replace("127.0.0.1", "node.example"))
    with pytest.raises(BadRequest, match="IP addresses only"):
        join(tmp_path / "first", [descriptor])
    assert not (tmp_path / "first" / "genesis.json").exists()


def test_two_authorities_make_the_same_first_block_and_let_each_other_in(tmp_path) -> None:
    for name in ("first", "second"):
        plan = Plan(validators=2, writers=1, observers=0, engine="besu", chain_id=20261, authority=name, first_port=0)
        create(tmp_path / name, plan)
    for mine, other in (("first", "second"), ("second", "first")):
        joined = join(tmp_path / mine, [tmp_path / other / "descriptor.toml"])
    made = {(tmp_path / name / "genesis.json").read_bytes() for name in ("first", "second")}
    allowed = {path.read_bytes() for path in tmp_path.rglob("permissions_config.toml")}
    assert (len(made), len(allowed)) == (1, 1)
    assert len(tomllib.loads(allowed.pop().decode())["nodes-allowlist"]) == len(joined.nodes) == 6


def test_the_option_file_of_a_validator_is_this(network: Network) -> None:
    assert files(network, "validator-1")["besu.toml"] == GOLDEN_OPTIONS


def test_the_static_nodes_and_the_allowlist_of_two_nodes_are_these(network_of) -> None:
    network = network_of(1)
    pair = replace(network, nodes=network.nodes[:2])
    made = files(pair, "validator-1")
    # The public keys of the private keys 1 and 2: the curve's generator and its double.
    one, two = (f"enode://{node.public_key}@{node.host}:30303?discport=0" for node in pair.nodes)
    assert one.startswith("enode://79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada77")
    assert made["static-nodes.json"] == f'[\n "{two}"\n]\n'
    assert made["permissions_config.toml"] == f'nodes-allowlist=["{one}", "{two}"]\n'


def test_the_compose_file_pins_the_image_and_names_no_registry(network: Network) -> None:
    text = besu.compose(network, network.nodes)
    assert [line.split()[1] for line in text.splitlines() if "image:" in line] == ["hyperledger/besu:26.8.0"] * 6
    assert text == besu.compose(network, network.nodes)


def test_the_compose_file_says_how_to_tell_a_halted_chain(network: Network) -> None:
    text = besu.compose(network, network.nodes)
    assert "older than 25 s" in text
    assert "健康" in text


def test_a_key_is_in_its_own_file_only(tmp_path) -> None:
    directory = tmp_path / "network"
    network = create(directory, Plan(validators=4, engine="besu", chain_id=20261, funded=("0x" + "11" * 20,)))
    written = [path for path in directory.rglob("*") if path.is_file()]
    for node in network.nodes:
        key_file = directory / node.name / "key"
        key = key_file.read_text().strip()
        assert (key_file.stat().st_mode & 0o777, key_file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert public_hex(PrivateKey(bytes.fromhex(key))) == node.public_key
        assert [path for path in written if key in path.read_text().lower()] == [key_file]


def test_what_is_written_beside_a_key_is_what_the_functions_say(tmp_path) -> None:
    directory = tmp_path / "network"
    network = create(directory, Plan(validators=1, engine="besu", chain_id=20261))
    for node in network.nodes:
        made = besu.node_files(network, node)
        assert {path.name for path in (directory / node.name).iterdir()} == {"key", *made}
        for name, text in made.items():
            assert (directory / node.name / name).read_text() == text
        told = besu.options(node)
        for option in ("genesis-file", "node-private-key-file", "static-nodes-file", "permissions-nodes-config-file"):
            assert (directory / node.name / told[option]).is_file()


def test_prometheus_is_told_where_each_node_answers(tmp_path) -> None:
    directory = tmp_path / "network"
    network = create(directory, Plan(validators=1, engine="besu", chain_id=20261))
    text = (directory / "prometheus.yml").read_text()
    assert "metrics_path: /metrics" in text
    for node in network.nodes:
        assert f'targets: ["{LOOPBACK}:{besu.options(node)["metrics-port"]}"]' in text


GOLDEN_OPTIONS = """\
data-path="data"
genesis-file="../genesis.json"
node-private-key-file="key"
static-nodes-file="static-nodes.json"
profile="ENTERPRISE"
sync-mode="FULL"
data-storage-format="FOREST"
min-gas-price=0
tx-pool-max-size=65536
tx-pool-limit-by-account-percentage=1.0
p2p-host="192.0.2.1"
p2p-interface="192.0.2.1"
p2p-port=30303
nat-method="NONE"
discovery-enabled=false
rpc-http-enabled=true
rpc-http-host="127.0.0.1"
rpc-http-port=8546
rpc-http-api=["ETH", "NET", "WEB3", "QBFT"]
host-allowlist=["localhost", "127.0.0.1"]
permissions-nodes-config-file-enabled=true
permissions-nodes-config-file="permissions_config.toml"
metrics-enabled=true
metrics-host="127.0.0.1"
metrics-port=9546
version-compatibility-protection=true
"""
