"""The service on four validators, some of which are killed, frozen, cut off: nothing accepted is lost or doubled."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from running_network import RunningNetwork, wait_until
from running_service import HALTED_AFTER, ORG, Service, catalog_entry, serving

from chain_service.chain.contracts import encode_call
from chain_service.chain.deployment import Deployment
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.errors import Unavailable

pytestmark = pytest.mark.long
VALIDATORS = [f"validator-{n}" for n in range(1, 5)]


@pytest.fixture(scope="module")
def the_service(network: RunningNetwork) -> Iterator[Service]:
    with serving(network) as service:
        yield service


@pytest.fixture
def service(the_service: Service, healthy: RunningNetwork) -> Service:
    """The instance, serving, on a network of which every node answers."""
    wait_until(lambda: the_service.ready()["ready"], seconds=60)
    return the_service


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_the_whole_job_over_http(service: Service, tmp_path: Path) -> None:
    ids = service.anchor(3)
    verdict = service.verify(ids[0])
    assert (verdict["code"], verdict["chain"]["assurance"]) == ("in_force", "majority")
    with service.client() as client:
        change = {"to": "withdrawn", "reasonCode": 2, "legalBasis": "行政许可法第六十九条"}
        assert client.post(f"/v1/records/{ids[1]}/status", json=change).status_code in (200, 202)
        wait_until(lambda: service.verify(ids[1])["code"] == "withdrawn", seconds=60, every=0.5)
        entry = catalog_entry(tmp_path / "samples")
        assert client.post("/v1/catalogs", json=entry).status_code == 202
        changed = client.post("/v1/catalogs", json=entry | {"action": "change", "summary": "改写后的摘要"})
        assert changed.status_code == 202, changed.text
        url = f"/v1/catalogs/{entry['catalogCode']}/history"

        def traced() -> bool:
            history = client.get(url).json()
            final = all(version["state"] == "final" for version in history["versions"])
            return final and len(history["versions"]) == 2 and history["proof"]["outcome"] == "passed"

        wait_until(traced, seconds=60, every=0.5)
    offline = service.verify_offline(ids[0], tmp_path / "papers")
    assert (offline["code"], offline["chain"]["assurance"]) == ("in_force", "majority")
    assert service.audit()["ok"]


def test_a_validator_killed_during_an_import_of_ten_thousand_loses_nothing(service: Service) -> None:
    killer = threading.Timer(0.5, service.network.kill, ["validator-2"])
    killer.start()
    ids = [id for _ in range(2) for id in service.submit(5_000)]
    killer.join()
    service.anchored(ids, seconds=150)
    assert len(set(ids)) == 10_000
    assert {service.record(id)["state"] for id in ids[::997]} == {"anchored"}
    assert service.audit()["ok"]


def test_with_two_of_four_away_writes_wait_reads_answer_and_readiness_says_why(service: Service) -> None:
    (before,) = service.anchor()
    service.network.hold("validator-3", "validator-4")
    time.sleep(3)
    waiting = service.submit(20)
    wait_until(lambda: "chain_halted" in service.alerts(), seconds=4 * HALTED_AFTER, every=1)
    state = service.ready()
    head = state["checks"]["head"]
    assert (state["ready"], head["ok"], head["code"], head["validators"]) == (False, False, "chain_halted", 4)
    assert head["ageSeconds"] >= HALTED_AFTER
    verdict = service.verify(before)
    assert verdict["code"] == "in_force"
    assert time.time() - seconds(verdict["chain"]["time"]) >= HALTED_AFTER - 1, "the block's age is told"
    assert {service.record(id)["state"] for id in waiting} <= {"pending", "batched"}
    with service.client() as client:
        assert "chain_halted 1.0" in client.get("/metrics").text
    service.network.want("validator-3", "validator-4")
    service.anchored(waiting, seconds=120)
    wait_until(lambda: service.ready()["ready"] and not service.alerts(), seconds=60, every=0.5)


ROUNDS = 12
"""Each halts the chain about one time in eight."""


def test_a_halted_clique_raises_the_alert_and_ends_when_the_killed_validator_is_back(service: Service) -> None:
    """All frozen, thawed together, the one whose turn it is killed: sometimes the three left wait for each other."""
    for _ in range(ROUNDS):
        away = _try_to_halt(service.network)
        if away is not None:
            break
    else:
        pytest.skip(f"the three validators left went on in each of {ROUNDS} rounds")
    halted = service.network.head()
    waiting = service.submit(5)
    wait_until(lambda: "chain_halted" in service.alerts(), seconds=4 * HALTED_AFTER, every=1)
    assert service.network.head() == halted
    service.network.want(away)
    wait_until(lambda: service.network.head() > halted, seconds=30)
    service.anchored(waiting, seconds=60)
    wait_until(lambda: "chain_halted" not in service.alerts(), seconds=60, every=0.5)


def _try_to_halt(network: RunningNetwork) -> str | None:
    """The validator that was killed, if the others sealed no block in twenty seconds: otherwise it is back."""
    signers = sorted((network.network.node(name).address.lower(), name) for name in VALIDATORS)
    network.freeze(*VALIDATORS)
    time.sleep(2)
    turn = signers[(network.head() + 1) % len(signers)][1]
    network.thaw(*VALIDATORS)
    network.hold(turn)
    time.sleep(1)
    head, end = network.head(), time.monotonic() + 20
    while time.monotonic() < end:
        if network.head() > head:
            network.want(turn)
            wait_until(lambda: _reached(network, turn, head + 1), seconds=60)
            return None
        time.sleep(0.2)
    return turn


def _reached(network: RunningNetwork, name: str, block: int) -> bool:
    """Whether a node that is starting answers already and has this block."""
    try:
        return network.head(name) >= block
    except Unavailable:
        return False


def test_everything_killed_at_once_anchors_what_was_acknowledged_exactly_once(service: Service) -> None:
    ids = service.submit(500)
    service.stop(signal.SIGKILL)
    service.network.kill(*VALIDATORS)
    wait_until(lambda: len(service.network.running()) == 6, seconds=30)
    service.start()
    service.anchored(ids, seconds=150)
    indexes = [service.record(id)["index"] for id in ids]
    assert len(set(indexes)) == 500
    assert service.audit()["ok"]


def test_transactions_that_wait_while_all_validators_restart_are_anchored_without_help(service: Service) -> None:
    service.network.hold("validator-3", "validator-4")
    time.sleep(3)
    ids = service.submit(5)
    wait_until(lambda: service.record(ids[0])["state"] == "batched", seconds=20)
    time.sleep(2)  # sent to the writer, which tells the two validators left
    service.network.kill("validator-1", "validator-2")
    service.network.want("validator-3", "validator-4")
    service.anchored(ids, seconds=120)
    assert service.audit()["ok"]


def test_the_first_node_down_does_not_stop_anything(service: Service) -> None:
    service.network.hold("writer-1")
    ids = service.anchor(10)
    assert service.verify(ids[0])["code"] == "in_force"
    assert service.ready()["ready"]


def test_a_validator_stopped_and_continued_catches_up(service: Service) -> None:
    service.network.freeze("validator-1")
    ids = service.anchor(5)
    block = service.verify(ids[0])["chain"]["block"]
    service.network.thaw("validator-1")
    wait_until(lambda: service.network.head("validator-1") >= block, seconds=60)
    wait_until(lambda: len({_hash(service.network, name, block) for name in VALIDATORS}) == 1, seconds=60)
    assert service.verify(ids[0])["code"] == "in_force"


def _hash(network: RunningNetwork, name: str, block: int) -> Any:
    found = network.call(name, "eth_getBlockByNumber", hex(block), False)
    return found and found["hash"]


def test_two_branches_heal_and_index_and_chain_agree(service: Service) -> None:
    service.network.freeze("validator-1", "validator-2")
    ids = service.submit(10)
    time.sleep(5)  # the others seal a block or two
    service.network.freeze("validator-3", "validator-4")
    service.network.thaw("validator-1", "validator-2")
    ids += service.submit(10)
    time.sleep(5)  # and these two their own
    service.network.thaw("validator-3", "validator-4")
    service.network.up(timeout=120)
    service.anchored(ids[:10], seconds=120)
    service.anchored(ids[10:], seconds=120)
    assert service.audit()["ok"]
    wait_until(lambda: not service.alerts() - {"final_block_replaced"}, seconds=60)


def test_an_account_without_rights_cannot_write_even_through_a_validator(service: Service) -> None:
    (id,) = service.anchor()
    stranger = Account.create()
    service.network.fund(stranger.address, 2**100)
    wait_until(lambda: service.network.call("validator-1", "eth_getBalance", stranger.address, "latest") != "0x0")
    deployment = Deployment.load(service.data / "deployment.json")
    log = log_id(OrgCode(ORG), 0)
    calldata = encode_call("RecordStatus", "set", log, [(1 | 2 << 64 | 2 << 72, b"\x11" * 32)])
    signed = stranger.sign_transaction(
        {"nonce": 0, "gasPrice": 1, "gas": 500_000, "to": deployment.address("RecordStatus"), "value": 0,
         "data": calldata, "chainId": deployment.chain_id}
    )  # fmt: skip
    sent = service.network.call("validator-1", "eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
    receipt = wait_until(lambda: service.network.call("writer-1", "eth_getTransactionReceipt", sent), seconds=60)
    assert receipt["status"] == "0x0" and not receipt["logs"]
    assert service.verify(id)["code"] == "in_force"


def test_a_fifth_signer_is_voted_in_and_out_and_receipts_of_all_times_verify_offline(
    service: Service, tmp_path: Path
) -> None:
    network = service.network
    fifth = "0x" + "5f" * 20

    def vote(adds: bool, sets: int) -> None:
        for name in VALIDATORS[:3]:
            network.call(name, "clique_propose", fifth, adds)
        wait_until(lambda: (fifth in network.call("validator-1", "clique_getSigners", "latest")) == adds, seconds=60)
        for name in VALIDATORS[:3]:
            network.call(name, "clique_discard", fifth)
        wait_until(lambda: len(service.run("trust", "export")["ranges"]) == sets, seconds=60, every=1)

    made = service.anchor()
    old = service.receipt(made[0])
    before = len(service.run("trust", "export")["ranges"])
    during = service.submit(1)
    vote(True, before + 1)
    service.anchored(during)
    made += [*during, *service.anchor()]
    during = service.submit(1)
    vote(False, before + 2)
    service.anchored(during)
    made += [*during, *service.anchor()]
    for id in made:
        assert service.verify(id)["code"] == "in_force"
        assert service.verify_offline(id, tmp_path / "papers")["code"] == "in_force"
    assert service.verify_offline(made[0], tmp_path / "papers", old)["code"] == "in_force"
    assert service.audit()["ok"]
