"""What `network init` and `network join` write: keys for their owner only, one genesis for all."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import subprocess
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from eth_account import Account
from eth_keys.datatypes import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from chain_service.core.chainproof import clique
from chain_service.errors import BadRequest, Conflict, NotFound
from chain_service.nodes.network.create import Plan, create, join
from chain_service.nodes.network.descriptor import load, parse
from chain_service.nodes.network.engines import geth as geth_engine
from chain_service.nodes.network.keys import public_hex

FUNDED = ("0x" + "11" * 20,)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a name short enough for sockets below it."""
    return tmp_path_factory.mktemp("n")


def authority(folder: Path, name: str, **changes: object) -> Path:
    """An authority's own keys and descriptor, made where nobody else looks."""
    plan = {"validators": 1, "writers": 1, "observers": 0, "chain_id": 20261, "authority": name, "first_port": 0,
            "funded": ("0x" + name.encode().hex().rjust(40, "0"),)}  # fmt: skip
    create(folder / name, Plan(**(plan | changes)))
    return folder / name


def digest(directory: Path) -> str:
    return hashlib.sha256((directory / "genesis.json").read_bytes()).hexdigest()


def test_keys_are_readable_by_their_owner_only_and_in_no_public_file(folder: Path) -> None:
    made = create(folder / "net", Plan(validators=4, funded=FUNDED, first_port=0))
    everything = [path for path in (folder / "net").rglob("*") if path.is_file()]
    for node in made.nodes:
        home = folder / "net" / node.name
        assert home.stat().st_mode & 0o777 == 0o700
        secret = [home / "key"]
        if node.role == "validator":
            secret += [home / "password", *(home / "data" / "keystore").iterdir()]
        assert {path.stat().st_mode & 0o777 for path in secret} == {0o600}
        key = (home / "key").read_text()
        assert public_hex(PrivateKey(bytes.fromhex(key))) == node.public_key
        assert [path for path in everything if key in path.read_text()] == [home / "key"]


def test_a_validators_keystore_opens_with_its_password_and_is_no_node_key(folder: Path) -> None:
    made = create(folder / "net", Plan(validators=1, funded=FUNDED, first_port=0))
    home = folder / "net" / "validator-1"
    (keystore,) = (home / "data" / "keystore").iterdir()
    key = Account.decrypt(json.loads(keystore.read_text()), (home / "password").read_text())
    assert "0x" + PrivateKey(bytes(key)).public_key.to_canonical_address().hex() == made.validators[0].address
    assert bytes(key).hex() != (home / "key").read_text()


def test_every_node_lists_all_others_as_its_only_peers_and_has_a_unit_and_a_place_to_scrape(folder: Path) -> None:
    made = create(folder / "net", Plan(validators=3, funded=FUNDED, first_port=0))
    scraped = (folder / "net" / "prometheus.yml").read_text()
    for node in made.nodes:
        peers = tomllib.loads((folder / "net" / node.name / "node.toml").read_text())["Node"]["P2P"]
        others = {other.enode for other in made.nodes} - {node.enode}
        assert set(peers["StaticNodes"]) == set(peers["TrustedNodes"]) == others
        assert (peers["MaxPeers"], peers["DialRatio"], peers["NoDiscovery"]) == (4, 1, True)
        unit = (folder / "net" / "systemd" / f"chain-{node.name}.service").read_text()
        assert "Restart=always" in unit and "KillSignal=SIGINT" in unit
        assert ("--http" in unit) == (node.role != "validator") == bool(node.rpc_port)
        assert f'"127.0.0.1:{node.metrics_port}"' in scraped


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_a_node_s_unit_leaves_out_every_privilege(folder: Path) -> None:
    create(folder / "net", Plan(validators=1, funded=FUNDED, first_port=0))
    unit = folder / "net" / "systemd" / "chain-validator-1.service"
    assert "User=chain-node\n" in unit.read_text()
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(unit)]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout


