"""Networks deliver requests twice, and late: what was sent before arrives again at any moment, and undoes nothing."""

from __future__ import annotations

import json
import uuid
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from chain_service.core.records.states import State
from chain_service.jobs import workers
from chain_service.jobs.asker import ROLES
from chain_service.jobs.instance import api_keys
from chain_service.web.app import create_app
from support.worlds.jobs_city import WAIT, City, Org, Trial, instance
from support.worlds.registered import catalog_entry, seal_entry

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

Guard = Literal["key", "exact", "name"]
GUARDS = st.sampled_from(("key", "exact", "name"))
"""Idempotency-Key alone; `ifState` with its number, or `previous`; `ifState` by the state's name."""
STATES = (State.SUSPENDED, State.IN_FORCE) * 4 + (State.TRANSFERRED, State.WITHDRAWN)
"""Mostly those that can be undone."""
TABLES = ("records", "status_changes", "seals", "seal_changes", "catalog_versions", "submissions")


@dataclass(frozen=True)
class Request:
    """What was sent, how its sender made sure of it, and what became of it."""

    path: str
    content: bytes
    key: str | None
    guard: Guard
    status: int
    answer: bytes
    stood: object
    """The newest state of what it is about when it was sent."""


@pytest.fixture(scope="module")
def machine_city(
    new_database_url: Callable[[], str], shared_chain: Trial, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[City]:
    directory: Path = tmp_path_factory.mktemp("duplicates")
    with instance(directory, shared_chain, new_database_url(), at_once=8) as city:
        yield city


class Department(RuleBasedStateMachine):
    """A department's requests, and a network that keeps and repeats them."""

    city: City

    @initialize()
    def open(self) -> None:
        self.org: Org = self.city.organisation()
        key = api_keys.create_key(self.city.app, self.org.code, ROLES).key
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.http: Any = TestClient(create_app(self.city.app), headers=headers)
        self.sent: list[Request] = []
        self.catalog: list[dict[str, Any]] = []
        """What was answered to accepted versions."""
        (self.record,) = self.city.anchor(self.org, self.org.certificate())
        self.seal, self.entry = seal_entry(self.org), catalog_entry(self.org)
        self.send("/v1/seals", self.seal, "key")
        workers.wait_final(self.city.app, "seal", self.seal["sealCode"], timeout=WAIT)

    @rule(guard=GUARDS, to=st.sampled_from(STATES), reason=st.sampled_from((1, 3)))
    def change_record(self, guard: Guard, to: State, reason: int) -> None:
        change = {"to": to.code, "reasonCode": reason, "legalBasis": "食品安全法第一百二十四条"}
        path = f"/v1/records/{self.record}"
        self.send(f"{path}/status", change | self.expected(path, guard), guard)

    @rule(guard=GUARDS, to=st.sampled_from(("in_force", "frozen", "frozen", "in_force", "cancelled")))
    def change_seal(self, guard: Guard, to: str) -> None:
        path = f"/v1/seals/{self.seal['sealCode']}"
        self.send(f"{path}/state", {"to": to} | self.expected(path, guard), guard)

    @rule(guard=GUARDS, action=st.sampled_from(("publish", "change", "withdraw")), title=st.sampled_from("甲乙丙"))
    def change_catalog(self, guard: Guard, action: str, title: str) -> None:
        place = {"previous": self.catalog[-1]["digest"]} if self.catalog else {"sequence": 1}
        version = self.entry | {"action": action, "title": title} | ({} if guard == "key" else place)
        told = self.send("/v1/catalogs", version, guard)
        if told.status_code == 202 and told.json()["created"]:
            self.catalog.append(told.json())

    @rule(guard=GUARDS)
    def submit(self, guard: Guard) -> None:
        self.send("/v1/records", self.org.certificate(), guard)

    @rule()
    def everything_that_was_sent_arrives_again(self) -> None:
        for request in self.sent:
            if request.key is None and request.guard == "name" and request.status != 202:
                continue  # a refusal under a name alone is not remembered: whoever was refused may try again
            before, stood = self.everything(), self.standing(request.path)
            again = self.http.post(request.path, content=request.content, headers=header(request.key))
            if request.key is not None:
                assert (again.status_code, again.content) == (request.status, request.answer)
            if request.key is not None or request.status == 202:
                assert self.everything() == before
            elif self.everything() != before:
                assert stood == request.stood  # refused for what was on its way; nothing came between that it undoes

    @rule()
    def what_is_on_its_way_becomes_final(self) -> None:
        workers.wait_final(self.city.app, "status", self.record, timeout=WAIT)
        workers.wait_final(self.city.app, "seal", self.seal["sealCode"], timeout=WAIT)

    def expected(self, path: str, guard: Guard) -> dict[str, str]:
        if guard == "key":
            return {}
        tag = self.http.get(path).json()["stateTag"]
        return {"ifState": tag if guard == "exact" else tag.partition("/")[0]}

    def send(self, path: str, body: Any, guard: Guard) -> Any:
        key = str(uuid.uuid4()) if guard == "key" else None
        content, stood = json.dumps(body).encode(), self.standing(path)
        answer = self.http.post(path, content=content, headers=header(key))
        assert answer.status_code in (202, 409), answer.text
        self.sent.append(Request(path, content, key, guard, answer.status_code, answer.content, stood))
        return answer

    def standing(self, path: str) -> object:
        """What a change at this address starts from."""
        read = self.http.get(path.rpartition("/")[0])
        return read.json().get("stateTag") if read.status_code == 200 else len(self.catalog)

    def everything(self) -> object:
        """How much there is of all that a request can make; nothing of it is ever changed by one."""
        with self.city.app.database.reading() as connection:
            return [connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() for table in TABLES]


def header(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}


def run(city: City, examples: int, steps: int) -> None:
    machine = type("DepartmentOfTheRun", (Department,), {"city": city})
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


def test_a_late_duplicate_of_any_request_undoes_nothing(machine_city: City) -> None:
    run(machine_city, examples=2, steps=30)


@pytest.mark.long
def test_late_duplicates_in_many_orders_undo_nothing(machine_city: City) -> None:
    run(machine_city, examples=12, steps=50)
