"""What `/openapi.json` says beside what FastAPI finds out: keys and roles, problems, and how binary answers look.

Much of it holds for every route and follows from what the route depends on, so that no route has to say it:
whoever asks for a key may answer 401 and 429, whoever reads a body 413 and 415, whoever has a name in its path 404.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from chain_service.web.http.answers import problems
from chain_service.web.http.auth import Everybody, WithKey, admission
from chain_service.web.http.bodies import JSON
from chain_service.web.schemas.examples import EXAMPLES
from chain_service.web.schemas.problems import ProblemDetails
from chain_service.web.schemas.receipts import ReceiptView
from chain_service.web.schemas.requests import ApprovalRequest, SealStateRequest, StatusRequest, VerifyRequest
from chain_service.web.schemas.submissions import COMPONENTS
from chain_service.web.schemas.verdicts import VerdictView

KEY = "key"
SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key of `chain-service key create --org CODE --role …`; it acts for its organisation only.",
}
MODELS = (VerifyRequest, StatusRequest, ApprovalRequest, SealStateRequest, ProblemDetails)
"""Models that a route names by reference only."""
SHOWN = (VerdictView, ReceiptView)
"""The same of answers."""
REQUEST_ID = {"description": "names this request in the service's log", "schema": {"type": "string"}}


def describe(web: FastAPI, routes: Sequence[APIRoute]) -> None:
    """`web.openapi()` tells all of `routes` from now on. Raises ValueError for one that admits nobody."""
    for route in routes:
        admission(route)

    def openapi() -> dict[str, Any]:
        if web.openapi_schema is None:
            web.openapi_schema = _complete(
                get_openapi(title=web.title, version=web.version, description=web.description, routes=web.routes),
                [route for route in routes if route.include_in_schema],
            )
        return web.openapi_schema

    web.openapi = openapi  # type: ignore[method-assign]


def operation_id(route: APIRoute) -> str:
    """`records_submit`, `verify_one`: what a generated client calls the operation."""
    tag = str(route.tags[0]) if route.tags else ""
    return route.name if route.name.startswith(tag) else f"{tag}_{route.name}"


def _complete(schema: dict[str, Any], routes: Sequence[APIRoute]) -> dict[str, Any]:
    for route in routes:
        for method in route.methods or ():
            _complete_operation(schema["paths"][route.path_format][method.lower()], route)
    models = models_json_schema(
        [(model, "validation") for model in MODELS] + [(model, "serialization") for model in SHOWN],
        ref_template="#/components/schemas/{model}",
    )[1]["$defs"]
    schemas: dict[str, Any] = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(models)
    schemas.update(COMPONENTS)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schema["components"]["schemas"] = dict(sorted(schemas.items()))
    schema["components"]["headers"] = {"RequestId": REQUEST_ID}
    schema["components"]["securitySchemes"] = {KEY: SCHEME}
    return schema


def _complete_operation(operation: dict[str, Any], route: APIRoute) -> None:
    admitted = admission(route)
    operation["x-who"] = admitted.who
    if not isinstance(admitted, Everybody):
        operation["description"] = f"{operation['description']}\n\nRole: {admitted.who}."
        operation["security"] = [{KEY: []}] if isinstance(admitted, WithKey) else [{}, {KEY: []}]
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        if (example := EXAMPLES.get((route.path_format, media_type))) is not None:
            content["example"] = example
    responses = operation["responses"]
    for status, problem in problems(*_always(route, "requestBody" in operation)).items():
        if status == 422 or str(status) not in responses:
            responses[str(status)] = problem
    for response in responses.values():
        response.setdefault("headers", {})["X-Request-Id"] = {"$ref": "#/components/headers/RequestId"}
        for media_type, content in response.get("content", {}).items():
            if not content.get("schema") and media_type != JSON:
                content["schema"] = {"type": "string"} | (
                    {} if media_type.startswith("text/") else {"format": "binary"}
                )
    operation["responses"] = dict(sorted(responses.items()))


def _always(route: APIRoute, has_body: bool) -> list[int]:
    """The statuses that a problem may have on this route whatever it does."""
    statuses = [422, 500, 503]
    if not isinstance(admission(route), Everybody):
        statuses += [401, 429]
    if route.param_convertors:
        statuses.append(404)
    if has_body:
        statuses += [413, 415]
    return statuses
