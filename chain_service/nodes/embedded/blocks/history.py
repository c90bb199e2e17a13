"""The blocks that are: headers, transactions with their results, logs. Nothing here ever changes once written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import rlp
from eth.abc import BlockHeaderAPI
from eth.rlp.headers import BlockHeader
from lru import LRU

from chain_service.errors import Corrupt
from chain_service.nodes.embedded.blocks.database import ChainDatabase
from chain_service.nodes.embedded.blocks.evm import ExecutionResult
from chain_service.nodes.embedded.blocks.genesis import TrialGenesis
from chain_service.nodes.embedded.blocks.state_trie import EMPTY_ROOT
from chain_service.nodes.embedded.blocks.transactions import Transaction, decode

_CACHED_BLOCKS = 1_024
_MINED = "block, position, raw, sender, status, gas_used, cumulative_gas, contract, first_log"


@dataclass(frozen=True, slots=True)
class TrialBlock:
    """A block as it is kept: its header, and how large the whole is."""

    number: int
    hash: bytes
    header: BlockHeaderAPI
    size: int
    """Bytes of the whole block's RLP."""


@dataclass(frozen=True, slots=True)
class MinedTransaction:
    """A transaction in its block, with what its receipt says."""

    block: int
    position: int
    transaction: Transaction
    status: int
    gas_used: int
    cumulative_gas: int
    contract: bytes | None
    first_log: int
    """Position in the block of its first log."""


@dataclass(frozen=True, slots=True)
class EventLog:
    """An event with its place: block, position among the block's logs and among its transactions."""

    block: int
    position: int
    transaction_position: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class ExecutedTransaction:
    """A transaction as it went into a block being made."""

    transaction: Transaction
    outcome: ExecutionResult
    cumulative_gas: int


class BlockHistory:
    """All blocks up to `head`, which moves only forward; what lies on disk beyond it does not exist yet."""

    head: TrialBlock

    def __init__(self, database: ChainDatabase, genesis: TrialGenesis) -> None:
        self._database = database
        self._blocks: LRU[int, TrialBlock] = LRU(_CACHED_BLOCKS)
        if database.row("SELECT 1 FROM block") is None:
            self._write_genesis(genesis)
        first = self._read(0)
        (newest,) = database.row("SELECT max(number) FROM block")
        head = self._read(newest)
        if first is None or first.hash != genesis.hash or head is None:
            raise Corrupt("the chain's database and its genesis.json are of two different chains")
        try:
            if head.header.state_root != EMPTY_ROOT:
                database.lookup(head.header.state_root)
        except KeyError as error:
            raise Corrupt(f"the state of block {newest} is missing from the chain's database") from error
        self.head = head

    def _write_genesis(self, genesis: TrialGenesis) -> None:
        with self._database.transaction() as connection:
            self._database.insert_nodes(connection, genesis.nodes)
            encoded = rlp.encode(genesis.header)
            size = len(rlp.encode([rlp.decode(encoded), [], []]))
            connection.execute("INSERT INTO block VALUES (0, ?, ?, ?)", (genesis.hash, encoded, size))

    def append(
        self,
        connection: sqlite3.Connection,
        header: BlockHeaderAPI,
        executed: Sequence[ExecutedTransaction],
        encoded: bytes,
    ) -> TrialBlock:
        """The block is written in `connection`'s transaction; `encoded` is its RLP. The head moves with `advance`."""
        number = header.block_number
        connection.execute(
            "INSERT INTO block VALUES (?, ?, ?, ?)", (number, header.hash, rlp.encode(header), len(encoded))
        )
        log_position = 0
        mined, logs = [], []
        for position, item in enumerate(executed):
            outcome, transaction = item.outcome, item.transaction
            mined.append(
                (number, position, transaction.hash, transaction.raw, transaction.sender, int(outcome.failure is None),
                 outcome.gas_used, item.cumulative_gas, outcome.contract, log_position)
            )  # fmt: skip
            for address, topics, data in outcome.logs:
                words = [*topics, None, None, None, None][:4]
                logs.append((number, log_position, position, address, *words, data))
                log_position += 1
        connection.executemany("INSERT INTO mined VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", mined)
        connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", logs)
        return TrialBlock(number, bytes(header.hash), header, len(encoded))

    def advance(self, block: TrialBlock) -> None:
        """`block`, committed by now, is the head."""
        self._blocks[block.number] = block
        self.head = block

    def block(self, number: int) -> TrialBlock | None:
        """The block of this number."""
        return None if number > self.head.number else self._read(number)

    def _read(self, number: int) -> TrialBlock | None:
        block = self._blocks.get(number)
        if block is None:
            row = self._database.row("SELECT hash, header, size FROM block WHERE number = ?", (number,))
            if row is None:
                return None
            block = self._blocks[number] = TrialBlock(number, row[0], rlp.decode(row[1], BlockHeader), row[2])
        return block

    def block_by_hash(self, digest: bytes) -> TrialBlock | None:
        """The block of this hash; None if the chain has none."""
        row = self._database.row("SELECT number FROM block WHERE hash = ?", (digest,))
        return None if row is None or row[0] > self.head.number else self.block(row[0])

    def ancestors(self, number: int) -> Iterator[bytes]:
        """Hashes of the blocks before `number`, newest first, at most 256; read when first asked for."""
        query = "SELECT hash FROM block WHERE number < ? ORDER BY number DESC LIMIT 256"
        for (digest,) in self._database.rows(query, (number,)):
            yield digest

    def transaction_hashes(self, number: int) -> list[bytes]:
        """Hashes of the block's transactions in their order."""
        query = "SELECT hash FROM mined WHERE block = ? ORDER BY position"
        return [digest for (digest,) in self._database.rows(query, (number,))]

    def mined_in(self, number: int) -> list[MinedTransaction]:
        """The block's transactions with what became of them, in their order."""
        query = f"SELECT {_MINED} FROM mined WHERE block = ? ORDER BY position"  # noqa: S608
        return [_mined(row) for row in self._database.rows(query, (number,))]

    def mined(self, digest: bytes) -> MinedTransaction | None:
        """The transaction of this hash with what became of it; None if no block has it."""
        row = self._database.row(f"SELECT {_MINED} FROM mined WHERE hash = ?", (digest,))  # noqa: S608
        return None if row is None or row[0] > self.head.number else _mined(row)

    def logs_of(self, mined: MinedTransaction) -> list[EventLog]:
        """The transaction's events in their order."""
        query = (
            "SELECT block, position, transaction_position, address, topic0, topic1, topic2, topic3, data FROM log "
            "WHERE block = ? AND position >= ? AND transaction_position = ? ORDER BY position"
        )
        return [log_of(row) for row in self._database.rows(query, (mined.block, mined.first_log, mined.position))]


def _mined(row: tuple[Any, ...]) -> MinedTransaction:
    block, position, raw, sender, status, gas_used, cumulative_gas, contract, first_log = row
    return MinedTransaction(block, position, decode(raw, sender), status, gas_used, cumulative_gas, contract, first_log)


def log_of(row: tuple[Any, ...]) -> EventLog:
    """The log of a row of the table `log`."""
    block, position, transaction_position, address, *topics, data = row
    return EventLog(block, position, transaction_position, address, tuple(t for t in topics if t is not None), data)
