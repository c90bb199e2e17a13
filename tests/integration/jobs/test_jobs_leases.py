"""Several processes on one PostgreSQL database: one works, the others stand by; other contracts are refused by name."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from chain_service.app import open_app
from chain_service.chain.rpc import Rpc
from chain_service.config import Settings
from chain_service.errors import ChainServiceError, Conflict, Unavailable
from chain_service.jobs import leases as jobs_leases
from chain_service.jobs import workers
from chain_service.jobs.auditing.audit import audit, rebuild
from chain_service.jobs.context import App, Chain
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.instance import health
from chain_service.jobs.instance.health import HealthFinding
from chain_service.jobs.instance.watch import HealthWatch
from chain_service.jobs.leases import worker_lock
from chain_service.store import alerts, leases
from chain_service.store.database import Database
from support.worlds.jobs_city import PASSWORD, WAIT, City, Trial, instance


@pytest.fixture
def city(migrated_postgresql: str, own_chain: Trial, tmp_path: Path) -> Iterator[City]:
    with instance(tmp_path / "data", own_chain, migrated_postgresql) as city:
        yield city


@contextmanager
def another_process(city: City) -> Iterator[App]:
    """The same instance with connections of its own, as another process has it."""
    database = Database(city.app.settings.database)
    chain = Chain(city.trial.deployment, Rpc(list(city.trial.rpc.urls)))
    try:
        yield replace(city.app, database=database, chain=chain)
    finally:
        database.close()
        chain.rpc.close()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < end, "what was awaited did not come"
        time.sleep(0.02)


def terms(app: App) -> Mapping[str, int]:
    with app.database.reading() as connection:
        return {row.role: row.term for row in connection.execute(text("SELECT role, term FROM leases"))}


def all_held(app: App) -> bool:
    with app.database.reading() as connection:
        return [one.held for one in leases.listed(connection)] == [True, True]


def cut(app: App) -> None:
    """Every connection to the database is ended by the server, as its restart does."""
    others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database()"
    with app.database.session() as connection:
        connection.execute(text(f"{others} AND pid <> pg_backend_pid()"))


def test_a_second_set_of_workers_stands_by_and_takes_over_without_an_alert(city: City) -> None:
    org = city.organisation()
    with another_process(city) as other, workers.Workers(other):
        with workers.Workers(city.app):
            until(lambda: all_held(city.app))
            before = terms(city.app)
            ids = city.submit(org, *(org.certificate() for _ in range(5)))
            until(lambda: {city.state(id) for id in ids} == {"anchored"})
            assert terms(city.app) == before
            assert health.readiness(city.app).ready
        more = city.submit(org, org.certificate())
        until(lambda: city.state(more[0]) == "anchored")
    with workers.Workers(city.app):
        more = city.submit(org, org.certificate())
        until(lambda: city.state(more[0]) == "anchored")
        assert terms(city.app) != before
    assert city.alerts() == {}
    assert audit(city.app, org.code).findings == ()


@pytest.mark.filterwarnings("ignore:.psycopg.ServerCursor object at .* was deleted while still open:ResourceWarning")
def test_workers_go_on_after_every_connection_was_cut_and_nobody_sends_twice(city: City) -> None:
    """SQLAlchemy leaves the cursor of a connection that was cut to the collector: it is collected here."""
    org = city.organisation()
    accepted = []
    with another_process(city) as other, workers.Workers(other), workers.Workers(city.app):
        for _ in range(6):
            accepted += city.submit(org, *(org.certificate() for _ in range(3)))
            cut(city.app)
            until(lambda: works(city))
        until(lambda: all(city.state(id) == "anchored" for id in accepted))
        until(lambda: not city.alerts())
    with city.app.database.reading() as connection:
        twice = "SELECT submission_id FROM transactions GROUP BY submission_id HAVING count(*) > 1"
        assert connection.execute(text(twice)).all() == []
    found = audit(city.app, org.code)
    assert (found.findings, found.logs[0].records) == ((), len(accepted))
    gc.collect()


def works(city: City) -> bool:
    try:
        return city.alerts() is not None
    except Unavailable:
        return False


def test_readiness_names_who_works_and_is_ready_beside_it(city: City) -> None:
    checks = health.readiness(city.app).checks
    assert checks.workers is not None
    assert (checks.workers.ok, checks.workers.leases) == (False, ())
    with workers.Workers(city.app):
        until(lambda: all_held(city.app))
        checks = health.readiness(city.app).checks
        assert checks.workers is not None
        assert [(one.role, one.holder, one.held, one.here) for one in checks.workers.leases] == [
            (role, jobs_leases.process_name(), True, True) for role in ("index", "send")
        ]
        figures = health.gauges(city.app)
        assert (figures["leases_held"], figures["leases_held_here"]) == (2.0, 2.0)
    figures = health.gauges(city.app)
    assert (figures["leases_held"], figures["leases_held_here"]) == (0.0, 0.0)


def test_who_stands_by_is_ready_and_does_not_call_the_roles_its_own(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.organisation()
    with workers.Workers(city.app):
        until(lambda: all_held(city.app))
        monkeypatch.setattr(health, "process_name", lambda: "another:1")
        until(lambda: health.readiness(city.app).ready)
        checks = health.readiness(city.app).checks
        assert checks.workers is not None
        assert [one.here for one in checks.workers.leases] == [False, False]
        assert health.gauges(city.app)["leases_held_here"] == 0.0


def test_commands_leave_the_steps_to_whoever_holds_a_lease_and_do_them_otherwise(city: City) -> None:
    org = city.organisation()
    with another_process(city) as other:
        with workers.Workers(other):
            until(lambda: all_held(other))
            with pytest.raises(Conflict) as refused:
                rebuild(city.app)
            assert refused.value.code == "worker_running"
            city.anchor(org, org.certificate())
        assert rebuild(city.app).anchored == 1
        city.anchor(org, org.certificate())


def test_a_command_that_lost_the_lease_in_the_midst_of_a_step_writes_no_more(city: City) -> None:
    city.organisation()
    with worker_lock(city.app) as working:
        cut(city.app)
        with another_process(city) as other, worker_lock(other):
            pass
        city.trial.mine()
        with pytest.raises(ChainServiceError) as lost:
            index(working)
        assert lost.value.code == "lease_lost"
    index(city.app)


def test_a_database_serves_the_contracts_of_one_deployment(
    own_city: City, tmp_path_factory: pytest.TempPathFactory
) -> None:
    city = own_city
    with worker_lock(city.app):
        workers.check_chain_if_reachable(city.app)
    ours = city.trial.deployment
    contracts = {**ours.contracts, "RecordLog": replace(ours.contracts["RecordLog"], address="0x" + "11" * 20)}
    theirs = replace(ours, contracts=contracts)
    directory = tmp_path_factory.mktemp("other")
    settings = Settings(data=directory, database_url=city.app.settings.database, password=PASSWORD)
    (directory / "config.toml").touch()
    theirs.save(settings.deployment_file)
    with pytest.raises(Conflict) as refused:
        open_app(settings)
    assert refused.value.code == "other_deployment"
    assert (refused.value.details["database"], refused.value.details["directory"]) == (
        ours.contracts["RecordLog"].address,
        "0x" + "11" * 20,
    )
    other = replace(city.app, chain=Chain(theirs, city.trial.rpc))
    with pytest.raises(Conflict, match="belongs to the contracts"), workers.Workers(other):
        pass
    ours.save(directory / "same.json")
    settings.deployment_file.unlink()
    open_app(settings).close()  # an instance without contracts may look: it is told of them by `deploy` later


def test_only_the_process_that_follows_the_chain_raises_and_clears_alerts_of_health(city: City) -> None:
    """Each machine has a disk of its own: a process that stands by would clear at once what the other one found."""
    full = HealthFinding("disk", "disk_full", "disk", "nothing is free")

    def standing() -> list[str]:
        with city.app.database.reading() as connection:
            return [alert.code for alert in alerts.listed(connection)]

    watch = HealthWatch(city.app, alerting=True)
    elsewhere = leases.Lease(city.app.database, "index", "another machine:1")
    assert elsewhere.take(city.app.clock())
    watch._store((full,))
    assert standing() == []
    elsewhere.release()
    here = jobs_leases.lease_of(city.app, "index")
    until(lambda: here.take(city.app.clock()))
    try:
        watch._store((full,))
        assert standing() == ["disk_full"]
    finally:
        here.release()
    watch._store(())
    assert standing() == ["disk_full"], "cleared by whoever does not follow the chain"
