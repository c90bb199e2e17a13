"""A final end takes two where its organisation asks for it, and so many in a day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Thread

import pytest

from chain_service.core.records.states import State
from chain_service.errors import ChainServiceError, Conflict, Forbidden, NotFound, RateLimited
from chain_service.jobs import workers
from chain_service.jobs.anchoring import change_state, second_approval
from chain_service.jobs.asker import KeyHolder, Operator
from chain_service.jobs.instance import api_keys
from chain_service.jobs.records import records, state_history
from support.worlds.jobs_city import WAIT, City, Org

ENDS = [state for state in State if state.is_final]


def two(city: City, **rule: int) -> tuple[Org, Org]:
    """An organisation that asks for a second approval, as two of its keys act for it."""
    org = city.organisation()
    second_approval.set_rule(city.app, org.code, second_approval=True, **rule)
    keys = [api_keys.admit(city.app, api_keys.create_key(city.app, org.code, ["status"]).key) for _ in range(2)]
    return replace(org, caller=keys[0]), replace(org, caller=keys[1])


def anchored(city: City, org: Org, count: int = 1) -> list[str]:
    return city.anchor(org, *(org.certificate() for _ in range(count)), caller=Operator(org.code))


def refused(act: Callable[[], object]) -> str:
    """The code of the error that this ends with."""
    with pytest.raises(ChainServiceError) as error:
        act()
    return error.value.code


def test_the_final_states_are_those_that_nothing_follows() -> None:
    assert {state.code for state in ENDS} == {"withdrawn", "cancelled", "penalised", "lapsed", "superseded"}


def test_every_final_end_waits_for_another_key_and_no_other_change_does(city: City) -> None:
    org, _ = two(city)
    ids = anchored(city, org, len(ENDS) + 2)
    for id, end in zip(ids, ENDS, strict=False):
        answer = city.change(org, id, end.code)
        assert (answer.state, answer.to, answer.status, answer.created) == (
            "waiting_approval", end.code, "in_force", True
        )  # fmt: skip
        assert answer.change is None and answer.expires_at
        assert city.judged(replace(org, caller=Operator(org.code)), id) == "in_force"
        again = city.change(org, id, end.code)
        assert (again.approval, again.created) == (answer.approval, False)
    for id, to in zip(ids[-2:], ("suspended", "transferred"), strict=True):
        assert city.change(org, id, to).state == "pending"


def test_an_approved_end_goes_on_chain_and_names_both(city: City) -> None:
    first, second = two(city)
    (id,) = anchored(city, first)
    asked = city.change(first, id, "withdrawn", text="处罚决定书第七号")
    (listed,) = second_approval.list_approvals(city.app, second.caller, state="waiting").approvals
    assert (listed.id, listed.record, listed.to, listed.text) == (asked.approval, id, "withdrawn", "处罚决定书第七号")
    assert listed.requested_by == f"key {first.caller.key_id}"
    answer = change_state.approve(city.app, second.caller, listed.id, id)
    assert (answer.state, answer.to) == ("pending", "withdrawn")
    workers.wait_final(city.app, "status", id, timeout=WAIT)
    assert city.status(id) == "withdrawn"
    (change,) = state_history.disclosed_history(city.app, id, second.caller).history
    assert change.change is not None
    assert change.change.record["officer"] == f"key {first.caller.key_id}, key {second.caller.key_id}"
    assert refused(lambda: change_state.approve(city.app, second.caller, listed.id)) == "approval_ended"
    (done,) = second_approval.list_approvals(city.app, second.caller, record=id).approvals
    assert (done.state, done.change) == ("approved", answer.change)


def test_nobody_approves_an_end_of_their_own_or_of_another_organisation(city: City) -> None:
    first, second = two(city)
    other, _ = two(city)
    (id,) = anchored(city, first)
    approval = city.change(first, id, "cancelled").approval
    rotated = api_keys.admit(city.app, api_keys.rotate_key(city.app, first.caller.key_id, 600).key)
    auditor = KeyHolder(first.code, frozenset({"audit"}), "an auditor's")
    for asker, code in (
        (first.caller, "same_holder"),
        (rotated, "same_holder"),
        (other.caller, "wrong_organisation"),
        (auditor, "missing_role"),
    ):
        assert refused(lambda asker=asker: change_state.approve(city.app, asker, approval)) == code
    assert refused(lambda: change_state.approve(city.app, second.caller, approval, "another record")) == (
        "approval_unknown"
    )
    assert refused(lambda: change_state.approve(city.app, second.caller, "none")) == "approval_unknown"
    assert second_approval.list_approvals(city.app, other.caller).approvals == ()
    mine = city.change(replace(first, caller=Operator(first.code)), anchored(city, first)[0], "cancelled").approval
    assert refused(lambda: change_state.approve(city.app, Operator(), mine)) == "same_holder"
    assert change_state.approve(city.app, Operator(), approval).state == "pending"


def test_an_end_that_is_refused_or_that_nobody_decides_in_time_changes_nothing_and_may_be_asked_again(
    city: City,
) -> None:
    first, second = two(city)
    (id,) = anchored(city, first)
    one = city.change(first, id, "withdrawn")
    assert refused(lambda: city.change(first, id, "cancelled")) == "approval_waiting"
    assert change_state.refuse(city.app, second.caller, one.approval, id).state == "refused"
    assert refused(lambda: change_state.approve(city.app, second.caller, one.approval)) == "approval_ended"
    late = city.change(first, id, "cancelled")
    city.clock.ahead += city.app.settings.approval_lifetime + 1
    assert refused(lambda: change_state.approve(city.app, second.caller, late.approval)) == "approval_ended"
    states = {one.id: one.state for one in second_approval.list_approvals(city.app, first.caller).approvals}
    assert states == {one.approval: "refused", late.approval: "expired"}
    (expired,) = second_approval.list_approvals(city.app, first.caller, state="expired").approvals
    assert expired.id == late.approval
    assert city.status(id) == "in_force"
    assert city.change(first, id, "lapsed").created


def test_an_end_that_the_record_no_longer_allows_is_refused_when_it_is_approved(city: City) -> None:
    first, second = two(city)
    (id,) = anchored(city, first)
    approval = city.change(first, id, "withdrawn").approval
    city.change(first, id, "suspended")
    assert refused(lambda: change_state.approve(city.app, second.caller, approval)) == "change_pending"
    workers.wait_final(city.app, "status", id, timeout=WAIT)
    assert change_state.approve(city.app, second.caller, approval).state == "pending"


def test_an_end_that_was_meant_for_one_state_is_not_approved_in_another(city: City) -> None:
    first, second = two(city)
    (id,) = anchored(city, first)
    approval = city.change(first, id, "withdrawn", if_state="in_force/0").approval
    assert city.change(first, id, "withdrawn", if_state="in_force/0").approval == approval
    for to in ("suspended", "in_force"):
        city.change(first, id, to)
        workers.wait_final(city.app, "status", id, timeout=WAIT)
    assert refused(lambda: change_state.approve(city.app, second.caller, approval)) == "state_changed"
    assert refused(lambda: city.change(first, id, "withdrawn", if_state="in_force/2")) == "approval_waiting"
    change_state.refuse(city.app, first.caller, approval)
    meant = city.change(first, id, "withdrawn", if_state="in_force/2").approval
    assert change_state.approve(city.app, second.caller, meant).state == "pending"


def test_the_end_of_an_erased_record_can_be_refused_and_asked_for_again(city: City) -> None:
    first, second = two(city)
    (id,) = anchored(city, first)
    approval = city.change(first, id, "withdrawn", text="只有审批里有的话").approval
    records.erase(city.app, id, "依申请", Operator())
    assert refused(lambda: change_state.approve(city.app, second.caller, approval)) == "erased"
    assert refused(lambda: city.change(first, id, "withdrawn")) == "approval_waiting"
    assert change_state.refuse(city.app, second.caller, approval).state == "refused"
    again = city.change(first, id, "withdrawn")
    assert change_state.approve(city.app, second.caller, again.approval).state == "pending"


def test_of_several_who_approve_at_once_one_does(city: City) -> None:
    first, second = two(city)
    (id,) = anchored(city, first)
    approval = city.change(first, id, "withdrawn").approval
    codes: list[str] = []

    def approve() -> None:
        try:
            codes.append(change_state.approve(city.app, second.caller, approval).state)
        except ChainServiceError as error:
            codes.append(error.code)

    threads = [Thread(target=approve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["approval_ended"] * 3 + ["pending"]


def test_the_ends_of_a_day_are_bounded_with_and_without_a_second_approval(city: City) -> None:
    first, second = two(city, daily_ends=1)
    ids = anchored(city, first, 3)
    approvals = [city.change(first, id, "withdrawn").approval for id in ids]
    city.clock.ahead += 86_400 - city.app.now % 86_400 + 1
    change_state.approve(city.app, second.caller, approvals[0])
    with pytest.raises(RateLimited) as spent:
        change_state.approve(city.app, second.caller, approvals[1])
    assert spent.value.code == "ends_spent" and 0 < spent.value.details["retryAfter"] <= 86_400
    assert second_approval.list_approvals(city.app, first.caller, record=ids[1]).approvals[0].state == "waiting"
    rule = second_approval.set_rule(city.app, first.code, second_approval=False)
    assert (rule.second_approval, rule.daily_ends) == (False, 1)
    assert refused(lambda: city.change(first, ids[2], "withdrawn")) == "ends_spent"
    assert city.change(first, ids[2], "suspended").state == "pending"
    city.clock.ahead += 86_400
    change_state.approve(city.app, second.caller, approvals[1])
    assert second_approval.set_rule(city.app, first.code, unlimited=True).daily_ends is None


def test_a_replacement_supersedes_without_an_approval_and_an_erased_record_leaves_no_text(city: City) -> None:
    first, second = two(city)
    (id,) = anchored(city, first)
    approval = city.change(first, id, "withdrawn", text="只有审批里有的话").approval
    anchored_at = city.anchor(first, first.certificate(replaces=id), caller=Operator(first.code))
    workers.wait_final(city.app, "status", id, timeout=WAIT)
    assert city.status(id) == "superseded" and len(anchored_at) == 1
    with pytest.raises(Conflict) as illegal:
        change_state.approve(city.app, second.caller, approval)
    assert illegal.value.code == "illegal_transition"
    records.erase(city.app, id, "依申请", Operator())
    (listed,) = second_approval.list_approvals(city.app, first.caller, record=id).approvals
    assert (listed.to, listed.text) == (None, None)
    with pytest.raises(NotFound):
        change_state.approve(city.app, second.caller, approval)
    with pytest.raises(Forbidden):
        second_approval.list_approvals(city.app, KeyHolder(first.code, frozenset({"seal"}), "a key"))
