"""JSON-RPC over HTTP, to whichever of several nodes answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chain_service.errors import ChainServiceError

Request = tuple[str, Sequence[Any]]


class RpcError(ChainServiceError):
    """The node understood the request and refused it; `rpc_code` and `data` are the JSON-RPC error's members."""

    default_code = "rpc_error"

    def __init__(self, method: str, rpc_code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{method}: {message}", method=method, rpc_code=rpc_code)
        self.rpc_code = rpc_code
        self.reason = message
        self.data = data


class Rpc:
    """Nodes of one chain, asked in order; one that failed is asked last for a while. Threads may share it."""

    def __init__(self, urls: Sequence[str], timeout: float = 10.0) -> None: ...

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises `Unavailable` (code `node_unavailable`) or `RpcError`."""

    def batch(self, requests: Sequence[Request]) -> list[Any]:
        """The results in the order of the requests, 500 to a round trip. Raises the first `RpcError` among them."""

    def settle(self, requests: Sequence[Request]) -> list[Any]:
        """Like `batch`, with an `RpcError` in place of each refused result instead of raising it."""

    def each(self) -> list[Rpc]:
        """One client per node, for what every node must be told or asked."""

    def close(self) -> None:
        """Open connections are closed; the next call opens new ones."""
