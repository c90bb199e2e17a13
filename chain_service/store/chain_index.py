"""What the index read from final blocks. All of it can be dropped and read again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, exists, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from chain_service.store import validators
from chain_service.store.rows import all_as, chunks, json_object, one_or_none
from chain_service.store.schema import (
    batches,
    blocks,
    catalog_versions,
    chain_events,
    deployment,
    heads,
    seal_changes,
    seals,
    status_changes,
    status_events,
    submissions,
    transactions,
)

NEVER = 2**63 - 1
_CARRIED = (batches, status_changes, seals, seal_changes, catalog_versions)


@dataclass(frozen=True)
class IndexedBlock:
    """A final block the index has read; `header` is its RLP, `time` unix seconds."""

    number: int
    hash: bytes
    parent: bytes
    time: int
    header: bytes


@dataclass(frozen=True)
class Event:
    """An event of a final block, `position` its log index there.

    `subject` is the log, the seal's or the organisation's 32 bytes (of `RightsSet` the organisation), `account` who
    acted or, in `RightsSet`, whom it concerns. `args` are JSON values named as in the ABI; bytes given in are stored as
    lower-case hex with 0x, numbers of any size as they are.
    """

    block: int
    position: int
    tx: bytes
    contract: str
    name: str
    subject: bytes | None
    account: str | None
    args: Mapping[str, Any]


@dataclass(frozen=True)
class NewHead:
    """A head of a log, from the event at `block` and `position`."""

    block: int
    position: int
    log: bytes
    size: int
    root: bytes


@dataclass(frozen=True)
class IndexedHead(NewHead):
    """A head with its block's hash and time (unix seconds), transaction and account."""

    block_hash: bytes
    time: int
    tx: bytes
    account: str | None


@dataclass(frozen=True)
class NewStatusEvent:
    """Item `item` of the changes in the event at `block` and `position`."""

    block: int
    position: int
    item: int
    log: bytes
    leaf_index: int
    state: int
    reason: int
    digest: bytes


@dataclass(frozen=True)
class StatusEvent(NewStatusEvent):
    """A change of state with its block's hash and time (unix seconds), transaction and account."""

    block_hash: bytes
    time: int
    tx: bytes
    account: str | None


@dataclass(frozen=True)
class ServedDeployment:
    """Which contracts on which chain the database is about."""

    chain_id: int
    genesis_hash: bytes
    record_log: str


def served(connection: Connection) -> ServedDeployment | None:
    """The deployment that the database serves; None before a worker has run on it."""
    columns = (deployment.c.chain_id, deployment.c.genesis_hash, deployment.c.record_log)
    return one_or_none(connection.execute(select(*columns)), ServedDeployment)


def serve_only(connection: Connection, one: ServedDeployment) -> None:
    """The database serves this deployment from now on, if it served none."""
    new = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(new(deployment).values(one=1, **asdict(one)).on_conflict_do_nothing())


def add_blocks(connection: Connection, new: Sequence[IndexedBlock]) -> None:
    """The blocks are read; add them before their events. Raises Conflict (`constraint`) at the transaction's door
    where another worker has read one of them.
    """
    if new:
        connection.execute(insert(blocks), [asdict(block) for block in new])


def add_events(
    connection: Connection,
    events: Sequence[Event],
    new_heads: Sequence[NewHead] = (),
    statuses: Sequence[NewStatusEvent] = (),
) -> None:
    """The events, and the heads and changes of state they tell of, are indexed."""
    if events:
        connection.execute(insert(chain_events), [event_row(event) for event in events])
    if new_heads:
        connection.execute(insert(heads), [asdict(head) for head in new_heads])
    if statuses:
        connection.execute(insert(status_events), [asdict(status) for status in statuses])


def event_row(event: Event) -> dict[str, Any]:
    """The event as its table has it."""
    return vars(event) | {"args": json.dumps(dict(event.args), default=_plain)}


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    raise TypeError(f"an event's argument of type {type(value).__name__} cannot be stored")


_HEAD = select(blocks).order_by(blocks.c.number.desc()).limit(1)


def newest_block(connection: Connection) -> IndexedBlock | None:
    """The newest block read; None before the first."""
    return one_or_none(connection.execute(_HEAD), IndexedBlock)


