"""A loopback proxy in front of a node that counts the HTTP exchanges."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


class CountedNode:
    """`url` answers as the node at `node_url` does; `calls` is how often. A context manager."""

    def __init__(self, node_url: str) -> None:
        self.calls = 0
        self._lock = threading.Lock()
        counted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            node: http.client.HTTPConnection | None = None

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with counted._lock:
                    counted.calls += 1
                if self.node is None:
                    self.node = http.client.HTTPConnection(node_url.removeprefix("http://"))
                self.node.request("POST", "/", body, {"Content-Type": "application/json"})
                answer = self.node.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is written."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> CountedNode:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
