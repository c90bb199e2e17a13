"""Who asks, and how often: bearer keys and the rate limit of the public.

The dependencies are coroutines so that a request changes threads once, for its endpoint; only looking a key up waits.
"""

from __future__ import annotations

import math
import time
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated

from fastapi import Depends, Request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.concurrency import run_in_threadpool

from chain_service.errors import BadRequest, NotFound, Unauthorised
from chain_service.jobs.context import App, Caller
from chain_service.jobs.instance import api_keys
from chain_service.web.http.problems import RateLimited
from chain_service.web.http.request_log import about_request
from chain_service.web.schemas.requests import plain


async def plain_address(request: Request) -> None:
    """Neither path nor query has control characters: no id or code has one, and not every database takes them.

    Raises NotFound for the path, BadRequest with the parameter's name for the query.
    """
    for value in request.path_params.values():
        if not _is_plain(value):
            raise NotFound("no id or code has control characters")
    for name, value in request.query_params.multi_items():
        if not (_is_plain(name) and _is_plain(value)):
            field = name[:40] if _is_plain(name) else "(query)"
            raise BadRequest(f"{field} must not have control characters", code="malformed_request", field=field)


def _is_plain(text: str) -> bool:
    try:
        plain(text)
    except ValueError:
        return False
    return True


async def the_app(request: Request) -> App:
    """The instance that this application serves."""
    app: App = request.app.state.app
    return app


TheApp = Annotated[App, Depends(the_app)]


async def maybe_caller(request: Request, app: TheApp) -> Caller | None:
    """Whose key came along; nobody's when none did. Raises Unauthorised for a key that is not good."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or len(key) > 512:
        raise Unauthorised("send `Authorization: Bearer KEY`")
    caller = await run_in_threadpool(api_keys.authenticate, app, key.strip())
    about_request(request, key=caller.key_id, org=caller.org)
    return caller


MaybeCaller = Annotated[Caller | None, Depends(maybe_caller)]


async def known_caller(caller: MaybeCaller) -> Caller:
    """Whose key came along. Raises Unauthorised when none did."""
    if caller is None:
        raise Unauthorised("this needs a key: send `Authorization: Bearer KEY`")
    return caller


KnownCaller = Annotated[Caller, Depends(known_caller)]


def client_address(request: Request, behind_proxy: bool) -> str:
    """Whom to count: the peer, or what the proxy right before us appended; an IPv6 network counts as one client."""
    address = request.client.host if request.client else "unknown"
    if behind_proxy:
        forwarded = request.headers.getlist("x-forwarded-for")
        if forwarded:
            address = forwarded[-1].rpartition(",")[2].strip()
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


class PublicRate:
    """Counts public verifications per client address, in memory, for one process."""

    def __init__(self, rate: str) -> None:
        self.item: RateLimitItem = parse(rate)
        self.limiter = FixedWindowRateLimiter(MemoryStorage())

    def spend(self, address: str) -> None:
        """One verification of this address is counted. Raises RateLimited with the seconds to wait."""
        if self.limiter.hit(self.item, address):
            return
        reset = self.limiter.get_window_stats(self.item, address).reset_time
        wait = max(1, math.ceil(reset - time.time()))
        raise RateLimited(f"at most {self.item} without a key; wait {wait} s", retryAfter=wait)


async def public_or_keyed(request: Request, app: TheApp, caller: MaybeCaller) -> Caller | None:
    """As `maybe_caller`; without a key the client's rate is spent. Raises RateLimited."""
    if caller is None:
        request.app.state.rate.spend(client_address(request, app.settings.behind_proxy))
    return caller


PublicOrKeyed = Annotated[Caller | None, Depends(public_or_keyed)]
