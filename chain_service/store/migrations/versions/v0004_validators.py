"""Who may seal from which block on, and headers that stand beside others of their height."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "validators",
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("addresses", sa.LargeBinary(), nullable=False),
        sa.Column("votes", sa.LargeBinary(), nullable=False),
        sa.Column("stated", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("block", name="pk_validators"),
    )
    op.create_table(
        "rival_headers",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", "hash", name="pk_rival_headers"),
    )
