"""log: anchored logs of others, mirrored and checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chain_service.cli import render
from chain_service.cli.failures import papers
from chain_service.cli.invocation import Invocation, invocation, read_input
from chain_service.error_codes import INDETERMINATE
from chain_service.errors import BadRequest

if TYPE_CHECKING:
    from chain_service.core.chainproof.trust import ChainTrust

log = typer.Typer(no_args_is_help=True, help="Logs for everybody. 公开日志")


@log.callback()
def _group() -> None:
    """Keeps `mirror` a word of its own."""


@log.command()
def mirror(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="…/v1/logs/<organisation>.<generation>")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the mirror is kept; made if missing.")],
    rpc: Annotated[list[str] | None, typer.Option(metavar="URL", help="Node to compare with; needs --trust.")] = None,
    trust: Annotated[Path | None, typer.Option(metavar="TRUST", help="Trust file of the chain.")] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="C2SP verifier key that signs the log.")] = None,
) -> None:
    r"""Mirror a log: fetch, recompute and compare everything it serves. 镜像日志

    Every tile is recomputed from the entries, the root from the tiles; with a
    chain every head is proven on it. The last head is kept: a log that shrinks
    or forks is refused by name, its checkpoint kept in DIR/refused. An
    instance's own chain is used if neither --rpc nor --trust is given. Run it
    again to go on from there. Exit code 3 for a log that is stalled: its server
    lags ten minutes or more behind the chain.

    Examples:

      chain-service log mirror \
          https://city.example/v1/logs/11430000006122244L.0 mirror/ \
          --rpc http://127.0.0.1:8545 --trust city.trust
      chain-service log mirror http://127.0.0.1:8000/v1/logs/… mirror/
    """
    from chain_service.app import open_reader
    from chain_service.core.log.checkpoints import VerifierKey
    from chain_service.jobs.mirroring.mirror import mirror as run_mirror

    door = invocation(context)
    expected = VerifierKey.parse(key.strip()) if key is not None else None
    reader = open_reader(door.settings(rpc_urls=rpc or None), _trusted(door, rpc, trust))
    with papers(), door.progress() as progress:
        done = run_mirror(url, directory, reader=reader, key=expected, progress=progress)
    door.answer(done, lambda out: render.facts(out, done), f"{done.size} {done.root.hex()}")
    if reader is None:
        door.note("The log heads were not compared with the chain: name --rpc and --trust. 未与链上比对。")
    if done.stalled and done.chain is not None:
        door.note(
            f"Stalled: the server does not serve what the chain has had since {done.chain.behind_since}."
            " Ask its operator. 日志已停滞：未提供链上已有的内容，请联系其运维人员。"
        )
        raise typer.Exit(INDETERMINATE)


def _trusted(door: Invocation, rpc: list[str] | None, trust: Path | None) -> ChainTrust | None:
    """The trust in the chain named; None for the instance's own, if there is one."""
    from chain_service.core.receipts.trust_file import MAX_TRUST_BYTES, parse

    deployed = door.settings(rpc_urls=rpc or None).deployment_file.is_file()
    if trust is None:
        if rpc and not deployed:
            raise BadRequest("--rpc needs --trust, which judges the node's proofs", code="usage", field="--trust")
        return None
    with papers():
        chain = parse(read_input(trust, MAX_TRUST_BYTES + 1)).chain
    if not rpc and not deployed:
        raise BadRequest("--trust needs --rpc, the node whose proofs it judges", code="usage", field="--rpc")
    return chain
