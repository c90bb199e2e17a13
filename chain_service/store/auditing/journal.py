"""The journal: one entry for every row, and every later form of it, that no chain can prove.

An entry holds a salted digest of the row and nothing of what it says. It is written in the transaction that writes the
row. A worker gives the entries their places in a tree as RFC 9162 has it, whose root is anchored now and then as a
record; whoever alters a row, an entry or their number afterwards contradicts the root on chain.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import islice
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, inspect, select, update

from chain_service.core.log.merkle import leaf_hash
from chain_service.store.rows import ROWS, all_as, one_or_none
from chain_service.store.schema import journal_entries, journal_heads, metadata

JOURNALED: Mapping[str, tuple[str, ...]] = {
    "api_keys": (
        "id",
        "org",
        "roles",
        "hash",
        "label",
        "created_at",
        "revoked_at",
        "expires_at",
        "rate",
        "daily_lookups",
        "types",
        "replaces",
    ),
    "approvals": (
        "seq",
        "id",
        "record_id",
        "org",
        "body",
        "key_id",
        "created_at",
        "expires_at",
        "outcome",
        "decided_at",
        "decided_by",
        "change_id",
    ),
    "end_rules": ("org", "second_approval", "daily_ends"),
    "certificate_types": ("code", "body", "created_at"),
    "certificate_type_names": ("code", "n", "name", "since"),
    "stopped_logs": ("org", "generation", "reason", "stopped_at"),
    "erased_files": ("record_id", "n", "algorithm", "kept_digest"),
    "readings": ("id", "at", "key_id", "org", "record_id", "action", "cause"),
    "alerts": ("id", "at", "code", "subject", "details", "cleared_at"),
    "audits": ("id", "at", "block", "block_hash", "logs"),
    "rival_headers": ("number", "hash", "header", "seen_at"),
    "validators": ("block", "addresses", "votes", "stated"),
    "records": (
        "seq",
        "id",
        "org",
        "kind",
        "type_code",
        "replaces",
        "key_id",
        "created_at",
        "generation",
        "leaf_index",
        "erased_at",
        "erased_reason",
    ),
}
"""The columns of each table that entries speak of; of `validators` and `records` only some rows, see `_ONLY`."""
_ONLY = {
    "validators": metadata.tables["validators"].c.stated.is_(True),
    "records": metadata.tables["records"].c.erased_at.is_not(None),
}
"""Stated validators, and records that were erased: the chain proves the others."""


@dataclass(frozen=True)
class JournalEntry:
    """An entry in its place; `row` is the primary key of the row of the table `about`."""

    leaf_index: int
    about: str
    row: str
    salt: bytes
    digest: bytes

    @property
    def leaf(self) -> bytes:
        """The entry's hash in the tree."""
        told = {"about": self.about, "digest": self.digest.hex(), "index": self.leaf_index, "row": self.row}
        told["salt"] = sha256(self.salt).hexdigest()
        return leaf_hash(json.dumps(told, sort_keys=True, separators=(",", ":")).encode())


@dataclass(frozen=True)
class JournalHead:
    """Size and root of the journal, and the record that carries them; None where anchoring began."""

    size: int
    root: bytes
    record_id: str | None
    at: float


def row_digest(salt: bytes, row: Mapping[str, Any]) -> bytes:
    """SHA-256 of the salt and the row's values; one that is null says nothing, so a column may be added later."""
    told = {
        name: value.hex() if isinstance(value, bytes) else value for name, value in row.items() if value is not None
    }
    return sha256(salt + json.dumps(told, sort_keys=True, separators=(",", ":"), default=str).encode()).digest()


def note(connection: Connection, table: str, **where: Any) -> None:
    """The table's rows with these values, as they are now, have an entry each."""
    for part in _chunked(rows_of(connection, table, **where)):
        entries = []
        for key, row in part:
            salt = secrets.token_bytes(16)
            entries.append({"about": table, "row": key, "salt": salt, "digest": row_digest(salt, row)})
        connection.execute(insert(journal_entries), entries)


def note_all(connection: Connection) -> None:
    """Every row that the journal speaks of has an entry: the journal begins."""
    present = set(inspect(connection).get_table_names())
    for table in JOURNALED:
        if table in present:
            note(connection, table)


