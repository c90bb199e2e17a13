"""eth_call, eth_estimateGas, receipts, logs and fees."""

from __future__ import annotations

import pytest
from trial_chain import ERROR_ZERO, KEEPER, STORED, WRITER, Chain

from chain_service.nodes.embedded.rpc import logs

SET, GET = "0x60fe47b1", "0x6d4ce63c"


def stored(value: int) -> str:
    return SET + value.to_bytes(32).hex()


def test_a_call_changes_nothing(chain: Chain) -> None:
    keeper = chain.deploy(KEEPER)
    chain.call("eth_call", {"to": keeper, "data": stored(5)})
    assert int(chain.call("eth_call", {"to": keeper, "input": GET}), 16) == 0
    assert chain.call("eth_getStorageAt", keeper, "0x0", "latest") == "0x" + "00" * 32


def test_a_revert_carries_its_reason_and_data(chain: Chain) -> None:
    keeper = chain.deploy(KEEPER)
    for method in ("eth_call", "eth_estimateGas"):
        error = chain.error(method, {"to": keeper, "data": stored(0), "from": chain.account.address})
        assert error == {"code": 3, "message": "execution reverted: zero", "data": "0x" + ERROR_ZERO.hex()}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("fe", "invalid opcode"),
        ("01", "stack underflow"),
        ("600056", "invalid jump destination"),
        ("5b600056", "out of gas"),
    ],
)
def test_other_failures_are_named(chain: Chain, code: str, message: str) -> None:
    error = chain.error("eth_call", {"data": "0x" + code, "gas": hex(300_000)})
    assert (error["code"], error["message"]) == (-32000, message)


def test_a_call_cannot_spend_what_the_sender_has_not(chain: Chain) -> None:
    poor = {"from": "0x" + "22" * 20, "to": "0x" + "33" * 20, "gas": hex(30_000)}
    assert "insufficient funds for transfer" in chain.error("eth_call", poor | {"value": "0x1"})["message"]
    assert "insufficient funds for gas" in chain.error("eth_call", poor | {"gasPrice": "0x1"})["message"]
    assert chain.call("eth_call", poor) == "0x"
    assert "intrinsic gas too low" in chain.error("eth_call", poor | {"gas": "0x1"})["message"]


def test_an_estimate_is_enough_and_hardly_more(chain: Chain) -> None:
    keeper = chain.deploy(KEEPER)
    request = {"from": chain.account.address, "to": keeper, "data": stored(5)}
    estimate = int(chain.call("eth_estimateGas", request), 16)
    receipt = chain.mine(chain.send(to=keeper, data=stored(5), gas=estimate))
    assert receipt["status"] == "0x1"
    assert estimate <= int(receipt["gasUsed"], 16) * 1.03
    assert chain.call("eth_estimateGas", {"from": chain.account.address, "to": chain.account.address}) == "0x5208"


def test_an_estimate_for_creation_is_enough(chain: Chain) -> None:
    estimate = chain.call("eth_estimateGas", {"from": chain.account.address, "data": "0x" + KEEPER.hex()})
    assert chain.mine(chain.send(to=b"", data=KEEPER, gas=int(estimate, 16)))["status"] == "0x1"


def test_an_estimate_within_too_little_gas_says_so(chain: Chain) -> None:
    keeper = chain.deploy(KEEPER)
    request = {"from": chain.account.address, "to": keeper, "data": stored(5), "gas": hex(22_000)}
    assert chain.error("eth_estimateGas", request)["message"] == "gas required exceeds allowance (22000)"


def test_a_receipt_tells_what_happened(chain: Chain) -> None:
    keeper = chain.deploy(KEEPER)
    digest = chain.send(to=keeper, data=stored(5), gas=100_000, gasPrice=3)
    receipt = chain.mine(digest)
    block = chain.call("eth_getBlockByNumber", receipt["blockNumber"], False)
    assert receipt["status"] == "0x1"
    assert (receipt["from"], receipt["to"]) == (chain.account.address.lower(), keeper.lower())
    assert receipt["effectiveGasPrice"] == "0x3"
    assert receipt["cumulativeGasUsed"] == receipt["gasUsed"] == block["gasUsed"]
    assert receipt["logsBloom"] == block["logsBloom"]
    (log,) = receipt["logs"]
    assert (log["address"], log["topics"], int(log["data"], 16)) == (keeper.lower(), [STORED], 5)
    assert (log["blockHash"], log["transactionHash"]) == (block["hash"], digest)


