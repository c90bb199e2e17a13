"""A database that is older than an erasure or a revocation: both are done again, before anybody is served."""

from __future__ import annotations

from chain_service.errors import Conflict, NotFound
from chain_service.jobs.asker import Operator
from chain_service.jobs.context import App
from chain_service.jobs.records.erasure_list import read_list
from chain_service.jobs.records.records import erase
from chain_service.store import records
from chain_service.store.access import keys


def replay(app: App) -> int:
    """All that the list names is erased and revoked here; how many records cannot be yet, because they are on their way
    to the chain.

    Raises `Forbidden` (`wrong_password`) where something is to be erased and the keystore does not open.
    """
    acts = read_list(app.settings.erasures)
    for key_id in {act["revoked"] for act in acts if isinstance(act.get("revoked"), str)}:
        _revoke(app, key_id)
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


def _revoke(app: App, key_id: str) -> None:
    with app.database.transaction() as connection:
        try:
            keys.revoke(connection, key_id, app.clock())
        except NotFound:
            return  # made after the backup: it opens nothing here
