"""What raises each alert: its cause, made by the smallest real means in an instance of one's own, and its cure."""

from __future__ import annotations

import itertools
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import pytest
from eth_account.signers.local import LocalAccount

from chain_service.chain.contracts import encode_call
from chain_service.chain.keystore import Keystore
from chain_service.chain.rpc import Rpc
from chain_service.core.chainproof.storage_layout import RECORD_STATUS
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.states import State
from chain_service.jobs import alerts, workers
from chain_service.jobs.anchoring.close_batches import close_batches
from chain_service.jobs.context import App
from chain_service.jobs.indexing.ended_alerts import SHOWN
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.indexing.head_watch import watch_head
from chain_service.jobs.instance import api_keys, health
from chain_service.jobs.instance.watch import HealthWatch
from chain_service.jobs.proofs import trust_files
from chain_service.jobs.records import records
from chain_service.jobs.sending.dispatch import dispatch
from chain_service.jobs.sending.refusals import stop_log
from chain_service.jobs.verifying.missed_lookups import MISSED_WITHIN, watch_misses
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.store import chain_index
from chain_service.store.connecting.drivers import DatabaseLimits
from chain_service.store.database import Database
from chain_service.web.app import create_app
from support.chains.gate import forwarded
from support.chains.lying_node import http_server, liar
from support.chains.server_certificates import self_signed
from support.worlds.jobs_city import PASSWORD, WAIT, City, Org, verify
from support.worlds.running_instance import Instance, free_port

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # as long as Starlette has no wish for another client library
    from starlette.testclient import TestClient

DAY = 86_400
SHORT = DatabaseLimits(connections=2, pool_seconds=0.5, lock_seconds=0.5, statement_seconds=1.0)


@dataclass
class World:
    """An instance, its HTTP door and its commands."""

    city: City
    folder: Path
    auditor: str = ""
    """The key of who may list alerts."""
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @cached_property
    def client(self) -> Any:
        return TestClient(create_app(self.city.app))

    def app_on(self, rpc: Rpc | None = None, **settings: Any) -> App:
        return self.city.on(rpc=rpc, **settings).app

    def new(self) -> Path:
        """A folder that nothing else uses."""
        folder = self.folder / f"row{next(self.numbers)}"
        folder.mkdir(parents=True)
        return folder

    def shown(self, code: str) -> tuple[list[Any], str, list[Any]]:
        """The alerts of this code at the API, the metrics, and those in `/readyz`."""
        client, headers = self.client, {"Authorization": f"Bearer {self.auditor}"}
        client.app.state.watch._looked = 0.0  # what it saw a moment ago is not what is asked for
        listed = client.get("/v1/alerts", params={"code": code}, headers=headers).json()["alerts"]
        figures = client.get("/metrics").text
        standing = client.get("/readyz").json()["checks"].get("alerts", {}).get("standing", [])
        return listed, figures, [one for one in standing if one["code"] == code]

    def subjects(self, code: str) -> set[str]:
        """Of what the alerts of this code stand."""
        return {subject for standing, subject in self.city.alerts() if standing == code}

    def listed(self, code: str, *more: str) -> list[Any]:
        return list(self.command("alerts", "list", "--code", code, *more)["alerts"])

    def command(self, *arguments: str) -> Any:
        """The answer of a command on the instance."""
        settings = self.city.app.settings
        ran = Instance(settings.data, self.folder).run(
            "--json",
            *arguments,
            CHAIN_SERVICE_DATABASE_URL=str(settings.database_url),
            CHAIN_SERVICE_PASSWORD=PASSWORD,
        )
        assert ran.code == 0, ran
        return ran.json


def known(city: City, folder: Path) -> World:
    org = city.organisation()
    (city.app.settings.data / "config.toml").touch()
    return World(city, folder, api_keys.create_key(city.app, org.code, ["audit"]).key)


# Causes that the jobs see

Row = Callable[[World], Any]


@contextmanager
def halted(world: World) -> Iterator[None]:
    world.city.trial.mine()
    index(world.city.app)
    world.city.clock.ahead = 400.0
    watch_head(world.city.app)
    yield
    world.city.clock.ahead = 0.0
    world.city.trial.mine()
    index(world.city.app)


def waiting(city: City) -> tuple[Org, str]:
    """A new organisation and its record, closed into a batch."""
    org = city.organisation()
    (id,) = city.submit(org, org.certificate())
    close_batches(city.app, force=True)
    return org, id


@contextmanager
def event_left_out(world: World) -> Iterator[None]:
    city = world.city
    _, id = waiting(city)
    dispatch(city.app)
    city.mined()
    with liar(city.trial.server.url, lambda method, told: [] if method == "eth_getLogs" else told) as rpc:
        index(city.on(rpc=rpc).app)
    yield
    city.make_final([id])
    index(city.app)


