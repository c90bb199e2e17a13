"""JSON-RPC over a node's Unix socket: one connection for each exchange."""

from __future__ import annotations

import socket


def exchange(path: str, body: bytes, timeout: float, limit: int) -> bytes | None:
    """The line that the node answers; None if it is longer than `limit`. `timeout` in seconds, for each wait.

    Raises `OSError` where nobody listens, nobody answers in time or the node hangs up first.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        connection.connect(path)
        connection.sendall(body + b"\n")
        answer = bytearray()
        while not answer.endswith(b"\n"):  # the node's encoder ends every answer with a line feed and has no other
            part = connection.recv(2**20)
            if not part:
                raise ConnectionError("the connection to the node closed before its answer was complete")
            answer += part
            if len(answer) > limit:
                return None
        return bytes(answer)
