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

API keys that were rotated have one holder: whoever sends a request again with the successor gets the first answer. It
is stored under the API key that was sent, where the program of the release before finds it too, and looked for under
all keys of the holder.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection

from chain_service.errors import BadRequest, Conflict
from chain_service.jobs.context import App
from chain_service.store.access import first_answers, keys
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
    "The API key that was sent."
    holder: str
    "The first of the API keys that were rotated until this one."
    key: str = field(repr=False)
    "The request's own key."
    fingerprint: bytes
    "Digest of the request, to tell it from another one under the same key."
    status: int
    media_type: str
    form: Callable[[Any], bytes]

    @property
    def running(self) -> bytes:
        """Digest under which its holder has one such request at a time."""
        return self.digest(self.holder)

    def digest(self, key_id: str) -> bytes:
        """Digest that finds its answer, if it was sent with this API key."""
        return hashlib.sha256(key_id.encode() + b"\0" + self.key.encode()).digest()

    def answered(self, status: int, media_type: str, body: bytes, at: float) -> NewFirstAnswer:
        """The answer as it is stored."""
        return NewFirstAnswer(
            self.key_id,
            self.digest(self.key_id),
            self.fingerprint,
            at,
            status,
            media_type,
            zlib.compress(body, level=1),
        )


def once(
    app: App, key_id: str, key: str, request: bytes, *, status: int, media_type: str, form: Callable[[Any], bytes]
) -> Once:
    """The request of this API key's holder under this key; `request` is what has to be the same again."""
    with app.database.reading() as connection:
        holder = keys.first_of(connection, key_id)
    return Once(key_id, holder, key, hmac.digest(key.encode(), request, "sha256"), status, media_type, form)


def first_answer(app: App, request: Once) -> FirstAnswer | None:
    """What the request was answered first; None where it is new. Raises `BadRequest` (`idempotency_mismatch`)."""
    with app.database.reading() as connection:
        return _answer(app, request, _stored(connection, request))


def begin(app: App, connection: Connection, request: Once | None) -> None:
    """This transaction alone does what is asked for, for the first time.

    Raises `AnsweredBefore`, `BadRequest` (`idempotency_mismatch`), `Conflict` (`idempotency_running`; where too many
    answers are kept for the API key `idempotency_full`).
    """
    if request is None:
        return
    locks = (request.running, request.digest(request.key_id))  # the second is all that the release before locks
    if not all(first_answers.taken(connection, one) for one in dict.fromkeys(locks)):
        raise running()
    stored = _stored(connection, request)
    answer = _answer(app, request, stored)
    if answer is not None:
        raise AnsweredBefore(answer)
    for old in stored:
        first_answers.forget(connection, old.key_id, old.key)
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


def _stored(connection: Connection, request: Once) -> Sequence[StoredFirstAnswer]:
    return first_answers.find(connection, {id: request.digest(id) for id in keys.holders(connection, request.key_id)})


def _answer(app: App, request: Once, found: Sequence[StoredFirstAnswer]) -> FirstAnswer | None:
    stored = next((one for one in found if one.at >= app.clock() - KEPT), None)
    if stored is None:
        return None
    if not hmac.compare_digest(stored.fingerprint, request.fingerprint):
        raise BadRequest(
            "this Idempotency-Key came with another request before; send every request with a key of its own",
            code="idempotency_mismatch",
            field="Idempotency-Key",
        )
    return FirstAnswer(stored.status, stored.media_type, zlib.decompress(stored.body))