@contextmanager
def gap(world: World) -> Iterator[None]:
    city = world.city
    _, id = waiting(city)
    count = lambda method, told: hex(50) if method == "eth_getTransactionCount" else told  # noqa: E731
    with liar(city.trial.server.url, count) as rpc:
        dispatch(city.on(rpc=rpc).app)
    city.clock.ahead = 40.0
    with http_server(refusing(city, "eth_sendRawTransaction")) as url, Rpc([url]) as rpc:
        dispatch(city.on(rpc=rpc).app)
    index(city.app)
    yield
    city.clock.ahead = 80.0
    city.make_final([id])
    index(city.app)
    city.clock.ahead = 0.0


@contextmanager
def stopped(world: World) -> Iterator[None]:
    city, org = world.city, world.city.organisation()
    stop_log(city.app, log_id(OrgCode(org.code), 0), "HeadConflict")
    city.clock.ahead = SHOWN + 1.0
    index(city.app)
    city.clock.ahead = 0.0
    new_generation(city, org)
    index(city.app)
    yield
    city.clock.ahead = SHOWN + 1.0
    index(city.app)
    city.clock.ahead = 0.0
    index(city.app)


def new_generation(city: City, org: Org) -> None:
    city.trial.registrar.add_log_key(org.code, city.app.keystore.create_log_key(org.code, 1))
    city.trial.registrar.open_generation(org.code)


@contextmanager
def guessed(world: World) -> Iterator[None]:
    city, org = world.city, world.city.organisation()
    app = city.on(missed_lookups=1).app
    guesser = api_keys.admit(app, api_keys.create_key(app, org.code, ["verify"]).key)
    verify(app, VerificationRequest(identifier=org.certificate()["certificateIdentifier"], use_cause="x"), guesser)
    yield
    city.clock.ahead = MISSED_WITHIN + 1.0
    watch_misses(app)
    city.clock.ahead = 0.0


@contextmanager
def no_account(world: World) -> Iterator[None]:
    city, org, other = world.city, world.city.organisation(), world.city.organisation()
    ids, (erased,) = city.submit(org, org.certificate()), city.submit(other, other.certificate())
    close_batches(replace(city.app, keystore=Keystore.create(world.new() / "keys", PASSWORD)), force=True)
    index(city.app)
    yield
    records.erase(city.app, erased, "entered by mistake", other.caller)
    index(city.app)
    assert world.subjects(alerts.NO_ACCOUNT) == {org.code}
    city.make_final(ids)


@contextmanager
def refused_by_node(world: World) -> Iterator[None]:
    city = world.city
    _, id = waiting(city)
    with http_server(refusing(city, "eth_sendRawTransaction")) as url, Rpc([url]) as rpc:
        dispatch(city.on(rpc=rpc).app)
    index(city.app)
    yield
    city.clock.ahead = 40.0
    city.make_final([id])
    city.clock.ahead = 0.0


def refusing(city: City, method: str) -> Callable[[bytes], tuple[int, bytes]]:
    """The node's answers, but for the method that it refuses."""
    node = forwarded(city.trial.server.url)

    def answer(body: bytes) -> tuple[int, bytes]:
        asked = orjson.loads(body)
        refused = {"code": -32000, "message": "insufficient funds for gas * price + value"}
        told = [
            {"jsonrpc": "2.0", "id": one["id"], "error": refused}
            if method in ("", one["method"])
            else orjson.loads(node(orjson.dumps(one))[1])
            for one in (asked if isinstance(asked, list) else [asked])
        ]
        return 200, orjson.dumps(told if isinstance(asked, list) else told[0])

    return answer


@contextmanager
def suspended(world: World) -> Iterator[None]:
    city = world.city
    (org, id), (other, moved) = waiting(city), waiting(city)
    for one in (org, other):
        city.trial.registrar.set_suspended(one.code, True)
    dispatch(city.app)
    index(city.app)
    assert len(world.subjects(alerts.REFUSED)) == 2
    yield
    new_generation(city, other)  # the submission refused is withdrawn, and what it carried goes with another
    for one in (org, other):
        city.trial.registrar.set_suspended(one.code, False)
    city.clock.ahead = 31.0
    city.make_final([id, moved])
    city.clock.ahead = 0.0


@contextmanager
def illegal(world: World) -> Iterator[None]:
    city, org = world.city, world.city.organisation()
    (id,) = city.anchor(org, org.certificate())
    city.change(org, id, "lapsed", 7)
    account: LocalAccount = city.app.keystore.account(org.account)
    words = [(1 | State.WITHDRAWN << 64 | 2 << 72, bytes(31) + b"\1")]
    call = encode_call(RECORD_STATUS, "set", log_id(OrgCode(org.code), 0), words)
    city.trial.sender.transact(account, city.trial.deployment.address(RECORD_STATUS), call, timeout=WAIT)
    dispatch(city.app)
    yield


