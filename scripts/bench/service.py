"""The running service: records through HTTP to `anchored`, verifications per second, resident memory.

Trial chain and service run as processes with their default settings on SQLite; clients are another process. Floors of
the same run: for records, a plain Python program that parses, hashes and stores the same lines with the same
durability; for verifications, /healthz, which does nothing.

    python scripts/bench/service.py [--n 20000 100000] [--seconds 10] [--clients 8] [--json]
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import random
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from subprocess import Popen
from typing import Any

from client import asked
from counted_node import CountedNode
from instance import PATIENCE, Instance, cpu_seconds, memory, organisation
from issue import ORG, TYPES, as_record, certificate

from chain_service.app import open_app
from chain_service.config import Settings
from chain_service.jobs.asker import Operator
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.jobs.verifying.verify import verify_many

CHUNK = 10_000
LIMIT_MB = 300
POLL = 0.05
NDJSON = "application/x-ndjson"
VALID = '"verdict":"valid"'

Figures = dict[str, Any]


def workload(n: int, seed: int) -> tuple[list[bytes], list[str]]:
    """NDJSON bodies of 10,000 lines, and the identifiers of the certificates that have not expired."""
    rng = random.Random(seed)
    bodies, identifiers = [], []
    for start in range(0, n, CHUNK):
        records = [as_record(certificate(rng, i)) for i in range(start, min(start + CHUNK, n))]
        identifiers += [record["certificateIdentifier"] for record in records if current(record)]
        bodies.append(b"\n".join(json.dumps(record, ensure_ascii=False).encode() for record in records))
    return bodies, identifiers


def current(record: dict[str, Any]) -> bool:
    """The certificate has not expired."""
    return str(record["certificateExpiringDate"]) > date.today().isoformat()


def floor(instance: Instance, bodies: Sequence[bytes]) -> float:
    """Seconds a plain program takes to parse, canonicalise, hash and store the lines, a commit for each body."""
    connection = sqlite3.connect(instance.directory / "floor.db", isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "DROP TABLE IF EXISTS records"):
        connection.execute(statement)
    connection.execute("CREATE TABLE records (identity TEXT UNIQUE, body BLOB, digest BLOB UNIQUE)")
    began = time.perf_counter()
    for body in bodies:
        rows = []
        for line in body.splitlines():
            value = json.loads(line)
            text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
            rows.append((value["certificateIdentifier"], text, hashlib.sha256(text).digest()))
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO records VALUES (?, ?, ?)", rows)
        connection.execute("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return took


class Door:
    """The service's API on one kept connection."""

    def __init__(self, url: str, secret: str) -> None:
        self.address = url.removeprefix("http://")
        self.headers = {"Authorization": f"Bearer {secret}"}
        self._connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)

    def ask(self, method: str, path: str, body: bytes | None = None, media_type: str = "application/json") -> bytes:
        self._connection.request(method, path, body, {**self.headers, "Content-Type": media_type})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status not in (200, 202):
            raise RuntimeError(f"{path}: {answer.status} {content[:300]!r}")
        return content

    def record(self, id: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.ask("GET", f"/v1/records/{id}"))
        return answer


