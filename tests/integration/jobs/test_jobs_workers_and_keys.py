"""One worker at a time; API keys; the registrar's jobs; readiness."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from chain_service.app import open_app
from chain_service.config import Settings
from chain_service.core.chainproof.storage_layout import code_key
from chain_service.core.encoding.answers import to_json
from chain_service.errors import BadRequest, Conflict, NotFound, Unauthorised
from chain_service.jobs import workers
from chain_service.jobs.asker import Operator
from chain_service.jobs.instance import api_keys, certificate_types, health, initialise, registrar
from chain_service.jobs.records import records
from chain_service.jobs.registries import organisations
from support.worlds.jobs_city import FOOD, OTHER, PASSWORD, City, Trial, org_code


def test_the_second_of_two_workers_is_refused_on_sqlite_until_the_first_stops(city: City) -> None:
    if city.app.database.dialect != "sqlite":
        pytest.skip("on PostgreSQL it stands by: test_jobs_leases.py")
    with workers.Workers(city.app):
        with pytest.raises(Conflict) as refused, workers.Workers(city.app):
            pass
        assert refused.value.code == "worker_running"
    with workers.Workers(city.app):
        pass


def test_whoever_waits_leaves_the_steps_to_a_running_worker(city: City) -> None:
    org = city.organisation()
    with workers.Workers(city.app):
        ids = city.submit(org, org.certificate())
        city.make_final(ids)
    assert city.state(ids[0]) == "anchored"


def test_waiting_ends_with_the_reasons_known(city: City) -> None:
    org = city.organisation()
    city.trial.registrar.set_suspended(org.code, True)
    ids = city.submit(org, org.certificate())
    with pytest.raises(Exception) as late:
        workers.wait_anchored(city.app, ids, timeout=3.0)
    assert late.value.code == "timeout"
    assert "SuspendedOrganisation" in late.value.details["reasons"]
    city.trial.registrar.set_suspended(org.code, False)
    city.make_final(ids)


def test_a_key_opens_until_it_is_revoked_and_is_shown_once(city: City) -> None:
    org = city.organisation()
    made = api_keys.create_key(city.app, org.code, ["audit", "anchor"], "登记窗口")
    caller = api_keys.admit(city.app, made.key)
    assert (caller.org, caller.roles, caller.key_id) == (org.code, {"anchor", "audit"}, made.id)
    (listed,) = api_keys.list_keys(city.app, org.code).keys
    assert made.key not in json.dumps(to_json(listed))
    assert (listed.id, listed.label, listed.revoked_at) == (made.id, "登记窗口", None)
    assert api_keys.revoke_key(city.app, made.id).changed
    assert api_keys.revoke_key(city.app, made.id).changed is False
    with pytest.raises(Unauthorised):
        api_keys.admit(city.app, made.key)
    assert api_keys.list_keys(city.app, org.code).keys[0].revoked_at
    with pytest.raises(NotFound):
        api_keys.revoke_key(city.app, "nothing")


@pytest.mark.parametrize("bearer", ["", "cs_", "cs_" + "A" * 43, "x" * 10_000, "cs_\u4e2d" + "A" * 42])
def test_unknown_and_malformed_keys_open_nothing(city: City, bearer: str) -> None:
    with pytest.raises(Unauthorised):
        api_keys.admit(city.app, bearer)


def test_a_key_needs_a_known_role_and_an_organisation_code(city: City) -> None:
    org = city.organisation()
    for roles in ([], ["registrar"], ["anchor", "all"]):
        with pytest.raises(BadRequest):
            api_keys.create_key(city.app, org.code, roles)
    with pytest.raises(BadRequest):
        api_keys.create_key(city.app, "nobody", ["anchor"])


def with_registrar(city: City) -> City:
    """The instance that also keeps the registrar's keystore."""
    file = city.app.settings.registrar_file
    if not file.exists():
        file.write_bytes((city.trial.directory / "registrar.json").read_bytes())
    settings = city.app.settings.model_copy(update={"password": Settings(data=Path(), password=PASSWORD).password})
    return City(replace(city.app, settings=settings), city.trial, city.clock, city.stock)


