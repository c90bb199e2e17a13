"""network: several validators, run by several authorities."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chain_service.cli import render
from chain_service.cli.invocation import Invocation, invocation
from chain_service.error_codes import INDETERMINATE, UNAVAILABLE
from chain_service.errors import BadRequest

network = typer.Typer(
    no_args_is_help=True,
    help="""A network of several validators: go-ethereum with Clique, or Besu with QBFT. 多节点联盟链

    Roles: a validator seals blocks and answers on a local socket only; a writer
    serves JSON-RPC to a department; an observer serves every old state to an auditor.
    Nodes that are not listed in network.toml are not let in.
    """,
)
Where = Annotated[
    Path | None, typer.Option("--out", "--dir", metavar="DIR", help="The network's directory; DATA/network by default.")
]
Fund = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="Account funded at genesis; DATA's registrar always."),
]
Authority = Annotated[
    str, typer.Option(metavar="NAME", help="Make only this authority's keys and descriptor; then `join`.")
]
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="First port; JSON-RPC 1,000, metrics 2,000 above; 0 = any free.")
]
Names = Annotated[list[str] | None, typer.Argument(metavar="[NODE]...", help="Only these nodes.")]


@network.command()
def init(
    context: typer.Context,
    validators: Annotated[int, typer.Option(min=0, max=31, help="Nodes that seal.")] = 4,
    engine: Annotated[str, typer.Option(metavar="geth|besu", help="go-ethereum Clique, or Besu QBFT.")] = "geth",
    out: Where = None,
    writers: Annotated[int, typer.Option(min=0, max=10, help="Nodes that serve a department.")] = 1,
    observers: Annotated[int, typer.Option(min=0, max=10, help="Nodes that serve an auditor.")] = 1,
    fund: Fund = None,
    authority: Authority = "",
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where the other nodes reach these.")] = "127.0.0.1",
    port: Port = 30_300,
    chain_id: Annotated[int | None, typer.Option(min=1, help="Random by default; agreed with --authority.")] = None,
    period: Annotated[int, typer.Option(min=1, max=3600, help="Seconds from block to block.")] = 1,
    epoch: Annotated[int, typer.Option(min=2, help="Blocks after which votes lapse.")] = 30_000,
    gas_limit: Annotated[int, typer.Option(min=5_000, help="Gas of a block.")] = 60_000_000,
) -> None:
    r"""Make keys and files of the nodes; an instance in DATA will use them. 生成网络

    One folder per node, network.toml (public), genesis.json, prometheus.yml,
    systemd units. Keys are readable by their owner only and never overwritten.
    In DATA, rpc_urls of config.toml are set to the new nodes.

    With --authority nobody sees another's keys: every authority runs it with the
    same --chain-id, sends its descriptor.toml to the others, and all run `join`.

    Examples:

      chain-service init && chain-service network init --validators 4
      chain-service network init --authority harbour --validators 1 \
          --chain-id 20261 --host 10.1.0.5 --out harbour
    """
    from chain_service.jobs.instance import network as jobs
    from chain_service.nodes.network.create import Plan
    from chain_service.nodes.network.descriptor import ENGINES

    if engine not in ENGINES:
        raise BadRequest(f"--engine must be geth or besu, not {engine!r}", code="usage", field="--engine")
    door = invocation(context)
    plan = Plan(
        validators=validators, engine=engine, writers=writers, observers=observers, chain_id=chain_id, period=period,
        epoch=epoch, gas_limit=gas_limit, funded=tuple(fund or ()), host=host, first_port=port, authority=authority,
    )  # fmt: skip
    done = jobs.init(door.settings(), _directory(door, out), plan)
    door.answer(done, lambda console: render.facts(console, done), done.directory)
    if isinstance(done, jobs.CombinedNetwork):
        _say_switched(door, done.configured)


@network.command()
def join(
    context: typer.Context,
    descriptors: Annotated[list[Path], typer.Argument(metavar="DESCRIPTOR...", help="The others' descriptor.toml.")],
    out: Where = None,
    genesis: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Genesis of a chain that runs already: keep it.")
    ] = None,
) -> None:
    """Combine the authorities' public descriptors into one network. 合并各方描述文件

    Everywhere the same genesis.json comes out, byte for byte, in whatever order
    the descriptors are given: compare its digest by another way. May be repeated
    with more descriptors; to a running chain (--genesis) further validators come
    by vote, `network propose --add`.

    Example:

      chain-service network join harbour.toml market.toml --out mine
    """
    from chain_service.jobs.instance import network as jobs

    door = invocation(context)
    done = jobs.join(door.settings(), _directory(door, out), descriptors, genesis)
    door.answer(done, lambda console: render.facts(console, done), done.genesis_digest)
    _say_switched(door, done.configured)


@network.command()
def up(
    context: typer.Context,
    nodes: Names = None,
    out: Where = None,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long to wait for a new block.")] = 60,
) -> None:
    """Start the nodes under a supervisor; returns when a new block is sealed. 启动网络

    What runs already is left alone; a node that is named is restarted. The
    supervisor brings a dead node back at once. go-ethereum is found on PATH, or
    named in CHAIN_SERVICE_GETH, or built once into DATA/bin (two minutes).

    Examples:

      chain-service network up
      chain-service network up validator-2
    """
    from chain_service.nodes.network.running.control import up as start

    door = invocation(context)
    settings = door.settings()
    directory = _directory(door, out)
    done = start(
        directory, nodes or (), cache=settings.data / "bin", geth=settings.geth, timeout=timeout, tell=door.note
    )
    door.answer(done, lambda console: render.facts(console, done), str(done.block))


@network.command()
def down(context: typer.Context, nodes: Names = None, out: Where = None) -> None:
    """Stop what `up` started, or only the nodes named. 停止网络

    Every node writes its state first; nothing else on the machine is changed.

    Example:

      chain-service network down
    """
    from chain_service.nodes.network.running.control import down as stop

    door = invocation(context)
    done = stop(_directory(door, out), nodes or ())
    door.answer(done, lambda console: render.facts(console, done), str(len(done.stopped)))


@network.command()
def status(context: typer.Context, out: Where = None) -> None:
    """Heads, peers, last sealers, replaced blocks of the nodes. 查看网络状态

    Exit code 4 when a node does not answer.

    Example:

      chain-service --json network status
    """
    from chain_service.nodes.network.running.status import status as look

    door = invocation(context)
    found = look(_directory(door, out))
    door.answer(found, lambda console: _show(console, found), str(found["head"]))
    if not found["up"]:
        raise typer.Exit(UNAVAILABLE)


@network.command()
def propose(
    context: typer.Context,
    add: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Sealing account to vote in.")] = None,
    remove: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Sealing account to vote out.")] = None,
    out: Where = None,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long to wait for the change.")] = 60,
) -> None:
    """Vote a validator in or out with every validator of this directory. 表决增减验证节点

    More than half of the validators have to vote, each through its own
    authority's node, within an epoch. Exit code 3 when votes of others are still
    missing: yours stand in the chain.

    Let a new validator's node catch up before it is voted in.

    Example:

      chain-service network propose --add 0x8f3c…
    """
    from chain_service.nodes.network.votes import propose as vote

    door = invocation(context)
    if (add is None) == (remove is None):
        raise BadRequest("give one of --add and --remove", code="usage", field="--add")
    done = vote(_directory(door, out), add or remove or "", add=add is not None, timeout=timeout)
    door.answer(done, lambda console: render.facts(console, done), "changed" if done["changed"] else "waiting")
    if not done["changed"]:
        raise typer.Exit(INDETERMINATE)


@network.command()
def grow(
    context: typer.Context,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="DATA", help="Instance with the trial chain; the current DATA.")
    ] = None,
    validators: Annotated[int, typer.Option(min=1, max=31, help="Nodes that seal in the end.")] = 4,
    out: Where = None,
    writers: Annotated[int, typer.Option(min=0, max=10, help="Nodes that serve a department.")] = 1,
    observers: Annotated[int, typer.Option(min=0, max=10, help="Nodes that serve an auditor.")] = 1,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where the other nodes reach these.")] = "127.0.0.1",
    port: Port = 30_300,
) -> None:
    """Let the trial chain go on in a network: same blocks, contracts, receipts. 试验链扩展为网络

    Stop `chain run` and the service first. The blocks are imported into the new
    nodes, the first validator seals on with the trial chain's key, the others are
    voted in one by one, and rpc_urls of DATA name the new nodes. Nobody anchors
    anything again. The trial chain's key file is set aside, so that no second
    history is sealed. Other authorities' validators come later: `network join
    --genesis` at their side, `network propose --add` at yours.

    Example:

      chain-service network grow --from data --validators 4
    """
    from chain_service.jobs.instance import network as jobs
    from chain_service.nodes.network.create import Plan

    door = invocation(context)
    if source is not None:
        if door.data is not None and door.data.resolve() != source.resolve():
            raise BadRequest("--from and --data name different instances", code="usage", field="--from")
        door = Invocation(source, door.json, door.quiet)
    plan = Plan(validators=validators, writers=writers, observers=observers, host=host, first_port=port)
    done = jobs.grow(door.settings(), _directory(door, out), plan, door.note)
    door.answer(done, lambda console: render.facts(console, done), done.head_hash)
    _say_switched(door, done.configured)


def _directory(door: Invocation, out: Path | None) -> Path:
    return out if out is not None else door.settings().data / "network"


def _say_switched(door: Invocation, configured: str | None) -> None:
    if configured is not None:
        door.note(f"rpc_urls in {configured} now name this network's nodes. 已将 rpc_urls 指向本网络。")


def _show(console: Console, found: dict[str, Any]) -> None:
    head = f"head {found['head']}, {found['ageOfHead']} s old"
    if found["head"] is None:
        head = "no node answers 无节点响应"
    console.print(f"chain {found['chainId']} ({found['engine']}), {head}")
    table = Table(box=None, header_style="dim")
    for title in ("node 节点", "role 角色", "head 区块", "hash", "age s", "peers", "restarts", "reorganised 重组"):
        table.add_column(title)
    for node in found["nodes"]:
        state = [node["head"], (node["hash"] or "")[:10], node["ageOfHead"], node["peers"]]
        told = state if node["answers"] else ["[bold red]✗ no answer 无响应[/]", "", "", ""]
        table.add_row(node["name"], node["role"], *map(str, told), str(node["restarts"]), str(node["reorganisations"]))
    console.print(table)
    sealed = ", ".join(f"{signer['block']} {signer['name'] or signer['address']}" for signer in found["signers"])
    console.print(f"[dim]sealed 出块[/]  {sealed or '–'}")
    supervisor = found["supervisor"]
    console.print(
        f"[dim]supervisor[/]  {supervisor or '✗ none: stopped nodes are not restarted; run `network up` 未运行'}"
    )
