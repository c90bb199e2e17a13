"""`/v1/logs`: the anchored logs as C2SP tlog-tiles, for whoever wants to mirror and check them; `/v1/trust`."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from chain_service.core.receipts.receipt import MEDIA_TYPE
from chain_service.errors import NotFound
from chain_service.jobs.proofs import public_logs, trust_files
from chain_service.web.http.answers import problems
from chain_service.web.http.auth import OPEN, TheApp
from chain_service.web.http.caching import AN_HOUR, FOR_EVER, SECONDS

router = APIRouter(prefix="/v1", tags=["logs"], dependencies=[OPEN])

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"


def _content(media_type: str, description: str) -> dict[int | str, dict[str, object]]:
    return {200: {"description": description, "content": {media_type: {}}}}


@router.get(
    "/logs/{log}/checkpoint",
    response_class=Response,
    responses={**_content(TEXT, "signed note"), **problems(404, 503)},
)
def checkpoint(log: str, app: TheApp) -> Response:
    """The log's newest final head as a signed note (C2SP tlog-checkpoint). `log` is `<organisation>.<generation>`."""
    return _answer(public_logs.checkpoint(app, log), TEXT, SECONDS)


@router.get(
    "/logs/{log}/key", response_class=Response, responses={**_content(TEXT, "verifier key"), **problems(404, 503)}
)
def key(log: str, app: TheApp) -> Response:
    """The key that signs the log's checkpoints, as a C2SP verifier key; compare it by another way before you rely on
    it.
    """
    return _answer(f"{public_logs.verifier_key(app, log)}\n".encode(), TEXT, SECONDS)


@router.get(
    "/logs/{log}/tile/{path:path}",
    response_class=Response,
    responses={**_content(BYTES, "tree hashes; or entries of 32 bytes, each behind its length"), **problems(404)},
)
def tile(log: str, path: str, app: TheApp) -> Response:
    """A tile as far as the log is anchored: `<level>/<n>[.p/<width>]` or `entries/<n>[.p/<width>]` (C2SP tlog-tiles).

    Entries are 32-byte digests, never records.
    """
    place = public_logs.parse_tile_path(path)
    if place is None:
        raise NotFound("no tile can have this name", code="tile_unknown")
    return _answer(public_logs.tile(app, log, place), BYTES, FOR_EVER if place.is_full else AN_HOUR)


@router.get("/trust", response_class=Response, responses={**_content(MEDIA_TYPE, "trust file"), **problems(404)})
def trust_file(app: TheApp) -> Response:
    """The instance's trust file, if one was exported. Compare its fingerprint by another way before you rely on it."""
    return _answer(trust_files.in_force(app), MEDIA_TYPE, SECONDS, "chain-service.trust")


def _answer(data: bytes, media_type: str, cached: str, name: str | None = None) -> Response:
    headers = {"Cache-Control": cached}
    if name is not None:
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return Response(data, media_type=media_type, headers=headers)
