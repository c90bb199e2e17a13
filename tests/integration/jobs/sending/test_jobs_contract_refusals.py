"""What a contract refuses waits, is shown by name, and goes on when the cause is gone; heads of others stop a log."""

from __future__ import annotations

import time

import pytest

from chain_service.chain.contracts import encode_call
from chain_service.core.chainproof.storage_layout import RECORD_LOG, Right
from chain_service.core.log.merkle import leaf_hash, node_hash
from chain_service.core.records.disclosure import Disclosure
from chain_service.core.records.hashing import Salt, founding_entry, log_id, record_entry
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.record import parse_record
from chain_service.errors import Conflict, NotFound
from chain_service.jobs import workers
from chain_service.jobs.anchoring.close_batches import close_batches
from chain_service.jobs.auditing.audit import audit
from chain_service.jobs.instance.registrar import ALL_RIGHTS
from chain_service.jobs.records import records, state_history
from chain_service.jobs.registries.organisations import organisation
from chain_service.store import batches, submissions
from support.worlds.jobs_city import ISSUED, OTHER, WAIT, City, Org


def try_again(city: City, ids: list[str]) -> None:
    """What was postponed is due, and the workers have done their rounds."""
    city.clock.ahead += 31.0
    city.make_final(ids)


def test_a_suspended_organisations_batch_waits_with_the_reason_and_goes_on_after_resumption(city: City) -> None:
    org = city.organisation()
    (before,) = city.anchor(org, org.certificate())
    city.trial.registrar.set_suspended(org.code, True)
    ids = city.submit(org, org.certificate(), org.certificate())
    city.rounds()
    assert [records.read(city.app, id).index for id in ids] == [2, 3]
    assert city.reasons(org) == {"SuspendedOrganisation"}
    assert "SuspendedOrganisation" in {details.get("reason") for details in city.alerts().values()}
    assert records.read(city.app, ids[0]).waiting_for == "SuspendedOrganisation"
    assert city.judged(org, ids[0]) == "pending"
    assert city.judged(org, before) == "in_force"
    city.trial.registrar.set_suspended(org.code, False)
    try_again(city, ids)
    assert [records.read(city.app, id).index for id in ids] == [2, 3]
    assert city.reasons(org) == set()
    assert records.read(city.app, ids[0]).waiting_for is None
    assert "SuspendedOrganisation" not in {details.get("reason") for details in city.alerts().values()}


def test_resumption_seen_on_chain_sends_at_once_what_waited_for_it(city: City) -> None:
    org = city.organisation()
    city.trial.registrar.set_suspended(org.code, True)
    ids = city.submit(org, org.certificate())
    for _ in range(6):  # refused so often that it is asked again only after half a minute
        city.clock.ahead += 31.0
        city.step()
    city.trial.registrar.set_suspended(org.code, False)
    workers.wait_anchored(city.app, ids, timeout=25.0)


def test_a_transaction_that_reverts_because_of_a_suspension_in_between_is_sent_again(city: City) -> None:
    org = city.organisation()
    ids = city.submit(org, org.certificate())
    close_batches(city.app, force=True)
    city.trial.node.stop()
    try:
        workers.dispatch(city.app)
    finally:
        city.trial.node.start()
    city.mined()
    city.make_final(ids)
    assert city.state(ids[0]) == "anchored"


def test_a_lost_right_makes_the_batch_wait_and_its_return_sends_it(city: City) -> None:
    org = city.organisation()
    city.trial.registrar.grant(org.code, org.account, Right.STATUS)
    ids = city.submit(org, org.certificate())
    city.rounds()
    assert city.reasons(org) == {"MissingRight"}
    city.trial.registrar.grant(org.code, org.account, ALL_RIGHTS)
    try_again(city, ids)
    assert city.state(ids[0]) == "anchored"


def test_the_reason_shown_is_the_latest_one(city: City) -> None:
    org = city.organisation()
    registrar = city.trial.registrar
    registrar.set_suspended(org.code, True)
    ids = city.submit(org, org.certificate())
    city.rounds()
    registrar.grant(org.code, org.account, Right.STATUS)
    registrar.set_suspended(org.code, False)
    city.clock.ahead += 31.0
    city.rounds()
    assert city.reasons(org) == {"MissingRight"}
    with city.app.database.reading() as connection:
        (waiting,) = [one for one in submissions.failing(connection) if one.account == org.account]
    assert city.alerts()["refused_by_contract", waiting.id]["reason"] == "MissingRight"
    registrar.grant(org.code, org.account, ALL_RIGHTS)
    try_again(city, ids)


