"""`/v1/verify`: one verdict, or many in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import Response

from chain_service.core.encoding.decoding import read_base64
from chain_service.core.records.identifiers import tidied_identifier
from chain_service.core.verdicts.paper_kinds import Paper, PaperKind, take
from chain_service.errors import BadRequest
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.jobs.verifying.several_papers import MAX_PAPERS, require_few
from chain_service.jobs.verifying.verify import check_question
from chain_service.jobs.verifying.verify_papers import check_asked, verify_each, verify_papers
from chain_service.web.http.answers import json_answer, lines_of, ndjson_stream, problems, request_body
from chain_service.web.http.auth import VERIFIER, AnyKey, TheApp, Verifier
from chain_service.web.http.bodies import (
    JSON,
    MAX_JSON,
    MULTIPART,
    NDJSON,
    bounded_lines,
    need_media_type,
    read_body,
    shaped,
)
from chain_service.web.http.problems import PayloadTooLarge
from chain_service.web.http.request_log import about_request
from chain_service.web.schemas.requests import VerifyRequest, parse_moment
from chain_service.web.schemas.verdicts import VerdictView

router = APIRouter(prefix="/v1/verify", tags=["verify"])

FIELDS = frozenset({"digest", "identifier", "certificateNumber", "certificateHolderName", "at", "useCause"})
PARTS = frozenset({"file", "disclosure", "receipt"})
FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        **{name: {"type": "string", "format": "binary"} for name in sorted(PARTS - {"file"})},
        "file": {"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": MAX_PAPERS},
        **{name: {"type": "string"} for name in sorted(FIELDS)},
    },
}


@dataclass(frozen=True)
class MultipartForm:
    """A multipart body in memory: the papers told by their bytes, and `fields`, which are text."""

    papers: list[Paper]
    fields: dict[str, str]


class _InMemory(MultiPartParser):
    """Documents under verification never lie in a file of their own; `BoundBodies` bounds the memory."""

    spool_max_size = 2**31

    def close(self) -> None:
        """Every part is closed; Starlette leaves those open that an error in a header or a second name cut off."""
        for file in self._files_to_close_on_error:
            file.close()


async def _form(request: Request) -> MultipartForm:
    parser = _InMemory(
        request.headers,
        request.stream(),
        max_files=MAX_PAPERS,
        max_fields=len(FIELDS) + MAX_PAPERS,
        max_part_size=MAX_JSON,
    )
    try:
        return await _sorted(await _parsed(parser), request.app.state.app.settings.max_file)
    finally:
        parser.close()


async def _parsed(parser: MultiPartParser) -> FormData:
    try:
        return await parser.parse()
    except (MultiPartException, FormParserError, ValueError, LookupError) as error:
        # names and fields are decoded by whatever charset the request names
        reason = error.message if isinstance(error, MultiPartException) else "it cannot be read"
        raise BadRequest(f"multipart body: {reason}", code="malformed_request") from None


async def _sorted(data: FormData, max_file: int) -> MultipartForm:
    papers: list[Paper] = []
    fields: dict[str, str] = {}
    for name, value in data.multi_items():
        if name not in PARTS | FIELDS or name in fields:
            raise BadRequest(f"unknown or repeated part {name[:40]!r}", code="malformed_request", field=name[:40])
        content = await value.read() if isinstance(value, UploadFile) else value.encode("utf-8", "surrogatepass")
        limit = max_file if name == "file" else MAX_JSON
        if len(content) > limit:
            raise PayloadTooLarge(f"{name} may have at most {limit / 2**20:.0f} MB", code="file_too_large", limit=limit)
        if name in PARTS:
            called = value.filename if isinstance(value, UploadFile) else None
            papers.append(take(called or name, content, PaperKind(name) if name != "file" else None))
        else:
            fields[name] = _text(name, content)
    require_few(papers)
    return MultipartForm(papers, {name: text for name, text in fields.items() if text})


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode().strip()
    except UnicodeDecodeError:
        raise BadRequest(f"{name} is not UTF-8", code="malformed_request", field=name) from None


async def read_asked(request: Request, _counted: Annotated[Any, VERIFIER]) -> bytes | MultipartForm:
    """The body, JSON text or the parts of a form, once it is known who asks. Raises BadRequest."""
    if need_media_type(request, JSON, MULTIPART) == MULTIPART:
        return await _form(request)
    body = await read_body(request)
    if len(body) > 2 * MAX_JSON:
        raise PayloadTooLarge(f"a JSON request may have at most {2 * MAX_JSON} bytes", limit=2 * MAX_JSON)
    return body


def _understood(asked: bytes | MultipartForm) -> tuple[list[Paper], VerificationRequest]:
    """The papers and what else is asked. Raises BadRequest when it cannot be read or asks for nothing."""
    if isinstance(asked, MultipartForm):
        wish = shaped(json.dumps(asked.fields).encode(), VerifyRequest)
        papers = asked.papers
    else:
        wish = shaped(asked, VerifyRequest)
        papers = [
            take("disclosure", data, PaperKind.DISCLOSURE) for data in (_bytes(wish.disclosure),) if data is not None
        ]
        papers += [take("receipt", data, PaperKind.RECEIPT) for data in (_receipt(wish.receipt),) if data is not None]
    if wish.digest is not None:
        papers = [*papers, Paper("digest", PaperKind.DIGEST, wish.digest.encode())]
    if not papers and wish.identifier is None:
        raise BadRequest(_NOTHING, code="malformed_request")
    return papers, _asked(wish)


def _asked(wish: VerifyRequest) -> VerificationRequest:
    return VerificationRequest(
        identifier=None if wish.identifier is None else tidied_identifier(wish.identifier),
        number=wish.certificateNumber,
        holder_name=wish.certificateHolderName,
        at=parse_moment(wish.at) if wish.at else None,
        use_cause=wish.useCause,
    )


def _question(wish: VerifyRequest) -> VerificationRequest:
    """A line of `/v1/verify/bulk`: one question about one disclosure, receipt, digest or identifier, or all of them."""
    question = replace(
        _asked(wish), disclosure=_bytes(wish.disclosure), receipt=_receipt(wish.receipt), digest=wish.digest
    )
    if not any((question.disclosure, question.receipt, question.digest, question.identifier)):
        raise BadRequest(_NOTHING, code="malformed_request")
    return question


_NOTHING = "give a file, digest, disclosure, receipt or identifier to verify"


def _bytes(value: dict[str, Any] | None) -> bytes | None:
    return None if value is None else json.dumps(value).encode()


def _receipt(value: dict[str, Any] | str | None) -> bytes | None:
    """A proof in JSON as its text, a COSE receipt from base64. Raises BadRequest (`malformed_request`)."""
    if not isinstance(value, str):
        return _bytes(value)
    return read_base64(value, limit=MAX_JSON, refuse=_no_receipt)


def _no_receipt(reason: str) -> BadRequest:
    return BadRequest(f"receipt is neither a proof nor base64: {reason}", code="malformed_request", field="receipt")


@router.post(
    "",
    response_model=VerdictView,
    responses=problems(403, 429),
    openapi_extra=request_body(json=VerifyRequest, multipart=FORM),
)
def verify_one(
    request: Request, app: TheApp, asker: Verifier, asked: Annotated[bytes | MultipartForm, Depends(read_asked)]
) -> Response:
    """A verdict on papers of one holder, or an identifier; 200 whenever the request could be read.

    What each part is, a file, disclosure, receipt, proof or trust file, is told by its bytes.
    """
    papers, base = _understood(asked)
    check_asked(papers, base, asker, app.now)
    app.key_limits.look_up(asker, int(base.identifier is not None), app.clock())
    verdict = verify_papers(app, papers, base, asker).to_json()
    request.app.state.metrics.verdicts.labels(verdict["verdict"], verdict["code"]).inc()
    about_request(request, verdict=verdict["code"])
    return json_answer(verdict)


@router.post(
    "/bulk",
    response_class=Response,
    responses={200: lines_of(VerdictView, "the verdicts in the order of the requests"), **problems(403)},
    openapi_extra=request_body(ndjson=VerifyRequest),
)
def verify_bulk(request: Request, holder: AnyKey, app: TheApp, body: Annotated[bytes, Depends(read_body)]) -> Response:
    """One verdict a line, in the order of the questions, sent as they are reached. A malformed line refuses all."""
    need_media_type(request, NDJSON)
    lines = bounded_lines(body, app.settings.max_lines)
    now = app.now
    questions = []
    for number, line in lines:
        with _named(number):
            questions.append(_question(shaped(line, VerifyRequest)))
            check_question(questions[-1], holder, now)
    app.key_limits.look_up(holder, sum(question.identifier is not None for question in questions), app.clock())
    counter = request.app.state.metrics.verdicts

    def verdicts() -> Iterator[dict[str, Any]]:
        for verdict in verify_each(app, questions, holder):
            value = verdict.to_json()
            counter.labels(value["verdict"], value["code"]).inc()
            yield value

    return ndjson_stream(verdicts())


@contextmanager
def _named(number: int) -> Iterator[None]:
    """What is refused inside names the line."""
    try:
        yield
    except BadRequest as error:
        refused = BadRequest(f"line {number}: {error.message}", code=error.code, **{**error.details, "line": number})
        refused.errors = error.errors or (error,)
        for told in refused.errors:
            told.details["line"] = number
        raise refused from None
