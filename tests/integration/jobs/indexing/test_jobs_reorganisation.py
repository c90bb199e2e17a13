"""A block that counted as final leaves the chain: an alert, back to the common ancestor, and everything once again."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain_service.errors import Corrupt
from chain_service.jobs import workers
from chain_service.jobs.alerts import BLOCK_REPLACED
from chain_service.jobs.anchoring import register_seals
from chain_service.jobs.auditing.audit import audit
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.records import records, state_history
from chain_service.jobs.registries import catalogs
from chain_service.store import batches, chain_index
from support.worlds.jobs_city import WAIT, City, Trial
from support.worlds.registered import catalog_entry, publish, seal_entry


@pytest.fixture
def branches(own_city: City, tmp_path: Path) -> tuple[City, Trial]:
    """An instance with a common past, and another branch of its chain, stopped at their common ancestor."""
    city = own_city
    city.stock.extend(city.register(3))
    city.trial.stop()
    other = city.trial.copied(tmp_path / "other")
    city.trial.start()
    return city.on(city.trial), other


def mine_more(trial: Trial, than: Trial) -> None:
    """The other branch is the longer one."""
    trial.mine(int(than.rpc.call("eth_blockNumber"), 16) - int(trial.rpc.call("eth_blockNumber"), 16) + 1)


def heads(city: City) -> list[tuple[bytes, int]]:
    with city.app.database.reading() as connection:
        return [
            (log, head.size) for log in chain_index.logs(connection) for head in chain_index.log_heads(connection, log)
        ]


def test_after_a_reorganisation_everything_falls_back_into_place_exactly_once(branches: tuple[City, Trial]) -> None:
    city, other = branches
    org, second = city.organisation(), city.organisation()
    first = city.anchor(org, org.certificate(), org.certificate())
    later = city.anchor(org, org.certificate())
    others = city.anchor(second, second.certificate())
    city.set_state(org, first[0], "withdrawn", 2)
    value = seal_entry(org)
    register_seals.register_seal(city.app, org.caller, value)
    workers.wait_final(city.app, "seal", value["sealCode"], timeout=WAIT)
    (catalog,) = publish(city, org, catalog_entry(org))
    indexes = {id: records.read(city.app, id).index for id in first + later + others}
    before = {id: records.proof(city.app, id) for id in indexes}
    with other:
        mine_more(other, city.trial)
        moved = city.on(other)
        index(moved.app)
        assert [code for code, _ in moved.alerts()].count(BLOCK_REPLACED) == 1
        assert {moved.state(id) for id in indexes} == {"batched"}
        with moved.app.database.reading() as connection:
            assert len(batches.unfinal(connection)) == 3
        moved.make_final(list(indexes))
        workers.wait_final(moved.app, "status", first[0], timeout=WAIT)
        workers.wait_final(moved.app, "seal", value["sealCode"], timeout=WAIT)
        workers.wait_final(moved.app, "catalog", catalog, timeout=WAIT)
        assert {id: records.read(moved.app, id).index for id in indexes} == indexes
        for id in indexes:
            proof = records.proof(moved.app, id)
            assert (proof.entry, proof.path) == (before[id].entry, before[id].path)
            assert proof.anchor.tx == before[id].anchor.tx, "the same bytes, sent again"
        assert len(heads(moved)) == len(set(heads(moved))) == 3
        assert [moved.judged(org, id) for id in first] == ["withdrawn", "in_force"]
        assert len(state_history.status_history(moved.app, first[0])) == 1
        assert catalogs.history(moved.app, catalog).proof.outcome == "passed"
        assert audit(moved.app).ok
        (more,) = moved.anchor(org, org.certificate())
        assert records.read(moved.app, more).index == 4


def test_what_the_other_branch_anchored_already_is_found_there(branches: tuple[City, Trial]) -> None:
    city, other = branches
    org = city.organisation()
    ids = city.anchor(org, org.certificate())
    tx = records.proof(city.app, ids[0]).anchor.tx
    with city.app.database.reading() as connection:
        raw = workers.submissions.by_hash(connection, bytes.fromhex(tx[2:]))
    assert raw is not None
    with other:
        mine_more(other, city.trial)
        other.rpc.call("eth_sendRawTransaction", "0x" + raw.raw.hex())
        other.sender.wait(raw.hash, WAIT)
        moved = city.on(other)
        index(moved.app)
        assert moved.state(ids[0]) == "anchored"
        assert records.proof(moved.app, ids[0]).anchor.tx == tx
        assert audit(moved.app).ok


def test_a_shorter_branch_is_noticed_and_a_node_that_is_merely_behind_is_waited_for(
    branches: tuple[City, Trial], tmp_path: Path
) -> None:
    city, other = branches
    org = city.organisation()
    with other:
        behind = city.on(other)
        ids = city.anchor(org, org.certificate())
        index(behind.app)
        assert city.state(ids[0]) == "anchored"
        assert not city.alerts()
        city.trial.mine(6)
        index(city.app)
        other.mine(4)
        index(behind.app)
        assert BLOCK_REPLACED in {code for code, _ in city.alerts()}
        assert city.state(ids[0]) == "batched"
        behind.make_final(ids)
        assert audit(behind.app).ok


def test_a_reorganisation_that_undoes_a_suspension_sends_what_it_held_up(branches: tuple[City, Trial]) -> None:
    city, other = branches
    org = city.organisation()
    city.trial.registrar.set_suspended(org.code, True)
    ids = city.submit(org, org.certificate())
    city.rounds()
    assert city.reasons(org) == {"SuspendedOrganisation"}
    with other:
        mine_more(other, city.trial)
        moved = city.on(other)
        moved.clock.ahead += 31.0
        moved.make_final(ids)
        assert moved.judged(org, ids[0]) == "in_force"
        assert audit(moved.app).ok


def test_a_node_with_nothing_in_common_is_refused_and_nothing_is_dropped(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    ids = city.anchor(org, org.certificate())
    with city.app.database.reading() as connection:
        known = chain_index.block_range(connection, 0, 2**31)
    for block in known:
        city.tamper("UPDATE blocks SET hash = ? WHERE number = ?", block.hash[::-1], block.number)
    with pytest.raises(Corrupt) as refused:
        index(city.app)
    assert refused.value.code == "wrong_chain"
    assert city.state(ids[0]) == "anchored"
