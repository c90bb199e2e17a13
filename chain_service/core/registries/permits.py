"""Whether an organisation was permitted to issue a type of certificate on a day.

A grant permits its days, first and last included; an end cuts whatever was granted before it at its last day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState
from chain_service.core.chainproof.storage_layout import PermitEntry
from chain_service.core.registries.histories import read_history


@dataclass(frozen=True, slots=True)
class PermitPeriod:
    """Days (from 1970-01-01, both included) that one grant permits after all ends; none if until_day < from_day."""

    from_day: int
    until_day: int
    granted_by: int
    """Position of the grant."""
    ended_by: int | None = None
    """Position of the end that cut it shortest, None if it runs as granted."""


@dataclass(frozen=True, slots=True)
class PermitDecision:
    """Whether the day was permitted, and the position of the entry that decides it."""

    permitted: bool
    decided_by: int | None
    """The latest grant that covers the day; if none does, the latest end that took it away; None if never granted."""


def permit_periods(entries: Sequence[PermitEntry], *, as_of: int | None = None) -> list[PermitPeriod]:
    """What every grant permits once the ends after it are applied, in the order of the grants.

    `entries` are whole and in order; those recorded after `as_of` (unix seconds) are left out.
    """
    periods: list[PermitPeriod] = []
    for place, entry in enumerate(entries):
        if as_of is not None and entry.recorded_at > as_of:
            continue
        if entry.action == storage_layout.PERMIT_GRANT:
            periods.append(PermitPeriod(entry.from_day, entry.until_day, granted_by=place))
        else:
            periods = [
                replace(period, until_day=entry.until_day, ended_by=place)
                if period.until_day > entry.until_day
                else period
                for period in periods
            ]
    return periods


def decide_permit(entries: Sequence[PermitEntry], day: date, *, as_of: int | None = None) -> PermitDecision:
    """Whether `day` was permitted, by the entries recorded until `as_of` (unix seconds, default all), and by which."""
    number = storage_layout.day_number(day)
    periods = permit_periods(entries, as_of=as_of)
    for period in reversed(periods):
        if period.from_day <= number <= period.until_day:
            return PermitDecision(True, period.granted_by)
    ends = [
        period.ended_by
        for period in periods
        if period.ended_by is not None and period.from_day <= number <= entries[period.granted_by].until_day
    ]
    return PermitDecision(False, max(ends, default=None))


def permitted_on(entries: Sequence[PermitEntry], day: date, *, as_of: int | None = None) -> bool:
    """`decide_permit(…).permitted`, for who needs no reason."""
    return decide_permit(entries, day, as_of=as_of).permitted


def read_permits(state: ProvenState, organisation: str, type_code: str) -> list[PermitEntry]:
    """The organisation's permit entries for a type, oldest first.

    Raises InvalidProof unless the state covers every entry and the first absent one.
    """
    words = read_history(
        state, storage_layout.ORGANISATIONS, lambda n: storage_layout.permit_slot(organisation, type_code, n)
    )
    return [PermitEntry.from_word(word) for word in words]
