"""Files of erased records are recognised again, by keyed digests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erased_files",
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("kept_digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name="fk_erased_files_record_id"),
        sa.PrimaryKeyConstraint("record_id", "n", "algorithm", name="pk_erased_files"),
    )
    op.create_index("ix_erased_files_kept_digest", "erased_files", ["kept_digest"])
