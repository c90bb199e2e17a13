"""Rows that somebody changed behind the service's back can still be read, so that an audit can name them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from chain_service.store import tiles
from chain_service.store.database import Database


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
