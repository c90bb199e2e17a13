"""Every alert that this service raises: its code, both languages, and what to do about it.

Whoever raises or clears one names its constant from here; `store/alerts.py` keeps them, `/readyz` shows those that
stand with the texts of this table, and docs/reference/alerts.md is made from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from chain_service.core.encoding.text import Text
from chain_service.error_codes import CODES

BLOCK_REPLACED = "final_block_replaced"
CHAIN_HALTED = "chain_halted"
EQUIVOCATION = "equivocation"
EVENTS_MISSING = "events_missing"
LOG_STOPPED = "head_conflict"
LOOKUP_MISSES = "lookup_misses"
NONCE_GAP = "nonce_gap"
NODE_REFUSED = "refused_by_node"
NO_ACCOUNT = "no_account"
REFUSED = "refused_by_contract"
REFUSED_FOR_GOOD = "refused_for_good"
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
    ends_zh: str
    ends_en: str
    """When it ends."""
    clears: bool = True
    """Whether the service itself clears it then; of what stays true for ever a person says when it is dealt with."""

    @property
    def message(self) -> Text:
        """What it says."""
        return Text(self.zh, self.en)

    @property
    def ends(self) -> Text:
        """When it ends."""
        return Text(self.ends_zh, self.ends_en)

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
        "最终区块恢复更新后",
        "when the newest final block is young again",
    ),
    EQUIVOCATION: AlertMeaning(
        "height",
        "同一高度有两个区块都获得法定多数签署（QBFT），验证节点双重签署",
        "two blocks of one height were sealed by a quorum each (QBFT): validators equivocate",
        "保留告警中的两个区块头作为证据，告知各机构",
        "keep both headers of the alert as evidence and tell the authorities",
        "两个签名即永久证据，不会自行消除：告知各机构后由人员 `alerts settle`",
        "never by itself: the two signatures prove it for ever; a person settles it once the authorities know",
        clears=False,
    ),
    EVENTS_MISSING: AlertMeaning(
        "block",
        "某节点漏报了本服务交易的事件，从该区块起重新读取",
        "a node left out the event of our own transaction; everything from that block on is read again",
        "检查该节点；若反复出现，将其从 `rpc_urls` 中移除",
        "check that node; remove it from `rpc_urls` if it happens again",
        "重新读到原高度，且此前签署的交易均成为最终后",
        "when what was read before is read again and every transaction signed before is final",
    ),
    BLOCK_REPLACED: AlertMeaning(
        "height",
        "曾视为最终的区块被另一分支取代，被取代的交易已重新发送",
        "a block that counted as final was replaced by another branch; its transactions are sent again",
        "保留告警中两个分支的区块头，向各验证节点的运维人员查明原因",
        "keep the headers of both branches and ask the validators' operators for the cause",
        "至少保留一小时，待重新读到原高度，且此前签署的交易均成为最终后；两个分支的区块头继续保存",
        "after an hour at least, when the index is as far as it was and every transaction signed before is final; "
        "the headers are kept",
    ),
    LOG_STOPPED: AlertMeaning(
        "log",
        "日志与链上不一致，该日志已停止受理",
        "a log differs from the chain: it is stopped and accepts nothing",
        "执行 `audit` 查明；密钥被盗时先停用账户，再开启新一代日志：`org grant … --rights none`、`org new-generation`；"
        "忘记停用账户时，本告警也会随新一代日志消除",
        "run `audit`; if a key was stolen, disable the account first, then open a new generation "
        "(`org grant … --rights none`, `org new-generation`); "
        "the alert ends with that generation even if the account was not disabled",
        "至少保留一小时，待该机构开启新一代日志后；旧日志保持停止",
        "after an hour at least, when the organisation has a later generation; the log itself stays stopped",
    ),
    LOOKUP_MISSES: AlertMeaning(
        "key",
        "某密钥一小时内按标识查询多次均无结果，可能在猜测证照标识",
        "many look-ups by identifier with one key found nothing within an hour: somebody may be guessing identifiers",
        "用 `readings list --key ID` 查看查询事由并询问该机构；无正当理由时 `key revoke ID`；"
        "确有大量未上链证照时调高 `missed_lookups`",
        "read the causes with `readings list --key ID` and ask the organisation; without a good one `key revoke ID`; "
        "where many certificates are simply not anchored yet, raise `missed_lookups`",
        "该密钥一小时内的无结果查询少于 `missed_lookups` 后",
        "when the key has fewer than `missed_lookups` of them within an hour",
    ),
    NO_ACCOUNT: AlertMeaning(
        "organisation",
        "有记录在等待，但本服务不保管该机构的账户",
        "records wait and this instance keeps no account of their organisation",
        "在本实例上执行 `org add`",
        "run `org add` for it on this instance",
        "账户已有，或不再有记录等待后",
        "when the account is there, or nothing of the organisation waits",
    ),
    NONCE_GAP: AlertMeaning(
        "account",
        "账户的交易序号有空缺，已用空交易补上",
        "the nonces of an account have a gap; it is filled with empty transfers",
        "无需处理；反复出现时检查 `rpc_urls` 中的节点",
        "nothing to do; check the nodes in `rpc_urls` if it happens again",
        "等待补缺的交易成为最终后",
        "when the transaction that waited for the gap is final",
    ),
    NODE_REFUSED: AlertMeaning(
        "submission",
        "节点拒绝接收一笔交易（并非合约拒绝）；稍后重试",
        "a node, and not a contract, refused to take a transaction, which is tried again",
        "查看 `reason`：账户余额不足、节点交易池已满、交易费上限等；原因消除后会自动重试",
        "read `reason` (an account without funds, a full pool, …); it is sent again once the cause is gone",
        "该提交成为最终或被撤回后，或改由合约拒绝后",
        "when the submission is final or withdrawn, or a contract refuses it",
    ),
    REFUSED: AlertMeaning(
        "submission",
        "合约拒绝了一笔提交；该提交保留其位置，稍后重试",
        "a contract refused a submission, which keeps its place and is tried again",
        "查看 `reason`：机构被停用、账户缺少权限等；原因消除后会自动重试",
        "read `reason` (a suspended organisation, a missing right, …); it is sent again when the cause is gone",
        "该提交成为最终或被撤回后，或改由节点拒绝后",
        "when the submission is final or withdrawn, or a node refuses it",
    ),
    REFUSED_FOR_GOOD: AlertMeaning(
        "submission",
        "合约拒绝了一笔提交，再次发送也不会被接受；该变更已作废",
        "a contract refused a submission for good: what it carried is refused and never sent again",
        "查看 `reason`，告知提交的机构，由其更正后重新提交",
        "read `reason` and tell the organisation, which has to submit what is right",
        "变更已作废，不会自行消除：告知该机构后由人员 `alerts settle`",
        "never by itself: the change stays refused; a person settles it once the organisation knows",
        clears=False,
    ),
    VALIDATORS_UNKNOWN: AlertMeaning(
        "`sealing`",
        "区块中的验证节点与受信任的不同（QBFT），索引已停止",
        "a QBFT block names other validators than the trusted ones: the index has stopped",
        "与各机构核对后执行告警中给出的 `trust validators` 命令",
        "compare them with the authorities, then run the `trust validators` command that the alert gives",
        "新区块通过受信任的验证节点确认后",
        "when the index reads on",
    ),
    WORK_FAILED: AlertMeaning(
        "worker",
        "一项后台任务失败，将以更长的间隔重试",
        "a step of a worker failed; it is tried again at growing intervals",
        "查看告警中的错误码 `code` 和日志",
        "read the error `code` of the alert and the log",
        "该任务再次成功，或服务重新启动后",
        "when the step succeeds again, or another process begins with it",
    ),
}


def _cause(subject: str, zh: str, en: str, remedy_zh: str, remedy_en: str) -> AlertMeaning:
    return AlertMeaning(subject, zh, en, remedy_zh, remedy_en, "检查恢复正常后", "when the watch finds it well again")


def _as_error(code: str) -> AlertMeaning:
    """As the error of this code says."""
    row = CODES[code]
    zh, remedy_zh = (text.removesuffix("。") for text in (row.zh, row.remedy_zh))
    en, remedy_en = (text.removesuffix(".") for text in (row.en, row.remedy_en))
    return _cause("`database`", zh, en, remedy_zh, remedy_en)


_CHECK_NODE = ("检查该节点及 `rpc_urls`", "check that node and `rpc_urls`")
_CHECK_CLOCK = (
    "用 NTP 校准本机时钟；在此之前核验结论为无法确认",
    "set this machine's clock by NTP; until then verdicts are indeterminate",
)
CAUSES: dict[str, AlertMeaning] = {
    **{
        code: _as_error(code)
        for code in (
            "database_unavailable",
            "database_refused",
            "database_standby",
            "database_read_only",
            "database_locked",
            "database_busy",
            "database_slow",
            "database_newer",
            "database_older",
            "database_damaged",
        )
    },
    "disk_full": _cause(
        "`disk` or `database`",
        "磁盘空间不足",
        "there is no space left on the disk, or less than `disk_reserve`",
        "清理磁盘或扩容；无需重启",
        "free space or enlarge the disk; no restart is needed",
    ),
    "node_unavailable": _cause("node", "节点没有响应", "a node does not answer", *_CHECK_NODE),
    "node_failing": _cause("node", "节点或其前置代理出错", "a node, or a proxy before it, fails", *_CHECK_NODE),
    "node_refuses_login": _cause(
        "node",
        "节点要求登录（HTTP 401、403）",
        "a node wants a login (HTTP 401, 403)",
        "更正 `rpc_urls` 中的用户、密码或令牌",
        "correct user, password or token in `rpc_urls`",
    ),
    "node_refuses_size": _cause(
        "node",
        "节点或其前置代理不接受较大的请求（HTTP 413）",
        "a node, or a proxy before it, takes no large requests (HTTP 413)",
        "调大代理的请求大小上限",
        "raise the proxy's limit of request sizes",
    ),
    "node_limits_rate": _cause(
        "node",
        "节点限制请求频率（HTTP 429）",
        "a node limits the rate of requests (HTTP 429)",
        "放宽对本服务的限制，或改用自有节点",
        "lift the limit for this service, or use a node of your own",
    ),
    "node_not_rpc": _cause(
        "node",
        "该地址返回的不是节点的应答，例如登录页面",
        "what answers at that address is no node: a portal page or another service",
        "检查网络准入和 `rpc_urls`",
        "check the network's portal and `rpc_urls`",
    ),
    "node_refuses": _cause("node", "节点拒绝请求", "a node refuses requests", *_CHECK_NODE),
    "node_certificate": _cause(
        "node",
        "节点的 TLS 证书无效或已过期",
        "a node's TLS certificate has expired or is not trusted",
        "更换该节点的证书",
        "renew the node's certificate",
    ),
    "node_unproven": _cause(
        "node",
        "节点返回的数据验证不通过",
        "what a node says does not hold",
        "停用该节点并查明原因",
        "take that node out of `rpc_urls` and find the cause",
    ),
    "node_behind": _cause(
        "node",
        "节点的区块少于已索引的区块，可能被回退或清空",
        "a node has fewer blocks than were read before: it was set back or emptied, or is still reading",
        "等待其同步；试验链应恢复完整的 `node` 目录",
        "let it catch up; of a trial chain restore the whole `node` directory",
    ),
    "node_differs": _cause(
        "node",
        "节点在同一高度有不同的区块",
        "a node has another block than the one that was read at its height",
        "与各验证节点的运维人员核对；参见 `final_block_replaced`",
        "ask the validators' operators; see `final_block_replaced`",
    ),
    "wrong_chain": _cause(
        "node",
        "节点属于另一条链，或已被清空重建",
        "a node serves another chain, or was emptied and made anew",
        "更正 `rpc_urls`，或恢复该节点的数据",
        "correct `rpc_urls`, or restore the node's data",
    ),
    "index_behind": _cause(
        "`index`",
        "索引落后于节点",
        "the index is behind the node",
        "等待追上；不变时查看 `work_failed` 和日志",
        "let it catch up; if it does not move, see `work_failed` and the log",
    ),
    "clock_behind": _cause(
        "`clock`", "本机时钟慢于区块时间", "this machine's clock is behind the chain", *_CHECK_CLOCK
    ),
    "clock_ahead": _cause(
        "`clock`", "本机时钟快于区块时间", "this machine's clock is ahead of the chain", *_CHECK_CLOCK
    ),
    "certificate_expired": _cause(
        "`certificate`",
        "本服务的 TLS 证书已过期或无法读取",
        "the service's own TLS certificate has expired or cannot be read",
        "更换 `tls_certificate` 后向服务发送 SIGHUP 或重启",
        "renew `tls_certificate`, then send the service SIGHUP or restart it",
    ),
    "certificate_ends_soon": _cause(
        "`certificate`",
        "本服务的 TLS 证书即将到期（14 天内，或有效期的最后四分之一）",
        "the service's own TLS certificate ends within 14 days, or within the last quarter of its lifetime if shorter",
        "更换 `tls_certificate` 后向服务发送 SIGHUP 或重启",
        "renew `tls_certificate`, then send the service SIGHUP or restart it",
    ),
    "journal_not_carried": _cause(
        "`journal`",
        "没有机构可将操作日志的日志头上链：机构已停用、未登记、其日志已停止，或无法列出密钥",
        "no organisation can carry the journal's head to the chain: suspended, not registered, its log is stopped, or "
        "the keys cannot be listed",
        "按 `/readyz` 所示原因处理：停用的执行 `org resume`，未登记的执行 `org add`，日志已停止的见 `head_conflict`，"
        "密钥见 `key_unreadable`；或在 `journal_organisation` 中指定其他机构",
        "by the cause in `/readyz`: `org resume` for a suspended one, `org add` for one that is not registered, for a "
        "stopped log see `head_conflict`, for keys `key_unreadable`; or name another one in `journal_organisation`",
    ),
    "trust_ends_soon": _cause(
        "`trust`",
        "本实例的信任文件即将到期（14 天内，或有效期的最后四分之一）",
        "the instance's trust file ends within 14 days, or within the last quarter of its lifetime if shorter",
        "执行 `trust export` 并分发新文件",
        "run `trust export` and hand out the new file",
    ),
    "trust_expired": _cause(
        "`trust`",
        "本实例的信任文件已过期，据其离线核验的结论为无法确认",
        "the instance's trust file has expired: verdicts that rest on it offline are indeterminate",
        "执行 `trust export` 并分发新文件",
        "run `trust export` and hand out the new file",
    ),
}
"""Why the instance, or a node of it, is not well: the watch raises each while it lasts, under the code that `/readyz`
gives, and clears it once it is over."""
ALERTS |= CAUSES
