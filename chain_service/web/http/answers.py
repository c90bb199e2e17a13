"""How answers leave: JSON that no schema re-checks, and NDJSON line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from chain_service.core.encoding.answers import json_bytes
from chain_service.web.http.bodies import JSON, NDJSON
from chain_service.web.schemas.problems import ProblemDetails

PIECE = 64 * 1024
"""Bytes that gather before a streamed answer goes on."""


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The value as JSON; answers of jobs in their form at the door."""
    return Response(json_bytes(value), status, headers, media_type=JSON)


def ndjson_lines(values: Iterable[Any]) -> Iterator[bytes]:
    """Each value as one line of JSON."""
    for value in values:
        yield json_bytes(value) + b"\n"


def ndjson_answer(values: Iterable[Any], status: int = 200) -> Response:
    """All lines at once, for values that are there already."""
    return Response(b"".join(ndjson_lines(values)), status, media_type=NDJSON)


def ndjson_stream(values: Iterable[Any]) -> Response:
    """Line after line as `values` yields them, from a thread of the pool; short ones leave together."""
    return StreamingResponse(_gathered(ndjson_lines(values)), media_type=NDJSON)


def _gathered(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines, some 64 KiB at a time: each piece costs a change of threads."""
    gathered = bytearray()
    for line in lines:
        gathered += line
        if len(gathered) >= PIECE:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


STREAM = {"type": "string", "format": "binary"}
"""The schema of lines as generated clients understand it: bytes to pass on as they are."""


def component(model: type[Any]) -> dict[str, Any]:
    """Where OpenAPI's components have this model; `web.http.openapi` puts them there."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}


Submitted = type[BaseModel] | dict[str, Any]
"""A model, or a schema where `core` reads the body."""


def request_body(
    *, json: Submitted | None = None, ndjson: Submitted | None = None, multipart: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The OpenAPI words for a body that an endpoint reads itself; `ndjson` is what one line is."""
    content: dict[str, Any] = {}
    if json is not None:
        content[JSON] = {"schema": _schema(json)}
    if ndjson is not None:
        content[NDJSON] = _lines(_schema(ndjson), "one request a line")
    if multipart is not None:
        content["multipart/form-data"] = {"schema": multipart}
    return {"requestBody": {"required": True, "content": content}}


def lines_of(model: type[Any], description: str) -> dict[str, Any]:
    """The OpenAPI words for an answer in NDJSON each of whose lines is this model."""
    content = _lines(component(model), f"{description}: one {model.__name__} a line")
    return {"description": description, "content": {NDJSON: content}}


def _lines(line: dict[str, Any], description: str) -> dict[str, Any]:
    """Bytes for generated clients, and for readers what a line is (`itemSchema` as OpenAPI 3.2 has it)."""
    return {"schema": {**STREAM, "description": description}, "itemSchema": line}


def _schema(shape: Submitted) -> dict[str, Any]:
    return shape if isinstance(shape, dict) else component(shape)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI words for these statuses answered as problems, with the headers that come along."""
    content = {"application/problem+json": {"schema": component(ProblemDetails)}}
    return {
        status: {"description": _MEANING[status], "content": content, **_problem_headers(status)} for status in statuses
    }


_MEANING = {
    401: "no key, or one that is unknown or revoked",
    403: "the key may not do this",
    404: "there is nothing under that name",
    409: "it contradicts what stands already",
    410: "the record was erased",
    413: "the body is too large",
    415: "the content type is not accepted here",
    422: "the request cannot be read or breaks a rule",
    429: "too many requests without a key",
    500: "the service failed",
    503: "the service cannot do this now",
}


def _problem_headers(status: int) -> dict[str, Any]:
    if status == 401:
        return {"headers": {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "const": "Bearer"}}}}
    if status in (429, 503):
        wait = {"description": "seconds to wait", "required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}}
        return {"headers": {"Retry-After": wait}}
    return {}
