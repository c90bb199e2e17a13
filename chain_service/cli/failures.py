"""How a failure leaves the command line: exit code, two short languages, a remedy; never a traceback."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from rich.console import Console

from chain_service.error_codes import meaning_of, problem_object
from chain_service.errors import BadRequest, ChainServiceError, InvalidProof, Unavailable

DONE, REFUSED, WRONG_USAGE, INDETERMINATE, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 3, 4, 130

_BY_CODE = {
    "not_initialised": WRONG_USAGE,
    "no_network": WRONG_USAGE,
    "no_password": WRONG_USAGE,
    "no_registrar": WRONG_USAGE,
    "wrong_password": WRONG_USAGE,
    "wrong_chain": UNAVAILABLE,
    "no_trust": WRONG_USAGE,
    "not_installed": WRONG_USAGE,
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
    if as_json:
        sys.stdout.write(orjson.dumps({"error": problem_object(error)}, default=str).decode() + "\n")
        sys.stdout.flush()
    meaning = meaning_of(error)
    console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    console.print("错误 Error ", style="bold red", end="")
    console.print(error.code, style="bold", markup=False)
    console.print(f"  {error.message}", markup=False)
    console.print(f"  {meaning.zh}", markup=False)
    if meaning.en not in error.message:
        console.print(f"  {meaning.en}", markup=False)
    return exit_code(error)
