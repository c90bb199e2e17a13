"""Callers that keep the service waiting cost little, hear why they are sent away, and keep nobody else out."""

from __future__ import annotations

import json
import resource
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support import callers
from support.callers import (
    answer,
    asked,
    clerk,
    connected,
    descriptors,
    half_open,
    metric,
    p95,
    resident,
    secured,
    stalled,
    until,
)
from support.chains.server_certificates import self_signed
from support.worlds import running_instance
from support.worlds.running_instance import Instance, Process

HALF_OPEN, UPLOADS, MEGABYTES, DESCRIPTORS = 500, 100, 100, 256
Start = Callable[..., Process]


@pytest.fixture(scope="module")
def start(service: Instance) -> Iterator[Start]:
    """Starts a service of its own on the same data, under `ulimit -n 256`; all of them end in good order."""
    program = ["sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh", *running_instance.PROGRAM]
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(running_instance, "PROGRAM", program)

        def started(**settings: object) -> Process:
            named = {f"CHAIN_SERVICE_{name.upper()}": str(value) for name, value in settings.items()}
            process = Process(service.data, "serve", "--no-workers", "--port", "0", **named)
            stack.callback(lambda: _ended(process))
            return process

        yield started


@pytest.fixture(scope="module")
def hasty(start: Start) -> Process:
    """It waits for nobody."""
    return start(header_seconds=1, body_seconds=2, least_rate=100)


@pytest.fixture(scope="module")
def little(start: Start) -> Process:
    """It has little room."""
    return start(address_connections=8, spool_bytes=4 * 2**20, address_spool_bytes=2 * 2**20)


@pytest.fixture
def small(little: Process) -> Process:
    """It has seen that the connections of the test before are gone: they count for their addresses until then."""
    assert until(lambda: metric(little.url, "chain_service_http_connections") == 1)  # that of the question
    return little


