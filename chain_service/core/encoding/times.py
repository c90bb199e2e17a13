"""Moments in unix seconds, written for people: RFC 3339 in UTC, calendar days in UTC+8."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

UTC8 = timezone(timedelta(hours=8))
FIRST_SECOND = -62_135_596_800
LAST_SECOND = 253_402_300_799


def local_day(moment: int) -> date:
    """The calendar day in UTC+8."""
    return datetime.fromtimestamp(min(moment, LAST_SECOND - 8 * 3600), UTC8).date()


@lru_cache(maxsize=256)
def rfc3339(moment: int) -> str:
    """The moment in UTC to the second; one outside the years 1 to 9999 is written as their beginning or end."""
    return datetime.fromtimestamp(max(FIRST_SECOND, min(moment, LAST_SECOND)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
