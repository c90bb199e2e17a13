"""Requests that are sent again: the same key gives the first answer, and nothing is done twice or later."""

from __future__ import annotations

import json
import uuid
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Barrier
from typing import Any

import pytest

from chain_service.errors import Conflict
from chain_service.jobs import workers
from chain_service.jobs.anchoring import second_approval, submit_records
from chain_service.jobs.asker import ROLES, Operator
from chain_service.jobs.instance import api_keys
from chain_service.jobs.records import records
from chain_service.jobs.repeats import KEPT, forget_old_answers
from chain_service.store.database import Database
from chain_service.web.app import create_app
from support.worlds.jobs_city import WAIT, City, Org
from support.worlds.registered import catalog_entry, seal_entry

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

NDJSON = "application/x-ndjson"
BASIS = "食品安全法第一百二十四条"


@dataclass(frozen=True)
class Department:
    """An organisation as a client of the HTTP API."""

    city: City
    org: Org
    http: Any
    key: str = field(repr=False)

    def post(self, path: str, body: Any, key: str | None = None, media_type: str = "application/json") -> Any:
        """The answer to this body under this Idempotency-Key."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": media_type}
        return self.http.post(path, content=sent, headers=headers | ({"Idempotency-Key": key} if key else {}))

    def anchored(self, count: int = 1) -> list[str]:
        """The ids of new records on chain."""
        return self.city.anchor(self.org, *(self.org.certificate() for _ in range(count)))


Joining = Callable[[], Department]


@pytest.fixture(scope="module")
def http(shared_city: City) -> Any:
    """The HTTP API of the shared instance; making one costs more processor time than most tests here."""
    return TestClient(create_app(shared_city.app), raise_server_exceptions=False)


@pytest.fixture
def joining(city: City, http: Any) -> Iterator[Joining]:
    """Makes a department of its own with a key that may do everything."""

    def join() -> Department:
        org = city.organisation()
        key = api_keys.create_key(city.app, org.code, ROLES).key
        return Department(city, org, http, key)

    yield join


def rows(city: City) -> Mapping[str, int]:
    """How much there is of everything that a request can make."""
    tables = ("records", "status_changes", "seals", "seal_changes", "catalog_versions", "submissions")
    with city.app.database.reading() as connection:
        return {table: connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() for table in tables}


def new_key() -> str:
    return str(uuid.uuid4())


def test_each_write_answers_a_second_time_as_the_first_and_does_nothing(joining: Joining) -> None:
    office = joining()
    (id,) = office.anchored()
    lines = b"\n".join(json.dumps(office.org.certificate()).encode() for _ in range(3))
    seal = seal_entry(office.org)
    writes: list[tuple[str, Any, str]] = [
        ("/v1/records", office.org.certificate(), "application/json"),
        ("/v1/records", lines, NDJSON),
        (f"/v1/records/{id}/status", {"to": "suspended", "reasonCode": 12, "legalBasis": BASIS}, "application/json"),
        ("/v1/seals", seal, "application/json"),
        ("/v1/catalogs", catalog_entry(office.org), "application/json"),
        ("/v1/catalogs", [catalog_entry(office.org), catalog_entry(office.org)], "application/json"),
    ]
    firsts = []
    for path, body, media_type in writes:
        key = new_key()
        first = office.post(path, body, key, media_type)
        assert (first.status_code, "idempotency-replayed" in first.headers) == (202, False), first.text
        assert b'"created":true' in first.content
        firsts.append((path, body, media_type, key, first))
    workers.wait_final(office.city.app, "seal", seal["sealCode"], timeout=WAIT)
    state = f"/v1/seals/{seal['sealCode']}/state", {"to": "frozen"}, "application/json", new_key()
    firsts.append((*state, office.post(state[0], state[1], state[3])))
    office.city.rounds()
    before = rows(office.city)
    for path, body, media_type, key, first in firsts:
        again = office.post(path, body, f'"{key}"', media_type)
        assert (again.status_code, again.content) == (202, first.content)
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.headers["idempotency-replayed"] == "true"
    assert rows(office.city) == before


def test_another_request_under_the_key_is_refused_and_another_api_key_has_keys_of_its_own(joining: Joining) -> None:
    office, other = joining(), joining()
    body, key = office.org.certificate(), new_key()
    assert office.post("/v1/records", body, key).status_code == 202
    before = rows(office.city)
    for path, sent, media_type in (
        ("/v1/records", office.org.certificate(), "application/json"),
        ("/v1/records", body, NDJSON),
        ("/v1/catalogs", body, "application/json"),
        ("/v1/records?x=1", body, "application/json"),
        ("/v1/records", json.dumps(body).encode() + b" ", "application/json"),
    ):
        answer = office.post(path, sent, key, media_type)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert rows(office.city) == before
    assert other.post("/v1/records", other.org.certificate(), key).status_code == 202


def test_a_refusal_is_an_answer_and_what_could_not_be_read_is_none(joining: Joining) -> None:
    office = joining()
    (id,) = office.city.submit(office.org, office.org.certificate())
    change, key = {"to": "suspended", "reasonCode": 12, "legalBasis": BASIS}, new_key()
    first = office.post(f"/v1/records/{id}/status", change, key)
    assert (first.status_code, first.json()["code"]) == (409, "not_anchored")
    office.city.make_final([id])
    late = office.post(f"/v1/records/{id}/status", change, key)
    assert (late.status_code, late.content) == (409, first.content)
    assert office.city.status(id) == "in_force"
    assert office.post(f"/v1/records/{id}/status", change, new_key()).status_code == 202
    key = new_key()
    assert office.post("/v1/records", b'{"kind":', key).status_code == 422
    assert office.post("/v1/records", office.org.certificate(), key).status_code == 202


def test_that_others_were_quicker_is_no_answer(joining: Joining, monkeypatch: pytest.MonkeyPatch) -> None:
    office = joining()
    body, key = office.org.certificate(), new_key()

    def overtaken(*_: object) -> None:
        raise Conflict("the change breaks the rule uq_records_identity", code="constraint")

    with monkeypatch.context() as patched:
        patched.setattr(submit_records, "submit", overtaken)
        assert office.post("/v1/records", body, key).json()["code"] == "constraint"
    assert office.post("/v1/records", body, key).status_code == 202


def test_an_answer_is_kept_for_thirty_days(joining: Joining) -> None:
    office = joining()
    body, key = office.org.certificate(), new_key()
    first = office.post("/v1/records", body, key).json()["records"]
    office.city.clock.ahead = KEPT - 60
    assert office.post("/v1/records", body, key).json()["records"] == first
    forget_old_answers(office.city.app)
    assert office.post("/v1/records", body, key).json()["records"] == first
    office.city.clock.ahead = KEPT + 60
    (again,) = office.post("/v1/records", body, key).json()["records"]
    assert (again["id"], again["created"]) == (first[0]["id"], False)
    office.post("/v1/records", office.org.certificate(), new_key())
    office.city.clock.ahead = 2 * KEPT + 120
    while forget_old_answers(office.city.app):
        pass
    with office.city.app.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM first_answers").scalar_one() == 0


def test_a_rotated_api_key_gets_the_first_answers_of_those_before_and_after_it(joining: Joining) -> None:
    office = joining()
    app = office.city.app
    born = api_keys.create_key(app, office.org.code, ROLES)
    then = api_keys.rotate_key(app, born.id)
    now = api_keys.rotate_key(app, then.id)
    first, second, third = (replace(office, key=one.key) for one in (born, then, now))
    body, key = catalog_entry(office.org), new_key()
    answer = first.post("/v1/catalogs", body, key)
    assert (answer.status_code, answer.json()["created"]) == (202, True)
    before = rows(office.city)
    for holder in (second, third, first):
        again = holder.post("/v1/catalogs", body, key)
        assert (again.status_code, again.content) == (202, answer.content)
        assert again.headers["idempotency-replayed"] == "true"
        assert holder.post("/v1/catalogs", catalog_entry(office.org), key).json()["code"] == "idempotency_mismatch"
    assert rows(office.city) == before
    body, key = catalog_entry(office.org), new_key()
    answer = third.post("/v1/catalogs", body, key)
    assert (answer.status_code, first.post("/v1/catalogs", body, key).content) == (202, answer.content)
    assert office.post("/v1/catalogs", catalog_entry(office.org), key).status_code == 202  # another holder's
    api_keys.revoke_key(app, born.id)
    assert second.post("/v1/catalogs", body, key).content == answer.content


def test_a_key_holder_keeps_no_more_answers_than_are_allowed(joining: Joining) -> None:
    office = joining()
    few = replace(office, http=TestClient(create_app(office.city.on(idempotency_keys=2).app)))
    assert [few.post("/v1/records", office.org.certificate(), new_key()).status_code for _ in range(2)] == [202, 202]
    before = rows(office.city)
    full = few.post("/v1/records", office.org.certificate(), new_key())
    assert (full.status_code, full.json()["code"]) == (429, "idempotency_full")
    assert KEPT - 60 < int(full.headers["retry-after"]) <= KEPT + 1
    assert rows(office.city) == before
    assert few.post("/v1/records", office.org.certificate()).status_code == 202


@pytest.mark.parametrize("processes", [1, 2])
def test_requests_that_arrive_at_once_take_effect_once(joining: Joining, processes: int) -> None:
    """Two applications with databases of their own are what two service processes are; half the clients have the
    successor of the API key already.
    """
    office = joining()
    (born,) = api_keys.list_keys(office.city.app, office.org.code).keys
    held = (office.key, api_keys.rotate_key(office.city.app, born.id).key)
    url = office.city.app.database.engine.url.render_as_string(hide_password=False)
    databases = [Database(url) for _ in range(processes)]
    offices = [
        replace(office, http=TestClient(create_app(replace(office.city.app, database=database))))
        for database in databases
    ]
    try:
        for _ in range(5):
            body, key, before = catalog_entry(office.org), new_key(), rows(office.city)
            start = Barrier(6)

            def send(number: int, body: Any = body, key: str = key, start: Barrier = start) -> Any:
                start.wait()
                return replace(offices[number % processes], key=held[number // 2 % 2]).post("/v1/catalogs", body, key)

            with ThreadPoolExecutor(6) as pool:
                answers = list(pool.map(send, range(6)))
            accepted = {answer.content for answer in answers if answer.status_code == 202}
            running = {answer.json()["code"] for answer in answers if answer.status_code != 202}
            assert len(accepted) == 1
            assert running <= {"idempotency_running"}
            made = {name: count - before[name] for name, count in rows(office.city).items()}
            assert (made["catalog_versions"], made["submissions"]) == (1, 1)
            assert offices[0].post("/v1/catalogs", body, key).content in accepted
    finally:
        for database in databases:
            database.close()


def test_a_state_is_changed_only_from_the_state_that_was_seen(joining: Joining) -> None:
    office = joining()
    (id,) = office.anchored()
    path, suspend = f"/v1/records/{id}/status", {"to": "suspended", "reasonCode": 12, "legalBasis": BASIS}
    resume = {"to": "in_force", "reasonCode": 13}
    assert office.http.get(f"/v1/records/{id}").json()["stateTag"] == "in_force/0"
    assert office.post(path, suspend | {"ifState": "in_force"}).json()["stateTag"] == "suspended/1"
    workers.wait_final(office.city.app, "status", id, timeout=WAIT)
    refused = office.post(path, resume | {"ifState": "in_force/0"})
    assert (refused.status_code, refused.json()["code"], refused.json()["stateTag"]) == (
        409,
        "state_changed",
        "suspended/1",
    )
    assert office.post(path, resume | {"ifState": "suspended/1"}).status_code == 202
    workers.wait_final(office.city.app, "status", id, timeout=WAIT)
    before = rows(office.city)
    for late in ("in_force", "in_force/0"):  # the first is the very change of before: its state stands again
        assert office.post(path, suspend | {"ifState": late}).json()["code"] == "state_changed"
    assert office.post(path, resume | {"ifState": "suspended/1"}).json()["created"] is False
    assert rows(office.city) == before
    meant = office.post(path, suspend | {"ifState": "in_force"}, new_key())
    assert (meant.status_code, meant.json()["stateTag"]) == (202, "suspended/3")


def test_the_same_state_for_another_reason_is_refused(joining: Joining) -> None:
    office = joining()
    first, second = office.anchored(2)
    withdraw = {"to": "withdrawn", "reasonCode": 1, "legalBasis": BASIS, "text": "颁发有误"}
    for id, waits in ((first, False), (second, True)):
        path = f"/v1/records/{id}/status"
        assert office.post(path, withdraw).json()["created"] is True
        if not waits:
            workers.wait_final(office.city.app, "status", id, timeout=WAIT)
        before = rows(office.city)
        for other in ({"reasonCode": 2}, {"text": "另一说明"}, {"legalBasis": "行政许可法第六十九条"}, {"text": None}):
            answer = office.post(path, withdraw | other)
            assert (answer.status_code, answer.json()["code"]) == (409, "reason_differs")
        assert office.post(path, withdraw).json()["created"] is False
        assert rows(office.city) == before


def test_of_an_erased_change_the_reason_still_tells_it_apart(joining: Joining) -> None:
    office = joining()
    (id,) = office.anchored()
    withdraw = {"to": "withdrawn", "reasonCode": 1, "legalBasis": BASIS}
    assert office.post(f"/v1/records/{id}/status", withdraw).json()["state"] == "pending"
    records.erase(office.city.app, id, "依申请", Operator())
    assert office.post(f"/v1/records/{id}/status", withdraw).json()["created"] is False
    other = office.post(f"/v1/records/{id}/status", withdraw | {"reasonCode": 2})
    assert (other.status_code, other.json()["code"]) == (409, "reason_differs")


def test_no_answer_that_is_kept_repeats_what_was_asked_for(joining: Joining) -> None:
    """Erasing a record cannot reach the answers: they must not hold its texts."""
    office = joining()
    second_approval.set_rule(office.city.app, office.org.code, second_approval=True)
    other = replace(office, key=api_keys.create_key(office.city.app, office.org.code, ["status"]).key)
    for decision in ("approve", "refuse"):
        (id,) = office.city.anchor(office.org, office.org.certificate(), caller=Operator(office.org.code))
        path = f"/v1/records/{id}/status"
        change = {"to": "withdrawn", "reasonCode": 1, "legalBasis": BASIS, "text": "只在请求里的话"}
        asked = office.post(path, change, new_key())
        assert asked.json()["state"] == "waiting_approval"
        decided = other.post(f"{path}/{decision}", {"approval": asked.json()["approval"]}, new_key())
        assert decided.status_code < 300, decided.text
    with office.city.app.database.reading() as connection:
        kept = [zlib.decompress(body) for (body,) in connection.exec_driver_sql("SELECT body FROM first_answers")]
    assert len(kept) >= 4
    assert not [body for body in kept if "只在请求里的话".encode() in body or BASIS.encode() in body]


def test_a_seal_is_changed_only_from_the_state_that_was_seen(joining: Joining) -> None:
    office = joining()
    seal = seal_entry(office.org)
    office.post("/v1/seals", seal)
    workers.wait_final(office.city.app, "seal", seal["sealCode"], timeout=WAIT)
    path = f"/v1/seals/{seal['sealCode']}/state"
    for to, seen, then in (("frozen", "in_force", "frozen/1"), ("in_force", "frozen/1", "in_force/2")):
        answer = office.post(path, {"to": to, "ifState": seen})
        assert (answer.status_code, answer.json()["stateTag"]) == (202, then)
        workers.wait_final(office.city.app, "seal", seal["sealCode"], timeout=WAIT)
    before = rows(office.city)
    for late in ("in_force", "in_force/0", "frozen"):
        assert office.post(path, {"to": "frozen", "ifState": late}).json()["code"] == "state_changed"
    assert office.post(path, {"to": "frozen", "ifState": "gone"}).status_code == 422
    assert rows(office.city) == before
    assert office.post(path, {"to": "frozen", "ifState": "in_force/2"}).status_code == 202


def test_a_catalog_version_follows_the_one_that_it_names(joining: Joining) -> None:
    office = joining()
    first = catalog_entry(office.org)
    told = office.post("/v1/catalogs", first | {"sequence": 1}).json()
    change = first | {"action": "change", "title": "改", "previous": told["digest"]}
    second = office.post("/v1/catalogs", change).json()
    third = first | {"action": "withdraw", "title": "改", "previous": second["digest"]}
    assert office.post("/v1/catalogs", third).status_code == 202
    before = rows(office.city)
    for late in (first | {"sequence": 1}, change):
        assert office.post("/v1/catalogs", late).json()["code"] == "catalog_conflict"
    assert office.post("/v1/catalogs", third).json()["created"] is False
    assert rows(office.city) == before
