"""Every column of every table is edited once, and every table loses and gains a row: audit names it, or says that
nothing proves it.

One instance with a full history serves all of them; each edit lives in a savepoint that is undone after its audit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Connection,
    Double,
    Index,
    LargeBinary,
    Table,
    TypeDecorator,
    UniqueConstraint,
    delete,
    insert,
    select,
    text,
    update,
)

from chain_service.core.chainproof.storage_layout import code_key
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.jobs.auditing.audit import NARROWED, audit, audit_stored
from chain_service.jobs.auditing.coverage import COVERAGE
from chain_service.jobs.auditing.findings import AuditFinding, row_name
from chain_service.store import chain_index
from chain_service.store.auditing.audits import PassedAudit
from chain_service.store.schema import metadata
from support.worlds.full_history import FullHistory, full_history
from support.worlds.jobs_city import Trial, instance

TABLES = sorted(metadata.tables)
AFTER_A_LOSS = ["unstored_seals", "unstored_versions"]
"""Tables that have rows only where something was lost before."""


def test_every_column_of_every_table_has_its_place_in_what_audit_covers() -> None:
    assert sorted(COVERAGE) == TABLES
    for name, table in metadata.tables.items():
        listed = [*COVERAGE[name].proven, *COVERAGE[name].unproven]
        assert sorted(listed) == sorted(column.name for column in table.columns), name


@pytest.fixture(scope="module")
def history(
    template: Trial, new_database_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FullHistory]:
    folder = tmp_path_factory.mktemp("audited")
    with template.copied(folder / "chain") as trial, instance(folder / "data", trial, new_database_url()) as city:
        yield full_history(city)


def test_an_instance_with_a_full_history_is_proven_and_has_a_row_in_every_table(history: FullHistory) -> None:
    report = audit(history.city.app)
    assert (report.findings, report.ok) == ((), True)
    with history.city.app.database.reading() as connection:
        empty = [name for name in TABLES if connection.execute(select(metadata.tables[name]).limit(1)).first() is None]
    assert empty == AFTER_A_LOSS


@pytest.mark.long
def test_an_edit_of_any_column_is_named_or_listed_as_not_proven(history: FullHistory) -> None:
    wrong = []
    for table, connection in tampered_tables(history):
        row = dict(history.row(connection, table))
        for column in metadata.tables[table].columns:
            edited = row | {column.name: _other(column, row[column.name])}
            found = _after(history, connection, _update(metadata.tables[table], row, edited))
            named = any(_names(one, table, which, column.name) for one in found for which in (row, edited))
            if named != (column.name in COVERAGE[table].proven):
                wrong.append((table, column.name, [(one.code, one.subject, dict(one.details)) for one in found]))
    assert wrong == []


@pytest.mark.long
def test_an_audit_since_an_earlier_one_still_proves_every_table_that_it_does_not_call_skipped(
    history: FullHistory,
) -> None:
    wrong = []
    for table, connection in tampered_tables(history):
        if table in NARROWED:
            continue
        _, passed = audit_stored(history.city.app, connection)
        row = dict(history.row(connection, table))
        for name in COVERAGE[table].proven:
            edited = row | {name: _other(metadata.tables[table].columns[name], row[name])}
            if not _after(history, connection, _update(metadata.tables[table], row, edited), passed):
                wrong.append((table, name))
    assert wrong == []


@pytest.mark.long
def test_a_row_that_is_lost_is_named_or_listed_as_not_proven(history: FullHistory) -> None:
    wrong = []
    for table, connection in tampered_tables(history):
        row = history.row(connection, table)
        found = _after(history, connection, delete(metadata.tables[table]).where(*_is(metadata.tables[table], row)))
        if bool(found) != (COVERAGE[table].may_be_lost is None):
            wrong.append((table, found))
    assert wrong == []


@pytest.mark.long
def test_a_row_that_is_added_is_named_or_listed_as_not_proven(history: FullHistory) -> None:
    wrong = []
    for table, connection in tampered_tables(history):
        named = metadata.tables[table]
        row = dict(history.row(connection, table))
        rules = [*(index for index in named.indexes if index.unique), *named.constraints]
        in_unique = {column for rule in rules if isinstance(rule, Index | UniqueConstraint) for column in rule.columns}
        for column in named.columns:
            if column.primary_key or column.unique or column in in_unique:
                row[column.name] = _other(column, row[column.name])
        found = _after(history, connection, insert(named).values(row))
        if bool(found) != (COVERAGE[table].may_be_added is None):
            wrong.append((table, found))
    assert wrong == []


@pytest.mark.long
def test_an_edit_of_what_is_remembered_of_a_lost_version_is_named(history: FullHistory) -> None:
    named, versions = metadata.tables["unstored_versions"], metadata.tables["catalog_versions"]
    wrong = []
    with tampering(history, named) as connection:
        lost = history.row(connection, "catalog_versions")
        connection.execute(delete(versions).where(versions.c.id == lost["id"]))
        event = next(
            event
            for event in chain_index.events(connection, ("CatalogChanged",))
            if event.block == lost["final_block"] and event.args["changes"][0][1] == lost["sequence"]
        )
        catalog, sequence, action, previous, digest = event.args["changes"][0]
        row = {
            "block": event.block,
            "position": event.position,
            "item": 0,
            "org": lost["org"],
            "catalog": bytes.fromhex(catalog),
            "sequence": sequence,
            "action": action,
            "previous": bytes.fromhex(previous),
            "digest": bytes.fromhex(digest),
        }
        connection.execute(insert(named).values(row))
        assert [one.code for one in audit_stored(history.city.app, connection)[0].findings] == [
            "catalog_version_missing"
        ]
        for column in named.columns:
            edited = row | {column.name: _other(column, row[column.name])}
            found = _after(history, connection, _update(named, row, edited))
            if not any(
                _names(one, "unstored_versions", which, column.name) for one in found for which in (row, edited)
            ):
                wrong.append((column.name, found))
        (forgotten,) = _after(history, connection, delete(named).where(*_is(named, row)))
        assert forgotten.code == "catalog_head_differs"
    assert wrong == []


@pytest.mark.long
def test_an_edit_of_what_is_remembered_of_a_lost_seal_is_named(history: FullHistory) -> None:
    named, seals, changes = (metadata.tables[name] for name in ("unstored_seals", "seals", "seal_changes"))
    wrong = []
    with tampering(history, named) as connection:
        lost = history.row(connection, "seals")
        connection.execute(delete(changes).where(changes.c.code == lost["code"]))
        connection.execute(delete(seals).where(seals.c.code == lost["code"]))
        (event,) = chain_index.events(connection, ("SealRegistered",), subject=code_key(lost["code"]))
        row = {"block": event.block, "position": event.position, "code": lost["code"], "owner": lost["owner"]}
        connection.execute(insert(named).values(row))
        assert {one.code for one in audit_stored(history.city.app, connection)[0].findings} == {"seal_missing"}
        for column in named.columns:
            edited = row | {column.name: _other(column, row[column.name])}
            found = _after(history, connection, _update(named, row, edited))
            if not any(_names(one, "unstored_seals", which, column.name) for one in found for which in (row, edited)):
                wrong.append((column.name, found))
        (forgotten,) = _after(history, connection, delete(named).where(*_is(named, row)))
        assert forgotten.code == "seal_missing"
        assert "row_added" in {one.code for one in _after(history, connection, insert(seals).values(lost))}
    assert wrong == []


SMOKE = ("blocks", "records", "batches", "alerts")
"""The tables edited on PostgreSQL: what is asked of the rows does not depend on the database."""


def tampered_tables(history: FullHistory) -> Iterator[tuple[str, Connection]]:
    """The tables to edit, each with a connection whose work is undone."""
    dialect = history.city.app.database.dialect
    for table in [name for name in TABLES if name not in AFTER_A_LOSS] if dialect == "sqlite" else SMOKE:
        with tampering(history, metadata.tables[table]) as connection:
            yield table, connection


@contextmanager
def tampering(history: FullHistory, table: Table) -> Iterator[Connection]:
    """A connection on which the database's own rules hold no more; nothing that it writes stays."""
    database = history.city.app.database
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection = connection.execution_options(chain_service_write=True)
            for pragma in ("foreign_keys=OFF", "ignore_check_constraints=ON"):
                connection.connection.driver_connection.execute(f"PRAGMA {pragma}").close()
        transaction = connection.begin()
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for rule in table.constraints:
                if isinstance(rule, CheckConstraint):
                    connection.execute(text(f'ALTER TABLE {table.name} DROP CONSTRAINT "{_rule_name(table, rule)}"'))
        try:
            yield connection
        finally:
            transaction.rollback()
            if connection.dialect.name == "sqlite":
                for pragma in ("foreign_keys=ON", "ignore_check_constraints=OFF"):
                    connection.connection.driver_connection.execute(f"PRAGMA {pragma}").close()


