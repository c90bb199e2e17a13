"""A block is made: transactions carried out, results rooted, the header sealed."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import rlp
from eth.abc import BlockHeaderAPI
from eth.constants import BLANK_ROOT_HASH
from eth.vm.forks.berlin.state import BerlinState
from eth.vm.interrupt import EVMMissingData
from eth_bloom.bloom import BloomFilter
from eth_keys.datatypes import PrivateKey
from eth_typing import Address
from rlp.sedes import big_endian_int
from trie.hexary import HexaryTrie

from chain_service.nodes.embedded.blocks import clique_sealing
from chain_service.nodes.embedded.blocks.evm import Overlay, execute, state_on
from chain_service.nodes.embedded.blocks.genesis import TrialGenesis
from chain_service.nodes.embedded.blocks.history import ExecutedTransaction
from chain_service.nodes.embedded.blocks.mempool import Candidates
from chain_service.nodes.embedded.blocks.state_trie import Lookup
from chain_service.nodes.embedded.blocks.transactions import Transaction

_log = logging.getLogger(__name__)
Ancestors = Callable[[], Iterable[bytes]]
EXECUTION_BUDGET = 2.0
"""Seconds after which a block takes no further transaction."""


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """A finished block, not yet written."""

    header: BlockHeaderAPI
    executed: tuple[ExecutedTransaction, ...]
    failed: dict[bytes, str]
    """Why a candidate can never be mined, by hash."""
    nodes: dict[bytes, bytes]
    encoded: bytes


class _Broken(Exception):
    """The virtual machine itself failed on a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction


class BlockMaker:
    """Makes the block after a parent; holds the sealing key."""

    def __init__(self, genesis: TrialGenesis, key: PrivateKey, lookup: Lookup) -> None:
        self._genesis = genesis
        self._key = key
        self._lookup = lookup

    def seal(
        self, parent: BlockHeaderAPI, ancestors: Ancestors, candidates: Callable[[], Candidates], timestamp: int
    ) -> SealedBlock:
        """The sealed block after `parent` with as many of the `candidates` as fit.

        `ancestors` answers the hashes of the blocks before it, newest first.
        """
        failed: dict[bytes, str] = {}
        while True:
            try:
                return self._seal(parent, ancestors, candidates(), timestamp, failed)
            except _Broken as broken:
                _log.exception("transaction %s breaks the virtual machine", broken.transaction.hash.hex())
                failed[broken.transaction.hash] = "the virtual machine failed to execute it"

    def _seal(
        self,
        parent: BlockHeaderAPI,
        ancestors: Ancestors,
        candidates: Candidates,
        timestamp: int,
        failed: dict[bytes, str],
    ) -> SealedBlock:
        header = clique_sealing.draft(
            parent, timestamp=timestamp, signer=self._genesis.signer, epoch=self._genesis.epoch
        )
        state, overlay = state_on(
            self._lookup, header, parent.state_root, self._genesis.signer, self._genesis.chain_id, ancestors()
        )
        executed = self._execute(state, header.gas_limit, candidates, failed)
        state.persist()
        return self._finish(header, bytes(state.state_root), executed, failed, overlay)

    def _execute(
        self, state: BerlinState, gas_limit: int, candidates: Candidates, failed: dict[bytes, str]
    ) -> list[ExecutedTransaction]:
        executed: list[ExecutedTransaction] = []
        gas_used, until = 0, time.monotonic() + EXECUTION_BUDGET
        while (transaction := candidates.best()) is not None and time.monotonic() < until:
            if transaction.hash not in failed and state.get_balance(Address(transaction.sender)) < transaction.cost:
                failed[transaction.hash] = "insufficient funds for gas * price + value"
            if transaction.hash in failed or gas_used + transaction.gas > gas_limit:
                candidates.skip_sender()
                continue
            try:
                outcome = execute(state, transaction)
            except (EVMMissingData, sqlite3.Error):
                raise
            except Exception as error:
                raise _Broken(transaction) from error
            gas_used += outcome.gas_used
            executed.append(ExecutedTransaction(transaction, outcome, gas_used))
            candidates.advance()
        return executed

    def _finish(
        self,
        header: BlockHeaderAPI,
        root: bytes,
        executed: list[ExecutedTransaction],
        failed: dict[bytes, str],
        overlay: Overlay,
    ) -> SealedBlock:
        blooms = [bloom_of((address, topics) for address, topics, _ in item.outcome.logs) for item in executed]
        raws = [item.transaction.raw for item in executed]
        total = 0
        for bloom in blooms:
            total |= bloom
        sealed = clique_sealing.seal(
            header.copy(
                state_root=root,
                transaction_root=_root(raws),
                receipt_root=_root([_receipt(*pair) for pair in zip(executed, blooms, strict=True)]),
                bloom=total,
                gas_used=executed[-1].cumulative_gas if executed else 0,
            ),
            self._key,
        )
        return SealedBlock(
            sealed, tuple(executed), dict(failed), overlay.written, encode_block(rlp.encode(sealed), raws)
        )


def encode_block(header: bytes, raws: list[bytes]) -> bytes:
    """The block's RLP; `header` is RLP already, legacy transactions stand in it as lists (EIP-2718)."""
    body = b"".join(raw if raw[0] >= 0xC0 else rlp.encode(raw) for raw in raws)
    return _list(header + _list(body) + _list(b""))


def bloom_of(logs: Iterable[tuple[bytes, Sequence[bytes]]]) -> int:
    """The 2048-bit filter over addresses and topics (yellow paper 4.3.1)."""
    bloom = BloomFilter()
    for address, topics in logs:
        bloom.extend((address, *topics))
    return int(bloom)


def _receipt(item: ExecutedTransaction, bloom: int) -> bytes:
    logs = [[address, list(topics), data] for address, topics, data in item.outcome.logs]
    status = b"" if item.outcome.failure else b"\x01"
    body = rlp.encode([status, big_endian_int.serialize(item.cumulative_gas), bloom.to_bytes(256), logs])
    return bytes([item.transaction.type]) + bytes(body) if item.transaction.type else bytes(body)


def _root(items: list[bytes]) -> bytes:
    """The root of the trie that maps RLP(index) to each item."""
    trie = HexaryTrie({}, BLANK_ROOT_HASH, prune=True)
    for index, item in enumerate(items):
        trie[rlp.encode(index, sedes=big_endian_int)] = item
    return bytes(trie.root_hash)


def _list(payload: bytes) -> bytes:
    if len(payload) < 56:
        return bytes([0xC0 + len(payload)]) + payload
    size = big_endian_int.serialize(len(payload))
    return bytes([0xF7 + len(size)]) + bytes(size) + payload
