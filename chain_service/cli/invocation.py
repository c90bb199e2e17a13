"""What every command uses: the instance's settings, the opened instance, and the ways to answer."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console

from chain_service import files
from chain_service.config import Settings
from chain_service.core.encoding.answers import json_bytes
from chain_service.core.encoding.canonical import read_json
from chain_service.errors import BadRequest, Conflict, MalformedRecord, Unavailable

if TYPE_CHECKING:
    from chain_service.jobs.asker import Operator
    from chain_service.jobs.context import App, Progress


WIDE = 1000
"""Columns when nobody looks: tables that go into a pipe are never cut."""


@dataclass(frozen=True)
class Invocation:
    """One invocation. Answers go to standard output, everything else to standard error."""

    data: Path | None
    json: bool
    quiet: bool

    @cached_property
    def out(self) -> Console:
        """Standard output for people; where it is no terminal, tables are as wide as their contents."""
        return Console(highlight=False, soft_wrap=True, emoji=False, width=None if sys.stdout.isatty() else WIDE)

    @cached_property
    def err(self) -> Console:
        """Standard error for people: progress, warnings, refusals."""
        return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

    def settings(self, **given: Any) -> Settings:
        """The settings in force; `given` (those not None) win over file and environment.

        Raises BadRequest (`bad_settings`) naming the setting, Conflict (`restore_unfinished`).
        """
        from chain_service.jobs.backups.marker import refuse_unfinished

        settings = self.settings_unchecked(**given)
        refuse_unfinished(settings.data)
        return settings

    def settings_unchecked(self, **given: Any) -> Settings:
        """The same, even while the instance is half restored."""
        values = {name: value for name, value in given.items() if value is not None}
        if self.data is not None:
            values["data"] = self.data
        try:
            settings = Settings(**values)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = ".".join(str(part) for part in first["loc"])
            raise BadRequest(f"{name}: {first['msg']}", code="bad_settings", field=name) from None
        except tomllib.TOMLDecodeError as error:
            raise BadRequest(f"config.toml: {error}", code="bad_settings") from None
        if settings.password_change_file.exists():
            from chain_service.jobs.instance.keystore_password import finish_change

            finish_change(settings)
        return settings

    @cached_property
    def _opened(self) -> ExitStack:
        return ExitStack()

    def app(self, *, migrate: bool = True, **given: Any) -> App:
        """The instance, opened until the command ends. Raises what `open_app` raises."""
        from chain_service.app import open_app

        app = open_app(self.settings(**given), migrate=migrate)
        self._opened.callback(app.close)
        return app

    def close(self) -> None:
        """What was opened is closed."""
        self._opened.close()

    def operator(self, org: str | None = None) -> Operator:
        """Who asks at the command line, acting for this organisation, or for all. Raises `MalformedRecord`."""
        from chain_service.core.registries.typed_codes import typed_org_code
        from chain_service.jobs.asker import Operator

        return Operator(None if org is None else typed_org_code(org, field="--org"))

    def operator_for(self, app: App, record_id: str) -> Operator:
        """Who asks at the command line, acting for the organisation of this record. Raises `NotFound`, `Gone`."""
        from chain_service.jobs.records import records

        return self.operator(records.read(app, record_id).org)

    def answer(self, value: Any, human: Callable[[Console], None], essential: str | None = None) -> None:
        """Shows the answer: JSON with --json, only `essential` with --quiet, else what `human` writes."""
        if self.json:
            sys.stdout.write(json_bytes(value, orjson.OPT_INDENT_2).decode() + "\n")
        elif not self.quiet:
            human(self.out)
        elif essential is not None:
            sys.stdout.write(essential + "\n")
        sys.stdout.flush()

    def note_next(self, cursor: str | None) -> None:
        """Says how to get the next page, where there is one."""
        if cursor is not None and not self.json:
            self.note(f"more: --cursor {cursor}")

    def note(self, text: str) -> None:
        """Says something by the way, on standard error."""
        if not self.quiet:
            self.err.print(text, style="dim", markup=False)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """A progress callback; bars appear on standard error when it is a terminal."""
        if self.quiet or not sys.stderr.isatty():
            yield _unseen
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.err, transient=True) as bars:
            tasks: dict[str, Any] = {}

            def seen(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bars.add_task(what, total=total)
                bars.update(tasks[what], completed=done, total=total)

            yield seen


def _unseen(what: str, done: int, total: int) -> None:
    """The progress that nobody watches."""


def invocation(context: typer.Context) -> Invocation:
    """What the options before the command say; the root of the command line has stored it."""
    door = context.find_root().obj
    assert isinstance(door, Invocation)
    return door


def catch_up(app: App) -> None:
    """The index is as new as the node, where one answers and no worker of this instance does that anyway.

    Raises InvalidProof where what the node says does not hold, Corrupt (`wrong_chain`) where it has another chain.
    """
    from chain_service.jobs.indexing.follow import index
    from chain_service.jobs.leases import ELSEWHERE, worker_lock

    if app.chain is None:
        return
    try:
        with worker_lock(app) as working:
            index(working)
    except Unavailable:
        return
    except Conflict as error:
        if error.code not in ELSEWHERE:
            raise


def read_input(path: Path, limit: int | None = None) -> bytes:
    """The file's bytes, standard input for `-`. Raises BadRequest (`file_not_found`, `file_too_large`)."""
    if str(path) == "-":
        data = sys.stdin.buffer.read() if limit is None else sys.stdin.buffer.read(limit + 1)
    else:
        try:
            with path.open("rb") as stream:
                data = stream.read() if limit is None else stream.read(limit + 1)
        except OSError as error:
            raise BadRequest(f"{path}: {error.strerror}", code="file_not_found", file=str(path)) from None
    if limit is not None and len(data) > limit:
        raise BadRequest(f"{path} has more than {limit / 2**20:.3g} MB", code="file_too_large", file=str(path))
    return data


def read_objects(path: Path) -> list[dict[str, Any]]:
    """The JSON objects in a file: one, an array of them, or one a line. Raises BadRequest."""
    data = read_input(path)
    try:
        value = read_json(data, limit=len(data), exact=True)
    except MalformedRecord as whole:
        lines = [line for line in data.splitlines() if line.strip()]
        if len(lines) < 2:
            why = f"{path} is not JSON: {whole.message}"
            raise BadRequest(why, code="malformed_request", file=str(path)) from None
        value = [_line(path, number, line) for number, line in enumerate(lines, 1)]
    objects = value if isinstance(value, list) else [value]
    if not objects or not all(isinstance(item, dict) for item in objects):
        raise BadRequest(f"{path} must hold JSON objects", code="malformed_request", file=str(path))
    return objects


def _line(path: Path, number: int, line: bytes) -> Any:
    try:
        return read_json(line, limit=len(line), exact=True)
    except MalformedRecord as error:
        why = f"{path} line {number} is not JSON: {error.message}"
        raise BadRequest(why, code="malformed_request", file=str(path), line=number) from None


def write_output(path: Path, value: Any) -> None:
    """`path`, which may be a device such as /dev/stdout, gets the value as JSON. Raises BadRequest."""
    try:
        path.write_bytes(json_bytes(value, orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise BadRequest(f"{path}: {error.strerror}", code="file_not_written", file=str(path)) from None


def replace_file(path: Path, data: bytes) -> None:
    """`path` holds the bytes, whole, instead of its former ones. Raises BadRequest (`file_not_written`)."""
    try:
        files.replace_file(path, data, mode=files.SHARED)
    except OSError as error:
        raise BadRequest(f"{path}: {error.strerror}", code="file_not_written", file=str(path)) from None
