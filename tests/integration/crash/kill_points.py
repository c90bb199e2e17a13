"""Where the service is killed: `python kill_points.py POINT chain-service-arguments…` runs the real program with one
function wrapped from outside, and the process kills itself with SIGKILL the first time it gets there.

Where a folder is named instead of a point all of them are wrapped, and the process dies at the first whose name a file
in that folder has by then; the file goes before it does, so that its successor lives."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any, Literal


def always(_arguments: tuple[Any, ...], _result: Any) -> bool:
    return True


def successful(_arguments: tuple[Any, ...], result: Any) -> bool:
    return bool(result)


def with_events(arguments: tuple[Any, ...], _result: Any) -> bool:
    return bool(arguments[2])


def now() -> bool:
    return True


def demanded(file: Path) -> bool:
    """The file was there; it is not any more."""
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True


def carrying(kind: str) -> Callable[[tuple[Any, ...], Any], bool]:
    return lambda arguments, _result: arguments[1].kind == kind


@dataclass(frozen=True)
class KillPoint:
    """Before or after the call of `function` in `module` for which `when` holds."""

    module: str
    function: str
    moment: Literal["before", "after"]
    when: Callable[[tuple[Any, ...], Any], bool] = always

    def arm(self, due: Callable[[], bool] = now) -> None:
        module = importlib.import_module(f"chain_service.{self.module}")
        real = getattr(module, self.function)

        @wraps(real)
        def wrapped(*arguments: Any, **named: Any) -> Any:
            if self.moment == "before" and self.when(arguments, None) and due():
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*arguments, **named)
            if self.moment == "after" and self.when(arguments, result) and due():
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(module, self.function, wrapped)


POINTS = {
    "records inserted, not committed": KillPoint("store.records", "insert_many", "after"),
    "records committed, not answered": KillPoint("jobs.anchoring.submit_records", "_store", "after"),
    "first answer stored, not committed": KillPoint("store.access.first_answers", "add", "after"),
    "places given, not committed": KillPoint("store.records", "place", "after"),
    "batch closed": KillPoint("jobs.anchoring.close_batches", "_close", "after", successful),
    "nonce taken, not committed": KillPoint("store.submissions", "take_nonce", "after"),
    "signed bytes stored, not sent": KillPoint("jobs.sending.dispatch", "_broadcast", "before"),
    "sent, not marked as sent": KillPoint("store.submissions", "mark_sent", "before"),
    "marked as sent": KillPoint("jobs.sending.dispatch", "_broadcast", "after"),
    "mined, not indexed": KillPoint("jobs.indexing.follow", "_absorb", "before", with_events),
    "proof fetched, not stored": KillPoint("jobs.indexing.apply_events", "prove_heads", "after", successful),
    "inside the index transaction": KillPoint("store.batches", "mark_final", "after"),
    "index committed": KillPoint("jobs.indexing.follow", "_absorb", "after", with_events),
    "change of state committed, not answered": KillPoint("jobs.anchoring.change_state", "change_status", "after"),
    "changes of state grouped, not committed": KillPoint("store.submissions", "queue", "after", carrying("status")),
    "changes of state grouped": KillPoint("jobs.sending.dispatch", "_send", "before", carrying("status")),
    "change of state sent": KillPoint("jobs.sending.dispatch", "_send", "after", carrying("status")),
    "change of state final, not committed": KillPoint("store.statuses", "mark_final", "after"),
    "seal committed, not answered": KillPoint("jobs.anchoring.register_seals", "register_seal", "after"),
    "seal sent": KillPoint("jobs.sending.dispatch", "_send", "after", carrying("seal_register")),
    "catalog version committed, not answered": KillPoint("jobs.anchoring.publish_catalogs", "publish", "after"),
    "catalog version not sent": KillPoint("jobs.sending.dispatch", "_send", "before", carrying("catalog")),
    "catalog version sent": KillPoint("jobs.sending.dispatch", "_send", "after", carrying("catalog")),
}


BACKING_UP = {
    "database copied, not sealed": KillPoint("jobs.backups.back_up", "_seal_database", "after"),
    "all sealed, not in its place": KillPoint("jobs.backups.back_up", "_fill", "after"),
}
RESTORING = {
    "unpacked, nothing touched": KillPoint("jobs.backups.restoring", "unpack", "after"),
    "marked, nothing moved": KillPoint("jobs.backups.restoring", "_put", "before"),
    "some of it moved": KillPoint("jobs.backups.restoring", "_place_database", "before"),
    "all moved, nothing erased again": KillPoint("jobs.backups.restoring", "_settings", "before"),
    "erased again, still marked": KillPoint("jobs.backups.restoring", "replay", "after"),
}


if __name__ == "__main__":
    from chain_service.cli.main import main

    where = sys.argv.pop(1)
    if Path(where).is_dir():
        for name, point in POINTS.items():
            point.arm(partial(demanded, Path(where, name)))
    else:
        (BACKING_UP | RESTORING)[where].arm()
    main()
