"""A man in the middle who alters what a node says, and servers that answer whatever they like."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import urllib3

from chain_service.chain.rpc import Rpc
from support.chains.server_certificates import ServerCertificate

Answer = Callable[[bytes], tuple[int, bytes]]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asked has hung up, or is to see the connection break."""


@contextmanager
def http_server(
    answer: Answer, *, hangs_up: bool = False, tls: ServerCertificate | None = None, port: int = 0
) -> Iterator[str]:
    """A loopback HTTP server that answers each request body with a status and a body.

    `hangs_up`: it closes every connection after one answer without having said so.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # header and body in one packet

        def do_POST(self) -> None:
            status, body = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status in (301, 302, 307):
                self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = self.close_connection or hangs_up

        def log_message(self, format: str, *args: Any) -> None:
            """Tests read answers, not logs."""

    server = _Server(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.file, tls.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def liar(url: str, alter: Callable[[str, Any], Any]) -> Iterator[Rpc]:
    """A client of a node whose every result passes through `alter(method, result)` on the way."""
    pool = urllib3.PoolManager()

    def answer(body: bytes) -> tuple[int, bytes]:
        response = pool.request("POST", url, body=body, headers={"Content-Type": "application/json"})
        asked, told = orjson.loads(body), orjson.loads(response.data)
        requests, answers = (asked, told) if isinstance(asked, list) else ([asked], [told])
        methods = {request["id"]: request["method"] for request in requests}
        for one in answers:
            if "result" in one:
                one["result"] = alter(methods[one["id"]], one["result"])
        return response.status, orjson.dumps(told)

    try:
        with http_server(answer) as lying_url, Rpc([lying_url]) as rpc:
            yield rpc
    finally:
        pool.clear()
