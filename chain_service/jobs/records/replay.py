"""A database that is older than an erasure or a revocation: both are done again, before anybody is served."""

from __future__ import annotations

from chain_service.errors import Conflict
from chain_service.jobs.asker import Operator
from chain_service.jobs.context import App
from chain_service.jobs.records.erasure_list import of_instance, read_list
from chain_service.jobs.records.records import erase
from chain_service.store import records
from chain_service.store.access import keys


def replay(app: App) -> int:
    """All that the list names is erased and revoked here; how many records cannot be yet, because they are on their way
    to the chain.

    Raises `Forbidden` (`wrong_password`) where something is to be erased and the keystore does not open.
    """
    acts = [act for file in of_instance(app.settings) for act in read_list(file)]
    _revoke(app, {act["revoked"] for act in acts if isinstance(act.get("revoked"), str)})
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


def _revoke(app: App, listed: set[str]) -> None:
    """Keys that were made after the backup are unknown, and open nothing here.

    Nothing is written where nothing has to be: evidence on a read-only file system is served too.
    """
    with app.database.reading() as connection:
        standing = keys.standing(connection, listed)
    if standing:
        with app.database.transaction() as connection:
            for key_id in standing:
                keys.revoke(connection, key_id, app.clock())
