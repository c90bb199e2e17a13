"""An audit that goes on from an earlier one reads what is newer, proves heads and states whole, and says so."""

from __future__ import annotations

import pytest

from chain_service.errors import NotFound
from chain_service.jobs.auditing.audit import LAST, NARROWED, AuditReport, audit
from support.worlds.jobs_city import City


def since_last(city: City) -> AuditReport:
    return audit(city.app, since=LAST)


def found(report: AuditReport) -> set[tuple[str, str]]:
    return {(one.code, one.subject) for one in report.findings}


def test_an_audit_goes_on_from_the_last_one_without_findings_and_says_what_it_left_out(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    with pytest.raises(NotFound) as refused:
        since_last(city)
    assert refused.value.code == "audit_unknown"
    first, second = city.anchor(org, org.certificate(), org.certificate())
    full = audit(city.app)
    assert (full.ok, full.since, full.skipped) == (True, None, ())
    (third,) = city.anchor(org, org.certificate())
    report = since_last(city)
    assert report.since is not None
    assert (report.findings, report.since.block, report.skipped) == ((), full.chain.block, NARROWED)
    (log,) = report.logs
    assert (log.since, log.size, log.records) == (3, 4, 1)
    (fourth,) = city.anchor(org, org.certificate())
    assert since_last(city).logs[0].since == 4, "an audit of this kind is gone on from as well"

    city.tamper("UPDATE records SET number = 'x' WHERE id = ?", second)
    assert since_last(city).ok, "it is older than what was looked at, as the report says"
    assert found(audit(city.app)) == {("record_altered", second)}
    (fifth,) = city.anchor(org, org.certificate())
    city.tamper("UPDATE records SET number = 'x' WHERE id = ?", fifth)
    assert found(since_last(city)) == {("record_altered", fifth)}
    assert len({first, third, fourth}) == 3


def test_states_are_proven_whole_and_the_audited_part_of_a_log_is_still_the_one_on_chain(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    (record,) = city.anchor(org, org.certificate())
    city.set_state(org, record, "suspended", 12)
    assert audit(city.app).ok
    city.anchor(org, org.certificate())
    city.tamper("UPDATE status_events SET state = 2")
    assert "status_differs" in {code for code, _ in found(since_last(city))}
    city.tamper("UPDATE status_events SET state = 1")
    assert since_last(city).ok
    city.anchor(org, org.certificate())
    city.tamper("UPDATE tiles SET data = ? WHERE level = 0", bytes(32 * 4))
    assert "root_differs" in {code for code, _ in found(since_last(city))}


def test_a_remembered_audit_that_was_forged_is_named(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    city.anchor(org, org.certificate())
    assert audit(city.app).ok
    city.anchor(org, org.certificate())
    city.tamper(
        "UPDATE audits SET block = block + 1, block_hash = (SELECT hash FROM blocks ORDER BY number DESC LIMIT 1)"
    )
    assert not since_last(city).ok


def test_what_is_newer_is_proven_even_if_its_rows_claim_to_be_older(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    city.anchor(org, org.certificate())
    assert audit(city.app).ok
    city.anchor(org, org.certificate())
    for forged in (
        "UPDATE batches SET final_block = 1 WHERE old_size > 1",
        "UPDATE submissions SET final_block = 1 WHERE seq = (SELECT max(seq) FROM submissions)",
        "UPDATE transactions SET block = 1 WHERE nonce = (SELECT max(nonce) FROM transactions)",
    ):
        table = forged.split()[1]
        city.tamper(forged)
        assert any(one.details.get("table") == table for one in since_last(city).findings), table
