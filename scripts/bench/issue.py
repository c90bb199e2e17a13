"""Issuing and verifying, measured beside a floor in the same run; tree and proofs alone for growing logs.

The floor is what a plain Python program does with keccak: a salt of 16 bytes and a hash per field, one sorted-pair tree
per batch, no validation. Its keccak is safe-pysha3 where that is installed, else the faster tiny-keccak: the table says
which. Ours: validation, canonical form, salt, member keys, entry, log tiles, all inclusion proofs; and back from
disclosure, proof and head, with validation again. Rounds are interleaved, the median counts and CPU time is
measured, so that ratios hold where absolute figures do not.

    python scripts/bench/issue.py [--n 10000] [--rounds 5] [--workload FILE] [--json]

FILE is NDJSON with the fields that `certificate` below makes; without it a like workload is made here.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tiny_keccak

from chain_service.core.log import tiles
from chain_service.core.log.merkle import InclusionProof, leaf_hash, verify_inclusion
from chain_service.core.records.disclosure import parse_disclosure
from chain_service.core.records.hashing import Salt, body_digest, founding_entry, log_id, record_entry
from chain_service.core.records.identifiers import CertificateIdentifier, OrgCode, TypeCode
from chain_service.core.records.record import parse_record

try:
    import sha3
except ImportError:
    KECCAK = f"tiny-keccak {version('tiny-keccak')}"
    keccak256 = tiny_keccak.keccak256
else:
    KECCAK = f"safe-pysha3 {version('safe-pysha3')}"

    def keccak256(input: bytes) -> bytes:
        return bytes(sha3.keccak_256(input).digest())


ORG = OrgCode("11430000006122244L")
LOG = log_id(ORG)
TYPES = {
    name: TypeCode(f"11100000000013338W{number:03}")
    for number, name in enumerate(
        (
            "business-licence",
            "degree-certificate",
            "birth-certificate",
            "property-title",
            "food-permit",
            "vehicle-permit",
        )
    )
}
WORDS = (
    "holder",
    "may",
    "carry",
    "on",
    "the",
    "activity",
    "described",
    "here",
    "subject",
    "to",
    "conditions",
    "inspection",
)
SIZES = (10_000, 20_000, 40_000, 100_000)

Doc = dict[str, Any]


def certificate(rng: random.Random, i: int) -> Doc:
    """A certificate of 16 fields and about 920 bytes."""
    year = rng.randrange(2020, 2025)
    return {
        "certificateId": f"urn:uuid:{rng.getrandbits(128):032x}",
        "certificateNumber": f"TLO-{year}-{i:07}",
        "type": rng.choice(list(TYPES)),
        "title": "Vehicle Operation Permit",
        "holderName": f"Élodie Ferreira ({rng.choice('王李张刘陈杨')}{rng.choice('黄赵吴周徐孙')}林)",
        "holderIdNumber": f"{rng.randrange(110000, 660000)}{rng.randrange(10**11, 10**12)}",
        "holderAddress": f"{rng.randrange(1, 400)} 人民中路, 高新区, postcode {rng.randrange(10**5, 10**6)}",
        "issuingDepartment": "Transport Licensing Office / 交通运输许可处",
        "departmentCode": f"9100{rng.randrange(10**8):08}TLO",
        "issuedOn": f"{year}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
        "validUntil": f"{year + rng.choice((1, 2, 5, 10))}-12-31",
        "catalogEntry": f"catalog:tlo/vehicle-permit/v{rng.randrange(1, 9)}",
        "feePaid": rng.randrange(50_000) / 100,
        "renewable": bool(rng.getrandbits(1)),
        "conditions": " ".join(rng.choice(WORDS) for _ in range(50)),
        "attachmentSha256": f"{rng.getrandbits(256):064x}",
    }


def as_record(doc: Doc) -> Doc:
    """The same certificate under our names."""
    type_code = TYPES[doc["type"]]
    serial = doc["certificateId"].removeprefix("urn:uuid:").replace("-", "").upper()
    return {
        "kind": "certificate",
        "certificateTypeCode": type_code,
        "certificateTypeName": doc["title"],
        "certificateNumber": doc["certificateNumber"],
        "certificateIdentifier": str(CertificateIdentifier(type_code, ORG, serial, "001")),
        "certificateIssuingAuthorityCode": ORG,
        "certificateIssuingAuthorityName": doc["issuingDepartment"],
        "certificateIssuedDate": doc["issuedOn"],
        "certificateExpiringDate": doc["validUntil"],
        "holders": [
            {
                "certificateHolderName": doc["holderName"],
                "certificateHolderCode": doc["holderIdNumber"],
                "certificateHolderTypeCode": "111",
            }
        ],
        "files": [{"mediaType": "application/ofd", "digests": {"sha-256": doc["attachmentSha256"]}}],
        "extension": {
            "holderAddress": doc["holderAddress"],
            "catalogEntry": doc["catalogEntry"],
            "feePaid": round(doc["feePaid"] * 100),
            "renewable": doc["renewable"],
            "conditions": doc["conditions"],
        },
    }


def floor(docs: list[Doc], figures: dict[str, list[float]]) -> None:
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode

    def digest(doc: Doc, salts: list[bytes]) -> bytes:
        fields = zip(sorted(doc.items()), salts, strict=True)
        hashed = (keccak256(b"\x02" + salt + encode([name, value]).encode()) for (name, value), salt in fields)
        return keccak256(b"\x00" + b"".join(sorted(hashed)))

    def pair(left: bytes, right: bytes) -> bytes:
        return keccak256(b"\x01" + (left + right if left < right else right + left))

    with timed(figures, "floor issue"):
        salts = []
        for doc in docs:
            random_bytes = os.urandom(16 * len(doc))
            salts.append([random_bytes[at : at + 16] for at in range(0, len(random_bytes), 16)])
        levels = [[digest(doc, salt) for doc, salt in zip(docs, salts, strict=True)]]
        while len(levels[-1]) > 1:
            row = levels[-1]
            above = [pair(left, right) for left, right in zip(row[::2], row[1::2], strict=False)]
            levels.append(above + row[len(row) & ~1 :])
        proofs = []
        for i in range(len(docs)):
            proof = [row[(i >> up) ^ 1] for up, row in enumerate(levels[:-1]) if (i >> up) ^ 1 < len(row)]
            proofs.append(proof)
    with timed(figures, "floor verify"):
        for doc, salt, proof in zip(docs, salts, proofs, strict=True):
            node = digest(doc, salt)
            for sibling in proof:
                node = pair(node, sibling)
            assert node == levels[-1][0]


def ours(records: list[Doc], figures: dict[str, list[float]]) -> None:
    with timed(figures, "issue"):
        leaves = [leaf_hash(founding_entry(1, bytes(20), LOG))]
        salts = []
        for index, value in enumerate(records, start=1):
            record, salt = parse_record(value), Salt(os.urandom(32))
            leaves.append(leaf_hash(record_entry(LOG, index, body_digest(record, salt))))
            salts.append(salt)
        size, root, paths = tree(leaves)
    disclosures = [{"record": record, "salt": salt.hex()} for record, salt in zip(records, salts, strict=True)]
    with timed(figures, "verify"):
        for index, (disclosure, path) in enumerate(zip(disclosures, paths[1:], strict=True), start=1):
            entry = record_entry(LOG, index, parse_disclosure(disclosure).body_digest)
            verify_inclusion(leaf_hash(entry), InclusionProof(index, size, path), root)


def tree(leaves: list[bytes]) -> tuple[int, bytes, list[tuple[bytes, ...]]]:
    """Size, root and all paths of a new log with these leaf hashes."""
    stored: dict[tuple[int, int], bytes] = {}

    def read(level: int, n: int) -> bytes:
        return stored[level, n]

    appended = tiles.append(0, read, leaves)
    stored.update(appended.tiles)
    return appended.size, appended.root, tiles.inclusion_paths(range(appended.size), appended.size, read)


class timed:
    """Adds the seconds that its block took to `figures[name]`."""

    def __init__(self, figures: dict[str, list[float]], name: str) -> None:
        self._seconds = figures.setdefault(name, [])

    def __enter__(self) -> None:
        gc.collect()
        self._start = time.process_time()

    def __exit__(self, *failure: object) -> None:
        self._seconds.append(time.process_time() - self._start)


def per_second(figures: dict[str, list[float]], name: str, n: int) -> float:
    return n / statistics.median(figures[name])


def phases(records: list[Doc]) -> Iterator[tuple[str, float]]:
    """Microseconds a record of each step of issuing."""
    n = len(records)

    def step(work: Callable[[], Any]) -> tuple[Any, float]:
        gc.collect()
        start = time.process_time()
        result = work()
        return result, (time.process_time() - start) / n * 1e6

    parsed, spent = step(lambda: [parse_record(value) for value in records])
    yield "validate, canonicalise", spent
    salts, spent = step(lambda: [Salt(os.urandom(32)) for _ in range(n)])
    yield "salt", spent
    digests, spent = step(lambda: [body_digest(r, s) for r, s in zip(parsed, salts, strict=True)])
    yield "member keys and digests, body digest", spent
    leaves, spent = step(lambda: [leaf_hash(record_entry(LOG, i, d)) for i, d in enumerate(digests)])
    yield "entry, leaf hash", spent
    _, spent = step(lambda: tree(leaves))
    yield "tree, all proofs", spent


def main() -> None:
    parser = argparse.ArgumentParser(description="issue, verify and tree figures beside a keccak floor")
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workload", type=Path, help="NDJSON certificates to use instead of made ones")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.workload:
        with options.workload.open(encoding="utf-8") as lines:
            docs = [json.loads(line) for line, _ in zip(lines, range(options.n), strict=False)]
    else:
        rng = random.Random(20240601)
        docs = [certificate(rng, i) for i in range(options.n)]
    records = [as_record(doc) for doc in docs]

    figures: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        floor(docs, figures)
        ours(records, figures)
    result: dict[str, Any] = {"n": len(docs), "rounds": options.rounds, "floor": KECCAK, "perSecond": {}, "ratio": {}}
    for name in ("issue", "verify"):
        base, reached = per_second(figures, "floor " + name, len(docs)), per_second(figures, name, len(docs))
        result["perSecond"] |= {"floor " + name: round(base), name: round(reached)}
        result["ratio"][name] = round(reached / base, 2)
    result["microsecondsPerRecord"] = {name: round(spent, 2) for name, spent in phases(records)}
    result["treeAndProofsSeconds"] = {}
    for size in SIZES:
        leaves = [hashlib.sha256(i.to_bytes(8, "big")).digest() for i in range(size)]
        spent: dict[str, list[float]] = {}
        for _ in range(3):
            with timed(spent, "tree"):
                tree(leaves)
        result["treeAndProofsSeconds"][str(size)] = round(statistics.median(spent["tree"]), 4)
    print(json.dumps(result) if options.json else table(result))


def table(result: dict[str, Any]) -> str:
    rates = result["perSecond"]
    lines = [
        f"{result['n']:,} certificates, median of {result['rounds']} interleaved rounds, floor with {result['floor']}",
        "",
    ]
    lines += ["| | floor, per second | ours, per second | ratio | target |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {rates['floor ' + name]:,} | {rates[name]:,} | {result['ratio'][name]} | 1.5 |"
        for name in result["ratio"]
    ]
    lines += ["", "| step of issuing | µs a record |", "|---|---|"]
    lines += [f"| {name} | {spent} |" for name, spent in result["microsecondsPerRecord"].items()]
    lines += ["", "| leaves | tree and all proofs, s | µs a leaf |", "|---|---|---|"]
    for size, seconds in result["treeAndProofsSeconds"].items():
        lines.append(f"| {int(size):,} | {seconds} | {seconds / int(size) * 1e6:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
