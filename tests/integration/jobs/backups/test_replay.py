"""What is listed as erased and revoked is so again, whichever list says so, and nothing is written where it is so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from chain_service.chain.keystore import Keystore
from chain_service.config import Settings
from chain_service.jobs.context import App
from chain_service.jobs.instance.api_keys import create_key, revoke_key
from chain_service.jobs.records.erasure_list import read_list
from chain_service.jobs.records.replay import replay
from chain_service.store.access import keys
from chain_service.store.database import Database
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
    with app.settings.erasures.open("a", encoding="utf-8") as listed:
        listed.write(json.dumps({"revoked": "made-after-the-backup", "at": "2026-11-29T00:00:00Z"}) + "\n")
    assert len(read_list(app.settings.erasures)) == 2
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
        assert keys.standing(connection, ids) == ids[2:]
