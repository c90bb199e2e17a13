"""From a result's rows to frozen dataclasses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Result, Table, insert

from chain_service.core.encoding.canonical import read_json
from chain_service.errors import Corrupt, MalformedRecord

T = TypeVar("T")
PARAMETERS = 5_000  # well below what one statement may bind on either database
ROWS = 1_000
MAX_STORED = 16 * 2**20
"""Bytes of JSON in one column."""


def one_or_none(result: Result[Any], shape: type[T]) -> T | None:
    """The one row as `shape`, whose fields are named as the columns; None where there is none."""
    row = result.one_or_none()
    return None if row is None else shape(**dict(zip(result.keys(), row, strict=True)))


def all_as(result: Result[Any], shape: type[T]) -> list[T]:
    """All rows, in order, each as `shape`."""
    names = tuple(result.keys())
    return [shape(**dict(zip(names, row, strict=True))) for row in result]


def json_object(stored: str | bytes | None, what: str, **where: Any) -> dict[str, Any]:
    """The JSON object that a column holds. Raises Corrupt, naming `what` and `where`, if it was altered into none."""
    text = stored.encode("utf-8", "surrogatepass") if isinstance(stored, str) else stored or b""
    try:
        value = read_json(text, limit=MAX_STORED, exact=True)
    except MalformedRecord:
        value = None
    if not isinstance(value, dict):
        raise Corrupt(f"{what} is damaged: it is not a JSON object", **where)
    return value


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in slices that one statement can bind."""
    return (items[at : at + PARAMETERS] for at in range(0, len(items), PARAMETERS))


def row_count(result: Result[Any]) -> int:
    """How many rows the statement changed."""
    return result.rowcount if isinstance(result, CursorResult) else 0


def add_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """The rows are inserted, however many: their values go to the driver as they are (text, bytes, numbers, None)."""
    statement = insert(table).compile(dialect=connection.dialect, column_keys=list(columns))
    order = [columns.index(name) for name in statement.positiontup or ()]
    remaining = iter(rows)
    while part := list(islice(remaining, ROWS)):
        if order:
            values: Any = [tuple([row[at] for at in order]) for row in part]
        else:
            values = [dict(zip(columns, row, strict=True)) for row in part]
        connection.exec_driver_sql(statement.string, values)
