"""The run: load and kills, then connections without kills, then rest; at the end what must hold is checked."""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import text

import samples
from chain_service.app import open_app
from chain_service.chain.contracts import decode_result, encode_call
from chain_service.config import Settings
from chain_service.core.chainproof.storage_layout import RECORD_LOG
from chain_service.core.records.hashing import log_id
from chain_service.core.records.statements import STATEMENTS
from chain_service.jobs.asker import ROLES
from chain_service.jobs.auditing.audit import audit
from demonstration.sealed_files import licence
from demonstration.sealed_files.office import open_office
from demonstration.signals import listen
from soaking.connections import Connections
from soaking.history import History, places
from soaking.load import ORG, TYPE, Load, SealedFile
from soaking.processes import Instance, Kept, Missing, footprint, names, postgresql, say, until

KILL_SECONDS = 30.0
MOST_CONNECTIONS = 1000
FULL_MINUTES = 30
"""Length of a run whose last third is the whole load of connections."""
WARM_SECONDS = 20.0
WARM_WORK = {"records": 20, "verifications": 40, "documents": 20}
"""What both services together have answered before memory is judged, and again while it is: a process that has done
little is still growing to its size, and one that does nothing leaks nothing, however long either is watched."""
TELLING_MINUTES = 3.0
"""Memory that was watched for a shorter time shows a fast leak only; the run says so."""
FLAT_BYTES, FLAT_PART, FLAT_DESCRIPTORS = 48 * 2**20, 0.20, 64
"""By how much memory and descriptors of a process may differ between the ends of the time without kills."""
PATIENCE = 600.0


@dataclass
class Footprints:
    """Memory and descriptors of the processes over a time in which none is killed."""

    seconds: float = 0.0
    first: dict[str, tuple[int, int]] = field(default_factory=dict)
    last: dict[str, tuple[int, int]] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)

    def take(self, processes: Sequence[Kept]) -> None:
        for one in processes:
            seen = footprint(one.pid)
            if seen is not None:
                self.first.setdefault(one.name, seen)
                self.last[one.name] = seen
                self.most[one.name] = max(self.most.get(one.name, 0), seen[0])

    def grown(self) -> list[str]:
        """What is not flat."""
        wrong = []
        for name, (memory, descriptors) in self.first.items():
            now, open_now = self.last[name]
            if now > memory + max(FLAT_BYTES, FLAT_PART * memory):
                wrong.append(f"{name} grew from {memory >> 20} to {now >> 20} MiB")
            if open_now > descriptors + FLAT_DESCRIPTORS:
                wrong.append(f"{name} has {open_now} descriptors open instead of {descriptors}")
        return wrong


def main() -> int:
    """Exit code 0 if everything held, 1 if not, 4 if something that the run needs is missing."""
    options = _options()
    listen()
    folder = Path(tempfile.mkdtemp(prefix="chain-service-soak-"))
    try:
        report = _soak(folder, options)
    except Missing as missing:
        say(str(missing))
        return 4
    except KeyboardInterrupt:
        say("ended by a signal; everything that was started has ended")
        return 130
    finally:
        if options.keep:
            say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    _show(report, as_json=options.json)
    return 0 if not report["wrong"] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=float(FULL_MINUTES), help="length of the run (default 30)")
    parser.add_argument("--rate", type=float, default=40.0, help="records submitted a second (default 40)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of the load and of the kills")
    parser.add_argument("--json", action="store_true", help="the figures as JSON on standard output")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the instance with its logs")
    options = parser.parse_args()
    if not 0.5 <= options.minutes <= 24 * 60 or not 0.1 <= options.rate <= 10_000:
        parser.error("--minutes is from 0.5 to 1440, --rate from 0.1 to 10000")
    return options


