"""Sealed documents through HTTP: latency of POST /v1/verify under several clerks, memory over many documents.

Trial chain and service run as processes with their default settings. Every clerk hands in documents of its own, sealed,
anchored and with a registered seal, one after the other, and waits for the verdict, which has to be valid. The test
authorities of tests/support/documents sign them.

    python scripts/bench/document_service.py [--clerks 8] [--seconds 15] [--documents 40] [--size 40000] [--json]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

from instance import Instance, memory, organisation
from issue import ORG

from support.documents.city import unsigned
from support.worlds.offices import Office, write_trust_store

BOUNDARY = "chain-service-bench"
SEAL_CODE = "43990000099001"
Figures = dict[str, Any]


def documents(office: Office, count: int, size: int) -> list[bytes]:
    """Sealed documents of about `size` bytes each, which no compression makes smaller."""
    rng = random.Random(size)
    made = []
    for _ in range(count):
        package = unsigned()
        package.files["Doc_0/Res/image.png"] = rng.randbytes(max(0, size - 5_000))
        made.append(office.sealed(package).bytes())
    return made


def anchored(instance: Instance, office: Office, files: list[bytes]) -> None:
    """The seal is registered and a record of each document is anchored, by the commands that a department uses."""
    seal = instance.directory / "office.esl"
    seal.write_bytes(office.seal_file)
    instance.run("seal", "register", str(seal), "--org", ORG, "--wait")
    folder = instance.directory / "documents"
    folder.mkdir()
    lines = []
    for number, content in enumerate(files):
        (folder / f"{number}.ofd").write_bytes(content)
        lines.append(json.dumps(record(number)))
    records = instance.directory / "records.ndjson"
    records.write_text("\n".join(lines), encoding="utf-8")
    instance.run("anchor", str(records), "--org", ORG, "--documents", str(folder), "--wait")


def record(number: int) -> dict[str, Any]:
    return {
        "kind": "document",
        "documentTypeCode": "approval",
        "documentNumber": f"bench-{number}",
        "issuingOrganisationCode": ORG,
        "issuedDate": "2026-06-01",
        "sealCodes": [SEAL_CODE],
        "files": [{"path": f"{number}.ofd"}],
    }


def form(content: bytes) -> bytes:
    """The multipart body of one file."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="d.ofd"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


class Clerk(threading.Thread):
    """One kept connection; hands in one document after the other until `end`."""

    def __init__(self, address: str, secret: str, bodies: list[bytes], place: int, end: float) -> None:
        super().__init__()
        self._connection = http.client.HTTPConnection(address, timeout=60)
        media_type = f"multipart/form-data; boundary={BOUNDARY}"
        self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": media_type}
        self._bodies, self._place, self._end = bodies, place, end
        self.seconds: list[float] = []
        self.failure = ""

    def run(self) -> None:
        at = self._place
        while (began := time.perf_counter()) < self._end and not self.failure:
            self._connection.request("POST", "/v1/verify", self._bodies[at % len(self._bodies)], self._headers)
            answer = self._connection.getresponse()
            content = answer.read()
            self.seconds.append(time.perf_counter() - began)
            if answer.status != 200 or b'"code":"in_force"' not in content[:200]:
                self.failure = f"{answer.status} {content[:400]!r}"
            at += 1


def handed_in(address: str, secret: str, bodies: list[bytes], clerks: int, seconds: float) -> list[float]:
    """Seconds of every request, sorted. Raises RuntimeError for an answer that is not valid."""
    end = time.perf_counter() + seconds
    working = [Clerk(address, secret, bodies, place, end) for place in range(clerks)]
    for worker in working:
        worker.start()
    for worker in working:
        worker.join()
    for worker in working:
        if worker.failure:
            raise RuntimeError(worker.failure)
    return sorted(value for worker in working for value in worker.seconds)


def measure(options: argparse.Namespace) -> Figures:
    """All figures; times in milliseconds, memory in megabytes."""
    with Instance() as instance:
        secret = organisation(instance, ORG, [], ["verify"])
        write_trust_store(instance.data / "trust-store")
        office = Office(ORG, SEAL_CODE)
        files = documents(office, options.documents, options.size)
        anchored(instance, office, files)
        process, url = instance.serve()
        address, bodies = url.removeprefix("http://"), [form(content) for content in files]
        handed_in(address, secret, bodies, options.clerks, 2)
        before = memory(process)["VmRSS"]
        alone = handed_in(address, secret, bodies, 1, options.seconds / 3)
        together = handed_in(address, secret, bodies, options.clerks, options.seconds)
        figures = {
            "size": len(files[0]),
            "clerks": options.clerks,
            "cores": os.cpu_count(),
            "aloneP50": at(alone, 0.5),
            "p50": at(together, 0.5),
            "p95": at(together, 0.95),
            "p99": at(together, 0.99),
            "perSecond": len(together) / options.seconds,
            "memoryBefore": before,
            "memoryAfter": memory(process)["VmRSS"],
        }
        instance.stop(process)
    return figures


def at(seconds: list[float], part: float) -> float:
    return seconds[int(len(seconds) * part)] * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clerks", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--documents", type=int, default=40)
    parser.add_argument("--size", type=int, default=40_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    print("| documents | clerks | one alone, p50 | p50 | p95 | p99 | per second | service's memory |")
    print("|---|---|---|---|---|---|---|---|")
    print(
        f"| {figures['size']} bytes | {figures['clerks']} | {figures['aloneP50']:.0f} ms | {figures['p50']:.0f} ms "
        f"| {figures['p95']:.0f} ms | {figures['p99']:.0f} ms | {figures['perSecond']:.0f} "
        f"| {figures['memoryBefore']:.0f} → {figures['memoryAfter']:.0f} MB |"
    )


if __name__ == "__main__":
    main()
