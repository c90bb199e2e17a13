"""The corpus that both offline verifiers answer alike: good, revoked, stale and tampered."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.storage_layout import PermitEntry
from chain_service.core.receipts import receipt as receipts
from chain_service.core.records.disclosure import reveal
from support.offline.offline_disclosures import disclosures
from support.offline.offline_mutations import mutated
from support.offline.offline_questions import ISSUED, QBFT, ZEROS, Case, Question, ask, refreshed
from support.offline.offline_seals import large_records, sealed_records
from support.offline.offline_tampering import tampered_evidence, tampered_receipts
from support.offline.offline_trust import wrong_trust
from support.worlds import judged_records
from support.worlds.judged_records import FILE, certificate, document
from support.worlds.receipt_world import AGE_LIMIT, DAY, LOG_KEY, NOW, OLD_LOG_KEY, STRANGER, TIME, Issued

GOOD_FILE = dict(FILE)


def cases(thorough: bool = False) -> list[Case]:
    """The whole corpus; `thorough` takes ten times as many damaged inputs."""
    many = 10 if thorough else 1
    makers: list[Iterator[Question]] = [
        _good(),
        _states_and_times(),
        disclosures(),
        sealed_records(),
        large_records(),
        _files(),
        _permits_and_keys(),
        tampered_evidence(),
        tampered_receipts(),
        wrong_trust(thorough),
        _damaged(random.Random(20_261), 120 * many),
        mutated(random.Random(20_262), 300 * many),
    ]
    return [question.answered() for maker in makers for question in maker]


def _good() -> Iterator[Question]:
    for count in (1, 2, 3, 4, 7, 22):
        yield ask(f"clique of {count}", Issued("clique", count))
        yield ask(f"qbft of {count}", Issued("qbft", count))
    for fields in (15, 16, 17, 20, 21):
        yield ask(f"qbft with {fields} header fields", Issued("qbft", fields=fields))
    yield ask("a document", Issued(content=judged_records.World().holding(document())))
    yield ask("an empty receipt", receipt=b"")
    yield replace(ask("no disclosure"), disclosure=None)
    yield replace(ask("no disclosure but a file"), disclosure=None, files=(GOOD_FILE,))


def _states_and_times() -> Iterator[Question]:
    for issued in (ISSUED, QBFT):
        for state in range(10):
            receipt = refreshed(issued, state)
            yield ask(f"{issued.consensus} refreshed in state {state}", issued, receipt, now=TIME + 200)
            yield ask(f"{issued.consensus} state {state}, before it", issued, receipt, now=TIME + 200, at=TIME + 50)
            yield ask(f"{issued.consensus} state {state}, after it", issued, receipt, now=TIME + 300, at=TIME + 250)
    yield ask("stale", now=NOW + 7200)
    yield ask("refreshed and stale again", receipt=refreshed(ISSUED), now=NOW + 7200)
    yield ask("exactly as old as allowed", now=TIME + 7 + 3600)
    yield ask("a second older than allowed", now=TIME + 7 + 3601)
    yield ask("before the block", now=TIME + 200, at=TIME - 5)
    yield ask("seals older than the trusting period", now=NOW + 31 * DAY)
    yield ask("trust expired", now=TIME + 356 * DAY)
    yield ask("trust of the future", now=TIME - 11 * DAY)
    for at in (date(2025, 6, 1), date(2025, 6, 2), date(2030, 5, 31), date(2030, 6, 1)):
        moment = int(at.strftime("%s")) - 8 * 3600
        yield ask(f"on {at}", now=max(NOW, moment), at=moment)
        yield ask(f"a second before {at}", now=max(NOW, moment), at=moment - 1)
    for ahead in (5, 6, 10**9):
        yield ask(f"{ahead} s in the future", at=NOW + ahead)
    yield from _past_moments()
    yield ask("older second evidence", receipt=receipts.refreshed(ISSUED.receipt(), ISSUED.newer(6)))
    for issued in (ISSUED, QBFT):
        world = issued.newer(7) if issued is ISSUED else issued.newer(7, gasUsed=1)
        yield ask(f"{issued.consensus}, two blocks of one height", issued, receipts.refreshed(issued.receipt(), world))
    yield ask("the same block twice", receipt=receipts.refreshed(ISSUED.receipt(), ISSUED.first))


def _past_moments() -> Iterator[Question]:
    """Around every moment that an answer turns on: first block, later block, their age limit."""
    for issued in (ISSUED, QBFT):
        for state in (0, 1, 2):
            receipt = refreshed(issued, state)
            for turn in (TIME + 7, TIME + 107, TIME + 7 + AGE_LIMIT, TIME + 107 + AGE_LIMIT):
                for at in (turn - 1, turn, turn + 1):
                    yield ask(
                        f"{issued.consensus} state {state} at {at}", issued, receipt, now=NOW + 2 * AGE_LIMIT, at=at
                    )
        for at in (0, 1, TIME + 7 - 10 * DAY, NOW - 1, NOW):
            yield ask(f"{issued.consensus} not refreshed, at {at}", issued, at=at)
    unproven = ISSUED.receipt(STRANGER)
    yield ask("a stranger's log key, asked about the past", receipt=unproven, at=NOW - 10)


def _files() -> Iterator[Question]:
    for name, files in {
        "the file": (GOOD_FILE,),
        "sha-256 alone": ({"sha-256": FILE["sha-256"]},),
        "sm3 alone": ({"sm3": FILE["sm3"]},),
        "sm3 of another": ({**FILE, "sm3": ZEROS},),
        "another file": ({"sha-256": ZEROS, "sm3": ZEROS},),
        "the file and another": (GOOD_FILE, {"sha-256": ZEROS, "sm3": ZEROS}),
    }.items():
        yield ask(f"with {name}", files=files)
        yield ask(f"unreadable disclosure with {name}", files=files, disclosure=b"{")
    content = ISSUED.content.disclosure
    partial = reveal(content.record, content.salt, ["certificateNumber"]).to_json()
    yield ask(
        "a file and a partial disclosure that hides it", disclosure=json.dumps(partial).encode(), files=(GOOD_FILE,)
    )
    issued = Issued(content=judged_records.World().holding(certificate(files=None)))
    yield ask("a file where the record names none", issued, files=(GOOD_FILE,))


def _permits_and_keys() -> Iterator[Question]:
    grant = PermitEntry(
        storage_layout.PERMIT_GRANT, storage_layout.day_number(date(2020, 1, 1)), storage_layout.OPEN_END, 1_600_000_000
    )
    end = PermitEntry(storage_layout.PERMIT_END, 0, storage_layout.day_number(date(2025, 5, 31)), 1_700_000_000)
    late_end = replace(end, recorded_at=TIME + 1000)
    again = PermitEntry(
        storage_layout.PERMIT_GRANT,
        storage_layout.day_number(date(2025, 6, 1)),
        storage_layout.day_number(date(2025, 6, 1)),
        1_710_000_000,
    )
    for name, permits in {
        "no permit": (),
        "an ended permit": (grant, end),
        "a permit ended later": (grant, late_end),
        "a permit of a day": (grant, end, again),
        "a permit that began later": (replace(grant, from_day=storage_layout.day_number(date(2025, 6, 2))),),
    }.items():
        yield ask(name, Issued(content=replace(judged_records.World(), permits=permits)))
    two = Issued(log_keys=(OLD_LOG_KEY, LOG_KEY))
    yield ask("the newer of two log keys", two)
    yield ask("the older of two log keys", two, two.receipt(OLD_LOG_KEY))
    yield ask("a stranger's log key", receipt=ISSUED.receipt(STRANGER))
    yield ask("no log key on chain", Issued(log_keys=()))


@dataclass
class _Damage:
    """Random changes of bytes, small ones mostly."""

    chance: random.Random
    kinds: tuple[str, ...] = field(default=("flip", "flip", "flip", "set", "cut", "drop", "insert", "swap"))

    def of(self, data: bytes) -> bytes:
        damaged, at = bytearray(data), self.chance.randrange(len(data))
        kind = self.chance.choice(self.kinds)
        if kind == "flip":
            damaged[at] ^= 1 << self.chance.randrange(8)
        elif kind == "set":
            damaged[at] = self.chance.randrange(256)
        elif kind == "cut":
            del damaged[at:]
        elif kind == "drop":
            del damaged[at]
        elif kind == "insert":
            damaged.insert(at, self.chance.randrange(256))
        else:
            other = self.chance.randrange(len(data))
            damaged[at], damaged[other] = damaged[other], damaged[at]
        return bytes(damaged)


def _damaged(chance: random.Random, count: int) -> Iterator[Question]:
    damage = _Damage(chance)
    content = ISSUED.content.disclosure
    partial = json.dumps(reveal(content.record, content.salt, ["certificateNumber", "files"]).to_json()).encode()
    for issued in (ISSUED, QBFT):
        for number in range(count):
            whole = ask("", issued, refreshed(issued) if number % 3 == 0 else None, now=TIME + 200)
            part = ("receipt", "receipt", "disclosure", "trust")[number % 4]
            if part == "disclosure" and number % 8 == 2:
                whole = replace(whole, disclosure=partial)
            data = getattr(whole, part)
            changes: dict[str, Any] = {"name": f"{issued.consensus} {part} damaged, {number}", part: damage.of(data)}
            if number % 5 == 0:
                changes["at"] = TIME + 50
            yield replace(whole, **changes)
