"""Ending a record finally may need a second approval, and is bounded in a day, as its organisation asks for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chain_service.store.migrations.helpers import COUNTER, partial_index

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("seq", COUNTER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("key_id", sa.Text()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("decided_at", sa.Double()),
        sa.Column("decided_by", sa.Text()),
        sa.Column("change_id", sa.Text()),
        sa.CheckConstraint("outcome in ('approved', 'refused', 'expired')", name=op.f("ck_approvals_outcome")),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name="fk_approvals_record_id"),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_approvals_key_id"),
        sa.ForeignKeyConstraint(["change_id"], ["status_changes.id"], name="fk_approvals_change_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_approvals"),
        sa.UniqueConstraint("id", name="uq_approvals_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_approvals_record_id", "approvals", ["record_id"])
    op.create_index("ix_approvals_org", "approvals", ["org", "seq"])
    partial_index("uq_approvals_waiting", "approvals", ["record_id"], "outcome is null", unique=True)
    op.create_table(
        "end_rules",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("second_approval", sa.Boolean(), nullable=False),
        sa.Column("daily_ends", sa.Integer()),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("org", name="pk_end_rules"),
    )
