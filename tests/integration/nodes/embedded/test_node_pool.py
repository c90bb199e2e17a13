"""What waits for a block: taken durably, in order, refused with go-ethereum's words, dropped visibly."""

from __future__ import annotations

import time

import pytest
import rlp
from eth_account import Account
from tiny_keccak import keccak256
from trial_chain import DIVER, PASSWORD, WRITER, Chain, Opener

from chain_service.nodes.embedded.blocks import mempool, sealing
from chain_service.nodes.embedded.node import Node


@pytest.fixture
def idle(open_chain: Opener) -> Chain:
    """A chain that makes no blocks yet."""
    return open_chain(started=False)


def refusal(chain: Chain, raw: str) -> str:
    error = chain.error("eth_sendRawTransaction", raw)
    assert error["code"] == -32000
    return error["message"]


def test_the_answer_is_the_transaction_hash(idle: Chain) -> None:
    raw = idle.sign()
    digest = idle.call("eth_sendRawTransaction", raw)
    assert digest == "0x" + keccak256(bytes.fromhex(raw[2:])).hex()
    waiting = idle.call("eth_getTransactionByHash", digest)
    assert (waiting["blockNumber"], waiting["transactionIndex"]) == (None, None)
    assert idle.call("eth_getTransactionReceipt", digest) is None


def test_refusals_speak_like_go_ethereum(idle: Chain) -> None:
    idle.send()
    assert refusal(idle, idle.sign(nonce=0)) == "already known"
    assert refusal(idle, idle.sign(nonce=0, value=1)) == "replacement transaction underpriced"
    assert refusal(idle, idle.sign(nonce=1, gasPrice=0)).startswith("transaction underpriced")
    assert refusal(idle, idle.sign(nonce=1, gas=20_999)).startswith("intrinsic gas too low")
    assert refusal(idle, idle.sign(nonce=1, gas=idle.genesis.gas_limit + 1)) == "exceeds block gas limit"
    assert refusal(idle, idle.sign(nonce=1, chainId=1)).startswith("invalid sender: signed for chain id 1")
    assert refusal(idle, idle.sign(nonce=1, value=2**200)).startswith("insufficient funds for gas * price + value")
    assert refusal(idle, idle.sign(account=Account.create())).startswith("insufficient funds")
    assert refusal(idle, idle.sign(nonce=mempool.MAX_NONCE_GAP + 1)).startswith("nonce too high")
    assert refusal(idle, "0x02c0") == "transaction type not supported"
    fields = rlp.decode(bytes.fromhex(idle.sign(nonce=1)[2:]))
    fields[6] = b"\x1b"
    assert "replay-protected" in refusal(idle, "0x" + rlp.encode(fields).hex())


def test_a_mined_nonce_is_too_low(chain: Chain) -> None:
    raw = chain.sign()
    chain.mine(chain.call("eth_sendRawTransaction", raw))
    assert refusal(chain, raw) == "nonce too low: next nonce 1, tx nonce 0"


def test_what_waits_may_not_cost_more_than_the_sender_owns(idle: Chain) -> None:
    idle.send(value=2**200 - 50_000)
    assert refusal(idle, idle.sign(nonce=1, value=10_000)).startswith("insufficient funds")


def test_a_better_paid_twin_replaces_and_the_first_is_gone(idle: Chain) -> None:
    first = idle.call("eth_sendRawTransaction", idle.sign())
    second = idle.call("eth_sendRawTransaction", idle.sign(gasPrice=2))
    assert idle.call("eth_getTransactionByHash", first) is None
    idle.node.start()
    assert idle.mine(second)["status"] == "0x1"
    assert idle.call("eth_getTransactionReceipt", first) is None


def test_a_gap_waits_until_it_is_filled(chain: Chain) -> None:
    late = chain.call("eth_sendRawTransaction", chain.sign(nonce=2))
    middle = chain.call("eth_sendRawTransaction", chain.sign(nonce=1))
    time.sleep(0.3)
    assert chain.call("eth_getTransactionReceipt", late) is None
    assert chain.call("eth_getTransactionCount", chain.account.address, "pending") == "0x0"
    chain.call("eth_sendRawTransaction", chain.sign(nonce=0))
    assert int(chain.mine(late)["blockNumber"], 16) >= int(chain.mine(middle)["blockNumber"], 16)
    assert chain.call("eth_getTransactionCount", chain.account.address, "latest") == "0x3"


def test_the_pending_nonce_counts_what_waits(idle: Chain) -> None:
    for _ in range(3):
        idle.send()
    assert idle.call("eth_getTransactionCount", idle.account.address, "pending") == "0x3"
    assert idle.call("eth_getTransactionCount", idle.account.address, "latest") == "0x0"


def test_a_full_pool_refuses(idle: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mempool, "MAX_WAITING", 2)
    idle.send()
    idle.send()
    assert refusal(idle, idle.sign(nonce=2)) == "txpool is full"
    idle.call("eth_sendRawTransaction", idle.sign(nonce=1, gasPrice=2))  # a replacement needs no room


def test_what_waits_survives_closing(idle: Chain) -> None:
    digests = [idle.send() for _ in range(5)]
    idle.node.close()
    with Node.open(idle.directory, PASSWORD) as again:
        idle.node = again
        assert {idle.mine(digest)["status"] for digest in digests} == {"0x1"}


def test_the_better_paid_sender_goes_first_and_nonces_stay_in_order(idle: Chain) -> None:
    rich = Account.create()
    idle.node.start()
    idle.mine(idle.send(to=rich.address, value=10**9))
    idle.node.stop()
    cheap = [idle.send() for _ in range(3)]
    dear = [idle.call("eth_sendRawTransaction", idle.sign(account=rich, nonce=n, gasPrice=5)) for n in range(3)]
    idle.node.start()
    idle.mine(cheap[-1])
    assert idle.call("eth_getBlockByNumber", "latest", False)["transactions"] == dear + cheap


