"""Times anchoring on a network of validators on this machine, beside what the bare node takes in the same run.

    scripts/bench/network.py [--records 100000] [--batch 10000] [--validators 4] [--json]

The network, an instance on it and everything they keep are made in a folder of their own and removed afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount

from chain_service.nodes.network.create import Plan, create
from chain_service.nodes.network.descriptor import Network
from chain_service.nodes.network.running.control import down, up

ORG = "1143990000612301XQ"
SENDERS = 8
TRANSFERS = 2_000
PERIOD = 1


@dataclass(frozen=True)
class Bench:
    """A running network and an instance that serves on it."""

    folder: Path
    network: Network
    url: str
    key: str
    rpc: httpx.Client
    funder: LocalAccount

    def call(self, method: str, *params: Any) -> Any:
        return self.calls([(method, params)])[0]

    def calls(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The node's answers to one JSON-RPC batch."""
        body = [
            {"jsonrpc": "2.0", "id": n, "method": method, "params": list(params)}
            for n, (method, params) in enumerate(requests)
        ]
        answers = {answer["id"]: answer for answer in self.rpc.post("", json=body).json()}
        return [answers[n].get("result") for n in range(len(requests))]

    def kept(self) -> dict[str, int]:
        """Bytes that a validator keeps, and the instance's database."""
        validator = self.folder / "network" / "validator-1"
        database = (self.folder / "data").glob("chain_service.db*")
        return {
            "validator": sum(file.stat().st_size for file in validator.rglob("*") if file.is_file()),
            "database": sum(file.stat().st_size for file in database),
        }


