"""Changing a record's state: what may follow what, safe repetition, grouping, and what the verdict says meanwhile."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chain_service.chain.contracts import encode_call
from chain_service.core.chainproof.storage_layout import RECORD_STATUS
from chain_service.core.encoding.answers import to_json
from chain_service.core.records.hashing import Salt, change_digest, log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.states import SOURCES, State, may_follow
from chain_service.errors import Conflict, Forbidden, MalformedRecord
from chain_service.jobs import workers
from chain_service.jobs.anchoring.change_state import ChangeAnswer
from chain_service.jobs.asker import KeyHolder, Operator
from chain_service.jobs.records import records, state_history
from chain_service.store import readings
from chain_service.store import statuses as store
from support.worlds.jobs_city import WAIT, City, Org

LEGAL = [(source, target) for target, sources in SOURCES.items() for source in sources]


def to_be_set(city: City, org: Org, source: State, count: int) -> list[str]:
    ids = city.anchor(org, *(org.certificate() for _ in range(count)))
    if source is not State.IN_FORCE:
        for id in ids:
            city.change(org, id, source.code)
        for id in ids:
            workers.wait_final(city.app, "status", id, timeout=WAIT)
    return ids


@pytest.mark.parametrize("source", State)
def test_every_legal_change_and_no_other_is_accepted_and_stands_on_chain(city: City, source: State) -> None:
    org = city.organisation()
    targets = [target for target in State if target is not source]
    ids = to_be_set(city, org, source, len(targets))
    legal = []
    for id, target in zip(ids, targets, strict=True):
        if may_follow(source, target):
            city.change(org, id, target.code)
            legal.append((id, target))
        else:
            with pytest.raises(Conflict) as refused:
                city.change(org, id, target.code)
            assert refused.value.code == "illegal_transition"
            assert (refused.value.details["from"], refused.value.details["to"]) == (source.code, target.code)
    for id, target in legal:
        workers.wait_final(city.app, "status", id, timeout=WAIT)
        assert (city.status(id), city.judged(org, id)) == (target.code, target.code)


def test_while_a_change_is_under_way_the_verdict_is_indeterminate(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    answer = city.change(org, id, "withdrawn", 2)
    assert (answer.created, answer.state, answer.status, answer.to) == (
        True,
        "pending",
        "in_force",
        "withdrawn",
    )
    assert city.judged(org, id) == "status_changing"
    city.step()
    assert city.judged(org, id) == "status_changing"
    workers.wait_final(city.app, "status", id, timeout=WAIT)
    assert city.judged(org, id) == "withdrawn"


def test_asking_again_for_the_same_state_changes_nothing(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    first = city.change(org, id, "cancelled")
    again = city.change(org, id, "cancelled")
    assert (again.created, again.change) == (False, first.change)
    workers.wait_final(city.app, "status", id, timeout=WAIT)
    assert city.change(org, id, "cancelled") == ChangeAnswer(
        id, "cancelled", created=False, state="final", state_tag="cancelled/1"
    )
    assert len(state_history.status_history(city.app, id)) == 1
    assert city.change(org, city.anchor(org, org.certificate())[0], "in_force").created is False


def test_a_second_change_waits_for_the_first(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    city.change(org, id, "suspended", 12)
    with pytest.raises(Conflict) as refused:
        city.change(org, id, "withdrawn")
    assert refused.value.code == "change_pending"
    workers.wait_final(city.app, "status", id, timeout=WAIT)
    city.set_state(org, id, "in_force", 13)
    city.set_state(org, id, "transferred", 10)
    assert [entry.to for entry in state_history.status_history(city.app, id)] == [
        "suspended",
        "in_force",
        "transferred",
    ]


def test_a_record_that_is_not_anchored_has_no_state_to_change(city: City) -> None:
    org = city.organisation()
    (id,) = city.submit(org, org.certificate())
    with pytest.raises(Conflict) as refused:
        city.change(org, id, "withdrawn")
    assert refused.value.code == "not_anchored"
    city.make_final([id])


def test_only_the_records_own_organisation_with_the_role_changes_it(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    (id,) = city.anchor(org, org.certificate())
    with pytest.raises(Forbidden) as foreign:
        city.change(other, id, "withdrawn")
    assert foreign.value.code == "wrong_organisation"
    with pytest.raises(Forbidden) as powerless:
        city.change(replace(org, caller=KeyHolder(org.code, frozenset({"anchor"}), "a key")), id, "withdrawn")
    assert powerless.value.code == "missing_role"


@pytest.mark.parametrize(
    ("to", "reason", "other", "field"),
    [
        ("withdrawn", 2, {"legal_basis": None}, "legalBasis"),
        ("suspended", 12, {"legal_basis": None}, "legalBasis"),
        ("penalised", 5, {"legal_basis": None}, "legalBasis"),
        ("cancelled", 3, {"legal_basis": None}, "legalBasis"),
        ("withdrawn", 0, {}, "reasonCode"),
        ("withdrawn", None, {}, "reasonCode"),
        ("revoked", 2, {}, "to"),
        ("withdrawn", 2, {"successor": "7a7b4f5e-3c39-4d8e-9a5f-111111111111"}, "successor"),
        ("superseded", 8, {"successor": "no id"}, "successor"),
    ],
)
def test_a_change_has_to_say_what_the_rules_ask(city: City, to: str, reason: int, other: dict, field: str) -> None:
    org = city.organisation()
    (id,) = city.submit(org, org.certificate())
    with pytest.raises(MalformedRecord) as refused:
        city.change(org, id, to, reason, **other)
    assert refused.value.details["field"] == field


def test_lapsed_and_transferred_need_no_legal_basis(city: City) -> None:
    org = city.organisation()
    lapsed, transferred = city.anchor(org, org.certificate(), org.certificate())
    city.change(org, lapsed, "lapsed", 7, legal_basis=None)
    city.set_state(org, transferred, "transferred", 10, legal_basis=None)
    assert (city.status(lapsed), city.status(transferred)) == ("lapsed", "transferred")


def test_the_history_names_each_change_and_discloses_its_record_to_the_organisation_only(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    (id,) = city.anchor(org, org.certificate())
    city.set_state(org, id, "withdrawn", 2, text="以虚假材料取得", officer="王处长")
    (entry,) = state_history.status_history(city.app, id)
    assert (entry.to, entry.reason_code, entry.account) == ("withdrawn", 2, org.account)
    assert "王处长" not in json.dumps(to_json(state_history.status_history(city.app, id)), ensure_ascii=False)
    with pytest.raises(Forbidden):
        state_history.disclosed_history(city.app, id, other.caller)
    (disclosed,) = state_history.disclosed_history(city.app, id, org.caller).history
    assert state_history.disclosed_history(city.app, id, Operator()).history == (disclosed,)
    with city.app.database.reading() as connection:
        by_operator = readings.of_record(connection, id)[0]
    assert (by_operator.action, by_operator.key_id, by_operator.org) == ("changes", None, org.code), "not the public's"
    change = disclosed.change
    assert change is not None
    assert (change.record["officer"], change.record["text"]) == ("王处长", "以虚假材料取得")
    digest = change_digest(change.record, Salt(change.salt))
    assert entry.digest == "sha-256:" + digest.hex()


def test_changes_that_wait_together_travel_in_one_transaction(city: City) -> None:
    org = city.organisation()
    ids = city.anchor(org, *(org.certificate() for _ in range(8)))
    for id in ids:
        city.change(org, id, "lapsed", 7)
    for id in ids:
        workers.wait_final(city.app, "status", id, timeout=WAIT)
    assert len({state_history.status_history(city.app, id)[0].tx for id in ids}) == 1
    assert {city.status(id) for id in ids} == {"lapsed"}


def test_one_change_that_became_illegal_on_chain_blocks_no_other(city: City) -> None:
    org = city.organisation()
    ids = city.anchor(org, *(org.certificate() for _ in range(6)))
    account = city.app.keystore.account(org.account)
    for id in ids:
        city.change(org, id, "lapsed", 7)
    log = log_id(OrgCode(org.code), 0)
    words = [(3 | State.WITHDRAWN << 64 | 2 << 72, bytes(31) + b"\1")]
    call = encode_call(RECORD_STATUS, "set", log, words)
    city.trial.sender.transact(account, city.trial.deployment.address(RECORD_STATUS), call, timeout=WAIT)
    for id in ids[:2] + ids[3:]:
        workers.wait_final(city.app, "status", id, timeout=WAIT)
    with pytest.raises(Conflict) as refused:
        workers.wait_final(city.app, "status", ids[2], timeout=WAIT)
    assert refused.value.code == "refused_by_contract"
    assert [city.status(id) for id in ids] == ["lapsed", "lapsed", "withdrawn", "lapsed", "lapsed", "lapsed"]
    assert city.judged(org, ids[2]) == "withdrawn"
    assert len({state_history.status_history(city.app, id)[0].tx for id in ids if id != ids[2]}) == 1
    with city.app.database.reading() as connection:
        assert [change.refused for change in store.of_record(connection, ids[2])] == ["IllegalTransition"]


def test_a_state_set_by_another_account_is_told_by_the_chain_alone(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    call = encode_call(
        RECORD_STATUS, "set", log_id(OrgCode(org.code), 0), [(1 | State.PENALISED << 64 | 5 << 72, bytes(31) + b"\2")]
    )
    account = city.app.keystore.account(org.account)
    city.trial.sender.transact(account, city.trial.deployment.address(RECORD_STATUS), call, timeout=WAIT)
    city.rounds(1)
    assert (city.judged(org, id), city.status(id)) == ("penalised", "penalised")
    assert records.read(city.app, id).history[0].reason_code == 5


def test_whoever_copies_a_changes_digest_into_another_log_ends_nothing(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    (id,) = city.anchor(org, org.certificate())
    city.anchor(other, other.certificate())
    city.change(org, id, "withdrawn", 2)
    with city.app.database.reading() as connection:
        digest = store.of_record(connection, id)[0].digest
    call = encode_call(
        RECORD_STATUS, "set", log_id(OrgCode(other.code), 0), [(1 | State.WITHDRAWN << 64 | 2 << 72, digest)]
    )
    account = city.app.keystore.account(other.account)
    city.trial.sender.transact(account, city.trial.deployment.address(RECORD_STATUS), call, timeout=WAIT)
    workers.index(city.app)
    assert city.judged(org, id) == "status_changing"
    workers.wait_final(city.app, "status", id, timeout=WAIT)
    assert city.judged(org, id) == "withdrawn"
