"""JSON-RPC over HTTP: what counts as an answer, and who is asked next."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from chain_service.chain import rpc as rpc_module
from chain_service.chain.node_causes import NODE_CAUSES, NoNodeAnswered
from chain_service.chain.rpc import Rpc, RpcError
from chain_service.errors import Unavailable
from support.chains.lying_node import http_server
from support.chains.server_certificates import self_signed

NOBODY = "http://127.0.0.1:1"


def echo(body: bytes) -> tuple[int, bytes]:
    """Answers every call with its parameters, batches in reverse order; `fail` with an error."""
    asked = orjson.loads(body)
    told = [_one(request) for request in (asked if isinstance(asked, list) else [asked])]
    return 200, orjson.dumps(told[::-1] if isinstance(asked, list) else told[0])


def _one(request: dict[str, Any]) -> dict[str, Any]:
    if request["method"] == "fail":
        error = {"code": -32000, "message": "no", "data": request["params"][0]}
        return {"jsonrpc": "2.0", "id": request["id"], "error": error}
    return {"jsonrpc": "2.0", "id": request["id"], "result": request["params"]}


def test_a_batch_is_answered_in_the_order_of_its_requests_however_long_it_is() -> None:
    sizes = []

    def counting(body: bytes) -> tuple[int, bytes]:
        sizes.append(len(orjson.loads(body)))
        return echo(body)

    with http_server(counting) as url, Rpc([url]) as rpc:
        assert rpc.batch([("m", (n,)) for n in range(1201)]) == [[n] for n in range(1201)]
        assert sizes == [500, 500, 201]
        assert rpc.batch([]) == []


def test_a_refusal_is_an_error_with_code_and_data() -> None:
    with http_server(echo) as url, Rpc([url]) as rpc:
        with pytest.raises(RpcError) as raised:
            rpc.call("fail", "0xab")
        assert (raised.value.rpc_code, raised.value.reason, raised.value.data) == (-32000, "no", "0xab")
        with pytest.raises(RpcError):
            rpc.batch([("m", ()), ("fail", (1,))])
        fine, refused = rpc.call_each([("m", ()), ("fail", (1,))])
        assert fine == [] and isinstance(refused, RpcError)


def test_a_batch_refused_as_a_whole_is_a_refusal_of_each() -> None:
    whole = orjson.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch too large"}})
    with http_server(lambda body: (200, whole)) as url, Rpc([url]) as rpc:
        assert all(isinstance(one, RpcError) for one in rpc.call_each([("m", ()), ("m", ())]))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"jsonrpc":"2.0","id":1,"result":1}'),
        (503, b"busy"),
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"jsonrpc":"2.0","id":77,"result":1}'),
        (200, b'{"jsonrpc":"2.0","id":1}'),
        (200, b'{"jsonrpc":"2.0","id":1,"error":"no"}'),
        (302, b""),
        (404, b"not here"),
    ],
)
def test_what_is_no_answer_makes_the_node_unavailable(status: int, body: bytes) -> None:
    with http_server(lambda _: (status, body)) as url, Rpc([url]) as rpc:
        for ask in (lambda: rpc.call("m"), lambda: rpc.batch([("m", ()), ("m", ())])):
            with pytest.raises(Unavailable) as raised:
                ask()
            assert raised.value.code == "node_unavailable"


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc_module, "MAX_ANSWER", 1000)
    endless = b'"' + b"x" * 5000 + b'"'
    with http_server(lambda _: (200, endless)) as url, Rpc([url]) as rpc, pytest.raises(Unavailable):
        rpc.call("m")


def test_a_node_that_is_down_makes_way_for_the_next_and_is_remembered() -> None:
    asked = []

    def answer(body: bytes) -> tuple[int, bytes]:
        asked.append("broken")
        return 500, b""

    with http_server(answer) as broken, http_server(echo) as good, Rpc([NOBODY, broken, good]) as rpc:
        for _ in range(3):
            assert rpc.call("m", 1) == [1]
        assert asked == ["broken"]


def test_when_all_nodes_are_down_their_names_are_told_without_secrets() -> None:
    with Rpc(["http://user:secret@127.0.0.1:1/token"]) as rpc:
        with pytest.raises(Unavailable) as raised:
            rpc.call("eth_blockNumber")
        assert list(raised.value.details["nodes"]) == ["127.0.0.1:1"]
        assert "secret" not in str(raised.value.details) and "token" not in str(raised.value.details)


PAGE = b"<html><body>Please sign in to the city network</body></html>"
ANSWERS = [
    (401, b"", "node_refuses_login"),
    (403, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no token"}}', "node_refuses_login"),
    (413, b"", "node_refuses_size"),
    (429, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"slow down"}}', "node_limits_rate"),
    (502, PAGE, "node_failing"),
    (200, PAGE, "node_not_rpc"),
    (302, PAGE, "node_not_rpc"),
]


@pytest.mark.parametrize(("status", "body", "cause"), ANSWERS)
def test_what_a_node_answered_is_told_with_its_name_to_the_operator_alone(status: int, body: bytes, cause: str) -> None:
    with http_server(lambda _: (status, body)) as url, Rpc([url, NOBODY]) as rpc:
        with pytest.raises(NoNodeAnswered) as raised:
            rpc.call("m")
        name = url.removeprefix("http://")
        assert raised.value.details["causes"] == {name: cause, "127.0.0.1:1": "node_unavailable"}
        assert NODE_CAUSES[cause] in raised.value.message and name in raised.value.message
        assert "Connection refused" in raised.value.message
        assert NODE_CAUSES[cause] in raised.value.without_names and "127.0.0.1" not in raised.value.without_names


def test_a_certificate_that_has_expired_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for days, cause in ((-1, "node_certificate"), (30, None)):
        made = self_signed(tmp_path, days=days)
        monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
        with http_server(echo, tls=made) as url, Rpc([url]) as rpc:
            if cause is None:
                assert rpc.call("m", 1) == [1]
                continue
            with pytest.raises(NoNodeAnswered) as raised:
                rpc.call("m")
            assert list(raised.value.details["causes"].values()) == [cause]
            assert "certificate has expired" in raised.value.message


def test_a_connection_that_the_node_closed_is_replaced() -> None:
    with http_server(echo, hangs_up=True) as url, Rpc([url]) as rpc:
        for n in range(5):
            assert rpc.call("m", n) == [n]


@contextmanager
def socket_node(answer: Any = echo, *, hangs_up: bool = False) -> Iterator[str]:
    """A node's Unix socket: one line for each line, one connection for each request."""
    folder = Path(tempfile.mkdtemp(prefix="ipc-"))
    path = folder / "geth.ipc"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()

        def run() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return  # closed: the test is over
                with connection, connection.makefile("rwb") as stream:
                    line = stream.readline()
                    if line and not hangs_up:
                        stream.write(answer(line)[1] + b"\n")

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"ipc:{path}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
    path.unlink()
    folder.rmdir()


