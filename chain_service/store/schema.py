"""Every table, and the rules of concurrency as its constraints.

Units: columns `…_at` are our own moments, unix seconds with a fraction; `time` and `…_time` are block times, whole
unix seconds. Digests, hashes and logs are raw bytes, addresses EIP-55 text. A state that other columns tell is not
stored: a record without a batch is pending, with one batched, and anchored when its batch has a final block.

`final_block` says that a final block contains the thing; `fell_out_at` that it once did and that block left the chain
since. The rule "one at a time" counts what waits for the first time only, as several may fall out together.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import SchemaItem

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Bytes(TypeDecorator[bytes]):
    """A byte string, even where text or a number was written into SQLite's column behind the service's back.

    SQLite keeps whatever type it is given; what was tampered with has to reach the audit, not end it.
    """

    impl = LargeBinary
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Bytes, also where SQLite holds text in their column because it was written there."""
        return value if value is None or isinstance(value, bytes) else str(value).encode()


# What is read from the chain: all of it can be dropped and read again.

blocks = Table(
    "blocks",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Bytes, nullable=False, unique=True),
    Column("parent", Bytes, nullable=False),
    Column("time", BigInteger, nullable=False, index=True),
    Column("header", Bytes, nullable=False),
)

validators = Table(
    "validators",
    metadata,
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("addresses", Bytes, nullable=False),
    Column("votes", Bytes, nullable=False),
    Column("stated", Boolean, nullable=False),
)

rival_headers = Table(
    "rival_headers",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Bytes, primary_key=True),
    Column("header", Bytes, nullable=False),
    Column("seen_at", Double, nullable=False),
)

