"""How answers look in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import markup
from rich.console import Console
from rich.table import Table

from chain_service.core.encoding.answers import to_json
from chain_service.core.encoding.visible_text import escaped

if TYPE_CHECKING:
    from chain_service.jobs.auditing.audit import AuditReport
    from chain_service.jobs.backups.unpacking import VerifiedBackup

MARKS = {
    "passed": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "indeterminate": ("?", "bold yellow"),
    "skipped": ("–", "dim"),
}
VERDICTS = {
    "valid": ("✓ 有效 VALID", "bold green"),
    "invalid": ("✗ 无效 INVALID", "bold red"),
    "indeterminate": ("? 无法判定 CANNOT TELL", "bold yellow"),
}


def escape(text: str) -> str:
    """The text for a terminal: no markup in it counts, and no character in it hides or turns round what is shown."""
    return markup.escape(escaped(text))


def facts(console: Console, value: Any, *, indent: int = 0) -> None:
    """One line for each member of an object or an answer, nested ones below theirs."""
    value = to_json(value)
    width = max((len(name) for name in value), default=0)
    pad = " " * indent
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            console.print(f"{pad}[dim]{escape(name)}[/]")
            facts(console, item, indent=indent + 2)
        elif isinstance(item, list) and item and isinstance(item[0], Mapping):
            console.print(f"{pad}[dim]{escape(name)}[/]")
            for row in item:
                facts(console, row, indent=indent + 4)
        else:
            console.print(f"{pad}[dim]{escape(name.ljust(width))}[/]  {escape(_plain(item))}")


def table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table; cells that do not fit a terminal are folded."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(escape(_plain(cell)) for cell in row))
    console.print(made, soft_wrap=False)


def listing(console: Console, answers: Iterable[Any], columns: Sequence[str] = (), *, without: str = "") -> None:
    """A table of answers, a row each and their members as columns: these, or all but one."""
    rows = [to_json(answer) for answer in answers]
    names = columns or tuple(dict.fromkeys(name for row in rows for name in row if name != without))
    table(console, names, [[row.get(name) for name in names] for row in rows])


def verdicts(console: Console, named: Iterable[Mapping[str, Any]]) -> None:
    """One verdict after the other, each with the name of its file."""
    for value in named:
        verdict(console, value, value["file"])


def verdict(console: Console, value: Mapping[str, Any], name: str | None = None) -> None:
    """One verdict: the word, why, what to do, what it rests on, every check."""
    word, style = VERDICTS[value["verdict"]]
    console.print(f"[{style}]{word}[/]  {escape(value['code'])}" + (f"  [dim]{escape(name)}[/]" if name else ""))
    console.print(f"  {escape(value['message']['zh'])} · {escape(value['message']['en'])}")
    console.print(f"  [dim]下一步 next step:[/] {escape(value['nextStep']['zh'])} · {escape(value['nextStep']['en'])}")
    chain = value.get("chain") or {}
    if chain.get("block") is not None:
        assurance = {"trial": "试验链 trial chain, one validator"}.get(
            str(chain.get("assurance")), chain.get("assurance")
        )
        console.print(f"  [dim]区块 block[/] {chain['block']}  {chain.get('time')}  {escape(str(assurance))}")
    if value.get("includedBy"):
        console.print(f"  [dim]上链 anchored by[/] {value['includedBy']}")
    for warning in value.get("warnings", ()):
        text = warning["message"]
        console.print(f"  [yellow]![/] {escape(text.get('zh', ''))} · {escape(text.get('en', ''))}")
    for group in value.get("groups", ()):
        console.print(f"  [dim]{escape(group['name'])} {escape(group.get('subject') or '')}[/]")
        for check in group["checks"]:
            mark, colour = MARKS[check["outcome"]]
            console.print(f"    [{colour}]{mark}[/] {check['name']:<19}{escape(check['message']['en'])}")


def _plain(value: Any) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return str(value)


def backup(console: Console, verified: VerifiedBackup) -> None:
    """What trying a backup showed."""
    block = "-" if verified.block is None else verified.block
    console.print(f"[bold green]✓ 备份完整[/] the backup made at {escape(verified.made)} opens, all of it")
    console.print(f"  [dim]records[/] {verified.records}  [dim]block[/] {block}")
    if verified.audit is not None:
        audit(console, verified.audit)


def audit(console: Console, report: AuditReport) -> None:
    """What an audit found: one line for each log, one for each finding."""
    for log in report.logs:
        console.print("  " + "  ".join(f"[dim]{escape(k)}[/] {escape(_plain(v))}" for k, v in to_json(log).items()))
    for finding in report.findings:
        console.print(f"[bold red]✗[/] {escape(finding.code)}  {escape(finding.subject)}")
        console.print(f"    {escape(finding.message.zh)} · {escape(finding.message.en)}")
        details = "  ".join(f"[dim]{escape(k)}[/] {escape(_plain(v))}" for k, v in finding.details.items())
        if details:
            console.print(f"    {details}")
    if report.ok and not (report.logs or report.seals or report.catalog_entries):
        console.print("[bold yellow]○ 无可审计内容[/] nothing was audited: there is no log, seal or catalog entry")
    elif report.ok:
        records = sum(log.records for log in report.logs)
        counts = f"{records} records, {report.seals} seals, {report.catalog_entries} catalog entries"
        scope = "all that the chain can prove of the database"
        if report.since is not None:
            scope = "all that was looked at"
            console.print(
                f"  [dim]only what is newer than block 仅审区块之后[/] {report.since.block} ({report.since.time}): "
                + escape(", ".join(report.skipped))
            )
        console.print(f"[bold green]✓ 一致[/] {scope} agrees with it: {counts}")
        if report.journal is not None:
            anchored = f"{report.journal.anchored} of {report.journal.entries} entries are anchored"
            console.print(f"  [dim]journal 操作日志[/] {anchored} 已上链 / 全部  root {report.journal.root.hex()}")
        console.print("  [dim]no chain proves 链无法证明[/] " + escape(", ".join(report.unproven)))
    else:
        console.print(f"[bold red]✗ 不一致[/] {len(report.findings)} findings")
