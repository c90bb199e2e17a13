"""A network simulated on one trial chain: its blocks, sealed again by several validators of either consensus.

The state is the trial chain's, so contracts, proofs and events are real; headers, hashes and seals are the simulated
validators'. Every node is a view of its own: it may lag, be on another branch, hide, lie, swallow or be silent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from eth_utils.address import to_checksum_address

from chain_service.chain.deployment import Deployment
from chain_service.chain.rpc import Rpc, RpcError
from chain_service.core.chainproof.clique_votes import Signers
from chain_service.core.chainproof.consensus import CLIQUE, QBFT
from chain_service.core.chainproof.qbft import BFT_MIX_HASH, QbftExtra, quorum_size
from chain_service.core.chainproof.trust import ChainTrust, ValidatorRange
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.nodes.embedded.node import Node
from support.chains.clique_simulator import HEADER_FIELDS, INTEGERS, Validator, strings_of, validators
from support.chains.lying_node import http_server

MINE_EVERY = 0.1
REPLACED = ("parentHash", "miner", "difficulty", "extraData", "mixHash", "nonce")
MAIN = b""


@dataclass
class Resealed:
    """The chain as its validators sealed it, by branch; a branch is what its blocks have in their vanity."""

    node: Node
    rpc: Rpc
    consensus: str
    among: list[Validator]
    votes: dict[int, tuple[bytes, bool]] = field(default_factory=dict)
    """Clique: by number, the address that its sealer votes on and whether to add it."""
    sets: dict[int, list[Validator]] = field(default_factory=dict)
    """QBFT: who may seal from this number on."""
    at_work: list[Validator] | None = None
    """Clique: who seals in turn from now on; all if None."""
    forks: dict[bytes, int] = field(default_factory=dict)
    """The first block of each branch but the main one."""
    strangers: list[Validator] = field(default_factory=list)
    _raws: dict[bytes, list[bytes]] = field(default_factory=dict)
    _signers: list[Signers] = field(default_factory=list)
    _told: dict[int, dict[str, Any]] = field(default_factory=dict)
    _sealers: list[bytes] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def raw(self, number: int, branch: bytes = MAIN) -> bytes:
        """The header of this height on this branch."""
        with self._lock:
            if branch != MAIN and number < self.forks[branch]:
                return self.raw(number)
            made = self._raws.setdefault(branch, [])
            while len(made) <= number - self.forks.get(branch, 0):
                at = self.forks.get(branch, 0) + len(made)
                made.append(self._seal(at, branch))
            return made[number - self.forks.get(branch, 0)]

    def told(self, number: int) -> dict[str, Any]:
        """The trial chain's block of this height, which never changes."""
        if number not in self._told:
            self._told[number] = self.rpc.call("eth_getBlockByNumber", hex(number), False)
        return self._told[number]

    def hash(self, number: int, branch: bytes = MAIN) -> bytes:
        raw = self.raw(number, branch)
        return QBFT.block_hash(raw) if self.consensus == "qbft" and number else keccak256(raw)

    def _seal(self, number: int, branch: bytes) -> bytes:
        told = self.told(number)
        fields = [
            rlp.integer_bytes(int(told[name], 16)) if name in INTEGERS else bytes.fromhex(told[name][2:])
            for name in HEADER_FIELDS[:15]
        ]
        fields[0] = self.hash(number - 1, branch) if number else bytes(32)
        vanity = branch.ljust(32, b"\0")
        return (self._qbft if self.consensus == "qbft" else self._clique)(number, fields, vanity)

    def _clique(self, number: int, fields: list[bytes], vanity: bytes) -> bytes:
        fields[2], fields[13], fields[14] = bytes(20), bytes(32), bytes(8)
        everyone = {one.address: one for one in (*self.among, *self.strangers)}
        if number == 0:
            addresses = [one.address for one in self.among]
            fields[7], fields[12] = b"\x01", vanity + b"".join(addresses) + bytes(65)
            self._signers.append(Signers(tuple(addresses)))
            self._sealers.append(b"")
            return rlp.encode(fields)
        before = self._signers[number - 1]
        ready = [one for one in before.addresses if self.at_work is None or everyone[one] in self.at_work]
        recent = self._sealers[max(1, number - len(before.addresses) // 2) : number]
        in_order = ready[number % len(ready) :] + ready
        sealer = everyone[next((one for one in in_order if one not in recent), in_order[0])]
        in_turn = number % len(before.addresses) == before.addresses.index(sealer.address)
        fields[7], fields[12] = (b"\x02" if in_turn else b"\x01"), vanity
        if number in self.votes:
            fields[2], fields[14] = self.votes[number][0], b"\xff" * 8 if self.votes[number][1] else bytes(8)
        raw = rlp.encode(sealer.seal(fields))
        if number == len(self._signers):
            trust = ChainTrust(0, b"", (ValidatorRange(0, before.addresses),), {})
            self._signers.append(before.after(CLIQUE.sealed_header(raw, before.addresses, trust)))
            self._sealers.append(sealer.address)
        return raw

    def _qbft(self, number: int, fields: list[bytes], vanity: bytes) -> bytes:
        among = next((who for first, who in sorted(self.sets.items(), reverse=True) if first <= number), self.among)
        fields[2], fields[7], fields[13], fields[14] = among[0].address, b"\x01", BFT_MIX_HASH, bytes(8)
        extra = QbftExtra(vanity, tuple(one.address for one in among), None, 0, ())
        fields[12] = extra.encode(round_=0)
        if number == 0:
            fields[2] = bytes(20)
            return rlp.encode(fields)
        digest = keccak256(rlp.encode(fields))
        seals = [one.key.sign_recoverable(digest, hasher=None) for one in among[-quorum_size(len(among)) :]]
        fields[12] = extra.encode(round_=0, seals=seals)
        return rlp.encode(fields)

    def deployment(self, trial: Deployment) -> Deployment:
        """The trial chain's deployment as it would be on this chain."""
        return replace(
            trial,
            genesis_hash=keccak256(self.raw(0)),
            consensus=self.consensus,
            validators=((0, tuple(to_checksum_address(one.address) for one in self.among)),),
            headers=((0, 15),),
        )

    @property
    def newest(self) -> int:
        return int(self.node.history.head.number)

    def mine(self, blocks: int = 1) -> None:
        """More blocks, with whatever waits in the pool."""
        for _ in range(blocks):
            self.node.seal_block(int(time.time()))

    @contextmanager
    def mining(self) -> Iterator[None]:
        """Blocks come by themselves meanwhile."""
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(MINE_EVERY):
                self.mine()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


Alter = Callable[[str, Any], Any]


@dataclass
class View:
    """One node of the network; its fields may be changed at any time."""

    chain: Resealed
    branch: bytes = MAIN
    lag: int = 0
    newest: int | None = None
    """No newer block than this one; None for all but `lag`."""
    alter: Alter | None = None
    swallows: bool = False
    """It takes transactions, says from then on that it knows them, and tells nobody."""
    down: bool = False
    taken: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    def answer(self, body: bytes) -> tuple[int, bytes]:
        if self.down:
            return 503, b"down"
        asked = orjson.loads(body)
        told = [self._one(one) for one in (asked if isinstance(asked, list) else [asked])]
        return 200, orjson.dumps(told if isinstance(asked, list) else told[0])

    def _one(self, request: dict[str, Any]) -> dict[str, Any]:
        method, params = request["method"], request["params"]
        self.asked.append(method)
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            result = self._result(method, params)
        except RpcError as error:
            return reply | {"error": {"code": error.rpc_code, "message": error.reason, "data": error.data}}
        return reply | {"result": result if self.alter is None else self.alter(method, result)}

    def _result(self, method: str, params: list[Any]) -> Any:
        head = self._head()
        if method == "eth_blockNumber":
            return hex(head)
        if method == "eth_getBlockByNumber":
            number = head if params[0] == "latest" else int(params[0], 16)
            return None if number > head else self._block(number)
        if method == "eth_getProof" and int(params[2], 16) > head:
            raise RpcError(method, -32000, "header not found")
        if method == "eth_sendRawTransaction":
            if self.swallows and params[0] in self.taken:
                raise RpcError(method, -32000, "already known")
            self.taken.append(params[0])
            if self.swallows:
                return "0x" + keccak256(bytes.fromhex(params[0][2:])).hex()
        if method == "eth_getTransactionCount" and params[1] == "latest":
            params = [params[0], hex(head)]
        return self._translated(method, self.chain.rpc.call(method, *params), head)

    def _head(self) -> int:
        head = self.chain.newest - self.lag
        return max(0, head if self.newest is None else min(head, self.newest))

    def _block(self, number: int) -> dict[str, Any]:
        told = dict(self.chain.told(number))
        values = strings_of(self.chain.raw(number, self.branch))
        for name, value in zip(HEADER_FIELDS, values, strict=False):
            if name in REPLACED:
                told[name] = hex(int.from_bytes(value, "big")) if name in INTEGERS else "0x" + value.hex()
        return told | {"hash": "0x" + self.chain.hash(number, self.branch).hex()}

    def _translated(self, method: str, result: Any, head: int) -> Any:
        """Blocks' hashes are this branch's; what is in blocks that the node does not have is not there."""
        if method == "eth_getLogs":
            return [self._at_home(one) for one in result if int(one["blockNumber"], 16) <= head]
        if method in ("eth_getTransactionReceipt", "eth_getTransactionByHash") and result is not None:
            if result["blockNumber"] is not None and int(result["blockNumber"], 16) > head:
                return None
            return self._at_home(result)
        return result

    def _at_home(self, one: dict[str, Any]) -> dict[str, Any]:
        if one["blockNumber"] is None:
            return one
        return {**one, "blockHash": "0x" + self.chain.hash(int(one["blockNumber"], 16), self.branch).hex()}


@contextmanager
def network_of(
    node: Node, rpc: Rpc, nodes: int, consensus: str = "clique", count: int = 4, strangers: int = 0
) -> Iterator[tuple[Resealed, list[View], Rpc]]:
    """The chain behind a node whose own sealing is stopped, resealed; so many views of it, and a client of them all."""
    everyone = validators(count + strangers)
    among, others = split(everyone, count)
    chain = Resealed(node, rpc, consensus, among, strangers=others)
    views = [View(chain) for _ in range(nodes)]
    with ExitStack() as stack:
        urls = [stack.enter_context(http_server(view.answer)) for view in views]
        for view, url in zip(views, urls, strict=True):
            view.urls.append(url)
        yield chain, views, stack.enter_context(Rpc(urls, timeout=3.0))


def split(everyone: Sequence[Validator], count: int) -> tuple[list[Validator], list[Validator]]:
    """The first so many, and the others; both ascending."""
    return list(everyone[:count]), list(everyone[count:])
