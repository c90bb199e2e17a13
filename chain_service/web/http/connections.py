"""The connections of one process: how many there may be, of whom, and how long each may keep the service waiting.

uvicorn has no deadline for a header or a reader, and asyncio accepts until descriptors run out. Here every connection
is in one of four states from `accept` on, so a TLS handshake counts too:

    half-open   no whole request header is there yet: ended after `header_seconds`, the oldest first beyond `half_open`
    asked       a request is under way; `bodies.py` bounds the time that its body takes
    idle        answered, and nothing of the next request has come: uvicorn ends it after `keep_alive`
    draining    the peer has to read before anything goes on: ended when it is slower than `least_rate`

When all places are taken, whoever keeps the service waiting makes room: a half-open connection, an idle one, an
upload; of several the oldest of the address that has most, so that a flood from few addresses pushes out nobody else.
Only if all of them wait for this service is the new one refused, and a few refused ones are kept until they have heard
why.
"""

from __future__ import annotations

import asyncio
import http
import time
from collections import Counter
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from chain_service.config import Settings
from chain_service.errors import BadRequest, ChainServiceError
from chain_service.problem_details import problem_object
from chain_service.web.http.problems import Overloaded, RequestTooSlow, TooManyAtOnce, problem_bytes
from chain_service.web.http.request_log import RequestMetrics

