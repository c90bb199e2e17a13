"""`ifState`: the state that was seen, alone or with the number of changes before it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_service.core.records.state_tags import parse_expected_state, state_tag
from chain_service.errors import MalformedRecord

STATES = ("in_force", "frozen", "cancelled")
names = st.sampled_from(STATES)
numbers = st.integers(0, 999_999_999)


@given(names, numbers, names, numbers)
def test_a_tag_fits_its_own_moment_only_and_a_name_every_moment_of_its_state(
    name: str, changes: int, other: str, others: int
) -> None:
    exact = parse_expected_state(state_tag(name, changes), STATES)
    assert exact.is_now(other, others) == ((name, changes) == (other, others))
    assert parse_expected_state(name, STATES).is_now(other, others) == (name == other)


@pytest.mark.parametrize("text", ["", "in_force/", "/2", "in_force/-1", "in_force/2/3", "IN_FORCE", "gone", 3, None])
def test_what_names_no_state_is_refused(text: object) -> None:
    with pytest.raises(MalformedRecord) as refused:
        parse_expected_state(text, STATES)
    assert refused.value.details["field"] == "ifState"
