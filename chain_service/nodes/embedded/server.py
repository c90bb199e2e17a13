"""Loopback HTTP for JSON-RPC."""

from __future__ import annotations

from typing import Self

from chain_service.nodes.embedded.node import Node


class Server:
    """JSON-RPC over HTTP/1.1 on a loopback address, until `stop`."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def stop(self) -> None:
        """Answers under way are finished; no new connection is taken."""

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(node: Node, *, host: str = "127.0.0.1", port: int = 8545) -> Server:
    """`node` answers at the returned server's `url`, in threads of its own; port 0 takes a free one.

    Raises BadRequest when `host` is not a loopback address, Unavailable when the port is taken.
    """
    raise NotImplementedError
