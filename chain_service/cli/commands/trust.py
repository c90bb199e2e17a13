"""trust: the file that offline verification rests on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from chain_service.cli.failures import papers
from chain_service.cli.invocation import Invocation, invocation, read_input, replace_file

if TYPE_CHECKING:
    from chain_service.jobs.proofs.trust_files import KeptTrustFile

trust = typer.Typer(no_args_is_help=True, help="The trust file of offline verification. 信任文件")


@trust.command()
def export(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write a copy there.")] = None,
    new_root_key: Annotated[
        bool, typer.Option("--new-root-key", help="Replace the root key; old and new one sign.")
    ] = False,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Write the offline page with this trust file there.")
    ] = None,
) -> None:
    """Write DIR/trust.cose: chain, contracts, validators, limits; signed. 导出信任文件

    The first export makes the root key in the keystore. A new version is made
    only if something changed or half its lifetime is over; it is signed by the
    old keys too, so that `trust update` takes it. Tell the fingerprint by
    another way than the file: people compare it once. The page written by
    --page, as /offline.html of the service, has the trust file built in.

    Examples:

      chain-service trust export --out city.trust
      chain-service trust export --page offline.html
      chain-service --quiet trust export
    """
    from chain_service.jobs.proofs import trust_files as jobs

    door = invocation(context)
    app = door.app()
    done = jobs.export(app, rotate=new_root_key)
    if out is not None:
        replace_file(out, jobs.in_force(app))
        done = replace(done, file=out)
    if page is not None:
        from chain_service.web.pages.routes import page_trusting

        replace_file(page, page_trusting(jobs.in_force(app)).encode())
    _answer(door, done, {} if page is None else {"page": str(page)})


@trust.command()
def update(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The newer trust file.")],
    current: Annotated[
        Path | None, typer.Option("--trust", metavar="TRUST", help="The one in use; DIR/trust.cose by default.")
    ] = None,
    fingerprint: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="For the first one: the fingerprint, as its issuer gave it by another way."),
    ] = None,
) -> None:
    r"""Use a newer trust file from now on, if the old one's keys signed it. 更新信任文件

    An older version, another chain's or an unsigned one is refused. The very
    first file is taken by its fingerprint, which a person has compared. Needs no
    instance and no network.

    Examples:

      chain-service trust update city.trust --trust mine.trust
      chain-service trust update city.trust --trust mine.trust \
          --fingerprint "3f2a 90c1 …"
    """
    from chain_service.core.receipts.trust_file import MAX_TRUST_BYTES
    from chain_service.jobs.proofs import trust_files as jobs

    door = invocation(context)
    newer = read_input(file, MAX_TRUST_BYTES + 1)
    if current is None:
        current = door.settings().data / jobs.FILE
    with papers():
        done = jobs.update(current, newer, fingerprint)
    _answer(door, done, {})


@trust.command()
def validators(
    context: typer.Context,
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS...", help="All validators from that block on.")],
    from_block: Annotated[int, typer.Option("--from-block", metavar="N", help="First block of these validators.")],
) -> None:
    """Trust these validators of a QBFT chain from a block on. 登记 QBFT 链的验证节点

    The index stops with the alert `validators_unknown` at a block that names
    others than the trusted ones. Compare them with what the authorities decided,
    then state them here. Clique chains count their votes themselves.

    Example:

      chain-service trust validators --from-block 8121 0x11… 0x22… 0x33… 0x44…
    """
    from chain_service.jobs.validators import state

    door = invocation(context)
    done = state(door.app(), from_block, addresses)
    listed = ", ".join(done.validators)
    door.answer(done, lambda console: console.print(f"from block {from_block} 起: {listed}", markup=False))


def _answer(door: Invocation, done: KeptTrustFile, more: dict[str, str]) -> None:
    """Tells what the file says, in its own words, and `more` that was written."""
    from chain_service.jobs.proofs.trust_files import grouped

    shown = done.trust.to_json()

    def human(console: Console) -> None:
        state = "new 新版" if done.changed else "unchanged 未变"
        console.print(f"{done.file}  version {done.trust.terms.version}, {state}", markup=False)
        console.print(f"  {shown['issued']} – {shown['expires']}", style="dim", markup=False)
        console.print("  指纹 fingerprint  ", style="bold", end="")
        console.print(grouped(done.trust.fingerprint), markup=False)

    told = {"file": str(done.file), **shown, "changed": done.changed, **more}
    door.answer(told, human, done.trust.fingerprint)
