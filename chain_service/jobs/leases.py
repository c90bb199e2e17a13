"""Which process may do the workers' steps on a database, and for which deployment.

On SQLite a lock on a file of DIR says so, and a second process is refused. On PostgreSQL processes of several machines
share a database: each role of the workers has a lease (`store/leases.py`), and who does not get it stands by.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from chain_service.core.chainproof.storage_layout import RECORD_LOG
from chain_service.errors import Conflict, Unavailable
from chain_service.jobs.context import App
from chain_service.store import chain_index
from chain_service.store.chain_index import ServedDeployment
from chain_service.store.leases import ROLES, Lease, Role, listed

LOCK = "worker.lock"
ELSEWHERE = frozenset({"worker_running", "lease_lost", "behind_pooler"})
"""Why `worker_lock` or a step under it is refused where the work is another process's to do."""


def process_name() -> str:
    """This process, as a lease names it: host and number."""
    return f"{socket.gethostname()}:{os.getpid()}"


@contextmanager
def worker_lock(app: App) -> Iterator[App]:
    """This process alone does the workers' steps, with the instance that is given.

    Raises `Conflict` (code `worker_running`) if another process may; a step that goes on after the lock was lost ends
    with `lease_lost` (PostgreSQL).
    """
    if app.database.dialect == "sqlite":
        with exclusive(app.settings.data):
            yield app
        return
    with ExitStack() as held:
        leases = [lease_of(app, role) for role in ROLES]
        for lease in leases:
            held.callback(lease.release)
            if not lease.take(app.clock()):
                raise Conflict("another process works on this database already", code="worker_running")
        yield under(app, leases)


@contextmanager
def exclusive(data: Path) -> Iterator[None]:
    """No other process of this machine works in the directory. Raises `Conflict` (`worker_running`),
    `Unavailable` (`database_read_only`, `disk_full`) where nothing can be written.
    """
    try:
        descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        code = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "database_read_only"
        raise Unavailable(f"{data} cannot be written: {error.strerror}", code=code) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(f"another process uses {data} already", code="worker_running") from None
        yield
    finally:
        os.close(descriptor)


def works_here(connection: Connection, role: Role) -> bool:
    """On PostgreSQL whether this process has the role; on SQLite no other could."""
    if connection.dialect.name == "sqlite":
        return True
    name = process_name()
    return any(state.held and (state.role, state.holder) == (role, name) for state in listed(connection))


def lease_of(app: App, role: Role) -> Lease:
    """The lease of this role for this process, not taken yet."""
    return Lease(app.database, role, process_name())


def under(app: App, leases: Sequence[Lease]) -> App:
    """The instance, writing only as long as all these leases are held: else `Conflict` (`lease_lost`)."""

    def require(connection: Connection) -> None:
        for lease in leases:
            lease.require(connection)

    return replace(app, database=app.database.guarded(require))


def refuse_other_deployment(app: App, connection: Connection) -> None:
    """The database is about this instance's contracts, or about none yet.

    Raises `Conflict` (`other_deployment`) where another instance, of other contracts, works on it.
    """
    ours, theirs = _deployed(app), chain_index.served(connection)
    if ours is None or theirs is None or ours == theirs:
        return
    raise Conflict(
        f"the database belongs to the contracts at {theirs.record_log} on chain {theirs.chain_id};"
        f" {app.settings.deployment_file} names {ours.record_log} on chain {ours.chain_id}",
        code="other_deployment",
        database=theirs.record_log,
        directory=ours.record_log,
    )


def claim_database(app: App) -> None:
    """The database serves this instance's contracts and no others. Raises `Conflict` (`other_deployment`)."""
    ours = _deployed(app)
    with app.database.reading() as connection:
        known = chain_index.served(connection)
        refuse_other_deployment(app, connection)
    if ours is None or known is not None:
        return
    with app.database.transaction() as connection:
        chain_index.serve_only(connection, ours)
        refuse_other_deployment(app, connection)


def _deployed(app: App) -> ServedDeployment | None:
    if app.chain is None:
        return None
    deployment = app.chain.deployment
    return ServedDeployment(deployment.chain_id, deployment.genesis_hash, deployment.address(RECORD_LOG))
