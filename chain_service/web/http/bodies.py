"""Reading request bodies within bounds: size while it arrives, nesting before parsing, lines before use."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chain_service.config import Settings
from chain_service.core.encoding.canonical import read_json
from chain_service.errors import BadRequest, ChainServiceError, MalformedRecord
from chain_service.web.http.auth import client_address
from chain_service.web.http.connections import Connection
from chain_service.web.http.problems import (
    Overloaded,
    PayloadTooLarge,
    RequestTooSlow,
    TooManyAtOnce,
    UnsupportedMediaType,
    problem_response,
    validation_problem,
)
from chain_service.web.http.request_log import HEALTH, RequestMetrics
from chain_service.web.http.spool import BLOCK, Spool, SpooledBody

MAX_DEPTH = 64
MAX_JSON = 2**20
"""Bytes of a body that is one JSON object."""
ENVELOPE = 2 * MAX_JSON
"""Bytes that a multipart body may have besides the file: disclosure, proof, part headers."""

DRAIN = 64 * MAX_JSON
"""Bytes of an oversized body that are still read, and dropped."""

DRAIN_SILENCE = 2
"""Seconds after which somebody who sends nothing more is answered."""

SMALL = BLOCK
"""Bytes of a body that are kept in memory until all of it is here; larger ones wait on disk."""

MEMORY_SECONDS = 60
"""For which a large body waits until there is memory for it."""

JSON = "application/json"
NDJSON = "application/x-ndjson"
MULTIPART = "multipart/form-data"

Shape = TypeVar("Shape", bound=BaseModel)


class BoundBodies:
    """ASGI middleware: a body is bounded in size, time and place before anything else sees it.

    Refused are a body larger than its path allows (413), one that comes too slowly (408), more at a time than one
    address (429) or all together (503) may have under way, and what the connection was admitted for only to hear that.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: RequestMetrics) -> None:
        self.app = app
        self.settings = settings
        self.metrics = metrics
        self.spool = Spool(settings)
        self.memory = _Memory(settings.body_memory)
        self._of_address: Counter[str] = Counter()
        metrics.spooled.set_function(lambda: self.spool.used * BLOCK)

    def bound(self, path: str) -> int:
        """Largest body in bytes for this path."""
        if path in ("/v1/records", "/v1/verify/bulk"):
            return self.settings.max_body
        if path == "/v1/verify":
            return self.settings.max_file + ENVELOPE
        return min(MAX_JSON, self.settings.max_body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on with its body whole, or answers what is refused."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(self, scope, receive)
        address = body.address if self.settings.behind_proxy and scope["path"] not in HEALTH else None
        if address is not None:
            self._of_address[address] += 1
        try:
            refusal = self._refusal(scope, body, address)
            if refusal is not None:
                await self._refuse(refusal, scope, body, send)
            else:
                await self.app(scope, body.receive, body.closing(send))
        finally:
            body.close()
            if address is not None:
                self._of_address[address] -= 1
                if not self._of_address[address]:
                    del self._of_address[address]

    def _refusal(self, scope: Scope, body: _Body, address: str | None) -> ChainServiceError | None:
        if body.connection is not None and body.connection.refusal is not None:
            body.ends_connection = True
            if scope["path"] not in HEALTH:
                return body.connection.refusal
        most = self.settings.address_connections
        if address is not None and self._of_address[address] > most:
            error = TooManyAtOnce(f"at most {most} requests of one address at a time", reason="requests", limit=most)
            self.metrics.note_bounded(error, address)
            return error
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        return body.too_large if declared.isdigit() and int(declared) > body.bound else None

    async def _refuse(self, refusal: ChainServiceError, scope: Scope, body: _Body, send: Send) -> None:
        if all(name != b"expect" for name, _ in scope["headers"]):
            await body.drain()
        body.ends_connection = True
        response = problem_response(refusal, scope.get("state", {}).get("request_id"))
        await response(scope, body.receive, body.closing(send))


class _Body:
    """The body of one request: received whole, beyond a small size on disk, and then handed on."""

    def __init__(self, bodies: BoundBodies, scope: Scope, receive: Receive) -> None:
        self.bodies = bodies
        self.bound = bodies.bound(scope["path"])
        self.connection: Connection | None = scope.get("state", {}).get("connection")
        self.ends_connection = False
        self._scope = scope
        self._receive = receive
        self._seen = 0
        self._waited = 0.0
        self._small: list[bytes] = []
        self._large: SpooledBody | None = None
        self._borrowed = 0
        self._pieces: AsyncIterator[Message] | None = None
        self._handed_on = False

    @property
    def too_large(self) -> PayloadTooLarge:
        """What is said of more than the bound."""
        return PayloadTooLarge(f"the body may have at most {self.bound} bytes here", limit=self.bound)

    @property
    def address(self) -> str:
        """Whose it is."""
        return client_address(Request(self._scope))

    async def receive(self) -> Message:
        """The next message about the body, once all of it is here; what comes after it as it comes.

        Raises PayloadTooLarge, RequestTooSlow, TooManyAtOnce, Overloaded.
        """
        if self._handed_on:
            return await self._receive()
        if self._pieces is None:
            try:
                gone = await self._whole()
            except ChainServiceError as error:
                self.ends_connection = True
                if error is not self._evicted and "reason" in error.details:
                    self.bodies.metrics.note_bounded(error, self.address)
                if error is not self._evicted and not isinstance(error, RequestTooSlow):
                    await self.drain()
                raise
            if gone is not None:
                return gone
            self._pieces = self._messages()
        message = await anext(self._pieces)
        self._handed_on = not message["more_body"]
        return message

    @property
    def _evicted(self) -> ChainServiceError | None:
        """Why the connection has to make room for others."""
        return None if self.connection is None else self.connection.refusal

    async def _whole(self) -> Message | None:
        """All of it is here; otherwise that the caller has gone."""
        while True:
            message = await self._next()
            if message["type"] != "http.request":
                return message
            data = message.get("body", b"")
            self._seen += len(data)
            if self._seen > self.bound:
                raise self.too_large
            await self._keep(data)
            if not message.get("more_body", False):
                break
        if self._large is not None:
            await self.bodies.memory.borrow(self._seen)
            self._borrowed = self._seen
        return None

    async def _keep(self, data: bytes) -> None:
        if self._large is None:
            self._small.append(data)
            if self._seen <= SMALL:
                return
            data, self._small = b"".join(self._small), []
            self._large = SpooledBody(self.bodies.spool, self.address)
        await self._large.append(data)

    async def _next(self, silence: float = math.inf) -> Message:
        """What comes next. Only waiting for the caller counts, not what is done in between."""
        seconds = self.bodies.settings.body_seconds
        rest = seconds + self._seen / self.bodies.settings.least_rate - self._waited
        began = time.monotonic()
        try:
            async with asyncio.timeout(min(silence, seconds, rest)):
                message = await self._receive()
        except TimeoutError:
            raise RequestTooSlow(
                f"only {self._seen} bytes of the body came in {time.monotonic() - began + self._waited:.0f} s",
                reason="body_seconds",
            ) from None
        self._waited += time.monotonic() - began
        if self._evicted is not None and message.get("more_body", False):
            raise self._evicted
        return message

    async def _messages(self) -> AsyncIterator[Message]:
        if self._large is None:
            yield {"type": "http.request", "body": b"".join(self._small), "more_body": False}
            return
        left = self._seen
        async for piece in self._large.pieces():
            left -= len(piece)
            yield {"type": "http.request", "body": piece, "more_body": left > 0}

    async def drain(self) -> None:
        """Reads on without keeping anything: a sender that is cut off in the middle never sees the answer."""
        seen = 0
        while seen < DRAIN:
            try:
                message = await self._next(DRAIN_SILENCE)
            except ChainServiceError:
                return
            seen += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body", False):
                return

    def closing(self, send: Send) -> Send:
        """`send` that says so where the connection ends with this answer."""

        async def sent(message: Message) -> None:
            if self.ends_connection and message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}
            await send(message)

        return sent

    def close(self) -> None:
        """Nothing of it is kept any more."""
        if self._large is not None:
            self._large.close()
        self.bodies.memory.give_back(self._borrowed)
        self._small, self._borrowed = [], 0


class _Memory:
    """Bytes of large bodies that are worked on at a time, lent in the order of asking."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.lent = 0
        self._turn = asyncio.Lock()
        self._back = asyncio.Event()

    async def borrow(self, size: int) -> None:
        """So many bytes may be in memory; one body always may. Raises Overloaded after waiting for long."""
        try:
            async with asyncio.timeout(MEMORY_SECONDS), self._turn:
                while self.lent and self.lent + size > self.most:
                    self._back.clear()
                    await self._back.wait()
        except TimeoutError:
            raise Overloaded("too many large bodies are worked on", reason="body_memory", limit=self.most) from None
        self.lent += size

    def give_back(self, size: int) -> None:
        """They are not in memory any more."""
        self.lent -= size
        self._back.set()


def media_type(request: Request) -> str:
    """The body's media type in lower case, without parameters; nothing where none is stated."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def need_media_type(request: Request, *allowed: str) -> str:
    """The request's media type, which is one of `allowed`.

    Raises UnsupportedMediaType otherwise.
    """
    sent = media_type(request)
    if sent not in allowed:
        raise UnsupportedMediaType(f"send Content-Type {' or '.join(allowed)}", accepted=list(allowed))
    return sent


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
