"""Seals and the changes of their state. State numbers: 1 in force, 2 frozen, 3 cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from chain_service.core.chainproof.storage_layout import SEAL_IN_FORCE
from chain_service.errors import NotFound
from chain_service.store.rows import all_as, json_object, one_or_none
from chain_service.store.schema import blocks, chain_events, seal_changes, seals, unstored_seals


@dataclass(frozen=True)
class NewSeal:
    """A seal to register; `body` is its canonical entry, `sha256` and `sm3` the digests of the DER seal.

    `submission_id` is None for a seal that was lost and submitted again: it stands on chain already.
    """

    code: str
    owner: str
    sha256: bytes
    sm3: bytes
    body: bytes
    key_id: str | None
    created_at: float
    submission_id: str | None


@dataclass(frozen=True)
class StoredSeal(NewSeal):
    """A seal as it stands; registered on chain once it has a final block, never if `refused` says why."""

    refused: str | None
    final_block: int | None
    final_hash: bytes | None
    final_time: int | None
    final_tx: bytes | None
    fell_out_at: float | None


@dataclass(frozen=True)
class NewSealChange:
    """State `n` of a seal's history on chain; `submission_id` is None where only the chain tells of it."""

    id: str
    code: str
    n: int
    state: int
    key_id: str | None
    created_at: float
    submission_id: str | None


@dataclass(frozen=True)
class SealChange(NewSealChange):
    """A change of state as it stands."""

    refused: str | None
    final_block: int | None
    final_hash: bytes | None
    final_time: int | None
    final_tx: bytes | None
    fell_out_at: float | None


@dataclass(frozen=True)
class NewUnstoredSeal:
    """A seal that the event at `block` and `position` registers for an organisation of ours, and memory lacks."""

    block: int
    position: int
    code: str
    owner: str


@dataclass(frozen=True)
class UnstoredSeal(NewUnstoredSeal):
    """Such a seal with its key on chain, its digests in hex, and where it was registered."""

    key: bytes
    sha256: str
    sm3: str
    time: int
    tx: bytes


def add(connection: Connection, new: NewSeal) -> None:
    """The seal is accepted; one refused before under this code gives way.

    Raises Conflict (`constraint`) at the transaction's door where the code is taken.
    """
    connection.execute(delete(seals).where(seals.c.code == new.code, seals.c.refused.is_not(None)))
    connection.execute(insert(seals), asdict(new))


def find(connection: Connection, code: str) -> StoredSeal | None:
    """The seal of this code, refused ones too."""
    return one_or_none(connection.execute(select(seals).where(seals.c.code == code)), StoredSeal)


def get(connection: Connection, code: str) -> StoredSeal:
    """The seal of this code. Raises NotFound (`seal_unknown`)."""
    seal = find(connection, code)
    if seal is None:
        raise NotFound("no seal has this code", code="seal_unknown", seal=code)
    return seal


def get_many(connection: Connection, codes: Sequence[str]) -> dict[str, StoredSeal]:
    """Those of the seals that exist, by code."""
    stored = all_as(connection.execute(select(seals).where(seals.c.code.in_(codes))), StoredSeal)
    return {seal.code: seal for seal in stored}


def by_digest(connection: Connection, digest: bytes) -> StoredSeal | None:
    """The newest seal whose SHA-256 or SM3 digest this is."""
    query = select(seals).where((seals.c.sha256 == digest) | (seals.c.sm3 == digest))
    return one_or_none(connection.execute(query.order_by(seals.c.created_at.desc()).limit(1)), StoredSeal)


def of_owner(connection: Connection, owner: str | None = None) -> list[StoredSeal]:
    """The owner's seals (all where None), by code."""
    query = select(seals).order_by(seals.c.code)
    return all_as(connection.execute(query if owner is None else query.where(seals.c.owner == owner)), StoredSeal)


def page(
    connection: Connection, *, owner: str | None, state: int | None, after: str | None, limit: int
) -> tuple[list[tuple[StoredSeal, int]], str | None]:
    """Seals by code, each with the state that the chain holds, and the `after` of the next page.

    With `state` those that the chain holds in it: no seal whose registration waits or was refused.
    """
    recorded = (
        select(seal_changes.c.state)
        .where(seal_changes.c.code == seals.c.code, seal_changes.c.final_block.is_not(None))
        .order_by(seal_changes.c.n.desc())
        .limit(1)
        .scalar_subquery()
    )
    held = func.coalesce(recorded, SEAL_IN_FORCE)
    query = select(seals, held.label("held")).order_by(seals.c.code).limit(limit + 1)
    if owner is not None:
        query = query.where(seals.c.owner == owner)
    if state is not None:
        query = query.where(held == state, seals.c.final_block.is_not(None))
    if after is not None:
        query = query.where(seals.c.code > after)
    listed = []
    for row in connection.execute(query).mappings():
        columns = dict(row)
        listed.append((columns.pop("held"), StoredSeal(**columns)))
    shown = [(seal, held) for held, seal in listed[:limit]]
    return shown, shown[-1][0].code if len(listed) > limit else None


def add_change(connection: Connection, new: NewSealChange) -> None:
    """The change is accepted. Raises Conflict (`constraint`) at the transaction's door where another one of the seal
    is not final yet or has this `n`.
    """
    connection.execute(insert(seal_changes), asdict(new))


def changes(connection: Connection, code: str) -> list[SealChange]:
    """The seal's accepted changes by `n`, those not final yet at the end; refused ones are left out."""
    query = select(seal_changes).where(seal_changes.c.code == code, seal_changes.c.refused.is_(None))
    return all_as(connection.execute(query.order_by(seal_changes.c.n)), SealChange)


