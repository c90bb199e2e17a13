"""uvicorn, with the bounds and the ending we want."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from chain_service.config import Settings
from chain_service.errors import BadRequest, Unavailable


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self.listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.listening()


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
    """Serves until SIGINT or SIGTERM; requests under way get `grace` seconds. `listening` is told the port.

    Raises Unavailable (`port_in_use`), BadRequest (`bad_settings`) for a certificate or key that cannot be used.
    """
    config = uvicorn.Config(
        web,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=grace,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=str(settings.tls_key) if settings.tls_key else None,
    )
    try:
        config.load()
    except OSError as error:
        raise BadRequest(f"TLS certificate or key: {error}", code="bad_settings", field="tls_certificate") from None
    with bind(settings.host, settings.port) as bound:
        port = bound.getsockname()[1]
        server = _Server(config, lambda: listening(port))
        gc.freeze()  # what start-up made stays: walking through it again and again costs imports a tenth of their time
        server.run(sockets=[bound])
