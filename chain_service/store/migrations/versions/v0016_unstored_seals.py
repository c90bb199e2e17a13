"""Seals that the chain holds and memory lost are named, so that the service can answer about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unstored_seals",
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["block", "position"],
            ["chain_events.block", "chain_events.position"],
            name="fk_unstored_seals_block_position",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("block", "position", name="pk_unstored_seals"),
    )
    op.create_index("ix_unstored_seals_code", "unstored_seals", ["code"])
