"""Whether an organisation was permitted to issue a type on a day, and which entry says so."""

from datetime import date, timedelta

import pytest

from chain_service.core.chainproof.storage_layout import OPEN_END, PERMIT_END, PERMIT_GRANT, PermitEntry, day_number
from chain_service.core.registries.permits import decide_permit, permit_periods, permitted_on

FIRST, LAST = date(2024, 1, 1), date(2025, 12, 31)
DAY = timedelta(days=1)


def grant(first, last=None, at=100):
    return PermitEntry(PERMIT_GRANT, day_number(first), OPEN_END if last is None else day_number(last), at)


def end(last, at=200):
    return PermitEntry(PERMIT_END, 0, day_number(last), at)


def test_nothing_granted_is_nothing_permitted():
    assert decide_permit([], FIRST).decided_by is None and not permitted_on([], FIRST)


def test_both_days_of_a_grant_are_included():
    entries = [grant(FIRST, LAST)]
    assert [permitted_on(entries, day) for day in (FIRST - DAY, FIRST, LAST, LAST + DAY)] == [False, True, True, False]
    assert decide_permit(entries, FIRST).decided_by == 0
    assert decide_permit(entries, LAST + DAY).decided_by is None


def test_an_open_grant_runs_until_it_is_ended():
    entries = [grant(FIRST)]
    assert permitted_on(entries, date.max)
    entries.append(end(LAST))
    assert permitted_on(entries, LAST) and not permitted_on(entries, LAST + DAY)
    assert decide_permit(entries, LAST + DAY).decided_by == 1
    assert decide_permit(entries, FIRST - DAY).decided_by is None


def test_an_end_shortens_longer_grants_and_leaves_shorter_ones():
    entries = [grant(FIRST, FIRST + 10 * DAY), grant(FIRST + 20 * DAY, FIRST + 40 * DAY), end(FIRST + 30 * DAY)]
    assert [(period.from_day, period.until_day, period.ended_by) for period in permit_periods(entries)] == [
        (day_number(FIRST), day_number(FIRST) + 10, None),
        (day_number(FIRST) + 20, day_number(FIRST) + 30, 2),
    ]


def test_an_end_before_a_grant_begins_takes_all_of_it():
    entries = [grant(FIRST, LAST), end(FIRST - DAY)]
    for day in (FIRST - DAY, FIRST, LAST):
        assert not permitted_on(entries, day)
    assert decide_permit(entries, FIRST).decided_by == 1


def test_a_later_end_does_not_give_days_back():
    entries = [grant(FIRST), end(FIRST + 10 * DAY), end(FIRST + 20 * DAY)]
    assert permitted_on(entries, FIRST + 10 * DAY) and not permitted_on(entries, FIRST + 11 * DAY)
    assert decide_permit(entries, FIRST + 15 * DAY).decided_by == 1


def test_a_grant_after_an_end_stands_for_itself():
    entries = [grant(FIRST), end(FIRST + 10 * DAY), grant(FIRST + 30 * DAY)]
    days = (FIRST + 10 * DAY, FIRST + 11 * DAY, FIRST + 29 * DAY, FIRST + 30 * DAY)
    assert [permitted_on(entries, day) for day in days] == [True, False, False, True]
    assert decide_permit(entries, FIRST + 30 * DAY).decided_by == 2
    assert decide_permit(entries, FIRST + 20 * DAY).decided_by == 1


def test_the_latest_grant_that_covers_a_day_decides():
    entries = [grant(FIRST), grant(FIRST + DAY)]
    assert [decide_permit(entries, day).decided_by for day in (FIRST, FIRST + DAY)] == [0, 1]


def test_a_past_moment_knows_only_what_was_recorded_by_then():
    entries = [grant(FIRST, at=100), end(FIRST + 10 * DAY, at=200)]
    late = FIRST + 11 * DAY
    assert [permitted_on(entries, late, as_of=moment) for moment in (99, 100, 199, 200)] == [False, True, True, False]
    assert decide_permit(entries, late, as_of=99).decided_by is None


@pytest.mark.parametrize("day", [date(1969, 12, 31), date.min])
def test_days_before_1970_are_never_permitted(day):
    assert not permitted_on([PermitEntry(PERMIT_GRANT, 0, OPEN_END, 0)], day)
