"""JSON-RPC over HTTP or a Unix socket, to whichever of several nodes answers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import orjson
import urllib3

from chain_service.chain import ipc
from chain_service.chain.node_causes import NodeCause, NoNodeAnswered, UnusableAnswer, cause_of, refuse_status
from chain_service.core.encoding.decoding import read_hex, read_quantity
from chain_service.errors import ChainServiceError, Unavailable

Request = tuple[str, Sequence[Any]]

BATCH = 500  # geth and Besu refuse batches above 1,000 by default
MAX_ANSWER = 64 * 2**20
AVOID_SECONDS = 15.0
DISTRUST_SECONDS = 30.0
SOCKET = "ipc:"
CONNECTIONS = 64
HEADERS = {"Content-Type": "application/json", "User-Agent": "chain-service"}


class RpcError(ChainServiceError):
    """The node understood the request and refused it; `rpc_code` and `data` are the JSON-RPC error's members."""

    default_code = "rpc_error"

    def __init__(self, method: str, rpc_code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{method}: {message}", method=method, rpc_code=rpc_code)
        self.rpc_code = rpc_code
        self.reason = message
        self.data = data


class _Health:
    """Which nodes failed of late, shared by a client and its clients of single nodes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._avoid_until: dict[str, float] = {}

    def avoided(self) -> set[str]:
        if not self._avoid_until:
            return set()
        now = time.monotonic()
        with self._lock:
            return {url for url, until in self._avoid_until.items() if until > now}

    def failed(self, url: str, seconds: float) -> None:
        with self._lock:
            self._avoid_until[url] = max(self._avoid_until.get(url, 0.0), time.monotonic() + seconds)


class Rpc:
    """Nodes of one chain, asked in order; one that failed is asked last for a while, sockets (`ipc:PATH`) after URLs.

    Threads may share it.
    """

    def __init__(self, urls: Sequence[str], timeout: float = 10.0, *, health: _Health | None = None) -> None:
        """`timeout` in seconds, for connecting and again for each wait on an answer."""
        if not urls:
            raise ValueError("at least one node URL is needed")
        self.urls = tuple(sorted(urls, key=_is_socket))
        self.names = tuple(_name(url) for url in self.urls)
        self.timeout = timeout
        self._pool = urllib3.PoolManager(
            num_pools=len(self.urls),
            maxsize=CONNECTIONS,
            retries=False,
            timeout=urllib3.Timeout(connect=min(timeout, 3.0), read=timeout),
        )
        self._doors: dict[str, tuple[urllib3.HTTPConnectionPool, str]] = {}
        self._ids = itertools.count(1)
        self._health = health or _Health()

    @cached_property
    def _single(self) -> dict[str, Rpc]:
        return {url: Rpc([url], self.timeout, health=self._health) for url in self.urls}

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises `Unavailable` (code `node_unavailable`) or `RpcError`."""
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}
        return _raised(self._post(request, lambda answer: _read(request, answer)))

    def batch(self, requests: Sequence[Request]) -> list[Any]:
        """The results in the order of the requests, 500 to a round trip. Raises the first `RpcError` among them."""
        return [_raised(result) for result in self.call_each(requests)]

    def call_each(self, requests: Sequence[Request]) -> list[Any]:
        """Like `batch`, with an `RpcError` in place of each refused result instead of raising it."""
        results: list[Any] = []
        for start in range(0, len(requests), BATCH):
            bodies = [
                {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}
                for method, params in requests[start : start + BATCH]
            ]
            results += self._post(bodies, lambda answer, bodies=bodies: _read_batch(bodies, answer))
        return results

    def nodes(self, *, avoided: bool = True) -> list[Rpc]:
        """A client for each node, those first that are asked first; without `avoided`, only nodes that did not fail
        of late, if there are any.
        """
        if len(self.urls) == 1:
            return [self]
        failing = self._health.avoided()
        order = [url for url in self.urls if url not in failing]
        if avoided or not order:
            order += [url for url in self.urls if url in failing]
        return [self._single[url] for url in order]

    def each(self, timeout: float) -> list[Rpc]:
        """A client of each node alone, in the order of the URLs, with this time-out; it remembers no failures, and
        asking it changes nothing about whom others ask.
        """
        return [Rpc([url], timeout) for url in self.urls]

    def distrust(self, seconds: float = DISTRUST_SECONDS) -> None:
        """What this client's nodes said did not hold, or they are behind: they are asked last for so long."""
        for url in self.urls:
            self._health.failed(url, seconds)

    def close(self) -> None:
        """Open connections are closed; the next call opens new ones."""
        self._doors.clear()
        self._pool.clear()
        for node in self.__dict__.get("_single", {}).values():
            node.close()

    def __enter__(self) -> Rpc:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _post(self, body: Any, read: Any) -> Any:
        """What `read` makes of the first usable answer, asking each node at most once."""
        encoded = orjson.dumps(body)
        causes: dict[str, NodeCause] = {}
        for url in self._order():
            try:
                return read(self._ask(url, encoded))
            except (urllib3.exceptions.HTTPError, OSError, UnusableAnswer) as error:
                causes[_name(url)] = cause_of(error)
                self._health.failed(url, AVOID_SECONDS)
        raise NoNodeAnswered(causes)

    def _order(self) -> Sequence[str]:
        failing = self._health.avoided()
        return sorted(self.urls, key=failing.__contains__) if failing else self.urls

    def _ask(self, url: str, body: bytes) -> Any:
        """One exchange; a kept connection the node has closed meanwhile is replaced once."""
        if _is_socket(url):
            return self._exchange_on_socket(url.removeprefix(SOCKET), body)
        try:
            return self._exchange(url, body)
        except urllib3.exceptions.ProtocolError:
            return self._exchange(url, body)

    def _exchange_on_socket(self, path: str, body: bytes) -> Any:
        content = ipc.exchange(path, body, self.timeout, MAX_ANSWER)
        if content is None:
            raise UnusableAnswer(f"an answer of more than {MAX_ANSWER} bytes")
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise UnusableAnswer("the answer is not JSON") from error

    def _open(self, url: str) -> tuple[urllib3.HTTPConnectionPool, str]:
        """The node's connections and path: finding them anew for each call takes as long as the call."""
        self._doors[url] = door = self._pool.connection_from_url(url), urllib3.util.parse_url(url).request_uri
        return door

    def _exchange(self, url: str, body: bytes) -> Any:
        pool, path = self._doors.get(url) or self._open(url)
        response = pool.urlopen(
            "POST", path, body=body, headers=HEADERS, retries=False, preload_content=False, redirect=False
        )
        try:
            content = response.read(MAX_ANSWER + 1)
            if len(content) > MAX_ANSWER:
                response.close()
                raise UnusableAnswer(f"an answer of more than {MAX_ANSWER} bytes")
        finally:
            response.release_conn()
        refuse_status(response.status)
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise UnusableAnswer(f"HTTP status {response.status} and no JSON") from error


