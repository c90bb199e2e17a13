"""What `audit` proves of every column of every table, and what nothing proves and why.

A test edits each column once and asks that the audit finds it, or that it is listed here as not proven; a column
without a place in this table fails it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from chain_service.core.encoding.text import Text
from chain_service.store.auditing.journal import JOURNALED

OWN_CLOCK = Text("本机时钟的时刻，链上没有", "a moment by this instance's own clock; no chain holds it")
NOT_ON_CHAIN = Text("只在本机，链上没有", "known to this instance alone; no chain holds it")
ON_THE_WAY = Text("发送过程，不改变链上内容", "how sending went; it changes nothing of what is on chain")
ORDER_HERE = Text("本机的受理顺序", "the order of acceptance here")
WHO_HERE = Text("受理所用的密钥，只在本机", "which API key was used; known to this instance alone")
REFUSED_HERE = Text("未上链行的拒绝原因", "why something was refused that is not on chain")


@dataclass(frozen=True)
class TableProof:
    """How the rows of one table are proven."""

    by: Text
    """What its values are compared with."""
    proven: tuple[str, ...]
    """Columns that follow from it; of a row that is not on chain yet only those that its own content gives."""
    unproven: Mapping[str, Text] = field(default_factory=dict)
    """Every other column, with the reason."""
    may_be_lost: Text | None = None
    """Why a row that is gone is not missed; None where it is."""
    may_be_added: Text | None = None
    """Why an added row that claims to be on chain is not noticed; None where it is."""


_FINAL = ("final_block", "final_hash", "final_time", "final_tx", "fell_out_at")


JOURNAL = Text("操作日志（其日志头已上链）", "the journal, whose head is anchored")


def _journaled(table: str, unproven: Mapping[str, Text] = MappingProxyType({})) -> TableProof:
    """A table of which the journal keeps a digest of every row."""
    return TableProof(JOURNAL, JOURNALED[table], unproven)


def _here(*columns: str) -> TableProof:
    """A table of which only this instance knows."""
    return TableProof(
        NOT_ON_CHAIN,
        (),
        dict.fromkeys(columns, NOT_ON_CHAIN),
        may_be_lost=NOT_ON_CHAIN,
        may_be_added=NOT_ON_CHAIN,
    )


COVERAGE: Mapping[str, TableProof] = {
    "blocks": TableProof(
        Text("区块头与父哈希，直至链上最新区块", "its header, and the block after it up to the newest one on chain"),
        ("number", "hash", "parent", "time", "header"),
    ),
    "validators": TableProof(
        Text("区块头中的投票（Clique）", "the votes in the headers (Clique)"),
        ("block", "addresses", "votes", "stated"),
    ),
    "rival_headers": _journaled("rival_headers"),
    "chain_events": TableProof(
        Text("节点重新报告的事件", "the events as nodes report them again"),
        ("block", "position", "tx", "contract", "name", "subject", "account", "args"),
    ),
    "heads": TableProof(
        Text("事件与合约存储", "the events, and the contract's storage"), ("block", "position", "log", "size", "root")
    ),
    "status_events": TableProof(
        Text("事件与合约存储", "the events, and the contract's storage"),
        ("block", "position", "item", "log", "leaf_index", "state", "reason", "digest"),
    ),
    "unstored_versions": TableProof(
        Text("事件与已存目录版本", "the events, and the stored versions"),
        ("block", "position", "item", "catalog", "org", "sequence", "action", "previous", "digest"),
        may_be_lost=Text("缺少的版本另由目录历史指出", "the gap in the catalog's history names the version"),
    ),
    "unstored_seals": TableProof(
        Text("事件与已存印章", "the events, and the stored seals"),
        ("block", "position", "code", "owner"),
        may_be_lost=Text("缺少的印章另由其登记事件指出", "the event of its registration names the seal"),
    ),
    "api_keys": _journaled("api_keys", {"last_used_at": OWN_CLOCK}),
    "key_windows": _here("key_id", "counted", "since", "used"),
    "first_answers": _here("key_id", "key", "n", "fingerprint", "at", "status", "media_type", "body"),
    "approvals": _journaled("approvals"),
    "end_rules": _journaled("end_rules", dict.fromkeys(("since", "used"), NOT_ON_CHAIN)),
    "certificate_types": _journaled("certificate_types"),
    "certificate_type_names": _journaled("certificate_type_names"),
    "accounts": TableProof(Text("已签名的交易", "the signed transactions"), ("address", "next_nonce")),
    "submissions": TableProof(
        Text("已签名的字节与事件", "the signed bytes, and the events"),
        (
            "id",
            "account",
            "kind",
            "subject",
            "contract",
            "function",
            "calldata",
            "last_error",
            "final_block",
            "final_tx",
            "abandoned_at",
            "abandoned_reason",
        ),
        {"seq": ORDER_HERE, "created_at": OWN_CLOCK, "attempts": ON_THE_WAY, "next_attempt_at": ON_THE_WAY},
    ),
    "transactions": TableProof(
        Text("已签名的字节与所在区块", "the signed bytes, and the block that holds them"),
        ("hash", "submission_id", "account", "nonce", "raw", "outcome", "block"),
        {"signed_at": OWN_CLOCK, "sent_at": OWN_CLOCK, "error": ON_THE_WAY},
    ),
    "batches": TableProof(
        Text("日志条目、事件与批次证据", "the log's entries, the events and the batch evidence"),
        (
            "id",
            "org",
            "generation",
            "old_size",
            "new_size",
            "old_root",
            "root",
            "consistency_path",
            "submission_id",
            *_FINAL,
            "evidence",
            "evidence_block",
        ),
        {"closed_at": OWN_CLOCK},
    ),
    "stopped_logs": _journaled("stopped_logs"),
    "tiles": TableProof(
        Text("日志条目与链上的根", "the log's entries, and the roots on chain"),
        ("org", "generation", "level", "n", "data"),
    ),
    "records": TableProof(
        Text(
            "规范化内容与日志条目；已删除内容的记录依据操作日志",
            "its content, and the entry in the log; of an erased record the journal",
        ),
        (
            "id",
            "org",
            "kind",
            "type_code",
            "identity",
            "number",
            "body",
            "salt",
            "body_digest",
            "issued",
            "replaces",
            "created_at",
            "batch_id",
            "generation",
            "leaf_index",
            "failure",
            "erased_at",
            "erased_reason",
        ),
        {"seq": ORDER_HERE, "key_id": WHO_HERE},
    ),
    "record_files": TableProof(Text("记录内容", "the record's content"), ("record_id", "algorithm", "digest")),
    "erased_files": _journaled("erased_files"),
    "status_changes": TableProof(
        Text("变更记录内容与链上摘要", "its content, and the digest on chain"),
        (
            "record_id",
            "to_state",
            "reason_code",
            "body",
            "salt",
            "digest",
            "created_at",
            "refused",
            "submission_id",
            *_FINAL,
        ),
        {"seq": ORDER_HERE, "id": NOT_ON_CHAIN, "key_id": WHO_HERE},
    ),
    "seals": TableProof(
        Text("印章内容与合约存储", "its content, and the contract's storage"),
        ("code", "owner", "sha256", "sm3", "body", "refused", "submission_id", *_FINAL),
        {"key_id": WHO_HERE, "created_at": OWN_CLOCK},
    ),
    "seal_changes": TableProof(
        Text("合约存储与事件", "the contract's storage, and the events"),
        ("code", "n", "state", "refused", "submission_id", *_FINAL),
        {"id": NOT_ON_CHAIN, "key_id": WHO_HERE, "created_at": OWN_CLOCK},
    ),
    "catalog_versions": TableProof(
        Text("版本内容与合约存储", "its content, and the contract's storage"),
        (
            "code",
            "sequence",
            "org",
            "layer",
            "action",
            "digest",
            "previous",
            "body",
            "refused",
            "submission_id",
            *_FINAL,
        ),
        {"id": NOT_ON_CHAIN, "key_id": WHO_HERE, "created_at": OWN_CLOCK},
    ),
    "readings": _journaled("readings"),
    "alerts": _journaled("alerts"),
    "audits": _journaled("audits"),
    "journal_entries": TableProof(
        Text("已上链的日志头", "the heads that were anchored"),
        ("about", "row", "salt", "digest", "leaf_index"),
        {"id": ORDER_HERE},
    ),
    "journal_heads": TableProof(
        Text("承载日志头的记录", "the records that carry them"), ("size", "root", "record_id"), {"at": OWN_CLOCK}
    ),
    "deployment": TableProof(
        Text("部署文件 deployment.json", "the file deployment.json"),
        ("one", "chain_id", "genesis_hash", "record_log"),
        may_be_lost=Text("启动时重新写入", "written again when workers start"),
    ),
    "compatibility": _here("one", "readable_from"),
    "leases": _here("role", "term", "holder", "session", "since"),
}


def unproven_columns() -> dict[str, tuple[str, ...]]:
    """What nothing proves, by table."""
    return {name: tuple(proof.unproven) for name, proof in COVERAGE.items() if proof.unproven}