def test_what_the_sender_can_no_longer_pay_is_dropped_visibly(
    idle: Chain, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract cannot take an account's money, so the twin that spends it is put in behind the pool's back."""
    spender, poor = idle.account, Account.create()
    idle.node.start()
    idle.mine(idle.send(to=poor.address, value=100_000))
    idle.node.stop()
    first = idle.call("eth_sendRawTransaction", idle.sign(account=poor, nonce=0, value=50_000))
    with monkeypatch.context() as patch:
        patch.setattr(idle.node.pool, "_cost", {})
        second = idle.call("eth_sendRawTransaction", idle.sign(account=poor, nonce=1, value=60_000))
        idle.node.pool._load()
    idle.node.start()
    assert idle.mine(first)["status"] == "0x1"
    other = idle.send(to=spender.address)
    idle.mine(other)
    assert idle.call("eth_getTransactionByHash", second) is None
    assert f"dropped transaction {second}: insufficient funds" in caplog.text
    (row,) = idle.node._database.rows("SELECT hash, reason FROM dropped")
    assert "0x" + row[0].hex() == second


def test_a_twin_replaced_while_its_block_was_made_is_dropped_visibly(idle: Chain) -> None:
    first = idle.call("eth_sendRawTransaction", idle.sign())
    candidates = idle.node.pool.candidates()
    second = idle.call("eth_sendRawTransaction", idle.sign(gasPrice=2))
    idle.node.pool.candidates = lambda: candidates  # type: ignore[method-assign]
    idle.node.seal_block(int(time.time()))
    assert idle.call("eth_getTransactionReceipt", first)["status"] == "0x1"
    assert idle.call("eth_getTransactionByHash", second) is None
    assert idle.node._database.rows("SELECT reason FROM dropped") == [("nonce too low: 0 was mined",)]


def test_a_transaction_that_breaks_the_machine_is_dropped_and_the_rest_goes_on(
    idle: Chain, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = Account.create()
    idle.node.start()
    idle.mine(idle.send(to=other.address, value=10**9))
    idle.node.stop()
    bad = idle.send()
    good = idle.call("eth_sendRawTransaction", idle.sign(account=other, nonce=0))
    real = sealing.execute

    def fail(state, message):  # type: ignore[no-untyped-def]
        if "0x" + message.hash.hex() == bad:
            raise RecursionError
        return real(state, message)

    monkeypatch.setattr(sealing, "execute", fail)
    idle.node.start()
    assert idle.mine(good)["status"] == "0x1"
    assert idle.call("eth_getTransactionByHash", bad) is None
    assert "the virtual machine failed to execute it" in caplog.text


def test_blocks_respect_the_gas_limit(open_chain: Opener) -> None:
    chain = open_chain(started=False, gas_limit=100_000)
    digests = [chain.send(gas=40_000) for _ in range(7)]
    chain.node.start()
    numbers = [int(chain.mine(digest)["blockNumber"], 16) for digest in digests]
    assert numbers == sorted(numbers)
    for number in set(numbers):
        assert int(chain.call("eth_getBlockByNumber", hex(number), False)["gasUsed"], 16) <= 100_000


def test_a_failed_creation_leaves_no_code_and_spends_its_gas(chain: Chain) -> None:
    receipt = chain.mine(chain.send(to=b"", data=b"\xfe", gas=100_000))
    assert (receipt["status"], receipt["gasUsed"]) == ("0x0", hex(100_000))
    assert chain.call("eth_getCode", receipt["contractAddress"]) == "0x"


def test_a_contract_that_calls_itself_to_the_bottom_harms_nobody(chain: Chain) -> None:
    diver = chain.deploy(DIVER)
    assert chain.mine(chain.send(to=diver, gas=chain.genesis.gas_limit))["status"] == "0x1"
    assert chain.call("eth_call", {"to": diver}) == "0x"


def test_an_access_list_transaction_is_mined_and_shown(chain: Chain) -> None:
    writer = chain.deploy(WRITER)
    slot = "0x" + (1).to_bytes(32).hex()
    access = [{"address": writer, "storageKeys": [slot]}]
    digest = chain.send(to=writer, data=slot + "11" * 32, gas=300_000, type=1, accessList=access)
    receipt = chain.mine(digest)
    shown = chain.call("eth_getTransactionByHash", digest)
    assert (receipt["status"], receipt["type"], shown["type"]) == ("0x1", "0x1", "0x1")
    assert shown["accessList"] == [{"address": writer.lower(), "storageKeys": [slot]}]


def test_on_a_full_disk_nothing_is_acknowledged_and_the_chain_goes_on_afterwards(
    chain: Chain, caplog: pytest.LogCaptureFixture
) -> None:
    chain.mine(chain.send())
    with chain.node._database.writing:
        writer = chain.node._database._writer
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count = {pages}")
    raws = [chain.sign(nonce=chain.nonce + n, data=bytes(4_000), gas=100_000) for n in range(9)]
    answers = [chain.ask("eth_sendRawTransaction", raw) for raw in raws]
    assert answers[-1]["error"]["code"] == -32603
    taken = [answer["result"] for answer in answers if "result" in answer]
    assert len(chain.node.pool) == len(taken)
    with chain.node._database.writing:
        writer.execute("PRAGMA max_page_count = 1000000")
    for raw in raws[len(taken) :]:
        taken.append(chain.call("eth_sendRawTransaction", raw))
    assert {chain.mine(digest)["status"] for digest in taken} == {"0x1"}
    assert "disk is full" in caplog.text
