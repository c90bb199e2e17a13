"""The instance on a network of validators: real nodes under a supervisor; one of them is killed in the middle."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chain_service.config import Settings
from demonstration.client import wait_for
from demonstration.processes import Instance
from demonstration.signals import held
from demonstration.story import Failed, Story

VICTIM = "validator-2"
INTO_THE_WORK = 1.5
"""Seconds after the first submission at which the validator is killed."""


class NetworkInstance(Instance):
    """As `Instance`, but its chain is a network of `validators` nodes, a writer and an observer."""

    chain_command = "chain-service network init, network up: validators, a writer, an observer; the supervisor"

    def __init__(self, data: Path, validators: int, *, port: int | None = None, geth: str | None = None) -> None:
        super().__init__(data, port=port)
        self.validators = validators
        self.directory = data / "network"
        del self._environment["CHAIN_SERVICE_RPC_URLS"]  # config.toml names the nodes
        if geth:
            self._environment["CHAIN_SERVICE_GETH"] = geth
        self._up = False

    @property
    def chain_zh(self) -> str:
        return f"{self.validators} 个验证节点的联盟链，守护"

    def settings(self) -> Settings:
        return Settings(data=self.data)

    def start_chain(self) -> int:
        """The network exists, seals and is reached by every node; the supervisor's process id.

        An instance that an earlier demonstration began on a trial chain takes that chain along.
        """
        if not (self.directory / "network.toml").exists():
            grown = ("grow",) if (self.data / "deployment.json").exists() else ("init",)
            self.run("network", *grown, "--validators", str(self.validators), "--port", "0")
        self._up = True
        self.run("network", "up")
        found = self.status()
        sealing = [node for node in found["nodes"] if node["role"] == "validator"]
        if len(sealing) != self.validators:
            raise Failed(f"{self.directory} has {len(sealing)} validators; give --validators {len(sealing)}")
        return int(found["supervisor"])

    def status(self) -> dict[str, Any]:
        """What `network status` says; nodes may be away."""
        return dict(self.run("network", "status", allowed=(0, 4))[1])

    def stop(self) -> None:
        with held():
            super().stop()
            if self._up:
                self._up = False
                self.run("network", "down")


def show(story: Story, instance: NetworkInstance) -> None:
    """One chain on every node, and the validators take turns."""
    wait_for(lambda: _agree(instance.status()), "one head on every node")
    found = instance.status()
    nodes = found["nodes"]
    story.expect(
        found["up"] and len({node["name"] for node in nodes}) == instance.validators + 2,
        f"{instance.validators} 个验证节点、1 个写入节点、1 个观察节点均在线",
        "validators, a writer and an observer answer",
        nodes,
    )
    names = {signer["name"] for signer in found["signers"]}
    needed = instance.validators // 2 + 1
    story.expect(
        len(names) >= needed,
        f"最近区块由 {'、'.join(sorted(map(str, names)))} 轮流签署",
        "the last blocks are sealed by more than half of the validators; recovered from the headers",
        found["signers"],
    )


@contextmanager
def a_validator_dies(story: Story, instance: NetworkInstance) -> Iterator[None]:
    """While the block runs, one validator is killed; afterwards it is back and nothing of the chain is lost."""
    before = {node["name"]: node for node in instance.status()["nodes"]}
    killed: list[float] = []

    def kill() -> None:
        os.kill(before[VICTIM]["pid"], signal.SIGKILL)
        killed.append(time.monotonic())

    timer = threading.Timer(INTO_THE_WORK, kill)
    timer.start()
    try:
        yield
    finally:
        timer.join()
    story.chapter("一个验证节点在上链途中被强制终止", "One validator was killed in the middle of that")
    story.say(f"kill -9 {before[VICTIM]['pid']}（{VICTIM}）", "the process is gone at once, whatever it was doing")
    wait_for(lambda: _back(instance, before[VICTIM]), f"{VICTIM} is back")
    now = {node["name"]: node for node in instance.status()["nodes"]}
    story.expect(
        bool(killed) and now[VICTIM]["restarts"] > before[VICTIM]["restarts"],
        f"守护进程已将其重启，新进程 {now[VICTIM]['pid']}",
        "the supervisor brought it back by itself",
        now[VICTIM],
    )
    wait_for(lambda: _agree(instance.status()), "one head on every node")
    story.expect(
        min(node["head"] for node in instance.status()["nodes"]) > before["writer-1"]["head"],
        "各节点的区块与状态一致，出块未中断",
        "every node has the same block and state root, and the chain went on",
        now,
    )


def _back(instance: NetworkInstance, before: dict[str, Any]) -> bool:
    node = next(node for node in instance.status()["nodes"] if node["name"] == VICTIM)
    return bool(node["answers"] and node["pid"] != before["pid"] and node["peers"])


def _agree(status: dict[str, Any]) -> bool:
    nodes = status["nodes"]
    return status["up"] and len({(node["hash"], node["stateRoot"]) for node in nodes}) == 1
