"""uvicorn behind an `accept` of our own: bounds on who is let in, and the ending we want.

asyncio's `accept` looks at nobody, goes on when descriptors have run out, and writes thousands of lines about it. Here
a connection counts from `accept` on (`connections.py`), before TLS, and database and nodes keep descriptors of theirs.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import resource
import signal
import socket
import ssl
import threading
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import structlog
import uvicorn
from fastapi import FastAPI

from chain_service.config import Settings
from chain_service.errors import BadRequest, ChainServiceError, Unavailable
from chain_service.jobs.instance.watch import HealthWatch
from chain_service.web.http.auth import counted_address
from chain_service.web.http.connections import CLOSE_SECONDS, REFUSED_AT_ONCE, Connection, Connections
from chain_service.web.http.request_log import RequestMetrics

KEPT_BACK = 64
"""Descriptors that connections leave for database, nodes, parsers and files."""
BACKLOG = 2048
ACCEPTED_AT_ONCE = 32
"""Connections taken before those that are open get their turn."""
EXHAUSTED_SECONDS = 0.5
"""Pause of `accept` when descriptors or memory have run out."""
TLS_BUFFER = 2**16
"""Bytes that asyncio sets aside for each TLS connection from its first byte on; its own 256 kB, and what OpenSSL and
the HTTP parser keep of such pieces, come to a megabyte each."""
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class _Listener:
    """Accepts what the bounds let in. It stands where uvicorn keeps asyncio's server."""

    def __init__(
        self,
        bound: socket.socket,
        connections: Connections,
        make: Callable[[str], Connection],
        context: ssl.SSLContext | None,
    ) -> None:
        self.bound = bound
        self.connections = connections
        self.make = make
        seconds = connections.settings.header_seconds
        self.tls: dict[str, Any] = {}
        if context is not None:
            SSLProtocol.max_size = TLS_BUFFER
            self.tls = {"ssl": context, "ssl_handshake_timeout": seconds, "ssl_shutdown_timeout": CLOSE_SECONDS}
        self.loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        bound.setblocking(False)
        bound.listen(BACKLOG)
        self._go_on()

    def _go_on(self) -> None:
        self.loop.add_reader(self.bound.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, peer = self.bound.accept()
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self._exhausted(error)
                return  # nobody waits, or who waited has gone
            self._take(accepted, counted_address(str(peer[0])))

    def _exhausted(self, error: OSError) -> None:
        structlog.get_logger("chain_service.web").error("accept_paused", detail=error.strerror)
        self.connections.spare_one()
        self.loop.remove_reader(self.bound.fileno())
        self._pause = self.loop.call_later(EXHAUSTED_SECONDS, self._go_on)

    def _take(self, accepted: socket.socket, address: str) -> None:
        try:
            refusal = self.connections.admit(address)
        except ChainServiceError:
            accepted.close()
            return
        accepted.setblocking(False)
        connection = self.make(address)
        if refusal is not None:
            self.connections.refuse(connection, refusal)
        connection.opening = self.loop.create_task(self._open(accepted, connection))

    async def _open(self, accepted: socket.socket, connection: Connection) -> None:
        try:
            await self.loop.connect_accepted_socket(lambda: connection, accepted, **self.tls)
        except OSError:  # whoever is there does not speak TLS, or has gone
            self.connections.forget(connection)
        finally:
            connection.opening = None
            if connection.transport is None:
                self.connections.forget(connection)
                accepted.close()

    def close(self) -> None:
        """Nobody is accepted any more."""
        if self._pause is not None:
            self._pause.cancel()
        self.loop.remove_reader(self.bound.fileno())
        for connection in list(self.connections.all):
            if connection.opening is not None:
                connection.opening.cancel()

    async def wait_closed(self) -> None:
        """It is closed at once."""


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        connections: Connections,
        listening: Callable[[], None],
        shows: Callable[[bytes], None],
    ) -> None:
        super().__init__(config)
        self.connections = connections
        self.listening = listening
        self.shows = shows

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            self.should_exit = True
            return
        self.servers = [
            cast(asyncio.Server, _Listener(bound, self.connections, self._connection, self.config.ssl))
            for bound in sockets or ()
        ]
        self.watching = asyncio.create_task(self.connections.watch())
        if self.config.ssl is not None and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._renew_certificate, self.config.ssl)
        self.started = True
        self.listening()

    def _connection(self, address: str) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state, self.connections, address)

    def _renew_certificate(self, context: ssl.SSLContext) -> None:
        """Connections from now on get the certificate that the files hold by now; a pair that does not fit is left."""
        files = cast(str, self.config.ssl_certfile), self.config.ssl_keyfile
        log = structlog.get_logger("chain_service.web")
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)  # a failure would leave half a pair behind
            context.load_cert_chain(*files)
            self.shows(Path(files[0]).read_bytes())
        except OSError as error:
            log.error("certificate_kept", detail=f"TLS certificate or key: {error}")
        else:
            log.info("certificate_renewed")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self.watching.cancel()


def most_connections(settings: Settings) -> int:
    """Connections at a time that the settings and this process's descriptors allow."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return settings.max_connections
    return max(REFUSED_AT_ONCE, min(settings.max_connections, descriptors - KEPT_BACK))


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the first address of `host`. Raises Unavailable (`port_in_use`)."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)  # asyncio turns Nagle off only where it sees TCP
    except OSError as error:
        raise Unavailable(f"{host}: {error.strerror}", code="port_in_use") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise Unavailable(f"{host} port {port}: {error.strerror}", code="port_in_use", port=port) from None
    return bound


def run_server(web: FastAPI, settings: Settings, *, grace: int, listening: Callable[[int], None]) -> None:
    """Serves until SIGINT or SIGTERM; requests under way get `grace` seconds. `listening` is told the port. With TLS
    SIGHUP has certificate and key read again.

    Raises Unavailable (`port_in_use`), BadRequest (`bad_settings`) for a certificate or key that cannot be used.
    """
    config = uvicorn.Config(
        web,
        http=Connection,
        ws="none",  # an upgraded connection would be counted by nobody
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=grace,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=str(settings.tls_key) if settings.tls_key else None,
    )
    watch: HealthWatch = web.state.watch

    def shows(certificate: bytes) -> None:
        watch.served = certificate

    try:
        config.load()
        if settings.tls_certificate is not None:
            shows(settings.tls_certificate.read_bytes())
    except OSError as error:
        raise BadRequest(f"TLS certificate or key: {error}", code="bad_settings", field="tls_certificate") from None
    metrics: RequestMetrics = web.state.metrics
    connections = Connections(settings, most_connections(settings), metrics)
    with bind(settings.host, settings.port) as bound:
        port = bound.getsockname()[1]
        server = _Server(config, connections, lambda: listening(port), shows)
        gc.freeze()  # what start-up made stays: walking through it again and again costs imports a tenth of their time
        server.run(sockets=[bound])
