"""Callers that keep a service waiting, by sockets of loopback addresses that they choose."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECONDS = 30
NOTHING = b'{"digest": "sha-256:' + b"0" * 64 + b'"}'


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def connected(url: str, address: str) -> socket.socket:
    """A connection from this loopback address, without TLS."""
    made = socket.socket()
    made.settimeout(SECONDS)
    made.bind((address, 0))
    made.connect(("127.0.0.1", port_of(url)))
    return made


def secured(made: socket.socket) -> ssl.SSLSocket:
    """The same with TLS; whose certificate it is does not matter here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(made)


def half_open(made: socket.socket) -> socket.socket:
    """It has sent half a header."""
    made.sendall(b"POST /v1/verify HTTP/1.1\r\nHost: service\r\nX-Unfinished: ")
    return made


def stalled(made: socket.socket, sent: int, announced: int = 20_000_000) -> socket.socket:
    """It has announced a body with a file and sent so much of the file."""
    made.sendall(
        b"POST /v1/verify HTTP/1.1\r\nHost: service\r\nContent-Type: multipart/form-data; boundary=part\r\n"
        b"Content-Length: " + str(announced).encode() + b"\r\n\r\n"
        b'--part\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + b"x" * sent
    )
    return made


def answer(made: socket.socket) -> tuple[int, dict[str, Any]]:
    """Status and problem of the next answer; 0 and nothing where the connection ended without one."""
    with http.client.HTTPResponse(made) as response:
        try:
            response.begin()
            return response.status, json.loads(response.read() or b"{}")
        except (http.client.HTTPException, ConnectionError, ssl.SSLError):
            return 0, {}


def asked(url: str, address: str, path: str = "/v1/verify", headers: dict[str, str] | None = None) -> int:
    """The status of one ordinary request on a connection of its own; 0 if there was no answer."""
    try:
        return _answered(url, address, path, headers or {})[0]
    except (http.client.HTTPException, OSError):
        return 0


def _answered(url: str, address: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    method, body = ("POST", NOTHING) if path.startswith("/v1") else ("GET", None)
    made = connected(url, address)
    with secured(made) if url.startswith("https") else made as spoken:
        connection = http.client.HTTPConnection("127.0.0.1")
        connection.sock = spoken
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        with connection.getresponse() as response:
            return response.status, response.read()


@contextmanager
def clerk(url: str, address: str) -> Iterator[list[tuple[int, float]]]:
    """Somebody who verifies again and again meanwhile: status and seconds of each."""
    done: list[tuple[int, float]] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.02):
            began = time.perf_counter()
            status = asked(url, address)
            done.append((status, time.perf_counter() - began))

    working = threading.Thread(target=work)
    working.start()
    try:
        yield done
    finally:
        stop.set()
        working.join(2 * SECONDS)


def p95(done: list[tuple[int, float]]) -> float:
    seconds = sorted(took for _, took in done)
    return seconds[int(len(seconds) * 0.95)]


def resident(pid: int) -> float:
    """Megabytes."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def metric(url: str, name: str, address: str = "127.0.0.1") -> float:
    """The value of a metric with its labels as they are written; 0 if it is not there."""
    text = _answered(url, address, "/metrics", {})[1].decode()
    found = re.search(rf"^{re.escape(name)} ([0-9.e+]+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def until(true: Callable[[], bool], seconds: float = SECONDS) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
