"""How answers leave: JSON that no schema re-checks, and NDJSON line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from chain_service.core.encoding.answers import to_json
from chain_service.web.http.bodies import JSON, NDJSON
from chain_service.web.http.problems import PROBLEM_SCHEMA

PIECE = 64 * 1024
"""Bytes that gather before a streamed answer goes on."""


def json_answer(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value, to_json, orjson.OPT_PASSTHROUGH_DATACLASS), status, media_type=JSON)


def ndjson_lines(values: Iterable[Any]) -> Iterator[bytes]:
    for value in values:
        yield orjson.dumps(value, to_json, orjson.OPT_PASSTHROUGH_DATACLASS) + b"\n"


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


def request_body(*, json: type[BaseModel] | dict[str, Any] | None = None, **others: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI words for a body that an endpoint reads itself; `others` maps `ndjson`, `multipart` to schemas."""
    content: dict[str, Any] = {}
    if json is not None:
        content[JSON] = {"schema": json if isinstance(json, dict) else json.model_json_schema()}
    for name, schema in others.items():
        content[{"ndjson": NDJSON, "multipart": "multipart/form-data"}[name]] = {"schema": schema}
    return {"requestBody": {"required": True, "content": content}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI words for these statuses answered as problems."""
    content = {"application/problem+json": {"schema": PROBLEM_SCHEMA}}
    return {status: {"description": "problem (RFC 9457)", "content": content} for status in statuses}
