"""Validators come and go: Clique's votes are counted, QBFT's sets stated; receipts from before and after both hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chain_service.core.receipts import trust_file as trust_files
from chain_service.core.receipts.receipt import parse
from chain_service.core.receipts.verify_offline import prove_receipt
from chain_service.errors import BadRequest, Conflict, InvalidProof
from chain_service.jobs import validators, workers
from chain_service.jobs.alerts import EQUIVOCATION, VALIDATORS_UNKNOWN
from chain_service.jobs.auditing.audit import audit, rebuild
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.proofs import receipts
from chain_service.jobs.proofs import trust_files as trust
from support.worlds.jobs_city import City, Org, Trial
from support.worlds.network_city import Network, indexed_as_far_as_it_goes, network


def receipt(city: City, record: str) -> bytes:
    return receipts.receipt(city.app, record)


def offline(city: City, data: bytes) -> Any:
    """What the receipt proves under the instance's trust file."""
    trust.export(city.app)
    return prove_receipt(parse(data), trust_files.parse(trust.in_force(city.app)).chain)[0]


def vote(net: Network, candidate: bytes, adds: bool, votes: int) -> int:
    """So many signers vote in the next blocks; the first block that the new set may seal."""
    first = net.chain.newest + 2
    for number in range(first, first + votes):
        net.chain.votes[number] = (candidate, adds)
    return first + votes


def test_a_signer_is_voted_in_and_out_and_every_receipt_verifies_for_ever(template: Trial, tmp_path: Path) -> None:
    with network(template, tmp_path, count=4, strangers=1) as net:
        org, city = net.organisation(), net.city
        fifth = net.chain.strangers[0].address
        made = {"before": net.anchor(org, org.certificate())[0]}
        old = receipt(city, made["before"])
        joined = vote(net, fifth, True, 3)
        ids = city.submit(org, org.certificate())
        city.step()
        net.follow(6)  # the record's block lies among the votes: a later block proves it
        net.make_final(ids)
        made["during"] = ids[0]
        net.follow(12)
        assert net.sets() == [(0, 4), (joined, 5)]
        made["with five"] = net.anchor(org, org.certificate())[0]
        left = vote(net, fifth, False, 3)
        net.follow(20)
        assert net.sets() == [(0, 4), (joined, 5), (left, 4)]
        made["after"] = net.anchor(org, org.certificate())[0]
        shown = {when: offline(city, receipt(city, id)) for when, id in made.items()}
        assert {when: state.validators for when, state in shown.items()} | {"during": 0} == {
            "before": 4, "during": 0, "with five": 5, "after": 4,
        }  # fmt: skip
        assert offline(city, old).block == shown["before"].block
        assert {city.judged(org, id) for id in made.values()} == {"in_force"}
        assert audit(city.app).ok
        known = city.app.require_chain().reader.trust.ranges
        rebuild(city.app)
        assert city.app.require_chain().reader.trust.ranges == known
        assert {city.judged(org, id) for id in made.values()} == {"in_force"}
        assert not net.codes()


def test_a_trial_chain_grows_by_votes_and_nobody_anchors_anything_again(template: Trial, tmp_path: Path) -> None:
    with network(template, tmp_path, nodes=1, count=1, strangers=3) as net:
        org, city = net.organisation(), net.city
        first = net.anchor(org, org.certificate())[0]
        verdict = city.verify(disclosure=city.disclosure(org, first))
        assert verdict.context.chain is not None and verdict.context.chain["assurance"] == "trial"
        for stranger in net.chain.strangers:
            needed = len(city.app.require_chain().reader.trust.open.validators) // 2 + 1
            vote(net, stranger.address, True, needed)
            net.follow(16)
        assert [count for _, count in net.sets()] == [1, 2, 3, 4]
        second = net.anchor(org, org.certificate())[0]
        verdict = city.verify(disclosure=city.disclosure(org, first))
        assert verdict.context.chain is not None and verdict.context.chain["assurance"] == "majority"
        assert [offline(city, receipt(city, id)).validators for id in (first, second)] == [1, 4]
        assert audit(city.app).ok


# QBFT.


def qbft(template: Trial, directory: Path, **more: int) -> Any:
    return network(template, directory, nodes=2, consensus="qbft", **more)


def org_with_record(net: Network) -> tuple[Org, str]:
    org = net.organisation()
    return org, net.anchor(org, org.certificate())[0]


