"""What a database holds, as far as one copy of it is told from another."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text

from chain_service.store import batches, chain_index
from chain_service.store.chain_index import IndexedBlock
from chain_service.store.database import Database
from chain_service.store.schema import records


@dataclass(frozen=True)
class CopiedHead:
    """Where a log ends in the copy, by its newest batch, final or not."""

    org: str
    generation: int
    size: int
    root: bytes | None


@dataclass(frozen=True)
class CopiedContents:
    """What a database holds, as far as another copy of it is told from it."""

    heads: tuple[CopiedHead, ...]
    block: IndexedBlock | None
    records: int
    erased: int
    revision: str | None


def contents(connection: Connection) -> CopiedContents:
    """What the database holds at this moment."""
    ends = [
        (org, generation, batches.head(connection, org, generation)) for org, generation in batches.logs(connection)
    ]
    erased = select(func.count()).select_from(records).where(records.c.erased_at.is_not(None))
    return CopiedContents(
        heads=tuple(CopiedHead(org, generation, end.size, end.root) for org, generation, end in ends),
        block=chain_index.newest_block(connection),
        records=connection.execute(select(func.count()).select_from(records)).scalar_one(),
        erased=connection.execute(erased).scalar_one(),
        revision=connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none(),
    )


def contents_of(url: str) -> CopiedContents:
    """What the database at `url`, a copy that nobody uses, holds."""
    database = Database(url)
    try:
        with database.reading() as connection:
            return contents(connection)
    finally:
        database.close()