def count_changes(connection: Connection, code: str) -> int:
    """How many changes of the seal were ever accepted, refused ones too."""
    return connection.execute(select(func.count()).where(seal_changes.c.code == code)).scalar_one()


def by_submission(connection: Connection, submission_id: str) -> tuple[list[StoredSeal], list[SealChange]]:
    """What the submission carries."""
    return (
        all_as(connection.execute(select(seals).where(seals.c.submission_id == submission_id)), StoredSeal),
        all_as(
            connection.execute(select(seal_changes).where(seal_changes.c.submission_id == submission_id)), SealChange
        ),
    )


def refuse(connection: Connection, submission_id: str, reason: str) -> None:
    """What the submission carries will never be final, for this reason; abandon it in the same transaction."""
    for table in (seals, seal_changes):
        carried = update(table).where(table.c.submission_id == submission_id, table.c.final_block.is_(None))
        connection.execute(carried.values(refused=reason))


def mark_final(
    connection: Connection, code: str, sha256: bytes, *, block: int, hash: bytes, time: int, tx: bytes
) -> str | None:
    """The seal with this code and digest is registered by a final block; the id of its submission, None if not ours."""
    values = {"final_block": block, "final_hash": hash, "final_time": time, "final_tx": tx}
    accepted = update(seals).where(seals.c.code == code, seals.c.sha256 == sha256)
    marked = accepted.values(**values, fell_out_at=None, refused=None)
    return connection.execute(marked.returning(seals.c.submission_id)).scalar_one_or_none()


def mark_change_final(
    connection: Connection, code: str, n: int, state: int, *, block: int, hash: bytes, time: int, tx: bytes
) -> str | None:
    """State `n` of the seal is on chain by a final block; the id of its submission, None where it is not ours."""
    accepted = (seal_changes.c.code == code, seal_changes.c.n == n, seal_changes.c.state == state)
    values = {"final_block": block, "final_hash": hash, "final_time": time, "final_tx": tx, "fell_out_at": None}
    marked = update(seal_changes).where(*accepted, seal_changes.c.refused.is_(None)).values(values)
    return connection.execute(marked.returning(seal_changes.c.submission_id)).scalar_one_or_none()


def restore_change(
    connection: Connection, new: NewSealChange, *, block: int, hash: bytes, time: int, tx: bytes
) -> None:
    """State `n` of the seal, which memory lacks or has otherwise, is the one on chain, final in this block."""
    other = (seal_changes.c.code == new.code, seal_changes.c.n == new.n, seal_changes.c.refused.is_(None))
    connection.execute(update(seal_changes).where(*other).values(refused="HistoryConflict"))
    final = {"final_block": block, "final_hash": hash, "final_time": time, "final_tx": tx}
    connection.execute(insert(seal_changes), asdict(new) | final)


def restore_seal(connection: Connection, new: NewSeal, *, block: int, hash: bytes, time: int, tx: bytes) -> None:
    """The seal that was lost is stored again, as final as it is on chain."""
    connection.execute(delete(seals).where(seals.c.code == new.code, seals.c.refused.is_not(None)))
    connection.execute(delete(unstored_seals).where(unstored_seals.c.code == new.code))
    final = {"final_block": block, "final_hash": hash, "final_time": time, "final_tx": tx}
    connection.execute(insert(seals), asdict(new) | final)


def add_unstored(connection: Connection, new: NewUnstoredSeal) -> None:
    """The chain holds this seal and memory does not; add it after its event."""
    connection.execute(insert(unstored_seals), asdict(new))


def unstored(
    connection: Connection, *, code: str | None = None, owner: str | None = None, limit: int | None = None
) -> list[UnstoredSeal]:
    """The seals that the chain holds and memory does not, by code: all, this owner's, or this one.

    One that a program of the release before stored again is not among them.
    """
    known = exists().where(seals.c.code == unstored_seals.c.code, seals.c.refused.is_(None))
    event = (chain_events.c.block == unstored_seals.c.block) & (chain_events.c.position == unstored_seals.c.position)
    query = (
        select(unstored_seals, chain_events.c.subject, chain_events.c.args, chain_events.c.tx, blocks.c.time)
        .join_from(unstored_seals, chain_events, event)
        .join(blocks, blocks.c.number == unstored_seals.c.block)
        .where(~known)
        .order_by(unstored_seals.c.code)
        .limit(limit)
    )
    for column, wanted in ((unstored_seals.c.code, code), (unstored_seals.c.owner, owner)):
        if wanted is not None:
            query = query.where(column == wanted)
    found = []
    for row in connection.execute(query).mappings():
        args = json_object(row["args"], "an indexed event", block=row["block"], position=row["position"])
        stored: dict[str, Any] = {name: row[name] for name in ("block", "position", "code", "owner", "time", "tx")}
        sha256, sm3 = (str(args[name]).removeprefix("0x") for name in ("sha256Digest", "sm3Digest"))
        found.append(UnstoredSeal(key=row["subject"], sha256=sha256, sm3=sm3, **stored))
    return found


def last_refusal(connection: Connection, code: str) -> str | None:
    """Why the seal's newest change was refused; None where it was not."""
    query = select(seal_changes.c.refused).where(seal_changes.c.code == code)
    return connection.execute(query.order_by(seal_changes.c.created_at.desc()).limit(1)).scalar_one_or_none()
