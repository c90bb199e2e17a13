"""init, chain, deploy, serve, worker, ready, audit, rebuild, backup, restore: the instance as a whole."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from chain_service.cli import render
from chain_service.cli.invocation import catch_up, invocation
from chain_service.cli.logging import configure_logs
from chain_service.cli.options import Registrar, parse_moment_option
from chain_service.config import Settings
from chain_service.error_codes import REFUSED, UNAVAILABLE
from chain_service.errors import BadRequest

GRACE = 30
"""Seconds that requests under way get when the service stops."""

chain = typer.Typer(no_args_is_help=True, help="The embedded trial chain. 试验链")


class BackupGroup(TyperGroup):
    """`backup DIR` makes one: what is no command of the group is the directory."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the words name; `make` where they begin with a directory."""
        if args and args[0] not in self.commands:
            args = ["make", *args]
        return super().resolve_command(ctx, args)


backup = typer.Typer(
    cls=BackupGroup, no_args_is_help=True, help="Backups: `backup DIR` makes one, `backup verify DIR` tries it. 备份"
)
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the backup.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", metavar="FILE", help="Password of backups; setting backup_password.")
]


def register(cli: typer.Typer) -> None:
    """The commands for making, running and auditing an instance are on the command line."""
    for command in (init, deploy, serve, worker, ready, audit, rebuild, restore):
        cli.command()(command)


def init(
    context: typer.Context,
    separate_keys: Annotated[
        bool, typer.Option("--separate-keys", help="Registrar's and sealing keys apart, as `keystore separate` does.")
    ] = False,
) -> None:
    """Make an instance in DIR: encrypted keystores, database, trial chain, config.toml. 初始化

    Never overwrites. Without CHAIN_SERVICE_PASSWORD or a password file a random
    password is written to DIR/password; move it to a safe place before anything
    of worth is kept. With --separate-keys that password opens only what serve
    and worker need; `keystore separate` finishes what was interrupted.

    Examples:

      chain-service --data /srv/chain init
      chain-service --data /srv/chain init --separate-keys
    """
    from chain_service.jobs.instance import initialise

    door = invocation(context)
    done = initialise.init(door.settings(), separate_keys=separate_keys)
    door.answer(done, lambda out: render.facts(out, done), done.data)
    if done.password_file is not None:
        door.note(f"The keystores' password was written to {done.password_file}: keep it safe. 请妥善保管密码文件。")


@chain.command("run")
def chain_run(
    context: typer.Context,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port on loopback; setting chain_port.")] = None,
) -> None:
    """Run the trial chain until interrupted: JSON-RPC on loopback. 运行试验链

    One signer seals its blocks. Stop it with Ctrl-C or SIGTERM; everything
    acknowledged is kept.

    Example:

      chain-service chain run --port 8545
    """
    from chain_service.nodes.embedded.node import Node
    from chain_service.nodes.embedded.server import serve as serve_node

    door = invocation(context)
    settings = door.settings(chain_port=port)
    configure_logs(serving=True)
    password = settings.node_secret()
    with (
        _until_signalled() as stopped,
        Node.open(
            settings.node_directory, password, period=settings.block_period, heartbeat=settings.heartbeat
        ) as node,
        serve_node(node, port=settings.chain_port) as server,
    ):
        done = {"url": server.url, "chainId": node.genesis.chain_id}
        door.answer(done, lambda out: out.print(f"trial chain {node.genesis.chain_id} at {server.url}"), server.url)
        stopped.wait()


