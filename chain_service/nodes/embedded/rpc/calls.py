"""eth_call and eth_estimateGas: what a message would do in the state after a block."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import decode as decode_abi
from eth_abi.exceptions import DecodingError
from eth_typing import Address

from chain_service.nodes.embedded.blocks.database import ChainDatabase
from chain_service.nodes.embedded.blocks.evm import Call, ExecutionResult, execute, state_on
from chain_service.nodes.embedded.blocks.genesis import TrialGenesis
from chain_service.nodes.embedded.blocks.history import BlockHistory, TrialBlock
from chain_service.nodes.embedded.blocks.state_trie import EMPTY_CODE, account_at
from chain_service.nodes.embedded.rpc import rpc_params
from chain_service.nodes.embedded.rpc_error import REVERTED, JsonRpcError, invalid_argument

GAS_CAP = 50_000_000
_ERROR_STRING = bytes.fromhex("08c379a0")
_TOLERANCE = 0.015
"""An estimate is at most this share above the least gas that works (go-ethereum's figure)."""


class Calls:
    """Messages carried out and forgotten."""

    def __init__(self, database: ChainDatabase, history: BlockHistory, genesis: TrialGenesis) -> None:
        self._database = database
        self._history = history
        self._genesis = genesis

    def call(self, block: TrialBlock, request: dict[str, Any]) -> bytes:
        """The return data. Raises RpcError: code 3 with data for a revert."""
        outcome = self._run(block, self._message(block, request))
        if outcome.failure:
            raise _failure(outcome)
        return outcome.output

    def estimate(self, block: TrialBlock, request: dict[str, Any]) -> int:
        """Gas with which the message succeeds, at most 1.5 % above the least."""
        message = self._message(block, request)
        high = self._affordable(block, message, request)
        if self._is_transfer(block, message) and self._succeeds(block, message, 21_000):
            return 21_000
        outcome = self._run(block, message, high)
        if outcome.failure:
            if outcome.failure == "out of gas":
                raise JsonRpcError(f"gas required exceeds allowance ({high})")
            raise _failure(outcome)
        low = outcome.gas_used - 1
        likely = (outcome.gas_used + outcome.refund + 2_300) * 64 // 63
        if likely < high:
            low, high = (low, likely) if self._succeeds(block, message, likely) else (likely, high)
        while low + 1 < high and (high - low) / high >= _TOLERANCE:
            middle = min((low + high) // 2, low * 2)
            low, high = (low, middle) if self._succeeds(block, message, middle) else (middle, high)
        return high

    def _is_transfer(self, block: TrialBlock, message: Call) -> bool:
        if not message.to or message.data or message.access_list:
            return False
        account = account_at(self._database.lookup, block.header.state_root, message.to)
        return account is None or account.code_hash == EMPTY_CODE

    def _succeeds(self, block: TrialBlock, message: Call, gas: int) -> bool:
        return gas >= message.intrinsic_gas and self._run(block, message, gas).failure is None

    def _run(self, block: TrialBlock, message: Call, gas: int | None = None) -> ExecutionResult:
        if gas is not None:
            message = Call(
                message.sender, message.to, message.value, message.data, gas, message.gas_price, message.access_list,
                message.nonce,
            )  # fmt: skip
        if message.gas < message.intrinsic_gas:
            raise JsonRpcError(f"intrinsic gas too low: have {message.gas}, want {message.intrinsic_gas}")
        ancestors = self._history.ancestors(block.number)
        state, _ = state_on(
            self._database.lookup, block.header, block.header.state_root, self._genesis.signer,
            self._genesis.chain_id, ancestors,
        )  # fmt: skip
        have, want = state.get_balance(Address(message.sender)), message.gas * message.gas_price + message.value
        if have < want:
            what = "gas * price + value" if message.gas_price else "transfer"
            raise JsonRpcError(
                f"insufficient funds for {what}: address 0x{message.sender.hex()} have {have} want {want}"
            )
        return execute(state, message)

    def _message(self, block: TrialBlock, request: dict[str, Any]) -> Call:
        def field(name: str, reader: rpc_params.Reader, default: Any) -> Any:
            return default if request.get(name) is None else reader(request[name], 0)

        data = field("data", rpc_params.data, None)
        given = field("input", rpc_params.data, None)
        if data is not None and given is not None and data != given:
            raise invalid_argument(0, "data and input differ; give one")
        sender = field("from", rpc_params.address, bytes(20))
        account = account_at(self._database.lookup, block.header.state_root, sender)
        return Call(
            sender=sender,
            to=field("to", rpc_params.address, b""),
            value=field("value", rpc_params.quantity, 0),
            data=given if given is not None else data or b"",
            gas=min(field("gas", rpc_params.quantity, GAS_CAP), GAS_CAP),
            gas_price=field("gasPrice", rpc_params.quantity, 0),
            access_list=field("accessList", rpc_params.access_list, ()),
            nonce=account.nonce if account else 0,
        )

    def _affordable(self, block: TrialBlock, message: Call, request: dict[str, Any]) -> int:
        """The most gas to try: what was asked for or a block holds, within what the sender can pay."""
        high = message.gas if request.get("gas") is not None else min(block.header.gas_limit, GAS_CAP)
        if message.gas_price:
            account = account_at(self._database.lookup, block.header.state_root, message.sender)
            available = (account.balance if account else 0) - message.value
            if available < 0:
                raise JsonRpcError("insufficient funds for transfer")
            high = min(high, available // message.gas_price)
        if high < message.intrinsic_gas:
            raise JsonRpcError(f"gas required exceeds allowance ({high})")
        return high


def _failure(outcome: ExecutionResult) -> JsonRpcError:
    if not outcome.reverted:
        return JsonRpcError(outcome.failure or "")
    message = "execution reverted"
    if outcome.output[:4] == _ERROR_STRING:
        try:
            message += ": " + decode_abi(["string"], outcome.output[4:])[0]
        except (DecodingError, UnicodeDecodeError):
            message += ""
    return JsonRpcError(message, number=REVERTED, data="0x" + outcome.output.hex())