def _ended(process: Process) -> None:
    assert process.stop() == 0


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    """Whatever is put here is closed at the end, before the service stops."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.long
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_half_open_connections_and_stalled_uploads_cost_little_and_keep_nobody_out(
    start: Start, tmp_path: Path, sockets: ExitStack, tls: bool
) -> None:
    certificate, key = self_signed(tmp_path)
    process = start(**({"tls_certificate": certificate, "tls_key": key} if tls else {}))
    pid = process.process.pid
    with clerk(process.url, "127.0.9.9") as quiet:
        assert until(lambda: len(quiet) >= 50, 120)
    before = resident(pid)
    with clerk(process.url, "127.0.9.9") as served:
        for number in range(HALF_OPEN):
            made = sockets.enter_context(connected(process.url, f"127.0.0.{2 + number % 50}"))
            if not tls:  # a handshake that nobody begins is half-open, too
                half_open(made)
        assert until(lambda: descriptors(pid) > 128)
        for number in range(UPLOADS):
            made = connected(process.url, f"127.0.1.{2 + number % 5}")
            sockets.enter_context(stalled(secured(made) if tls else made, 2**20))
        count = len(served)
        assert until(lambda: len(served) >= count + 50, 120)
        grown = resident(pid) - before
    assert grown < MEGABYTES
    assert descriptors(pid) <= DESCRIPTORS - 16
    assert {status for status, _ in served} == {200}
    assert p95(served) < max(1, 10 * p95(quiet))
    assert metric(process.url, 'chain_service_http_bounded_total{reason="half_open"}') >= HALF_OPEN - 192
    assert process.log.stat().st_size < 2**20


def test_who_is_slow_hears_why_in_both_languages(hasty: Process, sockets: ExitStack) -> None:
    process = hasty
    silent = sockets.enter_context(connected(process.url, "127.0.0.2"))
    header = sockets.enter_context(half_open(connected(process.url, "127.0.0.2")))
    begun = sockets.enter_context(stalled(connected(process.url, "127.0.0.2"), 10))
    large = sockets.enter_context(stalled(connected(process.url, "127.0.0.2"), 2**20))
    assert answer(silent) == (0, {})
    for made, reason in ((header, "header_seconds"), (begun, "body_seconds"), (large, "body_seconds")):
        status, problem = answer(made)
        assert (status, problem["code"], problem["reason"]) == (408, "request_too_slow", reason)
        assert set(problem["message"]) == {"zh", "en"}
        assert made.recv(1) == b""
    assert metric(process.url, 'chain_service_http_bounded_total{reason="header_seconds"}') == 2
    assert metric(process.url, 'chain_service_http_bounded_total{reason="body_seconds"}') == 2
    assert metric(process.url, "chain_service_http_spooled_bytes") == 0
    lines = [json.loads(line) for line in process.log.read_text(encoding="utf-8").splitlines() if '"bounded"' in line]
    told = Counter(line["reason"] for line in lines if line["address"] == "127.0.0.2")
    assert told["header_seconds"] >= 2
    assert told["body_seconds"] >= 2


def test_a_body_that_drips_is_ended_and_one_that_flows_slowly_is_not(hasty: Process, sockets: ExitStack) -> None:
    process = hasty
    ended = 'chain_service_http_bounded_total{reason="body_seconds"}'
    before = metric(process.url, ended)
    dripping = sockets.enter_context(stalled(connected(process.url, "127.0.0.2"), 10))
    flowing = sockets.enter_context(connected(process.url, "127.0.0.2"))
    body = callers.NOTHING + b" " * 2000
    flowing.sendall(
        b"POST /v1/verify HTTP/1.1\r\nHost: service\r\nContent-Type: application/json\r\n"
        b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n"
    )
    for start_of in range(0, len(body), 100):
        flowing.sendall(body[start_of : start_of + 100])
        _drip(dripping)
        assert not until(lambda: False, 0.15)
    assert answer(flowing)[0] == 200
    assert answer(dripping)[1].get("reason") in ("body_seconds", None)
    assert metric(process.url, ended) == before + 1


def _drip(made: socket.socket) -> None:
    try:
        made.sendall(b"x")
    except ConnectionError:
        return


def test_who_does_not_read_the_answers_is_ended(start: Start, sockets: ExitStack) -> None:
    process = start(body_seconds=1, least_rate=10**6)
    made = sockets.enter_context(connected(process.url, "127.0.0.2"))
    made.sendall(b"GET /offline.html HTTP/1.1\r\nHost: service\r\n\r\n" * 200)
    slow = 'chain_service_http_bounded_total{reason="slow_reader"}'
    assert until(lambda: metric(process.url, slow) == 1)
    assert until(lambda: metric(process.url, "chain_service_http_connections") == 1)  # that of the question


def test_many_kept_connections_make_room_for_others(small: Process, sockets: ExitStack) -> None:
    process = small
    request = b"GET /healthz HTTP/1.1\r\nHost: service\r\n\r\n"
    answered = 0
    for number in range(300):
        made = sockets.enter_context(connected(process.url, f"127.0.0.{2 + number % 50}"))
        made.sendall(request)
        answered += answer(made)[0] == 200
    assert answered == 300
    assert [asked(process.url, "127.0.9.9") for _ in range(5)] == [200] * 5
    assert descriptors(process.process.pid) <= DESCRIPTORS - 16


def test_one_address_has_so_many_connections_and_health_is_answered_beyond(small: Process, sockets: ExitStack) -> None:
    process = small
    for _ in range(8):
        sockets.enter_context(stalled(connected(process.url, "127.0.0.2"), 10))
    assert until(lambda: metric(process.url, "chain_service_http_connections") == 9)  # with that of the question
    assert until(lambda: metric(process.url, "chain_service_http_half_open") == 0)
    refused = sockets.enter_context(connected(process.url, "127.0.0.2"))
    refused.sendall(b"POST /v1/verify HTTP/1.1\r\nHost: service\r\nContent-Length: 2\r\n\r\n{}")
    status, problem = answer(refused)
    assert (status, problem["code"], problem["reason"]) == (429, "too_many_at_once", "address_connections")
    assert asked(process.url, "127.0.0.2", "/healthz") == 200
    assert asked(process.url, "127.0.0.2", "/readyz") in (200, 503)
    assert asked(process.url, "127.0.0.3") == 200


def test_behind_a_proxy_the_clients_count_and_not_the_proxy(start: Start, sockets: ExitStack) -> None:
    process = start(address_connections=3, behind_proxy="true")
    uploads = [sockets.enter_context(_forwarded(process.url, "203.0.113.5")) for _ in range(3)]
    for number in range(20):
        sockets.enter_context(_forwarded(process.url, f"203.0.113.{10 + number}"))
    assert until(lambda: metric(process.url, "chain_service_http_connections") == 24)
    assert until(lambda: asked(process.url, "127.0.0.1", headers={"X-Forwarded-For": "203.0.113.5"}) == 429)
    assert asked(process.url, "127.0.0.1", headers={"X-Forwarded-For": "203.0.113.6"}) == 200
    assert asked(process.url, "127.0.0.1", "/healthz", {"X-Forwarded-For": "203.0.113.5"}) == 200
    uploads[0].close()
    assert until(lambda: asked(process.url, "127.0.0.1", headers={"X-Forwarded-For": "203.0.113.5"}) == 200)


def _forwarded(url: str, client: str) -> socket.socket:
    made = connected(url, "127.0.0.1")
    made.sendall(
        b"POST /v1/verify HTTP/1.1\r\nHost: service\r\nContent-Type: application/json\r\n"
        b"X-Forwarded-For: " + client.encode() + b"\r\nContent-Length: 100\r\n\r\n{"
    )
    return made


def test_when_descriptors_run_out_the_oldest_make_room_and_the_log_is_short(start: Start, sockets: ExitStack) -> None:
    process = start()
    pid = process.process.pid
    assert asked(process.url, "127.0.9.9") == 200
    written = process.log.stat().st_size
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors(pid) + 4, DESCRIPTORS))  # as if others had taken them
    for number in range(40):
        sockets.enter_context(half_open(connected(process.url, f"127.0.0.{2 + number}")))
    assert until(lambda: asked(process.url, "127.0.9.9", "/healthz") == 200)
    assert "accept_paused" in process.log.read_text(encoding="utf-8")
    assert process.log.stat().st_size - written < 100_000
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    assert until(lambda: asked(process.url, "127.0.9.9") == 200)


def test_unfinished_uploads_have_a_bound_together_and_of_one_address(small: Process, sockets: ExitStack) -> None:
    process = small

    def beyond(address: str) -> tuple[int, dict[str, Any]]:
        return answer(sockets.enter_context(stalled(connected(process.url, address), 3 * 2**20, 3 * 2**20)))

    status, problem = beyond("127.0.0.2")
    assert (status, problem["code"], problem["reason"]) == (429, "too_many_at_once", "address_spool_bytes")
    spooled = "chain_service_http_spooled_bytes"
    for number, address in enumerate(("127.0.0.3", "127.0.0.4"), 1):
        sockets.enter_context(stalled(connected(process.url, address), 2 * 2**20 - 2**16))
        assert until(lambda: metric(process.url, spooled) >= number * (2**21 - 2**17))  # noqa: B023 - asked at once
    status, problem = beyond("127.0.0.5")
    assert (status, problem["code"], problem["reason"]) == (503, "overloaded", "spool_bytes")
    assert asked(process.url, "127.0.0.2") == 200


def test_what_is_no_http_is_answered_in_the_form_of_all_errors(small: Process, sockets: ExitStack) -> None:
    made = sockets.enter_context(connected(small.url, "127.0.0.2"))
    made.sendall(b"\x16\x03\x01 what is this\r\n\r\n")
    status, problem = answer(made)
    assert (status, problem["status"], problem["code"]) == (400, 400, "malformed_request")
