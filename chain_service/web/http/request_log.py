"""What operators see: one structured log line per request, and Prometheus metrics. No body, name or query in either."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chain_service.errors import ChainServiceError, frames
from chain_service.jobs.instance.watch import HealthFigures
from chain_service.web.http.problems import problem_response

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "(none)"
HEALTH = frozenset({"/healthz", "/readyz", "/metrics"})
"""Answered whatever else is refused, and logged only when it fails."""


class _Gauges(Collector):
    """Asks for the gauges when they are scraped."""

    def __init__(self, read: Callable[[], dict[str, float]]) -> None:
        self.read = read

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, value in sorted(self.read().items()):
            full = name if name.startswith("chain_service_") else f"chain_service_{name}"
            yield GaugeMetricFamily(full, name.replace("_", " "), value=value)


class _HealthGauges(Collector):
    """Looks whether the instance is well when it is scraped."""

    def __init__(self, look: Callable[[], HealthFigures]) -> None:
        self.look = look

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        figures = self.look()
        yield GaugeMetricFamily("chain_service_ready", "1 while the instance can do its work", value=figures.ready)
        problems = GaugeMetricFamily("chain_service_problem", "what is not well", labels=["check", "code"])
        for check, code in sorted(figures.problems):
            problems.add_metric([check, code], 1.0)
        yield problems


class _AlertGauges(Collector):
    """Asks which alerts stand when they are scraped."""

    def __init__(self, counts: Callable[[], dict[str, int]]) -> None:
        self.counts = counts

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        standing = GaugeMetricFamily("chain_service_alert", "alerts of this code that stand", labels=["code"])
        for code, count in sorted(self.counts().items()):
            standing.add_metric([code], count)
        yield standing


class RequestMetrics:
    """The counters of one process."""

    def __init__(
        self,
        gauges: Callable[[], dict[str, float]],
        health: Callable[[], HealthFigures] | None = None,
        alerts: Callable[[], dict[str, int]] | None = None,
    ) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "chain_service_http_requests",
            "requests by route template and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.latency = Histogram(
            "chain_service_http_request_seconds",
            "seconds from the first byte in to the last byte out",
            ["method", "route"],
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
        )
        self.verdicts = Counter("chain_service_verdicts", "verdicts given", ["verdict", "code"], registry=self.registry)
        self.accepted = Counter(
            "chain_service_records_accepted", "records stored, without repetitions", registry=self.registry
        )
        self.bounded = Counter(
            "chain_service_http_bounded",
            "connections and requests ended by a bound, by the setting or thing that was exhausted",
            ["reason"],
            registry=self.registry,
        )
        self.connections = Gauge("chain_service_http_connections", "connections now", registry=self.registry)
        self.half_open = Gauge(
            "chain_service_http_half_open", "connections now without a whole request header", registry=self.registry
        )
        self.spooled = Gauge(
            "chain_service_http_spooled_bytes", "bytes of unfinished uploads on disk now", registry=self.registry
        )
        self.registry.register(_Gauges(gauges))
        if health is not None:
            self.registry.register(_HealthGauges(health))
        if alerts is not None:
            self.registry.register(_AlertGauges(alerts))

    def note_bounded(self, error: ChainServiceError, address: str) -> None:
        """A bound, `reason` in the details, ended or refused something of this address: counted, and one log line."""
        self.bounded.labels(error.details["reason"]).inc()
        structlog.get_logger("chain_service.web").warning(
            "bounded", reason=error.details["reason"], code=error.code, address=address, detail=error.message
        )


def about_request(request: Request, **facts: str | None) -> None:
    """These facts stand in the request's log line: ids and codes only, nothing about a person."""
    request.state.log_facts = {**getattr(request.state, "log_facts", {}), **{k: v for k, v in facts.items() if v}}


class Observe:
    """ASGI middleware around all that can fail: each request gets an id, a time, a log line and an answer."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on under an id of its own; what fails unexpectedly is logged and answered with 500."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=request_id)
        began = time.perf_counter()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:  # noqa: BLE001 - the last fence: whatever it is, the caller gets a problem
            self._report(error)
            if status == 0:
                known = isinstance(error, ChainServiceError)
                shown = error if known else ChainServiceError("unforeseen failure", code="internal_error")
                assert isinstance(shown, ChainServiceError)
                await problem_response(shown, request_id)(scope, receive, noted)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _report(self, error: Exception) -> None:
        if not isinstance(error, ChainServiceError):
            structlog.get_logger("chain_service.web").error(
                "unforeseen", error=type(error).__name__, frames=frames(error)
            )

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or UNMATCHED
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        self.metrics.requests.labels(method, route, str(status)).inc()
        self.metrics.latency.labels(method, route).observe(seconds)
        quiet = route in HEALTH and status < 500
        log = structlog.get_logger("chain_service.web")
        (log.debug if quiet else log.info)(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            **scope.get("state", {}).get("log_facts", {}),
        )
