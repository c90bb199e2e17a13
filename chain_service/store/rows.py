"""From a result's rows to frozen dataclasses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Result

T = TypeVar("T")
PARAMETERS = 5_000  # well below what one statement may bind on either database


def only(result: Result[Any], shape: type[T]) -> T | None:
    """The one row as `shape`, whose fields are named as the columns; None where there is none."""
    row = result.one_or_none()
    return None if row is None else shape(**row._mapping)


def every(result: Result[Any], shape: type[T]) -> list[T]:
    """All rows, in order, each as `shape`."""
    return [shape(**row._mapping) for row in result]


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in slices that one statement can bind."""
    return (items[at : at + PARAMETERS] for at in range(0, len(items), PARAMETERS))


def touched(result: Result[Any]) -> int:
    """How many rows the statement changed."""
    return result.rowcount if isinstance(result, CursorResult) else 0
