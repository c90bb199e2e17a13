"""What an audit can find, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.text import Text

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
    "index_differs": ("索引的最新区块不在链上", "the newest block of the index is not on the chain"),
}


@answer
class AuditFinding:
    """Something that is not as the chain says."""

    code: str
    subject: str
    "Id of a record, log, seal or catalog entry, or number of a block."
    message: Text
    details: Mapping[str, Any]


def finding(code: str, subject: str, **details: Any) -> AuditFinding:
    """A finding of the table."""
    return AuditFinding(code, subject, Text(*FINDINGS[code]), details)
