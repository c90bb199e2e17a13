"""Verifying: by disclosure whole and partial, by proof, file, digest and identifier, now and in the past, in bulk."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pytest

from chain_service.core.encoding.digests import file_digests
from chain_service.errors import BadRequest, ChainServiceError
from chain_service.jobs import workers
from chain_service.jobs.asker import KeyHolder
from chain_service.jobs.instance import api_keys
from chain_service.jobs.records import records
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.jobs.verifying.verify import verify_many
from chain_service.store import readings
from support.chains.lying_node import liar
from support.worlds.jobs_city import WAIT, City, Org, verify


def key(city: City, org: Org, *roles: str) -> KeyHolder:
    return api_keys.admit(city.app, api_keys.create_key(city.app, org.code, roles).key)


def asked(body: dict[str, Any], **other: Any) -> dict[str, Any]:
    """A counter's question by identifier, number and name."""
    found = {
        "identifier": body["certificateIdentifier"],
        "number": body["certificateNumber"],
        "holder_name": body["holders"][0]["certificateHolderName"],
    }
    return found | other


def test_a_verdict_shows_every_check_with_its_evidence_and_when(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    told = city.verify(disclosure=city.disclosure(org, id)).to_json()
    checks = {check["name"]: check["outcome"] for check in told["groups"][0]["checks"]}
    assert (told["verdict"], told["code"]) == ("valid", "in_force")
    assert checks == {
        "parse": "passed",
        "file_digest": "skipped",
        "log_signature": "skipped",
        "inclusion": "passed",
        "anchor": "passed",
        "validators": "passed",
        "issuer_permitted": "passed",
        "status": "passed",
        "validity_period": "passed",
    }
    assert told["chain"]["assurance"] == "trial"
    assert told["record"]["anchoredAt"] == records.read(city.app, id).anchor.time


def test_an_altered_disclosure_is_a_mismatch_whatever_was_altered(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    whole = json.loads(city.disclosure(org, id))
    for change in (
        {"record": whole["record"] | {"certificateIssuedDate": "2025-06-03"}},
        {"record": whole["record"] | {"certificateExpiringDate": "2099-01-01"}},
        {"record": whole["record"] | {"extension": {"scope": "热食类食品制售"}}},
        {"salt": "00" * 32},
    ):
        for proof in ({}, {"receipt": city.proof(id)}):
            verdict = city.verify(disclosure=json.dumps(whole | change).encode(), **proof)
            assert (verdict.answer, verdict.code) == ("invalid", "record_mismatch"), change


def test_a_record_nobody_anchored_is_not_anchored(city: City) -> None:
    org = city.organisation()
    disclosure = {"record": org.certificate(), "salt": "11" * 32}
    verdict = city.verify(disclosure=json.dumps(disclosure).encode())
    assert (verdict.answer, verdict.code) == ("indeterminate", "not_anchored")


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"record":{},"salt":"00"}', b"\xff\xfe"])
def test_what_cannot_be_read_is_unreadable(city: City, damaged: bytes) -> None:
    verdict = city.verify(disclosure=damaged)
    assert (verdict.answer, verdict.code) == ("invalid", "unreadable")


def test_a_partial_disclosure_shows_what_it_reveals_and_verifies(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    names = ["certificateNumber", "holders.0.certificateHolderName"]
    partial = records.present(city.app, id, names, org.caller).to_json()
    told = city.verify(disclosure=json.dumps(partial).encode()).to_json()
    assert (told["verdict"], told["code"]) == ("valid", "in_force")
    members = told["record"]["members"]
    assert members["holders.0.certificateHolderName"].startswith("临澜市")
    assert "holders.0.certificateHolderCode" not in members
    assert "91439900MA0000QW0X" not in json.dumps(partial)
    partial["revealed"]["certificateNumber"]["value"] = "JY0000000000"
    verdict = city.verify(disclosure=json.dumps(partial).encode())
    assert (verdict.answer, verdict.code) == ("invalid", "record_mismatch")


def test_a_proof_of_another_place_or_size_proves_nothing(city: City) -> None:
    org = city.organisation()
    first, second = city.anchor(org, org.certificate(), org.certificate())
    proof = json.loads(city.proof(first))
    other = json.loads(city.proof(second))
    for wrong in (
        proof | {"index": 2},
        proof | {"size": 4},
        proof | {"path": proof["path"][:-1]},
        proof | {"path": other["path"]},
        proof | {"anchor": proof["anchor"] | {"log": proof["anchor"]["log"][:-2] + "09"}},
        proof | {"anchor": {}},
        [],
    ):
        verdict = city.verify(disclosure=city.disclosure(org, first), receipt=json.dumps(wrong).encode())
        assert verdict.answer == "invalid", wrong
    verdict = city.verify(disclosure=city.disclosure(org, first), receipt=city.proof(second))
    assert verdict.code == "record_mismatch"
    assert city.verify(disclosure=city.disclosure(org, first), receipt=city.proof(first)).code == "in_force"


def test_a_file_is_judged_by_the_record_that_names_it(city: City) -> None:
    org = city.organisation()
    content = b"certificate as issued"
    files = [{"mediaType": "application/ofd", "digests": file_digests(content)}]
    (id,) = city.anchor(org, org.certificate(files=files))
    verdict = city.verify(file=content)
    assert (verdict.answer, verdict.code) == ("valid", "in_force")
    assert verdict.context.warnings == ()
    for algorithm, value in file_digests(content).items():
        assert city.verify(digest=f"{algorithm}:{value}").code == "in_force"
    assert city.verify(file=content + b" ").code == "not_anchored"
    assert city.verify(file=content + b" ", disclosure=city.disclosure(org, id)).code == "content_altered"
    city.set_state(org, id, "suspended", 12)
    assert city.verify(file=content).code == "suspended"


def test_by_identifier_unknown_and_not_fitting_answer_alike(city: City) -> None:
    org = city.organisation()
    body, never = org.certificate(), org.certificate()
    city.anchor(org, body)
    answers = [
        city.verify(**asked(body, number="JY0")).to_json(),
        city.verify(**asked(body, holder_name="别人")).to_json(),
        city.verify(**asked(body, number=" ｊｙ【０】 ", holder_name="别 ・（人）")).to_json(),
        city.verify(**asked(never)).to_json(),
    ]
    for told in answers:
        for name in ("at", "chain"):
            told.pop(name)
        told["groups"][0].pop("subject")
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["code"] == "not_anchored"
    verdict = city.verify(**asked(body))
    assert (verdict.answer, verdict.code) == ("valid", "in_force_not_compared")
    assert verdict.to_json()["record"]["members"] == {}
    name = body["holders"][0]["certificateHolderName"]
    full_width = "".join(chr(ord(one) + 0xFEE0) for one in body["certificateNumber"].lower())
    typed = asked(body, number=f" {full_width} ", holder_name=f"{name[:1]} {name[1:]}")
    assert city.verify(**typed).code == "in_force_not_compared"


def test_by_identifier_the_public_needs_number_and_name_and_a_counter_a_cause(city: City) -> None:
    org = city.organisation()
    body = org.certificate()
    (id,) = city.anchor(org, body)
    counter = key(city, org, "verify")
    with pytest.raises(BadRequest) as public:
        city.verify(identifier=body["certificateIdentifier"])
    assert public.value.code == "number_and_name_missing"
    for cause in (None, " "):
        with pytest.raises(BadRequest) as unexplained:
            verify(city.app, VerificationRequest(identifier=body["certificateIdentifier"], use_cause=cause), counter)
        assert unexplained.value.code == "use_cause_missing"
    question = VerificationRequest(identifier=body["certificateIdentifier"], use_cause="办理开户")
    verdict = verify(city.app, question, counter)
    assert verdict.code == "in_force_not_compared"
    assert verdict.to_json()["record"]["members"]["certificateNumber"] == body["certificateNumber"]
    with city.app.database.reading() as connection:
        told = readings.of_record(connection, id)[0]
    assert (told.action, told.cause, told.key_id) == ("verify", "办理开户", counter.key_id)
    assert body["certificateIdentifier"] not in str(told)


def test_a_document_s_number_is_found_in_whatever_brackets_and_width_it_was_typed(city: City) -> None:
    org = city.organisation()
    number = f"临审〔2025〕{org.code[8:16]}号"
    city.anchor(org, org.document(number))
    counter = key(city, org, "verify", "audit")
    for typed in (number, f"临审[2025] {org.code[8:16]}号", f"临审（２０２５）{org.code[8:16]}号 "):
        question = VerificationRequest(identifier=f"approval\x1f{typed}", use_cause="办理开户")
        assert verify(city.app, question, counter).code == "in_force_not_compared"
        (found,) = records.page(city.app, counter, q=typed).records
        assert found.number == number
    question = VerificationRequest(identifier=f"approval\x1f{number[:-1]}", use_cause="办理开户")
    assert verify(city.app, question, counter).code == "not_anchored"


def test_what_ended_under_another_spelling_says_nothing_of_the_very_number_asked_for(city: City) -> None:
    org = city.organisation()
    mistaken, right = f"临审[2025]{org.code[8:16]}号", f"临审〔2025〕{org.code[8:16]}号"
    ended, _ = city.anchor(org, org.document(mistaken), org.document(right))
    city.set_state(org, ended, "withdrawn")
    counter = key(city, org, "verify")
    for typed, code in (
        (mistaken, "withdrawn"),
        (right, "in_force_not_compared"),
        (f"临审（2025）{org.code[8:16]}号", "withdrawn"),  # either may be meant
    ):
        question = VerificationRequest(identifier=f"approval\x1f{typed}", use_cause="办理开户")
        assert verify(city.app, question, counter).code == code


def test_a_look_up_of_something_unknown_is_logged_too_without_what_was_asked(city: City) -> None:
    org = city.organisation()
    body = org.certificate()
    city.verify(**asked(body))
    with city.app.database.reading() as connection:
        told = readings.page(connection, readings.ReadingFilters(), limit=1)[0][0]
    assert (told.action, told.record_id, told.key_id, told.cause) == ("verify", None, None, "public look-up")
    assert body["certificateIdentifier"] not in str(told)


def test_a_look_up_with_a_key_is_never_logged_as_one_of_the_public(city: City) -> None:
    org = city.organisation()
    issuer = key(city, org, "anchor")
    verify(city.app, VerificationRequest(**asked(org.certificate()), use_cause=" "), issuer)
    with city.app.database.reading() as connection:
        told = readings.page(connection, readings.ReadingFilters(key_id=issuer.key_id))[0]
    assert [one.cause for one in told] == ["looked up without a cause"]


def test_a_moment_in_the_past_is_answered_as_of_then(city: City) -> None:
    org = city.organisation()
    body = org.certificate()
    moments = [int(time.time())]
    time.sleep(1.1)
    (id,) = city.anchor(org, body)
    for to, reason in (("suspended", 12), ("in_force", 13), ("withdrawn", 2)):
        time.sleep(1.1)
        moments.append(int(time.time()))
        time.sleep(1.1)
        city.set_state(org, id, to, reason)
    time.sleep(1.1)
    moments.append(int(time.time()))
    expected = ["not_anchored", "in_force", "suspended", "in_force", "withdrawn"]
    assert [city.judged(org, id, at=moment) for moment in moments] == expected
    assert [city.verify(**asked(body), at=moment).answer for moment in moments[1:3]] == ["valid", "invalid"]
    assert city.judged(org, id, at=moments[0] - 86400 * 365) == "not_anchored"


def test_a_moment_in_the_future_is_refused(city: City) -> None:
    with pytest.raises(BadRequest) as refused:
        city.verify(disclosure=b"{}", at=int(time.time()) + 60)
    assert refused.value.code == "at_in_future"


def test_the_period_is_judged_by_its_days_in_china(city: City) -> None:
    org = city.organisation()
    expired, later_on = city.anchor(
        org,
        org.certificate(certificateExpiringDate="2025-06-30"),
        org.certificate(certificateEffectiveDate="2999-01-01"),
    )
    assert (city.judged(org, expired), city.judged(org, later_on)) == ("expired", "not_yet_effective")


def test_many_questions_are_answered_in_order_and_share_one_read_of_the_chain(city: City) -> None:
    org = city.organisation()
    ids = city.anchor(org, *(org.certificate() for _ in range(40)))
    city.change(org, ids[3], "withdrawn", 2)
    workers.wait_final(city.app, "status", ids[3], timeout=WAIT)
    questions = [VerificationRequest(disclosure=city.disclosure(org, id)) for id in ids]
    questions[7] = VerificationRequest(disclosure=b"{")
    questions[11] = VerificationRequest(
        disclosure=json.dumps({"record": org.certificate(), "salt": "22" * 32}).encode()
    )
    expected = ["in_force"] * 40
    expected[3], expected[7], expected[11] = "withdrawn", "unreadable", "not_anchored"
    asked_for: list[str] = []

    def count(method: str, result: Any) -> Any:
        asked_for.append(method)
        return result

    with liar(city.trial.server.url, count) as rpc:
        counted = city.on(rpc=rpc)
        verdicts = list(verify_many(counted.app, questions, org.caller))
    assert [verdict.code for verdict in verdicts] == expected
    assert asked_for.count("eth_getBlockByNumber") == 1
    assert len({json.dumps(verdict.to_json()["chain"]) for verdict in verdicts}) == 1


def test_without_an_index_nothing_is_valid(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    disclosure = city.disclosure(org, id)
    blind = replace(city.app, chain=None)
    verdict = verify(blind, VerificationRequest(disclosure=disclosure))
    assert (verdict.answer, verdict.code) == ("indeterminate", "node_unavailable")


def test_nothing_presented_is_nothing_to_verify(city: City) -> None:
    assert city.verify().code == "nothing_to_verify"


DAMAGES = (
    ("batches", {"new_size": 10_000_000}),
    ("batches", {"new_size": "x"}),
    ("batches", {"final_hash": None}),
    ("batches", {"final_time": "x"}),
    ("batches", {"final_tx": 5}),
    ("batches", {"root": "x"}),
    ("batches", {"id": "x"}),
    ("tiles", {"data": 5}),
    ("records", {"body": 5}),
    ("records", {"salt": 5}),
    ("records", {"leaf_index": "x"}),
    ("status_changes", {"body": "garbage"}),
    ("status_changes", {"body": "[]"}),
    ("status_changes", {"body": '{"successor":7}'}),
    ("status_events", {"state": 9}),
)


OURS = {
    "batches": "org = :org",
    "tiles": "org = :org",
    "records": "id = :id",
    "status_changes": "record_id = :id",
    "status_events": "leaf_index = 1",
}


def alter(database: sqlite3.Connection, statement: str, values: dict[str, Any]) -> None:
    """The statement ran on SQLite with every rule of the schema switched off."""
    database.execute("PRAGMA foreign_keys = OFF")
    database.execute("PRAGMA ignore_check_constraints = ON")
    with database:
        database.execute(statement, values)


def test_a_damaged_row_gives_a_verdict_and_ends_no_bulk(own_city: City) -> None:
    city = own_city
    if city.app.database.dialect != "sqlite":
        return  # PostgreSQL keeps types and constraints; SQLite keeps whatever somebody writes
    org, other = city.organisation(), city.organisation()
    body = org.certificate()
    (id,) = city.anchor(org, body)
    city.set_state(org, id, "suspended", 12)
    city.set_state(org, id, "in_force", 13)
    (sound,) = city.anchor(other, other.certificate())
    disclosure, receipt, whole = city.disclosure(org, id), city.proof(id), city.disclosure(other, sound)
    questions = [
        VerificationRequest(disclosure=whole),
        VerificationRequest(disclosure=disclosure),
        VerificationRequest(receipt=receipt),
        VerificationRequest(disclosure=disclosure, receipt=receipt),
        VerificationRequest(file=body["certificateNumber"].encode()),
        VerificationRequest(**asked(body)),
        VerificationRequest(disclosure=whole),
    ]
    before = [verdict.answer for verdict in verify_many(city.app, questions)]
    assert set(before) == {"valid"}
    path = city.app.settings.database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(":memory:")) as kept, closing(sqlite3.connect(path, timeout=10)) as raw:
        raw.backup(kept)
        for table, values in DAMAGES:
            ((name, value),) = values.items()
            alter(
                raw,
                f"UPDATE {table} SET {name} = :value WHERE {OURS[table]}",
                {"value": value, "org": org.code, "id": id},
            )
            verdicts = list(verify_many(city.app, questions))
            told = [verdict.answer for verdict in verdicts]
            assert (told[0], told[-1]) == ("valid", "valid"), (table, values)
            assert "record_mismatch" in {verdict.code for verdict in verdicts[1:-1]}, (table, values)
            if table in ("batches", "status_changes", "status_events"):
                # papers with a proof of their own need not what is stored of the head
                assert "valid" not in (told[1], told[4], told[5]), (table, values)
            for read in (records.read, records.proof):
                with suppress(ChainServiceError):
                    read(city.app, id)
            kept.backup(raw)
    assert [verdict.answer for verdict in verify_many(city.app, questions)] == before