def block(connection: Connection, number: int) -> IndexedBlock | None:
    """The block of this number, if it was read."""
    return one_or_none(connection.execute(select(blocks).where(blocks.c.number == number)), IndexedBlock)


def blocks_of(connection: Connection, numbers: Sequence[int]) -> dict[int, IndexedBlock]:
    """Those of the blocks that were read, by number."""
    blocks_by_number: dict[int, IndexedBlock] = {}
    for part in chunks(numbers):
        rows = connection.execute(select(blocks).where(blocks.c.number.in_(part)))
        blocks_by_number |= {block.number: block for block in all_as(rows, IndexedBlock)}
    return blocks_by_number


def block_at(connection: Connection, time: int) -> IndexedBlock | None:
    """The newest block read whose time is not after this one (unix seconds)."""
    query = select(blocks).where(blocks.c.time <= time).order_by(blocks.c.number.desc()).limit(1)
    return one_or_none(connection.execute(query), IndexedBlock)


def block_range(connection: Connection, first: int, last: int) -> list[IndexedBlock]:
    """The blocks read from `first` to `last`, both included, by number."""
    query = select(blocks).where(blocks.c.number.between(first, last)).order_by(blocks.c.number)
    return all_as(connection.execute(query), IndexedBlock)


def events(
    connection: Connection,
    names: Sequence[str],
    *,
    subject: bytes | None = None,
    until: int | None = None,
) -> list[Event]:
    """The events of these names (and subject) up to block `until`, in chain order."""
    query = select(chain_events).where(chain_events.c.name.in_(names))
    if subject is not None:
        query = query.where(chain_events.c.subject == subject)
    if until is not None:
        query = query.where(chain_events.c.block <= until)
    return [_event(row) for row in connection.execute(query.order_by(chain_events.c.block, chain_events.c.position))]


def _event(row: Row[Any]) -> Event:
    args = json_object(row.args, "an indexed event", block=row.block, position=row.position)
    return Event(**{**row._mapping, "args": args})


def seal_code(connection: Connection, seal: bytes) -> str | None:
    """The code of a registered seal by its key on chain, its events' subject."""
    registered = events(connection, ("SealRegistered",), subject=seal)
    return registered[0].args["code"] if registered else None


def newest_seal_states(connection: Connection, seals: Sequence[bytes]) -> dict[bytes, int]:
    """The number of the newest state of each of these seals, by their keys on chain."""
    newest: dict[bytes, tuple[int, int]] = {}
    for part in chunks(seals):
        query = select(chain_events).where(chain_events.c.name == "SealStateSet", chain_events.c.subject.in_(part))
        for event in map(_event, connection.execute(query)):
            assert event.subject is not None
            newest[event.subject] = max(newest.get(event.subject, (0, 0)), (event.args["n"], event.args["state"]))
    return {seal: state for seal, (_, state) in newest.items()}


_context = (blocks.c.hash.label("block_hash"), blocks.c.time, chain_events.c.tx, chain_events.c.account)


def _heads() -> Select[Any]:
    event = (chain_events.c.block == heads.c.block) & (chain_events.c.position == heads.c.position)
    return select(heads, *_context).join_from(heads, blocks, blocks.c.number == heads.c.block).join(chain_events, event)


def log_heads(connection: Connection, log: bytes) -> list[IndexedHead]:
    """Every head the log ever had on chain, by size."""
    return all_as(connection.execute(_heads().where(heads.c.log == log).order_by(heads.c.size)), IndexedHead)


def log_head(connection: Connection, log: bytes, *, until: int | None = None) -> IndexedHead | None:
    """The log's newest head, at block `until` or before if given."""
    query = _heads().where(heads.c.log == log)
    if until is not None:
        query = query.where(heads.c.block <= until)
    return one_or_none(connection.execute(query.order_by(heads.c.size.desc()).limit(1)), IndexedHead)


def head_of_size(connection: Connection, log: bytes, size: int) -> IndexedHead | None:
    """The log's head of exactly this size."""
    return one_or_none(connection.execute(_heads().where(heads.c.log == log, heads.c.size == size)), IndexedHead)


def logs(connection: Connection) -> list[bytes]:
    """Every log that has a head on chain."""
    return list(connection.execute(select(heads.c.log).distinct().order_by(heads.c.log)).scalars())


