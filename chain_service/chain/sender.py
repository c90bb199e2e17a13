"""Transactions: sign, ask first, send as often as needed, and say what became of them."""

from __future__ import annotations

from dataclasses import dataclass

from eth_account.signers.local import LocalAccount

from chain_service.chain.rpc import Rpc
from chain_service.errors import Reverted

GAS_PRICE = 1  # wei: geth never mines free transactions, Besu with zeroBaseFee takes it too
FUNDS = 2**160  # wei given to an account that got a right: more than it can burn, far below the registrar's


@dataclass(frozen=True)
class Signed:
    """A transaction's bytes and hash."""

    raw: bytes
    hash: bytes


@dataclass(frozen=True)
class TxReceipt:
    """What a node says of a mined transaction."""

    tx: bytes
    block: int
    block_hash: bytes
    position: int
    gas_used: int
    succeeded: bool
    contract_address: str | None


class Sender:
    """Sends to one chain. Threads may share it; nonces are the caller's business."""

    def __init__(self, rpc: Rpc, chain_id: int) -> None: ...

    def sign(
        self, account: LocalAccount, nonce: int, to: str | None, calldata: bytes, gas: int, value: int = 0
    ) -> Signed:
        """A legacy transaction for this chain only (EIP-155), gas price 1 wei; `to` None creates a contract."""

    def preflight(self, sender: str, to: str | None, calldata: bytes) -> int:
        """Gas to allow, margin included. Raises `Reverted` by the contract error's name if it would be refused now."""

    def call(self, to: str, calldata: bytes, *, sender: str | None = None, block: int | None = None) -> bytes:
        """What a view answers at `block` (newest if None): the node's word, never for verdicts. Raises `Reverted`."""

    def broadcast(self, signed: Signed, *, everywhere: bool = False) -> None:
        """A node has the transaction, in its pool or in a block; sending again changes nothing.

        `everywhere` tells every node, for one that stays out. Raises `Conflict` (code `nonce_taken`) if another
        transaction took its nonce, `RpcError` if refused, `Unavailable`.
        """

    def receipt(self, tx: bytes) -> TxReceipt | None:
        """The receipt, or None while it is in no block. Raises `Unavailable` while the node is still indexing."""

    def receipts(self, txs: list[bytes]) -> list[TxReceipt | None]:
        """The receipts of several, in one round trip."""

    def wait(self, tx: bytes, timeout: float = 60.0) -> TxReceipt:
        """The receipt once mined. Raises `Reverted` with the reason if it failed, `Unavailable` (code `not_mined`)."""

    def transaction_count(self, address: str, block: str = "latest") -> int:
        """How many transactions the account has sent: in blocks (`latest`) or with those waiting (`pending`)."""

    def balance(self, address: str) -> int:
        """In wei, at the newest block."""

    def fund(self, registrar: LocalAccount, address: str) -> None:
        """The account holds at least half of `FUNDS`; sent by `registrar` and mined if it did not."""

    def revert_reason(self, tx: bytes) -> Reverted:
        """Why a mined transaction failed, by replaying it on the block before; others in the same block may have mattered."""
