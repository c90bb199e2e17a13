"""alerts and readings: what the operator and auditors look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chain_service.cli import render
from chain_service.cli.invocation import invocation
from chain_service.cli.options import Cursor, Limit, parse_moment_option
from chain_service.errors import BadRequest

if TYPE_CHECKING:
    from chain_service.jobs.auditing.readings import ReadingPage
    from chain_service.jobs.instance.raised_alerts import AlertPage

alerts = typer.Typer(no_args_is_help=True, help="Alerts: list, show, settle. 告警")
readings = typer.Typer(no_args_is_help=True, help="The log of readings: who read what, and why. 调阅记录")

AlertId = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="Number of the alert.")]


@alerts.command("list")
def list_alerts(
    context: typer.Context,
    code: Annotated[str | None, typer.Option(metavar="CODE", help="Only alerts of this code.")] = None,
    cleared: Annotated[bool, typer.Option("--cleared", help="Those that ended too.")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> None:
    """List the alerts that stand, newest first, with what to do. 列出告警

    Example:

      chain-service alerts list
    """
    from chain_service.jobs.instance import raised_alerts

    door = invocation(context)
    listed: AlertPage = raised_alerts.list_alerts(
        door.app(), door.operator(), code=code, cleared=cleared, cursor=cursor, limit=limit
    )
    rows = [
        (alert.id, alert.code, alert.subject, alert.since, alert.cleared_at, f"{alert.remedy.zh} · {alert.remedy.en}")
        if alert.remedy
        else (alert.id, alert.code, alert.subject, alert.since, alert.cleared_at, None)
        for alert in listed.alerts
    ]
    columns = ("id", "code", "subject", "since", "clearedAt", "remedy")
    door.answer(
        listed, lambda out: render.table(out, columns, rows), "\n".join(str(alert.id) for alert in listed.alerts)
    )
    door.note_next(listed.next)


@alerts.command("show")
def show_alert(context: typer.Context, alert: AlertId) -> None:
    """Show one alert with its details. 查看告警

    Example:

      chain-service alerts show 3
    """
    from chain_service.jobs.instance import raised_alerts

    door = invocation(context)
    shown = raised_alerts.show_alert(door.app(), alert)
    door.answer(shown, lambda out: render.facts(out, shown), shown.code)


@alerts.command("settle")
def settle_alert(
    context: typer.Context,
    alert: Annotated[
        int | None, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="Number of the alert.", show_default=False)
    ] = None,
    code: Annotated[str | None, typer.Option(metavar="CODE", help="All that stand of this code instead.")] = None,
) -> None:
    """Let an alert, or all of a code, stand no longer, once dealt with. 办结告警

    An alert whose cause lasts is raised again.

    Example:

      chain-service alerts settle 3
    """
    from chain_service.jobs.instance import raised_alerts

    if (alert is None) == (code is None):
        raise BadRequest("name the alert's ID, or a code with --code", code="usage", field="ID")
    door = invocation(context)
    if code is not None:
        settled = raised_alerts.settle_code(door.app(), code)
        door.answer(settled, lambda out: render.facts(out, settled), str(settled.settled))
        return
    assert alert is not None
    done = raised_alerts.settle_alert(door.app(), alert)
    door.answer(done, lambda out: render.facts(out, done), str(alert))


@readings.command("list")
def list_readings(
    context: typer.Context,
    org: Annotated[str | None, typer.Option(metavar="CODE", help="Readings by it or of its records.")] = None,
    record: Annotated[str | None, typer.Option(metavar="RECORD", help="Readings of this record.")] = None,
    key: Annotated[str | None, typer.Option(metavar="ID", help="Readings with this key.")] = None,
    action: Annotated[
        str | None, typer.Option(metavar="ACTION", help="disclosure, changes, present, search or verify.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="At this moment or later.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this moment.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> None:
    """List who read or looked up which record, when and why, newest first. 列出调阅记录

    Example:

      chain-service readings list --record 0d7c…
    """
    from chain_service.jobs.auditing import readings as jobs

    door = invocation(context)
    listed: ReadingPage = jobs.list_readings(
        door.app(),
        door.operator(org),
        record=record,
        key_id=key,
        action=action,
        since=parse_moment_option(since, "--from"),
        until=parse_moment_option(until, "--to"),
        cursor=cursor,
        limit=limit,
    )
    columns = ("at", "action", "record", "org", "keyId", "cause")
    door.answer(listed, lambda out: render.listing(out, listed.readings, columns))
    door.note_next(listed.next)
