"""verify and present: what a counter asks, and what a holder shows."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from chain_service.cli import show
from chain_service.cli.door import Door, catch_up, read_input, the_door, write_output
from chain_service.cli.failures import DONE, INDETERMINATE, REFUSED
from chain_service.cli.options import parse_moment_option, split_names
from chain_service.errors import BadRequest, InvalidProof

if TYPE_CHECKING:
    from chain_service.jobs.verify import Question

_EXIT = {"valid": DONE, "invalid": REFUSED, "indeterminate": INDETERMINATE}
_JSON_LIMIT = 2**20


def register(cli: typer.Typer) -> None:
    for command in (verify, present):
        cli.command()(command)


def verify(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="Files or disclosures (JSON).")] = None,
    disclosure: Annotated[Path | None, typer.Option(metavar="D", help="Disclosure, whole or partial.")] = None,
    receipt: Annotated[Path | None, typer.Option(metavar="R", help="The proof that came with the disclosure.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Moment asked about, RFC 3339; now by default.")
    ] = None,
) -> None:
    """Verify files and disclosures against the chain. 核验

    A FILE that is a disclosure in JSON is taken as one; any other is looked up
    by its digest. With --json one FILE gives its verdict, several give an array
    of verdicts, each with its `file`.

    Exit code: 0 valid, 1 invalid, 3 cannot tell; of several the worst decides
    (1 before 3 before 0).

    Examples:

      chain-service verify licence.ofd
      chain-service verify licence.ofd --disclosure 0d7c….disclosure.json
      chain-service verify receipts/*.disclosure.json
      chain-service verify licence.ofd --at 2026-01-31T08:00:00Z
    """
    door = the_door(context)
    extra = {
        "disclosure": read_input(disclosure, _JSON_LIMIT) if disclosure else None,
        "receipt": read_input(receipt, _JSON_LIMIT) if receipt else None,
        "at": parse_moment_option(at),
    }
    limit = door.settings().max_file
    asked = [(str(path), _question(path, limit, extra)) for path in files or ()]
    if not asked:
        if not (disclosure or receipt):
            raise BadRequest("name a FILE, a --disclosure or a --receipt", code="usage")
        asked = [(str(disclosure or receipt), _asked(extra))]
    named = _verdicts(door, asked)
    door.answer(
        named[0] if len(named) == 1 else named,
        lambda out: show.verdicts(out, named),
        "\n".join(f"{value['verdict']} {value['code']}" for value in named),
    )
    codes = {_EXIT[value["verdict"]] for value in named}
    raise typer.Exit(REFUSED if REFUSED in codes else INDETERMINATE if INDETERMINATE in codes else DONE)


def _verdicts(door: Door, asked: list[tuple[str, Question]]) -> list[dict[str, Any]]:
    """The verdict on each question, with its file's name, judged on an index as new as the node.

    Where what the node says does not hold, each verdict says so.
    """
    from chain_service.jobs.verify import verify_many

    app = door.app()
    with suppress(InvalidProof):
        catch_up(app)
    named: list[dict[str, Any]] = []
    with door.progress() as progress:
        for verdict in verify_many(app, (question for _, question in asked), None):
            named.append({"file": asked[len(named)][0], **verdict.to_json()})
            progress("verify", len(named), len(asked))
    return named


def _question(path: Path, limit: int, extra: dict[str, Any]) -> Question:
    data = read_input(path, limit)
    if extra["disclosure"] is None and _is_disclosure(data):
        return _asked({**extra, "disclosure": data})
    return _asked({**extra, "file": data})


def _asked(parts: dict[str, Any]) -> Question:
    from chain_service.jobs.verify import Question

    empty = dict.fromkeys(("disclosure", "receipt", "file", "digest", "identifier", "number", "holder_name"))
    return Question(**{**empty, "at": None, "use_cause": None, **parts})


def _is_disclosure(data: bytes) -> bool:
    if len(data) > _JSON_LIMIT or not data.lstrip().startswith(b"{"):
        return False
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return ("record" in value and "salt" in value) or ("open" in value and "covered" in value)


def present(
    context: typer.Context,
    record: Annotated[str, typer.Argument(metavar="RECORD", help="Record id.")],
    reveal: Annotated[str, typer.Option(metavar="NAME,NAME", help="Members to show, e.g. certificateNumber.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there.")] = None,
) -> None:
    """Make a partial disclosure: some members shown, the others provably present and unseen. 部分披露

    Open members (type, issuer, dates) are always shown. Holders and sector
    fields are named like holders.0.certificateHolderName and extension.area.

    Example:

      chain-service present 0d7c… --reveal certificateNumber --out part.json
    """
    from chain_service.jobs import records

    door = the_door(context)
    names = split_names(reveal, "--reveal")
    app = door.app()
    owner = records.read(app, record, None)["org"]
    made = records.present(app, record, names, door.operator(owner))
    if out is None:
        door.answer(made, lambda console: console.print_json(data=made), orjson.dumps(made).decode())
        return
    write_output(out, made)
    done = {"record": record, "file": str(out), "revealed": names}
    door.answer(done, lambda console: show.facts(console, done), str(out))
