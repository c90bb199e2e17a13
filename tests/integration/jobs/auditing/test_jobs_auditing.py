"""The audit is content with what is true and names whatever was altered behind the service's back; rebuilding."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.errors import Corrupt, NotFound, Unavailable
from chain_service.jobs import workers
from chain_service.jobs.anchoring import publish_catalogs, register_seals
from chain_service.jobs.auditing.audit import AuditReport, audit, rebuild
from chain_service.jobs.records import records, state_history
from chain_service.jobs.registries import catalogs, seals
from chain_service.store.schema import metadata
from support.worlds.jobs_city import WAIT, City, Org, org_code
from support.worlds.registered import catalog_entry, publish, seal_entry, set_seal_state


@dataclass(frozen=True)
class Kept:
    """What an organisation has stored, altered by each test for as long as it looks."""

    city: City
    org: Org
    ids: list[str]
    seal: str
    catalog: str

    @property
    def log(self) -> bytes:
        return log_id(OrgCode(self.org.code), 0)

    def audit(self) -> AuditReport:
        return audit(self.city.app, self.org.code)

    def found(self) -> set[tuple[str, str]]:
        """Code and subject of every finding."""
        return {(one.code, one.subject) for one in self.audit().findings}

    def codes(self) -> set[str]:
        return {code for code, _ in self.found()}

    def rows(self, table: str, **where: Any) -> list[dict[str, Any]]:
        """The rows with these values."""
        named = metadata.tables[table]
        conditions = [named.c[name] == value for name, value in where.items()]
        with self.city.app.database.reading() as connection:
            return [dict(row._mapping) for row in connection.execute(named.select().where(*conditions))]

    def value(self, table: str, column: str, **where: Any) -> Any:
        return self.rows(table, **where)[0][column]

    @contextmanager
    def altered(self, table: str, values: Mapping[str, Any], **where: Any) -> Iterator[None]:
        """The rows with these values hold others meanwhile."""
        before = self.rows(table, **where)
        assert before
        named = metadata.tables[table]
        key = [column.name for column in named.primary_key if column.name not in values]
        self._run(named.update().where(*(named.c[name] == value for name, value in where.items())).values(values))
        try:
            yield
        finally:
            for row in before:
                place = [named.c[name] == row[name] for name in key]
                self._run(named.update().where(*place).values({name: row[name] for name in values}))

    @contextmanager
    def without(self, table: str, **where: Any) -> Iterator[None]:
        """The rows with these values are gone meanwhile."""
        before = self.rows(table, **where)
        assert before
        named = metadata.tables[table]
        self._run(named.delete().where(*(named.c[name] == value for name, value in where.items())))
        try:
            yield
        finally:
            for row in before:
                self._run(named.insert().values(row))

    def _run(self, statement: Any) -> None:
        with self.city.app.database.transaction() as connection:
            connection.execute(statement)


@pytest.fixture(scope="module")
def kept(shared_city: City) -> Kept:
    city = shared_city
    org = city.organisation()
    ids = city.anchor(org, *(org.certificate() for _ in range(3)))
    city.change(org, ids[0], "withdrawn", 2, text="以虚假材料取得")
    value = seal_entry(org)
    register_seals.register_seal(city.app, org.caller, value)
    first = catalog_entry(org)
    publish_catalogs.publish(city.app, org.caller, [first])
    publish_catalogs.publish(city.app, org.caller, [first | {"action": "change", "title": "改"}])
    ids += city.anchor(org, org.document())
    workers.wait_final(city.app, "status", ids[0], timeout=WAIT)
    workers.wait_final(city.app, "seal", value["sealCode"], timeout=WAIT)
    set_seal_state(city, org, value["sealCode"], "frozen")
    workers.wait_final(city.app, "catalog", first["catalogCode"], timeout=WAIT)
    return Kept(city, org, ids, value["sealCode"], first["catalogCode"])


@pytest.fixture(autouse=True)
def unaltered_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test leaves what is kept as it was."""
    yield
    if "kept" in request.fixturenames:
        assert request.getfixturevalue("kept").found() == set()