@contextmanager
def watched(process: Popen[str]) -> Iterator[list[float]]:
    """Resident megabytes every tenth of a second."""
    samples = [memory(process)["VmRSS"]]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            samples.append(memory(process)["VmRSS"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield samples
    finally:
        done.set()
        watcher.join()


def imported(
    instance: Instance, process: Popen[str], url: str, secret: str, n: int
) -> tuple[Figures, list[str], list[str]]:
    """What submitting `n` records takes until the last is anchored; their identifiers, and the ids of the last body."""
    bodies, identifiers = workload(n, seed=n)
    base = floor(instance, bodies)
    door = Door(url, secret)
    before, used = memory(process)["VmRSS"], cpu_seconds(process)
    with watched(process) as samples:
        began = time.perf_counter()
        for body in bodies:
            answers = door.ask("POST", "/v1/records", body, NDJSON).splitlines()
        accepted = time.perf_counter() - began
        ids = [json.loads(line)["id"] for line in answers]
        while door.record(ids[-1])["state"] != "anchored":
            time.sleep(POLL)
        took = time.perf_counter() - began
    figures = {
        "records": n,
        "floorPerSecond": n / base,
        "acceptedPerSecond": n / accepted,
        "anchoredPerSecond": n / took,
        "ratio": base / took,
        "cpuMicroseconds": (cpu_seconds(process) - used) / n * 1e6,
        "memoryStart": before,
        "memoryQuarters": [samples[len(samples) * quarter // 4] for quarter in range(1, 4)] + [samples[-1]],
        "memoryPeak": memory(process)["VmHWM"],
    }
    return figures, identifiers, ids


def verified(
    process: Popen[str], url: str, secret: str, identifiers: list[str], ids: list[str], options: Any
) -> Figures:
    """Verifications per second by identifier, by disclosure and in bulk, beside /healthz."""
    chance = random.Random(1)
    lookups = [
        json.dumps({"identifier": drawn, "useCause": "bench"})
        for drawn in chance.sample(identifiers, min(1000, len(identifiers)))
    ]
    door = Door(url, secret)
    read = [door.record(drawn)["disclosure"] for drawn in chance.sample(ids, min(200, len(ids)))]
    disclosures = [json.dumps({"disclosure": disclosure}) for disclosure in read if current(disclosure["record"])]
    given: dict[str, Any] = {"clients": options.clients, "seconds": options.seconds}
    question: dict[str, Any] = {
        "method": "POST",
        "headers": door.headers | {"Content-Type": "application/json"},
        "expect": VALID,
    }
    asked(door.address, "/v1/verify", bodies=lookups, **question, **{**given, "seconds": 1})
    figures: Figures = {"clients": options.clients}
    used = cpu_seconds(process)
    figures["identifier"] = asked(door.address, "/v1/verify", bodies=lookups, **question, **given)
    figures["identifier"]["cpuMilliseconds"] = (cpu_seconds(process) - used) / figures["identifier"]["requests"] * 1000
    figures["healthz"] = asked(door.address, "/healthz", **{**given, "seconds": options.seconds / 2})
    figures["disclosure"] = asked(door.address, "/v1/verify", bodies=disclosures, **question, **given)
    lines = "\n".join(lookups * max(1, options.bulk // len(lookups))).encode()
    door = Door(url, secret)  # the service has closed the idle connection meanwhile
    began = time.perf_counter()
    verdicts = door.ask("POST", "/v1/verify/bulk", lines, NDJSON).splitlines()
    figures["bulkPerSecond"] = len(verdicts) / (time.perf_counter() - began)
    return figures


def node_calls(instance: Instance, identifiers: Sequence[str]) -> Figures:
    """Exchanges with the node for each verification by identifier, counted by a proxy.

    Verified in this process, without the workers and the watch of a service: both ask the node every few seconds.
    """
    with CountedNode(instance.rpc_url) as node:
        settings = Settings(data=instance.data, rpc_urls=[node.url])
        with closing(open_app(settings)) as app:
            before = node.calls
            for identifier in identifiers:
                question = VerificationRequest(identifier=identifier, use_cause="bench")
                (verdict,) = verify_many(app, [question], Operator())
                if verdict.answer != "valid":
                    raise RuntimeError(str(verdict))
            return {"nodeCallsPerVerification": (node.calls - before) / len(identifiers)}


def measure(options: Any) -> Figures:
    """All figures."""
    with Instance() as instance:
        secret = organisation(instance, ORG, list(TYPES.values()), ("anchor", "verify", "audit"))
        result: Figures = {"imports": []}
        for place, n in enumerate(options.n, 1):
            process, url = instance.serve()
            figures, identifiers, ids = imported(instance, process, url, secret, n)
            result["imports"].append(figures)
            if place == len(options.n):  # the service that has just imported so many is the one that is asked
                result["verify"] = verified(process, url, secret, identifiers, ids, options)
            instance.stop(process)
        result["verify"] |= node_calls(instance, identifiers[:200])
    return result


def table(result: Figures) -> str:
    lines = ["| records | floor, records/s | accepted/s | anchored/s | of the floor | target | CPU, µs each |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    lines += [
        f"| {run['records']:,} | {run['floorPerSecond']:,.0f} | {run['acceptedPerSecond']:,.0f} "
        f"| {run['anchoredPerSecond']:,.0f} | {run['ratio']:.2f} | 2,000 | {run['cpuMicroseconds']:.0f} |"
        for run in result["imports"]
    ]
    lines += ["", "| records | resident MB at the start, at each quarter | peak MB | target |", "|---|---|---|---|"]
    for run in result["imports"]:
        course = ", ".join(f"{value:.0f}" for value in (run["memoryStart"], *run["memoryQuarters"]))
        lines.append(f"| {run['records']:,} | {course} | {run['memoryPeak']:.0f} | {LIMIT_MB} |")
    verify = result["verify"]
    lines += ["", f"| {verify['clients']} clients | requests/s | p50, ms | p99, ms | target |", "|---|---|---|---|---|"]
    for name, shown, target in (
        ("healthz", "GET /healthz, the floor", ""),
        ("identifier", "POST /v1/verify by identifier", "150"),
        ("disclosure", "POST /v1/verify by disclosure", ""),
    ):
        one = verify[name]
        lines.append(f"| {shown} | {one['perSecond']:,.0f} | {one['p50']:.0f} | {one['p99']:.0f} | {target} |")
    lines += ["", f"Bulk, one request: {verify['bulkPerSecond']:,.0f} verdicts a second. "
              f"Service CPU for a verification by identifier: {verify['identifier']['cpuMilliseconds']:.1f} ms. "
              f"Calls to the node for each: {verify['nodeCallsPerVerification']:g}."]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="the running service beside floors of the same run")
    parser.add_argument("--n", type=int, nargs="+", default=[20_000, 100_000], help="records of each import")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each series of verifications")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--bulk", type=int, default=5_000, help="lines of the bulk verification")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options)
    print(json.dumps(result) if options.json else table(result))


if __name__ == "__main__":
    main()
