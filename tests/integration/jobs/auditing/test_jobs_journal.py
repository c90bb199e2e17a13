"""The journal of what no chain proves: anchored as a record in its time, and audit names whoever contradicts it."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.config import Config

from chain_service.core.log.merkle import GrowingRoot
from chain_service.core.records.statements import JOURNAL_HEAD
from chain_service.errors import Conflict, MalformedRecord
from chain_service.jobs.anchoring import journal_heads
from chain_service.jobs.anchoring.journal_heads import keep_journal
from chain_service.jobs.asker import Operator
from chain_service.jobs.auditing.audit import audit
from chain_service.jobs.instance.api_keys import create_key, revoke_key
from chain_service.jobs.records import records as record_jobs
from chain_service.store import records
from chain_service.store.auditing import journal
from chain_service.store.database import MIGRATIONS, Database
from support.worlds.jobs_city import City


def heads(city: City) -> list[int]:
    """Sizes of the heads that were given to be anchored."""
    with city.app.database.reading() as connection:
        return [head.size for head in journal.heads(connection)]


def named(city: City) -> set[tuple[str, str]]:
    return {(one.code, one.subject) for one in audit(city.app).findings}


def test_a_head_is_anchored_once_a_period_and_only_if_something_happened(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    create_key(city.app, org.code, ["audit"])
    keep_journal(city.app)
    keep_journal(city.app)
    assert heads(city) == [0], "the first period has only begun"
    city.clock.ahead += city.app.settings.journal_period + 1
    keep_journal(city.app)
    assert heads(city) == [0, 1]
    city.clock.ahead += city.app.settings.journal_period + 1
    keep_journal(city.app)
    assert heads(city) == [0, 1]
    report = audit(city.app)
    assert report.journal is not None
    assert (report.journal.entries, report.journal.anchored, report.findings) == (1, 0, ())
    with city.app.database.reading() as connection:
        (record,) = records.of_type(connection, JOURNAL_HEAD)
    city.make_final([record.id])
    report = audit(city.app)
    assert report.journal is not None
    assert (report.journal.anchored, report.journal.record, report.findings) == (1, record.id, ())


def test_a_long_journal_is_hashed_part_by_part_and_anchored_once_all_of_it_is(
    own_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = own_city
    org = city.organisation()
    monkeypatch.setattr(journal_heads, "AT_ONCE", 2)
    grown = GrowingRoot()
    keep_journal(city.app, grown)
    for _ in range(5):
        create_key(city.app, org.code, ["audit"])
    city.clock.ahead += city.app.settings.journal_period + 1
    sizes = []
    for _ in range(3):
        keep_journal(city.app, grown)
        sizes.append((grown.size, heads(city)))
    assert sizes == [(2, [0]), (4, [0]), (5, [0, 5])]
    with city.app.database.reading() as connection:
        (record,) = records.of_type(connection, JOURNAL_HEAD)
    city.make_final([record.id])
    assert named(city) == set(), "the tree that grew in parts is that of the audit"


def test_a_head_is_accepted_with_its_record_or_not_at_all(own_city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    city = own_city
    org = city.organisation()
    create_key(city.app, org.code, ["audit"])
    keep_journal(city.app)
    city.clock.ahead += city.app.settings.journal_period + 1
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(journal, "add_head", _killed)
        keep_journal(city.app)
    with city.app.database.reading() as connection:
        assert records.of_type(connection, JOURNAL_HEAD) == []
    keep_journal(city.app)
    with city.app.database.reading() as connection:
        (record,) = records.of_type(connection, JOURNAL_HEAD)
    city.make_final([record.id])
    assert (heads(city), named(city)) == ([0, 1], set())


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_head_is_not_erased_and_one_that_was_behind_the_services_back_is_named(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    create_key(city.app, org.code, ["audit"])
    head = city.anchor_journal()
    with pytest.raises(Conflict) as refused:
        record_jobs.erase(city.app, head, "应本人请求", Operator(None))
    assert refused.value.code == "statement_stays"
    with city.app.database.transaction() as connection:
        assert records.erase(connection, head, "应本人请求", city.app.clock())
        seq = records.get(connection, head).seq
    assert named(city) == {("row_altered", f"records:{seq}")}


def test_whoever_takes_back_a_revocation_contradicts_the_journal_even_if_its_entries_follow(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    key = create_key(city.app, org.code, ["audit"])
    revoke_key(city.app, key.id)
    city.anchor_journal()
    city.tamper("UPDATE api_keys SET revoked_at = NULL WHERE id = ?", key.id)
    assert named(city) == {("row_altered", f"api_keys:{key.id}")}
    city.tamper("DELETE FROM journal_entries WHERE leaf_index = 1")
    assert named(city) == {("journal_cut", "journal_entries")}


def test_a_reading_or_an_erasure_that_is_hidden_is_named(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    read, erased = city.anchor(org, org.certificate(), org.certificate())
    record_jobs.read(city.app, read, org.caller)
    record_jobs.erase(city.app, erased, "应本人请求", org.caller)
    assert named(city) == set()
    city.tamper("DELETE FROM readings")
    city.tamper("UPDATE records SET erased_reason = ? WHERE id = ?", "另一原因", erased)
    with city.app.database.reading() as connection:
        seq = records.get(connection, erased).seq
    assert named(city) == {("row_missing", "readings:1"), ("row_altered", f"records:{seq}")}


def test_nobody_submits_a_head_of_the_journal(city: City) -> None:
    org = city.organisation()
    with pytest.raises(MalformedRecord) as refused:
        city.submit(org, org.document(documentTypeCode=JOURNAL_HEAD.lower()))
    assert refused.value.code == "type_reserved"


def test_the_journal_begins_with_the_rows_that_there_are(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.transaction() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        connection.exec_driver_sql(
            "INSERT INTO alerts (at, code, subject, details) VALUES (1.5, 'work_failed', 'send', '{}')"
        )
        command.upgrade(config, "head")
        ((key, row),) = journal.rows_of(connection, "alerts")
        ((salt, digest),) = journal.latest(connection, "alerts", [key]).values()
        assert journal.row_digest(salt, row) == digest
    database.close()
