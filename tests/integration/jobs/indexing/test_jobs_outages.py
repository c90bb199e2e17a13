"""Nodes that are down, behind, on another chain, forgetful or lying; transactions that are lost or overtaken."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from eth_abi import encode
from eth_utils.crypto import keccak
from sqlalchemy import Connection

from chain_service.core.encoding.answers import to_json
from chain_service.errors import ChainServiceError, Conflict, Unavailable
from chain_service.jobs import workers
from chain_service.jobs.anchoring.close_batches import close_batches
from chain_service.jobs.auditing.audit import audit
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.instance import health
from chain_service.jobs.records import records
from chain_service.jobs.sending.dispatch import RESEND_AFTER, dispatch
from chain_service.nodes.embedded.blocks.database import FILE
from chain_service.store import alerts, batches, statuses, submissions
from chain_service.store import records as stored
from chain_service.store.connecting.outages import outage
from support.chains.lying_node import liar
from support.worlds.jobs_city import PASSWORD, WAIT, City, Trial, new_chain


@contextmanager
def down(trial: Trial) -> Iterator[None]:
    """The node does not answer meanwhile; it comes back at the same address."""
    port = trial.server.port
    trial.server.stop()
    try:
        yield
    finally:
        trial.server = type(trial.server)(trial.node, "127.0.0.1", port)


def test_without_a_node_records_are_accepted_and_anchored_later(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    (before,) = city.anchor(org, org.certificate())
    with down(city.trial):
        ids = city.submit(org, org.certificate(), org.certificate())
        with pytest.raises(Unavailable):
            city.step()
        assert [city.state(id) for id in ids] == ["pending"] * 2
        close_batches(city.app, force=True)
        assert [city.state(id) for id in ids] == ["batched"] * 2
        verdict = city.verify(disclosure=city.disclosure(org, before))
        assert (verdict.answer, verdict.code) == ("indeterminate", "node_unavailable")
        assert records.proof(city.app, before).index == 1
        city.change(org, before, "withdrawn", 2)
        told = to_json(health.readiness(city.app))
        assert (told["ready"], told["checks"]["node"]["ok"], told["checks"]["database"]["ok"]) == (False, False, True)
    city.make_final(ids)
    workers.wait_final(city.app, "status", before, timeout=WAIT)
    assert [city.judged(org, id) for id in (before, *ids)] == ["withdrawn", "in_force", "in_force"]
    assert to_json(health.readiness(city.app))["ready"]


def test_workers_outlive_an_outage_and_say_so_by_an_alert(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    with workers.Workers(city.app):
        with down(city.trial):
            ids = city.submit(org, org.certificate())
            until(lambda: ("work_failed", "index") in city.alerts())
        until(lambda: city.state(ids[0]) == "anchored")
        until(lambda: not city.alerts())


def test_an_alert_that_cannot_be_stored_at_once_is_stored_or_cleared_later(
    own_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    city, refusing, refused = own_city, threading.Event(), set[str]()

    def failing() -> set[str]:
        return {subject for code, subject in city.alerts() if code == "work_failed"}

    def unless_refused(write: Callable[..., bool]) -> Callable[..., bool]:
        def written(connection: Connection, code: str, subject: str, *more: Any) -> bool:
            if refusing.is_set() and code == "work_failed":
                refused.add(subject)
                raise outage("disk_full")
            return write(connection, code, subject, *more)

        return written

    with city.app.database.transaction() as connection:
        alerts.put(connection, "work_failed", "index", {}, 1.0)
    for name in ("put", "clear"):
        monkeypatch.setattr(alerts, name, unless_refused(getattr(alerts, name)))
    with workers.Workers(city.app):
        until(lambda: not failing())  # what stood before the process began
        refusing.set()
        with down(city.trial):
            until(lambda: "index" in refused)
            refusing.clear()
            until(lambda: "index" in failing())
            refusing.set()
            refused.clear()
        until(lambda: "index" in refused)
        refusing.clear()
        until(lambda: not failing())


def until(true: Callable[[], bool], seconds: float = WAIT) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_another_chain_behind_the_url_is_refused(city: City, tmp_path_factory: pytest.TempPathFactory) -> None:
    org = city.organisation()
    city.anchor(org, org.certificate())
    with new_chain(tmp_path_factory.mktemp("other") / "chain") as other:
        misled = city.on(rpc=other.rpc)
        with pytest.raises(Conflict) as refused, workers.Workers(misled.app):
            pass
        assert refused.value.code == "wrong_chain"
        other.mine(3)
        with pytest.raises(ChainServiceError):
            index(misled.app)
        assert misled.judged(org, records.page(city.app, org.caller).records[0].id) in (
            "finality_unproven",
            "node_unavailable",
        )
    with pytest.raises(ChainServiceError):
        audit(misled.app, org.code)


def alter_words(method: str, result: Any) -> Any:
    """Every storage word claimed by the node is another."""
    if method == "eth_getProof" and isinstance(result, dict):
        for slot in result["storageProof"]:
            slot["value"] = hex(int(slot["value"], 16) ^ 1)
    return result


def drop_nodes(method: str, result: Any) -> Any:
    if method == "eth_getProof" and isinstance(result, dict):
        for slot in result["storageProof"]:
            slot["proof"] = []
    return result


def forge_roots(method: str, result: Any) -> Any:
    """Headers name another state."""
    if method == "eth_getBlockByNumber" and isinstance(result, dict):
        result["stateRoot"] = "0x" + "ab" * 32
    return result


def forge_seals(method: str, result: Any) -> Any:
    if method == "eth_getBlockByNumber" and isinstance(result, dict):
        result["extraData"] = result["extraData"][:-4] + "0000"
    return result


@pytest.mark.parametrize("lie", [alter_words, drop_nodes, forge_roots, forge_seals], ids=lambda lie: lie.__name__)
def test_a_lying_node_makes_nothing_valid(city: City, lie: Any) -> None:
    org = city.organisation()
    good, bad = city.anchor(org, org.certificate(), org.certificate())
    city.set_state(org, bad, "withdrawn", 2)
    disclosures = [city.disclosure(org, id) for id in (good, bad)]
    with liar(city.trial.server.url, lie) as rpc:
        misled = city.on(rpc=rpc)
        verdicts = [misled.verify(disclosure=disclosure) for disclosure in disclosures]
    for verdict, truth in zip(verdicts, ("in_force", "withdrawn"), strict=True):
        assert verdict.code in (truth, "finality_unproven", "node_unavailable")
    if lie is not alter_words:  # the words are read from the proof, so what the node says beside it is ignored
        assert {verdict.answer for verdict in verdicts} == {"indeterminate"}


def test_a_node_that_hides_events_delays_and_one_that_invents_them_finds_no_belief(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    city.change(org, id, "withdrawn", 2)
    with city.app.database.reading() as connection:
        digest = statuses.of_record(connection, id)[0].digest
    log = records.proof(city.app, id).anchor.log

    def invent(method: str, result: Any) -> Any:
        """The change that was never sent is said to stand in the newest block."""
        if method != "eth_getLogs":
            return result
        return [*result, invented(city, org.account, log, digest)]

    city.trial.mine()
    with liar(city.trial.server.url, invent) as rpc, pytest.raises(ChainServiceError):
        index(city.on(rpc=rpc).app)
    assert city.judged(org, id) == "status_changing"
    workers.wait_final(city.app, "status", id, timeout=WAIT)
    assert city.judged(org, id) == "withdrawn"


def invented(city: City, account: str, log: str, digest: bytes) -> dict[str, Any]:
    newest = city.trial.rpc.call("eth_getBlockByNumber", "latest", False)
    data = encode(["(uint256,bytes32)[]"], [[(1 | 2 << 64 | 2 << 72, digest)]])
    return {
        "address": city.trial.deployment.address("RecordStatus"),
        "topics": [
            "0x" + keccak(b"StatusSet(bytes32,address,(uint256,bytes32)[])").hex(),
            "0x" + log,
            "0x" + account[2:].lower().rjust(64, "0"),
        ],
        "data": "0x" + data.hex(),
        "blockNumber": newest["number"],
        "blockHash": newest["hash"],
        "transactionHash": "0x" + "cd" * 32,
        "transactionIndex": "0x0",
        "logIndex": "0x7f",
        "removed": False,
    }


def test_a_head_that_is_too_old_makes_the_state_stale(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    city.clock.ahead = 400.0
    verdict = city.verify(disclosure=city.disclosure(org, id))
    assert (verdict.answer, verdict.code) == ("indeterminate", "status_stale")
    assert not to_json(health.readiness(city.app))["checks"]["head"]["ok"]


def test_a_transaction_that_the_node_lost_is_sent_again_as_it_was(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    city.trial.node.stop()
    ids = city.submit(org, org.certificate())
    close_batches(city.app, force=True)
    dispatch(city.app)
    (sent,) = under_way(city)
    forget(city.trial)
    city.rounds(2)
    assert city.trial.rpc.call("eth_getTransactionByHash", "0x" + sent.hash.hex()) is None
    city.clock.ahead += RESEND_AFTER + 1
    city.make_final(ids)
    assert records.read(city.app, ids[0]).anchor.tx == "0x" + sent.hash.hex()


def under_way(city: City) -> list[submissions.StoredTransaction]:
    with city.app.database.reading() as connection:
        return submissions.unmined(connection)


def forget(trial: Trial) -> None:
    """The node comes back with an empty pool."""
    port = trial.server.port
    trial.server.stop()
    trial.node.close()
    with sqlite3.connect(trial.directory / "node" / FILE) as connection:
        connection.execute("DELETE FROM waiting")
    connection.close()
    trial.node = trial.node.open(trial.directory / "node", PASSWORD)
    trial.node.start()
    trial.server = type(trial.server)(trial.node, "127.0.0.1", port)


def test_a_nonce_used_elsewhere_costs_a_new_signature_and_nothing_else(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    (first,) = city.anchor(org, org.certificate())
    city.trial.node.stop()
    ids = city.submit(org, org.certificate())
    close_batches(city.app, force=True)
    dispatch(city.app)
    (sent,) = under_way(city)
    elsewhere(city, org.account, sent.nonce)
    city.trial.node.start()
    city.mined()
    city.rounds(2)
    assert city.state(ids[0]) == "batched"
    city.clock.ahead += RESEND_AFTER + 1
    city.make_final(ids)
    with city.app.database.reading() as connection:
        batch = stored.get(connection, ids[0]).batch_id
        carrier = submissions.history(connection, batches.get(connection, batch or "").submission_id)
    assert [(one.outcome, one.error) for one in carrier] == [("reverted", "nonce_taken"), ("final", None)]
    assert audit(city.app, org.code).ok
    assert records.read(city.app, first).state == "anchored"


def elsewhere(city: City, account: str, nonce: int) -> None:
    """Another program used the account: its transaction of this nonce pays more and replaces ours in the pool."""
    key = city.app.keystore.account(account)
    fields = {"nonce": nonce, "gasPrice": 100, "gas": 21_000, "to": account, "value": 1, "data": b""}
    raw = key.sign_transaction(fields | {"chainId": city.trial.deployment.chain_id}).raw_transaction
    city.trial.rpc.call("eth_sendRawTransaction", "0x" + raw.hex())


def test_an_account_that_cannot_pay_holds_up_no_other(own_city: City) -> None:
    city = own_city
    poor, rich = city.organisation(), city.organisation()
    spend(city, poor.account)
    waiting = city.submit(poor, poor.certificate())
    ids = city.submit(rich, rich.certificate())
    until_anchored(city, ids)
    assert city.state(waiting[0]) == "batched"
    assert any("funds" in reason for reason in city.reasons(poor)), city.reasons(poor)
    city.trial.sender.fund(city.trial.account, poor.account)
    city.clock.ahead += 31.0
    city.make_final(waiting)


def spend(city: City, account: str) -> None:
    """The account's whole balance is the registrar's."""
    key, sender = city.app.keystore.account(account), city.trial.sender
    nonce, balance = sender.transaction_count(account), sender.balance(account)
    fields = {"nonce": nonce, "gasPrice": 1, "gas": 21_000, "to": city.trial.account.address, "data": b""}
    fields |= {"value": balance - 21_000, "chainId": city.trial.deployment.chain_id}
    sender.rpc.call("eth_sendRawTransaction", "0x" + key.sign_transaction(fields).raw_transaction.hex())
    city.mined()
    assert sender.balance(account) == 0


def until_anchored(city: City, ids: list[str]) -> None:
    for _ in range(20):
        city.rounds(1)
        if {city.state(id) for id in ids} == {"anchored"}:
            return
    raise AssertionError([city.state(id) for id in ids])
