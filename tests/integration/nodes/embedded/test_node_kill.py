"""kill -9 under load: nothing acknowledged is lost, and no answered block is taken back."""

from __future__ import annotations

import http.client
import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from trial_chain import PASSWORD

from chain_service.nodes.embedded.blocks.genesis import TrialGenesis, create

PROGRAM = """
import sys, threading
from pathlib import Path
from chain_service.nodes.embedded.node import Node
from chain_service.nodes.embedded.server import serve
with Node.open(Path(sys.argv[1]), sys.argv[2]) as node, serve(node, port=0) as server:
    print(server.port, flush=True)
    threading.Event().wait()
"""


class Killable:
    """A node in a process of its own."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, directory, PASSWORD], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.connection = http.client.HTTPConnection("127.0.0.1", int(self.process.stdout.readline()), timeout=30)

    def ask(self, *requests: tuple[str, list[Any]]) -> list[Any]:
        """Results of a batch; raises OSError or HTTPException when the node dies meanwhile."""
        batch = [{"jsonrpc": "2.0", "id": n, "method": m, "params": p} for n, (m, p) in enumerate(requests)]
        self.connection.request("POST", "/", json.dumps(batch), {"Content-Type": "application/json"})
        return [answer["result"] for answer in json.loads(self.connection.getresponse().read())]

    def reap(self) -> None:
        self.process.kill()
        self.process.wait()
        self.connection.close()
        if self.process.stdout:
            self.process.stdout.close()


def sign(account: LocalAccount, nonce: int, genesis: TrialGenesis) -> str:
    fields = {"nonce": nonce, "gasPrice": 1, "gas": 21_000, "to": account.address, "value": 1, "data": b"",
              "chainId": genesis.chain_id}  # fmt: skip
    return "0x" + account.sign_transaction(fields).raw_transaction.hex()


def load(node: Killable, account: LocalAccount, genesis: TrialGenesis, nonce: int, seconds: float, kept: Kept) -> None:
    """Transactions are sent and blocks read until the node is killed after `seconds`."""
    killer = threading.Timer(seconds, node.process.kill)
    killer.start()
    try:
        while True:
            size = random.choice((1, 1, 5))
            kept.sent += [sign(account, nonce + n, genesis) for n in range(size)]
            kept.acknowledged += node.ask(*(("eth_sendRawTransaction", [raw]) for raw in kept.sent[-size:]))
            nonce += size
            (block,) = node.ask(("eth_getBlockByNumber", ["latest", False]))
            kept.blocks[block["number"]] = block["hash"]
    except (OSError, http.client.HTTPException, json.JSONDecodeError):
        killer.join()


class Kept:
    """What the node has said so far."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.acknowledged: list[str] = []
        self.blocks: dict[str, str] = {}


@pytest.mark.parametrize("kills", [3, pytest.param(25, marks=pytest.mark.long)])
def test_nothing_acknowledged_is_lost_when_the_node_is_killed(tmp_path: Path, kills: int) -> None:
    account = Account.create()
    genesis = create(tmp_path / "c", funded=[account.address], password=PASSWORD, period=0, epoch=7)
    kept, nonce = Kept(), 0
    for _ in range(kills):
        node = Killable(tmp_path / "c")
        try:
            load(node, account, genesis, nonce, random.uniform(0.05, 0.8), kept)
        finally:
            node.reap()
        node = Killable(tmp_path / "c")
        try:
            nonce = check(node, account, kept)
        finally:
            node.reap()
    assert len(kept.acknowledged) >= kills * 5


def check(node: Killable, account: LocalAccount, kept: Kept) -> int:
    """Everything acknowledged is mined, every block seen still stands; answers the next nonce."""
    for number, digest in kept.blocks.items():
        (block,) = node.ask(("eth_getBlockByNumber", [number, False]))
        assert block and block["hash"] == digest, f"block {number} was answered and is gone"
    until = time.monotonic() + 120
    while time.monotonic() < until:
        pending, latest = node.ask(*(("eth_getTransactionCount", [account.address, t]) for t in ("pending", "latest")))
        if pending == latest:
            break
        time.sleep(0.02)
    for digest in kept.acknowledged:
        (receipt,) = node.ask(("eth_getTransactionReceipt", [digest]))
        assert receipt and receipt["status"] == "0x1", f"{digest} was acknowledged and is lost"
    return int(latest, 16)
