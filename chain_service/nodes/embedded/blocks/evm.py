"""The Ethereum virtual machine under Berlin rules: py-evm over the node database, nothing else of py-evm's chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import rlp
from eth import constants
from eth.abc import BlockHeaderAPI, ComputationAPI, SignedTransactionAPI
from eth.db.backends.base import BaseAtomicDB
from eth.exceptions import (
    FullStack,
    InsufficientFunds,
    InsufficientStack,
    InvalidInstruction,
    InvalidJumpDestination,
    OutOfGas,
    Revert,
    StackDepthLimit,
    WriteProtection,
)
from eth.rlp.headers import BlockHeader
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.berlin import BerlinVM
from eth.vm.forks.berlin.state import BerlinState, BerlinTransactionExecutor
from eth_typing import Address, Hash32
from tiny_keccak import keccak256

from chain_service.nodes.embedded.blocks.state_trie import Lookup
from chain_service.nodes.embedded.blocks.transactions import AccessList, Transaction, intrinsic_gas

_WORDING: tuple[tuple[type[Exception], str], ...] = (
    (Revert, "execution reverted"),
    (OutOfGas, "out of gas"),
    (InvalidJumpDestination, "invalid jump destination"),
    (InvalidInstruction, "invalid opcode"),
    (InsufficientStack, "stack underflow"),
    (FullStack, "stack limit reached 1024"),
    (StackDepthLimit, "max call depth exceeded"),
    (WriteProtection, "write protection"),
    (InsufficientFunds, "insufficient balance for transfer"),
)


class Overlay(BaseAtomicDB):
    """State nodes: reads go through to the database, writes stay in `written`."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self.written: dict[bytes, bytes] = {}

    def __getitem__(self, key: bytes) -> bytes:
        value = self.written.get(key)
        return self._lookup(key) if value is None else value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.written[key] = value

    def __delitem__(self, key: bytes) -> None:
        del self.written[key]

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    @contextmanager
    def atomic_batch(self) -> Iterator[Any]:
        """The overlay itself: it is thrown away as a whole, so that a batch needs no undoing."""
        yield self


@dataclass(frozen=True, slots=True)
class Call:
    """A message without signature, for eth_call and eth_estimateGas; it has every field that py-evm reads."""

    sender: bytes
    to: bytes
    value: int
    data: bytes
    gas: int
    gas_price: int
    access_list: AccessList
    nonce: int = 0
    v: int = 0
    r: int = 0
    s: int = 0
    y_parity: int = 0

    @property
    def intrinsic_gas(self) -> int:
        """Gas that the call costs before any code runs (yellow paper §6.2, EIP-2930)."""
        return intrinsic_gas(self.to, self.data, self.access_list)


class _Executor(BerlinTransactionExecutor):
    """Runs what was validated before: the pool and the block maker check transactions, `calls` checks calls."""

    def validate_transaction(self, transaction: Any) -> None:
        pass


class _State(BerlinState):
    transaction_executor_class = _Executor


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """What an execution did; `failure` is None or the reason in go-ethereum's words."""

    gas_used: int
    refund: int
    output: bytes
    failure: str | None
    reverted: bool
    logs: tuple[tuple[bytes, tuple[bytes, ...], bytes], ...]
    """Address, topics, data."""
    contract: bytes | None
    """Where a creation went, or would have gone had it not failed."""


def state_on(
    lookup: Lookup, header: BlockHeaderAPI, state_root: bytes, signer: bytes, chain_id: int, ancestors: Iterable[bytes]
) -> tuple[BerlinState, Overlay]:
    """The state `state_root` inside the block that `header` describes; fees go to the `signer` (EIP-225).

    `ancestors` are block hashes, the parent's first.
    """
    overlay = Overlay(lookup)
    context = ExecutionContext(
        coinbase=Address(signer),
        timestamp=header.timestamp,
        block_number=header.block_number,
        difficulty=header.difficulty,
        mix_hash=header.mix_hash,
        gas_limit=header.gas_limit,
        prev_hashes=map(Hash32, ancestors),
        chain_id=chain_id,
    )
    return _State(overlay, context, Hash32(state_root)), overlay


def execute(state: BerlinState, message: Transaction | Call) -> ExecutionResult:
    """`message` was carried out in `state` and cannot be taken back."""
    state.lock_changes()
    computation: ComputationAPI = state.apply_transaction(cast(SignedTransactionAPI, message))
    refund = computation.get_gas_refund()
    error = computation.error if computation.is_error else None
    return ExecutionResult(
        gas_used=BerlinVM.finalize_gas_used(cast(SignedTransactionAPI, message), computation),
        refund=refund,
        output=bytes(computation.output),
        failure=None if error is None else _wording(error),
        reverted=isinstance(error, Revert),
        logs=tuple(
            (address, tuple(topic.to_bytes(32) for topic in topics), bytes(data))
            for address, topics, data in computation.get_log_entries()
        ),
        contract=None if message.to else contract_address(message.sender, message.nonce),
    )


def contract_address(sender: bytes, nonce: int) -> bytes:
    """Where a creation by `sender` with `nonce` lands (yellow paper 7)."""
    return keccak256(rlp.encode([sender, rlp.sedes.big_endian_int.serialize(nonce)]))[12:]


def genesis_state(balances: dict[bytes, int]) -> tuple[bytes, dict[bytes, bytes]]:
    """The state root in which exactly `balances` (wei) exist, and its nodes."""
    header = BlockHeader(difficulty=1, block_number=0, gas_limit=0, timestamp=0)
    state, overlay = state_on(_nothing, header, constants.BLANK_ROOT_HASH, bytes(20), 1, ())
    for address, balance in balances.items():
        state.set_balance(Address(address), balance)
    state.persist()
    return bytes(state.state_root), overlay.written


def _nothing(digest: bytes) -> bytes:
    raise KeyError(digest)


def _wording(error: Exception) -> str:
    return next((words for kind, words in _WORDING if isinstance(error, kind)), str(error) or type(error).__name__)
