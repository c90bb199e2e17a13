"""Several validators and several nodes: what is final is proven, and a bad node neither misleads nor stops anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from chain_service.core.verdicts.verdict import Verdict
from chain_service.jobs import workers
from chain_service.jobs.alerts import BLOCK_REPLACED, CHAIN_HALTED, EQUIVOCATION
from chain_service.jobs.anchoring.close_batches import close_batches
from chain_service.jobs.auditing.audit import audit
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.instance import health
from chain_service.jobs.proofs import receipts
from chain_service.jobs.records import records
from chain_service.jobs.sending.dispatch import RESEND_AFTER, dispatch
from support.worlds.jobs_city import Trial
from support.worlds.network_city import Network, indexed_as_far_as_it_goes, network


@pytest.fixture
def net(template: Trial, tmp_path: Path) -> Iterator[Network]:
    with network(template, tmp_path) as net:
        yield net


def shown(verdict: Verdict) -> Mapping[str, Any]:
    """What the verdict says of the chain."""
    assert verdict.context.chain is not None
    return verdict.context.chain


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_record_is_anchored_with_a_majority_and_as_many_blocks_on_top(net: Network) -> None:
    org = net.organisation()
    ids = net.anchor(org, org.certificate(), org.certificate())
    verdict = net.city.verify(disclosure=net.city.disclosure(org, ids[0]))
    assert (verdict.code, shown(verdict)["assurance"]) == ("in_force", "majority")
    net.follow(0)
    assert net.indexed.number == net.chain.newest - 4
    block = records.proof(net.city.app, ids[0]).anchor.block
    assert block <= net.indexed.number
    assert audit(net.city.app).ok


def test_blocks_without_a_majority_are_never_taken_for_final(net: Network) -> None:
    org = net.organisation()
    before = net.indexed.number
    newest = net.chain.newest
    net.chain.at_work = net.chain.among[:2]
    ids = net.city.submit(org, org.certificate())
    net.city.step()
    net.chain.mine(12)
    indexed_as_far_as_it_goes(net)
    assert before <= net.indexed.number <= newest
    assert net.city.state(ids[0]) == "batched"
    net.city.clock.ahead += 100
    indexed_as_far_as_it_goes(net)
    assert net.city.alerts()[CHAIN_HALTED, "head"]["ageSeconds"] >= 95


def test_the_newest_head_is_taken_from_whichever_node_has_it(net: Network) -> None:
    first, second, third = net.nodes
    first.lag, second.lag, third.lag = 7, 2, 30
    net.follow(10)
    assert net.indexed.number == net.chain.newest - 2 - 4
    second.down = True
    net.follow(10)
    assert net.indexed.number == net.chain.newest - 7 - 4
    first.lag = 0
    net.follow(0)
    assert net.indexed.number == net.chain.newest - 4


def change(method: str, alter: Callable[[Any], Any]) -> Callable[[str, Any], Any]:
    return lambda asked, result: alter(result) if asked == method and result is not None else result


def one_more(number: str) -> str:
    """A head that is far ahead of all others."""
    return hex(int(number, 16) + 1000)


def stranger(block: dict[str, Any]) -> dict[str, Any]:
    return {**block, "extraData": block["extraData"][:-130] + "11" * 64 + "00"}


LIES: dict[str, Callable[[str, Any], Any]] = {
    "a head that is not there": change("eth_blockNumber", one_more),
    "wrong hashes": change("eth_getBlockByNumber", lambda block: {**block, "hash": "0x" + "ab" * 32}),
    "forged seals": change("eth_getBlockByNumber", stranger),
    "another chain id": change("eth_chainId", lambda _: "0x1"),
    "another state": change("eth_getBlockByNumber", lambda block: {**block, "stateRoot": "0x" + "22" * 32}),
    "no events": change("eth_getLogs", lambda _: []),
    "proofs cut short": change("eth_getProof", lambda proof: {**proof, "accountProof": proof["accountProof"][:-1]}),
    "nonsense": lambda _method, _result: {"what": ["ever"]},
    "nothing": lambda _method, _result: None,
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("place", [0, 2])
def test_one_lying_node_among_three_neither_misleads_nor_stops_anything(net: Network, lie: str, place: int) -> None:
    org = net.organisation()
    net.nodes[place].alter = LIES[lie]
    workers.check_chain_if_reachable(net.city.app)
    ids = net.anchor(org, org.certificate(), org.certificate())
    assert [net.city.judged(org, id) for id in ids] == ["in_force"] * 2
    net.follow(6)
    assert net.indexed.number == net.chain.newest - 4
    assert {net.indexed.hash} == {net.chain.hash(net.indexed.number)}
    assert not net.codes() - {"events_missing"}
    assert audit(net.city.app).ok


def test_a_node_on_another_branch_is_left_aside_and_its_header_kept(net: Network) -> None:
    org = net.organisation()
    net.chain.forks[b"other"] = net.indexed.number - 2
    net.nodes[0].branch = b"other"
    ids = net.anchor(org, org.certificate())
    assert net.city.judged(org, ids[0]) == "in_force"
    assert net.chain.hash(net.indexed.number) == net.indexed.hash
    kept = net.rivals()
    assert kept and {hash for _, hash in kept} >= {net.chain.hash(kept[0][0]), net.chain.hash(kept[0][0], b"other")}
    assert not {BLOCK_REPLACED, EQUIVOCATION} & net.codes()


def test_a_final_block_that_is_replaced_is_an_alert_with_both_branches_and_nothing_is_lost(net: Network) -> None:
    org = net.organisation()
    ids = net.anchor(org, org.certificate(), org.certificate())
    net.follow(8)
    before = {id: records.proof(net.city.app, id) for id in ids}
    fork = net.indexed.number - 5
    lost = [net.chain.hash(number) for number in range(fork, net.indexed.number + 1)]
    net.chain.forks[b"other"] = fork
    for node in net.nodes:
        node.branch = b"other"
        node.newest = fork + 3  # not final yet: nothing is given up for it
    index(net.city.app)
    assert BLOCK_REPLACED not in net.codes() and net.city.state(ids[0]) == "anchored"
    for node in net.nodes:
        node.newest = None
    index(net.city.app)
    (details,) = [told for (code, _), told in net.city.alerts().items() if code == BLOCK_REPLACED]
    assert details["ancestor"] == fork - 1
    assert len(details["lost"]) == len(lost) and details["replacedBy"][0]["number"] == fork
    kept = {hash for _, hash in net.rivals()}
    assert kept >= set(lost) and net.chain.hash(fork, b"other") in kept
    net.follow(8)
    net.make_final(ids)
    assert net.indexed.hash == net.chain.hash(net.indexed.number, b"other")
    for id in ids:
        proof = records.proof(net.city.app, id)
        assert (proof.entry, proof.path, proof.index) == (before[id].entry, before[id].path, before[id].index)
    assert [net.city.judged(org, id) for id in ids] == ["in_force"] * 2
    assert audit(net.city.app).ok


def test_nodes_that_read_the_chain_anew_from_its_beginning_are_waited_for(net: Network) -> None:
    org = net.organisation()
    ids = net.anchor(org, org.certificate())
    standing = net.indexed
    for node in net.nodes:
        node.newest = net.city.app.require_chain().deployment.first_block - 1
    assert index(net.city.app) == 0
    assert net.indexed == standing and not net.codes() and net.city.state(ids[0]) == "anchored"


def test_nodes_that_are_behind_deny_no_receipt(net: Network) -> None:
    org = net.organisation()
    ids = net.anchor(org, org.certificate())
    data = receipts.receipt(net.city.app, ids[0])
    for node in net.nodes:
        node.newest = records.proof(net.city.app, ids[0]).anchor.block + 1
    assert receipts.refresh(net.city.app, [data]) == [data]


def hides_once(number: int) -> Callable[[str, Any], Any]:
    """Far ahead, without our block at the first look, with it at the next."""
    looks = []

    def alter(method: str, result: Any) -> Any:
        if method == "eth_blockNumber":
            return one_more(result)
        if method == "eth_getBlockByNumber" and result is not None and int(result["number"], 16) == number:
            looks.append(number)
            return None if len(looks) % 2 else result
        return result

    return alter


@pytest.mark.parametrize("lie", ["a chain with nothing of ours", "our branch, on and off"])
def test_one_lying_node_does_not_keep_the_index_on_a_branch_that_all_others_have_left(net: Network, lie: str) -> None:
    org = net.organisation()
    ids = net.anchor(org, org.certificate())
    net.follow(8)
    net.chain.forks |= {b"other": net.indexed.number - 3, b"foreign": 1}
    if lie == "our branch, on and off":
        net.nodes[0].alter = hides_once(net.indexed.number)
    else:
        net.nodes[0].branch = b"foreign"
    net.nodes[1].branch = net.nodes[2].branch = b"other"
    net.chain.mine(8)
    net.trusts_again()
    index(net.city.app)
    assert BLOCK_REPLACED in net.codes()
    net.follow(8)
    net.make_final(ids)
    assert net.indexed.hash == net.chain.hash(net.indexed.number, b"other")
    assert [net.city.judged(org, id) for id in ids] == ["in_force"]


def test_blocks_that_are_not_final_may_change_without_anybody_noticing(net: Network) -> None:
    org = net.organisation()
    net.chain.forks[b"other"] = net.chain.newest - 1
    for node in net.nodes:
        node.branch = b"other"
    ids = net.anchor(org, org.certificate())
    assert net.city.judged(org, ids[0]) == "in_force"
    assert not net.codes() and not net.rivals()


def test_a_transaction_that_a_node_keeps_to_itself_is_sent_through_the_others(net: Network) -> None:
    org = net.organisation()
    net.nodes[0].swallows = True
    ids = net.city.submit(org, org.certificate())
    close_batches(net.city.app, force=True)
    dispatch(net.city.app)
    assert len(net.nodes[0].taken) == 1 and not net.nodes[1].taken
    net.follow(8)
    dispatch(net.city.app)
    assert net.city.state(ids[0]) == "batched" and not net.nodes[1].taken
    for _ in range(2):
        net.city.clock.ahead += RESEND_AFTER + 1
        dispatch(net.city.app)
    assert set(net.nodes[1].taken) == set(net.nodes[2].taken) == set(net.nodes[0].taken), "the same bytes"
    net.city.clock.ahead = 0
    net.make_final(ids)
    assert audit(net.city.app).ok


def test_a_node_that_dies_before_it_proves_what_it_told_stops_no_log(net: Network) -> None:
    org = net.organisation()
    ids = net.city.submit(org, org.certificate())
    close_batches(net.city.app, force=True)
    dispatch(net.city.app)
    net.chain.mine(5)
    teller, *others = net.nodes
    for node in others:
        node.lag = 3  # they have the record's block, and too few on top of it

    def dies_after_telling(method: str, result: Any) -> Any:
        teller.down = method == "eth_getLogs"
        return result

    teller.alter = dies_after_telling
    indexed_as_far_as_it_goes(net)
    assert "head_conflict" not in net.codes() and net.city.state(ids[0]) == "batched"
    teller.alter, teller.down = None, False
    net.trusts_again()
    net.follow(2)
    assert net.city.state(ids[0]) == "anchored"


def test_when_the_chain_halts_readiness_says_why_and_what_is_anchored_still_verifies_with_its_age(net: Network) -> None:
    org = net.organisation()
    ids = net.anchor(org, org.certificate())
    assert health.readiness(net.city.app).ready
    later = net.city.submit(org, org.certificate())
    net.city.clock.ahead = 120.0
    net.city.step()
    told = health.readiness(net.city.app)
    assert not told.ready
    head = told.checks.head
    assert (head.ok, head.code, head.validators) == (False, "chain_halted", 4) and head.age_seconds >= 115
    assert health.gauges(net.city.app)["chain_halted"] == 1.0
    assert net.city.alerts()[CHAIN_HALTED, "head"]["code"] == "chain_halted"
    verdict = net.city.verify(disclosure=net.city.disclosure(org, ids[0]))
    assert verdict.code == "in_force" and moment(shown(verdict)["time"]) <= net.city.clock() - 115
    assert net.city.state(later[0]) in ("pending", "batched")
    net.city.clock.ahead = 0.0
    net.make_final(later)
    index(net.city.app)
    assert not net.codes() and health.readiness(net.city.app).ready
