"""API keys end, are limited, and are replaced by others; look-ups that found nothing are counted by key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chain_service.store.migrations.helpers import partial_index

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("expires_at", sa.Double()),
        sa.Column("rate", sa.Text()),
        sa.Column("daily_lookups", sa.Integer()),
        sa.Column("types", sa.Text()),
        sa.Column("replaces", sa.Text()),
        sa.Column("last_used_at", sa.Double()),
    ):
        op.add_column("api_keys", column)
    partial_index("uq_api_keys_replaces", "api_keys", ["replaces"], "replaces is not null", unique=True)
    op.create_table(
        "key_windows",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("counted", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("counted in ('requests', 'lookups')", name=op.f("ck_key_windows_counted")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_key_windows_key_id"),
        sa.PrimaryKeyConstraint("key_id", "counted", name="pk_key_windows"),
    )
    partial_index(
        "ix_readings_misses", "readings", ["key_id", "at"], "record_id is null and key_id is not null", unique=False
    )
