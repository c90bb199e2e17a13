"""Why the database cannot be used is told by name, in bounded time, and no longer once the cause is gone."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from chain_service.errors import ChainServiceError, Conflict, Unavailable
from chain_service.store.connecting.drivers import DatabaseLimits
from chain_service.store.connecting.outages import DATABASE_CAUSES
from chain_service.store.database import Database
from support.databases.postgresql import PostgresServer, pgbouncer, private_folder, standby

SHORT = DatabaseLimits(connections=3, pool_seconds=0.5, lock_seconds=0.5, statement_seconds=1.0)
PATIENT = replace(SHORT, lock_seconds=60.0, statement_seconds=60.0)
"""For what has to succeed however busy the machine is."""
ADD = text("INSERT INTO accounts VALUES (:address, 1)")


@contextmanager
def opened(url: str, limits: DatabaseLimits = SHORT) -> Iterator[Database]:
    database = Database(url, limits)
    try:
        yield database
    finally:
        database.close()


def refusal(act: Callable[[], object]) -> ChainServiceError:
    """What an act raises, within the seconds that monitoring may take."""
    start = time.monotonic()
    with pytest.raises(ChainServiceError) as raised:
        act()
    assert time.monotonic() - start < 30, "10 s where nothing else wants the processor"
    return raised.value


def write(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(text("UPDATE accounts SET next_nonce = next_nonce + 1"))


def test_a_lock_that_another_program_holds_is_named_and_forgotten(migrated_database_url: str) -> None:
    with opened(migrated_database_url) as database, opened(migrated_database_url) as other:
        for each in (database, other):
            each.migrate()
        begun, over = threading.Event(), threading.Event()

        def hold() -> None:
            with other.transaction() as connection:
                if other.dialect == "postgresql":
                    connection.execute(text("LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE"))
                begun.set()
                over.wait(60)

        holder = threading.Thread(target=hold)
        holder.start()
        try:
            begun.wait(60)
            assert refusal(lambda: write(database)).code == "database_locked"
            if database.dialect == "sqlite":
                assert refusal(database.check_use).code == "database_locked"
        finally:
            over.set()
            holder.join()
        write(database)
        database.check_use()


def test_statements_that_wait_for_a_lock_show_in_readiness(migrated_postgresql: str) -> None:
    with opened(migrated_postgresql, PATIENT) as database, opened(migrated_postgresql, PATIENT) as other:
        with other.transaction() as connection:
            connection.execute(text("LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE"))
            waiting = threading.Thread(target=write, args=(database,))
            waiting.start()
            told = until_refused(database.check_use)
            assert told.code == "database_locked"
        waiting.join()
        database.check_use()


def until_refused(act: Callable[[], object]) -> ChainServiceError:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            act()
        except ChainServiceError as error:
            return error
        time.sleep(0.1)
    raise AssertionError("it is never refused")


def test_a_statement_that_takes_too_long_is_ended(migrated_postgresql: str) -> None:
    with opened(migrated_postgresql) as database, database.reading() as connection:
        connection.execute(text("SELECT 1"))
    with opened(migrated_postgresql) as database:

        def dawdle() -> None:
            with database.reading() as connection:
                connection.execute(text("SELECT pg_sleep(60)"))

        assert refusal(dawdle).code == "database_slow"
        database.check_use()


def test_who_looks_whether_the_database_is_well_waits_for_no_connection_of_the_pool(migrated_database_url: str) -> None:
    with opened(migrated_database_url) as database:
        database.migrate()
        with ExitStack() as users:
            for _ in range(SHORT.connections):
                users.enter_context(database.reading()).execute(text("SELECT 1"))
            assert refusal(lambda: database.reading().__enter__()).code == "database_busy"
            database.check()
            assert refusal(database.check_use).code == "database_busy"
        database.check_use()


def test_a_login_that_is_refused_is_named() -> None:
    with private_folder() as folder:
        server = PostgresServer.made(folder)
        with server.running():
            server.execute("CREATE ROLE clerk LOGIN PASSWORD 'right' IN ROLE pg_read_all_data")
            server.rule("local all chain trust", "local all all scram-sha-256")
            for user, password in (("clerk", "wrong"), ("nobody_here", "right"), ("clerk", "")):
                with opened(server.url(user=user, password=password)) as database:
                    told = refusal(database.check)
                    assert told.code == "database_refused" and "right" not in told.message
            with opened(server.url(user="clerk", password="right")) as database:
                assert refusal(database.check).code == "database_older"


def test_a_standby_reads_and_says_that_it_is_one_until_promoted() -> None:
    with private_folder() as first, private_folder() as second:
        primary = PostgresServer.made(first)
        with primary.running():
            with opened(primary.url(), PATIENT) as database:
                database.migrate()
            with standby(primary, second) as copy, opened(copy.url()) as database:
                database.check()
                assert refusal(database.check_use).code == "database_standby"
                assert refusal(lambda: write(database)).code in ("database_read_only", "database_standby")
                copy.execute("SELECT pg_promote()")
                end = time.monotonic() + 60
                while True:
                    try:
                        database.check_use()
                        break
                    except Unavailable:
                        assert time.monotonic() < end
                        time.sleep(0.1)
                write(database)


def test_a_database_that_was_set_read_only_is_named(migrated_postgresql: str) -> None:
    name = make_url(migrated_postgresql).database
    with opened(migrated_postgresql) as database, opened(migrated_postgresql) as operator:
        with operator.transaction() as connection:
            connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
        assert refusal(database.check_use).code == "database_read_only"
        with operator.transaction() as connection:
            connection.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
        database.check_use()


def test_behind_pgbouncer_in_transaction_mode_the_database_works_within_its_bounds() -> None:
    with private_folder() as first, private_folder() as second:
        server = PostgresServer.made(first)
        with server.running():
            server.execute("CREATE DATABASE city")
            with pgbouncer(server, second, "city") as url, opened(url, PATIENT) as database:
                database.migrate()
                failures: list[Exception] = []

                def work(number: int) -> None:
                    try:
                        for turn in range(20):  # psycopg prepares what it has seen five times
                            with database.transaction() as connection:
                                connection.execute(ADD, {"address": f"{number}-{turn}"})
                            with database.reading() as connection:
                                connection.execute(text("SELECT count(*) FROM accounts")).scalar_one()
                    except Exception as error:  # noqa: BLE001 - carried to the main thread
                        failures.append(error)

                threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                assert failures == []
                with database.reading() as connection:
                    assert connection.execute(text("SELECT count(*) FROM accounts")).scalar_one() == 60
                    assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "1min"
                database.check_use()
                database.scrub()
                assert refusal(database.session).code == "behind_pooler"
                with opened(server.url("city")) as direct, direct.reading() as connection:
                    assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "500ms"


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("mysql://root:secret@db/city", "mysql"),
        ("oracle://root:secret@db/city", "oracle"),
        ("postgresql+psycopg2://root:secret@db/city", "postgresql+psycopg2"),
        ("sqlite+aiosqlite:///file", "sqlite+aiosqlite"),
        ("sqlite://", "in-memory"),
        ("sqlite:///:memory:", "in-memory"),
        ("sqlite:///file:secret?mode=memory&uri=true", "in-memory"),
        ("db.city.example:secret", "no URL"),
        ("postgresql://db:secret/city", "no URL"),
    ],
)
def test_a_url_of_no_supported_database_is_refused_by_name_and_never_shown(url: str, named: str) -> None:
    with pytest.raises(Conflict, match=named.replace("+", r"\+")) as refused:
        Database(url)
    assert refused.value.code == "unknown_database" and "secret" not in refused.value.message


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """A mount of its own at this folder."""
    folder.mkdir()
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(
            ["umount", "--lazy", str(folder)], check=True
        )  # SQLite closes late what one process opened twice


def test_a_full_disk_is_named_and_nothing_needs_a_restart(tmp_path: Path) -> None:
    small = tmp_path / "small"
    with mounted(small, "-t", "tmpfs", "-o", "size=6m", "none"), opened(f"sqlite:///{small}/db") as database:
        database.migrate()
        filler = small / "filler"
        with filler.open("wb", buffering=0) as stream, pytest.raises(OSError, match="No space"):
            while True:
                stream.write(os.urandom(2**14))
        assert refusal(lambda: add_much(database)).code == "disk_full"
        assert database.writes.failed is not None
        filler.unlink()
        database.check_use()
        add_much(database)


def add_much(database: Database, rows: int = 5_000) -> None:
    with database.transaction() as connection:
        connection.execute(ADD, [{"address": f"{time.monotonic_ns()}-{number}" * 5} for number in range(rows)])


def test_evidence_on_a_read_only_file_system_is_read_as_it_is(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    with opened(f"sqlite:///{evidence}/db") as database:
        database.migrate()
        add_much(database, 3)
    before = sorted(path.name for path in evidence.iterdir())
    with (
        mounted(tmp_path / "shown", "-o", "bind,ro", str(evidence)) as shown,
        opened(f"sqlite:///{shown}/db") as database,
    ):
        database.migrate()
        with database.reading() as connection:
            assert connection.execute(text("SELECT count(*) FROM accounts")).scalar_one() == 3
        assert refusal(lambda: write(database)).code == "database_read_only"
        assert refusal(database.check_use).code == "database_read_only"
    assert sorted(path.name for path in evidence.iterdir()) == before


def test_evidence_with_changes_in_its_write_ahead_log_is_read_with_them(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    with opened(f"sqlite:///{evidence}/db") as database:
        database.migrate()
        add_much(database, 3)
        with (
            mounted(tmp_path / "shown", "-o", "bind,ro", str(evidence)) as shown,
            opened(f"sqlite:///{shown}/db") as reader,
            reader.reading() as connection,
        ):
            assert connection.execute(text("SELECT count(*) FROM accounts")).scalar_one() == 3


def test_every_cause_has_a_sentence() -> None:
    assert all(sentence and not sentence.endswith(".") for sentence in DATABASE_CAUSES.values())
