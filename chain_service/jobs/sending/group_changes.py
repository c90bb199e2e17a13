"""What waits at the same time travels together: a log's status changes, an organisation's catalog versions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection

from chain_service.chain.contracts import encode_call
from chain_service.core.chainproof.storage_layout import (
    CATALOG_CHANGE,
    CATALOG_PUBLISH,
    CATALOG_REGISTRY,
    CATALOG_WITHDRAW,
    RECORD_STATUS,
    code_key,
    organisation_word,
)
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.errors import Reverted
from chain_service.jobs.context import App
from chain_service.store import records, statuses, submissions
from chain_service.store.registries import catalogs
from chain_service.store.statuses import UnsentChange
from chain_service.store.submissions import NewSubmission, Submission

GROUP = 200
"""Changes in one transaction: about 500,000 gas, far below a block's limit."""
VERSIONS = 50
"""Catalog versions in one transaction: about a million gas, and three million when all are first ones."""
_ACTIONS = {"publish": CATALOG_PUBLISH, "change": CATALOG_CHANGE, "withdraw": CATALOG_WITHDRAW}


def group_status_changes(app: App) -> None:
    """Changes whose record is anchored are in a submission, unless one of the same log is still open."""
    with app.database.reading() as connection:
        if not statuses.any_unsent(connection):
            return
    accounts = app.keystore.accounts()
    with app.database.transaction() as connection:
        busy = submissions.open_subjects(connection, "status")
        for org, generation in statuses.unsent_logs(connection):
            if org in accounts and log_id(OrgCode(org), generation).hex() not in busy:
                changes = statuses.unsent(connection, org, generation, GROUP)
                _queue(app, connection, accounts[org], org, generation, changes)


def refuse_change(app: App, connection: Connection, refused: Submission, refusal: Reverted) -> None:
    """The change that the contract named will never be final; the others are grouped anew without it."""
    carried = statuses.of_submission(connection, refused.id)
    index = refusal.details.get("arguments", {}).get("index")
    named = [change for change in carried if records.get(connection, change.record_id).leaf_index == index]
    for change in named or carried:
        statuses.refuse(connection, change.id, refusal.code)
    submissions.abandon(connection, refused.id, refusal.code, app.clock())
    statuses.release(connection, refused.id)


def refuse_version(app: App, connection: Connection, refused: Submission, refusal: Reverted) -> None:
    """The version that the contract named, and those behind it, will never be final; the others are sent without it.

    Everything of the organisation that waits behind is queued anew, so that no version overtakes its predecessor.
    """
    waiting = catalogs.unsigned(connection, refused.subject)
    carried = [version for version in waiting if version.submission_id == refused.id]
    catalog = refusal.details.get("arguments", {}).get("catalog")
    named = [version for version in carried if "0x" + code_key(version.code).hex() == catalog]
    for version in named or carried:
        catalogs.refuse(connection, version.code, version.sequence, refusal.code)
    left = {version.id for version in catalogs.unsigned(connection, refused.subject)}
    for id in dict.fromkeys([refused.id, *(version.submission_id or refused.id for version in waiting)]):
        submissions.abandon(connection, id, refusal.code, app.clock())
    rest = [version for version in waiting if version.id in left]
    for start in range(0, len(rest), VERSIONS):
        group = rest[start : start + VERSIONS]
        words = [version_words(v.code, v.sequence, v.action, v.previous, v.digest) for v in group]
        submission = version_submission(app, refused.account, refused.subject, words)
        submissions.queue(connection, submission)
        catalogs.move(connection, [version.id for version in group], submission.id)


VersionWords = tuple[bytes, int, bytes, bytes]


def version_words(code: str, sequence: int, action: str, previous: bytes | None, digest: bytes) -> VersionWords:
    """A catalog version as the contract takes it."""
    return code_key(code), sequence | _ACTIONS[action] << 64, previous or bytes(32), digest


def version_submission(app: App, account: str, org: str, words: Sequence[VersionWords]) -> NewSubmission:
    """The call that publishes these versions of one organisation, `VERSIONS` at most."""
    return NewSubmission(
        id=str(uuid.uuid4()),
        account=account,
        kind="catalog",
        subject=org,
        contract=CATALOG_REGISTRY,
        function="publish",
        calldata=encode_call(CATALOG_REGISTRY, "publish", organisation_word(org), words),
        created_at=app.clock(),
    )


def _queue(
    app: App, connection: Connection, account: str, org: str, generation: int, changes: Sequence[UnsentChange]
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
