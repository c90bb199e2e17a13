"""From acceptance to anchored: states, places, batches, and what submission refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from chain_service.core.log.merkle import InclusionProof, leaf_hash, verify_inclusion
from chain_service.errors import Conflict, Forbidden, MalformedRecord
from chain_service.jobs.anchoring import submit_records
from chain_service.jobs.anchoring.close_batches import close_batches
from chain_service.jobs.asker import KeyHolder, Operator
from chain_service.jobs.records import records
from chain_service.store import batches
from support.worlds.jobs_city import FOOD, OTHER, City, lines, org_code


def test_a_record_is_pending_then_batched_then_anchored_in_order_of_acceptance(city: City) -> None:
    org = city.organisation()
    ids = city.submit(org, *(org.certificate() for _ in range(3)))
    assert [city.state(id) for id in ids] == ["pending"] * 3
    city.step()
    assert [city.state(id) for id in ids] == ["batched"] * 3
    city.make_final(ids)
    views = [records.read(city.app, id) for id in ids]
    assert [view.state for view in views] == ["anchored"] * 3
    assert [view.index for view in views] == [1, 2, 3]
    assert views[0].anchor.size == 4
    (later,) = city.anchor(org, org.certificate())
    view = records.read(city.app, later)
    assert (view.index, view.anchor.size) == (4, 5)


def test_the_proof_of_an_anchored_record_leads_from_its_entry_to_the_root_on_chain(city: City) -> None:
    org = city.organisation()
    ids = city.anchor(org, *(org.certificate() for _ in range(5)))
    for id in ids:
        proof = records.proof(city.app, id)
        assert proof.anchor is not None
        path = InclusionProof(proof.index, proof.size, proof.path)
        verify_inclusion(leaf_hash(proof.entry), path, proof.anchor.root)
        assert city.judged(org, id) == "in_force"


def test_before_it_is_anchored_a_record_has_no_proof(city: City) -> None:
    org = city.organisation()
    (id,) = city.submit(org, org.certificate())
    with pytest.raises(Conflict) as refused:
        records.proof(city.app, id)
    assert refused.value.code == "not_anchored"
    assert city.judged(org, id) == "pending"
    city.make_final([id])


def test_a_batch_closes_by_size_before_its_time_and_takes_no_more_than_that(city: City) -> None:
    org = city.organisation()
    patient = city.on(batch_size=3, batch_age=1000.0)
    ids = city.submit(org, org.certificate(), org.certificate())
    close_batches(patient.app)
    assert [city.state(id) for id in ids] == ["pending"] * 2
    ids += city.submit(org, org.certificate(), org.certificate())
    close_batches(patient.app)
    assert [city.state(id) for id in ids] == ["batched"] * 3 + ["pending"]
    city.make_final(ids)


def test_a_batch_closes_by_age_and_not_before(city: City) -> None:
    org = city.organisation()
    patient = city.on(batch_age=30.0)
    ids = city.submit(org, org.certificate())
    close_batches(patient.app)
    assert city.state(ids[0]) == "pending"
    city.clock.ahead = 31.0
    close_batches(patient.app)
    assert city.state(ids[0]) == "batched"
    city.make_final(ids)


def test_while_one_head_is_not_final_no_other_batch_of_its_log_is_closed(city: City) -> None:
    org = city.organisation()
    first = city.submit(org, org.certificate())
    close_batches(city.app, force=True)
    second = city.submit(org, org.certificate())
    close_batches(city.app, force=True)
    assert (city.state(first[0]), city.state(second[0])) == ("batched", "pending")
    with city.app.database.reading() as connection:
        assert len(batches.unfinal(connection, org.code)) == 1
    city.make_final(first + second)


def test_organisations_do_not_wait_for_each_other(city: City) -> None:
    orgs = [city.organisation() for _ in range(3)]
    ids = [id for org in orgs for id in city.submit(org, org.certificate(), org.document())]
    city.make_final(ids)
    assert [records.read(city.app, id).index for id in ids] == [1, 2] * 3


def test_a_repeated_submission_gets_the_first_answer_whatever_its_state(city: City) -> None:
    org = city.organisation()
    body = org.certificate()
    first = submit_records.submit(city.app, org.caller, lines(body))[0]
    again = submit_records.submit(city.app, org.caller, lines(dict(reversed(body.items()))))[0]
    assert (first.created, again.created, again.id, again.state) == (True, False, first.id, "pending")
    city.make_final([first.id])
    assert submit_records.submit(city.app, org.caller, lines(body))[0].state == "anchored"


def test_another_content_under_a_taken_identifier_is_refused_and_stores_nothing(city: City) -> None:
    org = city.organisation()
    body = org.certificate()
    city.submit(org, body)
    other = body | {"certificateIssuedDate": "2025-06-03"}
    fresh = org.certificate()
    with pytest.raises(Conflict) as refused:
        submit_records.submit(city.app, org.caller, lines(fresh, other))
    assert (refused.value.code, refused.value.details["line"]) == ("identifier_taken", 2)
    assert submit_records.submit(city.app, org.caller, lines(fresh))[0].created


def test_two_lines_with_one_identifier_refuse_the_whole_body(city: City) -> None:
    org = city.organisation()
    body, fresh = org.certificate(), org.certificate()
    with pytest.raises(MalformedRecord) as refused:
        submit_records.submit(city.app, org.caller, lines(body, fresh, body))
    details = refused.value.details
    assert (refused.value.code, details["first"], details["line"]) == ("duplicate_identifier", 1, 3)
    assert records.page(city.app, org.caller).records == ()


def test_one_malformed_line_refuses_the_whole_body_by_its_number(city: City) -> None:
    org = city.organisation()
    with pytest.raises(MalformedRecord) as refused:
        submit_records.submit(city.app, org.caller, [*lines(org.certificate()), (2, b'{"kind":')])
    assert refused.value.details["line"] == 2
    assert records.page(city.app, org.caller).records == ()


def test_a_key_submits_for_its_own_organisation_only(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    with pytest.raises(Forbidden) as refused:
        submit_records.submit(city.app, other.caller, lines(org.certificate()))
    assert refused.value.code == "wrong_organisation"


def test_a_key_without_the_role_submits_nothing(city: City) -> None:
    org = city.organisation()
    with pytest.raises(Forbidden) as refused:
        submit_records.submit(city.app, KeyHolder(org.code, frozenset({"audit"}), "a key"), lines(org.certificate()))
    assert refused.value.code == "missing_role"


def test_an_organisation_that_nobody_registered_is_refused(city: City) -> None:
    org = city.organisation()
    code = org_code(99_999_999)
    with pytest.raises(Forbidden) as refused:
        submit_records.submit(city.app, Operator(code), lines(replace(org, code=code).certificate()))
    assert refused.value.code == "organisation_not_registered"


def test_a_certificate_needs_a_permit_for_its_type_on_its_day_of_issue(city: City) -> None:
    org = city.organisation()
    with pytest.raises(Forbidden) as refused:
        submit_records.submit(city.app, org.caller, lines(org.document(), org.certificate(type_code=OTHER)))
    assert (refused.value.code, refused.value.details["line"]) == ("issuer_not_permitted", 2)
    with pytest.raises(Forbidden) as too_early:
        submit_records.submit(city.app, org.caller, lines(org.certificate(certificateIssuedDate="2019-12-31")))
    assert too_early.value.code == "issuer_not_permitted"
    city.trial.registrar.end_permit(org.code, FOOD, date(2025, 6, 1))
    city.step()
    with pytest.raises(Forbidden):
        submit_records.submit(city.app, org.caller, lines(org.certificate(certificateIssuedDate="2025-06-02")))
    (id,) = city.anchor(org, org.certificate(certificateIssuedDate="2025-06-01"))
    assert city.judged(org, id) == "in_force"


def test_a_document_needs_no_permit(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.document(documentTypeCode="notice"))
    assert city.judged(org, id) == "in_force"
