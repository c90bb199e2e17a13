"""What auditors and the operator look at: reasons of changes, the log of readings, gaps in the catalogs, alerts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain_service.app import open_app
from chain_service.config import Settings
from chain_service.jobs.alerts import EQUIVOCATION, REFUSED_FOR_GOOD
from chain_service.store import alerts
from support.worlds.running_instance import ISSUER, OTHER, Instance

BASIS = "行政许可法 第69条"


@pytest.fixture(scope="module")
def withdrawn(service: Instance, anchored: list[dict[str, Any]]) -> str:
    """A record whose withdrawal is final."""
    record_id: str = anchored[11]["id"]
    change = {"to": "withdrawn", "reasonCode": 2, "legalBasis": BASIS, "text": "以虚假材料取得"}
    with service.client("status") as client:
        assert client.post(f"/v1/records/{record_id}/status", json=change).status_code == 202
        for _ in range(400):
            if client.get(f"/v1/records/{record_id}").json()["status"] == "withdrawn":
                return record_id
            time.sleep(0.05)
    raise AssertionError("the withdrawal is not final in time")


def test_the_reason_of_a_change_is_shown_to_its_organisation_alone(service: Instance, withdrawn: str) -> None:
    path = f"/v1/records/{withdrawn}/status"
    with service.client("audit") as own:
        answer = own.get(path).json()
    assert answer["record"] == withdrawn
    (state,) = answer["history"]
    assert (state["to"], state["reasonCode"]) == ("withdrawn", 2)
    change = state["change"]["record"]
    assert (change["legalBasis"], change["text"]) == (BASIS, "以虚假材料取得")
    assert change["officer"].startswith("key ") and len(state["change"]["salt"]) == 64
    for role, status, code in (
        ("OTHER:audit", 403, "wrong_organisation"),
        ("verify", 403, "missing_role"),
        (None, 401, "unauthorised"),
    ):
        with service.client(role) as client:
            refused = client.get(path)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    with service.client() as anybody:
        assert BASIS not in anybody.get(f"/v1/records/{withdrawn}").text
    shown = service.done("status", "history", withdrawn, "--changes")
    assert shown == answer
    assert "change" not in service.done("status", "history", withdrawn)["history"][0]


def test_a_final_end_waits_for_another_key_where_its_organisation_asks_for_it(
    service: Instance, anchored: list[dict[str, Any]]
) -> None:
    path = f"/v1/records/{anchored[12]['id']}"
    change = {"to": "cancelled", "reasonCode": 3, "legalBasis": BASIS}
    second = service.done("key", "create", "--org", ISSUER, "--role", "status")["key"]
    assert service.done("org", "set", ISSUER, "--second-approval", "on")["secondApproval"] is True
    try:
        with service.client("status") as client:
            answer = client.post(f"{path}/status", json=change)
            asked = answer.json()
            assert (answer.status_code, asked["state"], asked["status"]) == (202, "waiting_approval", "in_force")
            body = {"approval": asked["approval"]}
            refused = client.post(f"{path}/status/approve", json=body)
            assert (refused.status_code, refused.json()["code"]) == (403, "same_holder")
            (listed,) = client.get("/v1/approvals", params={"state": "waiting"}).json()["approvals"]
            assert (listed["id"], listed["legalBasis"]) == (asked["approval"], BASIS)
            assert client.post(f"{path}/status/refuse", json=body).json()["state"] == "refused"
            body = {"approval": client.post(f"{path}/status", json=change).json()["approval"]}
            client.headers["Authorization"] = f"Bearer {second}"
            approved = client.post(f"{path}/status/approve", json=body)
            assert (approved.status_code, approved.json()["state"]) == (202, "pending")
        waiting = service.run("--json", "status", "set", anchored[13]["id"], "--to", "lapsed", "--reason-code", "7")
        assert (waiting.code, waiting.json["state"]) == (3, "waiting_approval")
        assert service.run("status", "approve", waiting.json["approval"]).code == 1
        assert [one["to"] for one in service.done("status", "approvals", "--state", "waiting")["approvals"]] == [
            "lapsed"
        ]
        assert service.done("status", "refuse", waiting.json["approval"])["state"] == "refused"
    finally:
        service.done("org", "set", ISSUER, "--second-approval", "off")


def test_who_read_what_is_listed_page_by_page(service: Instance, withdrawn: str) -> None:
    with service.client("audit") as client:
        client.get(f"/v1/records/{withdrawn}/status").raise_for_status()
        client.get(f"/v1/records/{withdrawn}").raise_for_status()
        page = client.get("/v1/readings", params={"record": withdrawn, "limit": 1}).json()
        (newest,) = page["readings"]
        assert (newest["action"], newest["record"], newest["org"]) == ("disclosure", withdrawn, ISSUER)
        following = {"record": withdrawn, "limit": 1, "cursor": page["next"]}
        (before,) = client.get("/v1/readings", params=following).json()["readings"]
        assert (before["action"], before["keyId"]) == ("changes", newest["keyId"])
        by_action = client.get("/v1/readings", params={"action": "changes", "key": before["keyId"]}).json()
        assert {one["action"] for one in by_action["readings"]} == {"changes"}
        assert client.get("/v1/readings", params={"to": "2026-01-01T00:00:00Z"}).json()["readings"] == []
        assert client.get("/v1/readings", params={"from": "2026-01-01", "record": withdrawn}).json()["readings"]
        for wrong in ({"action": "stolen"}, {"from": "soon"}, {"cursor": "%%"}, {"limit": 0}):
            assert client.get("/v1/readings", params=wrong).status_code == 422, wrong
    with service.client("anchor") as client:
        assert client.get("/v1/readings").json()["code"] == "missing_role"


def test_an_auditor_sees_who_looked_up_its_records_and_no_others(
    service: Instance, withdrawn: str, anchored: list[dict[str, Any]]
) -> None:
    asked = {"identifier": anchored[11]["record"]["certificateIdentifier"], "useCause": "窗口办理"}
    with service.client("OTHER:verify") as counter:
        assert counter.post("/v1/verify", json=asked).json()["code"] == "withdrawn"
    with service.client("audit") as own:
        looked_up = own.get("/v1/readings", params={"record": withdrawn, "action": "verify"}).json()["readings"]
    assert (looked_up[0]["org"], looked_up[0]["cause"]) == (OTHER, "窗口办理")
    with service.client("OTHER:audit") as other:
        own_readings = other.get("/v1/readings", params={"record": withdrawn}).json()["readings"]
        assert {one["org"] for one in own_readings} == {OTHER}
    listed = service.done("readings", "list", "--record", withdrawn, "--action", "verify")["readings"]
    assert listed == looked_up
    by_other = service.done("readings", "list", "--org", OTHER, "--limit", "500")["readings"]
    assert looked_up[0] in by_other
    assert service.run("readings", "list", "--from", "soon").code == 2


def test_gaps_between_the_catalogs_are_listed(service: Instance) -> None:
    lonely = [
        {
            "catalogCode": f"399001/00000{place}",
            "layer": "duty",
            "title": "没有数据目录的职责",
            "summary": "没有数据目录的职责",
            "legalBasis": "三定规定",
            "providerCode": ISSUER,
            "action": "publish",
        }
        for place in (1, 2)
    ]
    with service.client("catalog") as client:
        assert client.post("/v1/catalogs", json=lonely).status_code == 202
    asked = {"org": ISSUER, "finding": "duty_without_data"}
    with service.client("audit") as client:
        whole = client.get("/v1/catalogs/findings", params=asked).json()
        found = {one["catalogCode"]: one for one in whole["findings"]}
        assert {one["catalogCode"] for one in lonely} <= set(found)
        assert found["399001/000001"]["message"]["zh"] == "职责没有对应的数据目录"
        assert whole["metrics"]["duties"] >= 2 and whole["next"] is None
        first = client.get("/v1/catalogs/findings", params=asked | {"limit": 1}).json()
        second = client.get("/v1/catalogs/findings", params=asked | {"limit": 1, "cursor": first["next"]}).json()
        assert [*first["findings"], *second["findings"]] == whole["findings"][:2]
        assert client.get("/v1/catalogs/findings", params={"org": OTHER, "finding": "link_unknown"}).status_code == 200
        assert client.get("/v1/catalogs/findings", params={"finding": "ugly"}).status_code == 422
    with service.client("verify") as client:
        assert client.get("/v1/catalogs/findings").json()["code"] == "missing_role"
    told = service.done("catalog", "findings", "--org", ISSUER, "--finding", "duty_without_data")
    assert told == whole
    assert "职责没有对应的数据目录" in service.run("catalog", "findings").out


@pytest.fixture
def raised(service: Instance) -> Iterator[list[int]]:
    """The ids of two alerts, the newer one first; both are settled in the end."""
    app = open_app(Settings(data=Path(service.data)))
    try:
        with app.database.transaction() as connection:
            alerts.put(connection, REFUSED_FOR_GOOD, "a seal", {"error": "SealExists"}, app.clock())
            alerts.put(connection, EQUIVOCATION, "7", {"height": 7}, app.clock())
        with app.database.reading() as connection:
            ids = {one.code: one.id for one in alerts.listed(connection)}
        yield [ids[EQUIVOCATION], ids[REFUSED_FOR_GOOD]]
        with app.database.transaction() as connection:
            alerts.clear(connection, REFUSED_FOR_GOOD, "a seal", app.clock())
            alerts.clear(connection, EQUIVOCATION, "7", app.clock())
    finally:
        app.close()


def test_alerts_are_listed_shown_and_settled(service: Instance, raised: list[int]) -> None:
    newer, older = raised
    with service.client("audit") as client:
        listed = client.get("/v1/alerts").json()
        ours = [one for one in listed["alerts"] if one["id"] in raised]
        assert [one["id"] for one in ours] == [newer, older]
        assert ours[1]["details"] == {"error": "SealExists"} and ours[1]["clearedAt"] is None
        assert ours[1]["message"]["zh"] and ours[1]["remedy"]["en"]
        only = client.get("/v1/alerts", params={"code": REFUSED_FOR_GOOD}).json()
        assert [one["id"] for one in only["alerts"]] == [older]
        paged = client.get("/v1/alerts", params={"limit": 1}).json()
        assert paged["alerts"][0]["id"] == newer and paged["next"]
    with service.client("verify") as client:
        assert client.get("/v1/alerts").status_code == 403
    assert service.done("alerts", "list") == listed
    assert service.done("alerts", "show", str(older)) == ours[1]
    assert REFUSED_FOR_GOOD in service.run("alerts", "list").out
    assert service.done("alerts", "settle", str(older)) == {"id": older, "settled": True, "changed": True}
    assert service.done("alerts", "settle", str(older))["changed"] is False
    assert older not in {one["id"] for one in service.done("alerts", "list")["alerts"]}
    ended = service.done("alerts", "list", "--cleared", "--code", REFUSED_FOR_GOOD)["alerts"]
    assert older in {one["id"] for one in ended if one["clearedAt"]}
    unknown = service.run("--json", "alerts", "show", "999999")
    assert (unknown.code, unknown.json["error"]["code"]) == (1, "alert_unknown")
