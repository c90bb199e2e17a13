"""Status changes that wait at the same time travel together: one transaction per log, not one per record."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection

from chain_service.chain.contracts import encode_call
from chain_service.core.entries import log_id
from chain_service.core.identifiers import OrgCode
from chain_service.core.layout import RECORD_STATUS
from chain_service.jobs.context import App
from chain_service.store import records, statuses, submissions
from chain_service.store.statuses import Unsent
from chain_service.store.submissions import NewSubmission, Submission

GROUP = 200
"""Changes in one transaction: about 500,000 gas, far below a block's limit."""


def group_status_changes(app: App) -> None:
    """Changes whose record is anchored are in a submission, unless one of the same log is still open."""
    with app.database.reading() as connection:
        if not statuses.any_unsent(connection):
            return
    accounts = app.keystore.accounts()
    with app.database.transaction() as connection:
        busy = submissions.open_subjects(connection, "status")
        by_log: dict[tuple[str, int], list[Unsent]] = {}
        for change in statuses.unsent(connection, 20 * GROUP):
            by_log.setdefault((change.org, change.generation), []).append(change)
        for (org, generation), changes in by_log.items():
            if org in accounts and log_id(OrgCode(org), generation).hex() not in busy:
                _queue(app, connection, accounts[org], org, generation, changes[:GROUP])


def split(app: App, connection: Connection, refused: Submission) -> None:
    """Each change of a refused group is in a submission of its own, so that one bad change stops no other."""
    for change in statuses.of_submission(connection, refused.id):
        record = records.get(connection, change.record_id)
        assert record.generation is not None and record.leaf_index is not None
        single = Unsent(
            id=change.id,
            record_id=change.record_id,
            org=record.org,
            generation=record.generation,
            leaf_index=record.leaf_index,
            to_state=change.to_state,
            reason_code=change.reason_code,
            digest=change.digest,
            created_at=change.created_at,
        )
        _queue(app, connection, refused.account, record.org, record.generation, [single])


def _queue(
    app: App, connection: Connection, account: str, org: str, generation: int, changes: Sequence[Unsent]
) -> None:
    log = log_id(OrgCode(org), generation)
    words = [
        (change.leaf_index | change.to_state << 64 | change.reason_code << 72, change.digest) for change in changes
    ]
    submission = NewSubmission(
        id=str(uuid.uuid4()),
        account=account,
        kind="status",
        subject=log.hex(),
        contract=RECORD_STATUS,
        function="set",
        calldata=encode_call(RECORD_STATUS, "set", log, words),
        created_at=app.clock(),
    )
    submissions.queue(connection, submission)
    statuses.group(connection, [change.id for change in changes], submission.id)
