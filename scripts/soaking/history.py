"""What was asked and answered, and whether all of it can be true together."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class History:
    """Every acknowledgement and verdict of the run; threads share it."""

    ids: dict[str, str] = field(default_factory=dict)
    """Id of every acknowledged record, by its identifier."""
    withdrawn: dict[str, float] = field(default_factory=dict)
    """When the answer to a withdrawal came, by id; a final state, which nothing changes any more."""
    counts: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def acknowledged(self, identifiers: Sequence[str], ids: Sequence[str]) -> None:
        """These records are promised. One identifier has one id, however often it was sent."""
        with self._lock:
            for identifier, id in zip(identifiers, ids, strict=True):
                if self.ids.setdefault(identifier, id) != id:
                    self.violations.append(f"{identifier} was acknowledged as {self.ids[identifier]} and as {id}")
            self.counts["records"] += len(ids)

    def changed(self, id: str, state: str) -> None:
        """The change is promised."""
        with self._lock:
            self.counts[f"changes to {state}"] += 1
            if state == "withdrawn":
                self.withdrawn[id] = time.monotonic()

    def judged(self, id: str, began: float, verdict: dict[str, Any], *, ever_changed: bool) -> None:
        """A verdict on a genuine record, asked at `began`."""
        said = f"{verdict['verdict']} {verdict['code']}"
        with self._lock:
            self.counts["verifications"] += 1
            self.verdicts[said] += 1
            ended = self.withdrawn.get(id)
            if verdict["verdict"] == "valid" and ended is not None and ended < began:
                self.violations.append(f"{id} was called valid after its withdrawal was acknowledged")
            if verdict["verdict"] == "invalid" and not ever_changed:
                self.violations.append(f"{id} is genuine and was never changed, and was called {said}")

    def judged_file(self, *, forged: bool, verdict: dict[str, Any]) -> None:
        """A verdict on a sealed file or on the same with another face."""
        said = f"{verdict['verdict']} {verdict['code']}"
        with self._lock:
            self.counts["documents"] += 1
            self.verdicts[f"{'forged' if forged else 'genuine'} file: {said}"] += 1
            if verdict["verdict"] == ("valid" if forged else "invalid"):
                self.violations.append(f"a {'forged' if forged else 'genuine'} file was called {said}")

    def took(self, seconds: float) -> None:
        """One answer came after so many seconds, attempts that failed included."""
        with self._lock:
            self.latencies.append(seconds)

    def violated(self, what: str) -> None:
        """Something that must never be was seen."""
        with self._lock:
            self.violations.append(what)

    def quantile(self, part: float) -> float:
        """Seconds within which this part of the answers came."""
        with self._lock:
            ordered = sorted(self.latencies)
        return ordered[int(part * (len(ordered) - 1))] if ordered else 0.0


def places(
    rows: Sequence[tuple[str, str, int | None]],
    history: History,
    size_on_chain: int,
    stated: Collection[str] = (),
) -> list[str]:
    """What is wrong with the places of records, given as (identity, id, leaf index): one each, without gaps.

    The identities `stated` are of records that the service makes itself, which nobody acknowledged.
    """
    stored = {identity: id for identity, id, _ in rows}
    wrong = [
        f"{identifier} was acknowledged as {id} and is stored as {stored.get(identifier)}"
        for identifier, id in history.ids.items()
        if stored.get(identifier) != id
    ]
    wrong += [f"{identity} is stored twice" for identity, count in Counter(row[0] for row in rows).items() if count > 1]
    wrong += [f"{identity} was never acknowledged" for identity in stored.keys() - history.ids.keys() - set(stated)]
    taken = sorted(-1 if leaf_index is None else leaf_index for _, _, leaf_index in rows)
    if taken != list(range(1, len(rows) + 1)):
        wrong.append("the places in the log are not those from 1 to the number of records, each once")
    if size_on_chain != len(rows) + 1:
        wrong.append(f"the log on chain has {size_on_chain} entries instead of {len(rows) + 1}")
    return wrong
