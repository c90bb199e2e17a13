"""Seals, catalogs, organisations, types, and what operators watch."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx

from support.worlds.running_instance import ISSUER, OTHER, Instance


def first_of(service: Instance, folder: str, place: int = 0) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(sorted((service.samples / folder).iterdir())[place].read_text(encoding="utf-8"))
    return value


def wait_for(client: httpx.Client, path: str, name: str, value: str) -> dict[str, Any]:
    for _ in range(200):
        seen: dict[str, Any] = client.get(path).json()
        if seen.get(name) == value:
            return seen
        time.sleep(0.05)
    raise AssertionError(seen)


def test_a_seal_is_registered_frozen_and_returned(service: Instance) -> None:
    seal = first_of(service, "seals")
    path = f"/v1/seals/{seal['sealCode']}"
    with service.client("seal") as client:
        accepted = client.post("/v1/seals", json=seal)
        assert (accepted.status_code, accepted.json()["created"]) == (202, True)
        assert client.post("/v1/seals", json=seal).json()["created"] is False
        other = client.post("/v1/seals", json=seal | {"sealName": "另一印章"})
        assert (other.status_code, other.json()["code"]) == (409, "seal_exists")
        wait_for(client, path, "state", "final")
        assert client.post(f"{path}/state", json={"to": "frozen"}).status_code == 202
        wait_for(client, path, "status", "frozen")
        assert client.post(f"{path}/state", json={"to": "in_force"}).status_code in (202, 409)
        assert client.post(f"{path}/state", json={"to": "melted"}).status_code == 422
        personal = client.post("/v1/seals", json=seal | {"sealCode": "43990000069999", "sealType": "05"})
        assert (personal.status_code, personal.json()["code"]) == (422, "personal_seal")
        assert client.get("/v1/seals/unknown").json()["code"] == "seal_unknown"


def test_a_catalog_entry_is_published_changed_and_traced(service: Instance) -> None:
    entry = first_of(service, "catalogs")
    code = entry["catalogCode"]
    with service.client("catalog") as client:
        first = client.post("/v1/catalogs", json=entry)
        assert (first.status_code, first.json()["sequence"]) == (202, 1), first.text
        changed = client.post("/v1/catalogs", json=entry | {"action": "change", "summary": "改写后的摘要"})
        assert (changed.status_code, changed.json()["sequence"]) == (202, 2), changed.text
        fork = client.post("/v1/catalogs", json=entry | {"action": "change", "sequence": 2, "summary": "分叉"})
        assert (fork.status_code, fork.json()["code"]) == (409, "catalog_conflict")
        for _ in range(200):
            history = client.get(f"/v1/catalogs/{code}/history").json()
            if all(version["state"] == "final" for version in history["versions"]):
                break
            time.sleep(0.05)
        assert [version["sequence"] for version in history["versions"]] == [1, 2]
        assert history["versions"][1]["previous"] == history["versions"][0]["digest"]
        assert history["proof"]["outcome"] == "passed", history["proof"]
        differences = client.get(f"/v1/catalogs/{code}/diff", params={"from": 1, "to": 2}).json()["differences"]
        assert "summary" in json.dumps(differences)
        assert client.get(f"/v1/catalogs/{code}/diff").status_code == 422
        assert client.get("/v1/catalogs/999999/999999/history").json()["code"] == "catalog_unknown"
        assert code in [one["catalogCode"] for one in client.get("/v1/catalogs").json()["catalogs"]]


def test_several_entries_are_accepted_together_or_not_at_all(service: Instance) -> None:
    entries = [first_of(service, "catalogs", place) for place in (1, 2)]
    with service.client("catalog") as client:
        refused = client.post("/v1/catalogs", json=[entries[0], entries[1] | {"layer": "cellar"}])
        assert refused.status_code == 422
        accepted = client.post("/v1/catalogs", json=entries)
        assert [version["created"] for version in accepted.json()["versions"]] == [True, True]


def test_organisations_and_types_are_public(service: Instance) -> None:
    with service.client() as client:
        codes = [one["code"] for one in client.get("/v1/organisations").json()["organisations"]]
        assert {ISSUER, OTHER} <= set(codes)
        one = client.get(f"/v1/organisations/{ISSUER}").json()
        assert one["permits"] and one["suspended"] is False
        assert client.get(f"/v1/organisations/{'9' * 18}").json()["code"] == "organisation_unknown"
        assert len(client.get("/v1/types").json()["types"]) == 6


def test_the_service_says_that_it_lives_is_ready_and_what_it_does(service: Instance) -> None:
    with service.client() as client:
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["ready"]) == (200, True), ready.text
        client.post("/v1/verify", json={"digest": "sha-256:" + "0" * 64})
        metrics = client.get("/metrics").text
        for name in (
            'chain_service_http_requests_total{method="GET",route="/readyz",status="200"}',
            'chain_service_verdicts_total{code="not_anchored",verdict="indeterminate"}',
            "chain_service_records_accepted_total",
            "chain_service_records_anchored",
            "chain_service_index_block",
        ):
            assert name in metrics
        schema = client.get("/openapi.json").json()
        assert {"/v1/records", "/v1/verify", "/v1/verify/bulk", "/v1/catalogs/{code}/history"} <= set(schema["paths"])
        for absent in ("/redoc", "/v1/logs/x.0/checkpoint"):
            assert client.get(absent).status_code == 404


def test_the_log_names_nobody(service: Instance, anchored: list[dict[str, Any]]) -> None:
    with service.client("audit") as client:
        secret = anchored[0]["disclosure"]["salt"]
        holder = anchored[0]["record"]["holders"][0]
        client.get("/v1/records", params={"q": anchored[0]["record"]["certificateNumber"]})
        client.post("/v1/verify", json={"disclosure": anchored[0]["disclosure"]})
    log = service.data.with_name(f"{service.data.name}-serve.log").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in log.splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert any(line.get("org") == ISSUER and line.get("key") and line["route"] == "/v1/records" for line in requests)
    record = anchored[0]["record"]
    for private in (
        secret,
        holder["certificateHolderName"],
        holder["certificateHolderCode"],
        record["certificateNumber"],
        record["certificateIdentifier"],
        anchored[0]["id"],
        service.keys["audit"],
    ):
        assert private not in log


def test_a_code_is_found_however_it_was_typed_and_told_what_is_wrong_with_it(service: Instance) -> None:
    seal, entry = first_of(service, "seals"), first_of(service, "catalogs", 3)
    with service.client("seal") as client, service.client("catalog") as publisher:
        assert client.post("/v1/seals", json=seal).status_code == 202
        assert publisher.post("/v1/catalogs", json=entry).status_code == 202
        for code in ("%E0%AB%AC", "x", "1" * 400):
            answer = client.get(f"/v1/organisations/{code}")
            assert (answer.status_code, answer.json()["code"]) == (404, "organisation_unknown"), code
            (cause,) = answer.json()["errors"]
            assert (cause["code"], "统一社会信用代码" in cause["message"]["zh"]) == ("code_mistyped", True)
        wide = "".join(chr(ord(letter) + 0xFEE0) for letter in ISSUER.lower())
        for code in (ISSUER.lower(), wide, f" {ISSUER[:8]} {ISSUER[8:]} "):
            assert client.get(f"/v1/organisations/{code}").json()["code"] == ISSUER
            assert client.get("/v1/seals", params={"org": code}).json()["seals"]
        refused = client.get("/v1/seals", params={"org": "x"})
        assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "code_mistyped", "org")
        assert client.get(f"/v1/seals/ {seal['sealCode']} ").json()["sealCode"] == seal["sealCode"]
        typed = entry["catalogCode"].replace("/", "／") + " "
        assert client.get(f"/v1/catalogs/{typed}/history").json()["catalogCode"] == entry["catalogCode"]
        hinted = client.get(f"/v1/organisations/{ISSUER[:-1]}{'0' if ISSUER[-1] != '0' else '1'}").json()
        assert (hinted["code"], hinted["errors"][0]["code"]) == ("organisation_unknown", "code_mistyped")
    run = service.run("--json", "org", "suspend", ISSUER[:-1])
    assert (run.code, run.json["error"]["code"]) == (2, "code_mistyped")
    assert "17" in run.json["error"]["errors"][0]["message"]["zh"]
    run = service.run("--json", "org", "add", ISSUER.lower(), "Name")
    assert (run.code, ISSUER in run.json["error"]["detail"]) == (2, True)
    assert service.run("--json", "audit", "--org", ISSUER.lower()).code == 0


def test_a_version_number_beyond_all_versions_is_refused(service: Instance) -> None:
    with service.client() as client:
        for name in ("from", "to"):
            answer = client.get("/v1/catalogs/x/diff", params={"from": 1, "to": 1, name: 10**30})
            assert (answer.status_code, answer.json()["field"]) == (422, name)
