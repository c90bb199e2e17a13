"""The trial chain's SQLite file: one writer, many readers, every commit on disk before it returns."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lru import LRU

from chain_service.errors import Conflict

FILE = "chain.db"
SCHEMA_VERSION = 1
_CACHED_NODES = 32_768

_SCHEMA = """
CREATE TABLE node (hash BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE block (
    number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, header BLOB NOT NULL, size INTEGER NOT NULL
);
CREATE TABLE mined (
    block INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE, raw BLOB NOT NULL,
    sender BLOB NOT NULL, status INTEGER NOT NULL, gas_used INTEGER NOT NULL, cumulative_gas INTEGER NOT NULL,
    contract BLOB, first_log INTEGER NOT NULL, PRIMARY KEY (block, position)
);
CREATE TABLE log (
    block INTEGER NOT NULL, position INTEGER NOT NULL, transaction_position INTEGER NOT NULL, address BLOB NOT NULL,
    topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB, data BLOB NOT NULL, PRIMARY KEY (block, position)
) WITHOUT ROWID;
CREATE INDEX log_address ON log (address, block, position);
CREATE INDEX log_topic0 ON log (topic0, block, position);
CREATE TABLE waiting (
    arrival INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE, sender BLOB NOT NULL, nonce INTEGER NOT NULL,
    raw BLOB NOT NULL, UNIQUE (sender, nonce)
);
CREATE TABLE dropped (hash BLOB NOT NULL, sender BLOB NOT NULL, nonce INTEGER NOT NULL, reason TEXT NOT NULL,
    at INTEGER NOT NULL);
"""


class ChainDatabase:
    """Opened for this process; `lookup` finds trie nodes and code by hash."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)  # SQLite's files beside it take its mode
        self._path = path
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._nodes: LRU[bytes, bytes] = LRU(_CACHED_NODES)
        self._writer = connect(path)
        self.writing = threading.RLock()
        """Whoever changes the file or what mirrors it in memory holds this."""
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = FULL")
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._writer.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        elif version != SCHEMA_VERSION:
            self._writer.close()
            raise Conflict(f"{path} was written by a newer program (schema {version})", code="database_newer")

    def close(self) -> None:
        """All connections are closed; the write-ahead log is folded into the file."""
        while True:
            try:
                self._readers.get_nowait().close()
            except queue.Empty:
                break
        self._writer.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """What is written inside is on disk, whole, when the block is left, or not at all."""
        with self.writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # SQLite itself rolls back when the disk is full
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees committed data and never waits for the writer."""
        try:
            connection = self._readers.get_nowait()
        except queue.Empty:
            connection = connect(self._path)
        try:
            yield connection
        finally:
            self._readers.put(connection)

    def rows(self, query: str, parameters: Iterable[Any] = ()) -> list[Any]:
        """All rows of a query over committed data."""
        with self.reading() as connection:
            return connection.execute(query, tuple(parameters)).fetchall()

    def row(self, query: str, parameters: Iterable[Any] = ()) -> Any:
        """The first row, None when there is none."""
        with self.reading() as connection:
            return connection.execute(query, tuple(parameters)).fetchone()

    def lookup(self, digest: bytes) -> bytes:
        """The trie node or contract code with this hash. Raises KeyError."""
        value = self._nodes.get(digest)
        if value is None:
            row = self.row("SELECT value FROM node WHERE hash = ?", (digest,))
            if row is None:
                raise KeyError(digest)
            value = self._nodes[digest] = row[0]
        return value

    def insert_nodes(self, connection: sqlite3.Connection, nodes: dict[bytes, bytes]) -> None:
        """Trie nodes (hash to RLP) are there with the transaction of `connection`; those that are there stay."""
        connection.executemany("INSERT OR IGNORE INTO node VALUES (?, ?)", nodes.items())


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode that any one thread at a time may use."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
