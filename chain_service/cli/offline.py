"""verify --offline: receipts and a trust file instead of a chain; no instance, no database, no network."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain_service.cli.door import Door, read_input
from chain_service.cli.failures import papers
from chain_service.cli.heads import Heads
from chain_service.core.digests import file_digests
from chain_service.core.offline import present, seen_blocks, verify_offline
from chain_service.core.receipts import MAX_RECEIPT_BYTES
from chain_service.core.trust import MAX_TRUST_BYTES, TrustFile, parse
from chain_service.errors import BadRequest

TRUST_FILE = "trust.cose"
_JSON_LIMIT = 2**20


@dataclass(frozen=True)
class Asked:
    """One thing to verify: what was handed in, by path."""

    name: str
    disclosure: Path | None
    receipt: Path
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


def _beside(file: Path) -> Path:
    found = file.with_name(f"{file.name.removesuffix('.json').removesuffix('.disclosure')}.receipt")
    if not found.is_file():
        raise BadRequest(
            f"{file} has no receipt: neither --receipt nor {found.name} beside it",
            code="file_not_found",
            file=str(file),
        )
    return found


def verdicts(
    asked: Sequence[Asked], trust: TrustFile, at: int | None, heads: Heads, max_file: int
) -> Iterator[dict[str, Any]]:
    """A verdict for each, in order; what they prove is remembered in `heads`."""
    try:
        for one in asked:
            disclosure = read_input(one.disclosure, _JSON_LIMIT) if one.disclosure else None
            files = (file_digests(read_input(one.file, max_file)),) if one.file else ()
            receipt = read_input(one.receipt, MAX_RECEIPT_BYTES + 1)
            presented = present(disclosure, files, whole_files=one.file is not None)
            now = int(time.time())
            yield verify_offline(receipt, presented, trust, now=now, at=at, remembered=heads.remembered).to_json()
            if heads.file is not None:
                heads.learn(seen_blocks(receipt, trust))
    finally:
        heads.save()
