"""`replaces` and its conditions; erasure and what is left after it."""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from chain_service.core.encoding.digests import file_digests
from chain_service.core.records.disclosure import reveal
from chain_service.core.records.hashing import parse_salt
from chain_service.core.records.record import parse_record
from chain_service.errors import BadRequest, Conflict, Forbidden, Gone
from chain_service.jobs import workers
from chain_service.jobs.asker import PUBLIC, Asker, KeyHolder, Operator
from chain_service.jobs.auditing.audit import audit
from chain_service.jobs.instance import api_keys
from chain_service.jobs.records import records, state_history
from chain_service.jobs.records.answers import Erasure
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.store import readings
from chain_service.store import records as store
from support.worlds.jobs_city import WAIT, City, verify

OTHER_HOLDER = [
    {
        "certificateHolderName": "钱若岚",
        "certificateHolderCode": "43990019900101001X",
        "certificateHolderTypeCode": "111",
    }
]


def key(city: City, org: str, *roles: str) -> KeyHolder:
    return api_keys.admit(city.app, api_keys.create_key(city.app, org, roles).key)


def test_a_replaced_record_becomes_superseded_once_the_new_one_is_final(city: City) -> None:
    org = city.organisation()
    (old,) = city.anchor(org, org.certificate())
    (new,) = city.anchor(org, org.certificate(replaces=old), caller=key(city, org.code, "anchor", "status"))
    workers.wait_final(city.app, "status", old, timeout=WAIT)
    assert (city.judged(org, old), city.judged(org, new)) == ("superseded", "in_force")
    (entry,) = state_history.status_history(city.app, old)
    assert (entry.successor, entry.reason_code) == (new, 8)


