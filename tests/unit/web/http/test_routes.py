"""Who may call what: every route with its method and whom it lets in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from chain_service.config import Settings
from chain_service.jobs.asker import ROLES, KeyHolder
from chain_service.jobs.context import App
from chain_service.web.app import create_app
from chain_service.web.http.auth import OPEN, AnchorKey, Everybody, SealKey, WithKey, admission, key_sent
from chain_service.web.pages.routes import FILES

ROUTES = {
    "POST /v1/records": "`anchor`",
    "GET /v1/records": "`audit`, `anchor` or `status`",
    "GET /v1/records/{record_id}": "all; for `audit` or `anchor` also the disclosure of their own records",
    "GET /v1/records/{record_id}/proof": "all",
    "GET /v1/records/{record_id}/receipt": "all",
    "POST /v1/records/{record_id}/status": "`status`",
    "GET /v1/records/{record_id}/status": "`audit`, `anchor` or `status`",
    "POST /v1/records/{record_id}/status/approve": "`status`",
    "POST /v1/records/{record_id}/status/refuse": "`status`",
    "GET /v1/approvals": "`audit`, `anchor` or `status`",
    "POST /v1/verify": "all; for `verify` also by an identifier and a cause alone",
    "POST /v1/verify/bulk": "any key",
    "POST /v1/seals": "`seal`",
    "GET /v1/seals": "all",
    "GET /v1/seals/{code}": "all",
    "POST /v1/seals/{code}/state": "`seal`",
    "POST /v1/catalogs": "`catalog`",
    "GET /v1/catalogs": "all",
    "GET /v1/catalogs/findings": "`audit` or `catalog`",
    "GET /v1/catalogs/{code:path}/history": "all",
    "GET /v1/catalogs/{code:path}/diff": "all",
    "GET /v1/organisations": "all",
    "GET /v1/organisations/{code}": "all",
    "GET /v1/types": "all",
    "GET /v1/alerts": "`audit`",
    "GET /v1/readings": "`audit`",
    "GET /v1/logs/{log}/checkpoint": "all",
    "GET /v1/logs/{log}/key": "all",
    "GET /v1/logs/{log}/tile/{path:path}": "all",
    "GET /v1/trust": "all",
    "GET /healthz": "all",
    "GET /readyz": "all",
    "GET /metrics": "all",
    "GET /": "all",
    "GET /docs": "all",
    "GET /offline.html": "all",
    **{f"GET /static/{name}": "all" for name in FILES},
}
"""Whoever adds a route says here whom it lets in."""
READING = {"POST /v1/verify", "POST /v1/verify/bulk"}
"""What is asked with a body and changes nothing."""


@pytest.fixture(scope="module")
def web() -> FastAPI:
    return create_app(cast(App, SimpleNamespace(settings=Settings())))


def routes(web: FastAPI) -> dict[str, APIRoute]:
    found: list[APIRoute] = web.state.routes
    return {f"{method} {route.path}": route for route in found for method in route.methods or ()}


def test_every_route_lets_in_whom_the_table_says(web: FastAPI) -> None:
    assert {name: admission(route).who for name, route in routes(web).items()} == ROUTES


def test_the_application_has_no_other_routes(web: FastAPI) -> None:
    described = {f"{method.upper()} {path}" for path, methods in web.openapi()["paths"].items() for method in methods}
    assert described <= {name.replace(":path}", "}") for name in ROUTES}
    assert {route.path for route in web.routes if type(route) is APIRoute} <= {name.split(" ")[1] for name in ROUTES}


def test_whatever_changes_something_names_a_role(web: FastAPI) -> None:
    for name, route in routes(web).items():
        if not name.startswith("GET ") and name not in READING:
            lets_in = admission(route)
            assert isinstance(lets_in, WithKey) and lets_in.roles, name


def test_whatever_changes_something_may_be_sent_again_under_a_key(web: FastAPI) -> None:
    paths = web.openapi()["paths"]
    for name in routes(web):
        method, path = name.split(" ")
        if method in ("POST", "PUT", "PATCH", "DELETE"):
            parameters = paths[path.replace(":path}", "}")][method.lower()].get("parameters", ())
            assert (name in READING) == ("Idempotency-Key" not in {one["name"] for one in parameters}), name


def test_every_role_opens_a_route(web: FastAPI) -> None:
    named = {role for route in routes(web).values() for role in getattr(admission(route), "roles", ())}
    assert named == set(ROLES)


def test_a_key_without_the_role_and_nobody_are_refused_before_the_body_is_read(web: FastAPI, client_of: Any) -> None:
    client, refused = client_of(web), 0
    for name, route in routes(web).items():
        lets_in = admission(route)
        if not isinstance(lets_in, WithKey):
            continue
        method, path = name.split(" ")
        web.dependency_overrides[key_sent] = lambda: None
        answer = client.request(method, path, content=b"not JSON")
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised"), name
        others = frozenset(ROLES) - set(lets_in.roles)
        web.dependency_overrides[key_sent] = lambda others=others: KeyHolder("an organisation", others, "a key")
        if lets_in.roles:
            answer = client.request(method, path, content=b"not JSON")
            assert (answer.status_code, answer.json()["code"]) == (403, "missing_role"), name
            refused += 1
    web.dependency_overrides.clear()
    assert refused >= 6


@pytest.mark.parametrize("named", [0, 2])
def test_a_route_that_does_not_say_once_whom_it_lets_in_is_no_route(named: int) -> None:
    router = APIRouter(dependencies=[OPEN] * bool(named))

    @router.get("/silent")
    def silent() -> str:
        return ""

    @router.post("/twice")
    def twice(anchoring: AnchorKey, sealing: SealKey) -> str:
        return anchoring.org + sealing.org

    for route in router.routes:
        assert isinstance(route, APIRoute)
        if route.path == "/silent" and named:
            assert admission(route) == Everybody()
        else:
            with pytest.raises(ValueError, match="say once who may call it"):
                admission(route)


def test_no_request_waits_for_schemas_to_be_made(client_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are made with the application, by one thread: FastAPI otherwise makes them at the first request."""
    web = create_app(cast(App, SimpleNamespace(settings=Settings())))

    def late(*_: Any, **__: Any) -> None:
        raise AssertionError("a schema is made while requests are answered")

    monkeypatch.setattr(TypeAdapter, "__init__", late)
    assert client_of(web).get("/healthz").status_code == 200
