"""Transactions: sign, ask first, send as often as needed, and say what became of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_utils.address import to_checksum_address

from chain_service.chain.contracts import decode_revert
from chain_service.chain.rpc import Rpc, RpcError, data, quantity
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import BadRequest, Conflict, Reverted, Unavailable

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

GAS_PRICE = 1  # wei: geth never mines free transactions, Besu with zeroBaseFee takes it too
FUNDS = 10**21  # wei given to an account that got a right: at 1 wei a gas, a hundred thousand years of full blocks
GAS_MARGIN = 1.25  # storage that another transaction fills or clears first changes the cost
TRANSFER_GAS = 21_000
POLL_SECONDS = 0.1
HELD_ALREADY = ("already known", "known transaction", "alreadyknown", "already imported", "already in the pool")
NONCE_PASSED = ("nonce too low", "nonce_too_low", "replacement transaction underpriced", "nonce already used")
STILL_INDEXING = "transaction indexing is in progress"


@dataclass(frozen=True)
class SignedTransaction:
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


@dataclass(frozen=True)
class SignedCall:
    """What signed bytes say: who called what, as the account's which transaction."""

    hash: bytes
    account: str
    nonce: int
    to: str | None
    calldata: bytes


def read_signed(raw: bytes) -> SignedCall:
    """What the bytes of a legacy transaction say, its signer recovered. Raises `BadRequest`."""
    from eth_account import Account

    try:
        fields = rlp.decode_list(raw)
        nonce, to, calldata = fields[0], fields[3], fields[5]
        if not (isinstance(nonce, bytes) and isinstance(to, bytes) and isinstance(calldata, bytes)):
            raise ValueError("a field is a list")
        account = Account.recover_transaction(raw)
        return SignedCall(
            keccak256(raw), account, int.from_bytes(nonce, "big"), to_checksum_address(to) if to else None, calldata
        )
    except Exception as error:  # eth_account raises many kinds for bytes that are no transaction
        raise BadRequest("the bytes are no signed transaction") from error


