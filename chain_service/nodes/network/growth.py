"""A trial chain becomes a network: the same blocks, then more signers; nothing is anchored again."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from eth_keys.datatypes import PrivateKey

from chain_service.errors import BadRequest, Conflict, Corrupt, Unavailable
from chain_service.files import move
from chain_service.nodes.embedded.blocks.genesis import KEY_FILE, RETIRED_KEY_FILE, TrialGenesis, unlock
from chain_service.nodes.embedded.export import export
from chain_service.nodes.embedded.node import Node
from chain_service.nodes.network.create import Plan, create
from chain_service.nodes.network.descriptor import DESCRIPTOR_FILE, NETWORK_FILE, Network, load
from chain_service.nodes.network.engines import geth
from chain_service.nodes.network.engines.engine import engine_of
from chain_service.nodes.network.rpc import call
from chain_service.nodes.network.running import control
from chain_service.nodes.network.votes import propose

_IMPORT_SECONDS = 6 * 3600


@dataclass(frozen=True)
class StoppedTrialChain:
    """A stopped trial chain."""

    directory: Path
    genesis: TrialGenesis
    key: PrivateKey
    head: int
    head_hash: str


@dataclass(frozen=True)
class GrownChain:
    """A trial chain that goes on in `network`, from the block `head` on."""

    network: Network
    head: int
    head_hash: str
    retired_key: Path


def grow(
    trial: Path, password: str, directory: Path, plan: Plan, *, cache: Path, binary: Path | None,
    tell: control.Tell = control.unheard,
) -> GrownChain:  # fmt: skip
    """The chain in `trial` goes on in new nodes in `directory`, which run; the first of them seals it.

    The first seals with the trial chain's key; `vote_in` brings the others in. The trial chain's key file is set aside
    as `sealing-key.json.retired`, so that nobody seals a second history. When it fails nothing has changed. Raises
    Conflict (`chain_in_use`: the trial chain runs; it has unsealed transactions), BadRequest, Unavailable.
    """
    if not engine_of(plan.engine).GROWS_FROM_TRIAL:
        raise BadRequest("only go-ethereum can continue a Clique chain: --engine geth", code="usage", field="--engine")
    if plan.authority or plan.validators < 1:
        raise BadRequest("a grown network needs at least one validator", code="usage", field="--validators")
    program = geth.program(cache, binary, tell)
    node = Node.open(trial, password)  # never started: nobody else seals while it is held
    try:
        stopped = _stopped(node, password)
        network = _take_over(stopped, directory, plan, program, cache, tell)
        move(trial / KEY_FILE, trial / RETIRED_KEY_FILE)
    finally:
        node.close()
    return GrownChain(network, stopped.head, stopped.head_hash, trial / RETIRED_KEY_FILE)


def _stopped(node: Node, password: str) -> StoppedTrialChain:
    """The trial chain, in which nothing waits. Raises Unauthorised, Conflict, BadRequest."""
    if len(node.pool):
        raise Conflict(
            f"{len(node.pool)} transactions wait in the trial chain; let `chain-service chain run` seal them first"
        )
    if node.genesis.period < 1:
        raise BadRequest(
            "this trial chain was made with block_period 0, and go-ethereum seals no empty blocks in such a chain: a "
            "network cannot go on with it"
        )
    head, key = node.history.head, unlock(node.directory, password, node.genesis)
    return StoppedTrialChain(node.directory, node.genesis, key, head.number, "0x" + bytes(head.hash).hex())


def _take_over(
    stopped: StoppedTrialChain, directory: Path, plan: Plan, program: Path, cache: Path, tell: control.Tell
) -> Network:  # fmt: skip
    """New nodes that hold every block and run; nothing is left of them if that fails."""
    existed = directory.exists()
    network = _make(stopped, directory, plan)
    try:
        tell(f"importing {stopped.head} blocks 正在导入 {stopped.head} 个区块")
        _import(program, stopped, directory, network)
        control.up(directory, cache=cache, geth=program, tell=tell)
        _check_head(stopped, directory, network)
    except BaseException:
        control.down(directory)
        for made in (directory,) if not existed else [directory / node.name for node in network.nodes]:
            shutil.rmtree(made)
        for name in (NETWORK_FILE, DESCRIPTOR_FILE):
            (directory / name).unlink(missing_ok=True)
        raise
    return network


def _check_head(stopped: StoppedTrialChain, directory: Path, network: Network) -> None:
    """Every own node has the trial chain's last block. Raises Corrupt."""
    for node in network.own(directory):
        door = geth.endpoint(directory / node.name, node)
        block = call(door, "eth_getBlockByNumber", hex(stopped.head), False)
        if block is None or block["hash"] != stopped.head_hash:
            raise Corrupt(f"{node.name} does not have the trial chain's block {stopped.head}, {stopped.head_hash}")


def vote_in(directory: Path, tell: control.Tell = control.unheard) -> None:
    """All own validators of the network seal. Raises Unavailable with the way to go on."""
    network = load(directory / NETWORK_FILE)
    for node in network.validators[1:]:
        tell(f"voting {node.name} in 正在表决加入 {node.name}")
        if not propose(directory, node.address, add=True)["changed"]:
            raise Unavailable(
                f"{node.name} is not voted in yet; go on with `network propose --add {node.address}`",
                code="network_stalled",
            )


def _make(stopped: StoppedTrialChain, directory: Path, plan: Plan) -> Network:
    """The nodes' files, with the trial chain's genesis."""
    genesis = stopped.genesis
    grown = replace(
        plan,
        chain_id=genesis.chain_id,
        period=genesis.period,
        epoch=genesis.epoch,
        timestamp=genesis.timestamp,
        funded=tuple("0x" + address.hex() for address, _ in genesis.balances),
    )
    return create(
        directory, grown, genesis=json.dumps(genesis.document(), indent=1), first_key=stopped.key
    )  # fmt: skip


def _import(binary: Path, stopped: StoppedTrialChain, directory: Path, network: Network) -> None:
    """Every own node holds all blocks: the first imports them, the others copy its database."""
    first = directory / network.validators[0].name
    geth.initialise(binary, first)
    if stopped.head:
        with TemporaryDirectory(prefix="blocks-", dir=directory) as aside:
            blocks = Path(aside) / "chain.rlp"
            export(stopped.directory, blocks)
            words = [str(binary), "--datadir", "data", "--gcmode", "archive", "--state.scheme", "hash"]
            geth.run([*words, "import", str(blocks.resolve())], first, _IMPORT_SECONDS)
    for node in network.own(directory):
        if node.name != first.name:
            source, target = first / "data" / "geth", directory / node.name / "data" / "geth"
            target.parent.mkdir(mode=0o700, exist_ok=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("LOCK", "nodekey", "nodes"))
