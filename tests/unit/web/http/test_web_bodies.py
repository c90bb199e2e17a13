"""Bodies are bounded while they arrive, and read strictly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Depends, FastAPI

from chain_service.config import Settings
from chain_service.errors import BadRequest
from chain_service.web.http.bodies import (
    MAX_DEPTH,
    MAX_JSON,
    BoundBodies,
    NdjsonLines,
    bounded_lines,
    check_depth,
    parse_json,
    read_body,
)
from chain_service.web.http.problems import PayloadTooLarge, install_problem_handlers
from chain_service.web.http.request_log import RequestMetrics
from chain_service.web.schemas.requests import parse_moment
from support.cost import costs_at_most

KIB = 1024


def bounded(settings: Settings) -> FastAPI:
    web = FastAPI()
    install_problem_handlers(web)

    @web.post("/{path:path}")
    def size(body: bytes = Depends(read_body)) -> int:
        return len(body)

    web.add_middleware(BoundBodies, settings=settings, metrics=RequestMetrics(dict))
    return web


@pytest.fixture
def settings() -> Settings:
    return Settings(max_body=64 * KIB, max_file=8 * KIB)


def chunks(total: int) -> Iterator[bytes]:
    for _ in range(total // KIB):
        yield b"x" * KIB


@pytest.mark.parametrize("declared", [True, False], ids=["declared length", "chunked"])
def test_a_body_over_the_bound_is_refused(client_of: Any, settings: Settings, declared: bool) -> None:
    client = client_of(bounded(settings))
    body: Any = b"x" * (65 * KIB) if declared else chunks(65 * KIB)
    answer = client.post("/v1/records", content=body)
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"
    assert answer.json()["limit"] == 64 * KIB


def test_a_body_at_the_bound_is_read(client_of: Any, settings: Settings) -> None:
    assert client_of(bounded(settings)).post("/v1/records", content=chunks(64 * KIB)).json() == 64 * KIB


def test_every_address_has_its_own_bound(settings: Settings) -> None:
    bodies = BoundBodies(None, settings, RequestMetrics(dict))  # type: ignore[arg-type]
    assert bodies.bound("/v1/records") == bodies.bound("/v1/verify/bulk") == 64 * KIB
    assert bodies.bound("/v1/verify") > settings.max_file
    assert bodies.bound("/v1/seals") <= MAX_JSON
    assert bodies.bound("/anything") <= MAX_JSON


def test_nesting_is_bounded_before_parsing() -> None:
    check_depth(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(BadRequest, match="nests deeper"):
        parse_json(b'{"a":' * 100_000)
    with pytest.raises(BadRequest, match="nests deeper"):
        check_depth(b"[" * (MAX_DEPTH + 1))


def test_brackets_inside_strings_are_no_nesting() -> None:
    check_depth(b'["' + b"[{" * 500 + b'", "\\"[[", "\\\\"]')


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\xff"}',
        b'{"a": ' + b"9" * 10_000 + b"}",
    ],
    ids=["empty", "cut off", "NaN", "Infinity", "member twice", "not UTF-8", "huge number"],
)
def test_what_is_not_strict_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_json(text)
    assert caught.value.code == "malformed_request"


def test_lines_keep_their_numbers_when_some_are_blank() -> None:
    assert list(NdjsonLines(b"\n{}\r\n\n {1} \n")) == [(2, b"{}"), (4, b"{1}")]
    assert list(NdjsonLines(b"{}")) == [(1, b"{}")]


def test_the_number_of_lines_is_bounded() -> None:
    assert len(list(bounded_lines(b"{}\n" * 3, 3))) == 3
    for body in (b"{}\n" * 4, b"\n" * 100):
        with pytest.raises(PayloadTooLarge) as caught:
            bounded_lines(body, 3)
        assert caught.value.code == "too_many_lines"


def test_a_body_without_a_line_is_refused() -> None:
    with pytest.raises(BadRequest):
        bounded_lines(b" \n ", 3)


def test_times_without_a_zone_are_in_china() -> None:
    assert parse_moment("1970-01-01T00:00:10Z") == 10
    assert parse_moment("1970-01-01T08:00:10+08:00") == 10
    assert parse_moment("1970-01-01T08:00:10") == 10
    assert parse_moment("1970-01-02") == 16 * 3600


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-01-01T25:00:00Z", "2026-01-01T00:00:00+99:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_moment(text)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", [b'\\"', b"\\", b'"', b'\\\\"', b"a"])
def test_a_string_without_end_is_scanned_once(unit: bytes) -> None:
    data = b'{"a":"' + unit * (2**20 // len(unit))
    with costs_at_most(2):
        check_depth(data)
