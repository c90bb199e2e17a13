"""What is to happen once a transaction is committed, and never where it is rolled back: lines of the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

_LATER = "chain_service_after_commit"


@contextmanager
def followed_up(connection: Connection) -> Iterator[list[Callable[[], None]]]:
    """What `after_commit` is told for this connection meanwhile, for the caller to do."""
    later: list[Callable[[], None]] = []
    info = connection.info
    info[_LATER] = later
    try:
        yield later
    finally:
        info.pop(_LATER, None)  # of a connection that was lost nothing more can be asked


@contextmanager
def forgotten_on_error(connection: Connection) -> Iterator[None]:
    """What was to follow from a part of the transaction does not where that part is rolled back."""
    later: list[Callable[[], None]] = connection.info[_LATER]
    before = len(later)
    try:
        yield
    except BaseException:
        del later[before:]
        raise


def after_commit(connection: Connection, act: Callable[[], None]) -> None:
    """The act follows once the transaction is committed."""
    connection.info[_LATER].append(act)
