"""The watch looks at the instance every few seconds: what is not well becomes a log line and an alert, and ends so.

    not well  check=disk code=disk_full detail="1.2 MiB are free, less than the 64 MiB of disk_reserve"

An alert that cannot be stored, because the database is what is not well, is told by log, `/readyz` and `/metrics`; it
is stored when that works again, if its cause still lasts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType

import structlog

from chain_service.chain.rpc import Rpc
from chain_service.errors import ChainServiceError
from chain_service.jobs.alerts import CAUSES
from chain_service.jobs.context import App
from chain_service.jobs.instance.health import HealthFinding, Readiness, examine
from chain_service.jobs.leases import works_here
from chain_service.store import alerts

INTERVAL = 2.0
"""Seconds between two looks."""
FRESH = 1.0
"""Seconds for which a look answers whoever asks: `/readyz` is open to anyone."""
PATIENCE = 3.0
"""Seconds that a node may take, where requests for work may take `rpc_timeout`."""
_STORABLE = frozenset({"database_newer", "database_older"})
_OF_CERTIFICATE = frozenset({"certificate_expired", "certificate_ends_soon"})
log = structlog.get_logger("watch")


@dataclass(frozen=True)
class HealthFigures:
    """For monitoring: whether the instance is ready, and each check and code that is not well."""

    ready: bool
    problems: frozenset[tuple[str, str]]


def health_figures(watch: HealthWatch) -> HealthFigures:
    """Those of a look that is not older than a second."""
    state = watch.look()
    head = state.checks.head
    problems = {(one.check, one.code) for one in watch.found}
    if head is not None and head.code is not None:
        problems.add(("head", head.code))
    if state.checks.index is not None and state.checks.index.code is not None:
        problems.add(("index", state.checks.index.code))
    return HealthFigures(state.ready, frozenset(problems))


class HealthWatch:
    """Threads may share it. As a context manager it looks by itself until left; `alerting` raises and clears alerts,
    which is for the process whose workers run: of several on PostgreSQL for the one that follows the chain, since the
    others have disks and clocks of their own and would clear what it finds.

    Those of the certificate are for the processes that serve, `serving`: only they know what clients are shown. Of
    several each clears what it found itself, and once, at its first look, what a process before it left.
    """

    def __init__(self, app: App, *, alerting: bool = False, serving: bool = False) -> None:
        self._app = app
        self._alerting = alerting
        self._serving = serving
        self._stored: set[tuple[str, str]] | None = None
        """What was found at the last look whose alerts were stored."""
        self._lock = threading.Lock()
        self._state: Readiness | None = None
        self._found: tuple[HealthFinding, ...] = ()
        self._looked = 0.0
        self.served: bytes | None = None
        """The certificate, in PEM, that the server of this process shows its clients."""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @cached_property
    def _nodes(self) -> list[Rpc]:
        app = self._app
        return [] if app.chain is None else app.chain.rpc.each(min(app.settings.rpc_timeout, PATIENCE))

    def look(self) -> Readiness:
        """Whether the instance can do its work, as seen not longer than a second ago."""
        with self._lock:
            if self._state is None or time.monotonic() - self._looked > FRESH:
                before = self._found
                self._state, self._found = examine(self._app, self._nodes, self.served)
                self._looked = time.monotonic()
                _tell(before, self._found)
            return self._state

    @property
    def found(self) -> tuple[HealthFinding, ...]:
        """What was not well at the last look."""
        return self._found

    def _store(self, found: tuple[HealthFinding, ...]) -> None:
        """The alerts that stand are those found now, of the codes that are for this process to raise."""
        if any(one.check == "database" and one.code not in _STORABLE for one in found):
            return  # whoever waits for the database tells nothing meanwhile
        app = self._app
        wanted = {(one.code, one.subject): one for one in found}
        try:
            with app.database.watching() as connection:
                follows = self._alerting and works_here(connection, "index")
                standing = {(alert.code, alert.subject) for alert in alerts.standing(connection, CAUSES)}
            new = {key for key in wanted.keys() - standing if self._raises(key, follows)}
            over = {key for key in standing - wanted.keys() if self._ends(key, follows)}
            if new or over:
                with app.database.transaction() as connection:
                    for code, subject in over:
                        alerts.clear(connection, code, subject, app.clock())
                    for code, subject in new:
                        one = wanted[code, subject]
                        alerts.put(connection, code, subject, {"check": one.check, "detail": one.detail}, app.clock())
            self._stored = set(wanted)
        except ChainServiceError as error:
            log.debug("alerts cannot be stored now", code=error.code)

    def _raises(self, key: tuple[str, str], follows: bool) -> bool:
        return self._serving if key[0] in _OF_CERTIFICATE else follows

    def _ends(self, key: tuple[str, str], follows: bool) -> bool:
        others = key[0] in _OF_CERTIFICATE and self._stored is not None and key not in self._stored
        chain = self._app.chain
        unknown = key[0] == "clock_ahead" and chain is not None and not chain.reader.arrivals.judged
        return self._raises(key, follows) and not others and not unknown

    def __enter__(self) -> HealthWatch:
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
                if self._alerting or self._serving:
                    self._store(self._found)
            except Exception as error:  # noqa: BLE001 - whoever watches goes on watching
                log.error("the watch failed", error=type(error).__name__)
            self._stop.wait(INTERVAL)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        for node in self._nodes:
            node.close()


def _tell(before: Iterable[HealthFinding], found: Iterable[HealthFinding]) -> None:
    """A log line for what was not found before, and for what was and is no more."""
    known, now = ({(one.code, one.subject): one for one in each} for each in (before, found))
    for key in now.keys() - known.keys():
        one = now[key]
        log.error("not well", check=one.check, code=one.code, subject=one.subject, detail=one.detail)
    for key in known.keys() - now.keys():
        one = known[key]
        log.info("well again", check=one.check, code=one.code, subject=one.subject)
