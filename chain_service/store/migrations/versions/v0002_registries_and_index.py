"""Seals, catalogs, readings, alerts and what is read from the chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chain_service.store.migrations.helpers import COUNTER, partial_index

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    seals()
    seal_changes()
    catalog_versions()
    readings()
    alerts()
    blocks()
    chain_events()
    heads()
    status_events()


def seals() -> None:
    op.create_table(
        "seals",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("sm3", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("refused", sa.Text()),
        sa.Column("submission_id", sa.Text()),
        sa.Column("final_block", sa.BigInteger()),
        sa.Column("final_hash", sa.LargeBinary()),
        sa.Column("final_time", sa.BigInteger()),
        sa.Column("final_tx", sa.LargeBinary()),
        sa.Column("fell_out_at", sa.Double()),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_seals_key_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("fk_seals_submission_id")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_seals")),
    )
    op.create_index(op.f("ix_seals_final_block"), "seals", ["final_block"], unique=False)
    op.create_index(op.f("ix_seals_owner"), "seals", ["owner"], unique=False)
    op.create_index(op.f("ix_seals_sha256"), "seals", ["sha256"], unique=False)
    op.create_index(op.f("ix_seals_sm3"), "seals", ["sm3"], unique=False)
    op.create_index(op.f("ix_seals_submission_id"), "seals", ["submission_id"], unique=False)


def seal_changes() -> None:
    op.create_table(
        "seal_changes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Text()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("refused", sa.Text()),
        sa.Column("submission_id", sa.Text()),
        sa.Column("final_block", sa.BigInteger()),
        sa.Column("final_hash", sa.LargeBinary()),
        sa.Column("final_time", sa.BigInteger()),
        sa.Column("final_tx", sa.LargeBinary()),
        sa.Column("fell_out_at", sa.Double()),
        sa.CheckConstraint("state between 1 and 3", name=op.f("ck_seal_changes_state")),
        sa.ForeignKeyConstraint(["code"], ["seals.code"], name=op.f("fk_seal_changes_code")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_seal_changes_key_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("fk_seal_changes_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal_changes")),
    )
    op.create_index(op.f("ix_seal_changes_final_block"), "seal_changes", ["final_block"], unique=False)
    op.create_index(op.f("ix_seal_changes_submission_id"), "seal_changes", ["submission_id"], unique=False)
    partial_index("uq_seal_changes_n", "seal_changes", ["code", "n"], "refused is null", unique=True)
    partial_index(
        "uq_seal_changes_waiting",
        "seal_changes",
        ["code"],
        "final_block is null and fell_out_at is null and refused is null",
        unique=True,
    )


def catalog_versions() -> None:
    op.create_table(
        "catalog_versions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary()),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("refused", sa.Text()),
        sa.Column("submission_id", sa.Text()),
        sa.Column("final_block", sa.BigInteger()),
        sa.Column("final_hash", sa.LargeBinary()),
        sa.Column("final_time", sa.BigInteger()),
        sa.Column("final_tx", sa.LargeBinary()),
        sa.Column("fell_out_at", sa.Double()),
        sa.CheckConstraint("action in ('publish', 'change', 'withdraw')", name=op.f("ck_catalog_versions_action")),
        sa.CheckConstraint("(sequence = 1) = (previous is null)", name=op.f("ck_catalog_versions_previous")),
        sa.CheckConstraint("sequence >= 1", name=op.f("ck_catalog_versions_sequence")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_catalog_versions_key_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("fk_catalog_versions_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_versions")),
    )
    op.create_index(op.f("ix_catalog_versions_digest"), "catalog_versions", ["digest"], unique=False)
    op.create_index(op.f("ix_catalog_versions_final_block"), "catalog_versions", ["final_block"], unique=False)
    op.create_index("ix_catalog_versions_org", "catalog_versions", ["org", "code", "sequence"], unique=False)
    op.create_index(op.f("ix_catalog_versions_submission_id"), "catalog_versions", ["submission_id"], unique=False)
    partial_index(
        "uq_catalog_versions_sequence", "catalog_versions", ["code", "sequence"], "refused is null", unique=True
    )


def readings() -> None:
    op.create_table(
        "readings",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("key_id", sa.Text()),
        sa.Column("org", sa.Text()),
        sa.Column("record_id", sa.Text()),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_readings")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_readings_record_id"), "readings", ["record_id"], unique=False)


def alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("cleared_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sqlite_autoincrement=True,
    )
    partial_index("uq_alerts_standing", "alerts", ["code", "subject"], "cleared_at is null", unique=True)


def blocks() -> None:
    op.create_table(
        "blocks",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("parent", sa.LargeBinary(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_blocks")),
        sa.UniqueConstraint("hash", name=op.f("uq_blocks_hash")),
    )
    op.create_index(op.f("ix_blocks_time"), "blocks", ["time"], unique=False)


def chain_events() -> None:
    op.create_table(
        "chain_events",
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("tx", sa.LargeBinary(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.LargeBinary()),
        sa.Column("account", sa.Text()),
        sa.Column("args", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["block"], ["blocks.number"], name=op.f("fk_chain_events_block"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("block", "position", name=op.f("pk_chain_events")),
    )
    op.create_index("ix_chain_events_subject", "chain_events", ["name", "subject", "block"], unique=False)


def heads() -> None:
    op.create_table(
        "heads",
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("log", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["block", "position"],
            ["chain_events.block", "chain_events.position"],
            name=op.f("fk_heads_block_position"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("block", "position", name=op.f("pk_heads")),
        sa.UniqueConstraint("log", "size", name=op.f("uq_heads_log_size")),
    )


def status_events() -> None:
    op.create_table(
        "status_events",
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("log", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["block", "position"],
            ["chain_events.block", "chain_events.position"],
            name=op.f("fk_status_events_block_position"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("block", "position", "item", name=op.f("pk_status_events")),
    )
    op.create_index("ix_status_events_place", "status_events", ["log", "leaf_index", "block"], unique=False)
