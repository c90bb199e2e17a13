"""What follows when a contract refuses a submission: wait for the cause to go, take it back, or stop the log."""

from __future__ import annotations

from sqlalchemy import Connection

from chain_service.core.records.hashing import parse_log_id
from chain_service.errors import Reverted
from chain_service.jobs.alerts import LOG_STOPPED, NODE_REFUSED, REFUSED, REFUSED_FOR_GOOD
from chain_service.jobs.context import App
from chain_service.jobs.sending.group_changes import refuse_change, refuse_version
from chain_service.store import alerts, batches, submissions, tiles
from chain_service.store.registries import seals
from chain_service.store.submissions import Submission

LONGEST_WAIT = 30.0
FOR_EVER = frozenset(
    {
        "CatalogConflict",
        "ForeignCatalog",
        "HistoryConflict",
        "IllegalCatalogAction",
        "IllegalSealState",
        "IllegalTransition",
        "IndexOutsideLog",
        "MalformedChange",
        "MalformedSeal",
        "PersonalSeal",
        "SealExists",
        "UnknownSeal",
    }
)
"""Refusals that sending again cannot cure."""


def handle(app: App, submission: Submission, refusal: Reverted) -> None:
    """The submission waits with its reason shown, or is closed for good."""
    if submission.kind == "advance":
        _advance_refused(app, submission, refusal)
    elif refusal.code in FOR_EVER:
        _give_up(app, submission, refusal)
    else:
        postpone(app, submission, refusal.code)


def postpone(app: App, submission: Submission, reason: str, *, by_node: bool = False) -> None:
    """The submission keeps its place and is tried again later; the operator sees why, and whether a contract refused
    it or a node, whose word says nothing about the contracts.
    """
    wait = min(LONGEST_WAIT, 0.5 * 2 ** min(submission.attempts, 10))
    details = {"kind": submission.kind, "reason": reason}
    with app.database.transaction() as connection:
        submissions.postpone(connection, submission.id, reason, app.clock() + wait)
        if by_node or submission.last_error != reason:
            alerts.clear(connection, REFUSED, submission.id, app.clock())
        if not by_node or submission.last_error != reason:
            alerts.clear(connection, NODE_REFUSED, submission.id, app.clock())
        if by_node:
            alerts.put(connection, NODE_REFUSED, submission.id, details, app.clock())
        else:
            alerts.put(connection, REFUSED, submission.id, details, app.clock())


def clear_refusals(app: App, connection: Connection, submission_id: str) -> None:
    """Nothing that this submission met stands any more."""
    alerts.clear(connection, REFUSED, submission_id, app.clock())
    alerts.clear(connection, NODE_REFUSED, submission_id, app.clock())


def _advance_refused(app: App, submission: Submission, refusal: Reverted) -> None:
    if refusal.code == "WrongGeneration":
        _dissolve(app, submission)
    elif refusal.code == "AlreadyAnchored":
        # the head stands by bytes that were sent before: the index will say so
        with app.database.transaction() as connection:
            submissions.postpone(connection, submission.id, refusal.code, app.clock() + 2.0)
    elif refusal.code in ("HeadConflict", "MalformedLog", "GrowthTooLarge"):
        stop_log(app, bytes.fromhex(submission.subject), refusal.code)
        postpone(app, submission, refusal.code)
    else:
        postpone(app, submission, refusal.code)


def stop_log(app: App, log: bytes, reason: str) -> None:
    """Nothing more is closed or accepted into this log until the operator has looked: chain and memory disagree."""
    org, generation = parse_log_id(log)
    with app.database.transaction() as connection:
        batches.stop_log(connection, org, generation, reason, app.clock())
        alerts.put(connection, LOG_STOPPED, log.hex(), {"reason": reason}, app.clock())


def _dissolve(app: App, submission: Submission) -> None:
    """The log has ended with a new generation: the batch's records wait for a place in the new one."""
    with app.database.transaction() as connection:
        batch = batches.by_submission(connection, submission.id)
        if batch is None or batch.final_block is not None:
            return
        submissions.abandon(connection, submission.id, "the log's generation has ended", app.clock())
        batches.dissolve(connection, batch.id)
        first = batches.head(connection, batch.org, batch.generation).root is None
        tiles.truncate(connection, batch.org, batch.generation, 0 if first else batch.old_size)


def _give_up(app: App, submission: Submission, refusal: Reverted) -> None:
    """What can never be accepted is refused for good; what travelled with it is sent without it."""
    with app.database.transaction() as connection:
        if submission.kind == "status":
            refuse_change(app, connection, submission, refusal)
        elif submission.kind == "catalog":
            refuse_version(app, connection, submission, refusal)
        else:
            seals.refuse(connection, submission.id, refusal.code)
            submissions.abandon(connection, submission.id, refusal.code, app.clock())
        clear_refusals(app, connection, submission.id)
        details = {"kind": submission.kind, "reason": refusal.code}
        alerts.put(connection, REFUSED_FOR_GOOD, submission.id, details, app.clock())
