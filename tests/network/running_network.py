"""A network of real nodes for tests: started through the product's own functions, hurt by signals."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from chain_service.nodes.network.create import Plan, create
from chain_service.nodes.network.descriptor import Network
from chain_service.nodes.network.engines.engine import engine_of
from chain_service.nodes.network.rpc import call
from chain_service.nodes.network.running.control import RunningNodes, StoppedNodes, down, up
from chain_service.nodes.network.running.ledger import Ledger
from chain_service.nodes.network.running.status import status

CACHE = Path(__file__).resolve().parents[2] / "build"


@dataclass(frozen=True)
class RunningNetwork:
    """Nodes under a supervisor. Names: validator-1 … validator-N, writer-1, observer-1."""

    directory: Path
    network: Network
    geth: Path | None
    funder: LocalAccount
    """Has means from the first block; `fund` passes them on."""

    @property
    def rpc_urls(self) -> list[str]:
        return list(self.network.rpc_urls)

    @property
    def writer(self) -> str:
        return next(url for url in self.rpc_urls if url.startswith("http"))

    def door(self, name: str) -> str:
        """The node's own endpoint, `ipc:PATH` for geth."""
        return engine_of(self.network.engine).endpoint(self.directory / name, self.network.node(name))

    def call(self, name: str, method: str, *params: Any) -> Any:
        return call(self.door(name), method, *params)

    def head(self, name: str = "writer-1") -> int:
        return int(self.call(name, "eth_blockNumber"), 16)

    def status(self) -> dict[str, Any]:
        return status(self.directory)

    def up(self, *names: str, timeout: float = 60) -> RunningNodes:
        """All nodes, or these, run, and a new block has reached each of them; a named one is restarted."""
        return up(self.directory, names, cache=CACHE, geth=self.geth, timeout=timeout)

    def down(self, *names: str) -> StoppedNodes:
        return down(self.directory, names)

    def want(self, *names: str) -> None:
        """The supervisor starts these too, without anybody waiting for a block."""
        ledger = Ledger(self.directory)
        ledger.want(ledger.wanted() | set(names))

    def running(self) -> list[str]:
        """Names of the nodes whose processes live."""
        return sorted(Ledger(self.directory).running())

    def pid(self, name: str) -> int:
        return Ledger(self.directory).running()[name].pid

    def kill(self, *names: str) -> None:
        """kill -9; the supervisor brings them back."""
        for pid in [self.pid(name) for name in names]:
            os.kill(pid, signal.SIGKILL)

    def hold(self, *names: str) -> None:
        """kill -9, and they stay away until `want` or `up`."""
        ledger = Ledger(self.directory)
        supervisor = ledger.supervisor()
        assert supervisor is not None
        supervisor.signal(signal.SIGSTOP)
        try:
            self.kill(*names)
            ledger.want(ledger.wanted() - set(names))
        finally:
            supervisor.signal(signal.SIGCONT)

    def freeze(self, *names: str) -> None:
        for name in names:
            os.kill(self.pid(name), signal.SIGSTOP)

    def thaw(self, *names: str) -> None:
        for name in names:
            os.kill(self.pid(name), signal.SIGCONT)

    def wait_for_blocks(self, count: int, *, name: str = "writer-1", seconds: float = 60) -> int:
        """The head after `count` more blocks."""
        target = self.head(name) + count
        wait_until(lambda: self.head(name) >= target, seconds=seconds)
        return self.head(name)

    def fund(self, address: str, wei: int = 2**160) -> None:
        """`address` owns that much more, in a mined block."""
        nonce = int(self.call("writer-1", "eth_getTransactionCount", self.funder.address, "pending"), 16)
        signed = self.funder.sign_transaction(
            {"nonce": nonce, "gasPrice": 1, "gas": 21_000, "to": address, "value": wei, "data": b"",
             "chainId": self.network.chain_id}
        )  # fmt: skip
        sent = self.call("writer-1", "eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
        wait_until(lambda: self.call("writer-1", "eth_getTransactionByHash", sent)["blockHash"], seconds=30)


@contextmanager
def running(plan: Plan, geth: Path | None) -> Iterator[RunningNetwork]:
    """A new network with free ports in a folder with a short name (sockets want that); stopped whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="chain-net-"))
    funder = Account.create()
    directory = folder / "network"
    try:
        made = create(directory, plan_with(plan, funded=(funder.address,), first_port=0))
        network = RunningNetwork(directory, made, geth, funder)
        try:
            network.up()
            yield network
        finally:
            network.down()
    finally:
        shutil.rmtree(folder)


def plan_with(plan: Plan, **changes: Any) -> Plan:
    return Plan(**(vars(plan) | changes))


def wait_until(true: Callable[[], Any], *, seconds: float = 60, every: float = 0.1) -> Any:
    """What `true` answers once that is true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < end, f"not true within {seconds} s"
        time.sleep(every)
    return answer
