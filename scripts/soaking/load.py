"""The callers: each asks both services in turn until one answers, as a load balancer and a retrying program would."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from chain_service.core.records.identifiers import CertificateIdentifier, OrgCode, TypeCode
from soaking.history import History

ORG = OrgCode("11439900000070017X")
TYPE = TypeCode(f"{ORG}001")
SIZES = (1, 5, 20, 100)
BASIS = "食品安全法第一百二十四条"
PATIENCE = 300.0
"""Seconds after the run's end within which what was sent to be stored has to be acknowledged."""
PASSING = (429, 502, 503, 504)
"""Answers of a service that cannot just now; any other refusal ends the caller and is a violation."""


class Caller:
    """One caller with its connections; `stopping` ends its retries."""

    def __init__(
        self, ports: Sequence[int], key: str, history: History, stopping: threading.Event, patience: float = PATIENCE
    ) -> None:
        self._addresses = itertools.cycle([f"http://127.0.0.1:{port}" for port in ports])
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {key}"
        self._history = history
        self._stopping = stopping
        self._patience = patience

    def ask(self, method: str, path: str, *, always: bool = False, **sent: Any) -> requests.Response | None:
        """The answer, whoever gives it; None if the run ends before one comes.

        One that must `always` come is waited for a while longer, as services that never come back give none.
        """
        began = time.monotonic()
        stopped: float | None = None
        while True:
            if self._stopping.is_set():
                stopped = stopped or time.monotonic()
                if not always or time.monotonic() - stopped > self._patience:
                    return None
            try:
                answer = self._session.request(method, next(self._addresses) + path, timeout=30, **sent)
            except requests.RequestException:
                self._history.counts["connections that broke"] += 1
                time.sleep(0.1)
                continue
            if answer.status_code in PASSING:
                self._history.counts[f"answers {answer.status_code}"] += 1
                time.sleep(0.1)
                continue
            self._history.took(time.monotonic() - began)
            return answer


@dataclass(frozen=True)
class SealedFile:
    """A sealed file, and the same with another holder's name on its face."""

    genuine: bytes
    forged: bytes


class Load:
    """All callers as threads; a context manager ends them."""

    def __init__(self, ports: Sequence[int], key: str, files: Sequence[SealedFile], seed: int, rate: float) -> None:
        self.history = History()
        self._ports, self._key, self._files, self._rate = ports, key, files, rate
        self._stopping = threading.Event()
        self._serials = itertools.count(1)
        self._changed: set[str] = set()
        acts = (self._submit, self._submit, self._change, self._verify, self._verify, self._documents)
        self._threads = [
            threading.Thread(target=self._run, args=(act, random.Random(seed * 101 + place)), daemon=True)
            for place, act in enumerate(acts)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Nothing new is asked; what was sent to be stored is repeated until it is acknowledged."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def caller(self) -> Caller:
        """Another caller with the same history."""
        return Caller(self._ports, self._key, self.history, self._stopping)

    def _run(self, act: Callable[[Caller, random.Random], None], chance: random.Random) -> None:
        caller = self.caller()
        while not self._stopping.is_set():
            try:
                act(caller, chance)
            except Exception as error:  # noqa: BLE001 - whatever it is, the run has to tell it
                self.history.violated(f"{act.__name__.strip('_')}: {type(error).__name__}: {error}"[:500])
                return

    def _submit(self, caller: Caller, chance: random.Random) -> None:
        new = [certificate(next(self._serials)) for _ in range(chance.choice(SIZES))]
        body = b"\n".join(json.dumps(one).encode() for one in new)
        # once sent, it may be stored: whatever happens, it is repeated until somebody says so
        answer = caller.ask(
            "POST", "/v1/records", always=True, data=body, headers={"Content-Type": "application/x-ndjson"}
        )
        assert answer is not None and answer.status_code == 202, _told(answer)
        ids = [json.loads(line)["id"] for line in answer.content.splitlines()]
        self.history.acknowledged([one["certificateIdentifier"] for one in new], ids)
        self._stopping.wait(2 * len(new) / self._rate)  # of two submitters

    def _change(self, caller: Caller, chance: random.Random) -> None:
        """One record is suspended, taken back into force, and withdrawn for good."""
        id = self._any(chance, unchanged=True)
        if id is None:
            self._stopping.wait(0.5)
            return
        self._changed.add(id)
        for state, reason in (("suspended", 1), ("in_force", 1), ("withdrawn", 3)):
            change = {"to": state, "reasonCode": reason, "legalBasis": BASIS}
            while True:
                answer = caller.ask("POST", f"/v1/records/{id}/status", json=change)
                if answer is None:
                    return
                if answer.status_code != 409:
                    break
                self._stopping.wait(0.3)  # it is not anchored, or the change before is not final yet
            assert answer.status_code in (200, 202), _told(answer)
            self.history.changed(id, state)

    def _verify(self, caller: Caller, chance: random.Random) -> None:
        id = self._any(chance)
        if id is None:
            self._stopping.wait(0.5)
            return
        shown = caller.ask("GET", f"/v1/records/{id}")
        if shown is None:
            return
        assert shown.status_code == 200, _told(shown)
        began = time.monotonic()
        answer = caller.ask("POST", "/v1/verify", json={"disclosure": shown.json()["disclosure"]})
        if answer is not None:
            assert answer.status_code == 200, _told(answer)
            self.history.judged(id, began, answer.json(), ever_changed=id in self._changed)
        self._stopping.wait(0.05)

    def _documents(self, caller: Caller, chance: random.Random) -> None:
        one, forged = chance.choice(self._files), chance.random() < 0.5
        paper = ("licence.ofd", one.forged if forged else one.genuine)
        answer = caller.ask("POST", "/v1/verify", files=[("file", paper)])
        if answer is not None:
            assert answer.status_code == 200, _told(answer)
            self.history.judged_file(forged=forged, verdict=answer.json())
        self._stopping.wait(0.3)

    def _any(self, chance: random.Random, *, unchanged: bool = False) -> str | None:
        """An acknowledged record; half of the time one that was changed, so that verdicts on those are frequent."""
        known = list(self.history.ids.values())
        changed = list(self._changed)
        if unchanged:
            known = [id for id in known[-500:] if id not in self._changed]
        elif changed and chance.random() < 0.5:
            return chance.choice(changed[-50:])
        return chance.choice(known) if known else None


def _told(answer: requests.Response | None) -> str:
    return "no answer" if answer is None else f"{answer.status_code} {answer.text[:300]}"


def certificate(serial: int) -> Mapping[str, Any]:
    """A record like any other, known by its number."""
    number = f"S{serial:09d}"
    return {
        "kind": "certificate",
        "certificateTypeCode": TYPE,
        "certificateNumber": number,
        "certificateIdentifier": str(CertificateIdentifier(TYPE, ORG, number, "001")),
        "certificateIssuingAuthorityCode": ORG,
        "certificateIssuedDate": "2025-06-02",
        "holders": [
            {
                "certificateHolderName": "临澜市青禾食品有限公司",
                "certificateHolderCode": "91439900MA0000QW0X",
                "certificateHolderTypeCode": "001",
            }
        ],
    }