@contextmanager
def bench(validators: int, cache: Path, geth: Path | None) -> Iterator[Bench]:
    folder = Path(tempfile.mkdtemp(prefix="chain-bench-"))
    funder = Account.create()
    data, environment = folder / "data", dict(os.environ)
    program = [str(Path(sys.executable).with_name("chain-service")), "--data", str(data), "--quiet"]

    def run(*words: str) -> str:
        done = subprocess.run([*program, *words], env=environment, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
        return done.stdout.strip()

    run("init")
    registrar = "0x" + json.loads((data / "registrar.json").read_text())["address"].removeprefix("0x")
    plan = Plan(validators=validators, engine="geth", period=PERIOD, funded=(funder.address, registrar), first_port=0)
    service = None
    made = create(folder / "network", plan)
    try:
        up(folder / "network", (), cache=cache, geth=geth, timeout=90)
        environment["CHAIN_SERVICE_RPC_URLS"] = json.dumps(list(made.rpc_urls))
        run("deploy")
        run("org", "add", ORG, "Bench City Administration")
        key = run("key", "create", "--org", ORG, "--role", "anchor", "--rate", "10000000/minute")
        log = (folder / "serve.log").open("w")
        service = subprocess.Popen(
            [*program, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
        log.close()
        assert service.stdout is not None
        url = service.stdout.readline().strip()
        writer = next(address for address in made.rpc_urls if address.startswith("http"))
        with httpx.Client(base_url=writer, timeout=60) as rpc:
            yield Bench(folder, made, url, key, rpc, funder)
    finally:
        if service is not None:
            service.send_signal(signal.SIGTERM)
            service.wait(60)
        down(folder / "network", ())
        shutil.rmtree(folder, ignore_errors=True)


def bare_node(bench: Bench) -> dict[str, float]:
    """Transactions a second that the node takes and seals: plain transfers of several senders, in batches."""
    chain_id = bench.network.chain_id
    senders = [Account.create() for _ in range(SENDERS)]

    def signed(account: LocalAccount, nonce: int, to: str, value: int) -> str:
        fields: dict[str, Any] = {
            "nonce": nonce,
            "gasPrice": 1,
            "gas": 21_000,
            "to": to,
            "value": value,
            "data": b"",
            "chainId": chain_id,
        }
        return "0x" + bytes(account.sign_transaction(fields).raw_transaction).hex()

    def wait_mined(account: str, count: int) -> None:
        while int(bench.call("eth_getTransactionCount", account, "latest"), 16) < count:
            time.sleep(0.05)

    first = int(bench.call("eth_getTransactionCount", bench.funder.address, "latest"), 16)
    for n, sender in enumerate(senders):
        bench.call("eth_sendRawTransaction", signed(bench.funder, first + n, sender.address, 10**12))
    wait_mined(bench.funder.address, first + SENDERS)
    each = TRANSFERS // SENDERS
    raws = [signed(sender, nonce, bench.funder.address, 1) for nonce in range(each) for sender in senders]
    began = time.perf_counter()
    for start in range(0, len(raws), 500):
        bench.calls([("eth_sendRawTransaction", (raw,)) for raw in raws[start : start + 500]])
    for sender in senders:
        wait_mined(sender.address, each)
    return {"transactions": len(raws), "perSecond": len(raws) / (time.perf_counter() - began)}


def lines(first: int, count: int) -> str:
    return "\n".join(
        json.dumps(
            {
                "kind": "document", "documentTypeCode": "approval", "documentNumber": f"B-{number:08d}",
                "title": f"Approval of matter {number}", "issuingOrganisationCode": ORG, "issuedDate": "2025-06-02",
            }
        )
        for number in range(first, first + count)
    )  # fmt: skip


def receipts(bench: Bench, id: str, accepted: float) -> float:
    """Seconds from acceptance until the record's receipt is there."""
    with httpx.Client(base_url=bench.url, timeout=60) as client:
        while client.get(f"/v1/records/{id}/receipt").status_code != 200:
            time.sleep(0.1)
    return time.perf_counter() - accepted


def anchoring(bench: Bench, records: int, batch: int) -> dict[str, Any]:
    """Records a second until the last is anchored, and how long each body's records wait for their receipts."""
    headers = {"Authorization": f"Bearer {bench.key}", "Content-Type": "application/x-ndjson"}
    before = bench.kept()
    began = time.perf_counter()
    last: list[str] = []
    with httpx.Client(base_url=bench.url, headers=headers, timeout=120) as client, ThreadPoolExecutor(32) as waiting:
        waits = []
        for first in range(0, records, batch):
            answer = client.post("/v1/records", content=lines(first, min(batch, records - first)))
            answer.raise_for_status()
            last.append(json.loads(answer.text.splitlines()[-1])["id"])
            waits.append(waiting.submit(receipts, bench, last[-1], time.perf_counter()))
        taken = [wait.result() for wait in waits]
        seconds = time.perf_counter() - began
        transactions = {client.get(f"/v1/records/{id}").json()["anchor"]["tx"] for id in last}
    gas = sum(
        int(call["gasUsed"], 16) for call in bench.calls([("eth_getTransactionReceipt", (tx,)) for tx in transactions])
    )
    after = bench.kept()
    return {
        "records": records,
        "batch": batch,
        "recordsPerSecond": records / seconds,
        "receiptMedianSeconds": statistics.median(taken),
        "receiptP95Seconds": sorted(taken)[max(0, -(-len(taken) * 95 // 100) - 1)],
        "gasPerRecord": gas / (len(transactions) * batch),
        "grownBytes": {name: after[name] - before[name] for name in after},
        "perMillionBytes": {name: (after[name] - before[name]) * 1_000_000 // records for name in after},
    }


def one_at_a_time(bench: Bench, batch: int, bodies: int = 5) -> float:
    """Seconds from acceptance to receipt, the median of bodies that wait for each other."""
    headers = {"Authorization": f"Bearer {bench.key}", "Content-Type": "application/x-ndjson"}
    taken = []
    with httpx.Client(base_url=bench.url, headers=headers, timeout=120) as client:
        for number in range(bodies):
            answer = client.post("/v1/records", content=lines(50_000_000 + number * batch, batch))
            answer.raise_for_status()
            taken.append(receipts(bench, json.loads(answer.text.splitlines()[-1])["id"], time.perf_counter()))
    return statistics.median(taken)


def show(bare: dict[str, float], done: dict[str, Any], validators: int) -> str:
    grown = done["perMillionBytes"]
    rows = [
        (f"{validators} validators, writer and observer, blocks every {PERIOD} s, service: all on this machine", ""),
        ("bare node, transfers sealed a second", f"{bare['perSecond']:.0f}"),
        (f"records anchored a second, bodies of {done['batch']:,}", f"{done['recordsPerSecond']:,.0f}"),
        ("from acceptance to receipt, all sent at once: median", f"{done['receiptMedianSeconds']:.1f} s"),
        ("from acceptance to receipt, all sent at once: p95", f"{done['receiptP95Seconds']:.1f} s"),
        ("from acceptance to receipt, one body at a time: median", f"{done['oneAtATimeSeconds']:.1f} s"),
        ("gas a record", f"{done['gasPerRecord']:.0f}"),
        (
            f"a million records on a validator's disk, extrapolated from {done['records']:,}",
            f"{grown['validator'] / 1e6:,.0f} MB",
        ),
        ("a million records in the database, extrapolated likewise", f"{grown['database'] / 1e6:,.0f} MB"),
    ]
    return "\n".join(f"{name:<85}{value:>12}" for name, value in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=10_000)
    parser.add_argument("--validators", type=int, default=4)
    parser.add_argument("--cache", type=Path, default=Path("data/bin"), help="where a built geth is kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    named = os.environ.get("CHAIN_SERVICE_GETH")
    with bench(options.validators, options.cache, Path(named) if named else None) as running:
        bare = bare_node(running)
        done = anchoring(running, options.records, options.batch)
        done["oneAtATimeSeconds"] = one_at_a_time(running, options.batch)
    print(json.dumps({"bareNode": bare, "anchoring": done}) if options.json else show(bare, done, options.validators))


if __name__ == "__main__":
    main()
