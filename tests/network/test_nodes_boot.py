"""Four validators seal one chain, and know who sealed it."""

from __future__ import annotations

from running_network import RunningNetwork, wait_until

from chain_service.nodes.network.running.ledger import Ledger


def test_four_validators_seal_one_chain_with_the_same_block_and_state_root_on_every_node(
    network: RunningNetwork,
) -> None:
    """The boot itself, to a sealed block on every node, is bounded in the fixture (30 s)."""
    network.wait_for_blocks(4)
    height = hex(network.head() - 2)
    names = [node.name for node in network.network.nodes]
    assert len(names) == 6
    wait_until(lambda: min(network.head(name) for name in names) >= int(height, 16))
    blocks = [network.call(name, "eth_getBlockByNumber", height, False) for name in names]
    assert len({block["hash"] for block in blocks}) == 1
    assert len({block["stateRoot"] for block in blocks}) == 1


def test_status_names_head_peers_and_the_sealers_of_the_last_blocks(network: RunningNetwork) -> None:
    network.wait_for_blocks(4)
    found = network.status()
    assert found["up"] and found["supervisor"] == Ledger(network.directory).supervisor().pid
    assert [node["peers"] for node in found["nodes"]] == [5] * 6
    assert all(node["ageOfHead"] < 10 for node in found["nodes"])
    named = {node.address: node.name for node in network.network.validators}
    assert len(found["signers"]) >= 3
    for last in found["signers"]:
        assert last["name"] == named[last["address"]]
    assert len({last["address"] for last in found["signers"][:3]}) == 3, "Clique lets nobody seal twice within three"
