"""The command `chain-service`: its groups, its global options, and how it ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from chain_service import __version__
from chain_service.cli import extras, failures
from chain_service.cli.commands import (
    anchors,
    catalogs,
    instance,
    keys,
    mirror,
    network,
    organisations,
    oversight,
    receipts,
    records,
    seals,
    statuses,
    trust,
    verify,
)
from chain_service.cli.invocation import Invocation
from chain_service.cli.logging import configure_logs
from chain_service.error_codes import DONE, INTERRUPTED, REFUSED, WRONG_USAGE
from chain_service.errors import ChainServiceError

HELP = """Anchor, verify and trace government records on a permissioned chain.
电子证照、电子文书与政务数据目录的上链、核验与追溯。

First steps:

  chain-service init                 keystores, database and chain in ./data
  chain-service chain run &          the trial chain
  chain-service deploy               the contracts
  chain-service org add 11430000006122244L "Example City"
  chain-service type add types.json
  chain-service org permit 11430000006122244L 11100000000013338W011 \\
      --from 2020-01-01
  chain-service anchor certificates.ndjson --org 11430000006122244L --out out/
  chain-service verify out/*.disclosure.json
  chain-service serve                HTTP API, page, workers on 127.0.0.1:8000
"""
EPILOG = (
    "--data DIR, --json and --quiet may stand before or after the command. Exit codes: 0 done or valid, "
    "1 invalid or refused, 2 wrong usage or input, 3 cannot tell, 4 node, database or service unavailable."
)
_WITH_VALUE, _FLAGS = ("--data",), ("--json", "--quiet")

cli = typer.Typer(
    name="chain-service",
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for group, name in (
    (instance.chain, "chain"),
    (network.network, "network"),
    (organisations.org, "org"),
    (organisations.types, "type"),
    (keys.keys, "key"),
    (keys.keystore, "keystore"),
    (statuses.status, "status"),
    (seals.seal, "seal"),
    (catalogs.catalog, "catalog"),
    (receipts.receipts, "receipts"),
    (mirror.log, "log"),
    (trust.trust, "trust"),
    (anchors.anchors, "anchors"),
    (oversight.alerts, "alerts"),
    (oversight.readings, "readings"),
):
    cli.add_typer(group, name=name)
for module in (instance, records, verify):
    module.register(cli)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"chain-service {__version__}")
        raise typer.Exit


@cli.callback()
def _globals(
    context: typer.Context,
    data: Annotated[Path | None, typer.Option(help="Directory of the instance.", show_default="./data")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON on standard output, and nothing else there.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only ids, keys and verdicts; no progress.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version
    context.obj = Invocation(data, json, quiet)
    context.call_on_close(context.obj.close)


def hoisted(arguments: list[str]) -> list[str]:
    """The same arguments with the global options first, wherever they stood; what follows `--` stays."""
    first: list[str] = []
    rest: list[str] = []
    queue = list(arguments)
    while queue:
        argument = queue.pop(0)
        if argument == "--":
            rest += [argument, *queue]
            break
        if argument in _FLAGS or argument.startswith(tuple(f"{name}=" for name in _WITH_VALUE)):
            first.append(argument)
        elif argument in _WITH_VALUE and queue:
            first += [argument, queue.pop(0)]
        else:
            rest.append(argument)
    return first + rest


def run(arguments: list[str]) -> int:
    """Carries the command out; its exit code. Raises nothing."""
    configure_logs(serving=False)
    words = hoisted(arguments)
    as_json = "--json" in words[: words.index("--")] if "--" in words else "--json" in words
    try:
        result = cli(words, prog_name="chain-service", standalone_mode=False)
        if result == INTERRUPTED:
            raise KeyboardInterrupt
        return result if isinstance(result, int) else DONE
    except ChainServiceError as error:
        return failures.report(error, as_json=as_json)
    except TyperException as error:
        return failures.report(_usage(error), as_json=as_json) if error.format_message() else WRONG_USAGE
    except (KeyboardInterrupt, typer.Abort):
        return failures.report(failures.CommandFailure("interrupted", code="interrupted"), as_json=as_json)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - so that the interpreter's last flush fails nowhere
        return REFUSED
    except ModuleNotFoundError as error:
        return failures.report(extras.not_installed(error) or failures.unforeseen(error), as_json=as_json)
    except Exception as error:  # noqa: BLE001 - an operator never sees a traceback
        return failures.report(failures.unforeseen(error), as_json=as_json)


def _usage(error: TyperException) -> ChainServiceError:
    from chain_service.errors import BadRequest

    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "chain-service"
    return BadRequest(f"{error.format_message()} See `{path} --help`.", code="usage")


def main() -> NoReturn:
    """Runs the command in `sys.argv` and ends the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # what a name has that is no UTF-8 is still told
    sys.exit(run(sys.argv[1:]))