def test_a_successor_is_named_by_its_number_to_those_who_may_see_it(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    data = secrets.token_bytes(32)
    files = [{"mediaType": "application/octet-stream", "digests": file_digests(data)}]
    (old,) = city.anchor(org, org.certificate(files=files))
    number = f"JY{secrets.token_hex(5).upper()}"
    (new,) = city.anchor(org, org.certificate(number, replaces=old), caller=key(city, org.code, "anchor", "status"))
    workers.wait_final(city.app, "status", old, timeout=WAIT)
    whole = city.disclosure(org, old)
    read = json.loads(whole)
    partial = json.dumps(reveal(parse_record(read["record"]), parse_salt(read["salt"]), []).to_json()).encode()
    forged = json.dumps({**read, "salt": "11" * 32}).encode()
    told: list[tuple[bool, dict[str, Any], Asker]] = [
        (True, {"disclosure": whole}, PUBLIC),
        (True, {"file": data}, key(city, other.code, "verify")),
        (True, {"file": data}, key(city, other.code, "audit")),
        (True, {"file": data}, key(city, org.code, "anchor")),
        (True, {"file": data}, Operator()),
        (False, {"file": data}, PUBLIC),
        (False, {"disclosure": partial}, PUBLIC),
        (False, {"disclosure": forged}, PUBLIC),
        (False, {"receipt": city.proof(old)}, PUBLIC),
        (False, {"file": data}, key(city, other.code, "anchor", "status")),
    ]
    for may_see, question, asker in told:
        verdict = verify(city.app, VerificationRequest(**question), asker)
        text = json.dumps(verdict.to_json(), ensure_ascii=False)
        assert (number in text) == may_see and new not in text and old not in text, question
        if verdict.code == "superseded":
            assert "请向颁发机构索取新版" in verdict.next_step.zh
            assert (number in verdict.message.zh, number in verdict.message.en) == (may_see, may_see)
    # what is no longer kept has no name
    records.erase(city.app, new, "request", org.caller)
    verdict = city.verify(disclosure=whole)
    assert verdict.code == "superseded" and number not in json.dumps(verdict.to_json())


def test_without_the_role_status_the_link_is_shown_and_the_old_record_keeps_its_state(city: City) -> None:
    org = city.organisation()
    (old,) = city.anchor(org, org.certificate())
    city.anchor(org, org.certificate(replaces=old), caller=key(city, org.code, "anchor"))
    city.rounds()
    verdict = city.verify(disclosure=city.disclosure(org, old))
    assert verdict.code == "in_force"
    assert [warning.code for warning in verdict.context.warnings] == ["replacement_unconfirmed"]


def test_another_holder_supersedes_nothing(city: City) -> None:
    org = city.organisation()
    (old,) = city.anchor(org, org.certificate())
    city.anchor(org, org.certificate(replaces=old, holders=OTHER_HOLDER))
    city.rounds()
    assert city.judged(org, old) == "in_force"


def test_another_organisation_supersedes_nothing(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    (old,) = city.anchor(org, org.certificate())
    city.anchor(other, other.certificate(replaces=old))
    city.rounds()
    assert city.judged(org, old) == "in_force"


def test_a_record_that_has_ended_is_not_superseded(city: City) -> None:
    org = city.organisation()
    (old,) = city.anchor(org, org.certificate())
    city.set_state(org, old, "withdrawn", 2)
    city.anchor(org, org.certificate(replaces=old))
    city.rounds()
    assert city.judged(org, old) == "withdrawn"


def test_of_two_successors_in_one_batch_the_first_supersedes(city: City) -> None:
    org = city.organisation()
    (old,) = city.anchor(org, org.certificate())
    first, _ = city.anchor(org, org.certificate(replaces=old), org.certificate(replaces=old))
    workers.wait_final(city.app, "status", old, timeout=WAIT)
    assert [entry.successor for entry in state_history.status_history(city.app, old)] == [first]


def test_a_record_and_its_successor_may_come_in_one_batch(city: City) -> None:
    org = city.organisation()
    (old,) = city.submit(org, org.certificate())
    (new,) = city.submit(org, org.certificate(replaces=old))
    city.make_final([old, new])
    workers.wait_final(city.app, "status", old, timeout=WAIT)
    assert (city.judged(org, old), city.judged(org, new)) == ("superseded", "in_force")


def test_erasure_leaves_no_trace_of_the_content_anywhere(own_city: City, tmp_path: Path) -> None:
    city = own_city
    org = city.organisation()
    body = org.certificate("JY9999999901", holders=OTHER_HOLDER)
    (id,) = city.anchor(org, body)
    city.set_state(org, id, "withdrawn", 2, text="以虚假材料取得的证照")
    disclosure = json.loads(city.disclosure(org, id))
    city.verify(identifier=body["certificateIdentifier"], number="JY9999999901", holder_name="钱若岚")
    assert records.erase(city.app, id, "持证人申请删除", org.caller) == Erasure(id, erased=True, changed=True)
    assert records.erase(city.app, id, "持证人申请删除", org.caller).changed is False
    for read in (
        lambda: records.read(city.app, id, org.caller),
        lambda: records.present(city.app, id, ["holders"], org.caller),
    ):
        with pytest.raises(Gone):
            read()
    words = [b"JY9999999901", "钱若岚".encode(), b"43990019900101001X", "以虚假材料".encode()]
    words += [bytes.fromhex(disclosure["salt"]), bytes.fromhex(body["files"][0]["digests"]["sha-256"])]
    with city.app.database.reading() as connection:
        assert store.any_kept(connection)
    # what is kept of the files follows from their digests only for whoever can open the keystore
    stated = [f"{name}:{value}" for file in body["files"] for name, value in file["digests"].items()]
    words += [hashlib.sha256(text.encode()).digest() for text in stated]
    if city.app.database.dialect == "sqlite":
        for file in sorted((tmp_path / "data").parent.glob("chain_service.db*")):
            stored = file.read_bytes()
            assert not [word for word in words if word in stored], file.name
    else:
        for table in ("records", "record_files", "erased_files", "status_changes", "readings", "alerts", "submissions"):
            with city.app.database.engine.connect() as connection:
                shown = str(connection.exec_driver_sql(f"SELECT * FROM {table}").all()).encode()
            assert not [word for word in words if word in shown or repr(word)[2:-1].encode() in shown], table


def test_after_erasure_the_proof_stays_and_the_audit_is_content(city: City) -> None:
    org = city.organisation()
    ids = city.anchor(org, *(org.certificate() for _ in range(3)))
    before = records.proof(city.app, ids[1])
    records.erase(city.app, ids[1], "到期清理", org.caller)
    assert records.proof(city.app, ids[1]) == before
    report = audit(city.app, org.code)
    assert (report.ok, report.logs[0].erased, report.logs[0].records) == (True, 1, 3)


def test_the_holder_of_the_disclosure_can_still_have_it_verified(city: City) -> None:
    org = city.organisation()
    ids = city.anchor(org, *(org.certificate() for _ in range(3)))
    disclosure, proof = city.disclosure(org, ids[1]), city.proof(ids[1])
    partial = json.dumps(records.present(city.app, ids[1], ["certificateNumber"], org.caller).to_json()).encode()
    for id in ids[:2]:
        records.erase(city.app, id, "到期清理", org.caller)
    for question in ({"receipt": proof}, {}):
        for shown in (disclosure, partial):
            verdict = city.verify(disclosure=shown, **question)
            assert (verdict.answer, verdict.code) == ("valid", "in_force"), question
            assert "erased" in [warning.code for warning in verdict.context.warnings]
    city.change(org, ids[1], "withdrawn", 2)
    workers.wait_final(city.app, "status", ids[1], timeout=WAIT)
    assert city.verify(disclosure=disclosure).code == "withdrawn"


def test_an_erased_record_is_found_by_nothing_but_its_proof(city: City) -> None:
    org = city.organisation()
    body = org.certificate()
    (id,) = city.anchor(org, body)
    proof = city.proof(id)
    records.erase(city.app, id, "到期清理", org.caller)
    holder = body["holders"][0]["certificateHolderName"]
    asked = {"identifier": body["certificateIdentifier"], "number": body["certificateNumber"], "holder_name": holder}
    assert city.verify(**asked).code == "not_anchored"
    assert city.verify(digest="sha-256:" + body["files"][0]["digests"]["sha-256"]).code == "not_anchored"
    assert city.verify(receipt=proof).answer == "indeterminate"
    (again,) = city.anchor(org, body)
    assert again != id


def test_a_record_that_waits_for_a_batch_is_erased_for_good_and_never_enters_one(city: City) -> None:
    org = city.organisation()
    first, second = city.submit(org, org.certificate(), org.certificate())
    records.erase(city.app, first, "录入错误", org.caller)
    city.make_final([second])
    assert records.read(city.app, second).index == 1
    assert records.page(city.app, org.caller, state="failed").records[0].id == first


def test_a_record_whose_batch_is_under_way_is_not_erased_yet(city: City) -> None:
    org = city.organisation()
    (id,) = city.submit(org, org.certificate())
    city.step()
    with pytest.raises(Conflict) as refused:
        records.erase(city.app, id, "录入错误", org.caller)
    assert refused.value.code == "not_anchored"
    city.make_final([id])


def test_erasure_needs_a_reason_and_the_records_own_organisation(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    (id,) = city.anchor(org, org.certificate())
    with pytest.raises(BadRequest):
        records.erase(city.app, id, " ", org.caller)
    with pytest.raises(Forbidden):
        records.erase(city.app, id, "录入错误", other.caller)


def test_every_reading_of_a_record_is_on_record(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    caller = key(city, org.code, "audit")
    records.read(city.app, id)
    records.read(city.app, id, caller)
    state_history.disclosed_history(city.app, id, caller)
    records.present(city.app, id, ["certificateNumber"], caller)
    with city.app.database.reading() as connection:
        told = readings.of_record(connection, id)
    assert [(one.key_id, one.action) for one in reversed(told)] == [
        (caller.key_id, "disclosure"),
        (caller.key_id, "changes"),
        (caller.key_id, "present"),
    ]
