"""Every alert that the service can raise and every finding of `audit`.

The codes are read from the source; what each means stands here, and a code without a text is an error.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import chain_service
from chain_service.jobs.auditing.findings import FINDINGS
from reference_pages.markdown import code, table

PACKAGE = Path(chain_service.__file__).parent


class Meaning(NamedTuple):
    """What an alert says and what to do about it."""

    subject: str
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str
    clears: bool
    """Whether it goes by itself when its cause is gone."""


ALERTS = {
    "chain_halted": Meaning(
        "`head`",
        "最新的最终区块已超过 `halted_after` 秒",
        "the newest final block is older than `halted_after` seconds",
        "查看 `/readyz` 中的原因；在各验证节点上执行 `network status`",
        "read the reason in `/readyz`; run `network status` at the validators",
        True,
    ),
    "events_missing": Meaning(
        "block",
        "某节点漏报了本服务交易的事件，从该区块起重新读取",
        "a node left out the event of our own transaction; everything from that block on is read again",
        "检查该节点；若反复出现，从 `rpc_urls` 中去掉它",
        "look at that node; take it out of `rpc_urls` if it happens again",
        False,
    ),
    "equivocation": Meaning(
        "height",
        "同一高度有两个区块都获得法定多数签署（QBFT），验证节点作恶",
        "two quorums sealed two blocks of one height (QBFT): validators equivocate",
        "保留告警中的两个区块头作为证据，告知各机构",
        "keep both headers of the alert as evidence and tell the authorities",
        False,
    ),
    "final_block_replaced": Meaning(
        "height",
        "曾视为最终的区块被另一分支取代，被取代的交易已重新发送",
        "a block held for final was replaced by another branch; what fell out is sent again",
        "保留告警中两个分支的区块头，向各验证节点的运维人员查明原因",
        "keep the headers of both branches and ask the validators' operators for the cause",
        False,
    ),
    "head_conflict": Meaning(
        "log",
        "日志与链上不一致，该日志已停止受理",
        "a log and the chain disagree: the log is stopped and accepts nothing",
        "执行 `audit` 查明；密钥被盗时先停用账户，再开启新一代日志：`org grant … --rights none`、`org new-generation`",
        "run `audit`; if a key was stolen stop the account, then open a new generation (`org grant … --rights none`, "
        "`org new-generation`)",
        False,
    ),
    "no_account": Meaning(
        "organisation",
        "有记录在等待，但本服务不保管该机构的账户",
        "records wait and this instance keeps no account of their organisation",
        "在本实例上执行 `org add`",
        "run `org add` for it on this instance",
        True,
    ),
    "nonce_gap": Meaning(
        "account",
        "账户的交易序号有空缺，已用空交易补上",
        "an account's transactions have a gap in their numbers; it is filled with transfers of nothing",
        "无需处理；反复出现时检查 `rpc_urls` 中的节点",
        "nothing to do; if it happens again look at the nodes in `rpc_urls`",
        False,
    ),
    "refused_by_contract": Meaning(
        "submission",
        "合约拒绝了一笔提交，它保留位置并将重试",
        "a contract refused a submission, which keeps its place and is tried again",
        "看 `reason`：机构被停用、账户缺少权限等；原因消除后会自动重试",
        "read `reason` (a suspended organisation, a lost right, …); it is sent again when the cause is gone",
        True,
    ),
    "validators_unknown": Meaning(
        "`sealing`",
        "区块中的验证者与受信任的不同（QBFT），索引已停止",
        "a QBFT block names other validators than trusted: the index has stopped",
        "与各机构核对后执行告警中给出的 `trust validators` 命令",
        "compare them with the authorities, then run the `trust validators` command that the alert gives",
        True,
    ),
    "work_failed": Meaning(
        "worker",
        "一项后台任务失败，将以更长的间隔重试",
        "a step of a worker failed; it is tried again, ever more slowly",
        "看 `code`（见 [errors.md](errors.md)）和日志",
        "read `code` ([errors.md](errors.md)) and the log",
        True,
    ),
}

INTRODUCTION = """\
Alerts are kept in the database. Those that stand are told by `GET /readyz` (code, subject, since when: the newest
twenty) and counted by the gauge `chain_service_alerts_standing` in `/metrics`; there is no command yet that lists
or settles them, and those marked "stays" stand until their row is dealt with in the database. No alert makes the
instance unready by itself. What to watch is in [operate/monitoring.md](../operate/monitoring.md)."""
FOUND = """\
## Findings of `audit` 审计发现

`chain-service audit` ends with exit code 1 if there is one; each names the record, log, seal or catalog entry and
what differs. What an auditor does about them is in [for/auditor.md](../for/auditor.md)."""


def page() -> str:
    missing = raised() ^ ALERTS.keys()
    if missing:
        raise ValueError(f"alerts of the program and of scripts/reference_pages/alerts.py differ: {sorted(missing)}")
    rows = (
        (code(name), one.subject, f"{one.zh} · {one.en}", f"{one.remedy_zh} · {one.remedy_en}", _goes(one))
        for name, one in sorted(ALERTS.items())
    )
    alerts = table(("alert", "subject", "what 含义", "what to do 处理", "goes by itself"), rows)
    findings = table(("finding", "中文", "English"), ((code(name), *text) for name, text in FINDINGS.items()))
    return (
        "\n".join(["# Alerts and findings 告警与审计发现", "", INTRODUCTION, "", *alerts, "", FOUND, "", *findings])
        + "\n"
    )


def _goes(alert: Meaning) -> str:
    return "yes" if alert.clears else "stays"


def raised() -> set[str]:
    """The code of every `alerts.put(…)` in the package."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))]
    values: dict[str, str] = {}
    for tree in trees:
        values |= dict(_constants(tree))
    return {values[name] for tree in trees for name in _put(tree)}


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield node.targets[0].id, value.value


def _put(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "alerts.put":
            yield ast.unparse(node.args[1]).rpartition(".")[2]