chain_events = Table(
    "chain_events",
    metadata,
    Column("block", BigInteger, ForeignKey("blocks.number", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("tx", Bytes, nullable=False),
    Column("contract", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("subject", Bytes),
    Column("account", Text),
    Column("args", Text, nullable=False),
)
Index("ix_chain_events_subject", chain_events.c.name, chain_events.c.subject, chain_events.c.block)


def _derived(name: str, *columns: SchemaItem) -> Table:
    """A table of what the event at `block` and `position` tells; its rows go with the event and its block."""
    place = (Column("block", BigInteger, primary_key=True), Column("position", Integer, primary_key=True))
    event = ForeignKeyConstraint(
        ["block", "position"], ["chain_events.block", "chain_events.position"], ondelete="CASCADE"
    )
    return Table(name, metadata, *place, *columns, event)


heads = _derived(
    "heads",
    Column("log", Bytes, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", Bytes, nullable=False),
    UniqueConstraint("log", "size"),
)

status_events = _derived(
    "status_events",
    Column("item", Integer, primary_key=True),
    Column("log", Bytes, nullable=False),
    Column("leaf_index", BigInteger, nullable=False),
    Column("state", Integer, nullable=False),
    Column("reason", Integer, nullable=False),
    Column("digest", Bytes, nullable=False),
)
Index("ix_status_events_place", status_events.c.log, status_events.c.leaf_index, status_events.c.block)

unstored_versions = _derived(
    "unstored_versions",
    Column("item", Integer, primary_key=True),
    Column("catalog", Bytes, nullable=False),
    Column("org", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("action", Integer, nullable=False),
    Column("previous", Bytes, nullable=False),
    Column("digest", Bytes, nullable=False),
)
Index("ix_unstored_versions_catalog", unstored_versions.c.catalog, unstored_versions.c.sequence)

unstored_seals = _derived(
    "unstored_seals",
    Column("code", Text, nullable=False),
    Column("owner", Text, nullable=False),
)
Index("ix_unstored_seals_code", unstored_seals.c.code)

Counter = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is an alias of SQLite's rowid

_WAITING = "final_block is null and fell_out_at is null"


def _partial(name: str, *columns: Column[Any], where: str, unique: bool = False) -> None:
    """An index over the rows that meet `where`, in both dialects' spelling."""
    Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


def _on_chain() -> list[Column[Any]]:
    """What every row has that a transaction carries to the chain."""
    return [
        Column("submission_id", Text, ForeignKey("submissions.id"), index=True),
        Column("final_block", BigInteger, index=True),
        Column("final_hash", Bytes),
        Column("final_time", BigInteger),
        Column("final_tx", Bytes),
        Column("fell_out_at", Double),
    ]


api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("org", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("hash", Bytes, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
    Column("expires_at", Double),
    Column("rate", Text),
    Column("daily_lookups", Integer),
    Column("types", Text),
    Column("replaces", Text),
    Column("last_used_at", Double),
)
_partial("uq_api_keys_replaces", api_keys.c.replaces, where="replaces is not null", unique=True)

key_windows = Table(
    "key_windows",
    metadata,
    Column("key_id", Text, ForeignKey("api_keys.id"), primary_key=True),
    Column("counted", Text, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    CheckConstraint("counted in ('requests', 'lookups')", name="counted"),
)

certificate_types = Table(
    "certificate_types",
    metadata,
    Column("code", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

certificate_type_names = Table(
    "certificate_type_names",
    metadata,
    Column("code", Text, primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("since", Double, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("address", Text, primary_key=True),
    Column("next_nonce", BigInteger, nullable=False),
)

submissions = Table(
    "submissions",
    metadata,
    Column("seq", Counter, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("contract", Text, nullable=False),
    Column("function", Text, nullable=False),
    Column("calldata", Bytes, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", Double, nullable=False),
    Column("last_error", Text),
    Column("final_block", BigInteger, index=True),
    Column("final_tx", Bytes),
    Column("abandoned_at", Double),
    Column("abandoned_reason", Text),
    CheckConstraint("final_block is null or abandoned_at is null", name="one_end"),
    sqlite_autoincrement=True,
)
_partial(
    "ix_submissions_open",
    submissions.c.account,
    submissions.c.seq,
    where="final_block is null and abandoned_at is null",
)

transactions = Table(
    "transactions",
    metadata,
    Column("hash", Bytes, primary_key=True),
    Column("submission_id", Text, ForeignKey("submissions.id"), nullable=False, index=True),
    Column("account", Text, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("raw", Bytes, nullable=False),
    Column("signed_at", Double, nullable=False),
    Column("sent_at", Double),
    Column("outcome", Text),
    Column("block", BigInteger, index=True),
    Column("error", Text),
    UniqueConstraint("account", "nonce"),
    CheckConstraint("outcome in ('final', 'reverted')", name="outcome"),
)
_partial("uq_transactions_live", transactions.c.submission_id, where="outcome is null", unique=True)
_partial("ix_transactions_unmined", transactions.c.account, transactions.c.nonce, where="block is null")

batches = Table(
    "batches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("org", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("old_size", BigInteger, nullable=False),
    Column("new_size", BigInteger, nullable=False),
    Column("old_root", Bytes, nullable=False),
    Column("root", Bytes, nullable=False),
    Column("consistency_path", Bytes, nullable=False),
    Column("closed_at", Double, nullable=False),
    *_on_chain(),
    Column("evidence", Bytes),
    Column("evidence_block", BigInteger),
    UniqueConstraint("org", "generation", "old_size"),
    UniqueConstraint("org", "generation", "new_size"),
    CheckConstraint("new_size > old_size and old_size >= 1", name="grows"),
)
_partial("uq_batches_waiting", batches.c.org, batches.c.generation, where=_WAITING, unique=True)

stopped_logs = Table(
    "stopped_logs",
    metadata,
    Column("org", Text, primary_key=True),
    Column("generation", BigInteger, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("stopped_at", Double, nullable=False),
)

tiles = Table(
    "tiles",
    metadata,
    Column("org", Text, primary_key=True),
    Column("generation", BigInteger, primary_key=True),
    Column("level", Integer, primary_key=True),
    Column("n", BigInteger, primary_key=True),
    Column("data", Bytes, nullable=False),
    CheckConstraint("level >= -1", name="level"),
    CheckConstraint("length(data) between 32 and 8192 and length(data) % 32 = 0", name="width"),
)

records = Table(
    "records",
    metadata,
    Column("seq", Counter, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("org", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("type_code", Text, nullable=False),
    Column("identity", Text),
    Column("number", Text),
    Column("body", Bytes),
    Column("salt", Bytes),
    Column("body_digest", Bytes, unique=True),
    Column("issued", Text),
    Column("replaces", Text, index=True),
    Column("key_id", Text, ForeignKey("api_keys.id")),
    Column("created_at", Double, nullable=False),
    Column("batch_id", Text, ForeignKey("batches.id"), index=True),
    Column("generation", BigInteger),
    Column("leaf_index", BigInteger),
    Column("failure", Text),
    Column("erased_at", Double),
    Column("erased_reason", Text),
    UniqueConstraint("org", "generation", "leaf_index"),
    CheckConstraint("(batch_id is null) = (leaf_index is null)", name="placed"),
    CheckConstraint("(generation is null) = (leaf_index is null)", name="generation"),
    CheckConstraint("leaf_index > 0", name="not_founding"),
    CheckConstraint("batch_id is null or failure is null", name="fails_before_batching"),
    CheckConstraint("erased_at is not null or (body is not null and salt is not null)", name="whole_or_erased"),
    CheckConstraint(
        "erased_at is null or (body is null and salt is null and body_digest is null"
        " and identity is null and number is null)",
        name="erased_wholly",
    ),
    sqlite_autoincrement=True,
)
_partial("uq_records_identity", records.c.org, records.c.identity, where="failure is null", unique=True)
Index("ix_records_identity", records.c.identity)
Index("ix_records_number", records.c.org, records.c.number)
Index("ix_records_org_seq", records.c.org, records.c.seq)
_partial("ix_records_pending", records.c.org, records.c.seq, where="batch_id is null and failure is null")
_partial("ix_records_erased", records.c.org, records.c.seq, where="erased_at is not null")
_partial("ix_records_failed", records.c.org, records.c.seq, where="failure is not null")

record_files = Table(
    "record_files",
    metadata,
    Column("record_id", Text, ForeignKey("records.id"), primary_key=True),
    Column("algorithm", Text, primary_key=True),
    Column("digest", Bytes, primary_key=True),
)
Index("ix_record_files_digest", record_files.c.digest)

erased_files = Table(
    "erased_files",
    metadata,
    Column("record_id", Text, ForeignKey("records.id"), primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("algorithm", Text, primary_key=True),
    Column("kept_digest", Bytes, nullable=False),
)
Index("ix_erased_files_kept_digest", erased_files.c.kept_digest)

status_changes = Table(
    "status_changes",
    metadata,
    Column("seq", Counter, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("record_id", Text, ForeignKey("records.id"), nullable=False, index=True),
    Column("to_state", Integer, nullable=False),
    Column("reason_code", Integer, nullable=False),
    Column("body", Bytes),
    Column("salt", Bytes),
    Column("digest", Bytes, nullable=False, unique=True),
    Column("key_id", Text, ForeignKey("api_keys.id")),
    Column("created_at", Double, nullable=False),
    Column("refused", Text),
    *_on_chain(),
    CheckConstraint("to_state between 0 and 7", name="state"),
    sqlite_autoincrement=True,
)
_partial("uq_status_changes_waiting", status_changes.c.record_id, where=_WAITING + " and refused is null", unique=True)
_partial("ix_status_changes_unsent", status_changes.c.seq, where="submission_id is null and refused is null")

approvals = Table(
    "approvals",
    metadata,
    Column("seq", Counter, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("record_id", Text, ForeignKey("records.id"), nullable=False, index=True),
    Column("org", Text, nullable=False),
    Column("body", Bytes),
    Column("key_id", Text, ForeignKey("api_keys.id")),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("outcome", Text),
    Column("decided_at", Double),
    Column("decided_by", Text),
    Column("change_id", Text, ForeignKey("status_changes.id")),
    CheckConstraint("outcome in ('approved', 'refused', 'expired')", name="outcome"),
    sqlite_autoincrement=True,
)
_partial("uq_approvals_waiting", approvals.c.record_id, where="outcome is null", unique=True)
Index("ix_approvals_org", approvals.c.org, approvals.c.seq)

end_rules = Table(
    "end_rules",
    metadata,
    Column("org", Text, primary_key=True),
    Column("second_approval", Boolean, nullable=False),
    Column("daily_ends", Integer),
    Column("since", BigInteger, nullable=False),
    Column("used", Integer, nullable=False),
)

seals = Table(
    "seals",
    metadata,
    Column("code", Text, primary_key=True),
    Column("owner", Text, nullable=False, index=True),
    Column("sha256", Bytes, nullable=False, index=True),
    Column("sm3", Bytes, nullable=False, index=True),
    Column("body", Bytes, nullable=False),
    Column("key_id", Text, ForeignKey("api_keys.id")),
    Column("created_at", Double, nullable=False),
    Column("refused", Text),
    *_on_chain(),
)

seal_changes = Table(
    "seal_changes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("code", Text, ForeignKey("seals.code"), nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("state", Integer, nullable=False),
    Column("key_id", Text, ForeignKey("api_keys.id")),
    Column("created_at", Double, nullable=False),
    Column("refused", Text),
    *_on_chain(),
    CheckConstraint("state between 1 and 3", name="state"),
)
_partial("uq_seal_changes_n", seal_changes.c.code, seal_changes.c.n, where="refused is null", unique=True)
_partial("uq_seal_changes_waiting", seal_changes.c.code, where=_WAITING + " and refused is null", unique=True)

catalog_versions = Table(
    "catalog_versions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("org", Text, nullable=False),
    Column("layer", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("digest", Bytes, nullable=False, index=True),
    Column("previous", Bytes),
    Column("body", Bytes, nullable=False),
    Column("key_id", Text, ForeignKey("api_keys.id")),
    Column("created_at", Double, nullable=False),
    Column("refused", Text),
    *_on_chain(),
    CheckConstraint("sequence >= 1", name="sequence"),
    CheckConstraint("(sequence = 1) = (previous is null)", name="previous"),
    CheckConstraint("action in ('publish', 'change', 'withdraw')", name="action"),
)
_partial(
    "uq_catalog_versions_sequence",
    catalog_versions.c.code,
    catalog_versions.c.sequence,
    where="refused is null",
    unique=True,
)
Index("ix_catalog_versions_org", catalog_versions.c.org, catalog_versions.c.code, catalog_versions.c.sequence)

first_answers = Table(
    "first_answers",
    metadata,
    Column("key_id", Text, ForeignKey("api_keys.id"), primary_key=True),
    Column("key", Bytes, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("fingerprint", Bytes, nullable=False),
    Column("at", Double, nullable=False, index=True),
    Column("status", Integer, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("body", Bytes, nullable=False),
)
Index("ix_first_answers_n", first_answers.c.key_id, first_answers.c.n)

readings = Table(
    "readings",
    metadata,
    Column("id", Counter, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("key_id", Text),
    Column("org", Text),
    Column("record_id", Text, index=True),
    Column("action", Text, nullable=False),
    Column("cause", Text, nullable=False),
    sqlite_autoincrement=True,
)
_partial("ix_readings_misses", readings.c.key_id, readings.c.at, where="record_id is null and key_id is not null")

alerts = Table(
    "alerts",
    metadata,
    Column("id", Counter, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("code", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("cleared_at", Double),
    sqlite_autoincrement=True,
)
_partial("uq_alerts_standing", alerts.c.code, alerts.c.subject, where="cleared_at is null", unique=True)

# The journal of what no chain proves: salted digests of rows, in the order of a tree whose root is anchored.

journal_entries = Table(
    "journal_entries",
    metadata,
    Column("id", Counter, primary_key=True, autoincrement=True),
    Column("about", Text, nullable=False),
    Column("row", Text, nullable=False),
    Column("salt", Bytes, nullable=False),
    Column("digest", Bytes, nullable=False),
    Column("leaf_index", BigInteger, unique=True),
    sqlite_autoincrement=True,
)
Index("ix_journal_entries_about_row", journal_entries.c.about, journal_entries.c.row)
_partial("ix_journal_entries_waiting", journal_entries.c.id, where="leaf_index is null")

journal_heads = Table(
    "journal_heads",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", Bytes, nullable=False),
    Column("record_id", Text),
    Column("at", Double, nullable=False),
)

audits = Table(
    "audits",
    metadata,
    Column("id", Counter, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("block_hash", Bytes, nullable=False),
    Column("logs", Text, nullable=False),
    sqlite_autoincrement=True,
)

# What is about the instance itself, and who works on it.

deployment = Table(
    "deployment",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("chain_id", BigInteger, nullable=False),
    Column("genesis_hash", Bytes, nullable=False),
    Column("record_log", Text, nullable=False),
    CheckConstraint("one = 1", name="one"),
)

compatibility = Table(
    "compatibility",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("readable_from", Text, nullable=False),
    CheckConstraint("one = 1", name="one"),
)

leases = Table(
    "leases",
    metadata,
    Column("role", Text, primary_key=True),
    Column("term", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("session", Integer, nullable=False),
    Column("since", Double, nullable=False),
)
