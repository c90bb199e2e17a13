"""Who may seal the chain's blocks, as the index counted it or the operator stated it; and rivals of final blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from chain_service.store.auditing import journal
from chain_service.store.rows import all_as, one_or_none, row_count
from chain_service.store.schema import rival_headers, validators


@dataclass(frozen=True)
class ValidatorSet:
    """Who may seal after `block`: addresses joined, 20 bytes each, and the votes under way there, 40 bytes each.

    `stated`: the operator said so; it is not read from the chain and stays when the index is dropped.
    """

    block: int
    addresses: bytes
    votes: bytes
    stated: bool = False


@dataclass(frozen=True)
class RivalHeader:
    """A sealed header of a height at which another one was final; `header` its RLP, `seen_at` unix seconds."""

    number: int
    hash: bytes
    header: bytes
    seen_at: float


def add(connection: Connection, sets: Sequence[ValidatorSet]) -> None:
    """The sets hold from the block after theirs on. Raises Conflict (`constraint`) at the transaction's door where one
    is known already.
    """
    if sets:
        connection.execute(insert(validators), [asdict(validator_set) for validator_set in sets])
        journal.note(connection, "validators", block=[validator_set.block for validator_set in sets])


_LISTED = select(validators).order_by(validators.c.block)


def listed(connection: Connection) -> list[ValidatorSet]:
    """All sets, by block."""
    return all_as(connection.execute(_LISTED), ValidatorSet)


def at(connection: Connection, block: int) -> ValidatorSet | None:
    """Who may seal after this block, with the votes under way; None where that is not known."""
    query = select(validators).where(validators.c.block <= block).order_by(validators.c.block.desc()).limit(1)
    return one_or_none(connection.execute(query), ValidatorSet)


def forget_after(connection: Connection, block: int) -> None:
    """What was counted in blocks after this one is forgotten; what the operator stated stays."""
    connection.execute(delete(validators).where(validators.c.block > block, validators.c.stated.is_(False)))


def keep_rivals(connection: Connection, rivals: Sequence[RivalHeader]) -> None:
    """The headers are kept as evidence, each once."""
    insert_new = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    for rival in rivals:
        new = insert_new(rival_headers).values(asdict(rival)).on_conflict_do_nothing()
        if row_count(connection.execute(new)):
            journal.note(connection, "rival_headers", number=rival.number, hash=rival.hash)


def rivals(connection: Connection) -> list[RivalHeader]:
    """All headers kept as evidence, by height."""
    return all_as(
        connection.execute(select(rival_headers).order_by(rival_headers.c.number, rival_headers.c.hash)), RivalHeader
    )
