"""Versions of catalog entries, each naming its predecessor's digest. Several may wait for the chain, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, exists, func, insert, select, update

from chain_service.store.rows import all_as, chunks, one_or_none
from chain_service.store.schema import blocks, chain_events, submissions, transactions, unstored_versions
from chain_service.store.schema import catalog_versions as versions


@dataclass(frozen=True)
class NewCatalogVersion:
    """A version to publish; `body` is its canonical form, `digest` that form's SHA-256, `previous` None at first."""

    id: str
    code: str
    sequence: int
    org: str
    layer: str
    action: str
    digest: bytes
    previous: bytes | None
    body: bytes
    key_id: str | None
    created_at: float
    submission_id: str | None
    """None for a version that was lost and submitted again: it stands on chain already."""


@dataclass(frozen=True)
class StoredCatalogVersion(NewCatalogVersion):
    """A version as it stands; `refused` says why it will never be final."""

    refused: str | None
    final_block: int | None
    final_hash: bytes | None
    final_time: int | None
    final_tx: bytes | None
    fell_out_at: float | None


@dataclass(frozen=True)
class NewUnstoredVersion:
    """A version of one of our organisations, item `item` of its event, that the chain holds and memory does not.

    `catalog` is the entry's key on chain; `previous` is 32 zero bytes for a first version.
    """

    block: int
    position: int
    item: int
    catalog: bytes
    org: str
    sequence: int
    action: int
    previous: bytes
    digest: bytes


@dataclass(frozen=True)
class UnstoredVersion(NewUnstoredVersion):
    """The same with its block's hash and time (unix seconds) and its transaction."""

    block_hash: bytes
    time: int
    tx: bytes


_accepted = versions.c.refused.is_(None)


def add_many(connection: Connection, new: Sequence[NewCatalogVersion]) -> None:
    """The versions are accepted. Raises Conflict (`constraint`) at the transaction's door where a sequence number is
    taken by then: another one published at the same time.
    """
    if new:
        connection.execute(insert(versions), [asdict(version) for version in new])


def history(connection: Connection, code: str) -> list[StoredCatalogVersion]:
    """The entry's accepted versions by sequence, those waiting at the end."""
    query = select(versions).where(versions.c.code == code, _accepted).order_by(versions.c.sequence)
    return all_as(connection.execute(query), StoredCatalogVersion)


def latest(connection: Connection, codes: Sequence[str]) -> dict[str, StoredCatalogVersion]:
    """The newest accepted version of each entry, final or waiting, by code."""
    newest: list[StoredCatalogVersion] = []
    for part in chunks(codes):
        newest += all_as(connection.execute(_newest().where(versions.c.code.in_(part))), StoredCatalogVersion)
    return {version.code: version for version in newest}


def page(
    connection: Connection, *, org: str | None, layer: str | None, after: str | None, limit: int
) -> tuple[list[StoredCatalogVersion], str | None]:
    """The newest accepted version of each entry by code, withdrawn ones too, and the `after` of the next page."""
    query = _newest().order_by(versions.c.code).limit(limit + 1)
    if org is not None:
        query = query.where(versions.c.org == org)
    if layer is not None:
        query = query.where(versions.c.layer == layer)
    if after is not None:
        query = query.where(versions.c.code > after)
    listed = all_as(connection.execute(query), StoredCatalogVersion)
    return listed[:limit], listed[limit - 1].code if len(listed) > limit else None


def _newest() -> Select[Any]:
    newer = versions.alias("newer")
    newest = (
        select(func.max(newer.c.sequence))
        .where(newer.c.code == versions.c.code, newer.c.refused.is_(None))
        .scalar_subquery()
    )
    return select(versions).where(_accepted, versions.c.sequence == newest)


def unsigned(connection: Connection, org: str) -> list[StoredCatalogVersion]:
    """The organisation's versions whose submissions are open and have no signed bytes under way, in their order."""
    live = exists().where(transactions.c.submission_id == submissions.c.id, transactions.c.outcome.is_(None))
    waiting = (submissions.c.final_block.is_(None), submissions.c.abandoned_at.is_(None), ~live)
    query = select(versions).join(submissions, submissions.c.id == versions.c.submission_id)
    query = query.where(versions.c.org == org, versions.c.final_block.is_(None), _accepted, *waiting)
    order = (submissions.c.seq, versions.c.code, versions.c.sequence)
    return all_as(connection.execute(query.order_by(*order)), StoredCatalogVersion)


