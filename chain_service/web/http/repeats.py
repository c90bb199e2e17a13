"""`Idempotency-Key`: a write that is sent again is answered as it was the first time.

A route that changes something takes `sent: Sent` and answers by `sent.once`: without the header that is nothing but
doing it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request
from starlette.responses import Response

from chain_service.core.encoding.answers import json_bytes
from chain_service.errors import BadRequest, ChainServiceError
from chain_service.jobs import repeats
from chain_service.jobs.asker import KeyHolder
from chain_service.jobs.context import App
from chain_service.jobs.repeats import AnsweredBefore, FirstAnswer, Once
from chain_service.problem_details import meaning_of
from chain_service.web.http.auth import TheApp
from chain_service.web.http.bodies import JSON, media_type, read_body
from chain_service.web.http.problems import problem_response

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST_KEY = 255
_KEY = re.compile(r"[!-~](?:[ -~]*[!-~])?")
Made = TypeVar("Made")


class RunningRequests:
    """The keyed requests that this process works on now."""

    def __init__(self) -> None:
        self._keys: set[bytes] = set()
        self._lock = Lock()

    @contextmanager
    def alone(self, key: bytes) -> Iterator[None]:
        """No other thread works under this key. Raises Conflict (`idempotency_running`) where one does."""
        with self._lock:
            if key in self._keys:
                raise repeats.running()
            self._keys.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)


async def idempotency_key(
    request: Request,
    _sent: Annotated[
        str | None,
        Header(
            alias=HEADER,
            max_length=LONGEST_KEY + 2,
            description="Chosen by whoever sends the request, new for each; sent again with the same body, the first "
            "answer is given again for 30 days and nothing is done twice. In quotes or without.",
        ),
    ] = None,
) -> str | None:
    """The key that came along; None where none did. Raises BadRequest for one that is none, or several."""
    values = request.headers.getlist(HEADER)
    if not values:
        return None
    key = values[0].strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = re.sub(r"\\([\"\\])", r"\1", key[1:-1])
    if len(values) > 1 or len(key) > LONGEST_KEY or not _KEY.fullmatch(key):
        raise BadRequest(
            f"{HEADER} must be one text of 1 to {LONGEST_KEY} printable ASCII characters, such as a UUID",
            code="malformed_request",
            zh=f"{HEADER} 须为 1 至 {LONGEST_KEY} 个可打印 ASCII 字符的文本，如 UUID",
            field=HEADER,
        )
    return key


@dataclass(frozen=True)
class SentBody:
    """A request that changes something: its body, and the key that makes it safe to send again."""

    request: Request
    app: App
    body: bytes
    key: str | None

    def once(
        self,
        holder: KeyHolder,
        act: Callable[[Once | None], Made],
        *,
        form: Callable[[Made], bytes] = json_bytes,
        form_type: str = JSON,
        status: int = 202,
    ) -> Response:
        """The answer to what `act` made, or the first answer where the same came before.

        Raises what `act` raises, and of the key `BadRequest` (`idempotency_mismatch`), `Conflict`
        (`idempotency_running`, `idempotency_full`).
        """
        if self.key is None:
            return Response(form(act(None)), status, media_type=form_type)
        request = repeats.once(
            self.app, holder.key_id, self.key, self._identity(), status=status, media_type=form_type, form=form
        )
        running: RunningRequests = self.request.app.state.running
        with running.alone(request.running):
            before = repeats.first_answer(self.app, request)
            if before is not None:
                return _again(before)
            try:
                return Response(form(act(request)), status, media_type=form_type)
            except AnsweredBefore as first:
                return _again(first.answer)
            except ChainServiceError as refusal:
                return self._refused(request, refusal)

    def _refused(self, request: Once, refusal: ChainServiceError) -> Response:
        """The answer to a refusal, kept where it would be the same until something changes: not where others were
        quicker twice (`constraint`).
        """
        passing = refusal.code == "constraint" or refusal.code.startswith("idempotency_")
        if passing or meaning_of(refusal).status not in repeats.SETTLED:
            raise refusal
        answer = problem_response(refusal, getattr(self.request.state, "request_id", None))
        kept = FirstAnswer(answer.status_code, str(answer.media_type), bytes(answer.body))
        try:
            repeats.keep_refusal(self.app, request, kept)
        except AnsweredBefore as first:
            return _again(first.answer)
        return answer

    def _identity(self) -> bytes:
        """What has to be the same for a request to be the same: method, address, media type and body, byte by byte."""
        url = self.request.url
        said = "\n".join((self.request.method, url.path, url.query, media_type(self.request), ""))
        return said.encode() + self.body


def _again(answer: FirstAnswer) -> Response:
    return Response(answer.body, answer.status, {REPLAYED: "true"}, answer.media_type)


async def sent_body(
    request: Request,
    app: TheApp,
    key: Annotated[str | None, Depends(idempotency_key)],
    body: Annotated[bytes, Depends(read_body)],
) -> SentBody:
    """The request with its body and its key. Raises BadRequest."""
    return SentBody(request, app, body, key)


Sent = Annotated[SentBody, Depends(sent_body)]
