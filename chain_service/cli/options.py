"""Arguments and options that several commands share."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from chain_service.core.encoding.decoding import read_day
from chain_service.errors import BadRequest

Org = Annotated[str, typer.Option("--org", metavar="CODE", help="Organisation's unified social credit code.")]
Registrar = Annotated[
    Path | None,
    typer.Option(metavar="KEYSTORE", help="Registrar's keystore; DIR/registrar.json by default."),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until final on chain; does the workers' steps if none run.")]
Cursor = Annotated[str | None, typer.Option(metavar="CURSOR", help="`next` of the previous page.")]
Limit = Annotated[int, typer.Option(min=1, max=500, metavar="N", help="Entries of a page.")]
Timeout = Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long --wait waits.")]


def parse_day(text: str, option: str) -> date:
    """The date `YYYY-MM-DD`. Raises BadRequest (`usage`)."""
    why = f"{option} must be a date YYYY-MM-DD, not {text!r}"
    return read_day(text, refuse=lambda _: BadRequest(why, code="usage", field=option))


def parse_moment_option(text: str | None, option: str = "--at") -> int | None:
    """Unix seconds of an option that is a moment. Raises BadRequest (`usage`)."""
    from chain_service.web.schemas.requests import parse_moment

    try:
        return None if text is None else parse_moment(text)
    except ValueError as error:
        raise BadRequest(f"{option} {error}", code="usage", field=option) from None


_PERIOD = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}


def parse_period(text: str, option: str) -> int:
    """Seconds of `30m`, `12h` or `7d`. Raises BadRequest (`usage`)."""
    match = _PERIOD.fullmatch(text.strip())
    if match is None:
        raise BadRequest(f"{option} must be a period such as 7d, 12h or 30m", code="usage", field=option)
    return int(match[1]) * _SECONDS[match[2]]


def parse_end(text: str | None, option: str, now: float) -> float | None:
    """Unix seconds of a moment, or of the end of a period from now. Raises BadRequest (`usage`)."""
    if text is None or not _PERIOD.fullmatch(text.strip()):
        return parse_moment_option(text, option)
    return now + parse_period(text, option)


def split_names(text: str, option: str) -> list[str]:
    """The names of a comma-separated list. Raises BadRequest (`usage`) when there is none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise BadRequest(f"{option} needs at least one name", code="usage", field=option)
    return names
