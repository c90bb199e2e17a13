"""catalog: entries of the data catalog and their history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from chain_service.cli import render
from chain_service.cli.invocation import invocation, read_objects
from chain_service.cli.options import Cursor, Limit, Org, Timeout, Wait

catalog = typer.Typer(no_args_is_help=True, help="Data catalog: publish, change, withdraw, trace. 政务数据目录")


@catalog.command()
def publish(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Entries in JSON: one, an array, or one a line.")],
    org: Org,
    wait: Wait = False,
    timeout: Timeout = 60,
) -> None:
    """Publish, change or withdraw catalog entries, as each entry's `action` says. 目录上链

    All of the file or none of it. `sequence` and `previous` are filled in when
    left out.

    Example:

      chain-service catalog publish entries.ndjson --org 11430000006122244L
    """
    from chain_service.jobs.anchoring import publish_catalogs
    from chain_service.jobs.workers import wait_final

    door = invocation(context)
    entries = read_objects(file)
    app = door.app()
    done = publish_catalogs.publish(app, door.operator(org), entries)
    if wait:
        with door.progress() as progress:
            for number, one in enumerate(done, 1):
                wait_final(app, "catalog", one.catalog_code, timeout)
                progress("final", number, len(done))
    columns = ("catalogCode", "sequence", "digest", "created")
    door.answer(
        {"versions": done},
        lambda out: render.listing(out, done, columns),
        "\n".join(version.catalog_code for version in done),
    )


@catalog.command()
def trace(
    context: typer.Context,
    code: Annotated[str, typer.Argument(metavar="CODE", help="Catalog code, e.g. 307001/000012.")],
    diff: Annotated[tuple[int, int] | None, typer.Option(metavar="A B", help="Compare two versions.")] = None,
) -> None:
    """Show every version of an entry, who, when and on what authority, against the head on chain. 目录追溯

    Examples:

      chain-service catalog trace 307001/000012
      chain-service catalog trace 307001/000012 --diff 1 3
    """
    from chain_service.jobs.registries import catalogs

    door = invocation(context)
    app = door.app()
    traced = catalogs.diff(app, code, *diff) if diff else catalogs.history(app, code)
    door.answer(traced, lambda out: render.facts(out, traced))


@catalog.command()
def findings(
    context: typer.Context,
    org: Annotated[str | None, typer.Option(metavar="CODE", help="Only entries of this organisation.")] = None,
    finding: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only findings of this code, e.g. data_without_table.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> None:
    r"""List gaps between the layers, wrong links and overdue updates, with figures. 目录检查

    Examples:

      chain-service catalog findings
      chain-service catalog findings --org 11430000006122244L \
          --finding update_overdue
    """
    from chain_service.jobs.registries import catalogs

    door = invocation(context)
    review = catalogs.findings(door.app(), door.operator(), org=org, finding=finding, cursor=cursor, limit=limit)
    rows = [(gap.code, gap.catalog_code, gap.about, f"{gap.message.zh} · {gap.message.en}") for gap in review.findings]

    def shown(out: Console) -> None:
        render.table(out, ("code", "catalogCode", "about", "message"), rows)
        render.facts(out, review.metrics)

    door.answer(
        review,
        shown,
        "\n".join(f"{gap.code} {gap.catalog_code}" for gap in review.findings),
    )
    door.note_next(review.next)