REFUSED_AT_ONCE = 16
"""Connections beyond the bounds that are kept until they have heard why; health is answered on them."""
CLOSE_SECONDS = 5
SWEEP_SECONDS = 0.5


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 on one connection that `connections` counts; it tells them in which state it is."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        connections: Connections,
        address: str,
    ) -> None:
        super().__init__(config, server_state, {**app_state, "connection": self})
        self.counted = connections
        self.address = address
        self.refusal: ChainServiceError | None = None
        """What every request on it is answered with, except those for health."""
        self.opening: asyncio.Task[None] | None = None
        """Ends when the connection is open, with TLS after the handshake."""
        self.asked_at = 0.0
        connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is counted for it any more."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self.counted.forget(self)

    def data_received(self, data: bytes) -> None:
        """Half-open until a whole header is there."""
        self.counted.heard(self)
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self.counted.asked(self)

    def on_response_complete(self) -> None:
        """Idle, or half-open where the rest of this body or the beginning of another request is there."""
        super().on_response_complete()
        if self.cycle.response_complete:
            clean = self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]
            self.counted.answered(self, clean=clean)

    def pause_writing(self) -> None:
        """Draining."""
        super().pause_writing()
        self.counted.draining(self, self.counted.settings.body_seconds)

    def resume_writing(self) -> None:
        """Not draining any more."""
        super().resume_writing()
        self.counted.drained(self)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is answered in the form of all our errors."""
        self._tell(BadRequest(msg, code="malformed_request"), 400)

    @property
    def is_uploading(self) -> bool:
        """The body of its request has not come whole."""
        return self.cycle is not None and not self.cycle.response_complete and self.cycle.more_body

    def end(self, error: ChainServiceError) -> None:
        """It is told why, if it has begun to ask and was not answered, and ends."""
        if self.transport is None:
            if self.opening is not None:
                self.opening.cancel()
        elif self.is_uploading:
            self.refusal = error
            self.cycle.message_event.set()
        elif self.conn.our_state is h11.IDLE and self.conn.trailing_data[0] and not self.transport.is_closing():
            self._tell(error)
            self.loop.call_later(CLOSE_SECONDS, self.transport.abort)
        else:
            self.transport.abort()

    def _tell(self, error: ChainServiceError, status: int | None = None) -> None:
        problem = problem_object(error)
        problem["status"] = status or problem["status"]
        content = problem_bytes(problem)
        headers = [
            ("content-type", "application/problem+json"),
            ("content-length", str(len(content))),
            ("cache-control", "no-store"),
            ("connection", "close"),
        ]
        phrase = http.HTTPStatus(problem["status"]).phrase
        response = h11.Response(status_code=problem["status"], headers=headers, reason=phrase)
        for event in (response, h11.Data(data=content), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _oldest_of_the_heaviest(connections: list[Connection]) -> Connection:
    """Of these, the oldest first, the first one whose address has as many as any."""
    of_address = Counter(one.address for one in connections)
    most = max(of_address.values())
    return next(one for one in connections if of_address[one.address] == most)


class Connections:
    """All connections of one server, and who of them has to go."""

    def __init__(self, settings: Settings, most: int, metrics: RequestMetrics) -> None:
        """`most` connections at a time, as settings and descriptors allow."""
        self.settings = settings
        self.most = most
        self.metrics = metrics
        self.all: set[Connection] = set()
        self._half_open: dict[Connection, float] = {}
        self._idle: dict[Connection, float] = {}
        self._draining: dict[Connection, float] = {}
        self._of_address: Counter[str] = Counter()
        self._refused: set[Connection] = set()
        metrics.connections.set_function(lambda: len(self.all))
        metrics.half_open.set_function(lambda: len(self._half_open))

    def admit(self, address: str) -> ChainServiceError | None:
        """Room is made for one more connection of this address; otherwise why there is none.

        Raises the same error where as many as may wait for an answer already do.
        """
        refusal = self._refusal(address)
        if refusal is not None:
            self.metrics.note_bounded(refusal, address)
            if len(self._refused) >= REFUSED_AT_ONCE:
                raise refusal
        return refusal

    def _refusal(self, address: str) -> ChainServiceError | None:
        of_one = self.settings.address_connections
        if not self.settings.behind_proxy and self._of_address[address] >= of_one:
            error: ChainServiceError = TooManyAtOnce(
                f"at most {of_one} connections of one address at a time", reason="address_connections", limit=of_one
            )
            if not self._make_room(error, address):
                return error
        if len(self.all) - len(self._refused) >= self.most:
            error = Overloaded(f"all {self.most} connections are taken", reason="connections", limit=self.most)
            if not self._make_room(error):
                return error
        return None

    def _make_room(self, error: ChainServiceError, address: str | None = None) -> bool:
        """One connection that waits for its peer is ended, of this address where one is named."""
        for waiting in (self._half_open, self._idle):
            candidates = [one for one in waiting if address in (None, one.address)]
            if candidates:
                self._end(_oldest_of_the_heaviest(candidates), error)
                return True
        uploads = [one for one in self.all if one.is_uploading and one.refusal is None]
        if address is not None or not uploads:
            return False
        self._end(_oldest_of_the_heaviest(sorted(uploads, key=lambda one: one.asked_at)), error)
        return True

    def spare_one(self) -> None:
        """Descriptors have run out: whoever can go does."""
        self._make_room(Overloaded("the process has no descriptor left", reason="descriptors"))

    def _end(self, connection: Connection, error: ChainServiceError) -> None:
        self.metrics.note_bounded(error, connection.address)
        uploading = connection.is_uploading
        connection.end(error)
        if not uploading:  # its request answers it, and then it goes
            self.forget(connection)

    def add(self, connection: Connection) -> None:
        """It is half-open, and the oldest of more than may be half-open is ended."""
        self.all.add(connection)
        self._of_address[connection.address] += 1
        self._begin(connection)

    def _begin(self, connection: Connection) -> None:
        limit = self.settings.half_open
        self._half_open[connection] = time.monotonic()
        if len(self._half_open) > limit:
            error = Overloaded(f"at most {limit} half-open connections", reason="half_open", limit=limit)
            self._end(_oldest_of_the_heaviest(list(self._half_open)), error)

    def forget(self, connection: Connection) -> None:
        """Nothing is counted for it; again has no effect."""
        if connection in self.all:
            self.all.discard(connection)
            self._refused.discard(connection)
            for state in (self._half_open, self._idle, self._draining):
                state.pop(connection, None)
            self._of_address[connection.address] -= 1
            if not self._of_address[connection.address]:
                del self._of_address[connection.address]

    def refuse(self, connection: Connection, refusal: ChainServiceError) -> None:
        """It is there only to hear why it is refused."""
        connection.refusal = refusal
        self._refused.add(connection)

    def heard(self, connection: Connection) -> None:
        """Bytes came: of the next request, where it was idle."""
        if self._idle.pop(connection, None) is not None:
            self._begin(connection)

    def asked(self, connection: Connection) -> None:
        """A whole header came."""
        if self._half_open.pop(connection, None) is not None:
            connection.asked_at = time.monotonic()

    def answered(self, connection: Connection, *, clean: bool) -> None:
        """The answer went out; `clean` where neither the rest of a body nor the next request has begun to come."""
        if connection.transport.is_closing() or connection not in self.all:
            return
        if clean:
            self._half_open.pop(connection, None)
            self._idle[connection] = time.monotonic()
        elif connection not in self._half_open:
            self._begin(connection)

    def draining(self, connection: Connection, seconds: float) -> None:
        """Nothing goes on before the peer has read; it has `seconds` more than the least rate takes."""
        if connection in self.all:
            rest = connection.transport.get_write_buffer_size()
            self._draining[connection] = time.monotonic() + seconds + rest / self.settings.least_rate

    def drained(self, connection: Connection) -> None:
        """The peer has read."""
        self._draining.pop(connection, None)

    async def watch(self) -> None:
        """Ends, until it is cancelled, whoever keeps the service waiting for too long."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._sweep(time.monotonic())

    def _sweep(self, now: float) -> None:
        seconds = self.settings.header_seconds
        late = RequestTooSlow(f"no whole request header within {seconds:g} s", reason="header_seconds", limit=seconds)
        for connection, since in list(self._half_open.items()):
            if since + seconds > now:
                break
            self._end(connection, late)
        slow = RequestTooSlow("the answer is read too slowly", reason="slow_reader")
        for connection, until in list(self._draining.items()):
            if until < now:
                self._end(connection, slow)
        for connection in self.all - self._draining.keys():
            if connection.transport is not None and connection.transport.is_closing():
                self.draining(connection, CLOSE_SECONDS)