def test_what_was_not_altered_is_proven_whole(kept: Kept) -> None:
    report = kept.audit()
    assert (report.ok, report.findings) == (True, ())
    (log,) = report.logs
    assert (log.size, log.records, log.heads) == (5, 4, 2)
    assert (report.seals, report.catalog_entries) == (1, 1)


def other_content(kept: Kept) -> bytes:
    body = json.loads(kept.value("records", "body", id=kept.ids[1]))
    body["extension"]["scope"] = "热食类食品制售"
    return json.dumps(body).encode()


def test_an_altered_record_is_named_whatever_was_altered(kept: Kept) -> None:
    for values in (
        {"body": other_content(kept)},
        {"body": b'{"kind":"x"}'},
        {"body": b"\xff"},
        {"salt": bytes(32)},
        {"body_digest": bytes(31) + b"\7"},
        {"identity": "1.2.156.3005.2.x"},
    ):
        with kept.altered("records", values, id=kept.ids[1]):
            assert kept.found() == {("record_altered", kept.ids[1])}, values


def test_an_altered_record_does_not_verify_by_identifier_either(kept: Kept) -> None:
    body = json.loads(kept.value("records", "body", id=kept.ids[1]))
    holder = body["holders"][0]["certificateHolderName"]
    asked = {"identifier": body["certificateIdentifier"], "number": body["certificateNumber"], "holder_name": holder}
    with kept.altered("records", {"body": other_content(kept)}, id=kept.ids[1]):
        verdict = kept.city.verify(**asked)
    assert (verdict.answer, verdict.code) == ("invalid", "record_mismatch")
    assert kept.city.verify(**asked).code == "in_force_not_compared"


def test_a_deleted_record_is_missed(kept: Kept) -> None:
    files = kept.rows("record_files", record_id=kept.ids[1])
    with kept.without("record_files", record_id=kept.ids[1]), kept.without("records", id=kept.ids[1]):
        (finding,) = kept.audit().findings
    assert (finding.code, finding.details["index"], len(files)) == ("record_missing", 2, 2)


def test_records_that_changed_places_are_named(kept: Kept) -> None:
    first, second = kept.ids[1], kept.ids[2]
    with (
        kept.altered("records", {"leaf_index": 99}, id=first),
        kept.altered("records", {"leaf_index": 2}, id=second),
        kept.altered("records", {"leaf_index": 3}, id=first),
    ):
        assert kept.found() == {("record_altered", first), ("record_altered", second)}


def test_a_record_beyond_the_log_is_misplaced(kept: Kept) -> None:
    with kept.altered("records", {"leaf_index": 999}, id=kept.ids[3]):
        assert {"record_misplaced", "record_missing"} <= kept.codes()


def altered_tile(kept: Kept, level: int, at: int | None) -> Any:
    """One bit of the tile is another; without `at` it ends after two hashes."""
    place = {"org": kept.org.code, "generation": 0, "level": level, "n": 0}
    data = kept.value("tiles", "data", **place)
    other = data[:64] if at is None else data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    return kept.altered("tiles", {"data": other}, **place)


def test_altered_tiles_entries_and_cut_logs_are_named(kept: Kept) -> None:
    with altered_tile(kept, 0, 40):
        assert kept.codes() == {"tile_differs"}
    with altered_tile(kept, -1, 2 * 32):
        assert {"root_differs", "tile_differs", "record_altered", "row_altered"} == kept.codes()
        assert ("record_altered", kept.ids[1]) in kept.found()
    with altered_tile(kept, -1, 0):
        assert {"founding_entry_differs", "root_differs"} <= kept.codes()
    with altered_tile(kept, -1, None):
        assert "log_cut_short" in kept.codes()


def test_altered_and_forgotten_heads_are_named(kept: Kept) -> None:
    with kept.altered("batches", {"root": bytes(32)}, org=kept.org.code, new_size=4):
        assert "head_unknown" in kept.codes()
    with kept.altered("batches", {"final_block": None}, org=kept.org.code, new_size=4):
        assert "head_unknown" in kept.codes()
    with kept.altered("heads", {"root": bytes(32)}, log=kept.log, size=4):
        assert {"root_differs", "head_unknown"} <= kept.codes()
    with kept.without("heads", log=kept.log, size=5):
        assert {"head_missing", "head_unknown"} <= kept.codes()


