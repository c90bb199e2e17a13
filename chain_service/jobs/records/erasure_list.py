"""What was erased, which keys have ended and which rules were set, listed beside the database and done again in one
that is older.

A backup brings back what was erased after it, keys that have ended and rules that were replaced. The list is outside
of the database so that it outlives it: one line of JSON each, written before the database is changed. Copy it elsewhere as
often as you can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from chain_service import files
from chain_service.config import Settings
from chain_service.core.encoding.canonical import read_json
from chain_service.core.encoding.display import moment
from chain_service.errors import MalformedRecord
from chain_service.jobs.context import App

FILE = "erasures.ndjson"
LONGEST_LINE = 64 * 1024


def note_erasure(app: App, record_id: str, org: str, reason: str) -> None:
    """The list names the record, durably."""
    _note(app, {"erased": record_id, "org": org, "reason": reason})


def note_revocation(app: App, key_id: str) -> None:
    """The list names the key, durably."""
    _note(app, {"revoked": key_id})


def note_end(app: App, key_id: str, ends: float) -> None:
    """The list names the key, which was replaced by another, and the second in which it ends, durably."""
    _note(app, {"ended": key_id, "ends": int(ends)})


def note_rule(app: App, org: str, n: int, second_approval: bool, daily_ends: int | None) -> None:
    """The list names the organisation's `n`th rule for final ends, durably."""
    _note(app, {"rule": org, "n": n, "secondApproval": second_approval, "dailyEnds": daily_ends})


def _note(app: App, act: Mapping[str, Any]) -> None:
    app.settings.erasures.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.append_line(app.settings.erasures, orjson.dumps({**act, "at": moment(app.now)}))


def read_list(file: Path) -> list[dict[str, Any]]:
    """The acts that the list names; a line that a crash cut short was not acted on and is left out."""
    acts = []
    for line in file.read_bytes().splitlines() if file.is_file() else ():
        try:
            act = read_json(line, limit=LONGEST_LINE, exact=True)
        except MalformedRecord:
            continue
        if isinstance(act, dict):
            acts.append(act)
    return acts


def of_instance(settings: Settings) -> list[Path]:
    """The lists that there are: the one in force, and the one in DIR, which a restore makes of the backup's."""
    lists = dict.fromkeys((settings.data / FILE, settings.erasures))
    return [file for file in lists if file.is_file()]


def merged(lists: Iterable[Path]) -> bytes:
    """One list of all that these name, each act once, in order."""
    acts = dict.fromkeys(orjson.dumps(act, option=orjson.OPT_SORT_KEYS) for file in lists for act in read_list(file))
    return b"".join(act + b"\n" for act in acts)
