"""Whole rows of any table, for whoever re-proves what is stored and for nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, select

from chain_service.store.schema import metadata

Row = Mapping[str, Any]
"""Column → value, as it is stored."""


def rows(
    connection: Connection,
    table: str,
    where: Mapping[str, Any] = MappingProxyType({}),
    *,
    descending: bool = False,
    span: tuple[str, int, int] | None = None,
    without: Sequence[str] = (),
) -> Iterator[Row]:
    """The table's rows by primary key whose columns have these values, one after the other.

    `span` narrows to a column's values from the first number to the second, both included; `without` leaves columns
    out.
    """
    named = metadata.tables[table]
    keys = list(named.primary_key.columns)
    query = select(*(column for column in named.columns if column.name not in without))
    query = query.where(*(named.c[name] == value for name, value in where.items()))
    if span is not None:
        query = query.where(named.c[span[0]].between(span[1], span[2]))
    query = query.order_by(*(key.desc() if descending else key for key in keys))
    for row in connection.execute(query.execution_options(yield_per=1000)).mappings():
        yield dict(row)


def logs_in(connection: Connection, table: str) -> list[tuple[str, int]]:
    """Organisation and generation of every log that a row of the table belongs to."""
    named = metadata.tables[table]
    query = select(named.c.org, named.c.generation).where(named.c.generation.is_not(None)).distinct()
    return [(org, generation) for org, generation in connection.execute(query)]


def key_columns(table: str) -> tuple[str, ...]:
    """The columns of the table's primary key."""
    return tuple(column.name for column in metadata.tables[table].primary_key.columns)
