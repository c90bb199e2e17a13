"""Counters verify over HTTP: files, disclosures, proofs, identifiers, one by one and in bulk."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

from support.worlds.running_instance import ISSUER, Instance

Anchored = list[dict[str, Any]]


def by_identifier(record: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "identifier": record["certificateIdentifier"],
        "certificateNumber": record["certificateNumber"],
        "certificateHolderName": record["holders"][0]["certificateHolderName"],
        **members,
    }


def test_a_disclosure_is_valid_with_every_check_named(service: Instance, anchored: Anchored) -> None:
    with service.client() as client:
        answer = client.post("/v1/verify", json={"disclosure": anchored[0]["disclosure"]})
    verdict = answer.json()
    assert (answer.status_code, verdict["verdict"], verdict["code"]) == (200, "valid", "in_force")
    assert verdict["chain"]["assurance"] == "trial"
    names = [check["name"] for check in verdict["groups"][0]["checks"]]
    assert names == [
        "parse",
        "file_digest",
        "log_signature",
        "inclusion",
        "anchor",
        "validators",
        "issuer_permitted",
        "status",
        "validity_period",
    ]
    assert verdict["record"]["org"] == ISSUER


def test_a_tampered_disclosure_is_invalid(service: Instance, anchored: Anchored) -> None:
    tampered = copy.deepcopy(anchored[0]["disclosure"])
    tampered["record"]["holders"][0]["certificateHolderName"] = "张三"
    with service.client() as client:
        verdict = client.post("/v1/verify", json={"disclosure": tampered}).json()
    assert (verdict["verdict"], verdict["code"]) == ("invalid", "record_mismatch")


def test_disclosure_and_proof_travel_together_in_a_form(service: Instance, anchored: Anchored) -> None:
    one = anchored[0]
    with service.client() as client:
        proof = client.get(f"/v1/records/{one['id']}/proof").content
        parts = {"disclosure": ("d.json", json.dumps(one["disclosure"])), "receipt": ("p.json", proof)}
        verdict = client.post("/v1/verify", files=parts).json()
        assert verdict["verdict"] == "valid"
        foreign = client.get(f"/v1/records/{anchored[1]['id']}/proof").content
        verdict = client.post("/v1/verify", files=parts | {"receipt": ("p.json", foreign)}).json()
        assert (verdict["verdict"], verdict["code"]) == ("indeterminate", "papers_do_not_match")


def test_a_file_is_found_by_its_digest(service: Instance) -> None:
    file = next((service.samples / "files").iterdir())
    documents = service.samples / f"documents-{ISSUER}.ndjson"
    own = next(path for path in (service.samples / "files").iterdir() if path.name.startswith("market"))
    service.done("anchor", documents, "--org", ISSUER, "--wait")
    with service.client() as client:
        verdict = client.post("/v1/verify", files={"file": (own.name, own.read_bytes())}).json()
        assert verdict["verdict"] == "valid", verdict
        unknown = client.post("/v1/verify", files={"file": (file.name, b"something else")}).json()
        assert (unknown["verdict"], unknown["code"]) == ("indeterminate", "not_anchored")


def test_a_damaged_disclosure_is_a_verdict_and_a_damaged_request_is_not(service: Instance) -> None:
    with service.client() as client:
        damaged = client.post("/v1/verify", files={"disclosure": ("d.json", b"\x00\xff")})
        assert (damaged.status_code, damaged.json()["code"]) == (200, "unreadable")
        for body in (b"", b"{", b"[]", b"{}", b'{"at": "2026-01-01T00:00:00Z"}', b'{"disclosure": 7}'):
            answer = client.post("/v1/verify", content=body, headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.json()["code"]) == (422, "malformed_request")
        nested = b'{"disclosure": ' + b'{"a":' * 100_000
        answer = client.post("/v1/verify", content=nested, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        surprise = client.post("/v1/verify", files={"surprise": ("x", b"y")})
        assert (surprise.status_code, surprise.json()["field"]) == (422, "surprise")


def test_by_identifier_a_mismatch_and_an_unknown_one_answer_alike(service: Instance, anchored: Anchored) -> None:
    record = anchored[2]["record"]
    with service.client() as client:
        good = client.post("/v1/verify", json=by_identifier(record)).json()
        assert (good["verdict"], good["code"]) == ("valid", "in_force_not_compared")
        alone = client.post("/v1/verify", json={"identifier": record["certificateIdentifier"]})
        assert (alone.status_code, alone.json()["code"]) == (422, "number_and_name_missing")
        unlike = client.post("/v1/verify", json=by_identifier(record, certificateHolderName="某人")).json()
        unknown = client.post("/v1/verify", json=by_identifier(service.records("11439900006123036K")[0])).json()
    for verdict in (unlike, unknown):
        verdict.pop("at")
        verdict.pop("chain")
        verdict["groups"][0].pop("subject")
    assert unlike["code"] == "not_anchored"
    assert [c["code"] for c in unlike["groups"][0]["checks"]] == [c["code"] for c in unknown["groups"][0]["checks"]]
    assert {name: unlike[name] for name in unlike if name != "groups"} == {
        name: unknown[name] for name in unknown if name != "groups"
    }


def test_a_counter_with_a_key_sees_what_to_compare_and_says_why(service: Instance, anchored: Anchored) -> None:
    record = anchored[2]["record"]
    with service.client("verify") as client:
        without = client.post("/v1/verify", json={"identifier": record["certificateIdentifier"]})
        assert (without.status_code, without.json()["code"]) == (422, "use_cause_missing")
        question = {"identifier": record["certificateIdentifier"], "useCause": "办理食品经营备案"}
        verdict = client.post("/v1/verify", json=question).json()
    assert verdict["code"] == "in_force_not_compared"
    assert verdict["record"]["members"]["certificateNumber"] == record["certificateNumber"]


def test_the_future_is_refused_and_the_past_is_judged(service: Instance, anchored: Anchored) -> None:
    with service.client() as client:
        question = {"disclosure": anchored[3]["disclosure"]}
        future = client.post("/v1/verify", json=question | {"at": "2999-01-01T00:00:00Z"})
        assert (future.status_code, future.json()["code"]) == (422, "at_in_future")
        past = client.post("/v1/verify", json=question | {"at": "2000-01-01T00:00:00Z"}).json()
        assert past["verdict"] != "valid"
        broken = client.post("/v1/verify", json=question | {"at": "yesterday"})
        assert (broken.status_code, broken.json()["field"]) == (422, "at")


def test_many_are_answered_in_order_as_they_are_reached(service: Instance, anchored: Anchored) -> None:
    tampered = copy.deepcopy(anchored[0]["disclosure"])
    tampered["record"]["certificateNumber"] = "forged"
    asked = [anchored[0]["disclosure"], tampered, anchored[1]["disclosure"]] * 10
    body = "".join(json.dumps({"disclosure": one}) + "\n" for one in asked)
    headers = {"Content-Type": "application/x-ndjson"}
    with service.client("verify") as client:
        with client.stream("POST", "/v1/verify/bulk", content=body, headers=headers) as answer:
            assert answer.headers["content-type"] == "application/x-ndjson"
            verdicts = [json.loads(line)["verdict"] for line in answer.iter_lines()]
        assert verdicts == ["valid", "invalid", "valid"] * 10
        for wrong in ("{", '{"identifier": "x"}', '{"surprise": 1}'):
            refused = client.post("/v1/verify/bulk", content=body + wrong, headers=headers)
            assert (refused.status_code, refused.json()["line"]) == (422, 31)
    with service.client() as client:
        assert client.post("/v1/verify/bulk", content=body, headers=headers).status_code == 401


def test_a_withdrawn_record_is_invalid_once_the_change_is_final(service: Instance, anchored: Anchored) -> None:
    one = anchored[4]
    change = {"to": "withdrawn", "reasonCode": 2, "legalBasis": "行政许可法 第69条", "text": "以虚假材料取得"}
    with service.client("status") as client:
        assert client.post(f"/v1/records/{one['id']}/status", json=change).status_code == 202
        for _ in range(200):
            verdict = client.post("/v1/verify", json={"disclosure": one["disclosure"]}).json()
            assert verdict["code"] in ("status_changing", "withdrawn")
            if verdict["code"] == "withdrawn":
                break
            time.sleep(0.05)
        assert verdict["verdict"] == "invalid"
        history = client.get(f"/v1/records/{one['id']}").json()["history"]
        assert [entry["to"] for entry in history] == ["withdrawn"]
        assert "虚假" not in json.dumps(history, ensure_ascii=False)
