"""The outbox: order, nonces, reverted and unconfirmed transactions."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Connection
from store_samples import ACCOUNT, signed, submission

from chain_service.errors import Conflict, NotFound
from chain_service.store import submissions
from chain_service.store.database import Database

NOW = 1_700_000_010.0


def due(connection: Connection, now: float = NOW) -> list[str]:
    return [one.id for one in submissions.due(connection, ACCOUNT, now)]


def test_submissions_are_due_in_order_and_one_at_a_time_per_subject(database: Database) -> None:
    with database.transaction() as connection:
        first, second = (submission(connection, subject="log A") for _ in range(2))
        other = submission(connection, subject="log B")
        assert due(connection) == [first, other]
        submissions.postpone(connection, first, "SuspendedOrganisation", NOW + 60)
        assert due(connection) == [other]
        assert due(connection, NOW + 60) == [first, other]
        assert [one.id for one in submissions.failing(connection)] == [first]
        signed(connection, first)
        assert due(connection) == [second, other]
        assert submissions.failing(connection) == []
        assert submissions.accounts_with_work(connection) == [ACCOUNT]


def test_a_submission_is_final_with_its_transaction(database: Database) -> None:
    with database.transaction() as connection:
        id = submission(connection)
        hash = signed(connection, id)
        submissions.mark_sent(connection, hash, NOW)
        assert submissions.unconfirmed(connection, ACCOUNT, NOW) == []
        assert [one.hash for one in submissions.unconfirmed(connection, ACCOUNT, NOW + 1)] == [hash]
        found = submissions.mark_final(connection, hash, 9)
        assert found is not None and (found.id, found.final_block, found.final_tx) == (id, 9, hash)
        assert submissions.unconfirmed(connection, ACCOUNT, NOW + 1) == []
        assert submissions.backlog(connection) == submissions.Backlog(0, None)
        assert submissions.accounts_with_work(connection) == []
        assert submissions.mark_final(connection, b"foreign", 9) is None


def test_a_reverted_transaction_stays_as_history_and_the_work_gets_a_new_nonce(database: Database) -> None:
    with database.transaction() as connection:
        id = submission(connection)
        first = signed(connection, id)
        assert due(connection) == []
        submissions.mark_reverted(connection, first, 5, "MissingRight", NOW + 5)
        assert due(connection) == []
        assert due(connection, NOW + 5) == [id]
        second = signed(connection, id)
        told = submissions.history(connection, id)
        assert [(one.hash, one.nonce, one.outcome) for one in told] == [(first, 0, "reverted"), (second, 1, None)]
        assert [one.hash for one in submissions.unmined(connection)] == [second]
        assert submissions.get(connection, id).attempts == 2


def test_a_submission_has_one_live_transaction(database: Database) -> None:
    with database.transaction() as connection:
        id = submission(connection)
        signed(connection, id)
    with pytest.raises(Conflict) as error, database.transaction() as connection:
        signed(connection, id)
    assert error.value.code == "constraint"


def test_a_nonce_is_used_once(database: Database) -> None:
    with database.transaction() as connection:
        first, second = submission(connection), submission(connection)
        signed(connection, first)
    with pytest.raises(Conflict), database.transaction() as connection:
        submissions.store_signed(connection, second, hash=b"x", account=ACCOUNT, nonce=0, raw=b"", at=NOW)


def test_nonces_never_fall_behind_the_chain(database: Database) -> None:
    with database.transaction() as connection:
        assert [submissions.take_nonce(connection, ACCOUNT, count) for count in (3, 0, 9, 9)] == [3, 4, 9, 10]


def test_workers_that_take_nonces_at_once_get_each_its_own(database: Database) -> None:
    taken: list[int] = []

    def take() -> None:
        for _ in range(10):
            with database.transaction() as connection:
                taken.append(submissions.take_nonce(connection, ACCOUNT, 0))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(40))


def test_a_nonce_is_given_back_when_its_transaction_rolls_back(database: Database) -> None:
    with pytest.raises(RuntimeError), database.transaction() as connection:
        submissions.take_nonce(connection, ACCOUNT, 0)
        raise RuntimeError
    with database.transaction() as connection:
        assert submissions.take_nonce(connection, ACCOUNT, 0) == 0


def test_what_is_under_way_cannot_be_abandoned(database: Database) -> None:
    with database.transaction() as connection:
        id = submission(connection)
        hash = signed(connection, id)
        with pytest.raises(Conflict) as error:
            submissions.abandon(connection, id, "HeadConflict", NOW)
        assert error.value.code == "submission_live"
        submissions.mark_reverted(connection, hash, 4, "HeadConflict", NOW)
        submissions.abandon(connection, id, "HeadConflict", NOW)
        assert due(connection) == []
        with pytest.raises(NotFound):
            submissions.get(connection, "no such")


def test_what_another_transaction_achieved_is_not_sent_again(database: Database) -> None:
    with database.transaction() as connection:
        id = submission(connection)
        submissions.mark_final_by_other(connection, id, 6)
        assert due(connection) == []
        assert submissions.get(connection, id).final_block == 6
