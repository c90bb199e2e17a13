"""What the index derived, how it goes back when a block is replaced, and how it is dropped."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection
from store_samples import (
    ACCOUNT,
    LOG,
    ORG,
    accepted,
    block,
    change,
    closed,
    digest,
    made_final,
    new_batch,
    signed,
    states,
    submission,
)

from chain_service.errors import Conflict
from chain_service.store import batches, chain_index, records, statuses, submissions
from chain_service.store.database import Database
from chain_service.store.registries import organisations

AT = 1_700_000_500.0
STATUS = "StatusSet"


def status_set(connection: Connection, number: int, *items: tuple[int, int]) -> None:
    """A block in which these (leaf index, state) were set, digest by block and item."""
    chain_index.add_blocks(connection, [block(number)])
    event = chain_index.Event(number, 2, digest("tx", number), "RecordStatus", STATUS, LOG, ACCOUNT, {})
    rows = [
        chain_index.NewStatusEvent(number, 2, item, LOG, index, state, 12, digest("change", number, item))
        for item, (index, state) in enumerate(items)
    ]
    chain_index.add_events(connection, [event], (), rows)


def test_the_state_of_a_place_is_its_last_change_until_then(database: Database) -> None:
    with database.transaction() as connection:
        status_set(connection, 1, (5, 1), (6, 3))
        status_set(connection, 2, (5, 0), (5, 1), (5, 2))
        assert chain_index.states(connection, LOG, [5, 6, 7]) == {5: 2, 6: 3}
        assert chain_index.all_states(connection, LOG) == {5: 2, 6: 3}
        assert chain_index.states(connection, digest("other log"), [5]) == {}
        told = chain_index.status_history(connection, LOG, 5)
        assert [(one.block, one.state) for one in told] == [(1, 1), (2, 0), (2, 1), (2, 2)]
        assert (told[0].block_hash, told[0].time, told[0].account) == (block(1).hash, block(1).time, ACCOUNT)
        assert [one.state for one in chain_index.status_history(connection, LOG, 5, until=1)] == [1]


def test_a_moment_names_the_newest_block_until_then(database: Database) -> None:
    with database.transaction() as connection:
        assert chain_index.newest_block(connection) is None
        chain_index.add_blocks(connection, [block(number) for number in range(1, 6)])
        assert chain_index.newest_block(connection) == block(5)
        assert chain_index.block_at(connection, block(3).time) == block(3)
        assert chain_index.block_at(connection, block(1).time - 1) is None
        assert chain_index.block_at(connection, block(5).time + 1000) == block(5)
        assert chain_index.block_range(connection, 2, 3) == [block(2), block(3)]


def test_a_block_is_indexed_by_one_worker_only(database: Database) -> None:
    with database.transaction() as connection:
        chain_index.add_blocks(connection, [block(1)])
    with pytest.raises(Conflict), database.transaction() as connection:
        chain_index.add_blocks(connection, [block(1)])


def test_events_come_back_as_they_were_read(database: Database) -> None:
    with database.transaction() as connection:
        chain_index.add_blocks(connection, [block(1)])
        args = {"what": 2**255 + 1, "digest": b"\x01\xab", "name": "某市民政局"}
        event = chain_index.Event(1, 0, b"tx", "CatalogRegistry", "CatalogChanged", LOG, ACCOUNT, args)
        chain_index.add_events(connection, [event])
        read = [replace(event, args={**args, "digest": "0x01ab"})]
        assert chain_index.events(connection, ["CatalogChanged"]) == read
        assert chain_index.events(connection, ["CatalogChanged"], subject=b"other") == []
        assert chain_index.events(connection, ["CatalogChanged"], until=0) == []


def test_what_a_replaced_block_held_is_batched_again_and_sent_again(database: Database) -> None:
    with database.transaction() as connection:
        kept, lost, later = accepted(connection, "kept")[0], None, None
        first = closed(connection)
        first_tx = signed(connection, first.submission_id)
        made_final(connection, first, 10)
        submissions.mark_final(connection, first_tx, 10)
        batches.store_evidence(connection, first.id, b"proof", 10)
        lost = accepted(connection, "lost")[0]
        second = closed(connection)
        second_tx = signed(connection, second.submission_id)
        submissions.mark_sent(connection, second_tx, AT)
        made_final(connection, second, 11)
        submissions.mark_final(connection, second_tx, 11)
        batches.store_evidence(connection, second.id, b"proof", 11)
        later = accepted(connection, "later")[0]
        third = closed(connection)
        made_final(connection, third, 12)
        everything = [kept.id, lost.id, later.id]
        assert states(connection, everything) == ["anchored"] * 3

        chain_index.rollback_to(connection, 10, AT)

        assert states(connection, everything) == ["anchored", "batched", "batched"]
        assert chain_index.newest_block(connection) == block(10)
        assert [head.size for head in chain_index.log_heads(connection, LOG)] == [2]
        found = batches.get(connection, second.id)
        assert (found.final_block, found.evidence, found.fell_out_at) == (None, None, AT)
        assert batches.get(connection, first.id).evidence == b"proof"
        assert [one.hash for one in submissions.unconfirmed(connection, ACCOUNT, 0.0)] == [second_tx]
        assert submissions.get(connection, second.submission_id).final_block is None

        made_final(connection, second, 11)
        assert states(connection, everything) == ["anchored", "anchored", "batched"]
        assert batches.get(connection, second.id).fell_out_at is None


def test_a_reverted_transaction_that_falls_out_fills_its_nonce_again(database: Database) -> None:
    with database.transaction() as connection:
        id = submission(connection)
        first = signed(connection, id)
        chain_index.add_blocks(connection, [block(4), block(5)])
        submissions.mark_reverted(connection, first, 4, "MissingRight", AT)
        second = signed(connection, id)
        submissions.mark_final(connection, second, 5)
        chain_index.rollback_to(connection, 3, AT)
        again = submissions.unconfirmed(connection, ACCOUNT, 0.0)
        assert [(one.hash, one.outcome) for one in again] == [(first, "reverted"), (second, None)]
        submissions.mark_final(connection, first, 4)
        chain_index.rollback_to(connection, 3, AT)
        assert [one.outcome for one in submissions.history(connection, id)] == ["reverted", None]


def test_a_dropped_index_leaves_records_proofs_and_signed_bytes(database: Database) -> None:
    with database.transaction() as connection:
        one = accepted(connection, "a")[0]
        batch = closed(connection)
        tx = signed(connection, batch.submission_id)
        made_final(connection, batch, 2)
        submissions.mark_final(connection, tx, 2)
        batches.store_evidence(connection, batch.id, b"proof", 2)
        status_set(connection, 3, (1, 1))

        chain_index.drop_index(connection, AT)

        assert chain_index.head_block(connection) is None
        assert chain_index.all_states(connection, LOG) == {}
        assert states(connection, [one.id]) == ["batched"]
        assert batches.get(connection, batch.id).evidence == b"proof"
        assert submissions.unconfirmed(connection, ACCOUNT, AT) == []
        made_final(connection, batch, 2)
        assert states(connection, [one.id]) == ["anchored"]
        assert batches.without_evidence(connection, 10) == []


def test_heads_are_known_by_size_and_block(database: Database) -> None:
    with database.transaction() as connection:
        made_final(connection, new_batch(connection, 1, 3), 4)
        made_final(connection, new_batch(connection, 3, 9), 6)
        newest = chain_index.log_head(connection, LOG)
        assert newest is not None and (newest.size, newest.block, newest.time) == (9, 6, block(6).time)
        earlier = chain_index.log_head(connection, LOG, until=5)
        assert earlier is not None and earlier.size == 3
        assert chain_index.log_head(connection, LOG, until=3) is None
        assert chain_index.logs(connection) == [LOG]
        assert batches.logs(connection) == [(ORG, 0)]


def test_a_record_has_one_change_under_way(database: Database) -> None:
    with database.transaction() as connection:
        one = accepted(connection, "a")[0]
        first = change(connection, one.id, "first")
        waiting = statuses.waiting(connection, one.id)
        assert waiting is not None and waiting.id == first.id
        assert statuses.waiting(connection, "other") is None
        assert statuses.unsent(connection, ORG, 0, 10) == []
        made_final(connection, closed(connection), 1)
        assert [(due.id, due.leaf_index) for due in statuses.unsent(connection, ORG, 0, 10)] == [(first.id, 1)]
    with pytest.raises(Conflict), database.transaction() as connection:
        change(connection, one.id, "second")
    with database.transaction() as connection:
        carrier = submission(connection, "status")
        statuses.group(connection, [first.id], carrier)
        assert statuses.unsent(connection, ORG, 0, 10) == []
        assert [moved.id for moved in statuses.of_submission(connection, carrier)] == [first.id]
        final = {"block": 2, "hash": b"h", "time": 9, "tx": b"t"}
        assert statuses.mark_final(connection, [first.digest, b"foreign"], **final) == [first.id]
        assert statuses.waiting(connection, one.id) is None
        second = change(connection, one.id, "second", 0)
        statuses.refuse(connection, second.id, "IllegalTransition")
        third = change(connection, one.id, "third", 2)
        assert [told.id for told in statuses.of_record(connection, one.id)] == [first.id, second.id, third.id]
        assert set(statuses.by_digests(connection, [first.digest, b"x"])) == {first.digest}
        chain_index.rollback_to(connection, 1, AT)
        fallen = statuses.get(connection, first.id)
        assert fallen.waiting and fallen.fell_out_at == AT


def test_organisations_are_what_the_events_say(database: Database) -> None:
    subject = organisations.subject_of(ORG)
    kind = digest("type")
    told = [
        (1, "OrganisationRegistered", None, {"name": "某市民政局"}),
        (1, "LogKeyAdded", None, {"n": 0, "key": digest("key")}),
        (2, "RightsSet", "0xA", {"rights": 9}),
        (2, "RightsSet", "0xB", {"rights": 1}),
        (3, "PermitRecorded", None, {"certificateType": kind, "n": 0, "action": 1, "from": 5, "until": 2**32 - 1}),
        (3, "OrganisationSuspended", None, {"suspended": True}),
        (4, "RightsSet", "0xB", {"rights": 0}),
        (4, "GenerationOpened", None, {"generation": 1}),
        (4, "PermitRecorded", None, {"certificateType": kind, "n": 1, "action": 2, "from": 0, "until": 99}),
    ]
    with database.transaction() as connection:
        chain_index.add_blocks(connection, [block(number) for number in range(1, 5)])
        chain_index.add_events(
            connection,
            [
                chain_index.Event(number, at, b"tx", "Organisations", name, subject, account, args)
                for at, (number, name, account, args) in enumerate(told)
            ],
        )
        assert organisations.get(connection, ORG) == organisations.Organisation(ORG, "某市民政局", True, 1, 1)
        assert organisations.listed(connection, until=2) == [organisations.Organisation(ORG, "某市民政局", False, 0, 1)]
        assert organisations.find(connection, "11100000000013338W") is None
        assert organisations.rights(connection, ORG) == {"0xA": 9}
        assert organisations.rights(connection, ORG, until=3) == {"0xA": 9, "0xB": 1}
        assert organisations.log_keys(connection, ORG) == [digest("key")]
        entries = organisations.permits(connection, ORG, kind)
        assert [(entry.n, entry.action, entry.valid_until) for entry in entries] == [(0, 1, 2**32 - 1), (1, 2, 99)]
        assert entries[0].recorded_at == block(3).time
        assert organisations.permits(connection, ORG, digest("other")) == []


def test_records_of_a_batch_are_read_in_the_log_s_order(database: Database) -> None:
    with database.transaction() as connection:
        new = accepted(connection, *"cab")
        batch = closed(connection)
        assert list(records.bodies_of_batch(connection, batch.id)) == [one.body for one in new]
        assert records.types_of_batch(connection, batch.id) == [new[0].type_code]
