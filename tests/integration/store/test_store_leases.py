"""Leases on PostgreSQL: one session has a role, another gets it when that ends, and the former one writes no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from chain_service.errors import Conflict
from chain_service.store import leases
from chain_service.store.connecting.drivers import DatabaseLimits
from chain_service.store.database import Database
from chain_service.store.leases import Lease


@pytest.fixture
def database(migrated_postgresql: str) -> Iterator[Database]:
    database = Database(migrated_postgresql)
    yield database
    database.close()


@pytest.fixture
def first(database: Database) -> Iterator[Lease]:
    lease = Lease(database, "send", "one:1")
    yield lease
    lease.release()


@pytest.fixture
def second(database: Database) -> Iterator[Lease]:
    lease = Lease(database, "send", "two:2")
    yield lease
    lease.release()


def cut(database: Database) -> None:
    """The server ends every session that keeps a lease, as a restart or a cut line would."""
    with database.transaction() as connection:
        connection.execute(text("SELECT pg_terminate_backend(session, 10000) FROM leases"))


def holders(database: Database) -> list[tuple[str, str, bool]]:
    with database.reading() as connection:
        return [(one.role, one.holder, one.held) for one in leases.listed(connection)]


def test_a_role_has_one_holder_and_goes_to_another_when_it_is_released(
    database: Database, first: Lease, second: Lease
) -> None:
    assert holders(database) == []
    assert first.take(1.0)
    assert first.take(2.0)
    assert not second.take(3.0)
    assert holders(database) == [("send", "one:1", True)]
    first.release()
    assert holders(database) == [("send", "one:1", False)]
    assert second.take(4.0)
    assert not first.take(5.0)
    assert holders(database) == [("send", "two:2", True)]


def test_each_role_is_taken_by_itself(database: Database, first: Lease) -> None:
    other = Lease(database, "index", "two:2")
    assert first.take(1.0)
    assert other.take(1.0)
    assert holders(database) == [("index", "two:2", True), ("send", "one:1", True)]
    other.release()


def test_whoever_lost_its_connection_writes_nothing_once_another_holds_the_role(
    database: Database, first: Lease, second: Lease
) -> None:
    guarded = database.guarded(first.require)
    assert first.take(1.0)
    with guarded.transaction() as connection:
        connection.execute(text("INSERT INTO accounts VALUES ('0x00', 0)"))
    cut(database)
    assert second.take(2.0)
    with pytest.raises(Conflict) as lost, guarded.transaction() as connection:
        connection.execute(text("INSERT INTO accounts VALUES ('0x01', 0)"))
    assert lost.value.code == "lease_lost"
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM accounts")).scalar_one() == 1
    assert not first.take(3.0)


def test_a_new_holder_waits_for_the_transaction_that_the_former_one_has_begun(
    database: Database, first: Lease, second: Lease
) -> None:
    assert first.take(1.0)
    with database.guarded(first.require).transaction() as connection:
        cut(database)
        with database.session() as waiting:
            waiting.exec_driver_sql("SET lock_timeout = 50")
            with pytest.raises(Exception, match="lock timeout"):
                waiting.execute(text("UPDATE leases SET term = term + 1"))
        connection.execute(text("INSERT INTO accounts VALUES ('0x00', 0)"))
    assert second.take(2.0)


def test_a_connection_that_was_cut_is_made_anew_in_a_new_term(database: Database, first: Lease) -> None:
    assert first.take(1.0)
    before = first.term
    cut(database)
    assert first.take(2.0)
    assert first.term == (before or 0) + 1


def test_nothing_is_written_before_a_lease_is_taken(database: Database, first: Lease) -> None:
    with pytest.raises(Conflict), database.guarded(first.require).transaction():
        pass


def test_on_sqlite_nobody_holds_a_lease(tmp_path_factory: pytest.TempPathFactory) -> None:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('leases') / 'db'}")
    database.migrate()
    with database.reading() as connection:
        assert leases.listed(connection) == []
    database.close()


def test_work_that_is_committed_as_one_may_have_long_statements(migrated_postgresql: str) -> None:
    database = Database(migrated_postgresql, DatabaseLimits(statement_seconds=0.2))
    try:
        with database.as_one() as beside, beside.transaction() as connection:
            connection.execute(text("SELECT pg_sleep(0.5)"))
    finally:
        database.close()
