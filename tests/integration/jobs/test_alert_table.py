"""Every alert, in one table: raised by its cause, shown at every door, over when the cause is.

A row makes the cause by the smallest real means and cures it. What cannot be stored while it lasts (most of what is
wrong with a database) is told by `/readyz`, metric and log alone; what needs a server or a mount is made elsewhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert
from structlog.testing import capture_logs

from chain_service.chain.keystore import Keystore
from chain_service.chain.rpc import Rpc
from chain_service.jobs import alerts, validators
from chain_service.jobs.alerts import ALERTS, CAUSES
from chain_service.jobs.anchoring.close_batches import close_batches
from chain_service.jobs.anchoring.journal_heads import why_not_carried
from chain_service.jobs.indexing.ended_alerts import SHOWN, end_alerts
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.instance import health
from chain_service.jobs.instance.surroundings import check_certificate, check_trust
from chain_service.jobs.instance.watch import HealthWatch
from chain_service.jobs.proofs import trust_files
from chain_service.jobs.sending.dispatch import dispatch
from chain_service.store import alerts as stored
from chain_service.store import schema
from chain_service.web.app import create_app
from support.alert_causes import DAY, ROWS, TOLD_ONLY, World, known, look, look_again, until
from support.chains.server_certificates import self_signed
from support.worlds.jobs_city import PASSWORD, Org, Trial, instance
from support.worlds.network_city import Network, indexed_as_far_as_it_goes, network
from support.worlds.running_instance import ROOT

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # as long as Starlette has no wish for another client library
    from starlette.testclient import TestClient


COMING = "91320000MA1X2Y3Z4K"


@pytest.fixture(scope="module")
def world(template: Trial, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("alerts")
    with template.copied(folder / "chain") as trial:
        url = f"sqlite:///{folder / 'chain_service.db'}"
        with instance(folder / "data", trial, url, at_once=8) as city:
            yield known(city, folder)


@pytest.mark.parametrize("code", ROWS)
def test_an_alert_is_raised_shown_at_every_door_and_over_when_its_cause_is(world: World, code: str) -> None:
    assert not world.listed(code)
    with ExitStack() as row:
        with capture_logs() as lines:
            row.enter_context(ROWS[code](world))
        assert_shown(world, code, lines)
        with capture_logs() as lines:
            row.close()
    assert_over(world, code, lines)


def assert_shown(world: World, code: str, lines: list[Any]) -> None:
    at_api, figures, in_readyz = world.shown(code)
    alert, *_ = at_api
    meaning = ALERTS[code]
    assert (alert["code"], alert["clearedAt"]) == (code, None) and alert["details"]
    assert alert["message"] == {"zh": meaning.zh, "en": meaning.en}
    assert alert["remedy"] == {"zh": meaning.remedy_zh, "en": meaning.remedy_en}
    if not code.startswith("database_"):  # no command goes on with such a database
        assert world.listed(code) == at_api
    assert f'chain_service_alert{{code="{code}"}} {float(len(at_api))}' in figures
    told, *_ = in_readyz
    assert (told["message"], told["remedy"]) == (alert["message"], alert["remedy"])
    assert [line["code"] for line in lines if line["event"] == "alert raised"].count(code) >= len(at_api)
    if code in CAUSES:
        assert any((line["event"], line.get("code")) == ("not well", code) for line in lines)


def assert_over(world: World, code: str, lines: list[Any]) -> None:
    meaning = ALERTS[code]
    standing = world.listed(code)
    assert bool(standing) is not meaning.clears
    for alert in standing:  # what stays true for ever is for a person to settle
        assert world.command("alerts", "settle", str(alert["id"]))["changed"]
    ended = world.listed(code, "--cleared")
    assert ended and all(alert["clearedAt"] for alert in ended)
    at_api, figures, in_readyz = world.shown(code)
    assert not at_api and not in_readyz and f'code="{code}"' not in figures
    if meaning.clears:
        assert any((line["event"], line.get("code")) == ("alert cleared", code) for line in lines)


def test_what_alerts_end_on_is_read_once_however_many_stand(world: World) -> None:
    app, asked = world.city.app, list[str]()
    note = lambda *told: asked.append(told[2])  # noqa: E731
    codes = (alerts.NO_ACCOUNT, alerts.REFUSED, alerts.NODE_REFUSED, alerts.LOG_STOPPED)
    standing = [(code, bytes([n]).hex()) for code in codes for n in range(3)]
    with app.database.transaction() as connection:
        for code, subject in standing:
            stored.put(connection, code, subject, {}, app.clock())
    event.listen(app.database.engine, "before_cursor_execute", note)
    end_alerts(app)
    event.remove(app.database.engine, "before_cursor_execute", note)
    reads = [statement for statement in asked if statement.startswith("SELECT")]
    assert [len([one for one in reads if f"FROM {table}" in " ".join(one.split())]) for table in READ] == [1, 1, 1, 0]
    assert len(reads) == 3
    with app.database.transaction() as connection:
        for code, subject in standing:
            stored.clear(connection, code, subject, app.clock())


def test_more_alerts_than_a_list_shows_are_counted_and_settled_at_once(world: World) -> None:
    app, many = world.city.app, alerts.REFUSED_FOR_GOOD
    row = {"at": app.clock(), "code": many, "details": "{}"}
    with app.database.transaction() as connection:
        stored.put(connection, alerts.CHAIN_HALTED, alerts.HEAD, {}, app.clock())
    before = health.gauges(app)["alerts_standing"]
    with app.database.transaction() as connection:
        connection.execute(insert(schema.alerts), [row | {"subject": str(n)} for n in range(1_001)])
    figures = health.gauges(app)
    assert (figures["alerts_standing"], figures["chain_halted"]) == (before + 1_001, 1.0)
    assert world.command("alerts", "settle", "--code", many) == {"code": many, "settled": 1_001}
    assert not world.listed(many)
    assert health.gauges(app)["alerts_standing"] == before
    with app.database.transaction() as connection:
        assert stored.clear(connection, alerts.CHAIN_HALTED, alerts.HEAD, app.clock())


READ = ("alerts", "records", "submissions", "transactions")


# On a network


@contextmanager
def own_network(template: Trial, folder: Path, consensus: str, **more: int) -> Iterator[tuple[Network, World]]:
    with network(template, folder, consensus=consensus, **more) as net:
        with net.chain.mining():
            world = known(net.city, folder)
        net.follow()
        yield net, world


def test_a_replaced_final_block_is_told_for_an_hour_at_least_and_until_all_is_final_again(
    template: Trial, tmp_path: Path
) -> None:
    with own_network(template, tmp_path, "clique") as (net, world):
        org = net.organisation()
        net.follow(8)
        before = net.indexed.number
        net.chain.forks[b"other"] = net.chain.forks[b"third"] = before - 8
        for node in net.nodes:
            node.branch, node.newest = b"other", before
        with capture_logs() as lines:
            assert stands(net, 0.0)
            assert stands(net, SHOWN + 1.0), "the index is not as far as it was"
            for node in net.nodes:
                node.newest = None
            net.chain.mine(8)
            assert stands(net, SHOWN / 2), "nobody may have seen it yet"
        net.city.clock.ahead = 0.0
        assert_shown(world, alerts.BLOCK_REPLACED, lines)

        net.city.clock.ahead = SHOWN / 2
        ids = [under_way(net, org)]
        for node in net.nodes:
            node.branch = b"third"
        net.chain.mine(8)
        assert stands(net, SHOWN / 2)
        ((_, told),) = [one for one in net.city.alerts().items() if one[0][0] == alerts.BLOCK_REPLACED]
        assert told["replacedBy"][0]["header"] == net.chain.raw(before - 8, b"third").hex()
        assert stands(net, SHOWN * 1.5 + 2.0), "what was signed before it is not final"
        net.city.clock.ahead = SHOWN + 1.0
        net.make_final(ids)
        assert stands(net, SHOWN + 1.0), "the second replacement is told as long as the first"
        under_way(net, org)
        with capture_logs() as lines:
            assert not stands(net, SHOWN * 1.5 + 2.0), "what was signed later has nothing to do with it"
        net.city.clock.ahead = 0.0
        assert_over(world, alerts.BLOCK_REPLACED, lines)
        assert len(world.listed(alerts.BLOCK_REPLACED, "--cleared")) == 2
        assert net.rivals(), "all branches are kept as evidence"


def stands(net: Network, ahead: float) -> bool:
    """Whether the replaced block is told once the index has read, so many seconds later."""
    net.city.clock.ahead = ahead
    index(net.city.app)
    return alerts.BLOCK_REPLACED in net.codes()


def under_way(net: Network, org: Org) -> str:
    """A record whose transaction is signed and in no block."""
    (id,) = net.city.submit(org, org.certificate())
    close_batches(net.city.app, force=True)
    for node in net.nodes:
        node.swallows = True
    dispatch(net.city.app)
    for node in net.nodes:
        node.swallows = False
    return id


def test_on_qbft_equivocation_stands_until_it_is_settled_and_unknown_validators_until_they_are_stated(
    template: Trial, tmp_path: Path
) -> None:
    with own_network(template, tmp_path, "qbft", nodes=2, strangers=1) as (net, world):
        net.chain.forks[b"other"] = net.indexed.number
        net.nodes[1].branch = b"other"
        with capture_logs() as lines:
            net.follow(3)
        assert_shown(world, alerts.EQUIVOCATION, lines)
        net.nodes[1].branch = net.nodes[0].branch
        net.trusts_again()
        net.follow(3)
        assert_over(world, alerts.EQUIVOCATION, lines)
        change = net.chain.newest + 3
        net.chain.sets[change] = sorted([*net.chain.among, *net.chain.strangers], key=lambda one: one.address)
        net.chain.mine(6)
        with capture_logs() as lines:
            for _ in range(2):
                indexed_as_far_as_it_goes(net)
        with TestClient(create_app(net.city.app)) as client:
            answer = client.get("/readyz")
            assert (answer.status_code, answer.json()["checks"]["index"]["code"]) == (503, alerts.VALIDATORS_UNKNOWN)
            labels = f'check="index",code="{alerts.VALIDATORS_UNKNOWN}"'
            assert f"chain_service_problem{{{labels}}} 1.0" in client.get("/metrics").text
        assert_shown(world, alerts.VALIDATORS_UNKNOWN, lines)
        validators.state(net.city.app, change, net.city.alerts()[alerts.VALIDATORS_UNKNOWN, "sealing"]["named"])
        with capture_logs() as lines:
            index(net.city.app)
        assert_over(world, alerts.VALIDATORS_UNKNOWN, lines)


@pytest.mark.parametrize("code", TOLD_ONLY)
def test_what_is_wrong_with_the_database_is_told_where_no_alert_can_be_stored(world: World, code: str) -> None:
    with capture_logs() as lines:
        with TOLD_ONLY[code](world.new()) as database:
            app = replace(world.city.app, database=database)
            with TestClient(create_app(app)) as client:
                answer = client.get("/readyz")
                check = answer.json()["checks"]["database"]
                assert (answer.status_code, check["ok"], check["code"]) == (503, False, code)
                labels = f'check="database",code="{code}"'
                assert f"chain_service_problem{{{labels}}} 1.0" in client.get("/metrics").text
        assert any((line["event"], line.get("code")) == ("not well", code) for line in lines)


@pytest.mark.parametrize("spoil", [Path.mkdir, Path.touch], ids=["unreadable", "damaged"])
def test_a_key_that_cannot_be_read_leaves_readiness_figures_and_alerts_as_they_are(
    world: World, spoil: Callable[[Path], None]
) -> None:
    org, accounts = world.city.organisation(), world.new() / "accounts"
    accounts.mkdir()
    spoil(accounts / f"{org.code}.json")
    app = replace(world.city.app, keystore=Keystore(accounts.parent, PASSWORD))
    with TestClient(create_app(app)) as client:
        checks = client.get("/readyz").json()["checks"]
        assert checks["database"] == checks["journal"] == {"ok": True}
        assert client.get("/metrics").status_code == 200
    look(app)
    assert "journal_not_carried" not in {code for code, _ in world.city.alerts()}


def test_an_alert_of_the_certificate_stands_until_clients_are_shown_another(world: World) -> None:
    folder = world.new()
    file = self_signed(folder, days=-1).file
    app = world.app_on(tls_certificate=file)
    service, worker, other = (
        HealthWatch(app, serving=True),  # as `serve --no-workers`
        HealthWatch(app, alerting=True),  # as `worker` beside it
        HealthWatch(world.city.app, serving=True),  # on another machine, and nothing is wrong there
    )

    def standing() -> list[str]:
        return [code for code, _ in world.city.alerts() if code.startswith("certificate_")]

    look_again(other)
    look_again(worker)
    assert standing() == []
    service.served = file.read_bytes()
    look_again(service)
    self_signed(folder, days=30)
    for watch in (worker, other, service):
        look_again(watch)
        assert standing() == ["certificate_expired"]
    service.served = file.read_bytes()  # as after SIGHUP
    look_again(service)
    assert standing() == []


def test_an_alert_of_the_certificate_that_a_process_left_ends_with_the_next_one(world: World) -> None:
    file = self_signed(world.new(), days=-1).file
    look_again(HealthWatch(world.app_on(tls_certificate=file), serving=True))
    assert ("certificate_expired", "certificate") in world.city.alerts()
    look_again(HealthWatch(world.city.app, serving=True))
    assert ("certificate_expired", "certificate") not in world.city.alerts()


@pytest.mark.parametrize(
    ("lifetime", "passed", "soon"),
    [(1, 0, False), (20, 14, False), (20, 16, True), (366, 351, False), (366, 353, True)],
)
def test_a_trust_file_ends_soon_in_two_weeks_or_the_last_quarter_of_its_life(
    world: World, lifetime: int, passed: int, soon: bool
) -> None:
    file = trust_files.export(world.app_on(trust_lifetime=lifetime * DAY)).file
    world.city.clock.ahead = float(passed * DAY)
    try:
        assert check_trust(world.city.app).code == ("trust_ends_soon" if soon else None)
    finally:
        world.city.clock.ahead = 0.0
        file.unlink()


@pytest.mark.parametrize(
    ("since", "left", "soon"),
    [(0.1, 2, False), (5.9, 2.1, False), (6.1, 1.9, True), (400, 14.1, False), (400, 13.9, True)],
)
def test_a_certificate_ends_soon_in_two_weeks_or_the_last_quarter_of_its_life(
    world: World, since: float, left: float, soon: bool
) -> None:
    app = world.app_on(tls_certificate=self_signed(world.new(), days=left, since=since).file)
    assert check_certificate(app).code == ("certificate_ends_soon" if soon else None)


def test_a_clock_that_was_ahead_is_not_taken_for_right_before_blocks_tell_so(world: World) -> None:
    def stands() -> bool:
        return ("clock_ahead", "clock") in world.city.alerts()

    with world.city.app.database.transaction() as connection:
        stored.put(connection, "clock_ahead", "clock", {"check": "clock"}, world.city.app.clock())
    with Rpc(list(world.city.trial.rpc.urls)) as rpc:
        begun = world.app_on(rpc)  # as after a restart: no block has arrived yet

        def ends_with_a_block() -> bool:
            world.city.trial.mine()
            look(begun)
            return not stands()

        look(begun)
        assert stands()
        until(ends_with_a_block)


@pytest.mark.parametrize("named", [False, True])
def test_an_account_whose_organisation_is_not_registered_yet_carries_nothing_and_is_told_only_where_it_is_named(
    world: World, named: bool
) -> None:
    keystore = Keystore.create(world.new() / "keys", PASSWORD)
    keystore.create_account(COMING)
    settings = {"journal_organisation": COMING} if named else {}
    app = replace(world.app_on(**settings), keystore=keystore)
    with app.database.reading() as connection:
        told = why_not_carried(app, connection)
    assert told == (f"{COMING} is not registered" if named else None)


def test_keys_that_cannot_be_listed_are_told_under_their_own_name(world: World) -> None:
    folder = world.new()
    (folder / "accounts").touch()
    app = replace(world.city.app, keystore=Keystore(folder, PASSWORD))
    with TestClient(create_app(app)) as client:
        checks = client.get("/readyz").json()["checks"]
    assert checks["database"] == {"ok": True}
    assert (checks["journal"]["code"], checks["journal"]["detail"]) == (
        "journal_not_carried",
        "accounts of the keystore cannot be read: Not a directory",
    )


MADE_ELSEWHERE = {
    "database_refused": "scripts/reference_pages/faults.py",
    "database_standby": "scripts/reference_pages/faults.py",
    "database_read_only": "scripts/reference_pages/faults.py",
    "database_slow": "tests/integration/store/test_database_outages.py",
}
"""What needs a server of PostgreSQL or a mount, and the test, or the table of one, that names it."""


def test_every_alert_has_a_row() -> None:
    on_networks = {alerts.BLOCK_REPLACED, alerts.EQUIVOCATION, alerts.VALIDATORS_UNKNOWN}
    assert ROWS.keys() | on_networks | TOLD_ONLY.keys() | MADE_ELSEWHERE.keys() == ALERTS.keys()
    for code, file in MADE_ELSEWHERE.items():
        assert f'"{code}"' in (ROOT / file).read_text(encoding="utf-8"), code
