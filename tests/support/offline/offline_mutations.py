"""Receipts and disclosures with single members replaced, doubled, dropped or moved, in well-formed CBOR and JSON."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cbor2

from chain_service.core.receipts.receipt import encode
from chain_service.core.records.disclosure import reveal
from support.offline.offline_questions import ISSUED, QBFT, Question, ask, refreshed
from support.offline.offline_seals import SEALED, sealed_receipt
from support.worlds.receipt_world import TIME, Issued

SOURCES: list[tuple[Issued, bytes]] = [
    (ISSUED, encode(ISSUED.receipt())),
    (ISSUED, encode(refreshed(ISSUED, 2))),
    (QBFT, encode(QBFT.receipt())),
    (QBFT, encode(refreshed(QBFT))),
    (SEALED, encode(sealed_receipt())),
]
MOMENTS = [None, None, TIME + 6, TIME + 7, TIME + 50, TIME + 150]
NUMBERS = [
    0,
    1,
    -1,
    2**31,
    2**32,
    2**53 - 1,
    2**53,
    2**63,
    2**64 - 1,
    2**64,
    -(2**64),
    253_402_300_799,
    253_402_300_800,
]
CBOR: list[Any] = [*NUMBERS, True, False, None, 1.5, float("nan"), "", "x", "é" * 50, [], {}, [[]], {1: 2}, {"a": 1}]
CBOR += [
    b"",
    bytes(20),
    bytes(32),
    b"\xff" * 33,
    b"\xc0",
    cbor2.CBORTag(2, b"\1"),
    cbor2.CBORTag(18, []),
    cbor2.undefined,
]
JSON: list[Any] = [0, -1, 2**53, 2**53 - 1, 1.0, 1.5, 1e300, True, False, None, "", "x" * 5000, "\ud800", "\u2028", "é"]
JSON += ["A" * 18, [], {}, [[]], {"a": {"b": []}}, "2026-02-30", "2025-06-01", "0001-01-01", "9999-12-31"]


def mutated(chance: random.Random, count: int) -> Iterator[Question]:
    """So many questions, receipts and disclosures in turn, about now and about the past."""
    for number in range(count):
        issued, data = chance.choice(SOURCES)
        question = ask(f"mutation {number}", issued, data, now=TIME + 200, at=chance.choice(MOMENTS))
        if number % 2:
            yield replace(question, receipt=_receipt(chance, data))
        else:
            yield replace(question, disclosure=_disclosure(chance, issued, whole=number % 4 == 0))


def _receipt(chance: random.Random, data: bytes) -> bytes:
    protected, unprotected, payload, signature = cbor2.loads(data[1:])
    header, proof = cbor2.loads(protected), cbor2.loads(unprotected[396][-1][0])
    part = chance.choice([header, proof, unprotected, unprotected[-65601], unprotected[-65601]])
    _change(chance, part, CBOR)
    if part is proof:
        unprotected[396][-1][0] = cbor2.dumps(proof)
    elif part is header:
        protected = cbor2.dumps(header, canonical=True)
    return b"\xd2" + cbor2.dumps([protected, unprotected, payload, signature], canonical=True)


def _disclosure(chance: random.Random, issued: Issued, *, whole: bool) -> bytes:
    content = issued.content.disclosure
    shown = content.to_json() if whole else reveal(content.record, content.salt, ["certificateNumber"]).to_json()
    value = json.loads(json.dumps(shown))
    _change(chance, value, JSON)
    return json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def _change(chance: random.Random, value: Any, others: list[Any]) -> None:
    """One member anywhere in the list or map, another value in its place or beside it, or none."""
    holder, key = chance.choice(list(_places(value)))
    other = chance.choice(others)
    if isinstance(other, (list, dict)):
        other = copy.deepcopy(other)
    match chance.randrange(5):
        case 0 | 1:
            holder[key] = other
        case 2:
            del holder[key]
        case 3 if isinstance(holder, list):
            chance.shuffle(holder)
        case 3:
            holder[chance.choice(["zz", "10", *([9, -70000, -1] if others is CBOR else [])])] = other
        case 4:
            holder[key] = _near(chance, holder[key])


def _near(chance: random.Random, value: Any) -> Any:
    """A value close to this one."""
    if type(value) is int:
        return value + chance.choice([-1, 1, 2**32])
    if type(value) is bytes and value:
        at = chance.randrange(len(value))
        return value[:at] + bytes([value[at] ^ 1 << chance.randrange(8)]) + value[at + 1 :]
    if type(value) is str:
        return value[:-1] if chance.random() < 0.5 else value + chance.choice(["0", " ", "é", "\u2028"])
    return [value]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every member in this list or map, as holder and key."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in list(members):
        yield value, key
        yield from _places(member)
