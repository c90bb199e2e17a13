"""receipts: what holders keep, brought up to date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chain_service.cli import render
from chain_service.cli.invocation import invocation, read_input, replace_file
from chain_service.error_codes import REFUSED
from chain_service.errors import BadRequest, ChainServiceError

if TYPE_CHECKING:
    from chain_service.jobs.context import App

receipts = typer.Typer(no_args_is_help=True, help="Receipts that need no server. 凭证")

TOGETHER = 1000
"""Receipts in memory at a time."""


@receipts.callback()
def _group() -> None:
    """Keeps `refresh` a word of its own."""


@receipts.command()
def refresh(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Directory with .receipt files.")],
) -> None:
    """Show the newest state in every receipt of DIR. 刷新凭证

    The time of anchoring, its proof and the signature stay; the state is that at
    the newest final block. Exit code 1 if one could not be refreshed: it is
    named and left as it was.

    Example:

      chain-service receipts refresh out/
    """
    door = invocation(context)
    files = sorted(path for path in directory.glob("*.receipt") if path.is_file())
    if not files:
        raise BadRequest(f"{directory} holds no .receipt file", code="file_not_found", file=str(directory))
    app = door.app()
    refreshed, failed = 0, list[dict[str, Any]]()
    with door.progress() as progress:
        for start in range(0, len(files), TOGETHER):
            part = files[start : start + TOGETHER]
            new, wrong = _refresh(app, part)
            refreshed += new
            failed += wrong
            progress("refresh", start + len(part), len(files))
    unchanged = len(files) - refreshed - len(failed)
    done = {"directory": str(directory), "refreshed": refreshed, "unchanged": unchanged, "failed": failed}
    door.answer(done, lambda out: render.facts(out, done), str(refreshed))
    if failed:
        raise typer.Exit(REFUSED)


def _refresh(app: App, files: list[Path]) -> tuple[int, list[dict[str, Any]]]:
    """How many of the files were rewritten, and why others could not be."""
    from chain_service.core.receipts.receipt import MAX_RECEIPT_BYTES
    from chain_service.jobs.proofs import receipts as jobs

    refreshed, failed = 0, []
    old = [read_input(path, MAX_RECEIPT_BYTES + 1) for path in files]
    for path, before, after in zip(files, old, jobs.refresh(app, old), strict=True):
        if isinstance(after, ChainServiceError):
            failed.append({"file": str(path), "code": after.code, "message": after.message})
        elif after != before:
            replace_file(path, after)
            refreshed += 1
    return refreshed, failed