@contextmanager
def failing(world: World) -> Iterator[None]:
    city = world.city
    with Rpc([nobody()]) as rpc:
        app = city.on(rpc=rpc).app
        with workers.Workers(app):
            until(lambda: ("work_failed", "index") in city.alerts())
        yield
    with workers.Workers(city.app):
        until(lambda: not {"work_failed"} & {code for code, _ in city.alerts()})


def nobody() -> str:
    return f"http://127.0.0.1:{free_port()}"


def until(done: Callable[[], Any]) -> None:
    end = time.monotonic() + WAIT
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


# Causes that the watch sees


def look(app: App) -> None:
    """One look of the watch, which raises and clears, in a process that does all."""
    look_again(HealthWatch(app, alerting=True, serving=True))


def look_again(watch: HealthWatch) -> None:
    watch._looked = 0.0
    watch.look()
    watch._store(watch.found)
    for node in watch._nodes:
        node.close()


@contextmanager
def seen(world: World, app: App) -> Iterator[None]:
    """What is not well with `app` and is with the instance as it is."""
    look(app)
    yield
    world.city.clock.ahead = 0.0
    look(world.city.app)


def answering(answer: Callable[[City], Callable[[bytes], tuple[int, bytes]]]) -> Row:
    @contextmanager
    def row(world: World) -> Iterator[None]:
        with http_server(answer(world.city)) as url, Rpc([url]) as rpc, seen(world, world.app_on(rpc)):
            yield

    return row


def always(status: int, body: bytes = b"") -> Row:
    return answering(lambda _: lambda __: (status, body))


def asked_otherwise(words: Callable[[City], tuple[str, str]]) -> Row:
    """The node answers as if one word of each question were another: what it shows is true, of another block."""

    def answer(city: City) -> Callable[[bytes], tuple[int, bytes]]:
        node, (word, other) = forwarded(city.trial.server.url), words(city)
        return lambda body: node(body.replace(f'"{word}"'.encode(), f'"{other}"'.encode()))

    return answering(answer)


def newest_and_before(city: City) -> tuple[str, str]:
    with city.app.database.reading() as connection:
        block = chain_index.newest_block(connection)
    assert block is not None
    return hex(block.number), hex(block.number - 1)


def proofs_cut(method: str, told: Any) -> Any:
    return told | {"accountProof": told["accountProof"][:-1]} if method == "eth_getProof" else told


@contextmanager
def nobody_there(world: World) -> Iterator[None]:
    with Rpc([nobody()]) as rpc, seen(world, world.app_on(rpc)):
        yield


@contextmanager
def node_certificate_expired(world: World) -> Iterator[None]:
    files = self_signed(world.new(), days=-1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(files.file))
        with http_server(lambda _: (200, b"{}"), tls=files) as url, Rpc([url]) as rpc, seen(world, world.app_on(rpc)):
            yield


@contextmanager
def far_behind(world: World) -> Iterator[None]:
    world.city.trial.mine(health.LAG_BLOCKS + 1)
    look(world.city.app)
    yield
    index(world.city.app)
    look(world.city.app)


@contextmanager
def behind_the_chain(world: World) -> Iterator[None]:
    world.city.trial.mine()
    index(world.city.app)
    world.city.clock.ahead = -310.0
    with seen(world, world.city.app):
        yield


@contextmanager
def ahead_of_the_chain(world: World) -> Iterator[None]:
    world.city.clock.ahead = 310.0
    look(world.city.app)
    until(lambda: ahead(world))
    with seen(world, world.city.app):
        yield
        world.city.clock.ahead = 0.0
        look(world.city.app)
        until(lambda: not ahead(world))


def ahead(world: World) -> bool:
    """Whether a look takes this machine's clock to be ahead: it does by a block that came since the look before."""
    world.city.trial.mine()
    health.examine(world.city.app)
    return world.city.app.require_chain().reader.arrivals.ahead is not None


def with_settings(make: Callable[[World], dict[str, Any]], ahead: float = 0.0) -> Row:
    @contextmanager
    def row(world: World) -> Iterator[None]:
        settings = make(world)
        world.city.clock.ahead = ahead
        with seen(world, world.app_on(**settings)):
            yield

    return row


def own_certificate(days: float) -> Row:
    return with_settings(lambda world: {"tls_certificate": self_signed(world.new(), days=days).file})


