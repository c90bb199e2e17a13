"""Who works on a database, for which deployment, and which programs may serve it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deployment",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("genesis_hash", sa.LargeBinary(), nullable=False),
        sa.Column("record_log", sa.Text(), nullable=False),
        sa.CheckConstraint("one = 1", name=op.f("ck_deployment_one")),
        sa.PrimaryKeyConstraint("one", name="pk_deployment"),
    )
    op.create_table(
        "compatibility",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("readable_from", sa.Text(), nullable=False),
        sa.CheckConstraint("one = 1", name=op.f("ck_compatibility_one")),
        sa.PrimaryKeyConstraint("one", name="pk_compatibility"),
    )
    op.create_table(
        "leases",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("role", name="pk_leases"),
    )
