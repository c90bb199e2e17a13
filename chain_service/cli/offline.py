"""verify --offline: receipts and a trust file instead of a chain; no instance, no database, no network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from chain_service.cli.door import Door, read_input
from chain_service.cli.failures import papers
from chain_service.cli.heads import Heads
from chain_service.config import Settings
from chain_service.core.digests import file_digests
from chain_service.core.judge import Examine
from chain_service.core.offline import Examining, present, seen_blocks, verify_offline
from chain_service.core.receipts import MAX_RECEIPT_BYTES
from chain_service.core.trust import MAX_TRUST_BYTES, TrustFile, parse
from chain_service.errors import BadRequest
from chain_service.jobs.anchors import Anchors
from chain_service.jobs.documents import Examined, examine_file, no_signatures
from chain_service.jobs.parsers import Parsers, parser_limits

Examiner = Callable[[bytes | None], Examined | None]
"""Reads a file, if it is a document, in another process."""

TRUST_FILE = "trust.cose"
_JSON_LIMIT = 2**20


@dataclass(frozen=True)
class Asked:
    """One thing to verify: what was handed in, by path."""

    name: str
    disclosure: Path | None
    receipt: Path | None
    """None: the one that is attached to the file."""
    file: Path | None


def the_trust(door: Door, named: Path | None) -> TrustFile:
    """The trust file named, else the one in DIR. Raises BadRequest (`usage`), as `core.trust.parse`."""
    file = named or door.settings().data / TRUST_FILE
    if named is None and not file.is_file():
        raise BadRequest("--offline needs --trust TRUST: no trust file is in use here", code="usage", field="--trust")
    with papers():
        return parse(read_input(file, MAX_TRUST_BYTES + 1))


def collect(files: Sequence[Path], disclosure: Path | None, receipt: Path | None) -> list[Asked]:
    """What to verify; the receipt of ID.disclosure.json is ID.receipt beside it unless one is named.

    A PDF may have its receipt attached.

    Raises BadRequest (`file_not_found`) where there is none.
    """
    if not files:
        if receipt is None:
            raise BadRequest("name a FILE or a --receipt", code="usage")
        return [Asked(str(disclosure or receipt), disclosure, receipt, None)]
    asked = []
    for file in files:
        shown = disclosure is None and file.suffix == ".json"
        asked.append(Asked(str(file), file if shown else disclosure, receipt or _beside(file), None if shown else file))
    return asked


def _beside(file: Path) -> Path | None:
    found = file.with_name(f"{file.name.removesuffix('.json').removesuffix('.disclosure')}.receipt")
    if not found.is_file():
        if file.suffix.lower() == ".pdf":
            return None
        raise BadRequest(
            f"{file} has no receipt: neither --receipt nor {found.name} beside it",
            code="file_not_found",
            file=str(file),
        )
    return found


@contextmanager
def reading(settings: Settings, anchors: Path | None) -> Iterator[tuple[Examiner, bool]]:
    """How files are read: with the trust store named, else that of DIR; False where there is none to judge with.

    Raises BadRequest (`file_not_found`) for a directory named that does not exist.
    """
    directory = anchors or settings.trust_directory
    if anchors is not None and not directory.is_dir():
        raise BadRequest(f"{anchors} is no directory", code="file_not_found", field="--anchors")
    parsers = Parsers(parser_limits(settings), Anchors(directory, settings.sm2_user_id.encode()))
    try:
        yield partial(_examined, parsers, settings.revocation_list_age), directory.is_dir()
    finally:
        parsers.close()


def _examined(parsers: Parsers, list_age: float, data: bytes | None) -> Examined | None:
    return examine_file(parsers, data, list_age, public=False)


def _attached(asked: Asked, found: Examined | None) -> bytes:
    if found is None or found.facts.receipt is None:
        raise BadRequest(
            f"{asked.name} has no receipt: neither --receipt nor one beside it or attached to it",
            code="file_not_found",
            file=asked.name,
        )
    return found.facts.receipt


def _how(found: Examined | None) -> Examining:
    return _no_signatures if found is None else found.examine


def _no_signatures(*_: object) -> Examine:
    return no_signatures


def verdicts(
    asked: Sequence[Asked],
    trust: TrustFile,
    at: int | None,
    heads: Heads,
    max_file: int,
    examiner: Examiner | None = None,
    judged: bool = False,
    accept_stale: bool = False,
) -> Iterator[dict[str, Any]]:
    """A verdict for each, in order; what they prove is remembered in `heads`.

    judged: whether signatures are. accept_stale: an outdated trust file is accepted, which the verdict names.
    """
    try:
        for one in asked:
            disclosure = read_input(one.disclosure, _JSON_LIMIT) if one.disclosure else None
            data = read_input(one.file, max_file) if one.file else None
            found = None if examiner is None else examiner(data)
            receipt = read_input(one.receipt, MAX_RECEIPT_BYTES + 1) if one.receipt else _attached(one, found)
            before = {} if found is None else found.before_attaching
            yield verify_offline(
                receipt,
                present(
                    disclosure,
                    () if data is None else (file_digests(data),),
                    whole_files=data is not None,
                    before_attaching=before,
                ),
                trust,
                now=int(time.time()),
                at=at,
                remembered=heads.remembered,
                examining=_how(found) if judged else None,
                accept_stale=accept_stale,
            ).to_json()
            if heads.file is not None:
                heads.learn(seen_blocks(receipt, trust))
    finally:
        heads.save()
