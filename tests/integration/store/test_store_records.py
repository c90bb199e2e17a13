"""Records from acceptance to the log, and to their erasure."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from store_samples import ORG, OTHER, accepted, change, closed, digest, made_final, new_batch, record, states

from chain_service.errors import Conflict, NotFound
from chain_service.store import batches, records, statuses
from chain_service.store.database import Database


def test_a_record_is_pending_then_batched_then_anchored(database: Database) -> None:
    with database.transaction() as connection:
        new = accepted(connection, "a", "b")
        ids = [one.id for one in new]
        assert states(connection, ids) == ["pending", "pending"]
        batch = closed(connection)
        assert states(connection, ids) == ["batched", "batched"]
        assert batches.count(connection) == batches.RecordCounts(batched=2, anchored=0)
        made_final(connection, batch, 5)
        assert states(connection, ids) == ["anchored", "anchored"]
    with database.reading() as connection:
        found = records.get(connection, ids[1])
        assert (found.leaf_index, found.size, found.final_block, found.root) == (2, 3, 5, batch.root)
        assert batches.count(connection) == batches.RecordCounts(batched=0, anchored=2)
        assert records.by_place(connection, ORG, 0, 1) == records.get(connection, ids[0])


def test_records_are_found_by_everything_a_verifier_may_hold(database: Database) -> None:
    with database.transaction() as connection:
        one = record("a", files=(("sha-256", digest("file")), ("sm3", digest("sm3")), ("sm3", digest("sm3"))))
        twin = record("a", OTHER, files=(("sha-256", digest("file")),))
        records.insert_many(connection, [one, twin])
    with database.reading() as connection:
        assert records.by_body_digest(connection, one.body_digest) == records.get(connection, one.id)
        assert [found.id for found in records.by_identity(connection, one.identity)] == [twin.id, one.id]
        named = {name: [("sha-256", digest("file")), ("sm3", digest(name))] for name in ("sm3", "file")}
        for pairs in named.values():
            assert [found.id for found in records.naming_file(connection, pairs, 9, final=False)] == [one.id, twin.id]
            assert records.naming_file(connection, pairs, 9) == []
        assert records.naming_file(connection, [("sha-256", digest("sm3"))], 9, final=False) == []
        assert [found.id for found in records.naming_file(connection, named["sm3"], 1, final=False)] == [one.id]
        assert set(records.get_many(connection, [one.id, "no such"])) == {one.id}
        with pytest.raises(NotFound) as error:
            records.get(connection, "no such")
        assert error.value.code == "record_unknown"


def test_an_identity_is_taken_once_within_its_organisation(database: Database) -> None:
    with database.transaction() as connection:
        accepted(connection, "a")
        accepted(connection, "a", org=OTHER)
    with pytest.raises(Conflict) as error, database.transaction() as connection:
        records.insert_many(connection, [record("b"), record("a", body_digest=digest("another"))])
    assert error.value.code == "constraint"
    assert "identity of a" not in repr(vars(error.value)) + str(error.value)
    with database.reading() as connection:
        assert set(records.existing(connection, ORG, ["identity of a", "identity of b"])) == {"identity of a"}


def test_of_two_submissions_of_one_identity_at_the_same_time_one_is_accepted(database: Database) -> None:
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def submit(number: int) -> None:
        start.wait()
        try:
            with database.transaction() as connection:
                records.insert_many(connection, [record("a", body_digest=digest(number))])
            outcomes.append("accepted")
        except Conflict as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted", "constraint"]


def test_a_failed_record_leaves_its_identity_free(database: Database) -> None:
    with database.transaction() as connection:
        first = accepted(connection, "a")[0]
        assert records.fail(connection, first.id, "issuer_not_permitted")
        assert records.existing(connection, ORG, [first.identity]) == {}
        second = record("a", body_digest=digest("corrected"))
        records.insert_many(connection, [second])
        known = records.existing(connection, ORG, [first.identity])[first.identity]
        assert (known.id, known.body, known.state) == (second.id, second.body, "pending")
        closed(connection)
        assert not records.fail(connection, second.id, "too late")
        assert states(connection, [first.id, second.id]) == ["failed", "batched"]


def test_pending_records_are_taken_in_order_of_acceptance(database: Database) -> None:
    with database.transaction() as connection:
        new = accepted(connection, *"cab")
        late = replace(record("late", OTHER), created_at=1_600_000_000.0)
        records.insert_many(connection, [late])
        assert [one.id for one in records.take_pending(connection, ORG, 2)] == [new[0].id, new[1].id]
        waiting = records.waiting(connection)
        assert waiting == [
            records.PendingTotal(OTHER, 1, 1_600_000_000.0),
            records.PendingTotal(ORG, 3, 1_700_000_000.5),
        ]


def test_a_place_in_the_log_is_given_once(database: Database) -> None:
    with database.transaction() as connection:
        accepted(connection, "a", "b")
        taken = records.take_pending(connection, ORG, 10)
        batch = new_batch(connection, 1, 3)
        records.place(connection, batch.id, 0, {taken[0].seq: 1})
        with pytest.raises(Conflict, match="not pending"):
            records.place(connection, batch.id, 0, {taken[0].seq: 2})
    with pytest.raises(Conflict) as error, database.transaction() as connection:
        records.place(connection, batch.id, 0, {taken[1].seq: 1})
    assert error.value.code == "constraint"


def test_a_log_has_one_batch_that_waits_and_no_fork(database: Database) -> None:
    with database.transaction() as connection:
        first = new_batch(connection, 1, 3)
    for start, end in ((3, 5), (1, 4)):
        with pytest.raises(Conflict), database.transaction() as connection:
            new_batch(connection, start, end)
    with database.transaction() as connection:
        new_batch(connection, 1, 2, org=OTHER)
        made_final(connection, first, 7)
        second = new_batch(connection, 3, 5)
        assert batches.head(connection, ORG, 0) == batches.LogEnd(5, second.root)
        assert batches.head(connection, ORG, 1) == batches.LogEnd(1, None)
        final = batches.final_head(connection, ORG, 0)
        assert final is not None and final.id == first.id
        assert batches.final_head(connection, ORG, 0, block=6) is None
        assert [batch.id for batch in batches.unfinal(connection, ORG)] == [second.id]


def test_of_two_batches_closed_at_the_same_time_one_stands(database: Database) -> None:
    with database.transaction() as connection:
        accepted(connection, *"abcdef")
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def close() -> None:
        start.wait()
        try:
            with database.transaction() as connection:
                closed(connection)
            outcomes.append("closed")
        except Conflict as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=close) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["closed", "constraint"]
    with database.reading() as connection:
        assert records.waiting(connection) == []
        assert [record.leaf_index for record in records.stream(connection, ORG, 0, 1, 100)] == [1, 2, 3, 4, 5, 6]


def test_a_dissolved_batch_returns_its_records_to_pending(database: Database) -> None:
    with database.transaction() as connection:
        new = accepted(connection, "a", "b")
        batch = closed(connection)
        assert batches.dissolve(connection, batch.id) == 2
        assert states(connection, [one.id for one in new]) == ["pending", "pending"]
        again = closed(connection, generation=1)
        made_final(connection, again, 3)
    with pytest.raises(Conflict, match="not final"), database.transaction() as connection:
        batches.dissolve(connection, again.id)
    with database.reading() as connection:
        assert states(connection, [one.id for one in new]) == ["anchored", "anchored"]


def test_a_record_erased_while_its_batch_was_final_enters_no_other_batch_after_it_is_dissolved(
    database: Database,
) -> None:
    with database.transaction() as connection:
        kept, gone = accepted(connection, "a", "b")
        batch = closed(connection)
        records.erase(connection, gone.id, "应本人请求", 5.0)  # the batch fell out of the chain later
        assert batches.dissolve(connection, batch.id) == 2
        assert [one.id for one in records.take_pending(connection, ORG, 10)] == [kept.id]
        assert states(connection, [gone.id]) == ["failed"]


def test_pages_follow_each_other_without_gap_or_repetition(database: Database) -> None:
    with database.transaction() as connection:
        new = accepted(connection, *(str(number) for number in range(7)))
        accepted(connection, "foreign", org=OTHER)
    seen: list[str] = []
    with database.reading() as connection:
        before = None
        while True:
            found, before = records.page(connection, ORG, records.RecordFilters(), 3, before)
            seen += [one.id for one in found]
            if before is None:
                break
    assert seen == [one.id for one in reversed(new)]


def test_a_page_is_narrowed_by_state_type_day_and_beginning(database: Database) -> None:
    with database.transaction() as connection:
        first, second, third = accepted(connection, "100%", "100x", "200")
        records.fail(connection, third.id, "reason")
        made_final(connection, closed(connection), 2)
        fresh = record("fresh", issued="2024-06-01", type_code="T")
        records.insert_many(connection, [fresh])

        def found(**filters: str) -> set[str]:
            return {one.id for one in records.page(connection, ORG, records.RecordFilters(**filters), 10)[0]}  # type: ignore[arg-type]

        assert found(state="anchored") == {first.id, second.id}
        assert found(state="failed") == {third.id}
        assert found(state="pending") == {fresh.id}
        assert found(state="batched") == set()
        assert found(type_code="T") == {fresh.id}
        assert found(issued_from="2024-05-02") == {fresh.id}
        assert found(issued_to="2024-05-01") == {first.id, second.id, third.id}
        assert found(q="number of 100%") == {first.id}
        assert found(q="identity of 100") == {first.id, second.id}
        assert found(q=third.id) == {third.id}


def test_ten_thousand_records_are_accepted_and_placed_in_bulk(database: Database) -> None:
    new = [record(str(number), files=(("sha-256", digest(number)),)) for number in range(10_000)]
    started = time.monotonic()
    with database.transaction() as connection:
        records.insert_many(connection, new)
    accepting = time.monotonic() - started
    with database.transaction() as connection:
        closed(connection)
    placing = time.monotonic() - started - accepting
    with database.reading() as connection:
        started = time.monotonic()
        known = records.existing(connection, ORG, [one.identity for one in new])
        finding = time.monotonic() - started
    assert len(known) == 10_000
    print(f"{database.dialect}: accept {accepting:.2f} s, place {placing:.2f} s, find {finding:.2f} s")
    assert max(accepting, placing, finding) < 120


def test_erasing_leaves_the_place_and_what_was_replaced_and_nothing_else(database: Database) -> None:
    with database.transaction() as connection:
        one = record("a", files=(("sha-256", digest("file")),), replaces="predecessor")
        records.insert_many(connection, [one])
        made_final(connection, closed(connection), 2)
        altered = change(connection, one.id, "a")
        assert records.erase(connection, one.id, "court order", 1_700_000_009.0)
        assert not records.erase(connection, one.id, "again", 1_700_000_010.0)
        found = records.get(connection, one.id)
        assert (found.leaf_index, found.state, found.erased_reason) == (1, "anchored", "court order")
        lost = (found.body, found.salt, found.body_digest, found.identity, found.number, found.issued)
        assert (set(lost), found.replaces) == ({None}, "predecessor")
        assert records.naming_file(connection, [("sha-256", digest("file"))], 9) == []
        told = statuses.get(connection, altered.id)
        assert (told.body, told.salt, told.digest) == (None, None, altered.digest)
        with pytest.raises(NotFound):
            records.erase(connection, "no such", "x", 0.0)


def test_of_an_erased_record_s_files_what_was_kept_leads_to_its_place(database: Database) -> None:
    with database.transaction() as connection:
        one, other = record("a", files=(("sha-256", digest("file")),)), record("b")
        records.insert_many(connection, [one, other])
        made_final(connection, closed(connection), 2)
        assert not records.any_kept(connection)
        assert records.files_of(connection, one.id) == [("sha-256", digest("file"))]
        kept = [(0, "sha-256", digest("kept")), (0, "sm3", digest("kept too")), (1, "sm3", digest("second"))]
        records.keep_files(connection, one.id, kept)
        records.erase(connection, one.id, "request", 1.0)
        assert records.any_kept(connection)
        for asked in (digest("kept"), digest("second")):
            found = records.erased_naming(connection, [asked, digest("unknown")], 9)
            assert sorted((row.n, row.algorithm, row.kept_digest) for row in found) == kept
            assert {(row.record_id, row.org, row.leaf_index) for row in found} == {(one.id, ORG, 1)}
        assert records.erased_naming(connection, [digest("file"), digest("unknown")], 9) == []


def test_an_erased_record_that_waited_enters_no_batch(database: Database) -> None:
    with database.transaction() as connection:
        one = accepted(connection, "a")[0]
        records.erase(connection, one.id, "sent by mistake", 1.0)
        assert records.take_pending(connection, ORG, 10) == []
        assert records.get(connection, one.id).state == "failed"
        accepted_again = record("a", body_digest=digest("again"))
        records.insert_many(connection, [accepted_again])


def test_erased_values_are_in_no_file_of_the_database(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'db'}")
    database.migrate()
    with database.transaction() as connection:
        new = [record(f"{digest(number).hex()[:12]}-{number}") for number in range(5_000)]
        records.insert_many(connection, new)
        closed(connection)
        gone = new[::50]
        for number, one in enumerate(gone):
            change(connection, one.id, f"person {number}")
    with database.transaction() as connection:
        for one in gone:
            records.erase(connection, one.id, "request", 2.0)
    database.scrub()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for number, one in enumerate(gone):
        secrets = (one.identity, one.number, one.body, one.salt, one.body_digest, f"text of person {number}")
        for secret in (*secrets, digest("change salt", f"person {number}")):
            assert (secret.encode() if isinstance(secret, str) else secret) not in stored  # type: ignore[union-attr]
    assert new[1].salt in stored
    database.close()


def test_postgresql_and_sqlite_refuse_a_half_erased_record(database: Database) -> None:
    with database.transaction() as connection:
        one = accepted(connection, "a")[0]
    with pytest.raises(Conflict), database.transaction() as connection:
        connection.execute(text("UPDATE records SET body = NULL WHERE id = :id"), {"id": one.id})
