"""Which states follow which, and what a change of state has to say."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from chain_service.core.records.states import (
    HOUSING_OPERATIONS,
    HOUSING_STATES,
    REASONS,
    ChangeRecord,
    State,
    may_follow,
    parse_change_record,
    parse_change_request,
    parse_reason,
    parse_state,
)
from chain_service.errors import MalformedRecord

RECORD_ID = "3f2b6f0e-5d0c-4a7e-9a55-0a1b2c3d4e5f"

#   to:          0      1      2      3      4      5      6      7
TRANSITIONS = (
    (0, (False, True, True, True, True, True, True, True)),
    (1, (True, False, True, True, True, True, False, True)),
    (2, (False,) * 8),
    (3, (False,) * 8),
    (4, (False,) * 8),
    (5, (False,) * 8),
    (6, (True, False, False, False, False, False, False, True)),
    (7, (False,) * 8),
)


@pytest.mark.parametrize(("source", "target"), list(product(State, State)))
def test_every_transition_is_as_the_table_says(source: State, target: State) -> None:
    assert may_follow(source, target) is dict(TRANSITIONS)[source][target]


def test_withdrawn_cancelled_penalised_lapsed_and_superseded_are_final() -> None:
    assert [state.code for state in State if state.is_final] == [
        "withdrawn",
        "cancelled",
        "penalised",
        "lapsed",
        "superseded",
    ]


def test_the_numbers_on_chain_never_move() -> None:
    assert {state.code: int(state) for state in State} == {
        "in_force": 0,
        "suspended": 1,
        "withdrawn": 2,
        "cancelled": 3,
        "penalised": 4,
        "lapsed": 5,
        "transferred": 6,
        "superseded": 7,
    }
    assert all(state.zh and state.en and parse_state(state.code) is state for state in State)


def test_reason_codes_are_those_of_the_table_in_both_languages() -> None:
    assert sorted(REASONS) == [*range(1, 14), 99]
    assert all(reason.zh and reason.en for reason in REASONS.values())
    assert parse_reason("2") == parse_reason(2) == REASONS[2]


@pytest.mark.parametrize("reason", [None, 0, 14, 65536, True, "x", "²", "-1", 1.0, "9" * 4000])
def test_a_reason_outside_the_table_is_refused(reason: object) -> None:
    with pytest.raises(MalformedRecord):
        parse_reason(reason)


def test_the_housing_ministrys_list_names_every_state_it_knows_once() -> None:
    named = [state for state in HOUSING_STATES.values() if state is not None]
    assert set(named) == set(State) - {State.SUPERSEDED}
    assert len(named) == len(set(named))
    assert list(HOUSING_OPERATIONS) == [f"{n:02d}" for n in range(1, 11)]
    assert [o.code for o in HOUSING_OPERATIONS.values() if o.new_record] == ["01", "02", "08", "09"]


@pytest.mark.parametrize("state", ["withdrawn", "cancelled", "penalised", "suspended"])
def test_these_states_need_a_legal_basis(state: str) -> None:
    with pytest.raises(MalformedRecord) as refused:
        parse_change_request({"to": state, "reasonCode": 1})
    assert refused.value.details["field"] == "legalBasis"
    assert parse_change_request({"to": state, "reasonCode": 1, "legalBasis": "行政许可法第六十九条"}).to.code == state


@pytest.mark.parametrize("state", ["in_force", "lapsed", "transferred", "superseded"])
def test_the_other_states_need_none(state: str) -> None:
    assert parse_change_request({"to": state, "reasonCode": 99}).legal_basis is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to": "expired"}, "to"),
        ({"to": None}, "to"),
        ({"reasonCode": None}, "reasonCode"),
        ({"text": "x" * 2001}, "text"),
        ({"text": 1}, "text"),
        ({"legalBasis": "x" * 501}, "legalBasis"),
        ({"successor": RECORD_ID}, "successor"),
        ({"to": "superseded", "successor": "12"}, "successor"),
        ({"operator": "x"}, "operator"),
    ],
)
def test_a_malformed_change_is_refused_by_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedRecord) as refused:
        parse_change_request({"to": "lapsed", "reasonCode": 7, **change})
    assert refused.value.details["field"] == field


def test_a_change_that_is_no_object_is_refused() -> None:
    with pytest.raises(MalformedRecord):
        parse_change_request(["lapsed", 7])


def test_a_change_record_reads_back_what_it_wrote() -> None:
    request = parse_change_request({"to": "superseded", "reasonCode": 9, "successor": RECORD_ID.upper()})
    record = ChangeRecord(RECORD_ID, request, "张三", "2025-06-01T08:00:00Z")
    assert parse_change_record(record.to_json()) == record


@pytest.mark.parametrize("at", ["2025-06-01", "2025-06-01T08:00:00+08:00", "2025-13-01T08:00:00Z", "", 5])
def test_a_change_record_needs_a_utc_time(at: object) -> None:
    value = {"recordId": RECORD_ID, "to": "lapsed", "reasonCode": 7, "officer": "张三", "at": at}
    with pytest.raises(MalformedRecord):
        parse_change_record(value)
