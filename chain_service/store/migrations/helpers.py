"""What several migrations spell the same way."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def partial_index(name: str, table: str, columns: Sequence[str], where: str, *, unique: bool) -> None:
    """An index over the rows that meet `where`, on either database."""
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
