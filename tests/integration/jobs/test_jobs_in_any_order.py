"""Whatever happens in whatever order: what was acknowledged is anchored exactly once, and all of it can be proven."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chain_service.core.chainproof.storage_layout import Right
from chain_service.core.records.states import NEEDS_LEGAL_BASIS, State, may_follow
from chain_service.errors import Conflict
from chain_service.jobs import workers
from chain_service.jobs.anchoring.close_batches import close_batches
from chain_service.jobs.auditing.audit import audit, rebuild
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.instance.registrar import ALL_RIGHTS
from chain_service.jobs.records import records
from chain_service.jobs.sending.dispatch import dispatch
from chain_service.store import batches, chain_index, statuses
from support.worlds.jobs_city import WAIT, City, Org, Trial, instance


@pytest.fixture(scope="module")
def machine_city(shared_chain: Trial, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """An instance of its own on SQLite; every run of the machine has its own organisation."""
    directory: Path = tmp_path_factory.mktemp("machine")
    with instance(directory, shared_chain, f"sqlite:///{directory / 'chain_service.db'}", at_once=8) as city:
        yield city


class Office(RuleBasedStateMachine):
    """One organisation's day, in steps that the workers, the registrar, officers and the network may take any time."""

    city: City

    @initialize()
    def open(self) -> None:
        self.city.clock.ahead = 0.0
        self.org: Org = self.city.organisation()
        self.bodies: dict[str, dict[str, Any]] = {}
        self.states: dict[str, State] = {}
        self.erased: set[str] = set()
        self.never: set[str] = set()
        self.suspended = False
        self.generation = 0
        with self.city.app.database.reading() as connection:
            head = chain_index.newest_block(connection)
        assert head is not None
        self.start = head.number

    @rule(count=st.integers(1, 4), documents=st.booleans())
    def submit(self, count: int, documents: bool) -> None:
        make = self.org.document if documents else self.org.certificate
        bodies = [make() for _ in range(count)]
        for id, body in zip(self.city.submit(self.org, *bodies), bodies, strict=True):
            self.bodies[id] = body
            self.states[id] = State.IN_FORCE

    @precondition(lambda self: self.bodies)
    @rule(data=st.data())
    def submit_again(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.bodies)))
        if id not in self.erased:
            assert self.city.submit(self.org, self.bodies[id]) == [id]

    @rule()
    def close(self) -> None:
        close_batches(self.city.app, force=True)

    @rule()
    def send(self) -> None:
        dispatch(self.city.app)

    @rule()
    def read(self) -> None:
        index(self.city.app)

    @rule()
    def work(self) -> None:
        self.city.rounds(1)

    @rule()
    def a_block_comes(self) -> None:
        self.city.mined()

    @rule()
    def half_a_minute_passes(self) -> None:
        self.city.clock.ahead += 31.0

    @rule(suspended=st.booleans())
    def suspend_or_resume(self, suspended: bool) -> None:
        self.city.trial.registrar.set_suspended(self.org.code, suspended)
        self.suspended = suspended

    @rule(rights=st.sampled_from([ALL_RIGHTS, Right.STATUS, Right.ANCHOR]))
    def grant(self, rights: Right) -> None:
        self.city.trial.registrar.grant(self.org.code, self.org.account, rights)

    @precondition(lambda self: self.generation < 2)
    @rule()
    def open_generation(self) -> None:
        self.generation += 1
        office = self.city.trial.registrar
        office.add_log_key(self.org.code, self.city.app.keystore.create_log_key(self.org.code, self.generation))
        office.open_generation(self.org.code)

    @precondition(lambda self: self.bodies)
    @rule(data=st.data(), to=st.sampled_from(State))
    def change(self, data: st.DataObject, to: State) -> None:
        id = data.draw(st.sampled_from(sorted(self.bodies)))
        basis = "许可法" if to in NEEDS_LEGAL_BASIS else None
        try:
            answer = self.city.change(self.org, id, to.code, 99, legal_basis=basis)
        except Conflict as refused:
            assert refused.code in ("not_anchored", "illegal_transition", "change_pending")
            if refused.code == "illegal_transition":
                assert not may_follow(self.states[id], to)
            return
        if answer.created:
            assert may_follow(self.states[id], to)
            self.states[id] = to

    @precondition(lambda self: self.bodies)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.bodies)))
        before = None if id in self.erased else self.city.state(id)
        try:
            records.erase(self.city.app, id, "测试", self.org.caller)
        except Conflict as refused:
            assert (refused.code, before) == ("not_anchored", "batched")
            return
        self.erased.add(id)
        if before == "pending":
            self.never.add(id)

    @rule(blocks=st.integers(1, 6))
    def the_index_goes_back(self, blocks: int) -> None:
        with self.city.app.database.transaction() as connection:
            head = chain_index.newest_block(connection)
            assert head is not None
            chain_index.rollback_to(connection, max(self.start, head.number - blocks), self.city.app.clock())

    @invariant()
    def at_most_one_head_is_under_way(self) -> None:
        if not hasattr(self, "org"):
            return
        with self.city.app.database.reading() as connection:
            waiting = batches.unfinal(connection, self.org.code)
        assert len([batch for batch in waiting if batch.fell_out_at is None]) <= 1

    def teardown(self) -> None:
        if not hasattr(self, "org"):
            return
        city, office = self.city, self.city.trial.registrar
        office.set_suspended(self.org.code, False)
        office.grant(self.org.code, self.org.account, ALL_RIGHTS)
        city.clock.ahead += 31.0
        index(city.app)
        city.make_final([id for id in self.bodies if id not in self.never])
        for id in self.bodies:
            if id not in self.never:
                workers.wait_final(city.app, "status", id, timeout=WAIT)
        city.clock.ahead = 0.0
        self.everything_stands()
        rebuild(city.app)
        self.everything_stands()

    def everything_stands(self) -> None:
        city = self.city
        places = set()
        for id in self.bodies.keys() - self.never:
            proof = records.proof(city.app, id)
            places.add((proof.anchor.log, proof.index))
            if id in self.erased:
                assert city.verify(receipt=city.proof(id)).code in ("nothing_to_verify", self.states[id].code)
            else:
                assert city.judged(self.org, id) == self.states[id].code
        assert len(places) == len(self.bodies) - len(self.never)
        report = audit(city.app, self.org.code)
        assert report.findings == ()
        assert sum(log.records for log in report.logs) == len(places)
        with city.app.database.reading() as connection:
            assert not batches.unfinal(connection, self.org.code)
            changes = [change for id in self.bodies for change in statuses.of_record(connection, id)]
        assert not [change for change in changes if change.waiting or change.refused]


def run(city: City, examples: int, steps: int) -> None:
    machine = type("OfficeOfTheRun", (Office,), {"city": city})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate),
            database=None,
            print_blob=True,
        ),
    )


def test_in_any_order_everything_acknowledged_is_anchored_once_and_provable(machine_city: City) -> None:
    run(machine_city, examples=4, steps=25)


@pytest.mark.long
def test_in_many_orders_everything_acknowledged_is_anchored_once_and_provable(machine_city: City) -> None:
    run(machine_city, examples=25, steps=50)
