"""`/v1/records`: submitting, reading, proving and changing the state of records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from chain_service.core.encoding.answers import json_bytes
from chain_service.core.receipts.receipt import MEDIA_TYPE, parse
from chain_service.core.records.states import parse_change_request
from chain_service.jobs.anchoring import change_state, submit_records
from chain_service.jobs.anchoring.second_approval import RefusedApproval
from chain_service.jobs.anchoring.submit_records import AcceptedRecord, AcceptedRecords
from chain_service.jobs.proofs import receipts
from chain_service.jobs.records import records, state_history
from chain_service.jobs.records.answers import RecordPage, RecordProof, RecordStanding, StateHistory
from chain_service.jobs.repeats import Once
from chain_service.web.http.answers import component, json_answer, lines_of, ndjson_lines, problems, request_body
from chain_service.web.http.auth import OPEN, AnchorKey, ListerKey, Reader, StatusKey, TheApp
from chain_service.web.http.bodies import (
    JSON,
    MAX_JSON,
    NDJSON,
    bounded_lines,
    check_depth,
    need_media_type,
    shaped,
)
from chain_service.web.http.problems import PayloadTooLarge
from chain_service.web.http.repeats import Sent
from chain_service.web.schemas import submissions
from chain_service.web.schemas.receipts import ReceiptView
from chain_service.web.schemas.requests import ApprovalRequest, StatusRequest

router = APIRouter(prefix="/v1/records", tags=["records"])

BY_ACCEPT = {"Vary": "Accept"}


@router.post(
    "",
    status_code=202,
    response_model=AcceptedRecords,
    responses={
        202: lines_of(AcceptedRecord, "the records that are durable now, of NDJSON with the number of their `line`"),
        **problems(401, 403, 409, 413, 415, 422, 429, 503),
    },
    openapi_extra=request_body(json=submissions.RECORD, ndjson=submissions.RECORD),
)
def submit(holder: AnchorKey, app: TheApp, sent: Sent) -> Response:
    """Stores one record, or up to 10,000 as NDJSON; all or nothing. They are anchored soon after."""
    kind = need_media_type(sent.request, JSON, NDJSON)

    def store(once: Once | None) -> list[AcceptedRecord]:
        if kind == JSON and len(sent.body) > MAX_JSON:
            raise PayloadTooLarge(f"one record may have at most {MAX_JSON} bytes", limit=MAX_JSON)
        if kind == JSON:
            check_depth(sent.body)
        lines = [(1, sent.body)] if kind == JSON else bounded_lines(sent.body, app.settings.max_lines)
        accepted = submit_records.submit(app, holder, lines, once)
        sent.request.app.state.metrics.accepted.inc(sum(1 for record in accepted if record.created))
        return accepted

    return sent.once(holder, store, form=_one if kind == JSON else _lines, form_type=kind)


def _one(accepted: Sequence[AcceptedRecord]) -> bytes:
    return json_bytes(AcceptedRecords(tuple(replace(record, line=None) for record in accepted)))


def _lines(accepted: Sequence[AcceptedRecord]) -> bytes:
    return b"".join(ndjson_lines(accepted))


@router.get("", response_model=RecordPage, responses=problems(401, 403, 422))
def page(
    holder: ListerKey,
    app: TheApp,
    state: Annotated[str | None, Query(max_length=32)] = None,
    type: Annotated[str | None, Query(max_length=64)] = None,
    from_: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    to: Annotated[str | None, Query(max_length=40)] = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The key's organisation's own records, page by page."""
    return json_answer(
        records.page(app, holder, state=state, type=type, from_=from_, to=to, q=q, cursor=cursor, limit=limit)
    )


@router.get("/{record_id}", response_model=RecordStanding, responses=problems(401, 404, 410))
def read(record_id: str, asker: Reader, app: TheApp) -> Response:
    """Where a record stands; its own organisation also sees the disclosure."""
    return json_answer(records.read(app, record_id, asker))


