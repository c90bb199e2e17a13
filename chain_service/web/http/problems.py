"""Errors as RFC 9457 problems: one stable `code`, both languages, never a value that the caller sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from chain_service.core.encoding.answers import json_bytes
from chain_service.error_codes import CODES
from chain_service.errors import MOST_ERRORS, BadRequest, ChainServiceError, Unauthorised, Unavailable
from chain_service.problem_details import meaning_of, problem_object
from chain_service.web.http.head import allowed_methods, routes_at

_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}


class PayloadTooLarge(BadRequest):
    """The body, its file or its number of lines exceeds the bound in force."""

    default_code = "body_too_large"


class UnsupportedMediaType(BadRequest):
    """The body is of a type that the route does not read."""

    default_code = "unsupported_media_type"


class RequestTooSlow(ChainServiceError):
    """The caller kept the service waiting; `details["reason"]` is what was waited for."""

    default_code = "request_too_slow"


class TooManyAtOnce(ChainServiceError):
    """One address has as many connections, requests or bytes under way as it may; `details["reason"]` says which."""

    default_code = "too_many_at_once"


class Overloaded(Unavailable):
    """All addresses together have as much under way as the service may hold; `details["reason"]` says of what."""

    default_code = "overloaded"


def problem_bytes(problem: Mapping[str, Any]) -> bytes:
    """JSON text of a problem; details that JSON cannot carry are shown as text."""
    return json_bytes(problem, default=str)


def problem_response(error: ChainServiceError, request_id: str | None = None) -> Response:
    """The error as RFC 9457 problem JSON, with `WWW-Authenticate` and `Retry-After` where they apply."""
    problem = problem_object(error, request_id)
    headers: dict[str, str] = {}
    if isinstance(error, Unauthorised):
        headers["WWW-Authenticate"] = "Bearer"
    if "retryAfter" in error.details:
        headers["Retry-After"] = str(error.details["retryAfter"])
    elif problem["status"] in (429, 503):
        headers["Retry-After"] = "5"
    return Response(problem_bytes(problem), problem["status"], headers, "application/problem+json")


_RULES = {
    "missing": "缺少必填成员",
    "extra_forbidden": "没有此名称的成员",
    "string_type": "须为文本",
    "string_too_long": "文本过长",
    "string_too_short": "文本过短",
    "string_pattern_mismatch": "格式不符",
    "int_type": "须为整数",
    "int_parsing": "须为整数",
    "bool_type": "须为 true 或 false",
    "dict_type": "须为 JSON 对象",
    "model_type": "须为 JSON 对象",
    "list_type": "须为列表",
    "literal_error": "不是允许的值",
    "enum": "不是允许的值",
    "greater_than_equal": "数值过小",
    "less_than_equal": "数值过大",
}
"""What kind of rule a schema found broken, in Chinese; the library says it in English."""


def validation_problem(errors: list[Any], where: str | None = None) -> BadRequest:
    """What a schema refused: the fields and the rules, without the values.

    `errors` are pydantic's error objects; their `input`, `ctx` and `url` are left out.
    """
    rules = [_rule(item, where) for item in errors[:MOST_ERRORS]] or [("(body)", "not acceptable", "内容不可接受")]
    told = tuple(BadRequest(rule, code="malformed_request", zh=zh, field=field) for field, rule, zh in rules)
    field, rule, zh = rules[0]
    problem = BadRequest(f"{field}: {rule}", code="malformed_request", zh=zh, field=field)
    problem.errors = told
    return problem


def _rule(item: Mapping[str, Any], where: str | None) -> tuple[str, str, str]:
    location = [str(part) for part in item.get("loc", ())]
    if where is None and location[:1] in (["body"], ["query"], ["path"], ["header"]):
        location = location[1:]
    zh = _RULES.get(str(item.get("type")), "不符合要求")
    return ".".join(location)[:256] or "(body)", str(item.get("msg", "not acceptable")), zh


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
    if error.status_code == 405 and (allowed := allowed_methods(routes_at(request.scope, request.scope["path"]))):
        response.headers["Allow"] = allowed
    return response


class _HttpProblem(ChainServiceError):
    """What the framework refused before any of our code ran."""


def install_problem_handlers(web: FastAPI) -> None:
    """Every error that leaves an endpoint of `web` is a problem from now on."""
    web.add_exception_handler(ChainServiceError, _on_service_error)
    web.add_exception_handler(RequestValidationError, _on_validation_error)
    web.add_exception_handler(HTTPException, _on_http_error)
