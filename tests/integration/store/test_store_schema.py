"""The schema's versions."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, inspect, text

from chain_service.errors import BadRequest, Conflict, Unavailable
from chain_service.store.auditing import journal
from chain_service.store.auditing.journal import JOURNALED
from chain_service.store.database import FIRST_TO_COMPARE, MIGRATIONS, Database, _versions
from chain_service.store.schema import metadata


def test_an_empty_database_gets_the_whole_schema(database: Database) -> None:
    database.check()
    with database.reading() as connection:
        assert set(metadata.tables) < set(inspect(connection).get_table_names())
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_partial_indexes_and_checks_are_the_same_as_in_the_schema(database: Database) -> None:
    with database.reading() as connection:
        found = inspect(connection)
        for table in metadata.tables.values():
            indexes = {index["name"] for index in found.get_indexes(table.name)}
            assert {index.name for index in table.indexes} <= indexes
            checks = {check["name"] for check in found.get_check_constraints(table.name)}
            named = {str(rule.name) for rule in table.constraints if isinstance(rule, CheckConstraint)}
            assert named == checks


def test_migrating_again_changes_nothing(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(text("INSERT INTO accounts VALUES ('0x00', 7)"))
    database.migrate()
    with database.reading() as connection:
        assert connection.execute(text("SELECT next_nonce FROM accounts")).scalar_one() == 7


def test_several_programs_may_migrate_at_once(empty_database_url: str) -> None:
    failures: list[BaseException] = []

    def migrate() -> None:
        database = Database(empty_database_url)
        try:
            database.migrate()
        except BaseException as error:  # noqa: BLE001 - carried to the main thread
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    database = Database(empty_database_url)
    database.check()
    database.close()


def newer(database: Database, readable_from: str) -> None:
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("UPDATE compatibility SET readable_from = :from"), {"from": readable_from})


def test_a_database_that_a_newer_program_only_added_to_is_served_as_it_is(database: Database) -> None:
    newer(database, _versions()[0])
    database.check()
    database.migrate()
    with database.reading() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_a_newer_database_that_does_not_say_who_may_serve_it_is_refused(database: Database) -> None:
    newer(database, _versions()[0])
    with database.transaction() as connection:
        connection.execute(text("DELETE FROM compatibility"))
    with pytest.raises(Conflict, match="newer version"):
        database.check()


def test_migrations_only_add_unless_they_say_who_cannot_serve_any_more(empty_database_url: str) -> None:
    """A program of the version before goes on reading and writing: no table or column that it knows is gone or of
    another kind, and none that it does not know has to be given.
    """
    database = Database(empty_database_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = {one.revision: one.module for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    before: dict[str, list[dict[str, Any]]] = {}
    for revision in sorted(scripts):
        with database.transaction() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            found = inspect(connection)
            now = {name: found.get_columns(name) for name in found.get_table_names()}
        if revision >= FIRST_TO_COMPARE and getattr(scripts[revision], "readable_from", "") < revision:
            assert_only_added(before, now)
        before = now
    database.close()


def assert_only_added(before: dict[str, list[dict[str, Any]]], now: dict[str, list[dict[str, Any]]]) -> None:
    for table, columns in before.items():
        after = {column["name"]: column for column in now[table]}
        for column in columns:
            left = after.pop(column["name"])
            assert (str(left["type"]), left["nullable"]) == (str(column["type"]), column["nullable"])
        assert all(column["nullable"] or column["default"] is not None for column in after.values())


def test_a_column_that_must_be_given_is_no_mere_addition() -> None:
    old, new = ({"name": name, "type": "TEXT", "nullable": False, "default": None} for name in "ab")
    assert_only_added({"t": [old]}, {"t": [old, new | {"default": "''"}], "u": [new]})
    for wrong in ([old, new], [new], [old | {"nullable": True}], [old | {"type": "BLOB"}]):
        with pytest.raises((AssertionError, KeyError)):
            assert_only_added({"t": [old]}, {"t": wrong})


def test_a_migration_waits_for_those_who_write_by_giving_way(
    empty_postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody writes while the schema changes: the migration neither fails nor ends what they do."""
    database, next_program = Database(empty_postgresql), Database(empty_postgresql)
    database.migrate()
    lowered = threading.Event()

    def alter(connection: Connection) -> None:
        lowered.set()
        connection.execute(text("ALTER TABLE accounts ADD COLUMN note TEXT"))
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": _versions()[0]})

    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": _versions()[1]})
    monkeypatch.setattr("chain_service.store.database._upgrade", alter)
    with database.transaction() as writer:
        writer.execute(text("INSERT INTO accounts VALUES ('0x00', 7)"))
        migrating = threading.Thread(target=next_program.migrate)
        migrating.start()
        assert lowered.wait(60)
        lowered.clear()
        assert lowered.wait(60)  # it has given way and come back
        writer.execute(text("INSERT INTO accounts VALUES ('0x01', 8)"))
    migrating.join(60)
    database.check()
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(note), count(*) FROM accounts")).one() == (0, 2)
    database.close()
    next_program.close()


