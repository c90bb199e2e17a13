"""`/v1/seals`, `/v1/catalogs`, `/v1/organisations`, `/v1/types`: what is registered, by whom."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from chain_service.core.encoding.answers import json_bytes
from chain_service.core.registries.catalog_findings import FINDINGS
from chain_service.errors import BadRequest
from chain_service.jobs.anchoring import publish_catalogs, register_seals
from chain_service.jobs.instance import certificate_types
from chain_service.jobs.registries import catalogs, organisations, seals
from chain_service.jobs.repeats import Once
from chain_service.web.http.answers import json_answer, problems, request_body
from chain_service.web.http.auth import OPEN, CatalogKey, ReviewerKey, SealKey, TheApp
from chain_service.web.http.bodies import JSON, need_media_type, parse_json, shaped
from chain_service.web.http.repeats import Sent
from chain_service.web.schemas import submissions
from chain_service.web.schemas.listings import AcceptedVersions, OrganisationList, TypeList
from chain_service.web.schemas.requests import SealStateRequest

router = APIRouter(prefix="/v1")

Sequence = Annotated[int, Field(ge=1, le=2**53 - 1)]


def _object(request: Request, body: bytes) -> dict[str, Any]:
    need_media_type(request, JSON)
    value = parse_json(body)
    if not isinstance(value, dict):
        raise BadRequest("the body must be a JSON object", code="malformed_request", field="(body)")
    return value


@router.post(
    "/seals",
    tags=["seals"],
    status_code=202,
    response_model=seals.SealDetails,
    responses=problems(401, 403, 409, 415, 422, 429),
    openapi_extra=request_body(json=submissions.SEAL),
)
def register_seal(holder: SealKey, app: TheApp, sent: Sent) -> Response:
    """Accepts a seal for registration on chain; a personal seal is refused."""
    return sent.once(
        holder, lambda once: register_seals.register_seal(app, holder, _object(sent.request, sent.body), once)
    )


@router.get("/seals", tags=["seals"], dependencies=[OPEN], response_model=seals.SealPage)
def list_seals(
    app: TheApp,
    org: Annotated[str | None, Query(max_length=64, description="of this owner")] = None,
    status: Annotated[seals.SealStatus | None, Query(description="in this state on chain")] = None,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The seals registered here, by code; one whose period is over shows as `expired`."""
    return json_answer(seals.list_seals(app, org=org, status=status, cursor=cursor, limit=limit))


@router.get(
    "/seals/{code}",
    tags=["seals"],
    dependencies=[OPEN],
    response_model=seals.SealDetails,
    responses=problems(404),
)
def read_seal(code: str, app: TheApp) -> Response:
    """A seal's registered digests, owner, period and state."""
    return json_answer(seals.seal(app, code))


@router.post(
    "/seals/{code}/state",
    tags=["seals"],
    status_code=202,
    response_model=seals.SealDetails,
    responses=problems(401, 403, 404, 409, 415, 422, 429),
    openapi_extra=request_body(json=SealStateRequest),
)
def set_seal_state(code: str, holder: SealKey, app: TheApp, sent: Sent) -> Response:
    """Accepts a change of a seal's state; cancelled is final."""
    need_media_type(sent.request, JSON)

    def change(once: Once | None) -> seals.SealDetails:
        wish = shaped(sent.body, SealStateRequest)
        return register_seals.set_seal_state(app, holder, code, wish.to, wish.ifState, once)

    return sent.once(holder, change)


@router.post(
    "/catalogs",
    tags=["catalogs"],
    status_code=202,
    response_model=publish_catalogs.AcceptedVersion | AcceptedVersions,
    responses=problems(401, 403, 409, 415, 422, 429),
    openapi_extra=request_body(json=submissions.CATALOG),
)
def publish_catalog(holder: CatalogKey, app: TheApp, sent: Sent) -> Response:
    """Accepts versions of catalog entries, published, changed or withdrawn: one object, or an array, all or nothing."""
    need_media_type(sent.request, JSON)
    several = sent.body.lstrip()[:1] == b"["

    def publish(once: Once | None) -> list[publish_catalogs.AcceptedVersion]:
        return publish_catalogs.publish(app, holder, parse_json(sent.body), once)

    return sent.once(
        holder,
        publish,
        form=lambda accepted: json_bytes(AcceptedVersions(tuple(accepted)) if several else accepted[0]),
    )


@router.get("/catalogs", tags=["catalogs"], dependencies=[OPEN], response_model=catalogs.CatalogPage)
def list_catalogs(
    app: TheApp,
    org: Annotated[str | None, Query(max_length=64)] = None,
    layer: Annotated[Literal["duty", "data", "table"] | None, Query()] = None,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """The latest version of every catalog entry, by code; `next` is the `after` of the next page."""
    return json_answer(catalogs.list_catalogs(app, org=org, layer=layer, after=after, limit=limit))


@router.get(
    "/catalogs/findings", tags=["catalogs"], response_model=catalogs.CatalogReview, responses=problems(401, 403)
)
def catalog_findings(
    holder: ReviewerKey,
    app: TheApp,
    org: Annotated[str | None, Query(max_length=64)] = None,
    finding: Annotated[str | None, Query(json_schema_extra={"enum": list(FINDINGS)})] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Gaps between the three layers, wrong links and overdue updates, and figures over all entries."""
    return json_answer(catalogs.findings(app, holder, org=org, finding=finding, cursor=cursor, limit=limit))


@router.get(
    "/catalogs/{code:path}/history",
    tags=["catalogs"],
    dependencies=[OPEN],
    response_model=catalogs.CatalogHistory,
    responses=problems(404),
)
def catalog_history(code: str, app: TheApp) -> Response:
    """Every version in order, each with its predecessor's digest, against the head on chain."""
    return json_answer(catalogs.history(app, code))


@router.get(
    "/catalogs/{code:path}/diff",
    tags=["catalogs"],
    dependencies=[OPEN],
    response_model=catalogs.CatalogComparison,
    responses=problems(404),
)
def catalog_diff(
    code: str, app: TheApp, from_: Annotated[Sequence, Query(alias="from")], to: Annotated[Sequence, Query()]
) -> Response:
    """What changed between two versions, field by field."""
    return json_answer(catalogs.diff(app, code, from_, to))


@router.get("/organisations", tags=["organisations"], dependencies=[OPEN], response_model=OrganisationList)
def list_organisations(app: TheApp) -> Response:
    """The organisations registered on chain."""
    return json_answer(OrganisationList(tuple(organisations.list_organisations(app))))


@router.get(
    "/organisations/{code}",
    tags=["organisations"],
    dependencies=[OPEN],
    response_model=organisations.OrganisationDetails,
    responses=problems(404),
)
def read_organisation(code: str, app: TheApp) -> Response:
    """One organisation: its standing, log and permits."""
    return json_answer(organisations.organisation(app, code))


@router.get("/types", tags=["organisations"], dependencies=[OPEN], response_model=TypeList)
def list_types(app: TheApp) -> Response:
    """The certificate types known here."""
    return json_answer(TypeList(tuple(certificate_types.list_types(app))))
