"""JSON-RPC 2.0 itself: error codes, identifiers, notifications, batches."""

from __future__ import annotations

import json
from typing import Any

import pytest
from trial_chain import Chain, Opener

from chain_service.nodes.embedded.rpc import dispatch


@pytest.fixture
def chain(open_chain: Opener) -> Chain:
    return open_chain(started=False)


def raw(chain: Chain, body: bytes) -> Any:
    answer = chain.node.handle(body)
    return json.loads(answer) if answer else None


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[1,", b'{"a":}'])
def test_what_is_no_json_is_a_parse_error(chain: Chain, body: bytes) -> None:
    answer = raw(chain, body)
    assert (answer["error"]["code"], answer["id"]) == (-32700, None)


@pytest.mark.parametrize(
    "body",
    [
        1, "x", None, {}, [], {"jsonrpc": "2.0", "id": 1}, {"jsonrpc": "1.0", "id": 1, "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": {}, "method": "eth_chainId"}, {"jsonrpc": "2.0", "id": 1, "method": 5},
        {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": "x"},
    ],
)  # fmt: skip
def test_what_is_no_request_is_an_invalid_request(chain: Chain, body: Any) -> None:
    assert raw(chain, json.dumps(body).encode())["error"]["code"] == -32600


def test_named_parameters_are_invalid_params(chain: Chain) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": {"a": 1}}
    assert raw(chain, json.dumps(body).encode())["error"]["code"] == -32602


@pytest.mark.parametrize("method", ["eth_sign", "personal_unlockAccount", "evm_mine", "evm_increaseTime",
                                    "hardhat_setStorageAt", "anvil_setBalance", "eth_sendTransaction", "debug_setHead",
                                    "miner_start", "admin_addPeer"])  # fmt: skip
def test_nothing_forges_state_or_signs(chain: Chain, method: str) -> None:
    assert chain.error(method)["code"] == -32601
    assert chain.call("eth_accounts") == []


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("eth_getBalance", []),
        ("eth_getBalance", ["0x12"]),
        ("eth_getBalance", ["0x" + "00" * 20, "newest"]),
        ("eth_getBalance", ["0x" + "00" * 20, "latest", 1]),
        ("eth_getBlockByNumber", ["latest", "yes"]),
        ("eth_getBlockByNumber", ["0x01", False]),
        ("eth_getBlockByHash", ["0x00", False]),
        ("eth_call", ["0x"]),
        ("eth_call", [{"to": "0x1"}]),
        ("eth_call", [{"data": "0x01", "input": "0x02"}]),
        ("eth_call", [{}, "latest", {"0x" + "00" * 20: {"balance": "0x1"}}]),
        ("eth_getLogs", [{"topics": ["0x00"]}]),
        ("eth_getLogs", [{"topics": [None] * 5}]),
        ("eth_getLogs", [{"blockHash": "0x" + "00" * 32, "fromBlock": "0x0"}]),
        ("eth_getProof", ["0x" + "00" * 20, ["0x" + "00" * 33], "latest"]),
        ("eth_sendRawTransaction", ["0x1"]),
        ("eth_feeHistory", ["0x1", "latest", ["a"]]),
    ],
)
def test_arguments_that_cannot_be_read_are_invalid_params(chain: Chain, method: str, parameters: list[Any]) -> None:
    assert chain.error(method, *parameters)["code"] == -32602


def test_a_notification_gets_no_answer(chain: Chain) -> None:
    assert chain.node.handle(b'{"jsonrpc":"2.0","method":"eth_chainId"}') == b""
    assert chain.node.handle(b'[{"jsonrpc":"2.0","method":"eth_chainId"}]') == b""


def test_a_batch_is_answered_in_order_with_each_its_own_error(chain: Chain) -> None:
    batch = [
        {"jsonrpc": "2.0", "id": "a", "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": 2, "method": "nope"},
        7,
        {"jsonrpc": "2.0", "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": None, "method": "eth_blockNumber", "params": None},
    ]
    answers = raw(chain, json.dumps(batch).encode())
    assert [answer["id"] for answer in answers] == ["a", 2, None, None]
    assert answers[0]["result"] == hex(chain.genesis.chain_id)
    assert answers[1]["error"]["code"] == -32601
    assert answers[2]["error"]["code"] == -32600
    assert answers[3]["result"] == "0x0"


def test_a_batch_over_the_bound_is_refused_whole(chain: Chain) -> None:
    one = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    assert len(raw(chain, json.dumps([one] * dispatch.MAX_BATCH).encode())) == dispatch.MAX_BATCH
    assert raw(chain, json.dumps([one] * (dispatch.MAX_BATCH + 1)).encode())["error"]["code"] == -32600


def test_a_batch_whose_answer_grows_too_large_is_cut_with_errors(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "MAX_RESPONSE", 100)
    one = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    answers = raw(chain, json.dumps([one] * 10).encode())
    assert "result" in answers[0]
    assert answers[-1]["error"]["code"] == -32003


def test_transactions_of_a_batch_are_taken_or_refused_each_for_itself(chain: Chain) -> None:
    raws = [chain.sign(nonce=0), chain.sign(nonce=1), "0x00", chain.sign(nonce=1, gasPrice=1, value=9), "zz"]
    batch = [
        {"jsonrpc": "2.0", "id": n, "method": "eth_sendRawTransaction", "params": [text]} for n, text in enumerate(raws)
    ]
    answers = raw(chain, json.dumps(batch).encode())
    assert [answer["id"] for answer in answers] == list(range(5))
    assert ["result" in answer for answer in answers] == [True, True, False, False, False]
    assert [answer["error"]["code"] for answer in answers[2:]] == [-32000, -32000, -32602]


def test_an_unexpected_failure_is_an_internal_error_without_details(
    chain: Chain, caplog: pytest.LogCaptureFixture
) -> None:
    with chain.node._database.transaction() as connection:
        connection.execute("DELETE FROM node")
    chain.node._database._nodes.clear()
    error = chain.error("eth_getBalance", "0x" + "11" * 20)
    assert error == {"code": -32603, "message": "internal error; see the node's log"}
    assert "eth_getBalance failed" in caplog.text