def quantity(answer: Any) -> int:
    """The integer in a node's answer. Raises `Unavailable` if there is none."""
    return read_quantity(answer, refuse=_no_quantity)


def _no_quantity(reason: str) -> Unavailable:
    return Unavailable(f"the node's answer is not a quantity: {reason}", code="node_unavailable")


def data(answer: Any) -> bytes:
    """The bytes in a node's answer. Raises `Unavailable` if there are none."""
    if not isinstance(answer, str) or not answer.startswith("0x"):
        raise _no_bytes("it does not begin with 0x")
    return read_hex(answer[2:], limit=MAX_ANSWER, refuse=_no_bytes)


def _no_bytes(reason: str) -> Unavailable:
    return Unavailable(f"the node's answer is not a byte string: {reason}", code="node_unavailable")


def _read(request: dict[str, Any], answer: Any) -> Any:
    """The result or an `RpcError` value (JSON-RPC 2.0 §5)."""
    if not isinstance(answer, dict) or answer.get("id") not in (request["id"], None):
        raise UnusableAnswer("the answer is for another request")
    error = answer.get("error")
    if error is not None:
        if not isinstance(error, dict) or not isinstance(error.get("code"), int):
            raise UnusableAnswer("a malformed error")
        return RpcError(request["method"], error["code"], str(error.get("message", ""))[:500], error.get("data"))
    if answer.get("id") is None or "result" not in answer:
        raise UnusableAnswer("an answer without result")
    return answer["result"]


def _read_batch(requests: list[dict[str, Any]], answer: Any) -> list[Any]:
    """Answers may come in any order; a batch refused as a whole is one error (JSON-RPC 2.0 §6)."""
    if isinstance(answer, dict) and answer.get("error") is not None:
        return [_read({**request, "id": answer.get("id")}, answer) for request in requests]
    if not isinstance(answer, list) or len(answer) != len(requests):
        raise UnusableAnswer("the answer to a batch is incomplete")
    by_id = {item.get("id"): item for item in answer if isinstance(item, dict)}
    return [_read(request, by_id.get(request["id"])) for request in requests]


def _raised(result: Any) -> Any:
    if isinstance(result, RpcError):
        raise result
    return result


def _is_socket(url: str) -> bool:
    return url.startswith(SOCKET)


def _name(url: str) -> str:
    """The node without user name, password or path, which may hold secrets; of a socket the end of its path."""
    if _is_socket(url):
        return SOCKET + "/".join(Path(url.removeprefix(SOCKET)).parts[-2:])
    parsed = urllib3.util.parse_url(url)
    return f"{parsed.host}:{parsed.port}" if parsed.port else str(parsed.host)
