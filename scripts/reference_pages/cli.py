"""Every command of `chain-service` with its arguments, options and examples."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import typer

from chain_service.cli.main import cli
from reference_pages.markdown import code, table

INTRODUCTION = """\
The command line acts on the instance in `--data DIR` (default `./data`, or `CHAIN_SERVICE_DATA`), for whoever
operates it; everybody else uses [HTTP](http.md). `--data`, `--json` (machine output on standard output, nothing
else there) and `--quiet` may stand before or after the command. Where workers are needed and none run, `--wait`
does their steps itself.

| exit code | |
|---|---|
| 0 | done, or valid |
| 1 | invalid, refused, or `audit` found something |
| 2 | wrong usage, missing file, malformed input |
| 3 | cannot tell; for `network propose`: votes are missing |
| 4 | node, database or service unavailable |

For `verify` an unreadable document is 1 and a node that is down is 3; of several papers the worst decides (1, 3,
0)."""
EXAMPLES = ("Example:", "Examples:")


def page() -> str:
    lines = ["# Command line 命令行", "", INTRODUCTION, ""]
    for path, command in _commands(typer.main.get_command(cli), ()):
        lines += [f"## {' '.join(path)}", "", *_told(command.help or ""), "", *_parameters(command)]
    return "\n".join(lines).rstrip() + "\n"


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, below in command.commands.items():
        yield from _commands(below, (*path, name))


def _told(text: str) -> list[str]:
    """Prose as it is, what is indented and what follows `Example:` as code."""
    lines: list[str] = []
    is_example = False
    for part in text.replace("\b", "").split("\n\n"):
        part = part.strip("\n")
        if part.strip() in EXAMPLES:
            is_example = True
        elif is_example or part.startswith("  "):
            lines += ["```sh", *textwrap.dedent(part).splitlines(), "```", ""]
        else:
            lines += [*(_escaped(line) for line in part.splitlines()), ""]
    return lines[:-1]


def _escaped(line: str) -> str:
    return line.replace("<", "&lt;")


def _parameters(command: Any) -> list[str]:
    rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
    return [*table(("", "what", "default"), rows), ""] if rows else []


def _row(parameter: Any) -> tuple[str, str, str]:
    metavar = parameter.metavar or ""
    if parameter.param_type_name == "argument":
        return code(metavar or (parameter.name or "").upper()), parameter.help or "", _needed(parameter)
    flag = getattr(parameter, "is_flag", False)
    name = parameter.opts[0] if flag or not metavar else f"{parameter.opts[0]} {metavar}"
    return code(name), parameter.help or "", "" if flag else _needed(parameter)


def _needed(parameter: Any) -> str:
    if parameter.required:
        return "required"
    return "" if parameter.default in (None, "", ()) else code(parameter.default)