def test_evidence_that_is_lost_or_proves_nothing_is_named(kept: Kept) -> None:
    other = kept.value("batches", "evidence", org=kept.org.code, new_size=5)
    for evidence in (b"{}", b"\xff", b"", None, other):
        with kept.altered("batches", {"evidence": evidence}, org=kept.org.code, new_size=4):
            assert kept.codes() == {"evidence_invalid"}


def test_an_indexed_state_that_the_chain_does_not_hold_is_named_and_the_chain_is_believed(kept: Kept) -> None:
    with kept.altered("status_events", {"state": 0}, log=kept.log):
        assert "status_differs" in kept.codes()
    with kept.without("status_events", log=kept.log):
        assert "status_differs" in kept.codes()
        assert kept.city.judged(kept.org, kept.ids[0]) == "withdrawn"


def test_an_altered_or_deleted_change_record_is_named(kept: Kept) -> None:
    body = kept.value("status_changes", "body", record_id=kept.ids[0])
    for values in (
        {"body": body.replace("虚假".encode(), "真实".encode())},
        {"salt": bytes(32)},
        {"body": None, "salt": None},
        {"body": b"{"},
    ):
        with kept.altered("status_changes", values, record_id=kept.ids[0]):
            assert kept.found() == {("change_altered", kept.ids[0])}
    with kept.altered("status_events", {"reason": 5}, log=kept.log):
        assert ("change_altered", kept.ids[0]) in kept.found()
    with kept.without("status_changes", record_id=kept.ids[0]):
        assert kept.found() == {("change_missing", kept.ids[0])}


def test_an_altered_seal_is_named_whatever_was_altered(kept: Kept) -> None:
    body = json.loads(kept.value("seals", "body", code=kept.seal))
    for member, value in (
        ("validUntil", "2099-12-31"),
        ("sealType", "02"),
        ("signerCertificates", ["sha-256:" + "ab" * 32]),
        ("digests", body["digests"] | {"sm3": "ab" * 32}),
        ("ownerCode", org_code(7)),
        ("surplus", 1),
    ):
        with kept.altered("seals", {"body": json.dumps(body | {member: value}).encode()}, code=kept.seal):
            assert kept.found() == {("seal_differs", kept.seal)}, member
    with kept.altered("seals", {"sm3": bytes(32)}, code=kept.seal):
        assert kept.found() == {("seal_differs", kept.seal)}


def test_a_deleted_seal_or_state_of_one_is_missed(kept: Kept) -> None:
    with kept.without("seal_changes", code=kept.seal):
        assert kept.found() == {("seal_differs", kept.seal)}
        with kept.without("seals", code=kept.seal):
            assert kept.found() == {("seal_missing", kept.seal)}


def test_a_deleted_catalog_version_or_entry_is_missed(kept: Kept) -> None:
    for sequence in (1, 2):
        with kept.without("catalog_versions", code=kept.catalog, sequence=sequence):
            assert {subject for _, subject in kept.found()} == {kept.catalog}
    with kept.without("catalog_versions", code=kept.catalog):
        assert kept.codes() == {"catalog_missing"}


def test_an_altered_catalog_version_is_named(kept: Kept) -> None:
    for sequence in (1, 2):
        body = kept.value("catalog_versions", "body", code=kept.catalog, sequence=sequence)
        id = kept.value("catalog_versions", "id", code=kept.catalog, sequence=sequence)
        other = {"body": body.replace("负责".encode(), "无关".encode())}
        with kept.altered("catalog_versions", other, code=kept.catalog, sequence=sequence):
            assert ("row_altered", f"catalog_versions:{id}") in kept.found()
            assert catalogs.history(kept.city.app, kept.catalog).proof.outcome == "failed"
    with kept.altered("catalog_versions", {"body": b"{"}, code=kept.catalog):
        assert kept.found() == {("catalog_altered", kept.catalog)}


