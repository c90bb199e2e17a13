"""The FastAPI application over one instance."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from prometheus_client import generate_latest

from chain_service import __version__
from chain_service.jobs.context import App
from chain_service.jobs.instance import health
from chain_service.jobs.instance.watch import HealthWatch, health_figures
from chain_service.web.api import health as health_door
from chain_service.web.api import logs, oversight, records, registries, verify
from chain_service.web.http.auth import PublicRate, plain_address
from chain_service.web.http.bodies import BoundBodies
from chain_service.web.http.caching import Caching
from chain_service.web.http.head import HeadAndOptions
from chain_service.web.http.headers import SecurityHeaders
from chain_service.web.http.openapi import describe, operation_id
from chain_service.web.http.own_threads import OwnThread
from chain_service.web.http.problems import install_problem_handlers
from chain_service.web.http.proxies import TrustedProxies
from chain_service.web.http.repeats import RunningRequests
from chain_service.web.http.request_log import Observe, RequestMetrics
from chain_service.web.pages import routes

DESCRIPTION = (
    "Anchor, verify and trace government records on a permissioned chain. "
    "Errors are RFC 9457 problems with a stable `code`; docs/reference/errors.md lists the codes. "
    "Writes may be repeated safely; with an `Idempotency-Key` the first answer is given again. "
    "Who is too slow or asks too much at a time may be answered 408, 429 or 503 anywhere."
)
DOORS = (
    records.router,
    verify.router,
    registries.router,
    oversight.router,
    logs.router,
    health_door.router,
    routes.router,
)


HEALTH_SECONDS = 8
"""After which `/readyz` and `/metrics` answer that they do not know."""


def create_app(app: App, watch: HealthWatch | None = None) -> FastAPI:
    """The HTTP door to `app`; without a `watch` of its own its health is looked at when somebody asks."""
    seen = watch or HealthWatch(app)
    web = FastAPI(
        title="chain-service",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        dependencies=[Depends(plain_address)],
    )
    metrics = RequestMetrics(
        lambda: health.gauges(app), lambda: health_figures(seen), lambda: health.standing_counts(app)
    )
    web.state.app = app
    web.state.watch = seen
    web.state.metrics = metrics
    web.state.readiness = OwnThread(seen.look, HEALTH_SECONDS)
    web.state.measured = OwnThread(lambda: generate_latest(metrics.registry), HEALTH_SECONDS)
    web.state.running = RunningRequests()
    web.state.rate = PublicRate(app.settings.public_rate)
    install_problem_handlers(web)
    for door in DOORS:
        web.include_router(door)
    # FastAPI makes the schemas of included routes at the first request, while all others wait and where threads of two
    # applications undo each other's filters of warnings: here nobody waits, and one thread makes them
    for _ in iter_route_contexts(web.routes):
        pass
    web.state.routes = [route for door in DOORS for route in door.routes if isinstance(route, APIRoute)]
    describe(web, web.state.routes)
    web.add_middleware(Caching)
    web.add_middleware(HeadAndOptions)
    web.add_middleware(BoundBodies, settings=app.settings, metrics=metrics)
    web.add_middleware(Observe, metrics=metrics)
    web.add_middleware(SecurityHeaders, tls=app.settings.tls_certificate is not None)
    web.add_middleware(TrustedProxies, settings=app.settings)
    return web
