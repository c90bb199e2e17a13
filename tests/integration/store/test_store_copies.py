"""A PostgreSQL database is overwritten only where nobody works on it and, as a scratch place, where it is empty."""

from __future__ import annotations

import pytest

from chain_service.errors import Conflict, Unavailable
from chain_service.store.copies.postgresql import require_empty, require_idle
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
