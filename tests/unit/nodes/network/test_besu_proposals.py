"""`network propose` on Besu, against loopback servers that answer as the validators of a small QBFT chain do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chain_service.core.chainproof import qbft
from chain_service.core.chainproof.consensus import QBFT
from chain_service.core.chainproof.headers import NO_OMMERS
from chain_service.core.encoding import rlp
from chain_service.nodes.network.descriptor import Network
from chain_service.nodes.network.running.status import status
from chain_service.nodes.network.votes import propose

NEW = "0x" + "ee" * 20
NAMES = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty",
    "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce", "baseFeePerGas",
)  # fmt: skip
NUMBERS = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas"}


class Chain:
    """Blocks that the validators propose in turn, each with its proposer's pending vote; one more at every look."""

    def __init__(self, validators: list[str]) -> None:
        self.validators = sorted(validators)
        self.pending: dict[str, dict[str, bool]] = {address: {} for address in validators}
        self.cast: dict[str, bool] = {}
        self.blocks: list[dict[str, Any]] = []
        self.lock = threading.Lock()

    def answer(self, address: str, method: str, params: list[Any]) -> Any:
        with self.lock:
            if method == "qbft_proposeValidatorVote":
                self.pending[address][params[0]] = params[1]
                return True
            if method == "qbft_discardValidatorVote":
                self.pending[address].pop(params[0], None)
                return True
            if method == "qbft_getPendingVotes":
                return dict(self.pending[address])
            self.grow()
            if method == "qbft_getValidatorsByBlockNumber":
                return self.validators
            if method == "eth_blockNumber":
                return hex(len(self.blocks))
            if method == "net_peerCount":
                return hex(3)
            assert method == "eth_getBlockByNumber"
            return self.blocks[-1 if params[0] == "latest" else int(params[0], 16) - 1]

    def grow(self) -> None:
        number = len(self.blocks) + 1
        proposer = self.validators[number % len(self.validators)]
        wanted = self.pending.get(proposer, {}).get(NEW)
        vote = None
        if wanted is not None and self.cast.get(proposer) != wanted and wanted != (NEW in self.validators):
            vote = (bytes.fromhex(NEW[2:]), wanted)
        listed = tuple(bytes.fromhex(address[2:]) for address in self.validators)
        extra = qbft.QbftExtra(bytes(32), listed, vote, 0, ()).encode(round_=0)
        fields = [
            bytes(32), NO_OMMERS, bytes.fromhex(proposer[2:]), bytes(32), bytes(32), bytes(32), bytes(256), b"\x01",
            rlp.integer_bytes(number), b"\x01", b"", rlp.integer_bytes(1_700_000_000 + number), extra,
            qbft.BFT_MIX_HASH, bytes(8), b"",
        ]  # fmt: skip
        block: dict[str, Any] = {
            name: hex(int.from_bytes(field, "big")) if name in NUMBERS else "0x" + field.hex()
            for name, field in zip(NAMES, fields, strict=True)
        }
        self.blocks.append(block | {"hash": "0x" + QBFT.block_hash(rlp.encode(fields)).hex()})
        if vote is not None:
            self.cast[proposer] = vote[1]
        if sum(self.cast.values()) > len(self.validators) // 2:
            self.validators, self.cast = sorted([*self.validators, NEW]), {}


@pytest.fixture
def served(network_of, tmp_path) -> Iterator[tuple[Path, Network, Chain]]:
    """A directory with the network's description, and a door for each node; no node is ours yet."""
    network = network_of(4)
    chain = Chain([node.address for node in network.validators])
    servers, nodes = [], []
    for node in network.nodes:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler(chain, node.address))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        nodes.append(replace(node, rpc_port=server.server_address[1]))
    network = replace(network, nodes=tuple(nodes))
    (tmp_path / "network.toml").write_text(network.to_toml())
    yield tmp_path, network, chain
    for server in servers:
        server.shutdown()
        server.server_close()


def handler(chain: Chain, address: str) -> type[BaseHTTPRequestHandler]:
    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told = json.dumps({"id": 1, "result": chain.answer(address, asked["method"], asked["params"])}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Door


def own(directory: Path, *names: str) -> None:
    """The keys of these nodes are in the directory; what they are is not asked."""
    for name in names:
        (directory / name).mkdir()
        (directory / name / "key").write_text("")


def test_a_validator_is_voted_in_by_more_than_half(served) -> None:
    directory, _, chain = served
    own(directory, "validator-1", "validator-2", "validator-3")
    told = propose(directory, NEW, add=True, timeout=20)
    assert (told["changed"], told["missing"]) == (True, 0)
    assert NEW in told["validators"]
    assert not any(chain.pending.values())


def test_too_few_own_votes_stand_in_blocks_before_they_are_withdrawn(served) -> None:
    directory, network, chain = served
    own(directory, "validator-1")
    told = propose(directory, NEW, add=True, timeout=20)
    assert (told["changed"], told["votes"], told["missing"]) == (False, 1, 2)
    assert chain.cast == {network.node("validator-1").address: True}
    assert not any(chain.pending.values())


def test_what_another_authority_voted_counts_and_does_not_end_the_own_vote_early(served) -> None:
    directory, network, chain = served
    own(directory, "validator-2")
    chain.answer(network.node("validator-1").address, "qbft_proposeValidatorVote", [NEW, True])
    while not chain.cast:
        chain.answer("", "eth_blockNumber", [])
    told = propose(directory, NEW, add=True, timeout=20)
    assert (told["changed"], told["votes"], told["missing"]) == (False, 2, 1)


def test_the_status_names_the_proposers_of_the_last_blocks(served) -> None:
    directory, network, chain = served
    own(directory, "validator-1")
    for _ in range(3):
        chain.grow()
    told = status(directory)
    names = {node.address: node.name for node in network.validators}
    assert len(told["signers"]) > 1
    assert all(one["name"] == names[one["address"]] for one in told["signers"])
