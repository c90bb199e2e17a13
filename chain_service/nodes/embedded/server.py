"""Loopback HTTP for JSON-RPC: POST only, keep-alive, bounded."""

from __future__ import annotations

import ipaddress
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from chain_service.errors import BadRequest, Unavailable
from chain_service.nodes.embedded.node import Node

MAX_BODY = 16 * 2**20
MAX_CONNECTIONS = 256
IDLE_TIMEOUT = 120.0
_CONTENT_TYPES = frozenset({"application/json", "application/json-rpc", "application/jsonrequest"})


class Server:
    """JSON-RPC over HTTP/1.1 on a loopback address, until `stop`."""

    def __init__(self, node: Node, host: str, port: int) -> None:
        try:
            self._listener = _Listener(node, host, port)
        except OSError as error:
            raise Unavailable(f"{host}:{port} cannot be listened on: {error.strerror}") from error
        self.host = host
        self.port: int = self._listener.server_address[1]
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.1}, name="rpc-listener", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    def stop(self) -> None:
        """Answers under way are finished; no new connection is taken."""
        if self._thread.is_alive():
            self._listener.shutdown()
            self._thread.join()
            self._listener.drain()
            self._listener.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(node: Node, *, host: str = "127.0.0.1", port: int = 8545) -> Server:
    """`node` answers at the returned server's `url`, in threads of its own; port 0 takes a free one.

    Raises BadRequest when `host` is not a loopback address, Unavailable when the port is taken.
    """
    if not _is_loopback(host):
        raise BadRequest(f"the trial chain listens on loopback addresses only, not on {host}")
    return Server(node, host, port)


def _is_loopback(host: str) -> bool:
    """`host` is an IP address of this machine alone, or the name localhost."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Listener(ThreadingHTTPServer):
    """Counts its connections and knows which of them are idle."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, node: Node, host: str, port: int) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        self.node = node
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """As the parent, without asking the name service who we are."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        with self._changed:
            if len(self._open) >= MAX_CONNECTIONS:
                return False
            self._open.add(request)
            return True

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that goes away in the middle is no event."""

    def drain(self) -> None:
        """Idle connections are closed, busy ones have had ten seconds to finish."""
        self.stopping.set()
        with self._changed:
            for connection in self._open:
                _stop_reading(connection)
            self._changed.wait_for(lambda: not self._open, timeout=10)


def _stop_reading(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        return  # the other side was faster


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "chain_service-trial"
    sys_version = ""
    timeout = IDLE_TIMEOUT
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Listener

    def do_POST(self) -> None:
        refusal = self._refusal()
        if refusal:
            self._refuse(*refusal)
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.stopping.is_set():
            self.close_connection = True
        self._send(200, "application/json", self.server.node.handle(body))

    def do_GET(self) -> None:
        self._refuse(405, "JSON-RPC is asked with POST")

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = do_GET

    def _refusal(self) -> tuple[int, str] | None:
        """Status and reason when this request is not read; Host and Content-Type keep web pages of others out."""
        host = self.headers.get("Host", "")
        if not _is_loopback(host.rpartition(":")[0].strip("[]") if _has_port(host) else host.strip("[]")):
            return 403, "this server answers to loopback names only"
        if self.headers.get_content_type() not in _CONTENT_TYPES:
            return 415, "send Content-Type: application/json"
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            return 411, "send Content-Length"
        if int(length) > MAX_BODY:
            return 413, f"at most {MAX_BODY} bytes"
        return None

    def _refuse(self, status: int, reason: str) -> None:
        self.close_connection = True
        self._send(status, "text/plain; charset=utf-8", reason.encode())

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: they come from this machine's own service."""


def _has_port(host: str) -> bool:
    return host.rpartition(":")[2].isdigit() and (host.count(":") == 1 or host.startswith("["))
