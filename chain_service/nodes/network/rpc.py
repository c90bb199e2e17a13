"""JSON-RPC to one node: over its socket (`ipc:PATH`), or over HTTP on loopback."""

from __future__ import annotations

import json
import socket
from typing import Any

import requests

from chain_service.errors import ChainServiceError, Unavailable

MAX_ANSWER = 64 * 2**20


class NodeRefused(ChainServiceError):
    """The node answered with an error."""

    default_code = "rpc_error"


def call(endpoint: str, method: str, *params: Any, timeout: float = 5.0) -> Any:
    """The node's answer. Raises Unavailable (`node_unavailable`) and NodeRefused."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    try:
        raw = (
            _over_socket(endpoint[4:], body, timeout) if endpoint.startswith("ipc:") else _http(endpoint, body, timeout)
        )
        answer = json.loads(raw)
        if "error" in answer:
            raise NodeRefused(f"{method}: {str(answer['error'].get('message', ''))[:200]}")
        return answer["result"]
    except (OSError, requests.RequestException) as error:
        raise Unavailable(f"the node at {endpoint} does not answer", code="node_unavailable") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable(f"the node at {endpoint} answers no JSON-RPC", code="node_unavailable") from error


def _over_socket(path: str, body: bytes, timeout: float) -> bytes:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(timeout)
        link.connect(path)
        link.sendall(body)
        with link.makefile("rb") as stream:
            return stream.readline(MAX_ANSWER)


def _http(url: str, body: bytes, timeout: float) -> bytes:
    with requests.Session() as session:
        session.trust_env = False  # a node on loopback is behind no proxy
        return session.post(url, data=body, headers={"Content-Type": "application/json"}, timeout=timeout).content