def _statuses() -> Select[Any]:
    event = (chain_events.c.block == status_events.c.block) & (chain_events.c.position == status_events.c.position)
    return (
        select(status_events, *_context)
        .join_from(status_events, blocks, blocks.c.number == status_events.c.block)
        .join(chain_events, event)
    )


_order = (status_events.c.block, status_events.c.position, status_events.c.item)
_HISTORY = (
    _statuses()
    .where(status_events.c.log == bindparam("log"), status_events.c.leaf_index == bindparam("leaf_index"))
    .where(status_events.c.block <= bindparam("until"))
    .order_by(*_order)
)


def status_history(
    connection: Connection, log: bytes, leaf_index: int, *, until: int | None = None
) -> list[StatusEvent]:
    """All changes of state at this place (up to block `until`), in chain order; none means in force ever since."""
    given = {"log": log, "leaf_index": leaf_index, "until": NEVER if until is None else until}
    return all_as(connection.execute(_HISTORY, given), StatusEvent)


def status_events_of(connection: Connection, log: bytes) -> list[StatusEvent]:
    """All changes of state in the log, in chain order."""
    return all_as(connection.execute(_statuses().where(status_events.c.log == log).order_by(*_order)), StatusEvent)


def states(connection: Connection, log: bytes, indexes: Sequence[int]) -> dict[int, int]:
    """The current state of those of the places that ever changed, by leaf index; all others are in force."""
    by_index: dict[int, int] = {}
    for part in chunks(indexes):
        changed = select(status_events.c.leaf_index, status_events.c.state)
        query = changed.where(status_events.c.log == log, status_events.c.leaf_index.in_(part)).order_by(*_order)
        by_index.update((index, state) for index, state in connection.execute(query))
    return by_index


def all_states(connection: Connection, log: bytes) -> dict[int, int]:
    """The current state of every place of the log that ever changed, by leaf index."""
    query = select(status_events.c.leaf_index, status_events.c.state).where(status_events.c.log == log)
    return {row.leaf_index: row.state for row in connection.execute(query.order_by(*_order))}


def rollback_to(connection: Connection, number: int, at: float) -> None:
    """The index ends with block `number`; what later blocks held is not final any more and is sent again.

    Batches, changes, seals, catalog versions and submissions of those blocks have no final block, their signed bytes no
    block; a proof read after `number` is gone, and so are changes of seals of which only the chain told. Reverted
    transactions stay reverted, so that a submission keeps one live transaction, and their bytes are sent again too, to
    fill their nonce.
    """
    connection.execute(delete(blocks).where(blocks.c.number > number))
    validators.forget_after(connection, number)
    connection.execute(update(transactions).where(transactions.c.block > number).values(sent_at=None))
    _forget_final(connection, number, at)
    lost = {"evidence": None, "evidence_block": None}
    connection.execute(update(batches).where(batches.c.evidence_block > number).values(lost))


def drop_index(connection: Connection, at: float) -> None:
    """Nothing derived from the chain is left, as before the first block was read; stored proofs stay.

    Signed bytes count as sent at `at`, so that reading the chain again comes before sending anything again.
    """
    connection.execute(delete(blocks))
    validators.forget_after(connection, -1)
    connection.execute(update(transactions).where(transactions.c.block.is_not(None)).values(sent_at=at))
    _forget_final(connection, -1, at)


def _forget_final(connection: Connection, number: int, at: float) -> None:
    nowhere = dict.fromkeys(("final_block", "final_hash", "final_time", "final_tx"))
    told = (seal_changes.c.submission_id.is_(None), seal_changes.c.final_block > number)
    connection.execute(delete(seal_changes).where(*told))
    for table in _CARRIED:
        fallen = update(table).where(table.c.final_block > number)
        connection.execute(fallen.values(**nowhere, fell_out_at=at))
    reopened = update(submissions).where(submissions.c.final_block > number)
    connection.execute(reopened.values(final_block=None, final_tx=None, next_attempt_at=at))
    sibling = transactions.alias("sibling")
    live = exists().where(sibling.c.submission_id == transactions.c.submission_id, sibling.c.outcome.is_(None))
    fallen_out = update(transactions).where(transactions.c.block > number)
    connection.execute(fallen_out.where(transactions.c.outcome == "final", ~live).values(outcome=None, block=None))
    connection.execute(fallen_out.values(outcome="reverted", block=None))
