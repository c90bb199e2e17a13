"""verify and present: what a counter asks, and what a holder shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import orjson
import typer

from chain_service.cli import show
from chain_service.cli.door import Door, catch_up, read_input, the_door, write_output
from chain_service.cli.failures import DONE, INDETERMINATE, REFUSED
from chain_service.cli.options import parse_moment_option, split_names
from chain_service.core.canonical import read_json
from chain_service.errors import BadRequest, InvalidProof, MalformedRecord

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
    receipt: Annotated[Path | None, typer.Option(metavar="R", help="Receipt, or proof in JSON.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="Moment asked about, RFC 3339; default now.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="By receipt and trust file alone: no network.")] = False,
    trust: Annotated[
        Path | None, typer.Option(metavar="TRUST", help="Trust file for --offline; DIR/trust.cose by default.")
    ] = None,
    heads: Annotated[Path | None, typer.Option(metavar="FILE", help="With --offline: proven blocks.")] = None,
    anchors: Annotated[Path | None, typer.Option(metavar="DIR", help="With --offline: trust store.")] = None,
    accept_stale_trust: Annotated[
        bool, typer.Option("--accept-stale-trust", help="With --offline: beyond the trust file's limits too.")
    ] = False,
) -> None:
    """Verify files and disclosures against the chain. 核验

    A FILE that is a disclosure in JSON is taken as one; any other is looked up
    by its digest, and the signatures of an OFD or PDF are judged with the trust
    store (setting trust_store). With --json several FILEs give an array.

    --offline needs no instance and opens no connection. The receipt of
    ID.disclosure.json is ID.receipt beside it, unless --receipt names another;
    that of a PDF may be attached to it. After the trust file has expired, or its
    trusting period is over, nothing can be told unless --accept-stale-trust is
    given; the verdict then says so.

    Exit code: 0 valid, 1 invalid, 3 cannot tell; the worst decides (1, 3, 0).

    Examples:

      chain-service verify licence.ofd
      chain-service verify licence.ofd --disclosure 0d7c….disclosure.json
      chain-service verify receipts/*.disclosure.json
      chain-service verify licence.ofd --at 2026-01-31T08:00:00Z
      chain-service verify --offline --trust city.trust out/*.disclosure.json
      chain-service verify --offline --trust city.trust licence.ofd \\
          --disclosure 0d7c….disclosure.json --receipt 0d7c….receipt
    """
    door = the_door(context)
    moment = parse_moment_option(at)
    if not offline and (trust or heads or anchors or accept_stale_trust):
        named = "--trust, --heads, --anchors and --accept-stale-trust"
        raise BadRequest(f"{named} belong to --offline", code="usage", field="--offline")
    if offline:
        _verify_offline(door, files or [], disclosure, receipt, moment, trust, heads, anchors, accept_stale_trust)
    else:
        _verify_online(door, files or [], disclosure, receipt, moment)


def _verify_offline(
    door: Door,
    files: list[Path],
    disclosure: Path | None,
    receipt: Path | None,
    moment: int | None,
    trust: Path | None,
    heads: Path | None,
    anchors: Path | None,
    accept_stale: bool,
) -> None:
    from chain_service.cli import offline as apart
    from chain_service.cli.heads import Heads

    asked = apart.collect(files, disclosure, receipt)
    trusted, known, settings = apart.the_trust(door, trust), Heads.load(heads), door.settings()
    with apart.reading(settings, anchors) as (examiner, judged):
        found = apart.verdicts(asked, trusted, moment, known, settings.max_file, examiner, judged, accept_stale)
        _tell(door, [one.name for one in asked], found)


def _verify_online(
    door: Door, files: list[Path], disclosure: Path | None, receipt: Path | None, moment: int | None
) -> None:
    from chain_service.jobs.verify import verify_many

    settings = door.settings()
    extra = {
        "disclosure": read_input(disclosure, _JSON_LIMIT) if disclosure else None,
        "receipt": read_input(receipt, _JSON_LIMIT) if receipt else None,
        "at": moment,
    }
    asked: list[tuple[str, Question]] = [(str(path), _question(path, settings.max_file, extra)) for path in files]
    if not asked:
        if not (disclosure or receipt):
            raise BadRequest("name a FILE, a --disclosure or a --receipt", code="usage")
        asked = [(str(disclosure or receipt), _asked(extra))]
    app = door.app()
    # where what the node says does not hold, each verdict says so
    with suppress(InvalidProof):
        catch_up(app)
    verdicts = verify_many(app, (question for _, question in asked), operator=True)
    _tell(door, [name for name, _ in asked], (verdict.to_json() for verdict in verdicts))


def _tell(door: Door, names: list[str], verdicts: Iterator[dict[str, Any]]) -> NoReturn:
    """Shows the verdicts as they come and ends with the worst one's exit code."""
    found: list[dict[str, Any]] = []
    with door.progress() as progress:
        for verdict in verdicts:
            found.append(verdict)
            progress("verify", len(found), len(names))
    named = [{"file": name, **value} for name, value in zip(names, found, strict=True)]
    door.answer(
        named[0] if len(named) == 1 else named,
        lambda out: show.verdicts(out, named),
        "\n".join(f"{value['verdict']} {value['code']}" for value in named),
    )
    codes = {_EXIT[value["verdict"]] for value in named}
    raise typer.Exit(REFUSED if REFUSED in codes else INDETERMINATE if INDETERMINATE in codes else DONE)


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
        value = read_json(data, limit=_JSON_LIMIT)
    except MalformedRecord:
        return False
    return isinstance(value, dict) and ({"record", "salt"} <= value.keys() or {"open", "covered"} <= value.keys())


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
