"""A database that is older than an erasure, a revocation or a rule: all are done again, before anybody is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chain_service.errors import Conflict
from chain_service.jobs.asker import Operator
from chain_service.jobs.context import App
from chain_service.jobs.records.erasure_list import of_instance, read_list
from chain_service.jobs.records.records import erase
from chain_service.store import records
from chain_service.store.access import approvals, keys
from chain_service.store.access.approvals import EndRule

MOST_RULES = 1000
"""Rules of one organisation that were set after a backup; a list that names more was not written by this program."""


def replay(app: App) -> int:
    """All that the list names is erased, revoked and in force here; how many records cannot be erased yet, because they
    are on their way to the chain.

    Raises `Forbidden` (`wrong_password`) where something is to be erased and the keystore does not open.
    """
    acts = [act for file in of_instance(app.settings) for act in read_list(file)]
    revoked = {act["revoked"]: float("-inf") for act in acts if isinstance(act.get("revoked"), str)}
    ended = {
        act["ended"]: float(act["ends"])
        for act in acts
        if isinstance(act.get("ended"), str) and isinstance(act.get("ends"), int)
    }
    _end(app, ended | revoked)
    _set_rules(app, acts)
    left = 0
    reasons = {act["erased"]: str(act.get("reason") or "") for act in acts if isinstance(act.get("erased"), str)}
    for record_id in _standing(app, list(reasons)):
        try:
            erase(app, record_id, reasons[record_id] or "listed as erased", Operator(None), listed=True)
        except Conflict as error:
            if error.code == "statement_stays":  # a list that names one was not written by this program
                continue
            if error.code != "not_anchored":
                raise
            left += 1
    return left


def _standing(app: App, ids: list[str]) -> list[str]:
    with app.database.reading() as connection:
        stored = records.get_many(connection, ids)
    return [id for id, record in stored.items() if record.erased_at is None]


def _end(app: App, listed: Mapping[str, float]) -> None:
    """The keys end at these seconds; before all time means that they were revoked. Keys that were made after the backup
    are unknown, and open nothing here.

    Nothing is written where nothing has to be: evidence on a read-only file system is served too.
    """
    with app.database.reading() as connection:
        standing = keys.standing(connection, listed)
    late = [id for id, expires in standing.items() if expires is None or expires >= listed[id] + 1]
    if late:
        with app.database.transaction() as connection:
            for id in late:
                if listed[id] == float("-inf"):
                    keys.revoke(connection, id, app.clock())
                else:
                    keys.end(connection, id, listed[id])


def _set_rules(app: App, acts: Sequence[Mapping[str, Any]]) -> None:
    """The rules for final ends are those that were set last, where the database does not know of it.

    Rules may be loosened too, and a database may have several directories with a list each: the number of times that a
    rule was set tells whether the database is older than the list, and is afterwards the list's. Nothing else is
    touched.
    """
    listed: dict[str, dict[int, EndRule]] = {}
    for act in acts:
        org, n, second, daily = (act.get(name) for name in ("rule", "n", "secondApproval", "dailyEnds"))
        if isinstance(org, str) and isinstance(n, int) and isinstance(second, bool) and isinstance(daily, int | None):
            listed.setdefault(org, {})[n] = EndRule(second, daily)
    with app.database.reading() as connection:
        known = {org: approvals.count_rules(connection, org) for org in listed}
    for org, rules in listed.items():
        newest = max(rules)
        if not known[org] < newest <= known[org] + MOST_RULES:
            continue
        with app.database.transaction() as connection:
            for n in range(known[org] + 1, newest + 1):  # those in between too: the number has to be the list's
                approvals.set_rule(connection, org, rules[max((k for k in rules if k <= n), default=min(rules))])
