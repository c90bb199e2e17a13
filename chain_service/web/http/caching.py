"""What may be kept of an answer and by whom (RFC 9111), and conditional requests (RFC 9110 §13).

Every complete answer to GET carries a strong entity tag, the digest of its content; whoever sends it back in
`If-None-Match` gets 304 and no content. What an answer may be kept for is said by its kind:

- tiles that are full stay as they are for ever, other tiles for an hour, checkpoints and keys of logs for seconds;
- what anybody gets alike (receipts, proofs, registries, pages) is kept and asked about each time, `public, no-cache`;
- all else, above all records, is `private, no-store` and varies by the key: nobody's data stay on a disk in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOR_EVER: Final = "public, max-age=31536000, immutable"
AN_HOUR: Final = "public, max-age=3600"
SECONDS: Final = "public, max-age=5"
ASK_AGAIN: Final = "public, no-cache"
NEVER: Final = "no-store"
PRIVATE: Final = "private, no-store"

SHARED: Final = frozenset(
    {
        "/",
        "/docs",
        "/openapi.json",
        "/offline.html",
        "/v1/catalogs",
        "/v1/catalogs/{code:path}/diff",
        "/v1/catalogs/{code:path}/history",
        "/v1/organisations",
        "/v1/organisations/{code}",
        "/v1/records/{record_id}/proof",
        "/v1/records/{record_id}/receipt",
        "/v1/seals",
        "/v1/seals/{code}",
        "/v1/types",
    }
)
"""Routes whose answers are anybody's: no key makes a difference. A route that is not named here is private."""
_PAGES = "/static/"
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})

ABOUT_THE_CONTENT: Final = frozenset({b"content-length", b"content-type", b"content-disposition"})
"""What a 304 does not repeat (RFC 9110 §15.4.5). The policy of a page it does: a browser takes over what it is sent."""


class Caching:
    """ASGI middleware: entity tags, 304, `Cache-Control` by kind, and `Vary` where the key makes a difference."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on; an answer that comes in one piece is compared with the tags that were sent."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        waiting: Message | None = None

        async def tagged(message: Message) -> None:
            nonlocal waiting
            if message["type"] == "http.response.start":
                message = _named(scope, message)
                if scope["method"] == "GET" and message["status"] == 200:
                    waiting = message  # the tag comes from the content
                    return
            elif waiting is not None:
                begun, waiting = waiting, None
                if not message.get("more_body", False):
                    begun, message = _tagged(scope, begun, message)
                await send(begun)
            await send(message)

        await self.app(scope, receive, tagged)


def _tagged(scope: Scope, start: Message, body: Message) -> tuple[Message, Message]:
    """The two messages of a whole answer with its tag, or 304 and no content for who has it already."""
    tag = f'"{hashlib.sha256(body.get("body", b"")).hexdigest()[:32]}"'.encode()
    headers = [*start["headers"], (b"etag", tag)]
    if not _has(tag, [value for name, value in scope["headers"] if name == b"if-none-match"]):
        return {**start, "headers": headers}, body
    kept = [header for header in headers if header[0].lower() not in ABOUT_THE_CONTENT]
    return {**start, "status": 304, "headers": kept}, {**body, "body": b""}


def _has(tag: bytes, sent: Iterable[bytes]) -> bool:
    """Whether `If-None-Match` names this tag, or any by `*`; compared weakly (RFC 9110 §8.8.3.2, §13.1.2)."""
    names = [name.strip().removeprefix(b"W/") for line in sent for name in line.split(b",")]
    return tag in names or names == [b"*"]


def _named(scope: Scope, start: Message) -> Message:
    """The head of the answer with what may be kept of it."""
    headers = list(start.get("headers", []))
    given = {name.lower(): value for name, value in headers}
    cached = given.get(b"cache-control")
    if cached is None:
        cached = _by_kind(scope, start["status"]).encode()
        headers.append((b"cache-control", cached))
    if cached.startswith(b"private"):
        headers.append((b"vary", b"Authorization"))
    return {**start, "headers": headers}


def _by_kind(scope: Scope, status: int) -> str:
    route = str(getattr(scope.get("route"), "path", scope["path"]))
    if route in _PROBES:
        return NEVER
    if scope["method"] == "GET" and status == 200 and (route in SHARED or route.startswith(_PAGES)):
        return ASK_AGAIN
    return PRIVATE