def test_an_audit_while_workers_go_on_sees_one_moment(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    with workers.Workers(city.app):
        for _ in range(12):
            ids = city.submit(org, org.certificate(), org.certificate())
            assert audit(city.app, org.code).findings == ()
        city.make_final(ids)
    assert audit(city.app, org.code).logs[0].records == 24


def test_an_identifier_that_stands_twice_is_named(city: City) -> None:
    org = city.organisation()
    body = org.certificate()
    (first,) = city.anchor(org, body)
    city.tamper("UPDATE records SET identity = 'hidden' WHERE id = ?", first)
    (second,) = city.anchor(org, body)
    found = {(one.code, one.subject) for one in audit(city.app, org.code).findings}
    assert ("identifier_repeated", second) in found


def test_an_index_whose_last_block_was_altered_proves_nothing(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    city.anchor(org, org.certificate())
    city.tamper("UPDATE blocks SET hash = ? WHERE number = (SELECT max(number) FROM blocks)", bytes(32))
    report = audit(city.app, org.code)
    assert not report.ok
    assert [one.subject for one in report.findings] == [f"blocks:{report.chain.block}"]


def test_an_audit_without_a_node_says_so(own_city: City) -> None:
    org = own_city.organisation()
    own_city.anchor(org, org.certificate())
    own_city.trial.stop()
    try:
        with pytest.raises(Unavailable):
            audit(own_city.app, org.code)
    finally:
        own_city.trial.start()


def seen(city: City, org: Org, ids: list[str], seal: str, catalog: str) -> Any:
    """Everything that the index derives, as readers see it."""
    return (
        [records.read(city.app, id) for id in ids],
        [records.proof(city.app, id) for id in ids],
        [state_history.disclosed_history(city.app, id, org.caller) for id in ids],
        [city.judged(org, id) for id in ids],
        seals.seal(city.app, seal),
        catalogs.history(city.app, catalog),
        audit(city.app, org.code),
    )


def test_rebuilding_the_index_gives_the_same_state(own_city: City, tmp_path: Path) -> None:
    city = own_city
    org = city.organisation()
    ids = city.anchor(org, org.certificate(), org.certificate())
    ids += city.anchor(org, org.certificate(replaces=ids[0]))
    workers.wait_final(city.app, "status", ids[0], timeout=WAIT)
    city.set_state(org, ids[1], "suspended", 12)
    value = seal_entry(org)
    register_seals.register_seal(city.app, org.caller, value)
    (catalog,) = publish(city, org, catalog_entry(org))
    workers.wait_final(city.app, "seal", value["sealCode"], timeout=WAIT)
    before = seen(city, org, ids, value["sealCode"], catalog)
    told = rebuild(city.app)
    assert (told.anchored, told.batched) == (3, 0)
    assert seen(city, org, ids, value["sealCode"], catalog) == before
    city.rounds()
    assert seen(city, org, ids, value["sealCode"], catalog)[:3] == before[:3], "nothing was sent again"
    (later,) = city.anchor(org, org.certificate())
    assert records.read(city.app, later).index == 4


def test_an_audit_of_nobody_is_no_audit(city: City) -> None:
    unknown = org_code(99_999_999)
    for code in ("x", "", unknown, unknown.lower(), "\u0aec"):
        with pytest.raises(NotFound) as refused:
            audit(city.app, code)
        assert refused.value.code == "organisation_unknown"
    report = audit(city.app, city.organisation().code)
    assert (report.ok, report.logs, report.seals, report.catalog_entries) == (True, (), 0, 0)


def test_a_change_record_of_any_bytes_is_named_and_ends_no_audit(kept: Kept) -> None:
    for body in (b"garbage", b"[]", b"", b"\xff", b"{}"):
        with kept.altered("status_changes", {"body": body}, record_id=kept.ids[0]):
            assert kept.found() == {("change_altered", kept.ids[0])}, body


def test_a_damaged_seal_or_catalog_version_is_corrupt_to_its_readers(kept: Kept) -> None:
    for body in (b"garbage", b"[]", b"{}"):
        with kept.altered("seals", {"body": body}, code=kept.seal), pytest.raises(Corrupt):
            seals.seal(kept.city.app, kept.seal)
        with kept.altered("catalog_versions", {"body": body}, code=kept.catalog), pytest.raises(Corrupt):
            catalogs.history(kept.city.app, kept.catalog)
