"""What an audit can find, in both languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.text import Text
from chain_service.store.auditing.whole_tables import key_columns

FINDINGS: Mapping[str, tuple[str, str]] = {
    "founding_entry_differs": (
        "日志创始条目不符",
        "the log's founding entry is not that of its chain and contract",
    ),
    "log_cut_short": ("本地日志缺少已上链的条目", "the stored log lacks entries that a log head on chain covers"),
    "root_differs": ("本地日志与链上根不一致", "the stored log does not give the root on chain"),
    "head_unknown": ("链上有本地未知的日志头", "the chain holds a log head that this instance did not make"),
    "head_missing": ("本地已上链的批次链上不存在", "a batch stored as anchored has no log head on chain"),
    "tile_differs": ("日志瓦片与条目不符", "a stored tile does not follow from the stored entries"),
    "record_altered": ("记录内容被改动", "the stored record is not the one that was anchored"),
    "record_missing": ("记录缺失", "the log has an entry whose record is not stored and was not erased"),
    "record_misplaced": ("记录的条目序号不符", "a stored record names a leaf index that its log does not have"),
    "status_differs": ("记录状态与链上不一致", "the indexed state is not the one on chain"),
    "change_altered": ("状态变更记录被改动", "a stored change of state is not the one that was set on chain"),
    "change_missing": ("状态变更记录缺失", "the organisation's account set a state whose change record is not stored"),
    "evidence_invalid": ("存储的上链证据无效", "a batch's stored evidence is missing or invalid"),
    "identifier_repeated": ("标识重复", "two records have the same identifier"),
    "seal_differs": ("印章与链上登记不一致", "the stored seal is not the one registered on chain"),
    "seal_missing": ("已登记的印章缺失", "the chain holds a seal of the organisation that is not stored as final"),
    "catalog_missing": ("已上链的目录缺失", "the chain holds a catalog entry of the organisation that is not stored"),
    "catalog_version_missing": (
        "已上链的目录版本缺失",
        "the chain holds a version of a catalog entry that is not stored",
    ),
    "catalog_altered": ("目录版本内容被改动", "a stored catalog version cannot be read"),
    "catalog_gap": ("目录版本序号不连续", "the versions of a catalog entry have a gap"),
    "catalog_wrong_predecessor": (
        "目录版本与前一版本不衔接",
        "a version does not name its predecessor's digest",
    ),
    "catalog_head_differs": ("目录与链上摘要不一致", "a catalog entry's newest version is not the one on chain"),
    "row_altered": ("数据库中的值被改动", "a stored value is not the one that its proof gives"),
    "row_missing": ("数据库缺少应有的行", "a row is missing that others or the chain call for"),
    "row_added": ("数据库多出无依据的行", "a stored row has nothing behind it"),
    "journal_differs": (
        "操作日志与已上链的日志头不一致",
        "the journal's entries do not give the head that was anchored: one was altered, or its place",
    ),
    "journal_cut": ("操作日志缺少条目", "the journal lacks entries that it had"),
    "index_differs": ("索引的最新区块不在链上", "the newest block of the index is not on the chain"),
}


@answer
class AuditFinding:
    """Something that is not as the chain says."""

    code: str
    subject: str
    "Id of a record, log, seal or catalog entry, number of a block, or table and primary key of a row."
    message: Text
    details: Mapping[str, Any]


def finding(code: str, subject: str, **details: Any) -> AuditFinding:
    """A finding of the table."""
    return AuditFinding(code, subject, Text(*FINDINGS[code]), details)


def row_name(table: str, row: Mapping[str, Any]) -> str:
    """How findings call a row: its table and its primary key."""
    values = (row[name] for name in key_columns(table))
    return f"{table}:" + ",".join(value.hex() if isinstance(value, bytes) else str(value) for value in values)


def compare(table: str, stored: Mapping[str, Any], proven: Mapping[str, Any], cause: str) -> list[AuditFinding]:
    """A finding that names the columns of the row whose values are not those `proven`; none if there are none."""
    columns = [name for name, value in proven.items() if stored[name] != value]
    if not columns:
        return []
    return [finding("row_altered", row_name(table, stored), table=table, columns=columns, cause=cause)]


def missing(table: str, row: Mapping[str, Any], cause: str) -> AuditFinding:
    """The finding that the table lacks this row, of which the primary key is known."""
    return finding("row_missing", row_name(table, row), table=table, cause=cause)


def added(table: str, row: Mapping[str, Any], cause: str) -> AuditFinding:
    """The finding that nothing stands behind this row."""
    return finding("row_added", row_name(table, row), table=table, cause=cause)


def compare_rows(
    table: str, stored: Iterable[Mapping[str, Any]], proven: Iterable[Mapping[str, Any]], cause: str
) -> list[AuditFinding]:
    """Findings for every row that differs, is missing or has nothing behind it; `proven` rows are whole."""
    keys = key_columns(table)
    wanted = {tuple(row[name] for name in keys): row for row in proven}
    findings = []
    for row in stored:
        expected = wanted.pop(tuple(row[name] for name in keys), None)
        findings += [added(table, row, cause)] if expected is None else compare(table, row, expected, cause)
    return findings + [missing(table, row, cause) for row in wanted.values()]
