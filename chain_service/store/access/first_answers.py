"""The first answers to requests with an `Idempotency-Key`, known by digests of key and request."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, func, insert, select

from chain_service.store.rows import all_as, row_count
from chain_service.store.schema import first_answers

FORGOTTEN_AT_ONCE = 1_000


@dataclass(frozen=True)
class NewFirstAnswer:
    """What the holder of an API key was answered under a key of the request; `at` in unix seconds."""

    key_id: str
    key: bytes
    fingerprint: bytes
    at: float
    status: int
    media_type: str
    body: bytes


@dataclass(frozen=True)
class StoredFirstAnswer(NewFirstAnswer):
    """An answer that is kept; `n` counts those of its API key."""

    n: int


def find(connection: Connection, keys: Mapping[str, bytes]) -> Sequence[StoredFirstAnswer]:
    """The answers kept under these keys, one for each API key, in the order they were given, however old."""
    query = select(first_answers)
    query = query.where(first_answers.c.key_id.in_(keys), first_answers.c.key.in_(keys.values()))
    return all_as(connection.execute(query.order_by(first_answers.c.at)), StoredFirstAnswer)


def taken(connection: Connection, key: bytes) -> bool:
    """True where this transaction alone may work under the key until it ends.

    On SQLite a write transaction is alone in any case; on PostgreSQL a lock says so without waiting for it.
    """
    if connection.dialect.name == "sqlite":
        return True
    (number,) = struct.unpack(">q", key[:8])
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(number))).scalar_one())


def add(connection: Connection, new: NewFirstAnswer) -> None:
    """The answer is kept. Raises Conflict (`constraint`) at the transaction's door where the key has one."""
    last = select(func.max(first_answers.c.n)).where(first_answers.c.key_id == new.key_id)
    n = (connection.execute(last).scalar_one() or 0) + 1
    connection.execute(insert(first_answers), asdict(new) | {"n": n})


def kept(connection: Connection, key_id: str) -> tuple[int, float | None]:
    """How many answers of this API key are kept, and since when the oldest is.

    They are forgotten in their order, so that first and last tell the number, whatever it is.
    """
    of_key = select(first_answers.c.n, first_answers.c.at).where(first_answers.c.key_id == key_id)
    oldest = connection.execute(of_key.order_by(first_answers.c.n).limit(1)).one_or_none()
    if oldest is None:
        return 0, None
    newest = connection.execute(of_key.order_by(first_answers.c.n.desc()).limit(1)).one()
    return newest.n - oldest.n + 1, oldest.at


def forget(connection: Connection, key_id: str, key: bytes) -> None:
    """No answer is kept under this key."""
    connection.execute(delete(first_answers).where(first_answers.c.key_id == key_id, first_answers.c.key == key))


def any_before(connection: Connection, at: float) -> bool:
    """Whether an answer from before `at` is kept."""
    return connection.execute(select(first_answers.c.at).where(first_answers.c.at < at).limit(1)).first() is not None


def forget_before(connection: Connection, at: float) -> int:
    """How many of the oldest answers from before `at` are kept no more, at most a thousand at once."""
    oldest = select(first_answers.c.key_id, first_answers.c.key).where(first_answers.c.at < at)
    found = connection.execute(oldest.order_by(first_answers.c.at).limit(FORGOTTEN_AT_ONCE)).all()
    gone = 0
    for key_id, key in found:
        one = delete(first_answers).where(first_answers.c.key_id == key_id, first_answers.c.key == key)
        gone += row_count(connection.execute(one))
    return gone