def trust_file(ahead: float) -> Row:
    @contextmanager
    def row(world: World) -> Iterator[None]:
        trust_files.export(world.app_on(trust_lifetime=20 * DAY))
        file = world.city.app.settings.data / trust_files.FILE
        world.city.clock.ahead = ahead
        with seen(world, world.city.app):
            yield
            world.city.clock.ahead = 0.0
            file.unlink()

    return row


@contextmanager
def carrier_suspended(world: World) -> Iterator[None]:
    city, org = world.city, world.city.organisation()
    city.trial.registrar.set_suspended(org.code, True)
    index(city.app)
    app = world.app_on(journal_organisation=org.code)
    look(app)
    yield
    city.trial.registrar.set_suspended(org.code, False)
    index(city.app)
    look(app)


def version(number: str, readable: str | None = None) -> Row:
    """The database says that it is of this version."""

    @contextmanager
    def row(world: World) -> Iterator[None]:
        file = world.folder / "chain_service.db"
        with sqlite3.connect(file, isolation_level=None) as other:
            (before,) = other.execute("SELECT version_num FROM alembic_version").fetchone()
            (read,) = other.execute("SELECT readable_from FROM compatibility").fetchone()
            other.execute("UPDATE alembic_version SET version_num = ?", (number,))
            other.execute("UPDATE compatibility SET readable_from = ?", (readable or read,))
            with ExitStack() as cure:
                cure.callback(lambda: look(world.city.app))
                cure.callback(other.execute, "UPDATE compatibility SET readable_from = ?", (read,))
                cure.callback(other.execute, "UPDATE alembic_version SET version_num = ?", (before,))
                look(world.city.app)
                yield

    return row


ROWS: dict[str, Row] = {
    alerts.CHAIN_HALTED: halted,
    alerts.EVENTS_MISSING: event_left_out,
    alerts.NONCE_GAP: gap,
    alerts.LOG_STOPPED: stopped,
    alerts.LOOKUP_MISSES: guessed,
    alerts.NO_ACCOUNT: no_account,
    alerts.NODE_REFUSED: refused_by_node,
    alerts.REFUSED: suspended,
    alerts.REFUSED_FOR_GOOD: illegal,
    alerts.WORK_FAILED: failing,
    "node_unavailable": nobody_there,
    "node_failing": always(500),
    "node_refuses_login": always(401),
    "node_refuses_size": always(413),
    "node_limits_rate": always(429),
    "node_not_rpc": always(200, b"<html>sign in</html>"),
    "node_refuses": answering(lambda city: refusing(city, "")),
    "node_certificate": node_certificate_expired,
    "node_unproven": answering(lambda city: forwarded(city.trial.server.url, proofs_cut)),
    "node_behind": asked_otherwise(lambda _: ("latest", "0x0")),
    "node_differs": asked_otherwise(newest_and_before),
    "wrong_chain": asked_otherwise(lambda _: ("0x0", "0x1")),
    "index_behind": far_behind,
    "clock_behind": behind_the_chain,
    "clock_ahead": ahead_of_the_chain,
    "disk_full": with_settings(lambda _: {"disk_reserve": 2**40}),
    "certificate_expired": own_certificate(-1),
    "certificate_ends_soon": own_certificate(5),
    "trust_expired": trust_file(20 * DAY + 1.0),
    "trust_ends_soon": trust_file(16.0 * DAY),
    "journal_not_carried": carrier_suspended,
    "database_newer": version("9999", "9999"),
    "database_older": version("0001"),
}


# What cannot be stored while it lasts


@contextmanager
def unreachable(_: Path) -> Iterator[Database]:
    database = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/none", SHORT)
    yield database
    database.close()


@contextmanager
def of_its_own(folder: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{folder / 'chain_service.db'}", SHORT)
    database.migrate()
    yield database
    database.close()


@contextmanager
def exhausted(folder: Path) -> Iterator[Database]:
    """All connections of the pool are in use."""
    with of_its_own(folder) as database, ExitStack() as users:
        for _ in range(SHORT.connections):
            users.enter_context(database.reading())
        yield database


@contextmanager
def locked(folder: Path) -> Iterator[Database]:
    with of_its_own(folder):
        pass
    file = folder / "chain_service.db"
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        database = Database(f"sqlite:///{file}", SHORT)
        yield database
        database.close()
        other.execute("ROLLBACK")


@contextmanager
def damaged(folder: Path) -> Iterator[Database]:
    with of_its_own(folder) as database:
        pass
    (folder / "chain_service.db").write_bytes(b"no database".ljust(4096))
    database = Database(f"sqlite:///{folder / 'chain_service.db'}", SHORT)
    yield database
    database.close()


TOLD_ONLY: dict[str, Callable[[Path], Any]] = {
    "database_unavailable": unreachable,
    "database_busy": exhausted,
    "database_locked": locked,
    "database_damaged": damaged,
}