def test_a_nodes_socket_is_asked_like_its_url() -> None:
    with socket_node() as url, Rpc([url]) as rpc:
        assert rpc.call("m", 1, "二") == [1, "二"]
        assert rpc.batch([("m", (n,)) for n in range(700)]) == [[n] for n in range(700)]
        with pytest.raises(RpcError):
            rpc.call("fail", "0xab")
        assert rpc.call("m", "x" * 3_000_000) == ["x" * 3_000_000]


def test_sockets_are_read_last_and_when_nobody_else_answers() -> None:
    asked: list[bytes] = []

    def counting(body: bytes) -> tuple[int, bytes]:
        asked.append(body)
        return echo(body)

    with socket_node(counting) as door, http_server(echo) as url, Rpc([door, url]) as rpc:
        assert rpc.call("m", 1) == [1] and not asked
        assert [node.urls for node in rpc.nodes()] == [(url,), (door,)]
        with Rpc([door, NOBODY]) as alone:
            assert alone.call("m", 2) == [2] and asked
            assert [node.urls[0] for node in alone.nodes(avoided=False)] == [door]


@pytest.mark.parametrize("wrong", [b"", b"{", b"[]", b"7"])
def test_a_socket_that_answers_nonsense_or_is_not_there_makes_the_node_unavailable(wrong: bytes) -> None:
    with socket_node(lambda _: (200, wrong)) as door, socket_node(hangs_up=True) as silent:
        for url in (door, silent, "ipc:/nowhere/validator-1/geth.ipc"):
            with Rpc([url], timeout=2.0) as rpc, pytest.raises(Unavailable) as raised:
                rpc.call("m")
            assert raised.value.code == "node_unavailable"
            assert all(name.count("/") == 1 for name in raised.value.details["nodes"]), "the end of its path only"


def test_a_node_that_was_wrong_is_asked_last_until_its_time_is_over() -> None:
    with http_server(echo) as one, http_server(echo) as other, Rpc([one, other]) as rpc:
        rpc.nodes()[0].distrust(60.0)
        assert [node.urls[0] for node in rpc.nodes()] == [other, one]
        assert [node.urls[0] for node in rpc.nodes(avoided=False)] == [other]
        assert rpc.call("m", 1) == [1]
        rpc.nodes()[0].distrust(60.0)
        assert len(rpc.nodes(avoided=False)) == 2, "nobody is left out when all were wrong"
