"""anchor and erase: records come in, and their contents go."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chain_service.cli import render
from chain_service.cli.attached_documents import DirectoryDocuments
from chain_service.cli.invocation import Invocation, catch_up, invocation, replace_file, write_output
from chain_service.cli.options import Org, Timeout, Wait
from chain_service.error_codes import REFUSED
from chain_service.errors import BadRequest, Forbidden, Gone

if TYPE_CHECKING:
    from chain_service.jobs.anchoring.submit_records import AcceptedRecord
    from chain_service.jobs.asker import Operator
    from chain_service.jobs.context import App, Progress


_STATES = {
    "pending": "accepted 已受理",
    "batched": "in a batch 待上链",
    "anchored": "anchored 已上链",
    "failed": "failed 未能上链",
}


def register(cli: typer.Typer) -> None:
    """The commands `anchor` and `erase` are on the command line."""
    for command in (anchor, erase):
        cli.command()(command)


def anchor(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Records, one JSON object a line.")],
    org: Org,
    wait: Wait = False,
    timeout: Timeout = 600,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write what each holder gets; implies --wait.")
    ] = None,
    documents: Annotated[Path | None, typer.Option(metavar="DIR", help="Directory of named documents.")] = None,
) -> None:
    """Anchor records: the whole file is checked first, then stored; the chain follows. 记录上链

    --out writes ID.disclosure.json and ID.receipt for each record: with a trust
    file they prove it without any server. Running it again is safe: the same
    content gives the same ids.

    With --documents a record names its documents by path below DIR, as
    "files": [{"path": "licence.ofd"}]: both digests are computed from them.

    Examples:

      chain-service anchor certificates.ndjson --org 11430000006122244L --wait
      chain-service anchor - --org 11430000006122244L --out out/ < new.ndjson
      chain-service anchor new.ndjson --org 11430000006122244L --documents in/
    """
    from chain_service.jobs.workers import wait_anchored

    door = invocation(context)
    attached = DirectoryDocuments(documents, door.settings().max_file) if documents is not None else None
    source = _Source(file, attached)
    app = door.app()
    operator = door.operator(org)
    _make_directory(out)
    with door.progress() as progress:
        total = _checked(app, operator, source)
        if total == 0:
            raise BadRequest(f"{file} has no record", code="malformed_request", file=file)
        accepted = _store(app, operator, source, lambda done: progress("store", done, total))
        states = {record.id: record.state for record in accepted}
        if wait or out is not None:
            failed = wait_anchored(app, list(states), timeout=timeout, progress=progress)
            states = dict.fromkeys(states, "anchored") | dict.fromkeys(failed, "failed")
        if out is not None:
            _hand_out(app, operator, [one for one, state in states.items() if state == "anchored"], out, progress)
    _tell(door, accepted, states, out)
    if "failed" in states.values():
        raise typer.Exit(REFUSED)


def _tell(door: Invocation, accepted: list[AcceptedRecord], states: Mapping[str, str], out: Path | None) -> None:
    done = [replace(record, state=states[record.id]) for record in accepted]
    counted = ", ".join(f"{count} {_STATES.get(state, state)}" for state, count in Counter(states.values()).items())
    created = sum(1 for record in accepted if record.created)
    door.answer(
        {"records": done, **({"out": str(out)} if out else {})},
        lambda console: console.print(
            f"{len(done)} records: {counted}; {created} of them new" + (f"; written to {out}" if out else ""),
            markup=False,
        ),
        "\n".join(record.id for record in accepted),
    )


class _Source:
    """The lines of a file, or of standard input, as often as they are wanted."""

    def __init__(self, name: str, documents: DirectoryDocuments | None) -> None:
        self.name = name
        self.documents = documents
        self.kept = sys.stdin.buffer.readlines() if name == "-" else None

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """(number from 1, text) of every line that is not blank. Raises BadRequest (`file_not_found`)."""
        if self.documents is not None:
            yield from self.documents.attached(self._lines())
        else:
            yield from self._lines()

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        if self.kept is not None:
            yield from self._numbered(iter(self.kept))
            return
        try:
            with Path(self.name).open("rb") as stream:
                yield from self._numbered(stream)
        except OSError as error:
            raise BadRequest(f"{self.name}: {error.strerror}", code="file_not_found", file=self.name) from None

    def _numbered(self, lines: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
        for number, line in enumerate(lines, 1):
            if text := line.strip():
                yield number, text


def _checked(app: App, operator: Operator, source: _Source) -> int:
    """How many good records there are. What the registrar did just now may not be indexed yet: look once more."""
    from chain_service.jobs.anchoring.submit_records import check

    try:
        return check(app, operator, source.lines())
    except (BadRequest, Forbidden) as refusal:
        codes = {error.code for error in refusal.errors or (refusal,)}
        if codes.isdisjoint(("organisation_not_registered", "issuer_not_permitted")):
            raise
        catch_up(app)
        return check(app, operator, source.lines())


def _store(app: App, operator: Operator, source: _Source, told: Any) -> list[AcceptedRecord]:
    from chain_service.jobs.anchoring.submit_records import submit

    accepted: list[AcceptedRecord] = []
    lines = source.lines()
    while chunk := list(islice(lines, app.settings.max_lines)):
        accepted += submit(app, operator, chunk)
        told(len(accepted))
    return accepted


def _make_directory(out: Path | None) -> None:
    if out is None:
        return
    try:
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadRequest(f"{out}: {error.strerror}", code="file_not_written", file=str(out)) from None


def _hand_out(app: App, operator: Operator, ids: list[str], out: Path, progress: Progress) -> None:
    from chain_service.jobs.proofs import receipts

    for handed_out in receipts.hand_out(app, operator, ids, progress):
        replace_file(out / f"{handed_out.id}.receipt", handed_out.receipt)
        if handed_out.disclosure is not None:
            write_output(out / f"{handed_out.id}.disclosure.json", handed_out.disclosure.to_json())


def erase(
    context: typer.Context,
    record: Annotated[str, typer.Argument(metavar="RECORD", help="Record id.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept, so no personal data.")],
) -> None:
    """Destroy a record's content and salt for good; the proof of existence stays. 删除记录内容

    Example:

      chain-service erase 0d7c… --reason "holder's request under PIPL Art. 47"
    """
    from chain_service.jobs.records import records
    from chain_service.jobs.records.answers import Erasure

    door = invocation(context)
    app = door.app()
    try:
        operator = door.operator_for(app, record)
    except Gone:
        done = Erasure(record, erased=True, changed=False)
    else:
        done = records.erase(app, record, reason, operator)
    door.answer(done, lambda console: render.facts(console, done), record)