def test_a_reverted_transaction_is_mined_as_failed(chain: Chain) -> None:
    keeper = chain.deploy(KEEPER)
    receipt = chain.mine(chain.send(to=keeper, data=stored(0), gas=100_000))
    assert (receipt["status"], receipt["logs"]) == ("0x0", [])


def fill(chain: Chain) -> tuple[str, str]:
    """Six events of one contract and three of another, in several blocks."""
    keeper, second = chain.deploy(KEEPER), chain.deploy(KEEPER)
    for value in range(1, 7):
        chain.send(to=keeper, data=stored(value), gas=100_000)
        if value % 2:
            chain.mine(chain.send(to=second, data=stored(value), gas=100_000))
    chain.mine(chain.send())
    return keeper, second


def test_logs_are_found_by_address_topic_and_range(chain: Chain) -> None:
    keeper, second = fill(chain)

    def values(**criteria: object) -> list[int]:
        found = chain.call("eth_getLogs", {"fromBlock": "0x0"} | criteria)
        positions = [(int(log["blockNumber"], 16), int(log["logIndex"], 16)) for log in found]
        assert positions == sorted(positions)
        return [int(log["data"], 16) for log in found]

    assert len(values()) == 9
    assert values(address=keeper) == [1, 2, 3, 4, 5, 6]
    assert values(address=[second]) == [1, 3, 5]
    assert len(values(address=[keeper, second], topics=[[STORED, "0x" + "00" * 32]])) == 9
    assert values(topics=["0x" + "00" * 32]) == []
    assert len(values(topics=[None])) == 9
    assert values(topics=[STORED, None]) == []
    assert values(address="0x" + "00" * 20) == []
    first = chain.call("eth_getLogs", {"fromBlock": "0x0", "address": keeper})[0]
    assert values(address=keeper, fromBlock=first["blockNumber"], toBlock=first["blockNumber"])[0] == 1
    assert values(address=keeper, toBlock="0x1") == []
    assert values(fromBlock="0x99999", toBlock="0x999999") == []
    by_hash = chain.call("eth_getLogs", {"blockHash": first["blockHash"], "address": keeper})
    assert by_hash[0] == first
    assert chain.call("eth_getTransactionReceipt", first["transactionHash"])["logs"] == [first]
    assert chain.error("eth_getLogs", {"blockHash": "0x" + "11" * 32})["code"] == -32000


def test_too_many_logs_are_refused_with_the_remedy(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(chain)
    monkeypatch.setattr(logs, "MAX_LOGS", 5)
    assert "shorter range" in chain.error("eth_getLogs", {"fromBlock": "0x0"})["message"]


def test_logs_of_a_contract_are_found_through_its_index(chain: Chain) -> None:
    writer = chain.deploy(WRITER)
    chain.mine(chain.send(to=writer, data="0x" + "01" * 64, gas=300_000))
    plans = chain.node._database.rows(
        "EXPLAIN QUERY PLAN SELECT * FROM log INDEXED BY log_address WHERE block BETWEEN 0 AND 9 AND address IN (?, ?) "
        "ORDER BY block, position",
        (b"1", b"2"),
    )
    assert any("SEARCH log USING" in row[3] and "address=? AND block>?" in row[3] for row in plans)


def test_the_fee_history_of_berlin_has_no_base_fee(chain: Chain) -> None:
    for price in (1, 5):
        chain.mine(chain.send(gasPrice=price))
    history = chain.call("eth_feeHistory", "0x2", "latest", [0, 50, 100])
    assert history["oldestBlock"] == "0x1"
    assert history["baseFeePerGas"] == ["0x0"] * 3
    assert history["gasUsedRatio"] == [21_000 / 300_000_000] * 2
    assert history["reward"] == [["0x1"] * 3, ["0x5"] * 3]
    assert "reward" not in chain.call("eth_feeHistory", 1, "latest")
    assert chain.call("eth_feeHistory", "0x0", "latest", [])["oldestBlock"] == "0x0"
    assert chain.error("eth_feeHistory", "0x1", "latest", [50, 40])["code"] == -32000
    assert chain.call("eth_gasPrice") == "0x1"


def test_the_node_says_what_it_is(chain: Chain) -> None:
    name, _, machine = chain.call("web3_clientVersion").split("/")
    assert (name, machine.startswith("py-evm-0.12")) == ("chain_service-trial", True)
    assert chain.call("net_version") == str(chain.genesis.chain_id)
    assert chain.call("eth_chainId") == hex(chain.genesis.chain_id)
    assert chain.call("eth_syncing") is False
    assert chain.call("net_listening") is True
