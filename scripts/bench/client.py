"""Many clients at once, in a process of their own: requests on kept connections for some seconds.

Standard input holds one JSON object {"address", "clients", "seconds", "method", "path", "headers", "bodies", "expect"};
the bodies are sent in turn, `expect` stands in every answer. Standard output gets how it went.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any


class Client(threading.Thread):
    """One kept connection, asking without a pause."""

    def __init__(self, task: dict[str, Any], place: int, end: float) -> None:
        super().__init__()
        self._task, self._place, self._end = task, place, end
        self.seconds: list[float] = []
        self.failure: str | None = None

    def run(self) -> None:
        task = self._task
        bodies = [body.encode() for body in task["bodies"]] or [None]
        expect = task["expect"].encode()
        connection = http.client.HTTPConnection(task["address"], timeout=600)
        at = self._place * len(bodies) // task["clients"]
        while (began := time.perf_counter()) < self._end:
            connection.request(task["method"], task["path"], bodies[at % len(bodies)], task["headers"])
            answer = connection.getresponse()
            content = answer.read()
            self.seconds.append(time.perf_counter() - began)
            if answer.status != 200 or expect not in content:
                self.failure = f"{answer.status} {content[:300]!r}"
                return
            at += 1


def main() -> None:
    task = json.load(sys.stdin)
    began = time.perf_counter()
    clients = [Client(task, place, began + task["seconds"]) for place in range(task["clients"])]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    failures = [client.failure for client in clients if client.failure]
    if failures:
        sys.exit(f"{task['path']}: {failures[0]}")
    took = time.perf_counter() - began
    seconds = sorted(value for client in clients for value in client.seconds)
    figures = {"requests": len(seconds), "perSecond": len(seconds) / took}
    figures |= {name: seconds[int(len(seconds) * part)] * 1000 for name, part in (("p50", 0.5), ("p99", 0.99))}
    json.dump(figures, sys.stdout)


def asked(address: str, path: str, *, clients: int, seconds: float, **task: Any) -> dict[str, float]:
    """How often `path` answered: requests, perSecond, and the milliseconds p50 and p99."""
    task = {"method": "GET", "headers": {}, "bodies": [], "expect": ""} | task
    task |= {"address": address, "path": path, "clients": clients, "seconds": seconds}
    done = subprocess.run(
        [sys.executable, str(Path(__file__))], input=json.dumps(task), capture_output=True, text=True, timeout=600
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    main()
