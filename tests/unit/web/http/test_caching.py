"""What of an answer may be kept, and that nothing is sent twice to who has it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import FastAPI
from prometheus_client import generate_latest
from starlette.responses import Response, StreamingResponse

from chain_service.config import Settings
from chain_service.jobs.context import App
from chain_service.web.app import create_app
from chain_service.web.http.auth import Everybody, admission
from chain_service.web.http.caching import FOR_EVER, SHARED, Caching
from chain_service.web.http.head import HeadAndOptions


@pytest.fixture(scope="module")
def web() -> FastAPI:
    return create_app(cast(App, SimpleNamespace(settings=Settings())))


@pytest.fixture
def small(client_of: Any) -> Any:
    """Routes that answer in every way there is."""
    web = FastAPI()
    web.get("/tile")(lambda: Response(b"tile", headers={"Cache-Control": FOR_EVER}))
    web.get("/v1/types")(lambda: Response(b"types", media_type="text/plain"))
    web.get("/v1/records/{record_id}")(lambda record_id: Response(record_id.encode()))
    web.get("/lines")(lambda: StreamingResponse(iter([b"one\n", b"two\n"])))
    web.get("/page", name="page")(lambda: Response(b"page", headers={"Content-Security-Policy": "sandbox"}))
    web.add_middleware(Caching)
    web.add_middleware(HeadAndOptions)
    return client_of(web)


def test_whoever_has_the_content_gets_none(small: Any) -> None:
    first = small.get("/v1/types")
    tag = first.headers["etag"]
    assert tag.startswith('"') and first.headers["cache-control"] == "public, no-cache"
    for sent in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = small.get("/v1/types", headers={"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "public, no-cache"
        assert "content-length" not in again.headers and "content-type" not in again.headers
        assert small.head("/v1/types", headers={"If-None-Match": sent}).status_code == 304
    for sent in ('"other"', tag.strip('"'), f"{tag}x", f'{tag}, "', '"*"'):
        again = small.get("/v1/types", headers={"If-None-Match": sent})
        assert (again.status_code, again.content) == ((304, b"") if tag in sent.split(", ") else (200, b"types")), sent


def test_other_content_has_another_tag(small: Any) -> None:
    tags = {small.get(f"/v1/records/{name}").headers["etag"] for name in ("one", "two", "one")}
    assert len(tags) == 2


def test_what_depends_on_the_key_is_never_kept_and_varies_by_it(small: Any) -> None:
    answer = small.get("/v1/records/one")
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("private, no-store", "Authorization")
    again = small.get("/v1/records/one", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.headers["vary"]) == (304, "Authorization")


def test_an_answer_that_says_what_it_may_be_kept_for_keeps_that(small: Any) -> None:
    answer = small.get("/tile")
    assert answer.headers["cache-control"] == FOR_EVER and "vary" not in answer.headers


def test_a_page_keeps_its_policy_when_it_is_not_sent_again(small: Any) -> None:
    tag = small.get("/page").headers["etag"]
    assert small.get("/page", headers={"If-None-Match": tag}).headers["content-security-policy"] == "sandbox"


def test_lines_that_come_one_by_one_have_no_tag(small: Any) -> None:
    answer = small.get("/lines", headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.text, "etag" in answer.headers) == (200, "one\ntwo\n", False)


def test_refusals_have_no_tag_and_are_kept_by_nobody(client_of: Any, web: FastAPI) -> None:
    for path in ("/nowhere", "/v1/logs/unknown/tile/wrong"):
        answer = client_of(web).get(path, headers={"If-None-Match": "*"})
        assert (answer.status_code, "etag" in answer.headers) == (404, False)
        assert answer.headers["cache-control"] == "private, no-store"


def test_only_routes_that_look_at_no_key_are_shared(web: FastAPI) -> None:
    admissions = {route.path: admission(route) for route in web.state.routes if "GET" in (route.methods or ())}
    known = SHARED - {"/openapi.json"}
    assert known <= admissions.keys()
    assert all(isinstance(admissions[path], Everybody) for path in known)


def test_options_and_refusals_name_every_method_of_an_address(client_of: Any, web: FastAPI) -> None:
    client = client_of(web)
    for path, allowed in (
        ("/v1/records", "GET, HEAD, OPTIONS, POST"),
        ("/v1/records/some/status", "GET, HEAD, OPTIONS, POST"),
        ("/v1/verify", "OPTIONS, POST"),
        ("/v1/catalogs/some/code/history", "GET, HEAD, OPTIONS"),
        ("/static/app.js", "GET, HEAD, OPTIONS"),
    ):
        asked, refused = client.options(path), client.request("PATCH", path)
        assert (asked.status_code, asked.content, asked.headers["allow"]) == (204, b"", allowed)
        assert (refused.status_code, refused.headers["allow"]) == (405, allowed)
        assert refused.json()["code"] == "method_not_allowed"
    assert client.options("/nowhere").status_code == 404


def test_every_method_is_counted_under_the_route_that_it_asks_for(client_of: Any, web: FastAPI) -> None:
    client = client_of(web)
    for method in ("HEAD", "OPTIONS", "GET"):
        client.request(method, "/static/icon.svg")
    client.request("DELETE", "/static/icon.svg")
    text = generate_latest(
        web.state.metrics.registry.restricted_registry(["chain_service_http_requests_total"])
    ).decode()
    for method, status in (("HEAD", 200), ("OPTIONS", 204), ("GET", 200), ("DELETE", 405)):
        assert f'{{method="{method}",route="/static/icon.svg",status="{status}"}} 1.0' in text, method
