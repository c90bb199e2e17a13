"""Seals, catalog entries, API keys, types, alerts and readings."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, text
from store_samples import ORG, OTHER, accepted, digest, submission
from structlog.testing import capture_logs

from chain_service.errors import Conflict, NotFound
from chain_service.store import alerts, chain_index, readings, records, schema, submissions, types
from chain_service.store.access import keys
from chain_service.store.database import Database
from chain_service.store.registries import catalogs, seals

FINAL = {"block": 7, "hash": b"h", "time": 1_700_000_200, "tx": b"t"}


def seal(connection: Connection, code: str, owner: str = ORG) -> seals.NewSeal:
    carrier = submission(connection, "seal_register", code)
    new = seals.NewSeal(code, owner, digest("sha", code), digest("sm3", code), b"{}", None, 1.0, carrier)
    seals.add(connection, new)
    return new


def seal_change(connection: Connection, code: str, n: int, state: int) -> seals.NewSealChange:
    new = seals.NewSealChange(
        f"{code}/{n}/{state}", code, n, state, None, 2.0, submission(connection, "seal_state", code)
    )
    seals.add_change(connection, new)
    return new


def version(
    connection: Connection, code: str, sequence: int, *, org: str = ORG, layer: str = "data", mark: str = ""
) -> catalogs.NewCatalogVersion:
    new = catalogs.NewCatalogVersion(
        id=f"{code}#{sequence}{mark}",
        code=code,
        sequence=sequence,
        org=org,
        layer=layer,
        action="publish" if sequence == 1 else "change",
        digest=digest(code, sequence, mark),
        previous=None if sequence == 1 else digest(code, sequence - 1, mark),
        body=b"{}",
        key_id=None,
        created_at=3.0,
        submission_id=submission(connection, "catalog", org),
    )
    catalogs.add_many(connection, [new])
    return new


def test_a_seal_is_registered_once(database: Database) -> None:
    with database.transaction() as connection:
        new = seal(connection, "S1")
        assert seals.mark_final(connection, "S1", new.sha256, **FINAL) == new.submission_id
        assert seals.mark_final(connection, "S1", b"other", **FINAL) is None
        assert seals.get(connection, "S1").final_block == 7
        assert seals.by_digest(connection, new.sm3) == seals.get(connection, "S1")
        assert [found.code for found in seals.of_owner(connection, ORG)] == ["S1"]
        assert seals.of_owner(connection, OTHER) == []
        with pytest.raises(NotFound):
            seals.get(connection, "S2")
    with pytest.raises(Conflict), database.transaction() as connection:
        seal(connection, "S1")


def test_a_refused_seal_leaves_its_code_free(database: Database) -> None:
    with database.transaction() as connection:
        new = seal(connection, "S1")
        seals.refuse(connection, new.submission_id, "MissingRight")
        assert seals.get(connection, "S1").refused == "MissingRight"
        seal(connection, "S1", OTHER)
        assert seals.get(connection, "S1").owner == OTHER


def test_a_seal_has_one_change_under_way(database: Database) -> None:
    with database.transaction() as connection:
        seal(connection, "S1")
        frozen = seal_change(connection, "S1", 1, 2)
    with pytest.raises(Conflict), database.transaction() as connection:
        seal_change(connection, "S1", 2, 1)
    with database.transaction() as connection:
        assert seals.mark_change_final(connection, "S1", 1, 2, **FINAL) == frozen.submission_id
        wrong = seal_change(connection, "S1", 2, 3)
        seals.refuse(connection, wrong.submission_id, "IllegalSealState")
        right = seal_change(connection, "S1", 2, 1)
        told = [(found.n, found.state, found.final_block) for found in seals.changes(connection, "S1")]
        assert told == [(1, 2, 7), (2, 1, None)]
        assert [found.id for found in seals.by_submission(connection, right.submission_id)[1]] == [right.id]


def test_versions_of_a_catalog_entry_may_wait_in_order(database: Database) -> None:
    with database.transaction() as connection:
        for sequence in (1, 2, 3):
            version(connection, "307001/000012", sequence)
        catalogs.mark_final(connection, "307001/000012", 1, digest("307001/000012", 1, ""), **FINAL)
        told = [(found.sequence, found.final_block) for found in catalogs.history(connection, "307001/000012")]
        assert told == [(1, 7), (2, None), (3, None)]
        assert catalogs.latest(connection, ["307001/000012", "none"])["307001/000012"].sequence == 3
    with pytest.raises(Conflict), database.transaction() as connection:
        version(connection, "307001/000012", 3, mark="fork")


def test_a_refused_version_takes_those_behind_it_along(database: Database) -> None:
    with database.transaction() as connection:
        first, second, third = (version(connection, "A/1", sequence) for sequence in (1, 2, 3))
        catalogs.mark_final(connection, "A/1", 1, first.digest, **FINAL)
        submissions.mark_final_by_other(connection, first.submission_id, 7)
        assert [found.id for found in catalogs.unsigned(connection, ORG)] == [second.id, third.id]
        catalogs.refuse(connection, "A/1", 2, "CatalogConflict")
        assert catalogs.unsigned(connection, ORG) == []
        assert [found.sequence for found in catalogs.history(connection, "A/1")] == [1]
        again = version(connection, "A/1", 2, mark="again")
        assert catalogs.latest(connection, ["A/1"])["A/1"].id == again.id
        assert catalogs.by_digest(connection, second.digest) is None


def test_catalog_entries_are_listed_by_organisation_and_layer(database: Database) -> None:
    with database.transaction() as connection:
        for code in ("A/3", "A/1", "A/2"):
            version(connection, code, 1)
            version(connection, code, 2)
        version(connection, "B/1", 1, org=OTHER, layer="table")
        found, after = catalogs.page(connection, org=ORG, layer=None, after=None, limit=2)
        assert ([one.code for one in found], [one.sequence for one in found], after) == (["A/1", "A/2"], [2, 2], "A/2")
        found, after = catalogs.page(connection, org=ORG, layer=None, after=after, limit=2)
        assert ([one.code for one in found], after) == (["A/3"], None)
        found, after = catalogs.page(connection, org=None, layer="table", after=None, limit=2)
        assert [one.code for one in found] == ["B/1"]
        assert catalogs.codes(connection) == ["A/1", "A/2", "A/3", "B/1"]


def test_what_fell_out_waits_again(database: Database) -> None:
    with database.transaction() as connection:
        registered = seal(connection, "S1")
        seals.mark_final(connection, "S1", registered.sha256, **FINAL)
        for n, state in ((1, 2), (2, 1)):
            seal_change(connection, "S1", n, state)
            seals.mark_change_final(connection, "S1", n, state, **FINAL)
        version(connection, "A/1", 1)
        catalogs.mark_final(connection, "A/1", 1, digest("A/1", 1, ""), **FINAL)
        chain_index.rollback_to(connection, 6, 9.0)
        fallen = [seals.get(connection, "S1"), *seals.changes(connection, "S1"), *catalogs.history(connection, "A/1")]
        assert [(one.final_block, one.final_tx, one.fell_out_at) for one in fallen] == [(None, None, 9.0)] * 4


def test_a_key_is_known_by_its_hash_until_revoked(database: Database) -> None:
    new = keys.ApiKey("k1", ORG, ("anchor", "status"), digest("key"), "window 3", 1.0)
    with database.transaction() as connection:
        keys.add(connection, new)
        assert keys.by_hash(connection, digest("key")) == new
        assert keys.by_hash(connection, digest("other")) is None
        assert keys.roles_of(connection, "k1") == ("anchor", "status")
        assert keys.revoke(connection, "k1", 2.0)
        assert not keys.revoke(connection, "k1", 3.0)
        assert keys.roles_of(connection, "k1") == ()
        (revoked,), _ = keys.page(connection, keys.KeyFilters(org=ORG), skip=0, limit=10)
        assert revoked.revoked_at == 2.0
        assert keys.page(connection, keys.KeyFilters(org=OTHER), skip=0, limit=10) == ([], None)
        with pytest.raises(NotFound):
            keys.revoke(connection, "k2", 2.0)


def test_a_type_keeps_its_latest_body(database: Database) -> None:
    with database.transaction() as connection:
        types.put(connection, types.StoredCertificateType("T1", {"name": "出生医学证明"}, 1.0))
        types.put(connection, types.StoredCertificateType("T1", {"name": "营业执照"}, 2.0))
        assert types.find(connection, "T1") == types.StoredCertificateType("T1", {"name": "营业执照"}, 1.0)
        assert types.find(connection, "T2") is None
        assert len(types.listed(connection)) == 1


def test_an_alert_stands_once_until_it_is_cleared(database: Database) -> None:
    with database.transaction() as connection:
        assert alerts.put(connection, "head_conflict", "log", {"size": 3}, 1.0)
        assert not alerts.put(connection, "head_conflict", "log", {"size": 4}, 2.0)
        assert [(one.code, one.details) for one in alerts.listed(connection)] == [("head_conflict", {"size": 3})]
        assert alerts.clear(connection, "head_conflict", "log", 3.0)
        assert not alerts.clear(connection, "head_conflict", "log", 4.0)
        assert alerts.listed(connection) == []
        assert alerts.put(connection, "head_conflict", "log", {}, 5.0)
        assert len(alerts.listed(connection, cleared=True)) == 2


def test_the_log_tells_of_an_alert_once_it_is_stored_and_of_none_that_is_not(database: Database) -> None:
    def put(code: str, connection: Connection) -> None:
        assert alerts.put(connection, code, "a", {}, 1.0)

    def fail(*_: object) -> None:
        raise RuntimeError

    with capture_logs() as lines:
        with pytest.raises(RuntimeError), database.transaction() as connection:
            put("nonce_gap", connection)
            fail()
        with pytest.raises(RuntimeError), database.transaction() as connection:
            put("nonce_gap", connection)
            event.listen(connection, "commit", fail)
        with database.as_one() as beside:
            with pytest.raises(RuntimeError), beside.transaction() as connection:
                put("nonce_gap", connection)
                fail()
            with beside.transaction() as connection:
                put("no_account", connection)
            assert not lines
        with database.transaction() as connection:
            put("nonce_gap", connection)
            assert alerts.clear(connection, "no_account", "a", 2.0)
        with database.transaction() as connection:
            (standing,) = alerts.listed(connection)
            assert alerts.settle(connection, standing.id, 2.0) and not alerts.settle(connection, standing.id, 2.0)
    assert [(line["event"], line["code"], line["subject"]) for line in lines if "alert" in line["event"]] == [
        ("alert raised", "no_account", "a"),
        ("alert raised", "nonce_gap", "a"),
        ("alert cleared", "no_account", "a"),
        ("alert cleared", "nonce_gap", "a"),
    ]


def test_standing_alerts_are_all_found_and_without_a_walk_through_those_that_ended(database: Database) -> None:
    row = {"at": 1.0, "code": "nonce_gap", "subject": "0", "details": "{}", "cleared_at": 2.0}
    refused = [row | {"code": "refused_by_node", "subject": str(n), "cleared_at": None} for n in range(1_001)]
    asked: list[tuple[str, Any]] = []
    with database.transaction() as connection:
        assert alerts.put(connection, "no_account", "oldest", {}, 1.0)
        connection.execute(insert(schema.alerts), refused + [row] * 2_000)
        columns = [schema.alerts.c[name] for name in row]
        for _ in range(4):
            ended = select(*columns).where(schema.alerts.c.cleared_at.is_not(None))
            connection.execute(insert(schema.alerts).from_select(columns, ended))
        connection.exec_driver_sql("ANALYZE")
        event.listen(connection, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
        assert [one.subject for one in alerts.standing(connection, {"no_account", "nonce_gap"})] == ["oldest"]
        assert len(alerts.standing(connection, {"refused_by_node"})) == 1_001
        assert [one.subject for one in alerts.listed(connection)][:2] == ["1000", "999"]
        explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
        for statement, parameters in list(asked):
            plan = str(connection.exec_driver_sql(explain + statement, parameters).all())
            assert "uq_alerts_standing" in plan, plan


def test_alerts_are_paged_newest_first(database: Database) -> None:
    with database.transaction() as connection:
        for number in range(4):
            assert alerts.put(connection, "nonce_gap" if number else "head_conflict", f"a{number}", {}, float(number))
        assert alerts.clear(connection, "nonce_gap", "a2", 9.0)
    with database.reading() as connection:
        asked = {"code": None, "cleared": False, "before": None, "limit": 2}
        newest, following = alerts.page(connection, **asked)
        assert [one.subject for one in newest] == ["a3", "a1"]
        oldest, end = alerts.page(connection, **asked | {"before": following})
        assert ([one.subject for one in oldest], end) == (["a0"], None)
        over, _ = alerts.page(connection, **asked | {"code": "nonce_gap", "cleared": True})
        assert [one.subject for one in over] == ["a3", "a2"]
        assert alerts.get(connection, over[1].id) == over[1] and over[1].cleared_at == 9.0
        assert alerts.get(connection, 10**6) is None


def test_readings_are_logged_newest_first(database: Database) -> None:
    log = readings.ReadingLog(database)
    for at in (1.0, 2.0, 3.0):
        log.write([readings.NewReading(at, "k1", ORG, "r1" if at < 3 else None, "disclosure", "audit")])
    with database.reading() as connection:
        assert [one.at for one in readings.of_record(connection, "r1")] == [2.0, 1.0]
        newest, following = readings.page(connection, readings.ReadingFilters(), limit=2)
        assert [one.at for one in newest] == [3.0, 2.0] and following == newest[-1].id
        oldest, end = readings.page(connection, readings.ReadingFilters(), before=following)
        assert [one.at for one in oldest] == [1.0] and end is None
        since = readings.ReadingFilters(ORG, "r1", "k1", "disclosure", since=2.0, until=3.0)
        assert [one.at for one in readings.page(connection, since)[0]] == [2.0]
        for other in ({"org": "other"}, {"key_id": "k2"}, {"action": "search"}, {"until": 2.0}, {"record_id": "r2"}):
            assert readings.page(connection, replace(since, **other))[0] == []


def test_an_organisation_sees_readings_of_its_records_and_by_its_keys_alone(database: Database) -> None:
    with database.transaction() as connection:
        (own,) = accepted(connection, "own")
        (foreign,) = accepted(connection, "foreign", org=OTHER)
    by = {ORG: "k1", OTHER: "k2", None: None}
    for org in by:
        readings.ReadingLog(database).write(
            [
                readings.NewReading(1.0, by[org], org, record_id, "verify", "cause")
                for record_id in (own.id, foreign.id, None)
            ]
        )
    with database.transaction() as connection:
        records.erase(connection, own.id, "asked for", 2.0)
    with database.reading() as connection:
        seen = {(one.org, one.record_id) for one in readings.page(connection, readings.ReadingFilters(ORG))[0]}
        asked = readings.ReadingFilters(ORG, record_id=foreign.id)
        assert [one.org for one in readings.page(connection, asked)[0]] == [ORG]
    assert seen == {(ORG, own.id), (ORG, foreign.id), (ORG, None), (OTHER, own.id), (None, own.id)}


def test_readings_of_many_threads_are_all_durable_once_their_writers_go_on(database: Database) -> None:
    log = readings.ReadingLog(database)

    def read_ten(reader: int) -> None:
        for n in range(10):
            log.write([readings.NewReading(float(n), f"k{reader}", ORG, "r1", "disclosure", "audit")])
            with database.reading() as connection:
                own = [one for one in readings.of_record(connection, "r1") if one.key_id == f"k{reader}"]
            assert len(own) == n + 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read_ten, range(8)))


def test_a_reading_that_cannot_be_logged_takes_no_other_along(database: Database) -> None:
    log = readings.ReadingLog(database)
    unstorable: Any = object()

    def look_up(reader: int) -> None:
        log.write([readings.NewReading(1.0, "k1", ORG, "r1", "disclosure", unstorable if reader == 0 else "audit")])

    with ThreadPoolExecutor(8) as pool, database.transaction():  # while it holds SQLite, the readings gather
        waiting = [pool.submit(look_up, reader) for reader in range(8)]
        time.sleep(0.2)
    assert [one.exception() is None for one in waiting] == [False] + 7 * [True]
    with database.reading() as connection:
        assert len(readings.of_record(connection, "r1")) == 7


def test_every_writer_hears_of_a_reading_that_could_not_be_logged(database: Database) -> None:
    log = readings.ReadingLog(database)
    with database.transaction() as connection:
        connection.execute(text("ALTER TABLE readings RENAME TO elsewhere"))
    with ThreadPoolExecutor(4) as pool:
        written = [
            pool.submit(log.write, [readings.NewReading(1.0, "k1", ORG, "r1", "disclosure", "audit")]) for _ in range(8)
        ]
        assert all(one.exception() is not None for one in written)
