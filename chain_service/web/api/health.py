"""`/healthz`, `/readyz`, `/metrics`: for supervisors and Prometheus."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from chain_service.core.encoding.answers import answer
from chain_service.jobs.instance import health
from chain_service.web.http.answers import json_answer
from chain_service.web.http.auth import OPEN

router = APIRouter(tags=["health"], dependencies=[OPEN])
NOT_READY: dict[str, Any] = {"description": "not ready; checks say why", "model": health.Readiness}


@answer
class Liveness:
    """The process answers, or nothing does."""

    alive: bool


@router.get("/healthz", response_model=Liveness)
async def healthz() -> Response:
    """The process answers."""
    return json_answer(Liveness(alive=True))


@router.get("/readyz", response_model=health.Readiness, responses={503: NOT_READY})
async def readyz(request: Request) -> Response:
    """Database, node, index lag and age of the head; 503 with the reasons when one of them is not good."""
    state: health.Readiness = await request.app.state.readiness()
    return json_answer(state, 200 if state.ready else 503)


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Metrics in the text format of Prometheus."""
    return Response(await request.app.state.measured(), media_type=CONTENT_TYPE_LATEST)
