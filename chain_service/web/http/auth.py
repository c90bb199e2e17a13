"""Who asks, and how often: whom each route lets in, bearer keys, and the rate limit of the public.

A route names in its signature whom it lets in, by one of the types at the end: `holder: AnchorKey`. It is at once what
is checked before the route begins, what the job is given, and what `/openapi.json` says.

The dependencies are coroutines so that a request changes threads once, for its endpoint; only looking a key up waits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.concurrency import run_in_threadpool

from chain_service.errors import BadRequest, NotFound, RateLimited, Unauthorised
from chain_service.jobs.asker import LISTERS, PUBLIC, READERS, REVIEWERS, KeyHolder, Public, Role
from chain_service.jobs.context import App
from chain_service.jobs.instance import api_keys
from chain_service.web.http.proxies import parse_address
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


async def key_sent(request: Request, app: TheApp) -> KeyHolder | None:
    """Whose key came along, counted; nobody's when none did.

    Raises Unauthorised for a key that is not good, RateLimited for one that asks too often.
    """
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or len(key) > 512:
        raise Unauthorised("send `Authorization: Bearer KEY`")
    holder = await run_in_threadpool(api_keys.admit, app, key.strip())
    about_request(request, key=holder.key_id, org=holder.org)
    return holder


KeySent = Annotated[KeyHolder | None, Depends(key_sent)]


def client_address(request: Request) -> str:
    """Whom to count; behind proxies it is whom they name (`proxies.py`)."""
    return counted_address(request.client.host if request.client else "")


def counted_address(address: str) -> str:
    """As what an IP address counts: itself in one form, or its IPv6 network."""
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((int(parsed) >> 64 << 64, 64)))
    return "unknown" if parsed is None else str(parsed)


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


@dataclass(frozen=True)
class Everybody:
    """Lets everybody in. A key makes no difference and is not looked at."""

    who: ClassVar[str] = "all"

    async def __call__(self) -> Public:
        """Whoever asks, without a key."""
        return PUBLIC


@dataclass(frozen=True)
class WithKey:
    """Lets in who has a key, of one of these roles where any is named.

    Raises Unauthorised without a good key, Forbidden (`missing_role`) without a role.
    """

    roles: tuple[Role, ...] = ()

    @property
    def who(self) -> str:
        """Whom OpenAPI names."""
        return _either(self.roles) if self.roles else "any key"

    async def __call__(self, holder: KeySent) -> KeyHolder:
        """The holder of a key with one of the roles. Raises Unauthorised, Forbidden."""
        if holder is None:
            raise Unauthorised("this needs a key: send `Authorization: Bearer KEY`")
        if self.roles:
            holder.need(*self.roles)
        return holder


@dataclass(frozen=True)
class MoreWithKey:
    """Lets everybody in; a key of one of these roles gets `more`. With `counted` the rate of who has none is spent.

    Raises Unauthorised for a key that is not good, RateLimited.
    """

    roles: tuple[Role, ...]
    more: str
    counted: bool = False

    @property
    def who(self) -> str:
        """Whom OpenAPI names."""
        return f"all; for {_either(self.roles)} also {self.more}"

    async def __call__(self, request: Request, holder: KeySent) -> Public | KeyHolder:
        """The holder of the key that was sent, or the public, counted. Raises RateLimited."""
        if holder is None and self.counted:
            request.app.state.rate.spend(client_address(request))
        return holder or PUBLIC


Admission: TypeAlias = Everybody | WithKey | MoreWithKey
"""Whom a route lets in, and by `who` what its description says of that. Every route depends on exactly one."""


def _either(roles: Sequence[Role]) -> str:
    """`anchor`; `audit`, `anchor` or `status`."""
    names = [f"`{role}`" for role in roles]
    return " or ".join((", ".join(names[:-1]), names[-1]) if len(names) > 1 else names)


def admission(route: APIRoute) -> Admission:
    """Whom this route lets in. Raises ValueError for a route that does not say it, or says it twice."""
    admissions = {call for call in _calls(route.dependant) if isinstance(call, Everybody | WithKey | MoreWithKey)}
    if len(admissions) != 1:
        raise ValueError(f"{route.path} depends on {len(admissions)} admissions: say once who may call it")
    return admissions.pop()


def _calls(dependant: Dependant) -> Iterator[Any]:
    for needed in dependant.dependencies:
        yield needed.call
        yield from _calls(needed)


OPEN: Final = Depends(Everybody())
"""For the routes that everybody may call and that do not ask who it is."""
AnyKey = Annotated[KeyHolder, Depends(WithKey())]
AnchorKey = Annotated[KeyHolder, Depends(WithKey(("anchor",)))]
StatusKey = Annotated[KeyHolder, Depends(WithKey(("status",)))]
CatalogKey = Annotated[KeyHolder, Depends(WithKey(("catalog",)))]
SealKey = Annotated[KeyHolder, Depends(WithKey(("seal",)))]
AuditKey = Annotated[KeyHolder, Depends(WithKey(("audit",)))]
ReviewerKey = Annotated[KeyHolder, Depends(WithKey(REVIEWERS))]
ListerKey = Annotated[KeyHolder, Depends(WithKey(LISTERS))]
Reader = Annotated[Public | KeyHolder, Depends(MoreWithKey(READERS, "the disclosure of their own records"))]
VERIFIER: Final = Depends(MoreWithKey(("verify",), "by an identifier and a cause alone", counted=True))
Verifier = Annotated[Public | KeyHolder, VERIFIER]