def rows_of(connection: Connection, table: str, **where: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Key and values of the table's rows of which the journal speaks; a list means any of its values."""
    named = metadata.tables[table]
    query = select(*(named.c[name] for name in JOURNALED[table])).order_by(*named.primary_key.columns)
    for name, value in where.items():
        query = query.where(named.c[name].in_(value) if isinstance(value, list) else named.c[name] == value)
    if table in _ONLY:
        query = query.where(_ONLY[table])
    keys = [column.name for column in named.primary_key.columns]
    for row in connection.execute(query.execution_options(yield_per=ROWS)).mappings():
        yield row_key([row[name] for name in keys]), dict(row)


def row_key(values: Sequence[Any]) -> str:
    """The values of a primary key as entries have them."""
    return ",".join(value.hex() if isinstance(value, bytes) else str(value) for value in values)


def latest(connection: Connection, table: str, keys: Sequence[str]) -> dict[str, tuple[bytes, bytes]]:
    """Salt and digest of each row's last entry."""
    query = select(journal_entries.c.row, journal_entries.c.salt, journal_entries.c.digest)
    query = query.where(journal_entries.c.about == table, journal_entries.c.row.in_(keys))
    in_order = (journal_entries.c.leaf_index.is_(None), journal_entries.c.leaf_index, journal_entries.c.id)
    return {row: (salt, digest) for row, salt, digest in connection.execute(query.order_by(*in_order))}


def count_rows(connection: Connection, table: str) -> int:
    """How many rows of the table ever had an entry."""
    query = select(func.count(journal_entries.c.row.distinct())).where(journal_entries.c.about == table)
    return connection.execute(query).scalar_one()


def count_entries(connection: Connection, table: str, row: str) -> int:
    """How many entries speak of this row of the table."""
    query = select(func.count()).where(journal_entries.c.about == table, journal_entries.c.row == row)
    return connection.execute(query).scalar_one()


def known_rows(connection: Connection, table: str) -> Iterator[str]:
    """The keys of all rows of the table that ever had an entry."""
    query = select(journal_entries.c.row).where(journal_entries.c.about == table).distinct()
    yield from connection.execute(query).scalars()


def entries(connection: Connection, first: int = 0, limit: int | None = None) -> Iterator[JournalEntry]:
    """The entries at this place and after it, at most so many, by place."""
    columns = [journal_entries.c[name] for name in JournalEntry.__dataclass_fields__]
    placed = select(*columns).where(journal_entries.c.leaf_index >= first).order_by(journal_entries.c.leaf_index)
    placed = placed if limit is None else placed.limit(limit)
    for row in connection.execute(placed.execution_options(yield_per=ROWS)):
        yield JournalEntry(*row)


def place_new(connection: Connection, limit: int) -> int:
    """Entries without a place, the oldest first and at most so many, have the next ones; how many.

    One caller at a time: entries of transactions that end later get later places, whatever their number.
    """
    waiting = select(journal_entries.c.id).where(journal_entries.c.leaf_index.is_(None)).order_by(journal_entries.c.id)
    ids = list(connection.execute(waiting.limit(limit)).scalars())
    if ids:
        first = size(connection)
        placed = update(journal_entries).where(journal_entries.c.id == bindparam("of"))
        places = [{"of": id, "at": first + n} for n, id in enumerate(ids)]
        connection.execute(placed.values(leaf_index=bindparam("at")), places)
    return len(ids)


def any_waiting(connection: Connection) -> bool:
    """Whether an entry has no place yet."""
    query = select(journal_entries.c.id).where(journal_entries.c.leaf_index.is_(None)).limit(1)
    return connection.execute(query).first() is not None


def size(connection: Connection) -> int:
    """How many entries have a place."""
    last = connection.execute(select(func.max(journal_entries.c.leaf_index))).scalar_one_or_none()
    return 0 if last is None else last + 1


def add_head(connection: Connection, head: JournalHead) -> None:
    """The journal is anchored with this head by a record that is on its way."""
    connection.execute(insert(journal_heads), asdict(head))


def newest_head(connection: Connection) -> JournalHead | None:
    """The head that was given to be anchored last; None where no worker has run yet."""
    query = select(journal_heads).order_by(journal_heads.c.size.desc()).limit(1)
    return one_or_none(connection.execute(query), JournalHead)


def heads(connection: Connection) -> list[JournalHead]:
    """All heads by size."""
    return all_as(connection.execute(select(journal_heads).order_by(journal_heads.c.size)), JournalHead)


def _chunked(rows: Iterator[tuple[str, dict[str, Any]]]) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    while part := list(islice(rows, ROWS)):
        yield part