@router.get("/{record_id}/proof", response_model=RecordProof, dependencies=[OPEN], responses=problems(404, 409))
def proof(record_id: str, app: TheApp) -> Response:
    """That the record is in the anchored log; contains no record."""
    return json_answer(records.proof(app, record_id))


@router.get(
    "/{record_id}/receipt",
    response_class=Response,
    dependencies=[OPEN],
    responses={
        200: {
            "description": "COSE receipt (RFC 9942)",
            "content": {MEDIA_TYPE: {}, JSON: {"schema": component(ReceiptView)}},
        },
        **problems(404, 409, 503),
    },
)
def receipt(
    record_id: str,
    request: Request,
    app: TheApp,
    refresh: Annotated[bool, Query(description="with the state at the newest final block")] = False,
) -> Response:
    """The record's receipt, which needs no server: inclusion, head, permits and state down to the validators' seals.

    It contains no record. `Accept: application/json` shows what is in it.
    """
    data = receipts.receipt(app, record_id, refreshed=refresh)
    if request.headers.get("accept", "").partition(";")[0].strip() == JSON:
        return json_answer(parse(data).to_json(), headers=BY_ACCEPT)
    name = {"Content-Disposition": f'attachment; filename="{record_id}.receipt"'}
    return Response(data, media_type=MEDIA_TYPE, headers=name | BY_ACCEPT)


@router.get("/{record_id}/status", response_model=StateHistory, responses=problems(401, 403, 404))
def status_history(record_id: str, holder: ListerKey, app: TheApp) -> Response:
    """Every state with the record of its change: text, legal basis, officer. For its own organisation; it is logged."""
    return json_answer(state_history.disclosed_history(app, record_id, holder))


@router.post(
    "/{record_id}/status",
    status_code=202,
    response_model=change_state.ChangeAnswer,
    responses=problems(401, 403, 404, 409, 415, 422, 429),
    openapi_extra=request_body(json=StatusRequest),
)
def change_status(record_id: str, holder: StatusKey, app: TheApp, sent: Sent) -> Response:
    """Accepts a change of state; it is in force once final on chain.

    Withdrawn, cancelled, penalised, lapsed and superseded are ends: only a new record can take the place of one that
    ended. Where its organisation asks for a second approval, an end answers `waiting_approval` and changes nothing
    until another key approves it.
    """
    need_media_type(sent.request, JSON)

    def change(once: Once | None) -> change_state.ChangeAnswer:
        wish = shaped(sent.body, StatusRequest, parse_change_request)
        return change_state.change_status(
            app,
            holder,
            record_id,
            wish.to,
            wish.reasonCode,
            text=wish.text,
            legal_basis=wish.legalBasis,
            successor=wish.successor,
            officer=f"key {holder.key_id}",
            if_state=wish.ifState,
            once=once,
        )

    return sent.once(holder, change)


@router.post(
    "/{record_id}/status/approve",
    status_code=202,
    response_model=change_state.ChangeAnswer,
    responses=problems(401, 403, 404, 409, 410, 415, 422, 429),
    openapi_extra=request_body(json=ApprovalRequest),
)
def approve_end(record_id: str, holder: StatusKey, app: TheApp, sent: Sent) -> Response:
    """Approves a final end that another key of the organisation asked for; it is accepted then."""
    need_media_type(sent.request, JSON)

    def approve(once: Once | None) -> change_state.ChangeAnswer:
        return change_state.approve(app, holder, shaped(sent.body, ApprovalRequest).approval, record_id, once)

    return sent.once(holder, approve)


@router.post(
    "/{record_id}/status/refuse",
    response_model=RefusedApproval,
    responses=problems(401, 403, 404, 409, 410, 415, 422, 429),
    openapi_extra=request_body(json=ApprovalRequest),
)
def refuse_end(record_id: str, holder: StatusKey, app: TheApp, sent: Sent) -> Response:
    """Refuses a final end that waits, or takes it back; the record stays as it is."""
    need_media_type(sent.request, JSON)

    def refuse(once: Once | None) -> RefusedApproval:
        return change_state.refuse(app, holder, shaped(sent.body, ApprovalRequest).approval, record_id, once)

    return sent.once(holder, refuse, status=200)
