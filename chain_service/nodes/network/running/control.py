"""up, down: the own nodes of a network run under a supervisor, or none of them does."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from chain_service.core.encoding.answers import answer
from chain_service.errors import Conflict, Unavailable
from chain_service.nodes.network.descriptor import NETWORK_FILE, Network, NodeDescriptor, load
from chain_service.nodes.network.engines.engine import engine_of
from chain_service.nodes.network.rpc import call
from chain_service.nodes.network.running.ledger import Ledger
from chain_service.nodes.network.running.processes import Process
from chain_service.nodes.network.running.supervisor import GRACE

_LOOK = 0.1
_LAUNCH = 20
Tell = Callable[[str], None]


@answer
class RunningNodes:
    """Nodes that run, and the block that was sealed since."""

    directory: str
    nodes: tuple[str, ...]
    started: tuple[str, ...]
    """Those that did not run before, or were restarted."""
    block: int
    seconds: float
    """How long it took."""
    rpc_urls: tuple[str, ...]


@answer
class StoppedNodes:
    """A network's directory, and its nodes that run no more."""

    directory: str
    stopped: tuple[str, ...]
    """Those that ran before."""


def unheard(_text: str) -> None:
    """Nobody listens to what is going on."""


def up(
    directory: Path, names: Sequence[str] = (), *, cache: Path, geth: Path | None = None, timeout: float = 60,
    tell: Tell = unheard,
) -> RunningNodes:  # fmt: skip
    """The named nodes run, by default all own ones, and a new block has been sealed since and reached each of them.

    What runs already is left alone, but a node that is named is restarted. `cache` keeps the engine's program; `geth`
    is one to use instead. Raises BadRequest (`host`), NotFound, Unavailable (`no_engine`; `network_stalled` when
    nothing is sealed within `timeout` seconds; the nodes keep running then).
    """
    network = load(directory / NETWORK_FILE)
    nodes = _chosen(directory, network, names)
    engine = engine_of(network.engine)
    binary = engine.program(cache, geth, tell)
    for node in nodes:  # made by a program before this one, or by names whose addresses have changed since
        engine.configure(directory / node.name, network, node)
    ledger = Ledger(directory)
    ledger.make()
    before = ledger.running()
    for name in names:
        if name in before:
            _restart(ledger, name, before[name])
    supervisor = ledger.supervisor()
    ledger.want((ledger.wanted() if supervisor else set()) | {node.name for node in nodes})
    if supervisor is None:
        _launch(directory, ledger, binary)
    began = time.monotonic()
    block = _wait_for_block(directory, network, nodes, began + timeout)
    return RunningNodes(
        directory=str(directory),
        nodes=tuple(node.name for node in nodes),
        started=tuple(node.name for node in nodes if node.name not in before or node.name in names),
        block=block,
        seconds=round(time.monotonic() - began, 1),
        rpc_urls=network.rpc_urls,
    )


def down(directory: Path, names: Sequence[str] = ()) -> StoppedNodes:
    """The named nodes do not run, by default none that `up` started; others keep running.

    Each gets one interrupt and a minute to write its state. Raises NotFound, Unavailable (`network_stalled`).
    """
    network = load(directory / NETWORK_FILE)
    chosen = {node.name for node in _chosen(directory, network, names)} if names else set()
    ledger = Ledger(directory)
    running = ledger.running()
    supervisor = ledger.supervisor()
    if chosen and supervisor is not None:
        ledger.want(ledger.wanted() - chosen)
        stopped = {name: process for name, process in running.items() if name in chosen}
    elif supervisor is not None:
        ledger.want(())
        supervisor.signal(signal.SIGTERM)
        supervisor.signal(signal.SIGCONT)
        stopped = running
        if not supervisor.wait(GRACE + 10):
            raise Unavailable(f"the supervisor {supervisor.pid} does not end", code="network_stalled")
    else:
        stopped = {name: process for name, process in running.items() if not chosen or name in chosen}
        for process in stopped.values():
            process.signal(signal.SIGINT)
            process.signal(signal.SIGCONT)
    late = [name for name, process in stopped.items() if not process.wait(GRACE + 10)]
    if late:
        raise Unavailable(f"still running: {', '.join(late)}", code="network_stalled")
    return StoppedNodes(str(directory), tuple(sorted(stopped)))


def _chosen(directory: Path, network: Network, names: Sequence[str]) -> list[NodeDescriptor]:
    own = network.own(directory)
    if not names:
        return list(own)
    nodes = [network.node(name) for name in dict.fromkeys(names)]
    for node in nodes:
        if node not in own:
            raise Conflict(f"{node.name} is another authority's node: its keys are not in {directory}")
    return nodes


def _restart(ledger: Ledger, name: str, process: Process) -> None:
    """The node's process is gone; whoever keeps it starts another."""
    if ledger.supervisor():
        ledger.want(ledger.wanted() - {name})
    else:
        process.signal(signal.SIGINT)
    if not process.wait(GRACE):
        raise Unavailable(f"{name} does not stop", code="network_stalled")


def _launch(directory: Path, ledger: Ledger, binary: Path) -> None:
    """A supervisor runs, in a session of its own."""
    with ledger.log.open("ab") as log:
        subprocess.run(  # noqa: S603 - ourselves; it detaches at once
            [sys.executable, "-m", "chain_service.nodes.network", str(directory.resolve()), str(binary)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, check=False,
        )  # fmt: skip
    end = time.monotonic() + _LAUNCH
    while ledger.supervisor() is None:
        if time.monotonic() > end:
            raise Unavailable(f"the supervisor did not start; see {ledger.log}", code="network_stalled")
        time.sleep(_LOOK)


def _wait_for_block(directory: Path, network: Network, nodes: Sequence[NodeDescriptor], end: float) -> int:
    """The number of a block that no own node had at the first look, now known to all of `nodes`."""
    engine = engine_of(network.engine)
    doors = {node.name: engine.endpoint(directory / node.name, node) for node in network.own(directory)}
    waited = {node.name for node in nodes}
    first: int | None = None
    heads: dict[str, int] = {}
    while time.monotonic() < end:
        heads = _heads({name: door for name, door in doors.items() if first is None or name in waited})
        if waited <= heads.keys():
            first = max(heads.values()) if first is None else first
            least = min(heads[name] for name in waited)
            if least > first:
                return least
        time.sleep(_LOOK)
    silent = sorted(waited - heads.keys())
    reason = f"no answer from {', '.join(silent)}" if silent else "no new block reached every node"
    raise Unavailable(
        f"{reason}; the nodes keep running. More than half of the validators have to be up: see `network status` and "
        f"{directory}/NODE/log",
        code="network_stalled",
    )


def _heads(doors: dict[str, str]) -> dict[str, int]:
    """Block numbers of those that answer."""
    heads = {}
    for name, door in doors.items():
        try:
            heads[name] = int(call(door, "eth_blockNumber"), 16)
        except Unavailable:
            continue
    return heads
