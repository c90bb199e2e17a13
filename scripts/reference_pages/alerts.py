"""Every alert that the service can raise and every finding of `audit`."""

from __future__ import annotations

from chain_service.jobs.alerts import ALERTS
from chain_service.jobs.auditing.findings import FINDINGS
from reference_pages.markdown import code, table

INTRODUCTION = """\
Alerts are kept in the database. `chain-service alerts list|show` and `GET /v1/alerts` show them with their details,
`GET /readyz` those that stand (the newest twenty), the gauge `chain_service_alerts_standing` their number,
`chain_service_alert{code}` that of each code; the log has a line `alert raised` and one `alert cleared`. An alert ends
by itself when its cause has, but those that say never: they stay true, and `alerts settle` ends what a person has dealt
with. What is said where while a fault lasts: [faults.md](faults.md). What to watch is in
[operate/monitoring.md](../operate/monitoring.md)."""
FOUND = """\
## Findings of `audit` 审计发现

`chain-service audit` ends with exit code 1 if there is one; each names the record, log, seal or catalog entry and
what differs. What an auditor does about them is in [for/auditor.md](../for/auditor.md)."""


def page() -> str:
    rows = (
        (
            code(name),
            one.subject,
            f"{one.zh} · {one.en}",
            f"{one.remedy_zh} · {one.remedy_en}",
            f"{one.ends_zh} · {one.ends_en}",
        )
        for name, one in sorted(ALERTS.items())
    )
    alerts = table(("alert", "subject", "what 含义", "what to do 处理", "ends 何时消除"), rows)
    findings = table(("finding", "中文", "English"), ((code(name), *text) for name, text in FINDINGS.items()))
    return (
        "\n".join(["# Alerts and findings 告警与审计发现", "", INTRODUCTION, "", *alerts, "", FOUND, "", *findings])
        + "\n"
    )
