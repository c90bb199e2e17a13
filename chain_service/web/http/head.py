"""HEAD wherever GET is, OPTIONS, and `Allow` with every method that an address takes (RFC 9110 §9.3, §10.2.1)."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAndOptions:
    """ASGI middleware: HEAD is answered as GET is, without the content; OPTIONS says what an address takes.

    Both are counted under the route that they are about.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers OPTIONS, passes HEAD on as GET and drops the content; other requests pass as they are."""
        if scope["type"] != "http" or scope["method"] not in ("HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and (routes := routes_at(scope, scope["path"])):
            scope["route"] = routes[0]
            await Response(status_code=204, headers={"Allow": allowed_methods(routes)})(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await self.app(scope, receive, send)
        else:
            await self._head(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def without_content(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        as_get = {**scope, "method": "GET"}
        try:
            await self.app(as_get, receive, without_content)
        finally:
            if "route" in as_get:
                scope["route"] = as_get["route"]


def routes_at(scope: Scope, path: str) -> list[APIRoute]:
    """The routes of the application that have this path; all of them for `*`, which asks about the server."""
    routes: Iterable[APIRoute] = getattr(scope["app"].state, "routes", ())
    return [route for route in routes if path == "*" or route.path_regex.match(path)]


def allowed_methods(routes: Iterable[APIRoute]) -> str:
    """The value of `Allow` for an address that has these routes; empty where there is none."""
    methods = {method for route in routes for method in route.methods or ()}
    if not methods:
        return ""
    return ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))
