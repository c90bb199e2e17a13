"""What is said where while something is not well: one table, which the matrix test runs and docs/reference shows."""

from __future__ import annotations

from dataclasses import dataclass

from reference_pages.markdown import code, table


@dataclass(frozen=True)
class Fault:
    """One fault, and what each place says of it."""

    name: str
    zh: str
    en: str
    check: str
    """The check of `/readyz` that names it; also the label of the metric."""
    code: str
    """Its code there, in the metric, in the log line and as the alert."""
    ready: bool = False
    """Whether the instance counts as ready all the same."""
    alert: bool = True
    """Whether an alert can be stored meanwhile."""
    verdict: str = "in_force"
    """What a paper in force is told."""


_NODE = "node_unavailable"
FAULTS = tuple(
    Fault(*row[:5], **dict(row[5:]))  # type: ignore[arg-type]
    for row in (
        ("clock_behind", "本机时钟慢 5 分钟", "clock 5 minutes behind", "clock", "clock_behind",
         ("verdict", "status_stale")),
        ("clock_ahead", "本机时钟快 5 分钟", "clock 5 minutes ahead", "clock", "clock_ahead",
         ("verdict", "status_stale")),
        ("node_set_back", "节点被恢复到较早的备份", "node set back to an older copy", "node", "node_behind",
         ("verdict", _NODE)),
        ("node_wiped", "节点被清空重建", "node wiped and made anew", "node", "wrong_chain", ("verdict", _NODE)),
        ("node_stopped", "节点停止", "node stopped", "node", "node_unavailable", ("verdict", _NODE)),
        ("node_lies", "节点返回不实数据", "node lies", "node", "node_unproven", ("verdict", "finality_unproven")),
        ("node_401", "节点应答 401", "node answers 401", "node", "node_refuses_login", ("verdict", _NODE)),
        ("node_413", "节点应答 413", "node answers 413", "node", "node_refuses_size", ("verdict", _NODE)),
        ("node_429", "节点应答 429", "node answers 429", "node", "node_limits_rate", ("verdict", _NODE)),
        ("node_portal", "节点地址返回登录页面", "a portal page at the node's address", "node", "node_not_rpc",
         ("verdict", _NODE)),
        ("node_tls", "节点证书过期", "a node's TLS certificate expired", "node", "node_certificate",
         ("verdict", _NODE), ("alert", False)),
        ("tls", "本服务证书过期", "the service's own TLS certificate expired", "certificate", "certificate_expired",
         ("alert", False)),
        ("trust_expired", "信任文件过期", "trust file expired", "trust", "trust_expired", ("ready", True)),
        ("disk_full", "磁盘空间不足", "disk full", "disk", "disk_full"),
        ("read_only", "文件系统只读", "read-only file system", "database", "database_read_only", ("alert", False)),
        ("locked", "数据库锁被占用", "database lock held", "database", "database_locked", ("alert", False)),
        ("newer", "数据库比程序新", "database newer than the program", "database", "database_newer"),
        ("standby", "数据库为备库", "PostgreSQL standby", "database", "database_standby", ("alert", False)),
        ("no_connection", "数据库连接用尽", "no connection to the database left", "database", "database_busy",
         ("alert", False)),
        ("wrong_password", "数据库密码错误", "wrong database password", "database", "database_refused",
         ("alert", False)),
    )
)  # fmt: skip
"""Every fault that the matrix test makes with real processes; `validators_unknown` is made with a network's headers in
tests/integration/jobs/indexing."""
INTRODUCTION = """\
What is said while something is not well: the code stands in `/readyz` (with `detail`), as `code` of the metric
`chain_service_problem{check,code}`, in the log line `not well`, in what `chain-service ready` shows, and as the alert,
where one can be stored meanwhile. Each is told within ten seconds and gone when its cause is. The verdict is that on a
paper in force. What each code means and what to do: [alerts.md](alerts.md). A test makes each of these faults."""


def page() -> str:
    rows = (
        (
            f"{one.zh} · {one.en}",
            f"`{one.check}`: {code(one.code)}",
            "yes 就绪" if one.ready else "no 未就绪",
            code(one.code) if one.alert else "cannot be stored 无法保存" if one.check == "database" else "not raised",
            code(one.verdict),
        )
        for one in FAULTS
    )
    made = table(("fault 故障", "/readyz, metric, log, `ready`", "ready", "alert 告警", "verdict 结论"), rows)
    return "\n".join(["# Faults 故障对照", "", INTRODUCTION, "", *made]) + "\n"
