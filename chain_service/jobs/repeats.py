"""A request that carries an `Idempotency-Key` is done once, and its first answer is given to whoever sends it again.

The answer is stored in the transaction of what it answers, so that a killed process leaves both or neither:

    with app.database.transaction() as connection:
        begin(app, connection, once)     # AnsweredBefore: another process was first
        …                                # what is asked for
        return keep(app, connection, once, accepted)

After draft-ietf-httpapi-idempotency-key-header-07. A refusal that stands as long as nothing changes is an answer too:
a late duplicate of what was refused must not take effect. What could not be read, or could not be done at the moment,
is none: sent again, it is tried again.

Answers of writes hold ids, states and digests, never what a record says. The key itself is not stored: its digest
finds the answer, and it keys the digest of the request, so that nobody who reads the database can try out bodies.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from chain_service.errors import BadRequest, Conflict
from chain_service.jobs.context import App
from chain_service.store.access import first_answers
from chain_service.store.access.first_answers import NewFirstAnswer, StoredFirstAnswer

KEPT = 30 * 86_400
"""Seconds that a first answer is kept."""
SETTLED = frozenset({403, 404, 409, 410})
"""Statuses of refusals that are kept."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class FirstAnswer:
    """What is given to whoever asks the same again."""

    status: int
    media_type: str
    body: bytes


class AnsweredBefore(Exception):
    """Whoever was first has been answered meanwhile; nothing is done again."""

    def __init__(self, answer: FirstAnswer) -> None:
        super().__init__("answered before")
        self.answer = answer


@dataclass(frozen=True)
class Once:
    """A request to be done once: whose it is, which it is, and how what it makes is answered."""

    key_id: str
    key: bytes
    "Digest that finds its answer."
    fingerprint: bytes
    "Digest of the request, to tell it from another one under the same key."
    status: int
    media_type: str
    form: Callable[[Any], bytes]

    def answered(self, status: int, media_type: str, body: bytes, at: float) -> NewFirstAnswer:
        """The answer as it is stored."""
        return NewFirstAnswer(
            self.key_id, self.key, self.fingerprint, at, status, media_type, zlib.compress(body, level=1)
        )


def once(key_id: str, key: str, request: bytes, *, status: int, media_type: str, form: Callable[[Any], bytes]) -> Once:
    """The request of this API key's holder under this key; `request` is what has to be the same again."""
    digest = hashlib.sha256(key_id.encode() + b"\0" + key.encode()).digest()
    return Once(key_id, digest, hmac.digest(key.encode(), request, "sha256"), status, media_type, form)


def first_answer(app: App, request: Once) -> FirstAnswer | None:
    """What the request was answered first; None where it is new. Raises `BadRequest` (`idempotency_mismatch`)."""
    with app.database.reading() as connection:
        return _answer(app, request, first_answers.find(connection, request.key_id, request.key))


def begin(app: App, connection: Connection, request: Once | None) -> None:
    """This transaction alone does what is asked for, for the first time.

    Raises `AnsweredBefore`, `BadRequest` (`idempotency_mismatch`), `Conflict` (`idempotency_running`; where too many
    answers are kept for the API key `idempotency_full`).
    """
    if request is None:
        return
    if not first_answers.taken(connection, request.key):
        raise running()
    stored = first_answers.find(connection, request.key_id, request.key)
    answer = _answer(app, request, stored)
    if answer is not None:
        raise AnsweredBefore(answer)
    if stored is not None:
        first_answers.forget(connection, request.key_id, request.key)
    count, oldest = first_answers.kept(connection, request.key_id)
    if oldest is not None and count >= app.settings.idempotency_keys:
        raise Conflict(
            f"{count} answers are kept for this API key already; send the request without an Idempotency-Key, or "
            "several records in one body",
            code="idempotency_full",
            retryAfter=max(1, int(oldest + KEPT - app.clock()) + 1),
        )


def keep(app: App, connection: Connection, request: Once | None, made: Result) -> Result:
    """`made`, of which the answer is stored beside it."""
    if request is not None:
        answer = request.answered(request.status, request.media_type, request.form(made), app.clock())
        first_answers.add(connection, answer)
    return made


def keep_refusal(app: App, request: Once, refusal: FirstAnswer) -> None:
    """The refusal is the request's first answer. Raises as `begin`: then that is what is to be answered."""
    with app.database.transaction() as connection:
        begin(app, connection, request)
        answer = request.answered(refusal.status, refusal.media_type, refusal.body, app.clock())
        first_answers.add(connection, answer)


def seen_again(act: Callable[[], Result]) -> Result:
    """What `act` answers; where another request broke in between, it is asked once more and sees that one."""
    try:
        return act()
    except Conflict as error:
        if error.code != "constraint":
            raise
    return act()


def running() -> Conflict:
    """The refusal of a request whose first one is not answered yet."""
    return Conflict(
        "the first request with this Idempotency-Key is still being processed", code="idempotency_running", retryAfter=1
    )


def forget_old_answers(app: App) -> int:
    """How many first answers are older than 30 days and kept no more; the rest of many goes with the next call."""
    before = app.clock() - KEPT
    with app.database.reading() as connection:
        if not first_answers.any_before(connection, before):
            return 0
    with app.database.transaction() as connection:
        return first_answers.forget_before(connection, before)


def _answer(app: App, request: Once, stored: StoredFirstAnswer | None) -> FirstAnswer | None:
    if stored is None or stored.at < app.clock() - KEPT:
        return None
    if not hmac.compare_digest(stored.fingerprint, request.fingerprint):
        raise BadRequest(
            "this Idempotency-Key came with another request before; send every request with a key of its own",
            code="idempotency_mismatch",
            field="Idempotency-Key",
        )
    return FirstAnswer(stored.status, stored.media_type, zlib.decompress(stored.body))