def test_a_validator_takes_connections_from_the_addresses_of_the_network_s_nodes_only(folder: Path) -> None:
    hosts = {"harbour": "10.1.0.5", "market": "fd00::7", "police": "localhost"}
    homes = {name: authority(folder, name, host=host) for name, host in hosts.items()}
    for name, home in homes.items():
        join(home, [other / "descriptor.toml" for other in homes.values() if other != home])
        peers = tomllib.loads((home / f"{name}-validator-1" / "node.toml").read_text())["Node"]["P2P"]
        let_in = [ip_network(one) for one in peers["NetRestrict"]]
        assert {"10.1.0.5/32", "127.0.0.0/8", "fd00::7/128"} <= set(peers["NetRestrict"])
        assert set(peers["NetRestrict"]) <= {"10.1.0.5/32", "127.0.0.0/8", "::1/128", "fd00::7/128"}
        for stranger in ("10.1.0.6", "0.0.0.0", "192.0.2.1", "fd00::8", "::"):
            assert not any(ip_address(stranger) in one for one in let_in)


def test_a_network_on_loopback_lets_all_of_loopback_in(folder: Path) -> None:
    create(folder / "net", Plan(validators=1, funded=FUNDED, first_port=0))
    for node in ("validator-1", "writer-1", "observer-1"):
        peers = tomllib.loads((folder / "net" / node / "node.toml").read_text())["Node"]["P2P"]
        assert peers["NetRestrict"] == ["127.0.0.0/8"]


def test_a_node_whose_name_has_no_address_is_refused_by_name(folder: Path) -> None:
    nowhere = "a" * 64 + ".example"  # longer than a label of a name may be: no resolver is asked
    homes = [authority(folder, name, host=host) for name, host in (("harbour", nowhere), ("market", "127.0.0.1"))]
    with pytest.raises(BadRequest, match=nowhere) as refused:
        join(homes[0], [homes[1] / "descriptor.toml"])
    assert refused.value.details["field"] == "host"


def test_the_genesis_names_the_signers_ascending_and_funds_who_was_named(folder: Path) -> None:
    made = create(folder / "net", Plan(validators=4, funded=FUNDED, first_port=0, period=2))
    document = json.loads((folder / "net" / "genesis.json").read_text())
    signers = sorted(bytes.fromhex(node.address[2:]) for node in made.validators)
    assert document["extraData"] == "0x" + geth_engine.extra_data(signers).hex()
    assert document["config"]["clique"] == {"period": 2, "epoch": 30_000}
    assert document["alloc"] == {FUNDED[0][2:]: {"balance": hex(2**200)}}


def test_a_public_clique_genesis_has_the_extra_data_that_our_encoder_makes(vectors: Path) -> None:
    """The signers of a real geth chain's genesis, encoded again, are the bytes that geth took."""
    vector = json.loads((vectors / "clique-geth/four_signers_then_five.json").read_text())
    raw = bytes.fromhex(vector["headers"][0]["rlp"].removeprefix("0x"))
    signers = clique.parse_header(raw).signers
    assert len(signers) == 4
    assert geth_engine.extra_data(signers) in raw


def test_authorities_that_see_only_each_others_descriptors_get_the_same_genesis_in_any_order(folder: Path) -> None:
    homes = [authority(folder, name) for name in ("harbour", "market", "police")]
    digests = set()
    for mine in homes:
        others = [home / "descriptor.toml" for home in homes if home != mine]
        for order in itertools.permutations(others):
            made = join(mine, order)
            digests.add(digest(mine))
    assert len(digests) == 1
    assert [node.name for node in made.nodes] == sorted(node.name for node in made.nodes)
    assert len(made.validators) == 3 and len(made.funded) == 3
    for home in homes:
        shown = (home / "descriptor.toml").read_text() + (home / "network.toml").read_text()
        for key in home.glob("*/key"):
            assert key.read_text() not in shown


