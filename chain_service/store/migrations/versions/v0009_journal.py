"""The journal of what no chain proves; it begins with the rows that there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chain_service.store.auditing.journal import note_all
from chain_service.store.migrations.helpers import COUNTER, partial_index

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "journal_entries",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_index", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_journal_entries"),
        sa.UniqueConstraint("leaf_index", name="uq_journal_entries_leaf_index"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_entries_about_row", "journal_entries", ["about", "row"])
    partial_index("ix_journal_entries_waiting", "journal_entries", ["id"], "leaf_index is null", unique=False)
    op.create_table(
        "journal_heads",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("record_id", sa.Text()),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_journal_heads"),
    )
    note_all(op.get_bind())