def _rule_name(table: Table, rule: CheckConstraint) -> str:
    name = str(rule.name)
    return name if name.startswith("ck_") else f"ck_{table.name}_{name}"


def _after(
    history: FullHistory, connection: Connection, statement: Any, passed: PassedAudit | None = None
) -> tuple[AuditFinding, ...]:
    """What an audit (since `passed`) finds after this statement, which is undone."""
    savepoint = connection.begin_nested()
    try:
        assert connection.execute(statement).rowcount in (1, -1)  # the driver does not count inserted rows
        report, _ = audit_stored(history.city.app, connection, passed=passed)
        return report.findings
    finally:
        savepoint.rollback()


def _is(table: Table, row: Mapping[str, Any]) -> list[Any]:
    return [column == row[column.name] for column in table.primary_key.columns]


def _update(table: Table, row: Mapping[str, Any], edited: Mapping[str, Any]) -> Any:
    return (
        update(table)
        .where(*_is(table, row))
        .values({name: edited[name] for name in edited if edited[name] != row[name]})
    )


def _other(column: Any, value: Any) -> Any:
    """Another value that the column can hold."""
    kind = column.type
    kind = kind.impl if isinstance(kind, TypeDecorator) else kind
    if isinstance(kind, Boolean):
        return not value
    if isinstance(kind, LargeBinary):
        return bytes([value[0] ^ 1]) + value[1:] if value else b"\x01" * 32
    if isinstance(kind, Double):
        return (value or 1_700_000_000.0) + 86_400
    if isinstance(value, int):
        return value + 1_000_003
    if isinstance(kind, type(metadata.tables["records"].c.id.type)):
        if value and value.startswith("0x"):
            return value[:-1] + ("0" if value[-1] != "0" else "1")
        return (value or "") + "x" if not (value or "").endswith("}") else value[:-1] + ', "x": 1}'
    return 1_000_003


