"""How a failure leaves the command line: exit code, two short languages, a remedy; never a traceback."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from chain_service.core.encoding.answers import json_bytes
from chain_service.core.encoding.visible_text import escaped
from chain_service.error_codes import CODES, REFUSED, UNAVAILABLE, WRONG_USAGE
from chain_service.errors import MOST_ERRORS, BadRequest, ChainServiceError, InvalidProof
from chain_service.problem_details import meaning_of, problem_object


class CommandFailure(ChainServiceError):
    """What went wrong at this door rather than in a job."""


class PaperRefused(CommandFailure):
    """Something handed in, a trust file or a log's checkpoint, was rejected; the chain and this instance are well."""


def exit_code(error: ChainServiceError) -> int:
    """2 for what the operator has to change, 4 for what is not there now, 1 for what was refused."""
    if isinstance(error, PaperRefused):
        return REFUSED
    code = meaning_of(error).exit
    # what was given is wrong, though the same code elsewhere names something that is not there now
    return WRONG_USAGE if code == UNAVAILABLE and type(error) is BadRequest else code


@contextmanager
def papers() -> Iterator[None]:
    """An invalid proof in a trust file or a log's checkpoint is a refusal (1), not a fault of the chain (4)."""
    try:
        yield
    except InvalidProof as error:
        code = "papers_refused" if error.code == InvalidProof.default_code else error.code
        raise PaperRefused(error.message, code=code, **error.details) from error


def unforeseen(error: BaseException) -> CommandFailure:
    """An unexpected error in one line: its type and the place in our code where it was raised."""
    ours = [f for f in traceback.extract_tb(error.__traceback__) if "chain_service" in f.filename]
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return CommandFailure(f"{type(error).__name__}{place}: {str(error)[:300]}", code="internal_error")


def report(error: ChainServiceError, *, as_json: bool) -> int:
    """Prints the failure: on standard error for people, with --json also on standard output as `{"error": problem}`."""
    problem = problem_object(error)
    if as_json:
        sys.stdout.write(json_bytes({"error": problem}, default=str).decode() + "\n")
        sys.stdout.flush()
    meaning = meaning_of(error)
    console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    console.print("错误 Error ", style="bold red", end="")
    console.print(error.code, style="bold", markup=False)
    entries = problem.get("errors", [])
    if entries:
        console.print()
        _entries(console, entries)
    else:
        console.print(f"  {error.message}", markup=False)
    console.print(f"  {meaning.message_zh}", markup=False)
    if meaning.en not in error.message:
        console.print(f"  {meaning.message_en}", markup=False)
    return exit_code(error)


def _entries(console: Console, entries: Sequence[Mapping[str, Any]]) -> None:
    """Every refusal: where, which, what is wrong in both languages; then what the other codes ask for."""
    for entry in entries:
        where = [f"行 line {entry['line']}"] if "line" in entry else []
        where += [f"条 entry {entry['entry']}"] if "entry" in entry else []
        where += [escaped(entry["field"])] if entry["field"] else []
        console.print("✗ ", style="red", end="")
        console.print("  ".join([*where, entry["code"]]), markup=False)
        console.print(f"    {escaped(entry['message']['zh'])} · {escaped(entry['message']['en'])}", markup=False)
    for code in dict.fromkeys(entry["code"] for entry in entries[1:]):
        if code != entries[0]["code"] and code in CODES:
            console.print(f"  {code}: {CODES[code].message_zh} · {CODES[code].message_en}", markup=False)
    if len(entries) == MOST_ERRORS:
        console.print(f"  仅列出前 {MOST_ERRORS} 处 only the first {MOST_ERRORS} are told", markup=False)
