"""verify and present: what a counter asks, and what a holder shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import orjson
import typer

from chain_service.cli import render
from chain_service.cli.invocation import Invocation, catch_up, invocation, read_input, write_output
from chain_service.cli.options import parse_moment_option, split_names
from chain_service.error_codes import DONE, INDETERMINATE, REFUSED
from chain_service.errors import BadRequest, InvalidProof

if TYPE_CHECKING:
    from chain_service.core.verdicts.paper_kinds import Paper

_EXIT = {"valid": DONE, "invalid": REFUSED, "indeterminate": INDETERMINATE}


def register(cli: typer.Typer) -> None:
    """The commands `verify` and `present` are on the command line."""
    for command in (verify, present):
        cli.command()(command)


def verify(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Documents, disclosures, receipts.")
    ] = None,
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
    r"""Verify what a holder presents against the chain. 核验

    What each FILE is, a disclosure, receipt, proof, trust file or document, is
    told by its bytes. Those of one record are verified together, up to 10. The
    signatures of an OFD or PDF are judged by the trust store.

    --offline needs no instance and opens no connection. The receipt of
    ID.disclosure.json is ID.receipt beside it, unless one is named; that of a
    PDF may be attached to it. --accept-stale-trust judges beyond the trust
    file's limits, and the verdict says so.

    Exit code: 0 valid, 1 invalid, 3 cannot tell; the worst decides (1, 3, 0).

    Examples:

      chain-service verify licence.ofd 0d7c….disclosure.json 0d7c….receipt
      chain-service verify licence.ofd --at 2026-01-31T08:00:00Z
      chain-service verify --offline --trust city.trust out/*.disclosure.json
      chain-service verify --offline --trust city.trust licence.ofd \
          --disclosure 0d7c….disclosure.json --receipt 0d7c….receipt
    """
    door = invocation(context)
    moment = parse_moment_option(at)
    if not offline and (trust or heads or anchors or accept_stale_trust):
        raise BadRequest(_FOR_OFFLINE, code="usage", field="--offline")
    handed = _Handed(files or [], {"disclosure": disclosure, "receipt": receipt}, door.settings().max_file)
    if offline:
        _verify_offline(door, handed, moment, trust, heads, anchors, accept_stale=accept_stale_trust)
    else:
        _verify_online(door, handed, moment)


_FOR_OFFLINE = "--trust, --heads, --anchors and --accept-stale-trust belong to --offline"


@dataclass(frozen=True)
class _Handed:
    """What was named on the command line; `options` by what it was named as."""

    files: list[Path]
    options: dict[str, Path | None]
    limit: int

    def __post_init__(self) -> None:
        if not self.files and not any(self.options.values()):
            raise BadRequest("name a FILE, a --disclosure or a --receipt", code="usage")

    @property
    def few(self) -> bool:
        """Whether they are few enough to be sorted by the record that each belongs to."""
        from chain_service.jobs.verifying.several_papers import MAX_PAPERS

        return len(self.files) + len(self.options) <= MAX_PAPERS

    def each(self) -> Iterator[list[Paper]]:
        """Every FILE by itself, with what was named as an option."""
        if not self.files:
            yield self._named()
        for path in self.files:
            yield [self._paper(path), *self._named()]

    def all(self) -> list[Paper]:
        return [*map(self._paper, self.files), *self._named()]

    def _named(self) -> list[Paper]:
        return [self._paper(path, called) for called, path in self.options.items() if path is not None]

    def _paper(self, path: Path, called: str | None = None) -> Paper:
        from chain_service.core.verdicts.paper_kinds import MAX_JSON, PaperKind, take

        data = read_input(path, self.limit if called is None else MAX_JSON)
        return take(str(path), data, None if called is None else PaperKind(called))


def _verify_offline(
    door: Invocation,
    handed: _Handed,
    moment: int | None,
    trust: Path | None,
    heads: Path | None,
    anchors: Path | None,
    *,
    accept_stale: bool,
) -> None:
    from chain_service.cli.commands import offline as offline_papers
    from chain_service.cli.proven_heads import Heads

    trusted, known = offline_papers.the_trust(door, trust), Heads.load(heads)
    with offline_papers.reading(door.settings(), anchors) as (examiner, judged):
        desk = offline_papers.OfflineVerifier(trusted, moment, known, examiner, judged, accept_stale)
        if handed.few:
            lists = desk.split(offline_papers.with_receipts(handed.all()))
            _tell(door, [_name(group) for group in lists], desk.verdicts(lists))
        else:
            each = (offline_papers.with_receipts(papers_of_one) for papers_of_one in handed.each())
            _tell(door, [str(path) for path in handed.files], desk.verdicts(each))


def _verify_online(door: Invocation, handed: _Handed, moment: int | None) -> None:
    from chain_service.jobs.verifying.verify_papers import holders, verify_lists

    app = door.app(migrate=False)  # who only asks changes nothing that an older service is working with
    papers = handed.all() if handed.few else None
    # where what the node says does not hold, each verdict says so
    with suppress(InvalidProof):
        catch_up(app)
    lists: Iterable[list[Paper]]
    if papers is not None:
        lists = holders(app, papers, moment)
        names = [_name(group) for group in lists]
    else:
        lists, names = handed.each(), [str(path) for path in handed.files]
    verdicts = verify_lists(app, lists, moment)
    _tell(door, names, (verdict.to_json() for verdict in verdicts))


def _name(papers: Sequence[Paper]) -> str:
    return ", ".join(paper.name for paper in papers)


def _tell(door: Invocation, names: list[str], verdicts: Iterator[dict[str, Any]]) -> NoReturn:
    """Shows the verdicts as they come and ends with the worst one's exit code."""
    shown: list[dict[str, Any]] = []
    with door.progress() as progress:
        for verdict in verdicts:
            shown.append(verdict)
            progress("verify", len(shown), len(names))
    named = [{"file": name, **value} for name, value in zip(names, shown, strict=True)]
    door.answer(
        named[0] if len(named) == 1 else named,
        lambda out: render.verdicts(out, named),
        "\n".join(f"{value['verdict']} {value['code']}" for value in named),
    )
    codes = {_EXIT[value["verdict"]] for value in named}
    raise typer.Exit(REFUSED if REFUSED in codes else INDETERMINATE if INDETERMINATE in codes else DONE)


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
    from chain_service.jobs.records import records

    door = invocation(context)
    names = split_names(reveal, "--reveal")
    app = door.app()
    made = records.present(app, record, names, door.operator_for(app, record)).to_json()
    if out is None:
        door.answer(made, lambda console: console.print_json(data=made), orjson.dumps(made).decode())
        return
    write_output(out, made)
    done = {"record": record, "file": str(out), "revealed": names}
    door.answer(done, lambda console: render.facts(console, done), str(out))
