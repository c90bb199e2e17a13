"""The tables of what is read from the chain: all of it can be dropped and read again."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from chain_service.store.schema_base import Bytes, metadata

blocks = Table(
    "blocks",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Bytes, nullable=False, unique=True),
    Column("parent", Bytes, nullable=False),
    Column("time", BigInteger, nullable=False, index=True),
    Column("header", Bytes, nullable=False),
)


validators = Table(
    "validators",
    metadata,
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("addresses", Bytes, nullable=False),
    Column("votes", Bytes, nullable=False),
    Column("stated", Boolean, nullable=False),
)


rival_headers = Table(
    "rival_headers",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Bytes, primary_key=True),
    Column("header", Bytes, nullable=False),
    Column("seen_at", Double, nullable=False),
)


chain_events = Table(
    "chain_events",
    metadata,
    Column("block", BigInteger, ForeignKey("blocks.number", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("tx", Bytes, nullable=False),
    Column("contract", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("subject", Bytes),
    Column("account", Text),
    Column("args", Text, nullable=False),
)
Index("ix_chain_events_subject", chain_events.c.name, chain_events.c.subject, chain_events.c.block)


def _event() -> ForeignKeyConstraint:
    """A derived row goes when its event goes, and that when its block goes."""
    return ForeignKeyConstraint(
        ["block", "position"], ["chain_events.block", "chain_events.position"], ondelete="CASCADE"
    )


heads = Table(
    "heads",
    metadata,
    Column("block", BigInteger, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("log", Bytes, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", Bytes, nullable=False),
    UniqueConstraint("log", "size"),
    _event(),
)

status_events = Table(
    "status_events",
    metadata,
    Column("block", BigInteger, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("log", Bytes, nullable=False),
    Column("leaf_index", BigInteger, nullable=False),
    Column("state", Integer, nullable=False),
    Column("reason", Integer, nullable=False),
    Column("digest", Bytes, nullable=False),
    _event(),
)
Index("ix_status_events_place", status_events.c.log, status_events.c.leaf_index, status_events.c.block)
