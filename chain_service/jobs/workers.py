"""Who does the work: threads beside the service, a process of their own, or a command that waits for its result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Literal

import structlog
from sqlalchemy import Connection

from chain_service.chain.deployment import check_chain
from chain_service.core.log.merkle import GrowingRoot
from chain_service.errors import ChainServiceError, Conflict, Unavailable
from chain_service.jobs.alerts import WORK_FAILED
from chain_service.jobs.anchoring.close_batches import close_batches
from chain_service.jobs.anchoring.journal_heads import keep_journal
from chain_service.jobs.context import App, Progress, silent
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.leases import ELSEWHERE, claim_database, lease_of, under, worker_lock
from chain_service.jobs.records.replay import replay
from chain_service.jobs.repeats import forget_old_answers
from chain_service.jobs.sending.dispatch import dispatch
from chain_service.jobs.validators import refresh_trust
from chain_service.jobs.verifying.missed_lookups import watch_misses
from chain_service.store import alerts, chain_index, records, statuses, submissions
from chain_service.store.leases import Role
from chain_service.store.registries import catalogs, seals

LONGEST_PAUSE = 5.0
STANDBY_PAUSE = 0.5
"""Seconds between two attempts to take a lease that another process has."""
log = structlog.get_logger("worker")

SubjectKind = Literal["status", "seal", "catalog"]


def run_once(app: App, *, force: bool = False, progress: Progress = silent) -> None:
    """One round of everything: what the chain says, what waits to be closed, what waits to be sent.

    The caller holds the worker lock. Raises `Unavailable` when the node cannot be reached.
    """
    index(app, progress)
    close_batches(app, force=force)
    dispatch(app)


class Workers:
    """The instance's workers as threads: one follows the chain, one closes and sends. A context manager.

    On PostgreSQL each works while it has the lease of its role, and stands by while another process has it.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._stop = threading.Event()
        self._unerased = 0
        self._threads: list[threading.Thread] = []
        self._lock = ExitStack()

    def start(self) -> None:
        """The workers run or, on PostgreSQL, stand by. Raises `Conflict` (`worker_running` on SQLite; `wrong_chain` if
        the node serves another chain; `other_deployment`), `Forbidden` (`wrong_password`).
        """
        app = self._app
        app.keystore.unlock()
        with ExitStack() as held:
            if app.database.dialect == "sqlite":
                held.enter_context(worker_lock(app))
            check_chain_if_reachable(app)
            self._unerased = replay(app)
            self._lock = held.pop_all()
        run = self._run if app.database.dialect == "sqlite" else self._run_leased
        steps: Mapping[Role, Callable[[App], None]] = {"index": self._follow, "send": _Sender()}
        for role, step in steps.items():
            thread = threading.Thread(target=run, args=(role, step), name=f"worker-{role}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """The step under way is finished and no other begins."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads = []
        self._lock.close()

    def __enter__(self) -> Workers:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _follow(self, app: App) -> None:
        """Records that were listed as erased and were on their way to the chain are erased once they are there."""
        _follow(app)
        if self._unerased:
            self._unerased = replay(app)

    def _run_leased(self, role: Role, step: Callable[[App], None]) -> None:
        """As `_run`, with each step done only while this process has the lease of the role."""
        lease = lease_of(self._app, role)
        leased = under(self._app, [lease])
        alert = _FailureAlert(leased, role)

        def attempt(app: App) -> bool:
            before = lease.term
            if not lease.take(app.clock()):
                return False
            if lease.term != before:
                log.info("lease taken", worker=role, term=lease.term)
                alert.should_stand(None)  # what stopped the one before stops this one only if it happens again
            try:
                step(app)
            except Conflict as error:
                if error.code != "lease_lost":
                    raise
                log.warning("lease lost; another process goes on", worker=role)
                lease.release()
            return True

        try:
            self._loop(leased, role, attempt, alert)
        finally:
            lease.release()

    def _run(self, name: Role, step: Callable[[App], None]) -> None:
        alert = _FailureAlert(self._app, name)
        alert.should_stand(None)  # what stopped the process before stops this one only if it happens again

        def attempt(app: App) -> bool:
            step(app)
            return True

        self._loop(self._app, name, attempt, alert)

    def _loop(self, app: App, name: Role, step: Callable[[App], bool], alert: _FailureAlert) -> None:
        """Steps until stopped; a failing step is told once, raises an alert and is tried again, ever more slowly.

        A step that answers False was not for this process to do.
        """
        pause = interval = self._app.settings.poll_interval
        failing: str | None = None
        while not self._stop.is_set():
            try:
                done = step(app)
            except Exception as error:
                code = error.code if isinstance(error, ChainServiceError) else type(error).__name__
                if code != failing:
                    detail = error.message if isinstance(error, ChainServiceError) else None
                    log.error("step failed", worker=name, code=code, detail=detail, exc_info=detail is None)
                    alert.should_stand({"code": code} if detail is None else {"code": code, "detail": detail})
                failing = code
                pause = min(LONGEST_PAUSE, pause * 2)
            else:
                if failing is not None and done:
                    log.info("step succeeds again", worker=name)
                    alert.should_stand(None)
                failing, pause = None, interval if done else max(interval, STANDBY_PAUSE)
            alert.store()
            self._stop.wait(pause)


class _FailureAlert:
    """Whether a worker's step fails, as an alert: what cannot be stored when it happens is stored as soon as it can."""

    def __init__(self, app: App, name: Role) -> None:
        self._app, self._name = app, name
        self._details: Mapping[str, Any] | None = None
        self._is_stored = self._is_told = True

    def should_stand(self, details: Mapping[str, Any] | None) -> None:
        """From now on the alert stands with these details and no others; with None it does not."""
        self._details, self._is_stored, self._is_told = details, False, False
        self.store()

    def store(self) -> None:
        """Stored, if it is not, unless the lease is another's by now: that one says what became of the work."""
        if self._is_stored:
            return
        try:
            with self._app.database.transaction() as connection:
                alerts.clear(connection, WORK_FAILED, self._name, self._app.clock())
                if self._details is not None:
                    alerts.put(connection, WORK_FAILED, self._name, self._details, self._app.clock())
            self._is_stored = True
        except Exception as error:  # noqa: BLE001 - what cannot even be noted must not end the worker
            self._is_stored = isinstance(error, Conflict) and error.code == "lease_lost"
            if not self._is_stored and not self._is_told:
                log.error("an alert could not be stored yet", error=type(error).__name__)
                self._is_told = True


def _follow(app: App) -> None:
    index(app)


class _Sender:
    """Closes and sends, but not before the index has read what was final at the start: a database that was restored
    does not know yet what has been sent since its backup.
    """

    def __init__(self) -> None:
        self._must_be_read: int | None = None
        self._has_caught_up = False
        self._journal = GrowingRoot()

    def __call__(self, app: App) -> None:
        watch_misses(app)
        self._has_caught_up = self._has_caught_up or self._look(app)
        if self._has_caught_up:
            keep_journal(app, self._journal)
            close_batches(app)
            dispatch(app)
        forget_old_answers(app)

    def _look(self, app: App) -> bool:
        if self._must_be_read is None:
            self._must_be_read = _final_block(app)
        with app.database.reading() as connection:
            read = chain_index.newest_block(connection)
        return self._must_be_read < 0 or (read is not None and read.number >= self._must_be_read)


def _final_block(app: App) -> int:
    """The newest final block; -1 where none is final yet."""
    try:
        return app.require_chain().reader.final_head()
    except Unavailable as error:
        if error.code != "not_final":
            raise
        return -1


def check_chain_if_reachable(app: App) -> None:
    """The database is this deployment's and the node, if it answers, serves its chain.

    Raises `Conflict` (`other_deployment`, `wrong_chain`).
    """
    if app.chain is None:
        return
    claim_database(app)
    with app.database.reading() as connection:
        refresh_trust(app, connection)
        head = chain_index.newest_block(connection)
    try:
        check_chain(app.chain.rpc, app.chain.deployment, app.chain.reader.trust, head.number if head else None)
    except Unavailable:
        log.warning("no node answers; records are accepted and anchored later")


def wait_until(app: App, done: Callable[[], bool], *, timeout: float = 120.0, progress: Progress = silent) -> None:
    """`done()` holds; where no worker runs, its steps are done here. Raises `Unavailable` (code `timeout`)."""
    end = time.monotonic() + timeout
    while not done():
        try:
            with worker_lock(app) as working:
                check_chain_if_reachable(working)
                while not done():
                    run_once(working, force=True, progress=progress)
                    _pause(app, end)
                return
        except Conflict as error:
            if error.code not in ELSEWHERE:
                raise
        _pause(app, end)


def _pause(app: App, end: float) -> None:
    if time.monotonic() >= end:
        with app.database.reading() as connection:
            reasons = [submission.last_error for submission in submissions.failing(connection) if submission.last_error]
        raise Unavailable(
            "this takes longer than expected; it continues in the background once a worker runs",
            code="timeout",
            reasons=sorted(set(reasons)),
        )
    time.sleep(min(0.1, app.settings.poll_interval))


def wait_anchored(app: App, ids: Sequence[str], timeout: float = 300.0, progress: Progress = silent) -> list[str]:
    """All these records are anchored, but for those answered, which have failed.

    Raises `Unavailable` (code `timeout`) with the reasons known.
    """
    remaining = list(ids)
    failed: list[str] = []

    def done() -> bool:
        nonlocal remaining
        with app.database.reading() as connection:
            stored = records.get_many(connection, remaining[:1000])
            rest = remaining[1000:]
            failed.extend(id for id in remaining[:1000] if stored[id].state == "failed")
            remaining = [id for id in remaining[:1000] if stored[id].state in ("pending", "batched")] + rest
        progress("anchored", len(ids) - len(remaining), len(ids))
        return not remaining

    wait_until(app, done, timeout=timeout)
    return failed


def wait_final(app: App, kind: SubjectKind, subject: str, timeout: float = 120.0, progress: Progress = silent) -> None:
    """Nothing accepted for the record (status), seal or catalog entry waits for a final block any more.

    Raises `Conflict` (code `refused_by_contract`) if a contract refused the newest change for good, `Unavailable`
    (code `timeout`).
    """

    def done() -> bool:
        with app.database.reading() as connection:
            waiting, refused = _STANDING[kind](connection, subject)
        if refused is not None:
            raise Conflict(f"the contract refused it: {refused}", code="refused_by_contract", reason=refused)
        return not waiting

    wait_until(app, done, timeout=timeout, progress=progress)


def _status_standing(connection: Connection, record_id: str) -> tuple[bool, str | None]:
    changes = statuses.of_record(connection, record_id)
    return any(change.waiting for change in changes), changes[-1].refused if changes else None


def _seal_standing(connection: Connection, code: str) -> tuple[bool, str | None]:
    seal = seals.get(connection, code)
    finals = [seal.final_block, *(change.final_block for change in seals.changes(connection, code))]
    return None in finals, seal.refused or seals.last_refusal(connection, code)


def _catalog_standing(connection: Connection, code: str) -> tuple[bool, str | None]:
    versions = catalogs.history(connection, code)
    return any(version.final_block is None for version in versions), catalogs.last_refusal(connection, code)


_STANDING: Mapping[SubjectKind, Callable[[Connection, str], tuple[bool, str | None]]] = {
    "status": _status_standing,
    "seal": _seal_standing,
    "catalog": _catalog_standing,
}


def wait_indexed(app: App, timeout: float = 60.0) -> None:
    """The index has read what is the newest block now: what the registrar did shows everywhere."""
    target = app.require_chain().reader.final_head()

    def done() -> bool:
        with app.database.reading() as connection:
            head = chain_index.newest_block(connection)
        return head is not None and head.number >= target

    wait_until(app, done, timeout=timeout)
