"""The nginx sample before a running service: what callers see, what is kept, and whom the service counts."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from chain_service.web.schemas.problems import ProblemDetails
from support.chains.server_certificates import self_signed
from support.deploy.nginx import NGINX, Front, nginx
from support.worlds.running_instance import ISSUER, Instance, Process

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
QUESTION = {"digest": "sha-256:" + "0" * 64}
PUBLIC_RATE = 3
CUT_AFTER = 10
"""Seconds that the sample waits for a header, or between two pieces of a body."""


@pytest.fixture(scope="module")
def process(service: Instance) -> Iterator[Process]:
    """The service behind a proxy, with a small public rate."""
    settings = {"CHAIN_SERVICE_BEHIND_PROXY": "true", "CHAIN_SERVICE_PUBLIC_RATE": f"{PUBLIC_RATE}/hour"}
    process = Process(service.data, "serve", "--no-workers", "--port", "0", **settings)
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="module")
def front(process: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("nginx")
    certificate, key = self_signed(folder)
    with nginx(folder, int(process.url.rpartition(":")[2]), certificate, key) as running:
        yield running


def client(front: Front, address: str = "127.0.0.1") -> httpx.Client:
    """A client of this address."""
    transport = httpx.HTTPTransport(
        verify=ssl.create_default_context(cafile=str(front.certificate)), local_address=address
    )
    return httpx.Client(base_url=front.url, transport=transport, timeout=30)


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer as the problem that it must be."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    told: dict[str, Any] = ProblemDetails.model_validate(answer.json()).model_dump(exclude_none=True)
    assert (told["status"], told["code"]) == (status, code)
    assert told["requestId"] == answer.headers["x-request-id"]
    assert "strict-transport-security" in answer.headers
    return told


def test_plain_http_is_sent_to_tls(front: Front) -> None:
    answer = httpx.get(f"http://127.0.0.1:{front.plain}/v1/types?page=1")
    assert (answer.status_code, answer.headers["location"]) == (308, "https://127.0.0.1/v1/types?page=1")


def test_methods_tags_and_policies_pass_through(front: Front) -> None:
    with client(front) as asking:
        got, head = asking.get("/v1/types"), asking.head("/v1/types")
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", got.headers["etag"])
        again = asking.get("/v1/types", headers={"If-None-Match": got.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert asking.options("/v1/records").headers["allow"] == "GET, HEAD, OPTIONS, POST"
        assert asking.delete("/v1/records").headers["allow"] == "GET, HEAD, OPTIONS, POST"
        page = asking.get("/", headers={"Accept-Encoding": "gzip"})
        assert page.headers["content-encoding"] == "gzip"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers.get_list("strict-transport-security") == ["max-age=31536000"]
        again = asking.get("/", headers={"Accept-Encoding": "gzip", "If-None-Match": page.headers["etag"]})
        assert again.status_code == 304


def test_what_nginx_refuses_is_told_in_our_form(front: Front, process: Process) -> None:
    with client(front) as asking:
        told = problem(asking.post("/v1/records", content=bytes(25 * 2**20)), 413, "body_too_large")
        ours = httpx.post(f"{process.url}/v1/records", content=bytes(17 * 2**20)).json()
        assert told["message"] == ours["message"] and told["type"] == ours["type"]
        problem(asking.get("/", headers={"X-Long": "a" * 40_000}), 422, "malformed_request")
    with client(front, "127.0.0.9") as asking:
        problem(asking.get("/metrics"), 404, "not_found")


def test_what_the_service_refuses_stays_its_own(front: Front) -> None:
    with client(front) as asking:
        too_large = problem(asking.post("/v1/records", content=bytes(17 * 2**20)), 413, "body_too_large")
        assert too_large["limit"] == 16 * 2**20
        problem(asking.get("/v1/records/unknown"), 404, "record_unknown")


def test_a_client_is_counted_by_its_own_address_whatever_it_claims(front: Front) -> None:
    for address in ("127.0.0.21", "127.0.0.22"):
        with client(front, address) as asking:
            codes = [
                asking.post("/v1/verify", json=QUESTION, headers={"X-Forwarded-For": f"192.0.2.{number}"}).status_code
                for number in range(PUBLIC_RATE + 2)
            ]
        assert codes == [200] * PUBLIC_RATE + [429] * 2


def test_one_address_cannot_ask_without_end(front: Front) -> None:
    """What nginx answers by itself comes faster than it lets in, however busy the machine is."""
    asked = b"GET /metrics HTTP/1.1\r\nHost: chain.example.gov.cn\r\n\r\n" * 600
    with open_connection(front, asked + asked[:-2] + b"Connection: close\r\n\r\n", "127.0.0.23") as connection:
        answered = b"".join(iter(partial(connection.recv, 65536), b""))
    statuses = Counter(re.findall(rb"HTTP/1.1 (\d+) ", answered))
    assert statuses.keys() == {b"404", b"429"} and statuses[b"404"] > 200 and statuses[b"429"] > 200
    with client(front, "127.0.0.24") as asking:
        problem(asking.get("/metrics"), 404, "not_found")


def upstream_requests(process: Process, route: str) -> float:
    """Requests that the service itself has answered on this route."""
    text = httpx.get(f"{process.url}/metrics").text
    counted = re.findall(r'^chain_service_http_requests_total\{[^}]*route="([^"]+)"[^}]*\} (\S+)$', text, re.MULTILINE)
    return sum(float(count) for name, count in counted if name == route)


def test_tiles_are_kept_and_health_is_not(front: Front, process: Process, anchored: list[dict[str, Any]]) -> None:
    with client(front) as asking:
        checkpoint = asking.get(f"/v1/logs/{ISSUER}.0/checkpoint")
        size = int(checkpoint.text.splitlines()[1])
        tile = f"/v1/logs/{ISSUER}.0/tile/0/000.p/{size}"
        before = upstream_requests(process, "/v1/logs/{log}/tile/{path:path}")
        answers = [asking.get(tile) for _ in range(5)]
        assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
        kept = asking.get(tile, headers={"If-None-Match": answers[0].headers["etag"]})
        assert (kept.status_code, kept.content) == (304, b"")
        assert upstream_requests(process, "/v1/logs/{log}/tile/{path:path}") == before + 1
        for path in ("/healthz", "/readyz"):
            before = upstream_requests(process, path)
            assert [asking.get(path).headers["cache-control"] for _ in range(3)] == ["no-store"] * 3
            assert upstream_requests(process, path) == before + 3
        for route in ("/v1/logs/{log}/checkpoint", "/v1/types"):
            before = upstream_requests(process, route)
            for _ in range(3):
                asking.get(route.format(log=f"{ISSUER}.0"))
            assert upstream_requests(process, route) == before + 3


def test_the_log_has_no_query(front: Front) -> None:
    with client(front) as asking:
        asking.get("/v1/seals", params={"q": "张三"})
        number = asking.get("/healthz").headers["x-request-id"]
    for _ in range(200):
        lines = [json.loads(line) for line in front.log.read_text(encoding="utf-8").splitlines()]
        if any(line["id"] == number for line in lines):
            break
        time.sleep(0.05)
    asked = next(line for line in lines if line["path"] == "/v1/seals")
    assert "张三" not in json.dumps(asked, ensure_ascii=False) and "%E5" not in json.dumps(asked)


def open_connection(front: Front, sent: bytes, address: str = "127.0.0.1") -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(front.certificate))
    plain = socket.create_connection(("127.0.0.1", front.tls), timeout=60, source_address=(address, 0))
    connection = context.wrap_socket(plain, server_hostname="127.0.0.1")
    connection.sendall(sent)
    return connection


@pytest.mark.long
def test_slow_clients_are_cut_and_the_service_never_hears_of_them(front: Front, process: Process) -> None:
    headers = b"Host: chain.example.gov.cn\r\nContent-Type: application/json\r\n"
    before = upstream_requests(process, "/v1/verify")
    began = time.monotonic()
    slow = [
        open_connection(front, b"POST /v1/verify HTTP/1.1\r\n" + headers),
        open_connection(front, b"POST /v1/verify HTTP/1.1\r\n" + headers + b"Content-Length: 900000\r\n\r\n{"),
    ]
    for connection in slow:
        with connection:
            try:
                answered = connection.recv(4096)
            except ConnectionResetError:
                answered = b""
            assert answered == b"" or answered.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began >= CUT_AFTER - 1
    assert upstream_requests(process, "/v1/verify") == before


def test_a_service_that_has_gone_is_a_problem_in_our_form(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: a connection is refused
        with (
            nginx(tmp_path, nobody.getsockname()[1], certificate, key) as running,
            client(running) as asking,
        ):
            answer = asking.get("/v1/types")
            problem(answer, 503, "unavailable")
            assert answer.headers["retry-after"] == "5"


def test_where_one_of_two_processes_has_gone_the_other_answers(process: Process, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        ports = gone.getsockname()[1], int(process.url.rpartition(":")[2])
        with nginx(tmp_path, ports[0], certificate, key, second=ports[1]) as running, client(running) as asking:
            assert [asking.get("/v1/types").status_code for _ in range(6)] == [200] * 6
            sent = [asking.post("/v1/records", json={"kind": "document"}) for _ in range(6)]
            assert [problem(answer, 401, "unauthorised")["code"] for answer in sent] == ["unauthorised"] * 6
