"""SQLite's online backup."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from chain_service.store.connecting.outages import translated

PAGES = 4_096


def copy_sqlite(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """`target`, a new private file, holds what `source` holds at one moment, while others read and write it.

    Raises Unavailable with the cause as its code (`disk_full`, …), Corrupt (`database_damaged`).
    """
    target.touch(mode=0o600, exist_ok=False)
    with translated(), closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as live:
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()  # one moment: else each write begins anew
        with closing(sqlite3.connect(target)) as copy:
            live.backup(copy, pages=PAGES, progress=lambda _status, left, total: progress(total - left, total))
            copy.execute("PRAGMA journal_mode=DELETE").close()
