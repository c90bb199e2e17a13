"""The HTTP door: loopback only, bounded, kept alive, stopped gracefully."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from trial_chain import Chain

from chain_service.errors import BadRequest, Unavailable
from chain_service.nodes.embedded.server import MAX_BODY, Server, serve

ASK = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def server(chain: Chain) -> Iterator[Server]:
    with serve(chain.node, port=0) as server:
        yield server


def ask(connection: http.client.HTTPConnection, headers: dict[str, str], body: bytes = ASK) -> tuple[int, bytes]:
    connection.request("POST", "/", body, headers)
    response = connection.getresponse()
    return response.status, response.read()


def test_many_requests_share_one_connection(server: Server, chain: Chain) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for _ in range(50):
        status, body = ask(connection, JSON)
        assert (status, json.loads(body)["result"]) == (200, hex(chain.genesis.chain_id))
    connection.close()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "localhost:8545", "[::1]:8545", "127.0.0.2:1"])
def test_loopback_names_are_served(server: Server, name: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    assert ask(connection, JSON | {"Host": name})[0] == 200
    connection.close()


@pytest.mark.parametrize("name", ["evil.example", "evil.example:8545", "10.0.0.1", "localhost.evil.example", ""])
def test_other_names_are_refused_against_rebinding(server: Server, name: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    assert ask(connection, JSON | {"Host": name})[0] == 403
    connection.close()


def test_requests_a_foreign_page_could_send_are_refused(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert ask(connection, {"Content-Type": kind})[0] == 415
    for method in ("GET", "OPTIONS"):
        connection.request(method, "/")
        response = connection.getresponse()
        response.read()
        assert response.status == 405
        assert response.headers["Access-Control-Allow-Origin"] is None
    connection.close()


def test_a_body_too_large_or_of_unknown_size_is_not_read(server: Server) -> None:
    for length, status in ((str(MAX_BODY + 1), 413), ("x", 411), ("-1", 411)):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.putrequest("POST", "/")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", length)
        connection.endheaders()
        assert connection.getresponse().status == status
        connection.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "example.org", "::"])
def test_it_listens_on_loopback_only(chain: Chain, host: str) -> None:
    with pytest.raises(BadRequest):
        serve(chain.node, host=host, port=0)


def test_a_taken_port_is_named(server: Server, chain: Chain) -> None:
    with pytest.raises(Unavailable, match=str(server.port)):
        serve(chain.node, port=server.port)


def test_stopping_closes_idle_connections_and_frees_the_port(chain: Chain) -> None:
    server = serve(chain.node, port=0)
    idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    ask(idle, JSON)
    began = time.monotonic()
    server.stop()
    server.stop()
    assert time.monotonic() - began < 20
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.port), timeout=2).close()
    serve(chain.node, port=server.port).stop()
    idle.close()


def test_reading_and_sealing_at_once_disturb_neither(server: Server, chain: Chain) -> None:
    failures: list[object] = []
    done = threading.Event()

    def read() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        while not done.is_set():
            head = int(chain.call("eth_blockNumber"), 16)
            batch = [
                {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": [hex(head), False]},
                {"jsonrpc": "2.0", "id": 2, "method": "eth_getTransactionCount",
                 "params": [chain.account.address, hex(head)]},
                {"jsonrpc": "2.0", "id": 3, "method": "eth_getProof", "params": [chain.account.address, [], hex(head)]},
            ]  # fmt: skip
            _, body = ask(connection, JSON, json.dumps(batch).encode())
            block, count, proof = (answer.get("result") for answer in json.loads(body))
            if not block or int(block["number"], 16) != head or count != proof["nonce"]:
                failures.append(body)
        connection.close()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(60):
        digest = chain.send()
        receipt = chain.mine(digest)
        assert int(receipt["blockNumber"], 16) <= int(chain.call("eth_blockNumber"), 16)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
