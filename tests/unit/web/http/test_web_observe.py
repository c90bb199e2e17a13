"""Log lines and metrics say what happened and nothing about whom."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog
from fastapi import FastAPI, Request
from prometheus_client import generate_latest

from chain_service.errors import Conflict
from chain_service.web.http.headers import SecurityHeaders
from chain_service.web.http.problems import install_problem_handlers
from chain_service.web.http.request_log import Observe, RequestMetrics, about_request

SECRETS = ("张三", "440101199001011234", "sk_live_key", "withdrawn-because")


@pytest.fixture
def metrics() -> RequestMetrics:
    return RequestMetrics(lambda: {"index_lag_blocks": 2.0})


@pytest.fixture
def web(metrics: RequestMetrics) -> FastAPI:
    web = FastAPI()
    install_problem_handlers(web)

    @web.post("/v1/records/{record_id}/status")
    async def change(record_id: str, request: Request) -> dict[str, str]:
        await request.body()
        about_request(request, key="k1", org="11430000006122244L")
        return {"id": record_id}

    @web.get("/broken")
    def broken() -> None:
        raise ValueError(f"cannot read {SECRETS[0]}")

    @web.get("/conflict")
    def conflict() -> None:
        raise Conflict("taken", code="identifier_taken")

    web.add_middleware(Observe, metrics=metrics)
    web.add_middleware(SecurityHeaders)
    return web


def test_a_request_is_one_line_without_body_query_identifier_or_key(client_of: Any, web: FastAPI) -> None:
    with structlog.testing.capture_logs() as lines:
        client_of(web).post(
            f"/v1/records/{SECRETS[1]}/status?q={SECRETS[0]}",
            json={"text": SECRETS[3]},
            headers={"Authorization": f"Bearer {SECRETS[2]}"},
        )
    assert len(lines) == 1
    line = lines[0]
    assert (line["event"], line["route"]) == ("request", "/v1/records/{record_id}/status")
    assert (line["status"], line["key"], line["org"]) == (200, "k1", "11430000006122244L")
    assert line["ms"] >= 0
    for secret in SECRETS:
        assert secret not in json.dumps(line, ensure_ascii=False)


def test_an_unforeseen_failure_is_a_problem_and_its_message_is_not_logged(client_of: Any, web: FastAPI) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = client_of(web).get("/broken")
    assert answer.status_code == 500
    problem = answer.json()
    assert problem["code"] == "internal_error"
    assert problem["requestId"] == answer.headers["x-request-id"]
    unforeseen = next(line for line in lines if line["event"] == "unforeseen")
    assert unforeseen["error"] == "ValueError"
    assert any(":broken" in frame for frame in unforeseen["frames"])
    assert SECRETS[0] not in str(lines) + answer.text


def test_every_answer_carries_a_request_id_and_the_security_headers(client_of: Any, web: FastAPI) -> None:
    client = client_of(web)
    ids = set()
    for path in ("/conflict", "/broken", "/nowhere"):
        answer = client.get(path)
        ids.add(answer.headers["x-request-id"])
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
        assert answer.json()["requestId"] == answer.headers["x-request-id"]
    assert len(ids) == 3


def test_metrics_count_by_route_template_and_read_gauges_when_scraped(
    client_of: Any, web: FastAPI, metrics: RequestMetrics
) -> None:
    client = client_of(web)
    client.post(f"/v1/records/{SECRETS[1]}/status", json={})
    client.get(f"/{SECRETS[0]}")
    client.request("PROPFIND", "/conflict")
    text = generate_latest(metrics.registry).decode()
    assert (
        'chain_service_http_requests_total{method="POST",route="/v1/records/{record_id}/status",status="200"} 1.0'
        in text
    )
    assert 'route="(none)",status="404"' in text
    assert 'method="OTHER"' in text
    assert "chain_service_index_lag_blocks 2.0" in text
    assert "chain_service_http_request_seconds_bucket" in text
    for secret in SECRETS:
        assert secret not in text
