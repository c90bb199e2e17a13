"""Copies tell what hinders them; PostgreSQL is overwritten where nobody works on it, a scratch place where empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain_service.errors import Conflict, Corrupt, Unavailable
from chain_service.store.copies.postgresql import require_empty, require_idle
from chain_service.store.copies.sqlite import copy_sqlite
from chain_service.store.database import Database
from chain_service.store.leases import Lease


def test_what_a_process_of_another_machine_works_on_is_not_restored_over(migrated_postgresql: str) -> None:
    database = Database(migrated_postgresql)
    lease = Lease(database, "send", "elsewhere:1")
    try:
        assert lease.take(1.0)
        with pytest.raises(Conflict, match="elsewhere:1") as caught:
            require_idle(migrated_postgresql)
        assert caught.value.code == "worker_running"
        lease.release()
        require_idle(migrated_postgresql)
    finally:
        lease.release()
        database.close()


def test_a_scratch_database_is_empty(empty_postgresql: str, migrated_postgresql: str) -> None:
    require_empty(empty_postgresql)
    require_idle(empty_postgresql)
    with pytest.raises(Unavailable) as caught:
        require_empty(migrated_postgresql)
    assert caught.value.code == "scratch_refused"


def test_a_damaged_database_is_told_as_such_when_it_is_copied(tmp_path: Path) -> None:
    (tmp_path / "damaged.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(Corrupt) as caught:
        copy_sqlite(tmp_path / "damaged.db", tmp_path / "copy.db", lambda _done, _total: None)
    assert caught.value.code == "database_damaged"
    with pytest.raises(Unavailable) as missing:
        copy_sqlite(tmp_path / "none.db", tmp_path / "other.db", lambda _done, _total: None)
    assert missing.value.code == "database_unavailable"
