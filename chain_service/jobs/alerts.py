"""Every alert that this service raises: its code, both languages, and what to do about it.

Whoever raises or clears one names its constant from here; `store/alerts.py` keeps them, `/readyz` shows those that
stand with the texts of this table, and docs/reference/alerts.md is made from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from chain_service.core.encoding.text import Text

BLOCK_REPLACED = "final_block_replaced"
CHAIN_HALTED = "chain_halted"
EQUIVOCATION = "equivocation"
EVENTS_MISSING = "events_missing"
LOG_STOPPED = "head_conflict"
LOOKUP_MISSES = "lookup_misses"
NONCE_GAP = "nonce_gap"
NO_ACCOUNT = "no_account"
REFUSED = "refused_by_contract"
VALIDATORS_UNKNOWN = "validators_unknown"
WORK_FAILED = "work_failed"

HEAD, SEALING = "head", "sealing"
"""Subjects of the alerts that can stand only once."""


@dataclass(frozen=True)
class AlertMeaning:
    """What an alert says to the operator."""

    subject: str
    """What kind of thing its subject names."""
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str
    clears: bool
    """Whether it is cleared by the service when its cause is gone."""

    @property
    def message(self) -> Text:
        """What it says."""
        return Text(self.zh, self.en)

    @property
    def remedy(self) -> Text:
        """What to do about it."""
        return Text(self.remedy_zh, self.remedy_en)


ALERTS: dict[str, AlertMeaning] = {
    CHAIN_HALTED: AlertMeaning(
        "`head`",
        "最新的最终区块已超过 `halted_after` 秒",
        "the newest final block is older than `halted_after` seconds",
        "查看 `/readyz` 中的原因；在各验证节点上执行 `network status`",
        "read the reason in `/readyz`; run `network status` at the validators",
        clears=True,
    ),
    EQUIVOCATION: AlertMeaning(
        "height",
        "同一高度有两个区块都获得法定多数签署（QBFT），验证节点双重签署",
        "two blocks of one height were sealed by a quorum each (QBFT): validators equivocate",
        "保留告警中的两个区块头作为证据，告知各机构",
        "keep both headers of the alert as evidence and tell the authorities",
        clears=False,
    ),
    EVENTS_MISSING: AlertMeaning(
        "block",
        "某节点漏报了本服务交易的事件，从该区块起重新读取",
        "a node left out the event of our own transaction; everything from that block on is read again",
        "检查该节点；若反复出现，将其从 `rpc_urls` 中移除",
        "check that node; remove it from `rpc_urls` if it happens again",
        clears=False,
    ),
    BLOCK_REPLACED: AlertMeaning(
        "height",
        "曾视为最终的区块被另一分支取代，被取代的交易已重新发送",
        "a block that counted as final was replaced by another branch; its transactions are sent again",
        "保留告警中两个分支的区块头，向各验证节点的运维人员查明原因",
        "keep the headers of both branches and ask the validators' operators for the cause",
        clears=False,
    ),
    LOG_STOPPED: AlertMeaning(
        "log",
        "日志与链上不一致，该日志已停止受理",
        "a log differs from the chain: it is stopped and accepts nothing",
        "执行 `audit` 查明；密钥被盗时先停用账户，再开启新一代日志：`org grant … --rights none`、`org new-generation`",
        "run `audit`; if a key was stolen, disable the account first, then open a new generation "
        "(`org grant … --rights none`, `org new-generation`)",
        clears=False,
    ),
    LOOKUP_MISSES: AlertMeaning(
        "key",
        "某密钥一小时内按标识查询多次均无结果，可能在猜测证照标识",
        "many look-ups by identifier with one key found nothing within an hour: somebody may be guessing identifiers",
        "用 `readings list --key ID` 查看查询事由并询问该机构；无正当理由时 `key revoke ID`；"
        "确有大量未上链证照时调高 `missed_lookups`",
        "read the causes with `readings list --key ID` and ask the organisation; without a good one `key revoke ID`; "
        "where many certificates are simply not anchored yet, raise `missed_lookups`",
        clears=True,
    ),
    NO_ACCOUNT: AlertMeaning(
        "organisation",
        "有记录在等待，但本服务不保管该机构的账户",
        "records wait and this instance keeps no account of their organisation",
        "在本实例上执行 `org add`",
        "run `org add` for it on this instance",
        clears=True,
    ),
    NONCE_GAP: AlertMeaning(
        "account",
        "账户的交易序号有空缺，已用空交易补上",
        "the nonces of an account have a gap; it is filled with empty transfers",
        "无需处理；反复出现时检查 `rpc_urls` 中的节点",
        "nothing to do; check the nodes in `rpc_urls` if it happens again",
        clears=False,
    ),
    REFUSED: AlertMeaning(
        "submission",
        "合约拒绝了一笔提交；该提交保留其位置，稍后重试",
        "a contract refused a submission, which keeps its place and is tried again",
        "查看 `reason`：机构被停用、账户缺少权限等；原因消除后会自动重试",
        "read `reason` (a suspended organisation, a missing right, …); it is sent again when the cause is gone",
        clears=True,
    ),
    VALIDATORS_UNKNOWN: AlertMeaning(
        "`sealing`",
        "区块中的验证节点与受信任的不同（QBFT），索引已停止",
        "a QBFT block names other validators than the trusted ones: the index has stopped",
        "与各机构核对后执行告警中给出的 `trust validators` 命令",
        "compare them with the authorities, then run the `trust validators` command that the alert gives",
        clears=True,
    ),
    WORK_FAILED: AlertMeaning(
        "worker",
        "一项后台任务失败，将以更长的间隔重试",
        "a step of a worker failed; it is tried again at growing intervals",
        "查看告警中的错误码 `code` 和日志",
        "read the error `code` of the alert and the log",
        clears=True,
    ),
}
