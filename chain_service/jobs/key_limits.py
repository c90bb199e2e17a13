"""How often a key may ask, whatever process it asks: limits are kept in the database and granted in shares.

A process takes a share of a key's window (a twentieth) and lets requests pass from memory until it is spent, so that
a key costs at most some twenty small transactions in a window, and all processes together never grant more than its
limit. What a process had left when it ended is lost for that window. The key's last use is written with each share,
so it is exact to a window.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

from chain_service.errors import RateLimited, Unavailable
from chain_service.jobs.asker import Asker, KeyHolder
from chain_service.store.access import keys
from chain_service.store.access.keys import Counted
from chain_service.store.database import Database

if TYPE_CHECKING:
    from limits import RateLimitItem

SHARES = 20
DAY: Final = 86_400


@dataclass
class _Share:
    """What this process may still let pass in the window that began at `since`."""

    lock: Lock = field(default_factory=Lock)
    since: int = 0
    taken: int = 0
    left: int = 0
    spent: bool = False
    """Whether the database grants no more in this window."""


class KeyLimits:
    """The shares that one process holds of the limits of all keys. Threads may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._shares: dict[tuple[str, Counted], _Share] = {}

    def request(self, key_id: str, rate: RateLimitItem, now: float) -> None:
        """One request of the key is counted. Raises `RateLimited` with the seconds to wait.

        Where the database takes no writes, it is counted for this process alone: reading goes on.
        """
        seconds = rate.get_expiry()
        wait = self._spend(key_id, "requests", 1, rate.amount, seconds, now)
        if wait:
            raise RateLimited(f"at most {rate} with this key; wait {wait} s", retryAfter=wait)

    def look_up(self, asker: Asker, count: int, now: float) -> None:
        """So many look-ups by identifier are counted for a key. Raises `RateLimited` (`lookups_spent`): none is then.

        Days are those of UTC. Raises `Unavailable` where the database takes no writes, as nothing could be logged.
        """
        if not isinstance(asker, KeyHolder) or asker.daily_lookups is None or count == 0:
            return
        wait = self._spend(asker.key_id, "lookups", count, asker.daily_lookups, DAY, now)
        if wait:
            raise RateLimited(
                f"at most {asker.daily_lookups} look-ups by identifier a day with this key; {count} were asked for",
                zh=f"该密钥每日最多按标识查询 {asker.daily_lookups} 次，本次请求 {count} 次，已超出。",
                code="lookups_spent",
                retryAfter=wait,
            )

    def _spend(self, key_id: str, counted: Counted, count: int, most: int, seconds: int, now: float) -> int:
        """0 once `count` are spent; otherwise none is, and the seconds until the next window are answered."""
        since = int(now) // seconds * seconds
        share = self._shares.setdefault((key_id, counted), _Share())
        with share.lock:
            if share.since != since:
                share.since, share.taken, share.left, share.spent = since, 0, 0, False
            missing = count - share.left
            if missing > 0 and not share.spent:
                wanted = max(missing, most // SHARES)
                granted = self._granted(key_id, counted, share, wanted, most, now)
                share.taken += granted
                share.left += granted
                share.spent = granted < wanted
            if share.left >= count:
                share.left -= count
                return 0
        return max(1, since + seconds - int(now))

    def _granted(self, key_id: str, counted: Counted, share: _Share, wanted: int, most: int, now: float) -> int:
        try:
            with self._database.transaction() as connection:
                return keys.grant(connection, key_id, counted, share.since, wanted, most, now)
        except Unavailable:
            if counted == "lookups":
                raise
            return min(wanted, most - share.taken)