def _names(finding: AuditFinding, table: str, row: Mapping[str, Any], column: str) -> bool:
    """The finding tells the table and the row, and the column or what does not agree."""
    told = finding.details.get("table", _TABLES_OF.get(finding.code, ""))
    if table not in told.split():
        return False
    columns = finding.details.get("columns", [column])
    return (column in columns or finding.code != "row_altered") and any(
        name in finding.subject for name in _names_of(table, row)
    )


_TABLES_OF = {
    "record_altered": "records",
    "record_missing": "records",
    "record_misplaced": "records",
    "change_altered": "status_changes",
    "change_missing": "status_changes",
    "status_differs": "status_events",
    "evidence_invalid": "batches",
    "head_unknown": "batches heads",
    "head_missing": "batches heads",
    "seal_differs": "seals seal_changes",
    "seal_missing": "seals",
    "catalog_missing": "catalog_versions",
    "catalog_altered": "catalog_versions",
    "catalog_gap": "catalog_versions",
    "catalog_wrong_predecessor": "catalog_versions",
    "catalog_head_differs": "catalog_versions",
    "index_differs": "blocks",
    "journal_differs": "journal_entries",
}
"""The tables that a finding without `table` tells of."""


def _names_of(table: str, row: Mapping[str, Any]) -> set[str]:
    """What a finding may call the row: its key, what it belongs to, its log or its block."""
    names = {row_name(table, row)}
    if table == "journal_entries":
        return {""}  # the head that they do not give is named
    names |= {str(row[name]) for name in ("id", "code", "record_id") if row.get(name)}
    if row.get("generation") is not None:
        names.add(log_id(OrgCode(row["org"]), row["generation"]).hex())
    if "log" in row:
        names.add(row["log"].hex())
    return names
