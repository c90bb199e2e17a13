"""A trial chain asked without HTTP, and contracts to put on it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chain_service.nodes.embedded.blocks.evm import contract_address
from chain_service.nodes.embedded.blocks.genesis import TrialGenesis
from chain_service.nodes.embedded.node import Node

PASSWORD = "correct horse"
STORED = "0x" + keccak(b"Stored(uint256)").hex()
ERROR_ZERO = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (4).to_bytes(32, "big") + b"zero".ljust(32, b"\0")
KEEPER_ABI = [
    {"type": "function", "name": "set", "inputs": [{"name": "value", "type": "uint256"}], "outputs": [],
     "stateMutability": "nonpayable"},
    {"type": "function", "name": "get", "inputs": [], "outputs": [{"name": "", "type": "uint256"}],
     "stateMutability": "view"},
    {"type": "event", "name": "Stored", "anonymous": False,
     "inputs": [{"name": "value", "type": "uint256", "indexed": False}]},
]  # fmt: skip


def _deployment(runtime: bytes) -> bytes:
    return bytes.fromhex(f"61{len(runtime):04x}80600c6000396000f3") + runtime


def _keeper() -> bytes:
    """get() answers slot 0; set(value) stores it, emits Stored(value), and reverts with Error("zero") for 0."""
    get = bytes.fromhex("36600410601357" + "60005460005260206000f3")  # more than 4 bytes of input: jump to 0x13
    head = get.ljust(0x13, b"\0")
    body = bytes.fromhex("5b600435801560") + b"\x00" + bytes.fromhex("57")
    store = bytes.fromhex("806000556000527f" + STORED[2:] + "60206000a100")
    revert_at = len(head) + len(body) + len(store)
    body = body.replace(b"\x60\x00\x57", bytes([0x60, revert_at, 0x57]))
    data_at = revert_at + 13
    revert = bytes.fromhex(f"5b606460{data_at:02x}60003960646000fd")
    assert len(revert) == 13
    return head + body + store + revert + ERROR_ZERO


KEEPER = _deployment(_keeper())
WRITER = _deployment(bytes.fromhex("602035600035554160ff554260fe554660fd5560003560005260206000a000"))
"""storage[calldata[:32]] = calldata[32:64]; also stores coinbase, time and chain id, and logs."""
DIVER = _deployment(bytes.fromhex("6000" * 5 + "305af100"))
"""Calls itself as deep as gas allows."""


@dataclass
class Chain:
    """A node with one funded account."""

    directory: Path
    node: Node
    genesis: TrialGenesis
    account: LocalAccount
    nonce: int = 0

    def ask(self, method: str, *parameters: Any) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        return json.loads(self.node.handle(json.dumps(body).encode()))

    def call(self, method: str, *parameters: Any) -> Any:
        answer = self.ask(method, *parameters)
        assert "result" in answer, answer
        return answer["result"]

    def error(self, method: str, *parameters: Any) -> dict[str, Any]:
        answer = self.ask(method, *parameters)
        assert "error" in answer, answer
        return answer["error"]

    def sign(self, *, account: LocalAccount | None = None, **fields: Any) -> str:
        transaction = {
            "nonce": self.nonce, "gasPrice": 1, "gas": 21_000, "value": 0, "data": b"",
            "to": self.account.address, "chainId": self.genesis.chain_id,
        } | fields  # fmt: skip
        return "0x" + (account or self.account).sign_transaction(transaction).raw_transaction.hex()

    def send(self, **fields: Any) -> str:
        """The hash of an accepted transaction with the next nonce."""
        digest = self.call("eth_sendRawTransaction", self.sign(**fields))
        self.nonce += 1
        return digest

    def mine(self, digest: str, seconds: float = 120) -> dict[str, Any]:
        """The receipt, waited for."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            receipt = self.call("eth_getTransactionReceipt", digest)
            if receipt:
                return receipt
            time.sleep(0.005)
        raise AssertionError(f"{digest} was not mined in {seconds} s")

    def deploy(self, code: bytes) -> str:
        """The address of the new contract."""
        expected = contract_address(bytes.fromhex(self.account.address[2:]), self.nonce)
        receipt = self.mine(self.send(to=b"", data=code, gas=1_000_000))
        assert receipt["contractAddress"] == "0x" + expected.hex()
        return to_checksum_address(expected)


Opener = Callable[..., Chain]
