"""Rows that somebody changed behind the service's back can still be read, so that an audit can name them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chain_service.errors import Corrupt
from chain_service.store import tiles
from chain_service.store.database import Database
from chain_service.store.rows import json_object


def test_text_written_into_a_column_of_bytes_is_read_as_bytes(tmp_path: Path) -> None:
    file = tmp_path / "tampered.db"
    database = Database(f"sqlite:///{file}")
    database.migrate()
    with database.transaction() as connection:
        tiles.write_many(connection, "1143990000612301XQ", 0, {(0, 0): bytes(32)})
    raw = sqlite3.connect(file)
    with raw:
        raw.execute("UPDATE tiles SET data = ?", ("x" * 32,))
    raw.close()
    with database.reading() as connection:
        assert tiles.read(connection, "1143990000612301XQ", 0, 0, 0) == b"x" * 32
    database.close()


def test_a_number_written_into_a_column_of_bytes_is_read_as_bytes(tmp_path: Path) -> None:
    file = tmp_path / "tampered.db"
    database = Database(f"sqlite:///{file}")
    database.migrate()
    with database.transaction() as connection:
        tiles.write_many(connection, "1143990000612301XQ", 0, {(0, 0): bytes(32)})
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.execute("PRAGMA ignore_check_constraints = ON")
        raw.execute("UPDATE tiles SET data = 17")
    with database.reading() as connection:
        assert tiles.read(connection, "1143990000612301XQ", 0, 0, 0) == b"17"
    database.close()


@pytest.mark.parametrize("stored", [None, "", "{", "[]", "7", b"\xff", "[" * 100_000])
def test_json_that_was_altered_is_corrupt_and_says_where(stored: str | bytes | None) -> None:
    with pytest.raises(Corrupt, match="a stored thing is damaged") as raised:
        json_object(stored, "a stored thing", id=7)
    assert raised.value.details == {"id": 7}
    assert json_object('{"n": 340282366920938463463374607431768211456}', "a number") == {"n": 2**128}