def test_on_qbft_a_block_is_final_by_its_own_quorum(template: Trial, tmp_path: Path) -> None:
    with qbft(template, tmp_path) as net:
        org, record = org_with_record(net)
        city = net.city
        net.follow(1)
        assert net.indexed.number == net.chain.newest
        verdict = city.verify(disclosure=city.disclosure(org, record))
        assert verdict.code == "in_force" and verdict.context.chain is not None
        assert verdict.context.chain["assurance"] == "quorum"
        shown = offline(city, receipt(city, record))
        assert (shown.assurance, shown.validators, shown.signers) == ("quorum", 4, 3)
        workers.check_chain_if_reachable(city.app)
        assert audit(city.app).ok
        rebuild(city.app)
        assert city.judged(org, record) == "in_force"


def test_two_quorums_at_one_height_are_equivocation_and_both_are_kept(template: Trial, tmp_path: Path) -> None:
    with qbft(template, tmp_path) as net:
        record = org_with_record(net)[1]
        net.chain.forks[b"other"] = net.indexed.number
        net.nodes[1].branch = b"other"
        net.follow(3)
        ((code, subject), details) = next(iter(net.city.alerts().items()))
        assert code == EQUIVOCATION and len(details["headers"]) == 2 and len(details["sealedBoth"]) == 3
        assert {hash for number, hash in net.rivals()} == {
            net.chain.hash(int(subject)),
            net.chain.hash(int(subject), b"other"),
        }
        assert net.indexed.hash == net.chain.hash(net.indexed.number), "our branch is kept and goes on"
        standing = net.indexed
        net.trusts_again()
        net.nodes[0].branch = b"other"
        net.chain.mine(4)
        indexed_as_far_as_it_goes(net)
        assert net.indexed == standing, "no node has our branch any more: refused, whatever its quorum"
        assert net.city.state(record) == "anchored"


def test_equivocation_is_told_where_every_node_has_gone_over_to_the_other_block(
    template: Trial, tmp_path: Path
) -> None:
    with qbft(template, tmp_path) as net:
        record = org_with_record(net)[1]
        standing = net.indexed
        fork = standing.number - 2
        net.chain.forks[b"other"] = fork
        for node in net.nodes:
            node.branch = b"other"
        net.chain.mine(3)
        for _ in range(2):
            indexed_as_far_as_it_goes(net)
        assert net.city.alerts()[EQUIVOCATION, str(fork)]["sealedBoth"]
        assert set(net.rivals()) == {(fork, net.chain.hash(fork)), (fork, net.chain.hash(fork, b"other"))}
        assert net.indexed == standing and net.city.state(record) == "anchored"


def test_other_validators_than_trusted_stop_the_index_until_the_operator_states_them(
    template: Trial, tmp_path: Path
) -> None:
    with qbft(template, tmp_path, strangers=1) as net:
        org, record = org_with_record(net)
        city = net.city
        change = net.chain.newest + 3
        net.chain.sets[change] = sorted([*net.chain.among, *net.chain.strangers], key=lambda one: one.address)
        net.chain.mine(6)
        for _ in range(2):
            indexed_as_far_as_it_goes(net)
        assert net.indexed.number == change - 1
        details = city.alerts()[VALIDATORS_UNKNOWN, "sealing"]
        assert details["block"] == change and f"--from-block {change}" in details["remedy"]
        assert city.judged(org, record) == "in_force"
        with pytest.raises(BadRequest):
            validators.state(city.app, change, ["0x12"])
        validators.state(city.app, change, details["named"])
        with pytest.raises(Conflict):
            validators.state(city.app, change, details["named"])
        index(city.app)
        assert net.indexed.number == net.chain.newest and not net.codes()
        later = net.anchor(org, org.certificate())[0]
        assert [offline(city, receipt(city, id)).validators for id in (record, later)] == [4, 5]
        rebuild(city.app)
        assert [one.from_block for one in city.app.require_chain().reader.trust.ranges] == [0, change]


def test_on_a_clique_chain_validators_are_counted_and_not_stated(city: City) -> None:
    with pytest.raises(Conflict) as refused:
        validators.state(city.app, 5, ["0x" + "11" * 20])
    assert refused.value.code == "validators_counted"


def test_a_forged_quorum_is_nobodys_evidence(template: Trial, tmp_path: Path) -> None:
    with qbft(template, tmp_path, strangers=4) as net:
        org, record = org_with_record(net)
        forged = net.chain.newest + 2
        net.chain.sets[forged] = net.chain.strangers
        net.chain.mine(6)
        with pytest.raises(InvalidProof):
            for _ in range(3):
                index(net.city.app)
        assert net.indexed.number == forged - 1
        assert net.city.judged(org, record) == "in_force"