def _soak(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    say(f"seed {options.seed}, {options.minutes:g} minutes")
    chance = random.Random(options.seed)
    connections = max(20, min(MOST_CONNECTIONS, round(MOST_CONNECTIONS * options.minutes / FULL_MINUTES)))
    files = _sealed_files(folder / "data" / "trust-store")
    with ExitStack() as running:
        database, url = running.enter_context(postgresql())
        instance = Instance(folder / "data", url)
        instance.run("init")
        chain = instance.keep("chain", "chain", "run")
        running.callback(chain.stop)
        say("setting up")
        key = _set_up(instance)
        services = running.enter_context(instance.services())
        victims = [*services, chain, database]
        _ready(instance)
        load = running.enter_context(Load(instance.ports, key, files, options.seed, options.rate))
        began = time.monotonic()
        say("load with kills")
        _kill(victims, chance, began + options.minutes * 60 * 2 / 3)
        say(f"killed: {names(victims)}; now {connections} connections and no kills")
        _ready(instance)
        quiet = Footprints()
        endings = {one.name: len(one.endings) for one in victims}
        with Connections(instance.ports, connections) as held:
            _watch([*services, chain], quiet, load.history, held, options.minutes * 60 / 3)
        took = time.monotonic() - began
        load.stop()
        say("no load; waiting until everything is final")
        history = load.history
        _settled(instance, key, history)
        wrong = [*history.violations, *_checked(instance, url, history), *quiet.grown()]
        wrong += [
            f"{one.name} ended by itself: {one.endings[endings[one.name] :]}"
            for one in victims
            if len(one.endings) > endings[one.name]
        ]
        if held.most < connections:
            wrong.append(f"only {held.most} of {connections} connections were open at once")
        return _report(options, took, history, quiet, held, victims, wrong)


def _sealed_files(trust_store: Path) -> list[SealedFile]:
    """Sealed licences and what they are with another holder; their authorities stand in the trust store."""
    now = int(time.time())
    office = open_office(samples.MARKET, now)
    trust_store.parent.mkdir(mode=0o700)
    office.write_trust(trust_store, now)
    made = []
    licences = (one for _, one in samples.certificates(8 * len(samples.TYPES), seed=7))
    ours = [one for one in licences if one["certificateIssuingAuthorityCode"] == office.organisation.code]
    for record in ours[:4]:
        sealed = office.sealed(licence.ofd(record), licence.SEAL, now)
        holder = {**record["holders"][0], "certificateHolderName": "另一家食品有限公司"}
        made.append(SealedFile(sealed.bytes(), licence.redrawn(sealed, {**record, "holders": [holder]}).bytes()))
    return made


def _set_up(instance: Instance) -> str:
    """Contracts, one organisation that may do everything, and its key."""
    until(lambda: _answers(instance), PATIENCE, "the trial chain did not start")
    instance.run("deploy")
    instance.run("org", "add", ORG, "临澜市市场监督管理局")
    instance.run("org", "permit", ORG, TYPE, "--from", "2020-01-01")
    made = instance.run("key", "create", "--org", ORG, "--role", ",".join(ROLES))
    return str(made["key"])


def _answers(instance: Instance) -> bool:
    try:
        call = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
        return requests.post(f"http://127.0.0.1:{instance.chain_port}", json=call, timeout=5).ok
    except requests.RequestException:
        return False


def _ready(instance: Instance) -> None:
    """Both services say that they can do their work."""
    for port in instance.ports:
        until(lambda port=port: _is_ready(port), PATIENCE, f"the service at {port} is not ready")  # type: ignore[misc]


def _is_ready(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10).ok
    except requests.RequestException:
        return False


def _kill(victims: Sequence[Kept], chance: random.Random, end: float) -> None:
    """A random process is killed every 30 s, in short runs at least five in all; each of them once before any twice."""
    pause = min(KILL_SECONDS, (end - time.monotonic()) / (len(victims) + 1))
    order: list[Kept] = []
    while time.monotonic() + pause < end:
        time.sleep(pause)
        order = order or chance.sample(list(victims), len(victims))
        victim = order.pop()
        victim.kill()
        say(f"kill -9 {victim.name}")
    time.sleep(max(0.0, end - time.monotonic()))


def _watch(processes: Sequence[Kept], seen: Footprints, history: History, held: Connections, seconds: float) -> None:
    """Footprints from when everything is warm until the end, which waits for work and not for the clock alone."""
    began = time.monotonic()
    _work(history, began + min(WARM_SECONDS, seconds / 2), held=held)
    warm = time.monotonic()
    _work(history, max(began + seconds, warm + seconds / 2), look=lambda: seen.take(processes))
    seen.seconds = time.monotonic() - warm


def _work(
    history: History, end: float, *, held: Connections | None = None, look: Callable[[], None] = lambda: None
) -> None:
    """It is past `end`, `WARM_WORK` was done meanwhile and every connection of `held` was open: what a slow machine
    needs longer for is waited for. Something wrong that was seen ends the wait: its caller asks no more."""
    goal = {name: history.counts[name] + count for name, count in WARM_WORK.items()}
    patience = end + PATIENCE
    look()
    while True:
        missing = [
            f"{count - history.counts[name]} {name}" for name, count in goal.items() if history.counts[name] < count
        ]
        if held is not None and held.most < held.count:
            missing.append(f"{held.count - held.most} connections")
        now = time.monotonic()
        if now >= patience and missing:
            history.violated(f"within ten minutes without kills there were still missing: {', '.join(missing)}")
        if now >= end and (not missing or history.violations):
            return
        time.sleep(min(2.0, end - now) if now < end else 0.2)
        look()


def _settled(instance: Instance, key: str, history: History) -> None:
    """Every record is anchored, every change final and nothing waits in the outbox."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {key}"

        def nothing_waits() -> bool:
            try:
                told = session.get(f"http://127.0.0.1:{instance.ports[0]}/metrics", timeout=30).text
            except requests.RequestException:
                return False
            figures = dict(line.rsplit(" ", 1) for line in told.splitlines() if line and line[0] != "#")
            waiting = ("records_pending", "records_batched", "submissions_open")
            return all(float(figures.get(f"chain_service_{name}", "1")) == 0 for name in waiting)

        until(nothing_waits, PATIENCE, "what was accepted is not final after ten minutes")
    end = time.monotonic() + PATIENCE
    for id in history.withdrawn:
        # accepted changes are grouped into submissions a moment later, and open submissions are all that figures tell
        while (state := _state(instance, id)) != "withdrawn" and time.monotonic() < end:
            time.sleep(0.2)
        if state != "withdrawn":
            history.violated(f"{id} is {state} although its withdrawal was acknowledged")


def _state(instance: Instance, id: str) -> str:
    answer = requests.get(f"http://127.0.0.1:{instance.ports[1]}/v1/records/{id}", timeout=PATIENCE)
    return str(answer.json()["status"])


@contextmanager
def _opened(instance: Instance, url: str) -> Iterator[Any]:
    settings = Settings(data=instance.data, database_url=url, rpc_urls=[f"http://127.0.0.1:{instance.chain_port}"])
    app = open_app(settings)
    try:
        yield app
    finally:
        app.close()


def _checked(instance: Instance, url: str, history: History) -> list[str]:
    """What is wrong with memory and chain."""
    with _opened(instance, url) as app:
        with app.database.reading() as connection:
            query = text("SELECT identity, id, leaf_index, type_code FROM records")
            stored = [tuple(row) for row in connection.execute(query)]
            twice = connection.execute(
                text(
                    "SELECT submission_id FROM transactions WHERE outcome = 'final'"
                    " GROUP BY submission_id HAVING count(*) > 1"
                )
            ).all()
        chain = app.require_chain()
        size = chain.sender.call(
            chain.deployment.address(RECORD_LOG), encode_call(RECORD_LOG, "sizeOf", log_id(ORG, 0))
        )
        stated = {row[0] for row in stored if row[3] in STATEMENTS}
        wrong = places([row[:3] for row in stored], history, decode_result(RECORD_LOG, "sizeOf", size), stated)
        wrong += [f"the submission {id} is final twice" for (id,) in twice]
        wrong += [f"audit: {found}" for found in audit(app).findings]
    return wrong


def _report(
    options: argparse.Namespace,
    took: float,
    history: History,
    quiet: Footprints,
    held: Connections,
    victims: Sequence[Kept],
    wrong: list[str],
) -> dict[str, Any]:
    return {
        "seed": options.seed,
        "minutes": round(took / 60, 1),
        "cores": os.cpu_count(),
        "killed": {one.name: one.killed for one in victims},
        "started": {one.name: 1 + len(one.endings) for one in victims},
        "acknowledged": len(history.ids),
        "withdrawn": len(history.withdrawn),
        "counts": dict(sorted(history.counts.items())),
        "verdicts": dict(sorted(history.verdicts.items())),
        "answerSeconds": {"p50": history.quantile(0.5), "p95": history.quantile(0.95), "max": history.quantile(1.0)},
        "connections": {"open": held.most, "answers": held.answers, "broken": held.broken},
        "memoryMiB": {
            name: {
                "first": quiet.first[name][0] >> 20,
                "last": quiet.last[name][0] >> 20,
                "most": quiet.most[name] >> 20,
            }
            for name in quiet.first
        },
        "judgedSeconds": round(quiet.seconds),
        "descriptors": {name: [quiet.first[name][1], quiet.last[name][1]] for name in quiet.first},
        "wrong": wrong,
    }


def _show(report: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
        return
    for name, value in report.items():
        if name == "wrong":
            continue
        told = ", ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else value
        print(f"{name}: {told}")
    for one in report["wrong"]:
        print(f"WRONG: {one}")
    if report["wrong"]:
        print("history: NOT consistent")
        return
    short = ", which is too short to show any but a fast leak"
    print(
        f"history: consistent: each of {report['acknowledged']} acknowledged records has one place, no verdict was"
        " valid after an acknowledged withdrawal, the audit found nothing, memory and descriptors are flat over"
        f" {report['judgedSeconds']} s" + (short if report["judgedSeconds"] < TELLING_MINUTES * 60 else "")
    )


if __name__ == "__main__":
    sys.exit(main())