def refuse(connection: Connection, code: str, sequence: int, reason: str) -> None:
    """This version and those that wait behind it will never be final, for this reason."""
    behind = (versions.c.code == code, versions.c.sequence >= sequence, versions.c.final_block.is_(None), _accepted)
    connection.execute(update(versions).where(*behind).values(refused=reason))


def move(connection: Connection, ids: Sequence[str], submission_id: str) -> None:
    """These versions travel in this submission; abandon the one they were in."""
    for part in chunks(ids):
        connection.execute(update(versions).where(versions.c.id.in_(part)).values(submission_id=submission_id))


def mark_final(
    connection: Connection, code: str, sequence: int, digest: bytes, *, block: int, hash: bytes, time: int, tx: bytes
) -> str | None:
    """This version is on chain by a final block; the id of its submission, None where it is not ours."""
    version = (versions.c.code == code, versions.c.sequence == sequence, versions.c.digest == digest)
    values = {"final_block": block, "final_hash": hash, "final_time": time, "final_tx": tx, "fell_out_at": None}
    marked = update(versions).where(*version, _accepted).values(values)
    return connection.execute(marked.returning(versions.c.submission_id)).scalar_one_or_none()


def codes(connection: Connection, *, accepted: bool = False) -> list[str]:
    """The codes of all entries ever submitted, or of those with an accepted version: the chain's events name them by
    their hash only.
    """
    query = select(versions.c.code).distinct().order_by(versions.c.code)
    return list(connection.execute(query.where(_accepted) if accepted else query).scalars())


def by_digest(connection: Connection, digest: bytes) -> StoredCatalogVersion | None:
    """The version with this digest; None where it is not ours."""
    query = select(versions).where(versions.c.digest == digest, _accepted).limit(1)
    return one_or_none(connection.execute(query), StoredCatalogVersion)


def last_refusal(connection: Connection, code: str) -> str | None:
    """Why the entry's newest version was refused; None where it was not."""
    query = select(versions.c.refused).where(versions.c.code == code).order_by(versions.c.created_at.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none()


def add_unstored(connection: Connection, new: Sequence[NewUnstoredVersion]) -> None:
    """The chain holds these versions and memory does not; add them after their events."""
    if new:
        connection.execute(insert(unstored_versions), [asdict(version) for version in new])


def unstored(
    connection: Connection, *, catalogs: Sequence[bytes] | None = None, org: str | None = None
) -> list[UnstoredVersion]:
    """The versions that the chain holds and memory does not, of these entries or this organisation, in their order."""
    event = (chain_events.c.block == unstored_versions.c.block) & (
        chain_events.c.position == unstored_versions.c.position
    )
    context = (blocks.c.hash.label("block_hash"), blocks.c.time, chain_events.c.tx)
    query = (
        select(unstored_versions, *context)
        .join_from(unstored_versions, blocks, blocks.c.number == unstored_versions.c.block)
        .join(chain_events, event)
        .order_by(unstored_versions.c.catalog, unstored_versions.c.sequence)
    )
    if org is not None:
        query = query.where(unstored_versions.c.org == org)
    if catalogs is None:
        return all_as(connection.execute(query), UnstoredVersion)
    found: list[UnstoredVersion] = []
    for part in chunks(catalogs):
        found += all_as(connection.execute(query.where(unstored_versions.c.catalog.in_(part))), UnstoredVersion)
    return found


def restore_version(connection: Connection, new: NewCatalogVersion, lost: UnstoredVersion) -> None:
    """The version that was lost is stored again, as final as it is on chain."""
    final = {"final_block": lost.block, "final_hash": lost.block_hash, "final_time": lost.time, "final_tx": lost.tx}
    connection.execute(insert(versions), [asdict(new) | final])
    event = (unstored_versions.c.block == lost.block) & (unstored_versions.c.position == lost.position)
    connection.execute(delete(unstored_versions).where(event, unstored_versions.c.item == lost.item))
