"""Reading request bodies within bounds: size while it arrives, nesting before parsing, lines before use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chain_service.config import Settings
from chain_service.core.encoding.canonical import read_json
from chain_service.errors import BadRequest, MalformedRecord
from chain_service.web.http.problems import (
    PayloadTooLarge,
    UnsupportedMediaType,
    problem_response,
    validation_problem,
)

MAX_DEPTH = 64
MAX_JSON = 2**20
"""Bytes of a body that is one JSON object."""
ENVELOPE = 2 * MAX_JSON
"""Bytes that a multipart body may have besides the file: disclosure, proof, part headers."""

DRAIN = 64 * MAX_JSON
"""Bytes of an oversized body that are still read, and dropped."""

JSON = "application/json"
NDJSON = "application/x-ndjson"
MULTIPART = "multipart/form-data"

Shape = TypeVar("Shape", bound=BaseModel)


class BoundBodies:
    """ASGI middleware: a body larger than its path allows is refused with 413 as soon as that is known."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    def bound(self, path: str) -> int:
        """Largest body in bytes for this path."""
        if path in ("/v1/records", "/v1/verify/bulk"):
            return self.settings.max_body
        if path == "/v1/verify":
            return self.settings.max_file + ENVELOPE
        return min(MAX_JSON, self.settings.max_body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and counts its body while it is read; answers 413 where more is announced or comes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        bound = self.bound(scope["path"])
        too_large = PayloadTooLarge(f"the body may have at most {bound} bytes here", limit=bound)
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > bound:
            if b"expect" not in headers:
                await _drain(receive)
            response = problem_response(too_large, scope.get("state", {}).get("request_id"))
            response.headers["Connection"] = "close"
            await response(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > bound:
                    if message.get("more_body", False):
                        await _drain(receive)
                    raise too_large
            return message

        await self.app(scope, counted, send)


async def _drain(receive: Receive) -> None:
    """Reads on without keeping anything: a sender that is cut off in the middle never sees the answer."""
    seen = 0
    while seen < DRAIN:
        message = await receive()
        seen += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


def media_type(request: Request) -> str:
    """The body's media type in lower case, without parameters; nothing where none is stated."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def need_media_type(request: Request, *allowed: str) -> str:
    """The request's media type, which is one of `allowed`.

    Raises UnsupportedMediaType otherwise.
    """
    found = media_type(request)
    if found not in allowed:
        raise UnsupportedMediaType(f"send Content-Type {' or '.join(allowed)}", accepted=list(allowed))
    return found


async def read_body(request: Request) -> bytes:
    """The whole body; the middleware bounds it."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise BadRequest("the connection ended before the body was complete", code="malformed_request") from None


# Possessive, and a string may lack its end: foreign bytes are scanned once, whatever they are.
_OUTSIDE_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[^\[\]{}"]++', re.DOTALL)


def check_depth(text: bytes, limit: int = MAX_DEPTH) -> None:
    """Raises BadRequest when arrays and objects nest deeper than `limit`."""
    depth = 0
    for bracket in _OUTSIDE_BRACKETS.sub(b"", text):
        if bracket in b"[{":
            depth += 1
            if depth > limit:
                raise BadRequest(f"JSON nests deeper than {limit} levels", code="malformed_request")
        else:
            depth -= 1


def parse_json(text: bytes) -> Any:
    """The JSON value of `text`: UTF-8, bounded depth, no member twice, no lone surrogate, no NaN.

    Raises BadRequest (`malformed_request`).
    """
    check_depth(text)
    return read_json(text, limit=len(text), error=partial(BadRequest, code="malformed_request"), exact=True)


def shaped(text: bytes, shape: type[Shape], then: Callable[[Any], object] | None = None) -> Shape:
    """`text` as an object of this shape. Raises BadRequest (`malformed_request`) naming every field that is wrong.

    `then` is what reads the object next: what it would refuse in other fields is told with the rest.
    """
    value = parse_json(text)
    if not isinstance(value, dict):
        raise BadRequest("the body must be a JSON object", code="malformed_request", field="(body)")
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        problem = validation_problem(list(error.errors(include_url=False, include_input=False)), "body")
    if then is not None:
        try:
            then(value)
        except MalformedRecord as error:
            named = {refusal.details["field"] for refusal in problem.errors}
            others = (refusal for refusal in error.errors or (error,) if refusal.details.get("field") not in named)
            problem.errors = (*problem.errors, *others)
    raise problem


@dataclass(frozen=True)
class NdjsonLines:
    """The lines of an NDJSON body with their numbers from 1; blank lines are passed over."""

    body: bytes

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        start, number = 0, 0
        while start < len(self.body):
            end = self.body.find(b"\n", start)
            end = len(self.body) if end < 0 else end
            number += 1
            line = self.body[start:end].strip()
            start = end + 1
            if line:
                yield number, line


def bounded_lines(body: bytes, limit: int) -> NdjsonLines:
    """The lines of `body`, at least one and at most `limit`. Raises PayloadTooLarge, BadRequest."""
    if body.count(b"\n") > 2 * limit or sum(1 for _ in NdjsonLines(body)) > limit:
        raise PayloadTooLarge(f"at most {limit} lines in one body", code="too_many_lines", limit=limit)
    if not body.strip():
        raise BadRequest("the body has no line", code="malformed_request")
    return NdjsonLines(body)
