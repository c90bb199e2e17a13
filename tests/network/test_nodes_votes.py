"""A fifth validator, another authority's, comes later: by descriptor, by catching up, by vote; and leaves by vote."""

from __future__ import annotations

from pathlib import Path

import pytest
from running_network import CACHE, running, wait_until

from chain_service.errors import BadRequest, Conflict
from chain_service.nodes.network.create import Plan, create, join
from chain_service.nodes.network.running.control import down, up
from chain_service.nodes.network.running.ledger import Ledger
from chain_service.nodes.network.votes import propose, signers_of

pytestmark = pytest.mark.long


def test_a_fifth_validator_of_another_authority_is_voted_in_seals_and_is_voted_out(geth: Path) -> None:
    with running(Plan(validators=4, writers=1, observers=0), geth) as network:
        here, there = network.directory, network.directory.parent / "later"
        plan = Plan(validators=1, writers=0, observers=0, chain_id=network.network.chain_id, authority="later",
                    first_port=0)  # fmt: skip
        create(there, plan)
        joined = join(here, [there / "descriptor.toml"], here / "genesis.json")
        join(there, [here / "descriptor.toml"], here / "genesis.json")
        fifth = joined.node("later-validator-1").address
        for node in network.network.nodes:
            network.up(node.name)
        try:
            up(there, cache=CACHE, geth=geth)
            assert signers_of(there) == signers_of(here) and fifth not in signers_of(here)

            done = propose(here, fifth.upper().replace("0X", "0x"), add=True)
            assert done["changed"] and fifth in done["validators"] and len(done["validators"]) == 5
            wait_until(lambda: fifth in {one["address"] for one in network.status()["signers"]}, seconds=60)
            with pytest.raises(Conflict, match="a validator already"):
                propose(here, fifth, add=True)

            alone = propose(there, joined.node("validator-1").address, add=False, timeout=30)
            assert (alone["changed"], alone["votes"], alone["missing"]) == (False, 1, 2)

            assert propose(here, fifth, add=False)["changed"]
            height = network.wait_for_blocks(1)
            wait_until(lambda: network.head() >= height + 6)
            assert fifth not in {one["address"] for one in network.status()["signers"][:5]}
            for node in network.network.validators:
                assert network.call(node.name, "clique_proposals") == {}, "no proposal is left to vote again"
        finally:
            down(there)
        assert Ledger(there).supervisor() is None


def test_a_vote_that_makes_no_sense_is_refused(geth: Path) -> None:
    with running(Plan(validators=1, writers=0, observers=0), geth) as network:
        (only,) = network.network.validators
        with pytest.raises(Conflict, match="last validator"):
            propose(network.directory, only.address, add=False)
        with pytest.raises(Conflict, match="no validator"):
            propose(network.directory, "0x" + "12" * 20, add=False)
        with pytest.raises(BadRequest):
            propose(network.directory, "0x12", add=True)
