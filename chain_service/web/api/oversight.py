"""`/v1/alerts`, `/v1/readings`, `/v1/approvals`: what happened at the instance, for those who answer for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from chain_service.jobs.anchoring import second_approval
from chain_service.jobs.auditing import readings
from chain_service.jobs.instance import raised_alerts
from chain_service.web.http.answers import json_answer, problems
from chain_service.web.http.auth import AuditKey, ListerKey, TheApp
from chain_service.web.schemas.requests import Moment, parse_moment

router = APIRouter(prefix="/v1")


@router.get("/alerts", tags=["alerts"], response_model=raised_alerts.AlertPage, responses=problems(401, 403))
def list_alerts(
    holder: AuditKey,
    app: TheApp,
    code: Annotated[str | None, Query(max_length=64)] = None,
    cleared: Annotated[bool, Query(description="those that ended too")] = False,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The alerts that stand, newest first, with what they mean and what to do."""
    return json_answer(raised_alerts.list_alerts(app, holder, code=code, cleared=cleared, cursor=cursor, limit=limit))


@router.get("/readings", tags=["readings"], response_model=readings.ReadingPage, responses=problems(401, 403))
def list_readings(
    holder: AuditKey,
    app: TheApp,
    record: Annotated[str | None, Query(max_length=64)] = None,
    key: Annotated[str | None, Query(max_length=64, description="id of the key it was read with")] = None,
    action: Annotated[readings.Action | None, Query()] = None,
    from_: Annotated[Moment | None, Query(alias="from", description="read at this moment or later")] = None,
    to: Annotated[Moment | None, Query(description="read before this moment")] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Who read the records of the key's organisation, and what its keys read, newest first."""
    return json_answer(
        readings.list_readings(
            app,
            holder,
            record=record,
            key_id=key,
            action=action,
            since=None if from_ is None else parse_moment(from_),
            until=None if to is None else parse_moment(to),
            cursor=cursor,
            limit=limit,
        )
    )


@router.get("/approvals", tags=["records"], response_model=second_approval.ApprovalPage, responses=problems(401, 403))
def list_approvals(
    holder: ListerKey,
    app: TheApp,
    record: Annotated[str | None, Query(max_length=64)] = None,
    state: Annotated[second_approval.ApprovalState | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The final ends that the key's organisation asked for and that took a second approval, newest first."""
    return json_answer(
        second_approval.list_approvals(app, holder, record=record, state=state, cursor=cursor, limit=limit)
    )
