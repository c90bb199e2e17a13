"""Closing a batch: waiting records get their place in the log, and the log its next head, in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection

from chain_service.chain.contracts import encode_call
from chain_service.core.chainproof.storage_layout import RECORD_LOG
from chain_service.core.log import tiles as core_tiles
from chain_service.core.log.merkle import leaf_hash
from chain_service.core.records.hashing import LogId, founding_entry, log_id, record_entry
from chain_service.core.records.identifiers import OrgCode
from chain_service.jobs.alerts import NO_ACCOUNT
from chain_service.jobs.context import App
from chain_service.store import alerts, batches, records, submissions, tiles
from chain_service.store.batches import NewBatch
from chain_service.store.records import PendingTotal
from chain_service.store.registries import organisations
from chain_service.store.submissions import NewSubmission


def close_batches(app: App, *, force: bool = False) -> int:
    """Every organisation whose records wait long enough, or are many enough, has a batch under way; how many closed.

    `force` closes what waits whatever its age. An organisation whose last batch is not final yet keeps waiting: at most
    one head of a log is under way.
    """
    app.require_chain()
    with app.database.reading() as connection:
        waiting = records.waiting(connection)
        busy = {batch.org for batch in batches.unfinal(connection)} if waiting else set()
    return sum(_close(app, total.org) for total in waiting if total.org not in busy and (force or _due(app, total)))


def _due(app: App, one: PendingTotal) -> bool:
    return one.count >= app.settings.batch_size or app.clock() - one.oldest >= app.settings.batch_age


def _close(app: App, org: str) -> bool:
    account = app.keystore.accounts().get(org)
    with app.database.transaction() as connection:
        standing = organisations.find(connection, org)
        if account is None or standing is None:
            alerts.put(connection, NO_ACCOUNT, org, {"hint": "run `org add` for it on this instance"}, app.clock())
            return False
        alerts.clear(connection, NO_ACCOUNT, org, app.clock())
        generation = standing.generation
        if batches.unfinal(connection, org) or batches.stopped(connection, org, generation) is not None:
            return False
        taken = records.take_pending(connection, org, app.settings.batch_size)
        if not taken:
            return False
        head = batches.head(connection, org, generation)
        log = log_id(OrgCode(org), generation)
        grown = _extend(
            app,
            connection,
            log,
            head.size if head.root else 0,
            [pending_record.body_digest for pending_record in taken],
        )
        submission = NewSubmission(
            id=str(uuid.uuid4()),
            account=account,
            kind="advance",
            subject=log.hex(),
            contract=RECORD_LOG,
            function="advance",
            calldata=encode_call(RECORD_LOG, "advance", log, grown.new_size, grown.root, list(grown.path)),
            created_at=app.clock(),
        )
        batch = NewBatch(
            id=str(uuid.uuid4()),
            org=org,
            generation=generation,
            old_size=grown.old_size,
            new_size=grown.new_size,
            old_root=grown.old_root,
            root=grown.root,
            consistency_path=b"".join(grown.path),
            submission_id=submission.id,
            closed_at=app.clock(),
        )
        submissions.queue(connection, submission)
        batches.add(connection, batch)
        records.place(connection, batch.id, generation, {one.seq: grown.old_size + at for at, one in enumerate(taken)})
    return True


class _Grown:
    """A log's step: sizes, roots and the consistency path between them."""

    def __init__(self, old_size: int, old_root: bytes, appended: core_tiles.Appended, path: tuple[bytes, ...]) -> None:
        self.old_size, self.old_root = old_size, old_root
        self.new_size, self.root, self.path = appended.size, appended.root, path


def _extend(app: App, connection: Connection, log: LogId, size: int, digests: list[bytes]) -> _Grown:
    """The stored log has one more entry per body digest; a log of size 0 gets its founding entry first."""
    chain = app.require_chain()
    org, generation = log[:18].decode("ascii"), int.from_bytes(log[28:], "big")
    contract = chain.deployment.contracts[RECORD_LOG].raw_address
    founding = founding_entry(chain.deployment.chain_id, contract, log)
    old_size = size or 1
    entries = [record_entry(log, old_size + at, digest) for at, digest in enumerate(digests)]
    if size == 0:
        entries.insert(0, founding)
    stored = tiles.TileReader(connection, org, generation)
    appended = core_tiles.append(size, stored, [leaf_hash(entry) for entry in entries])

    def read(level: int, n: int) -> bytes:
        return appended.tiles.get((level, n)) or stored(level, n)

    old_root = core_tiles.root(old_size, read)
    path = core_tiles.consistency_path(old_size, appended.size, read)
    tiles.write_many(connection, org, generation, {**appended.tiles, **_entry_tiles(stored, size, entries)})
    return _Grown(old_size, old_root, appended, path)


def _entry_tiles(stored: tiles.TileReader, size: int, entries: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """The tiles of entries that change when `entries` follow the first `size` ones."""
    first = size // tiles.WIDTH
    kept = stored(tiles.ENTRIES, first)[: (size % tiles.WIDTH) * tiles.HASH] if size % tiles.WIDTH else b""
    joined = kept + b"".join(entries)
    step = tiles.WIDTH * tiles.HASH
    return {(tiles.ENTRIES, first + at // step): joined[at : at + step] for at in range(0, len(joined), step)}
