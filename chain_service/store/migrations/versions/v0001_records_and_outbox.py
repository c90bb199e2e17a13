"""Keys, the outbox, the logs, records and their changes of state."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chain_service.store.migrations.helpers import COUNTER, partial_index

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    api_keys()
    certificate_types()
    accounts()
    submissions()
    transactions()
    batches()
    stopped_logs()
    tiles()
    records()
    record_indexes()
    record_files()
    status_changes()


def api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("revoked_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
    )


def certificate_types() -> None:
    op.create_table(
        "certificate_types",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_certificate_types")),
    )


def accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("next_nonce", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_accounts")),
    )


def submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("seq", COUNTER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("function", sa.Text(), nullable=False),
        sa.Column("calldata", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.Double(), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("final_block", sa.BigInteger()),
        sa.Column("final_tx", sa.LargeBinary()),
        sa.Column("abandoned_at", sa.Double()),
        sa.Column("abandoned_reason", sa.Text()),
        sa.CheckConstraint("final_block is null or abandoned_at is null", name=op.f("ck_submissions_one_end")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_submissions")),
        sa.UniqueConstraint("id", name=op.f("uq_submissions_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_submissions_final_block"), "submissions", ["final_block"], unique=False)
    partial_index(
        "ix_submissions_open",
        "submissions",
        ["account", "seq"],
        "final_block is null and abandoned_at is null",
        unique=False,
    )


def transactions() -> None:
    op.create_table(
        "transactions",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("submission_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", sa.Double(), nullable=False),
        sa.Column("sent_at", sa.Double()),
        sa.Column("outcome", sa.Text()),
        sa.Column("block", sa.BigInteger()),
        sa.Column("error", sa.Text()),
        sa.CheckConstraint("outcome in ('final', 'reverted')", name=op.f("ck_transactions_outcome")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("fk_transactions_submission_id")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_transactions")),
        sa.UniqueConstraint("account", "nonce", name=op.f("uq_transactions_account_nonce")),
    )
    op.create_index(op.f("ix_transactions_block"), "transactions", ["block"], unique=False)
    op.create_index(op.f("ix_transactions_submission_id"), "transactions", ["submission_id"], unique=False)
    partial_index("ix_transactions_unmined", "transactions", ["account", "nonce"], "block is null", unique=False)
    partial_index("uq_transactions_live", "transactions", ["submission_id"], "outcome is null", unique=True)


def batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("old_size", sa.BigInteger(), nullable=False),
        sa.Column("new_size", sa.BigInteger(), nullable=False),
        sa.Column("old_root", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("consistency_path", sa.LargeBinary(), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=False),
        sa.Column("submission_id", sa.Text()),
        sa.Column("final_block", sa.BigInteger()),
        sa.Column("final_hash", sa.LargeBinary()),
        sa.Column("final_time", sa.BigInteger()),
        sa.Column("final_tx", sa.LargeBinary()),
        sa.Column("fell_out_at", sa.Double()),
        sa.Column("evidence", sa.LargeBinary()),
        sa.Column("evidence_block", sa.BigInteger()),
        sa.CheckConstraint("new_size > old_size and old_size >= 1", name=op.f("ck_batches_grows")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("fk_batches_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("org", "generation", "new_size", name=op.f("uq_batches_org_generation_new_size")),
        sa.UniqueConstraint("org", "generation", "old_size", name=op.f("uq_batches_org_generation_old_size")),
    )
    op.create_index(op.f("ix_batches_final_block"), "batches", ["final_block"], unique=False)
    op.create_index(op.f("ix_batches_submission_id"), "batches", ["submission_id"], unique=False)
    partial_index(
        "uq_batches_waiting",
        "batches",
        ["org", "generation"],
        "final_block is null and fell_out_at is null",
        unique=True,
    )


def stopped_logs() -> None:
    op.create_table(
        "stopped_logs",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("stopped_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("org", "generation", name=op.f("pk_stopped_logs")),
    )


def tiles() -> None:
    op.create_table(
        "tiles",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(data) between 32 and 8192 and length(data) % 32 = 0", name=op.f("ck_tiles_width")),
        sa.CheckConstraint("level >= -1", name=op.f("ck_tiles_level")),
        sa.PrimaryKeyConstraint("org", "generation", "level", "n", name=op.f("pk_tiles")),
    )


def records() -> None:
    op.create_table(
        "records",
        sa.Column("seq", COUNTER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("type_code", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text()),
        sa.Column("number", sa.Text()),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("salt", sa.LargeBinary()),
        sa.Column("body_digest", sa.LargeBinary()),
        sa.Column("issued", sa.Text()),
        sa.Column("replaces", sa.Text()),
        sa.Column("key_id", sa.Text()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("batch_id", sa.Text()),
        sa.Column("generation", sa.BigInteger()),
        sa.Column("leaf_index", sa.BigInteger()),
        sa.Column("failure", sa.Text()),
        sa.Column("erased_at", sa.Double()),
        sa.Column("erased_reason", sa.Text()),
        sa.CheckConstraint("(batch_id is null) = (leaf_index is null)", name=op.f("ck_records_placed")),
        sa.CheckConstraint("(generation is null) = (leaf_index is null)", name=op.f("ck_records_generation")),
        sa.CheckConstraint("batch_id is null or failure is null", name=op.f("ck_records_fails_before_batching")),
        sa.CheckConstraint(
            "erased_at is not null or (body is not null and salt is not null)", name=op.f("ck_records_whole_or_erased")
        ),
        sa.CheckConstraint(
            "erased_at is null or (body is null and salt is null and body_digest is null"
            " and identity is null and number is null)",
            name=op.f("ck_records_erased_wholly"),
        ),
        sa.CheckConstraint("leaf_index > 0", name=op.f("ck_records_not_founding")),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_records_batch_id")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_records_key_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_records")),
        sa.UniqueConstraint("body_digest", name=op.f("uq_records_body_digest")),
        sa.UniqueConstraint("id", name=op.f("uq_records_id")),
        sa.UniqueConstraint("org", "generation", "leaf_index", name=op.f("uq_records_org_generation_leaf_index")),
        sqlite_autoincrement=True,
    )


def record_indexes() -> None:
    op.create_index(op.f("ix_records_batch_id"), "records", ["batch_id"], unique=False)
    partial_index("ix_records_failed", "records", ["org", "seq"], "failure is not null", unique=False)
    op.create_index("ix_records_identity", "records", ["identity"], unique=False)
    op.create_index("ix_records_number", "records", ["org", "number"], unique=False)
    op.create_index("ix_records_org_seq", "records", ["org", "seq"], unique=False)
    partial_index("ix_records_pending", "records", ["org", "seq"], "batch_id is null and failure is null", unique=False)
    op.create_index(op.f("ix_records_replaces"), "records", ["replaces"], unique=False)
    partial_index("uq_records_identity", "records", ["org", "identity"], "failure is null", unique=True)


def record_files() -> None:
    op.create_table(
        "record_files",
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_record_files_record_id")),
        sa.PrimaryKeyConstraint("record_id", "algorithm", "digest", name=op.f("pk_record_files")),
    )
    op.create_index("ix_record_files_digest", "record_files", ["digest"], unique=False)


def status_changes() -> None:
    op.create_table(
        "status_changes",
        sa.Column("seq", COUNTER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Integer(), nullable=False),
        sa.Column("reason_code", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("salt", sa.LargeBinary()),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("refused", sa.Text()),
        sa.Column("submission_id", sa.Text()),
        sa.Column("final_block", sa.BigInteger()),
        sa.Column("final_hash", sa.LargeBinary()),
        sa.Column("final_time", sa.BigInteger()),
        sa.Column("final_tx", sa.LargeBinary()),
        sa.Column("fell_out_at", sa.Double()),
        sa.CheckConstraint("to_state between 0 and 7", name=op.f("ck_status_changes_state")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_status_changes_key_id")),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_status_changes_record_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("fk_status_changes_submission_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_status_changes")),
        sa.UniqueConstraint("digest", name=op.f("uq_status_changes_digest")),
        sa.UniqueConstraint("id", name=op.f("uq_status_changes_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_status_changes_final_block"), "status_changes", ["final_block"], unique=False)
    op.create_index(op.f("ix_status_changes_record_id"), "status_changes", ["record_id"], unique=False)
    op.create_index(op.f("ix_status_changes_submission_id"), "status_changes", ["submission_id"], unique=False)
    partial_index(
        "ix_status_changes_unsent", "status_changes", ["seq"], "submission_id is null and refused is null", unique=False
    )
    partial_index(
        "uq_status_changes_waiting",
        "status_changes",
        ["record_id"],
        "final_block is null and fell_out_at is null and refused is null",
        unique=True,
    )