def test_the_registrars_jobs_stand_on_chain_and_in_the_index_and_may_be_repeated(city: City) -> None:
    app = with_registrar(city).app
    code = org_code(88_000_000 + (city.app.database.dialect == "sqlite"))
    added = registrar.add(app, code, "临澜市园林局")
    assert (added.registered, added.suspended, added.generation) == (True, False, 0)
    assert registrar.add(app, code, "临澜市园林局") == added
    granted = registrar.permit(app, code, FOOD, date(2024, 1, 1))
    assert [entry.action for entry in granted.permits] == ["grant"]
    assert registrar.permit(app, code, FOOD, date(2024, 1, 1)) == granted
    ended = registrar.end_permit(app, code, FOOD, date(2025, 1, 1))
    assert [entry.action for entry in ended.permits] == ["grant", "end"]
    with pytest.raises(Conflict) as nothing:
        registrar.end_permit(app, code, OTHER, date(2025, 1, 1))
    assert nothing.value.code == "no_permit"
    assert registrar.suspend(app, code).suspended is True
    assert organisations.organisation(app, code).suspended is True
    assert registrar.resume(app, code).suspended is False
    assert registrar.grant(app, code, added.account, ["anchor"]).rights == ("anchor",)
    assert organisations.organisation(app, code).accounts == {added.account: ("anchor",)}
    renewed = registrar.new_generation(app, code)
    assert (renewed.generation, len(renewed.log_keys)) == (1, 2)
    shown = organisations.organisation(app, code)
    assert [permit.type_hash for permit in shown.permits] == [code_key(FOOD)] * 2
    assert [log.generation for log in shown.logs] == [0, 1]
    assert code in {one.code for one in organisations.list_organisations(app)}


def test_what_the_registrar_may_not_do_is_said_before_anything_is_sent(city: City) -> None:
    app = with_registrar(city).app
    org = city.organisation()
    for wrong in (
        lambda: registrar.add(app, org.code, " "),
        lambda: registrar.add(app, "short", "名"),
        lambda: registrar.grant(app, org.code, org.account, ["everything"]),
        lambda: registrar.permit(app, org.code, FOOD, date(2025, 1, 2), date(2025, 1, 1)),
        lambda: registrar.permit(app, org.code, "001", date(2025, 1, 2)),
    ):
        with pytest.raises(BadRequest):
            wrong()
    with pytest.raises(NotFound):
        organisations.organisation(app, org_code(77_000_000))


def test_types_are_listed_by_name_once_added(city: City) -> None:
    entry = {
        "certificateTypeCode": FOOD,
        "certificateTypeName": "食品经营许可证",
        "definingOrganCode": org_code(0),
        "definingOrganName": "临江省政务服务管理局",
        "holderCategory": "法人",
        "validity": "5年",
        "level": "地市",
    }
    assert certificate_types.add_type(city.app, entry).name == "食品经营许可证"
    certificate_types.add_type(city.app, entry | {"validity": "3年"})
    assert [one.validity for one in certificate_types.list_types(city.app) if one.certificate_type_code == FOOD] == [
        "3年"
    ]


def test_a_ready_instance_says_so_and_counts_its_work(own_city: City) -> None:
    city = own_city
    assert not health.readiness(city.app).ready, "nothing has been read from the chain yet"
    org = city.organisation()
    assert health.readiness(city.app).ready
    ids = city.submit(org, org.certificate(), org.certificate())
    assert health.gauges(city.app)["records_pending"] == 2
    city.make_final(ids)
    told = health.gauges(city.app)
    assert (told["records_pending"], told["records_anchored"], told["submissions_open"]) == (0, 2, 0)


def test_an_instance_comes_to_be_and_deploys_once(own_chain: Trial, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "new", password=PASSWORD, rpc_urls=list(own_chain.rpc.urls))
    with pytest.raises(NotFound) as early:
        open_app(settings)
    assert early.value.code == "not_initialised"
    initialise.init(settings)
    with pytest.raises(Conflict):
        initialise.init(settings)
    app = open_app(settings)
    try:
        assert app.chain is None
        with pytest.raises(Exception) as undeployed:
            workers.run_once(app)
        assert undeployed.value.code == "not_deployed"
        assert records.page(app, Operator(org_code(1))).records == ()
    finally:
        app.database.close()
    done = initialise.deploy(settings, registrar=own_chain.directory / "registrar.json")
    assert done.chain_id == own_chain.deployment.chain_id
    with pytest.raises(Conflict) as again:
        initialise.deploy(settings, registrar=own_chain.directory / "registrar.json")
    assert again.value.code == "already_deployed"
    app = open_app(settings)
    try:
        workers.run_once(app)
        assert health.readiness(app).ready
    finally:
        app.database.close()
