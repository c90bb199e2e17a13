"""What clever or careless parties tried against the service, and what it answers."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import CertificateIdentifier
from chain_service.errors import BadRequest, Conflict, Corrupt
from chain_service.jobs import workers
from chain_service.jobs.anchoring.close_batches import close_batches
from chain_service.jobs.asker import KeyHolder
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.sending.dispatch import dispatch
from chain_service.jobs.sending.refusals import stop_log
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.store import readings
from support.chains.lying_node import liar
from support.worlds.jobs_city import FOOD, City, verify


def holder_of(certificate: dict[str, Any]) -> str:
    return str(certificate["holders"][0]["certificateHolderName"])


def test_papers_of_one_record_do_not_answer_for_another(city: City) -> None:
    org = city.organisation()
    good, bad = org.certificate(), org.certificate()
    a, b = city.anchor(org, good, bad)
    city.set_state(org, b, "withdrawn", 1)
    about_bad = {
        "identifier": bad["certificateIdentifier"],
        "number": bad["certificateNumber"],
        "holder_name": holder_of(bad),
    }
    assert city.verify(**about_bad).code == "withdrawn"
    assert city.verify(disclosure=city.disclosure(org, a), **about_bad).code == "record_mismatch"
    assert city.verify(receipt=city.proof(a), **about_bad).answer == "invalid"
    assert city.verify(disclosure=city.disclosure(org, a), number="another").code == "record_mismatch"
    with pytest.raises(BadRequest, match="identifier or a disclosure"):
        city.verify(receipt=city.proof(a), number=good["certificateNumber"])


def test_a_later_record_of_somebody_else_does_not_hide_a_withdrawal(city: City) -> None:
    org, rogue = city.organisation(), city.organisation()
    number = f"RG{time.time_ns() % 10**10:010d}"
    identifier = str(CertificateIdentifier(FOOD, "310100", number, "001"))
    certificate = org.certificate(number=number, certificateIdentifier=identifier)
    (id,) = city.anchor(org, certificate)
    city.set_state(org, id, "withdrawn", 1)
    city.anchor(rogue, rogue.document(files=certificate["files"]))
    city.anchor(rogue, rogue.certificate(number=number, certificateIdentifier=identifier))
    by_digest = city.verify(digest="sha-256:" + certificate["files"][0]["digests"]["sha-256"])
    by_name = city.verify(identifier=identifier, number=number, holder_name=holder_of(certificate))
    for verdict in (by_digest, by_name):
        assert verdict.code == "withdrawn"
        warned = {one["code"] for one in verdict.to_json()["warnings"]}
        assert warned >= {"anchored_by_others", "decided_by_another"}


def test_a_clerk_sees_members_for_an_identifier_and_a_cause_only(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    certificate = org.certificate()
    (id,) = city.anchor(org, certificate)
    clerk = KeyHolder(other.code, frozenset({"verify"}), "a key")
    digest = "sha-256:" + certificate["files"][0]["digests"]["sha-256"]
    for question in (VerificationRequest(receipt=city.proof(id)), VerificationRequest(digest=digest)):
        assert verify(city.app, question, clerk).to_json()["record"]["members"] == {}
    asked = VerificationRequest(identifier=certificate["certificateIdentifier"], use_cause="窗口办理")
    assert verify(city.app, asked, clerk).to_json()["record"]["members"]["certificateNumber"]
    with city.app.database.reading() as connection:
        assert [one.cause for one in readings.of_record(connection, id)] == ["窗口办理"]


def test_records_that_name_thousands_of_seals_hold_up_nobody(own_city: City) -> None:
    city = own_city
    org, other = city.organisation(), city.organisation()
    ids = city.submit(org, *(org.document(sealCodes=[f"S{n:05d}-{k:02d}" for k in range(32)]) for n in range(100)))
    ids += city.submit(other, other.document())
    city.make_final(ids)
    assert city.judged(org, ids[0]) == city.judged(other, ids[-1]) == "in_force"


def test_a_body_altered_while_it_waits_is_named_and_holds_up_nobody(own_city: City) -> None:
    city = own_city
    org, other = city.organisation(), city.organisation()
    (altered,) = city.submit(org, org.document(sealCodes=["A"]))
    (untouched,) = city.submit(other, other.document())
    close_batches(city.app, force=True)
    city.tamper("UPDATE records SET body = ? WHERE id = ?", b'{"sealCodes":', altered)
    city.make_final([altered, untouched])
    assert city.judged(other, untouched) == "in_force"


def test_an_event_that_the_node_left_out_is_read_again(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    (id,) = city.submit(org, org.certificate())
    close_batches(city.app, force=True)
    dispatch(city.app)
    city.mined()
    with liar(city.trial.server.url, lambda method, told: [] if method == "eth_getLogs" else told) as rpc:
        index(city.on(rpc=rpc).app)
    assert city.state(id) == "batched"
    city.make_final([id])
    assert city.judged(org, id) == "in_force"


def test_a_nonce_that_a_node_counted_too_high_does_not_hold_the_account_for_ever(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    city.anchor(org, org.certificate())
    (id,) = city.submit(org, org.certificate())
    close_batches(city.app, force=True)
    count = lambda method, told: hex(50) if method == "eth_getTransactionCount" else told  # noqa: E731
    with liar(city.trial.server.url, count) as rpc:
        dispatch(city.on(rpc=rpc).app)
    city.clock.ahead += 40
    city.make_final([id])


def test_a_stopped_log_accepts_nothing_that_it_could_never_anchor(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    city.anchor(org, org.certificate())
    stop_log(city.app, log_id(org.code), "HeadConflict")
    with pytest.raises(Conflict) as refused:
        city.submit(org, org.certificate())
    assert refused.value.code == "log_stopped"


def test_a_worker_outlives_an_alert_that_cannot_be_stored(own_city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise Corrupt("the database is damaged", code="database_damaged")

    monkeypatch.setattr(workers, "dispatch", fails)
    monkeypatch.setattr(workers.alerts, "put", fails)
    with workers.Workers(own_city.app):
        time.sleep(1.0)
        assert sorted(t.name for t in threading.enumerate() if t.name.startswith("worker-")) == [
            "worker-index",
            "worker-send",
        ]


def test_a_stored_proof_that_was_deleted_is_fetched_again(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    city.tamper("UPDATE batches SET evidence = NULL")
    assert city.judged(org, id) == "finality_unproven"
    city.step()
    assert city.judged(org, id) == "in_force"