def test_an_authority_that_comes_later_keeps_the_running_chains_genesis(folder: Path) -> None:
    first, second, later = (authority(folder, name) for name in ("harbour", "market", "police"))
    join(first, [second / "descriptor.toml"])
    before = digest(first)
    with pytest.raises(Conflict, match="--genesis"):
        join(first, [second / "descriptor.toml", later / "descriptor.toml"])
    assert digest(first) == before
    join(first, [second / "descriptor.toml", later / "descriptor.toml"], first / "genesis.json")
    join(later, [first / "descriptor.toml", second / "descriptor.toml"], first / "genesis.json")
    assert digest(first) == digest(later) == before
    peers = tomllib.loads((first / "harbour-validator-1" / "node.toml").read_text())["Node"]["P2P"]["TrustedNodes"]
    assert len(peers) == 5


def test_descriptors_that_contradict_each_other_are_refused_by_name_and_change_nothing(folder: Path) -> None:
    first = authority(folder, "harbour")
    other = authority(folder, "market", chain_id=4)
    with pytest.raises(BadRequest, match="disagree about chain_id"):
        join(first, [other / "descriptor.toml"])
    twin = folder / "twin.toml"
    twin.write_text((first / "descriptor.toml").read_text().replace("harbour-", "copied-"))
    with pytest.raises(BadRequest, match="same public_key"):
        join(first, [twin])
    with pytest.raises(NotFound):
        join(first, [folder / "missing.toml"])
    assert not (first / "genesis.json").exists()


def test_keys_are_never_overwritten(folder: Path) -> None:
    create(folder / "net", Plan(validators=1, funded=FUNDED, first_port=0))
    key = (folder / "net" / "validator-1" / "key").read_bytes()
    with pytest.raises(Conflict, match="never overwritten"):
        create(folder / "net", Plan(validators=1, funded=FUNDED, first_port=0))
    assert (folder / "net" / "validator-1" / "key").read_bytes() == key


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"validators": 0}, "--validators"),
        ({"validators": 32}, "--validators"),
        ({"host": "0.0.0.0"}, "--host"),
        ({"host": "not a host"}, "--host"),
        ({"authority": "harbour"}, "--chain-id"),
        ({"authority": "The Harbour", "chain_id": 5}, "--authority"),
        ({"authority": "../up", "chain_id": 5}, "--authority"),
        ({"chain_id": 2**53}, "--chain-id"),
        ({"first_port": 65_000}, "--port"),
    ],
)
def test_a_plan_that_cannot_work_is_refused_before_any_key_is_made(
    folder: Path, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        create(folder / "net", Plan(**({"validators": 1, "funded": FUNDED} | changes)))
    assert refused.value.details["field"] == field
    assert not (folder / "net").exists()


def test_a_place_too_deep_for_a_socket_is_refused(folder: Path) -> None:
    with pytest.raises(BadRequest, match="too long for a socket"):
        create(folder / ("d" * 90), Plan(validators=1, funded=FUNDED))
    assert not (folder / ("d" * 90)).exists()


def test_a_descriptor_reads_back_as_what_was_written(folder: Path) -> None:
    made = create(folder / "net", Plan(validators=2, funded=FUNDED, first_port=0))
    assert load(folder / "net" / "network.toml") == made
    assert parse(tomllib.loads(made.to_toml())) == made


FOREIGN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_a_foreign_descriptor_is_read_or_refused_and_never_fails_otherwise(data: st.DataObject) -> None:
    """Whatever one member holds instead of what belongs there, the answer is BadRequest that names it."""
    node = {"name": "validator-1", "role": "validator", "public_key": "ab" * 64, "address": "0x" + "cd" * 20,
            "host": "10.0.0.1", "p2p_port": 30_300, "rpc_port": 0, "metrics_port": 32_300}  # fmt: skip
    whole = {"engine": "geth", "chain_id": 5, "period": 1, "epoch": 30_000, "gas_limit": 60_000_000,
             "timestamp": 1_700_000_000, "funded": [], "rpc_urls": [], "nodes": [node]}  # fmt: skip
    parse(json.loads(json.dumps(whole)))
    target = data.draw(st.sampled_from([whole, node]))
    name = data.draw(st.sampled_from(sorted(target)) | st.text(max_size=8))
    target[name] = data.draw(FOREIGN)
    try:
        parse(whole)
    except BadRequest as refused:
        assert "field" in refused.details