@chain.command("export")
def chain_export(context: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Write genesis and blocks for go-ethereum. 导出试验链

    FILE gets the blocks as RLP, FILE.genesis.json the genesis:
    `geth init FILE.genesis.json`, then `geth import FILE`.

    Example:

      chain-service chain export backup.rlp
    """
    from chain_service.nodes.embedded.export import export

    door = invocation(context)
    head = export(door.settings().node_directory, file)
    done = {"file": str(file), "genesis": f"{file}.genesis.json", "head": head}
    door.answer(done, lambda out: render.facts(out, done), str(file))


def deploy(
    context: typer.Context,
    rpc: Annotated[list[str] | None, typer.Option(metavar="URL", help="Node's URL; setting rpc_urls.")] = None,
    registrar: Registrar = None,
) -> None:
    """Deploy the contracts and write DIR/deployment.json. 部署合约

    Refuses a second time. The registrar's account signs; it owns who may act
    for whom.

    Example:

      chain-service deploy --rpc http://127.0.0.1:8545
    """
    from chain_service.jobs.instance import initialise as setup

    door = invocation(context)
    with door.progress() as progress:
        done = setup.deploy(door.settings(rpc_urls=rpc or None), registrar=registrar, progress=progress)
    door.answer(done, lambda out: render.facts(out, done), str(done.chain_id))


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; setting host.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; setting port.")] = None,
    no_workers: Annotated[
        bool, typer.Option("--no-workers", help="Only API and page; run `worker` elsewhere.")
    ] = False,
) -> None:
    """Serve API, page and workers until interrupted. 启动服务

    Beyond loopback it needs tls_certificate and tls_key, or behind_proxy = true
    in config.toml. It refuses a node with another chain than the contracts'.
    Requests under way are finished before it stops.

    Example:

      chain-service serve --port 8000
    """
    from chain_service.jobs.instance.watch import HealthWatch
    from chain_service.jobs.records.replay import replay
    from chain_service.jobs.workers import Workers, check_chain_if_reachable
    from chain_service.web.app import create_app
    from chain_service.web.http.server import run_server

    door = invocation(context)
    settings = door.settings(host=host, port=port)
    check_listening(settings)
    app = door.app(host=host, port=port)
    configure_logs(serving=True, rate=settings.log_rate)
    check_chain_if_reachable(app)
    replay(app)
    app.parsers.start()
    scheme = "https" if settings.tls_certificate else "http"

    def listening(bound: int) -> None:
        url = f"{scheme}://{_literal(settings.host)}:{bound}"
        done = {"url": url, "workers": not no_workers}
        door.answer(done, lambda out: out.print(f"serving at {url}/  服务已启动"), url)
        if stopped.is_set():  # the signal came before uvicorn listened for it
            signal.raise_signal(signal.SIGTERM)

    workers: AbstractContextManager[object] = nullcontext() if no_workers else Workers(app)
    looks = HealthWatch(app, alerting=not no_workers, serving=True)
    # uvicorn hands the signal on once it has stopped; being asked to stop is no failure
    with _until_signalled() as stopped, workers, looks as watch:
        run_server(create_app(app, watch), settings, grace=GRACE, listening=listening)


def worker(context: typer.Context) -> None:
    """Run the workers alone: batch, send, index. 仅运行后台任务

    One set of workers per instance: a second one refuses.

    Example:

      chain-service worker
    """
    from chain_service.jobs.instance.watch import HealthWatch
    from chain_service.jobs.workers import Workers

    door = invocation(context)
    app = door.app()
    configure_logs(serving=True, rate=door.settings().log_rate)
    with _until_signalled() as stopped, Workers(app), HealthWatch(app, alerting=True):
        door.note("workers run 后台任务已启动")
        stopped.wait()


def audit(
    context: typer.Context,
    org: Annotated[str | None, typer.Option("--org", metavar="CODE", help="Only this organisation.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="last|TIME", help="Go on from the last clean audit (of then or before).")
    ] = None,
) -> None:
    """Re-prove every stored record against the chain. 全量审计

    Exit code 1 when anything differs; each finding names what and where. An
    unknown organisation is an error, and it says how much was proven. With
    --since only what is newer is read again, apart from log heads, states, seals,
    catalogs and the journal; the report names the tables. Once a month, and after
    any suspicion, run it without.

    Example:

      chain-service audit --org 11430000006122244L
    """
    from chain_service.jobs.auditing.audit import LAST
    from chain_service.jobs.auditing.audit import audit as run_audit

    door = invocation(context)
    with door.progress() as progress:
        app = door.app()
        catch_up(app)
        after = LAST if since == "last" else parse_moment_option(since, "--since")
        report = run_audit(app, org, progress, since=after)
    door.answer(report, lambda out: render.audit(out, report), "ok" if report.ok else "not ok")
    if not report.ok:
        raise typer.Exit(REFUSED)


def ready(context: typer.Context) -> None:
    """Say whether the instance can do its work, and if not, why. 检查运行条件

    Database, disk, clock, certificate, trust file, nodes and index, as /readyz
    has them, and the alerts that stand. Exit code 4 when it is not ready.

    Example:

      chain-service ready
    """
    from chain_service.jobs.instance.health import readiness

    door = invocation(context)
    state = readiness(door.app(migrate=False))  # who only asks changes nothing
    door.answer(state, lambda out: render.facts(out, state), "ready" if state.ready else "not ready")
    if not state.ready:
        raise typer.Exit(UNAVAILABLE)


def rebuild(context: typer.Context) -> None:
    """Drop what the index derived and rebuild it from the chain. 重建索引

    Records, salts and entries are ours alone and stay.

    Example:

      chain-service rebuild
    """
    from chain_service.jobs.auditing.audit import rebuild as run_rebuild

    door = invocation(context)
    with door.progress() as progress:
        done = run_rebuild(door.app(), progress)
    door.answer(done, lambda out: render.facts(out, done))


@backup.command()
def make(context: typer.Context, directory: Directory, password_file: PasswordFile = None) -> None:
    """Put everything of the instance into DIR, encrypted, while it serves. 备份

    DIR must not exist or be empty, and appears whole or not at all. The keys lie
    in DIR/keys: keep them elsewhere, and the keystores' password, which is in no
    backup, elsewhere again.

    Example:

      chain-service backup /mnt/backup/2026-11-29
    """
    from chain_service.jobs.backups.back_up import back_up

    door = invocation(context)
    with door.progress() as progress:
        done = back_up(door.app(backup_password_file=password_file), directory, progress)
    door.answer(done, lambda out: render.facts(out, done), done.directory)


@backup.command()
def verify(
    context: typer.Context,
    directory: Directory,
    password_file: PasswordFile = None,
    scratch: Annotated[
        str | None, typer.Option(metavar="URL", help="Empty PostgreSQL database to restore to; default: a new one.")
    ] = None,
) -> None:
    """Restore the backup to a scratch place and audit it there. 校验备份

    Exit code 1 when it is damaged or the audit finds anything, 4 when the chain
    could not be asked.

    Example:

      chain-service backup verify /mnt/backup/2026-11-29
    """
    from chain_service.app import open_app
    from chain_service.jobs.backups.unpacking import verify_backup

    door = invocation(context)
    settings = door.settings_unchecked(backup_password_file=password_file)
    with door.progress() as progress:
        done = verify_backup(directory, settings, open_app, scratch=scratch, progress=progress)
    sound = done.audit is None or done.audit.ok
    door.answer(done, lambda out: render.backup(out, done), "ok" if sound else "not ok")
    if not sound:
        raise typer.Exit(REFUSED)


def restore(
    context: typer.Context,
    directory: Directory,
    password_file: PasswordFile = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move the instance that stands in --data aside first.")
    ] = False,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="PostgreSQL database to restore to; default: the backup's own.")
    ] = None,
) -> None:
    """Put the instance of a backup into --data. Stop everything of it before. 恢复

    All is checked before anything is touched. When it was interrupted, run it
    again: until it ends every other command refuses. What was erased or revoked
    since the backup, as far as DIR/erasures.ndjson says so, is so again.

    Example:

      chain-service --data /srv/chain restore /mnt/backup/2026-11-29 --replace
    """
    from chain_service.app import open_app
    from chain_service.jobs.backups.restoring import restore as run_restore

    door = invocation(context)
    settings = door.settings_unchecked(backup_password_file=password_file)
    with door.progress() as progress:
        done = run_restore(
            directory,
            settings,
            open_app,
            now=int(time.time()),
            replace=replace,
            database_url=database,
            progress=progress,
        )
    door.answer(done, lambda out: render.facts(out, done), done.data)
    door.note("Start the chain, then `serve`; when /readyz is content, `audit`. 请先启动链和服务，再执行 audit。")


def check_listening(settings: Settings) -> None:
    """The address is loopback, or TLS or a proxy serves. Raises BadRequest (`insecure_listen`, `bad_settings`)."""
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise BadRequest("tls_certificate and tls_key belong together", code="bad_settings", field="tls_key")
    if settings.tls_certificate or settings.behind_proxy or _is_loopback(settings.host):
        return
    raise BadRequest(f"{settings.host} is beyond loopback: refusing to listen without TLS", code="insecure_listen")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _literal(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextmanager
def _until_signalled() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    stopped = threading.Event()

    def stop(_number: int, _frame: Any) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