def test_a_status_change_of_a_suspended_organisation_waits_too(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    city.trial.registrar.set_suspended(org.code, True)
    city.change(org, id, "withdrawn")
    city.rounds()
    assert city.judged(org, id) == "status_changing"
    assert city.reasons(org) == {"SuspendedOrganisation"}
    city.trial.registrar.set_suspended(org.code, False)
    city.clock.ahead += 31.0
    workers.wait_final(city.app, "status", id, timeout=WAIT)
    assert city.judged(org, id) == "withdrawn"


def open_generation(city: City, org: Org) -> None:
    registrar, keystore = city.trial.registrar, city.app.keystore
    registrar.add_log_key(org.code, keystore.create_log_key(org.code, 1))
    registrar.open_generation(org.code)


def test_a_new_generation_takes_the_waiting_batch_into_the_new_log_and_the_old_one_stays_readable(city: City) -> None:
    org = city.organisation()
    old = city.anchor(org, org.certificate(), org.certificate())
    city.trial.registrar.set_suspended(org.code, True)
    waiting = city.submit(org, org.certificate(), org.certificate())
    city.rounds()
    assert city.state(waiting[0]) == "batched"
    open_generation(city, org)
    city.trial.registrar.set_suspended(org.code, False)
    try_again(city, waiting)
    new = [records.read(city.app, id) for id in waiting]
    assert [view.index for view in new] == [1, 2]
    assert {view.anchor.log for view in new} == {log_id(OrgCode(org.code), 1)}
    assert [records.proof(city.app, id).size for id in old] == [3, 3]
    assert {city.judged(org, id) for id in old + waiting} == {"in_force"}
    shown = organisation(city.app, org.code)
    assert (shown.generation, [log.size for log in shown.logs], len(shown.log_keys)) == (1, [3, 3], 2)
    city.set_state(org, old[0], "withdrawn")
    assert city.judged(org, old[0]) == "withdrawn"
    assert audit(city.app, org.code).ok


def test_a_first_batch_that_never_got_on_chain_leaves_nothing_of_the_old_log(city: City) -> None:
    org = city.organisation()
    city.trial.registrar.set_suspended(org.code, True)
    waiting = city.submit(org, org.certificate())
    city.rounds()
    open_generation(city, org)
    city.trial.registrar.set_suspended(org.code, False)
    try_again(city, waiting)
    report = audit(city.app, org.code)
    assert report.ok
    assert [log.generation for log in report.logs] == [1]


def advance_by_hand(city: City, org: Org, *entries: bytes) -> None:
    """The organisation's first head holds these entries, sent with its account past the service."""
    log = log_id(OrgCode(org.code), 0)
    contract = city.trial.deployment.address(RECORD_LOG)
    founding = founding_entry(city.trial.deployment.chain_id, bytes.fromhex(contract[2:]), log)
    leaves = [leaf_hash(founding), *(leaf_hash(entry) for entry in entries)]
    assert len(leaves) == 2
    call = encode_call(RECORD_LOG, "advance", log, 2, node_hash(*leaves), leaves[1:])
    city.trial.sender.transact(city.app.keystore.account(org.account), contract, call, timeout=WAIT)


def test_a_head_of_others_stops_the_log_with_an_alert_and_nothing_is_lost(city: City) -> None:
    org = city.organisation()
    advance_by_hand(city, org, bytes(32))
    ids = city.submit(org, org.certificate())
    city.rounds()
    with city.app.database.reading() as connection:
        assert batches.stopped(connection, org.code, 0)
    log = log_id(OrgCode(org.code), 0).hex()
    assert ("head_conflict", log) in city.alerts()
    assert city.state(ids[0]) in ("pending", "batched")
    findings = {finding.code for finding in audit(city.app, org.code).findings}
    assert "head_unknown" in findings


def test_a_batch_that_meets_a_head_of_others_keeps_its_records_and_the_log_stops(city: City) -> None:
    org = city.organisation()
    ids = city.submit(org, org.certificate(), org.certificate())
    close_batches(city.app, force=True)
    advance_by_hand(city, org, bytes(32))
    workers.dispatch(city.app)
    assert city.reasons(org) == {"HeadConflict"}
    city.rounds()
    with pytest.raises(Conflict) as refused:
        city.submit(org, org.certificate())
    assert refused.value.code == "log_stopped"
    assert [city.state(id) for id in ids] == ["batched", "batched"]
    assert ("head_conflict", log_id(OrgCode(org.code), 0).hex()) in city.alerts()


def test_a_certificate_that_got_on_chain_without_a_permit_is_judged_issuer_not_permitted(city: City) -> None:
    org = city.organisation()
    body = org.certificate(type_code=OTHER, certificateIssuedDate=ISSUED.isoformat())
    disclosure = Disclosure(parse_record(body), Salt(bytes(range(32))))
    log = log_id(OrgCode(org.code), 0)
    entry = record_entry(log, 1, disclosure.body_digest)
    advance_by_hand(city, org, entry)
    city.rounds()
    contract = city.trial.deployment.address(RECORD_LOG)
    founding = founding_entry(city.trial.deployment.chain_id, bytes.fromhex(contract[2:]), log)
    proof = {
        "entry": entry.hex(),
        "index": 1,
        "size": 2,
        "path": [leaf_hash(founding).hex()],
        "anchor": {"log": log.hex()},
    }
    verdict = city.verify(disclosure=to_json(disclosure.to_json()), receipt=to_json(proof))
    assert (verdict.answer, verdict.code) == ("invalid", "issuer_not_permitted")
    time.sleep(1.1)  # entries carry whole seconds, and this chain may make several blocks in one
    city.trial.registrar.permit(org.code, [OTHER], ISSUED)
    city.rounds()
    verdict = city.verify(disclosure=to_json(disclosure.to_json()), receipt=to_json(proof))
    # recorded after anchoring it heals nothing; that it was after is told by the index alone, which proves nothing
    assert verdict.code == "finality_unproven"


def to_json(value: object) -> bytes:
    import json

    return json.dumps(value).encode()


def test_status_history_of_an_unknown_record_is_not_found(city: City) -> None:
    with pytest.raises(NotFound):
        state_history.status_history(city.app, "00000000-0000-4000-8000-000000000000")
