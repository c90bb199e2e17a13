"""What is listed as erased and revoked is so again, whichever list says so, and nothing is written where it is so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, update

from chain_service.chain.keystore import Keystore
from chain_service.config import Settings
from chain_service.core.encoding.display import moment
from chain_service.errors import Unavailable
from chain_service.jobs.anchoring.second_approval import FinalEndRule, set_rule
from chain_service.jobs.context import App
from chain_service.jobs.instance.api_keys import create_key, revoke_key, rotate_key, show_key
from chain_service.jobs.records.erasure_list import read_list
from chain_service.jobs.records.replay import replay
from chain_service.store.access import approvals, keys
from chain_service.store.database import Database
from chain_service.store.schema import api_keys, end_rules, journal_entries
from support.worlds.running_instance import ISSUER


def _app(database: Database, folder: Path, **given: Any) -> App:
    settings = Settings(data=folder, **given)
    return App(settings, database, Keystore(folder / "keys", "a password"), None, lambda: 1_000.0)


def _refuse(_connection: Connection) -> None:
    pytest.fail("a write where nothing had to be written")


def test_a_list_of_what_is_so_already_writes_nothing(database: Database, tmp_path: Path) -> None:
    app = _app(database, tmp_path)
    id = create_key(app, ISSUER, ["audit"]).id
    revoke_key(app, id)
    rotate_key(app, create_key(app, ISSUER, ["audit"]).id, overlap=60.5)
    with app.settings.erasures.open("a", encoding="utf-8") as listed:
        listed.write(json.dumps({"revoked": "made-after-the-backup", "at": "2026-11-29T00:00:00Z"}) + "\n")
    assert len(read_list(app.settings.erasures)) == 3
    assert replay(replace(app, database=database.guarded(_refuse))) == 0


def test_both_the_list_elsewhere_and_the_one_that_a_restore_left_count(database: Database, tmp_path: Path) -> None:
    elsewhere = tmp_path / "other disk" / "erasures.ndjson"
    elsewhere.parent.mkdir()
    app = _app(database, tmp_path, erasure_list=elsewhere)
    ids = [create_key(app, ISSUER, ["audit"]).id for _ in range(3)]
    for file, id in ((elsewhere, ids[0]), (tmp_path / "erasures.ndjson", ids[1])):
        file.write_text(json.dumps({"revoked": id}) + "\n", encoding="utf-8")
    replay(app)
    with database.reading() as connection:
        assert list(keys.standing(connection, ids)) == ids[2:]


def test_a_key_that_was_replaced_after_the_backup_ends_when_it_was_said_to(database: Database, tmp_path: Path) -> None:
    app = _app(database, tmp_path)
    id = create_key(app, ISSUER, ["audit"]).id
    rotate_key(app, id, overlap=60.0)
    with database.transaction() as connection:  # as the backup has it
        connection.execute(update(api_keys).where(api_keys.c.id == id).values(expires_at=None))
    replay(app)
    assert show_key(app, id).expires_at == moment(1_060)


def test_a_rule_that_was_set_after_the_backup_is_in_force_again(database: Database, tmp_path: Path) -> None:
    app = _app(database, tmp_path)
    set_rule(app, ISSUER, daily_ends=3)
    with database.transaction() as connection:
        backup = connection.execute(select(end_rules)).mappings().one()
        entries = connection.execute(select(journal_entries.c.id)).scalars().all()
    set_rule(app, ISSUER, daily_ends=5)
    last = set_rule(app, ISSUER, second_approval=True)
    with database.transaction() as connection:  # as the backup has it
        connection.execute(update(end_rules).values(dict(backup)))
        connection.execute(delete(journal_entries).where(journal_entries.c.id.not_in(entries)))
    replay(app)
    assert set_rule(app, ISSUER) == last == FinalEndRule(ISSUER, second_approval=True, daily_ends=5)
    replay(replace(app, database=database.guarded(_refuse)))


def test_a_rule_that_was_set_from_another_directory_stays(database: Database, tmp_path: Path) -> None:
    first, second = (_app(database, tmp_path / name) for name in ("first", "second"))
    set_rule(first, ISSUER, second_approval=True)
    set_rule(second, ISSUER, second_approval=False)
    replay(replace(first, database=database.guarded(_refuse)))
    assert not set_rule(first, ISSUER).second_approval


def test_rules_of_two_lists_come_back_in_their_order_and_undo_none_that_follows(
    database: Database, tmp_path: Path
) -> None:
    first, second = (_app(database, tmp_path / name) for name in ("first", "second"))
    set_rule(first, ISSUER, daily_ends=3)
    with database.transaction() as connection:
        entries = connection.execute(select(journal_entries.c.id)).scalars().all()
    set_rule(first, ISSUER, second_approval=True)
    set_rule(first, ISSUER, second_approval=False)
    set_rule(second, ISSUER, second_approval=True)
    with database.transaction() as connection:  # as the backup has it
        connection.execute(update(end_rules).values(second_approval=False))
        connection.execute(delete(journal_entries).where(journal_entries.c.id.not_in(entries)))
    replay(second)
    assert set_rule(first, ISSUER).second_approval
    for app in (first, second):
        replay(replace(app, database=database.guarded(_refuse)))
    set_rule(second, ISSUER, second_approval=False)
    for app in (first, second):
        replay(replace(app, database=database.guarded(_refuse)))
    assert not set_rule(first, ISSUER).second_approval


def test_a_rule_that_could_not_be_stored_is_not_loosened_by_the_list(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _app(database, tmp_path)
    set_rule(app, ISSUER, second_approval=True, daily_ends=3)

    def fail(*_: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(approvals, "set_rule", fail)
        for looser in ({"second_approval": False}, {"daily_ends": 4}, {"unlimited": True}):
            with pytest.raises(Unavailable):
                set_rule(app, ISSUER, **looser)
    replay(replace(app, database=database.guarded(_refuse)))
    assert set_rule(app, ISSUER) == FinalEndRule(ISSUER, second_approval=True, daily_ends=3)
