"""Catalog versions that the chain holds and memory lost are named, so that an entry goes on behind them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unstored_versions",
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("catalog", sa.LargeBinary(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Integer(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["block", "position"],
            ["chain_events.block", "chain_events.position"],
            name="fk_unstored_versions_block_position",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("block", "position", "item", name="pk_unstored_versions"),
    )
    op.create_index("ix_unstored_versions_catalog", "unstored_versions", ["catalog", "sequence"])