def test_a_database_of_a_newer_program_is_refused(database: Database) -> None:
    newer(database, "9999")
    for refused in (database.check, database.migrate):
        with pytest.raises(Conflict, match="newer version") as error:
            refused()
        assert error.value.code == "database_newer"


def test_a_database_before_its_migration_is_refused(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with pytest.raises(Conflict) as error:
        database.check()
    assert error.value.code == "database_older"
    database.close()


def test_a_database_out_of_reach_is_unavailable(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/nowhere/db", f"postgresql://chain@/none?host={tmp_path}"):
        database = Database(url)
        with pytest.raises(Unavailable) as error:
            database.check()
        assert error.value.code == "database_unavailable"
        database.close()


def test_a_reading_sees_one_moment_and_cannot_write(database: Database) -> None:
    with database.reading() as connection:
        count = text("SELECT count(*) FROM accounts")
        assert connection.execute(count).scalar_one() == 0
        with database.transaction() as writer:
            writer.execute(text("INSERT INTO accounts VALUES ('0x00', 0)"))
        assert connection.execute(count).scalar_one() == 0
    with pytest.raises(Exception, match=r"(?i)read.?only"), database.reading() as connection:
        connection.execute(text("INSERT INTO accounts VALUES ('0x01', 0)"))
    with database.reading() as connection:
        assert connection.execute(count).scalar_one() == 1


def test_sqlite_is_durable_and_overwrites_what_is_deleted(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/db")
    database.migrate()
    with database.reading() as connection:
        told = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        }
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert told == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 30_000
    }  # fmt: skip
    database.close()


def test_the_versions_read_from_file_names_are_those_that_migrations_form() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    assert _versions() == tuple(script.revision for script in scripts)


def test_a_value_that_no_column_can_hold_is_the_caller_s_mistake(database: Database) -> None:
    number = text("SELECT address FROM accounts WHERE next_nonce = CAST(:value AS bigint)")
    with pytest.raises(BadRequest), database.reading() as connection:
        connection.execute(number, {"value": 10**30})
    if database.dialect == "postgresql":
        with pytest.raises(BadRequest), database.reading() as connection:
            connection.execute(text("SELECT address FROM accounts WHERE address = :value"), {"value": "a\0b"})


def test_the_journal_begins_with_what_a_database_from_before_it_holds(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.transaction() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")  # the last one without it
        key = "INSERT INTO api_keys (id, org, roles, hash, label, created_at) VALUES ('k', 'o', 'audit', :hash, '', 1)"
        connection.execute(text(key), {"hash": bytes(32)})
        read = "INSERT INTO readings (at, key_id, org, action, cause) VALUES (1, 'k', 'o', 'search', '')"
        connection.execute(text(read))
    database.migrate()
    with database.reading() as connection:
        assert {table: n for table in JOURNALED if (n := journal.count_rows(connection, table))} == {
            "api_keys": 1,
            "readings": 1,
        }
        assert all(journal.latest(connection, "api_keys", ["k"]))
    database.close()
