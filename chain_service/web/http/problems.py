"""Errors as RFC 9457 problems: one stable `code`, both languages, never a value that the caller sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from chain_service.error_codes import CODES, meaning_of, problem_object
from chain_service.errors import BadRequest, ChainServiceError, Unauthorised
from chain_service.web.http.head import allowed_methods

_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}


class PayloadTooLarge(BadRequest):
    """The body, its file or its number of lines exceeds the bound in force."""

    default_code = "body_too_large"


class UnsupportedMediaType(BadRequest):
    default_code = "unsupported_media_type"


class RateLimited(ChainServiceError):
    """This client asked too often without a key; `details["retryAfter"]` seconds remain."""

    default_code = "rate_limited"


def problem_bytes(problem: Mapping[str, Any]) -> bytes:
    """JSON text of a problem; details that JSON cannot carry are shown as text."""
    return orjson.dumps(problem, default=str)


def problem_response(error: ChainServiceError, request_id: str | None = None) -> Response:
    problem = problem_object(error, request_id)
    headers: dict[str, str] = {}
    if isinstance(error, Unauthorised):
        headers["WWW-Authenticate"] = "Bearer"
    if "retryAfter" in error.details:
        headers["Retry-After"] = str(error.details["retryAfter"])
    elif problem["status"] == 503:
        headers["Retry-After"] = "5"
    return Response(problem_bytes(problem), problem["status"], headers, "application/problem+json")


def validation_problem(errors: list[Any], where: str | None = None) -> BadRequest:
    """What a schema refused: the field and the rule, without the value.

    `errors` are pydantic's error objects; their `input`, `ctx` and `url` are left out.
    """
    found = []
    for item in errors[:20]:
        location = [str(part) for part in item.get("loc", ())]
        if where is None and location[:1] in (["body"], ["query"], ["path"], ["header"]):
            location = location[1:]
        found.append({"field": ".".join(location) or "(body)", "problem": str(item.get("msg", "not acceptable"))})
    first = found[0] if found else {"field": "(body)", "problem": "not acceptable"}
    detail = f"{first['field']}: {first['problem']}"
    return BadRequest(detail, code="malformed_request", field=first["field"], errors=found)


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)


def _on_service_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ChainServiceError)
    if meaning_of(error).status >= 500:
        structlog.get_logger("chain_service.web").warning("request_failed", code=error.code, reason=error.message)
    return problem_response(error, _request_id(request))


def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_response(validation_problem(list(error.errors())), _request_id(request))


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, "malformed_request" if error.status_code < 500 else "internal_error")
    response = problem_response(_HttpProblem(CODES[code].en, code=code), _request_id(request))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    if error.status_code == 405 and (allowed := allowed_methods(_routes(request), request.url.path)):
        response.headers["Allow"] = allowed
    return response


def _routes(request: Request) -> list[APIRoute]:
    return getattr(request.app.state, "routes", [])


class _HttpProblem(ChainServiceError):
    """What the framework refused before any of our code ran."""


def install_problem_handlers(web: FastAPI) -> None:
    """Every error that leaves an endpoint of `web` is a problem from now on."""
    web.add_exception_handler(ChainServiceError, _on_service_error)
    web.add_exception_handler(RequestValidationError, _on_validation_error)
    web.add_exception_handler(HTTPException, _on_http_error)
