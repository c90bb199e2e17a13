"""Moments in unix seconds, written for people: RFC 3339 in UTC, calendar days in UTC+8."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

UTC8 = timezone(timedelta(hours=8))


def local_day(moment: int) -> date:
    """The calendar day in UTC+8."""
    return datetime.fromtimestamp(moment, UTC8).date()


def rfc3339(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