class Sender:
    """Sends to one chain. Threads may share it; nonces are the caller's business."""

    def __init__(self, rpc: Rpc, chain_id: int) -> None:
        self.rpc = rpc
        self.chain_id = chain_id

    def sign(
        self, account: LocalAccount, nonce: int, to: str | None, calldata: bytes, gas: int, value: int = 0
    ) -> SignedTransaction:
        """A legacy transaction for this chain only (EIP-155), gas price 1 wei; `to` None creates a contract."""
        fields: dict[str, Any] = {"nonce": nonce, "gasPrice": GAS_PRICE, "gas": gas, "value": value}
        fields |= {"data": calldata, "chainId": self.chain_id}
        if to is not None:
            fields["to"] = to
        signed = account.sign_transaction(fields)
        return SignedTransaction(bytes(signed.raw_transaction), bytes(signed.hash))

    def preflight(self, sender: str, to: str | None, calldata: bytes) -> int:
        """Gas to allow, margin included. Raises `Reverted` by the contract error's name if it would be refused now."""
        estimate = self._asked("eth_estimateGas", _transaction(sender, to, calldata))
        return int(quantity(estimate) * GAS_MARGIN)

    def call(self, to: str, calldata: bytes, *, sender: str | None = None, block: int | None = None) -> bytes:
        """What a view answers at `block` (newest if None): the node's word, never for verdicts. Raises `Reverted`."""
        answer = self._asked("eth_call", _transaction(sender, to, calldata), _block(block))
        return data(answer)

    def calls(self, to: str, calldata: Sequence[bytes]) -> list[bytes]:
        """Several `call`s at the newest block in one round trip."""
        answers = self.rpc.batch([("eth_call", (_transaction(None, to, call), "latest")) for call in calldata])
        return [data(answer) for answer in answers]

    def broadcast(self, signed: SignedTransaction, *, everywhere: bool = False) -> None:
        """A node has the transaction, in its pool or in a block; sending again changes nothing.

        `everywhere` tells every node, for one that stays out. Raises `Conflict` (code `nonce_taken`) if another
        transaction took its nonce, `RpcError` if refused, `Unavailable`.
        """
        if not everywhere:
            self._hand_over(self.rpc, signed)
            return
        taken = False
        refusals: list[Conflict | RpcError | Unavailable] = []
        for node in self.rpc.nodes():
            try:
                self._hand_over(node, signed)
                taken = True
            except (Conflict, RpcError, Unavailable) as error:
                refusals.append(error)
        if not taken:
            # a node that refuses for another reason, such as an index still being built, does not know the nonce's fate
            raise min(refusals, key=lambda error: (RpcError, Conflict, Unavailable).index(type(error)))

    def receipt(self, tx: bytes) -> TxReceipt | None:
        """The receipt, or None while it is in no block. Raises `Unavailable` while the node is still indexing."""
        return self.receipts([tx])[0]

    def receipts(self, txs: Sequence[bytes]) -> list[TxReceipt | None]:
        """The receipts of several, in one round trip."""
        answers = self.rpc.call_each([("eth_getTransactionReceipt", ("0x" + tx.hex(),)) for tx in txs])
        return [_receipt(answer) for answer in answers]

    def wait(self, tx: bytes, timeout: float = 60.0) -> TxReceipt:
        """The receipt once mined. Raises `Reverted` with the reason if it failed, `Unavailable` (code `not_mined`)."""
        deadline = time.monotonic() + timeout
        while True:
            receipt = self.receipt(tx)
            if receipt is not None:
                break
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"the transaction is in no block after {timeout:g} s; it may still be mined",
                    code="not_mined",
                    tx="0x" + tx.hex(),
                )
            time.sleep(POLL_SECONDS)
        if not receipt.succeeded:
            raise self.revert_reason(tx)
        return receipt

    def transaction_count(self, address: str, block: str = "latest") -> int:
        """How many transactions the account has sent: in blocks (`latest`) or with those waiting (`pending`)."""
        return quantity(self.rpc.call("eth_getTransactionCount", address, block))

    def balance(self, address: str) -> int:
        """In wei, at the newest block."""
        return quantity(self.rpc.call("eth_getBalance", address, "latest"))

    def transact(
        self, account: LocalAccount, to: str, calldata: bytes, *, value: int = 0, timeout: float = 60.0
    ) -> TxReceipt:
        """The transaction is mined: for an operator's single commands, whose account nobody else uses meanwhile.

        Raises `Reverted` before anything is sent where the refusal can be foreseen.
        """
        gas = TRANSFER_GAS if value and not calldata else self.preflight(account.address, to, calldata)
        nonce = self.transaction_count(account.address, "pending")
        signed = self.sign(account, nonce, to, calldata, gas, value)
        self.broadcast(signed)
        return self.wait(signed.hash, timeout)

    def fund(self, registrar: LocalAccount, address: str, timeout: float = 60.0) -> None:
        """The account holds at least half of `FUNDS`; sent by `registrar` and mined if it did not."""
        if self.balance(address) < FUNDS // 2:
            self.transact(registrar, address, b"", value=FUNDS, timeout=timeout)

    def revert_reason(self, tx: bytes) -> Reverted:
        """Why a mined transaction failed, by replaying it on the block before.

        Others in the same block may have mattered: then the answer is a `Reverted` without a contract's error.
        """
        sent = self.rpc.call("eth_getTransactionByHash", "0x" + tx.hex())
        if not isinstance(sent, dict) or sent.get("blockNumber") is None:
            raise Unavailable("the node does not know the transaction", code="node_unavailable", tx="0x" + tx.hex())
        replay = {name: sent[name] for name in ("from", "to", "gas", "gasPrice", "value") if sent.get(name)}
        replay["data"] = sent["input"]
        try:
            self._asked("eth_call", replay, _block(int(sent["blockNumber"], 16) - 1))
        except Reverted as reason:
            return reason
        return Reverted("the transaction failed, but not when replayed alone", tx="0x" + tx.hex())

    def _asked(self, method: str, *params: Any) -> Any:
        try:
            return self.rpc.call(method, *params)
        except RpcError as error:
            if error.data is not None or "revert" in error.reason.lower():
                raise decode_revert(_revert_data(error.data)) from error
            raise

    def _hand_over(self, node: Rpc, signed: SignedTransaction) -> None:
        try:
            node.call("eth_sendRawTransaction", "0x" + signed.raw.hex())
        except RpcError as error:
            reason = error.reason.lower()
            if any(text in reason for text in HELD_ALREADY):
                return
            if not any(text in reason for text in NONCE_PASSED):
                raise
            if node.call("eth_getTransactionByHash", "0x" + signed.hash.hex()) is None:
                raise Conflict(
                    "another transaction took this nonce", code="nonce_taken", tx="0x" + signed.hash.hex()
                ) from error


def _transaction(sender: str | None, to: str | None, calldata: bytes) -> dict[str, str]:
    fields = {"data": "0x" + calldata.hex()}
    if sender is not None:
        fields["from"] = sender
    if to is not None:
        fields["to"] = to
    return fields


def _block(number: int | None) -> str:
    return "latest" if number is None else hex(number)


def _revert_data(given: Any) -> str | None:
    """The bytes, which some nodes wrap in an object or prefix with `Reverted `."""
    if isinstance(given, dict):
        given = given.get("data")
    return given.removeprefix("Reverted ") if isinstance(given, str) else None


def _receipt(answer: Any) -> TxReceipt | None:
    if isinstance(answer, RpcError):
        if STILL_INDEXING in answer.reason:
            raise Unavailable("the node is still indexing transactions", code="node_unavailable") from answer
        raise answer
    if answer is None:
        return None
    try:
        if answer["blockNumber"] is None:
            return None
        return TxReceipt(
            tx=bytes.fromhex(answer["transactionHash"][2:]),
            block=int(answer["blockNumber"], 16),
            block_hash=bytes.fromhex(answer["blockHash"][2:]),
            position=int(answer["transactionIndex"], 16),
            gas_used=int(answer["gasUsed"], 16),
            succeeded=int(answer["status"], 16) == 1,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise Unavailable("the node's receipt cannot be read", code="node_unavailable") from error
