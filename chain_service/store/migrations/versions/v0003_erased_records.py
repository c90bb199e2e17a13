"""Erased records are found by what their holders still have."""

from __future__ import annotations

from chain_service.store.migrations.helpers import partial_index

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    partial_index("ix_records_erased", "records", ["org", "seq"], "erased_at is not null", unique=False)
