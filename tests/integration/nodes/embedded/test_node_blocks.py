"""Blocks: real one-signer Clique, on time, readable for ever."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
import rlp
from eth_keys.datatypes import Signature
from tiny_keccak import keccak256
from trial_chain import KEEPER, Chain, Opener

HEADER = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty",
    "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce",
)  # fmt: skip
NUMBERS = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp"}


class Clock:
    """The clock of one chain; it stands still unless it is set. Genesis, made a moment later, is of the real time."""

    def __init__(self, ahead: float = 1) -> None:
        self.now = time.time() + ahead
        self.asked = 0

    def __call__(self) -> float:
        self.asked += 1
        return self.now


def header_bytes(block: dict[str, str]) -> list[bytes]:
    fields = []
    for name in HEADER:
        text = block[name][2:]
        fields.append(int(text, 16).to_bytes(32).lstrip(b"\0") if name in NUMBERS else bytes.fromhex(text))
    return fields


def signer_of(block: dict[str, str]) -> bytes:
    fields = header_bytes(block)
    extra = fields[12]
    digest = keccak256(rlp.encode([*fields[:12], extra[:-65], *fields[13:]]))
    return Signature(extra[-65:]).recover_public_key_from_msg_hash(digest).to_canonical_address()


def test_every_header_hashes_to_its_hash_and_is_sealed_by_the_signer(open_chain: Opener) -> None:
    chain = open_chain(epoch=3)
    for _ in range(7):
        chain.mine(chain.send())
    blocks = [chain.call("eth_getBlockByNumber", hex(n), False) for n in range(8)]
    for number, block in enumerate(blocks):
        assert "0x" + keccak256(rlp.encode(header_bytes(block))).hex() == block["hash"]
        assert int(block["number"], 16) == number
        if number:
            assert block["parentHash"] == blocks[number - 1]["hash"]
            assert signer_of(block) == chain.genesis.signer
            assert block["difficulty"] == "0x2"
            assert block["totalDifficulty"] == hex(1 + 2 * number)
        extra = bytes.fromhex(block["extraData"][2:])
        assert extra[32:-65] == (chain.genesis.signer if number % 3 == 0 else b"")
        assert block["miner"] == "0x" + "00" * 20
        assert block["nonce"] == "0x" + "00" * 8
        assert block["mixHash"] == "0x" + "00" * 32
        assert block["gasLimit"] == hex(chain.genesis.gas_limit)


def test_fees_go_to_the_signer(chain: Chain) -> None:
    chain.mine(chain.send(gasPrice=7))
    assert chain.call("eth_getBalance", "0x" + chain.genesis.signer.hex()) == hex(7 * 21_000)
    assert chain.call("eth_getBalance", "0x" + "00" * 20) == "0x0"


def test_blocks_are_found_by_number_hash_and_tag(chain: Chain) -> None:
    receipt = chain.mine(chain.send())
    block = chain.call("eth_getBlockByNumber", receipt["blockNumber"], False)
    assert chain.call("eth_getBlockByHash", receipt["blockHash"], False) == block
    assert chain.call("eth_getBlockByNumber", "latest", False) == block
    assert chain.call("eth_getBlockByNumber", "earliest", False)["number"] == "0x0"
    assert block["transactions"] == [receipt["transactionHash"]]
    full = chain.call("eth_getBlockByNumber", "latest", True)["transactions"]
    assert full == [chain.call("eth_getTransactionByHash", receipt["transactionHash"])]
    assert chain.call("eth_getBlockByNumber", "0x99", False) is None
    assert chain.call("eth_getBlockByHash", "0x" + "00" * 32, False) is None
    assert chain.call("eth_getBlockByNumber", "pending", False) is None


@pytest.mark.parametrize("tag", ["finalized", "safe"])
def test_clique_knows_no_finalized_block(chain: Chain, tag: str) -> None:
    assert chain.error("eth_getBlockByNumber", tag, False)["code"] == -32000
    assert chain.error("eth_getBalance", chain.account.address, tag)["code"] == -32000


def test_the_block_size_is_that_of_its_rlp(chain: Chain) -> None:
    chain.mine(chain.send())
    block = chain.call("eth_getBlockByNumber", "0x1", False)
    raw = chain.node.history.mined_in(1)[0].transaction.raw
    assert int(block["size"], 16) == len(rlp.encode([header_bytes(block), [rlp.decode(raw)], []]))


def test_state_at_every_old_block_stays_readable(chain: Chain) -> None:
    keeper = chain.deploy(KEEPER)
    seen = {}
    for value in range(1, 6):
        data = "0x60fe47b1" + value.to_bytes(32).hex()
        receipt = chain.mine(chain.send(to=keeper, data=data, gas=100_000))
        seen[receipt["blockNumber"]] = (value, receipt["blockHash"])
    for number, (value, digest) in seen.items():
        word = "0x" + value.to_bytes(32).hex()
        for tag in (number, {"blockNumber": number}, {"blockHash": digest, "requireCanonical": True}):
            assert chain.call("eth_getStorageAt", keeper, "0x0", tag) == word
            assert chain.call("eth_call", {"to": keeper, "data": "0x6d4ce63c"}, tag) == word
            assert chain.call("eth_getProof", keeper, ["0x0"], tag)["storageProof"][0]["value"] == hex(value)
        assert chain.call("eth_getTransactionCount", chain.account.address, number) == hex(int(number, 16))
    assert chain.call("eth_getCode", keeper, "0x0") == "0x"
    assert len(chain.call("eth_getCode", keeper, "latest")) > 2
    assert chain.error("eth_getBalance", keeper, "0x999")["message"] == "header not found"


def test_with_a_period_blocks_keep_their_distance_and_never_run_ahead(open_chain: Opener) -> None:
    chain = open_chain(period=1)
    began = time.monotonic()
    while chain.node.history.head.number < 4 and time.monotonic() - began < 120:
        chain.send()
        assert chain.node.history.head.header.timestamp <= time.time()
        time.sleep(0.05)
    head = chain.node.history.head.number
    times = [chain.node.history.block(n).header.timestamp for n in range(head + 1)]
    assert all(b - a >= 1 for a, b in pairwise(times))
    assert 4 <= head <= time.monotonic() - began + 2


def test_without_a_period_many_blocks_share_a_second(open_chain: Opener) -> None:
    clock = Clock()
    chain = open_chain(clock=clock)
    for _ in range(20):
        chain.mine(chain.send())
    times = {chain.node.history.block(n).header.timestamp for n in range(1, 21)}
    assert times == {int(clock.now)}


def test_without_transactions_only_the_heartbeat_makes_blocks(open_chain: Opener) -> None:
    clock = Clock(ahead=0)
    quiet, beating = open_chain(heartbeat=60, clock=clock), open_chain(heartbeat=1, clock=clock)
    begun = beating.node.history.head.header.timestamp
    for number in range(1, 4):
        clock.now = begun + number  # so long after the block before
        until = time.monotonic() + 120
        while beating.node.history.head.number < number and time.monotonic() < until:
            time.sleep(0.01)
        assert beating.node.history.head.number == number
    assert quiet.node.history.head.number == 0


def test_a_clock_set_back_stops_blocks_until_it_has_caught_up(
    open_chain: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    chain = open_chain(clock=clock)
    chain.mine(chain.send())
    clock.now -= 3600
    digest, before = chain.send(), clock.asked
    until = time.monotonic() + 120
    while clock.asked < before + 3 and time.monotonic() < until:
        time.sleep(0.01)
    assert chain.call("eth_getTransactionReceipt", digest) is None
    assert caplog.text.count("ahead of the clock") == 1
    clock.now += 3600
    chain.mine(digest)
