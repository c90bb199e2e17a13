"""How a failure leaves the command line: exit code, two short languages, a remedy; never a traceback."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from chain_service.core.encoding.visible_text import escaped
from chain_service.error_codes import CODES, meaning_of, problem_object
from chain_service.errors import MOST_ERRORS, BadRequest, ChainServiceError, InvalidProof, Unavailable

DONE, REFUSED, WRONG_USAGE, INDETERMINATE, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 3, 4, 130

_BY_CODE = {
    "not_initialised": WRONG_USAGE,
    "no_network": WRONG_USAGE,
    "no_password": WRONG_USAGE,
    "no_registrar": WRONG_USAGE,
    "wrong_password": WRONG_USAGE,
    "wrong_chain": UNAVAILABLE,
    "no_trust": WRONG_USAGE,
    "foreign_trust": REFUSED,
    "wrong_fingerprint": REFUSED,
    "papers_refused": REFUSED,
    "internal_error": UNAVAILABLE,
    "interrupted": INTERRUPTED,
}


class Failure(ChainServiceError):
    """What went wrong at this door rather than in a job."""


def exit_code(error: ChainServiceError) -> int:
    """2 for what the operator has to change, 4 for what is not there now, 1 for what was refused."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    if isinstance(error, InvalidProof):  # the chain's: foreign papers get a verdict
        return UNAVAILABLE
    if isinstance(error, BadRequest):
        return WRONG_USAGE
    return UNAVAILABLE if isinstance(error, Unavailable) else REFUSED


@contextmanager
def papers() -> Iterator[None]:
    """Foreign papers that prove nothing, a trust file or a log's note, are refused (exit 1): no fault of the chain."""
    try:
        yield
    except InvalidProof as error:
        code = "papers_refused" if error.code == InvalidProof.default_code else error.code
        raise Failure(error.message, code=code, **error.details) from error


def unforeseen(error: BaseException) -> Failure:
    """An error nobody meant, in one line: its type and the place in our code where it came up."""
    ours = [f for f in traceback.extract_tb(error.__traceback__) if "chain_service" in f.filename]
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return Failure(f"{type(error).__name__}{place}: {str(error)[:300]}", code="internal_error")


def report(error: ChainServiceError, *, as_json: bool) -> int:
    """The failure is told, on standard error for people, on standard output as `{"error": problem}` with --json."""
    problem = problem_object(error)
    if as_json:
        sys.stdout.write(orjson.dumps({"error": problem}, default=str).decode() + "\n")
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
    console.print(f"  {meaning.zh}", markup=False)
    if meaning.en not in error.message:
        console.print(f"  {meaning.en}", markup=False)
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
            console.print(f"  {code}: {CODES[code].zh} · {CODES[code].en}", markup=False)
    if len(entries) == MOST_ERRORS:
        console.print(f"  仅列出前 {MOST_ERRORS} 处 only the first {MOST_ERRORS} are told", markup=False)
