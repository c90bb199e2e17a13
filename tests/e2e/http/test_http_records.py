"""Departments submit, read and change records over HTTP."""

from __future__ import annotations

import base64
import json
import sqlite3
import uuid
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest

from support.worlds.running_instance import ISSUER, OTHER, Instance, wait_until_anchored

NDJSON = {"Content-Type": "application/x-ndjson"}


def renewed(record: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A document of the same issuer that nobody has submitted yet."""
    return {
        "kind": "document",
        "documentTypeCode": "notice",
        "documentNumber": f"临市监〔2026〕{uuid.uuid4().hex[:8]}号",
        "title": "通知",
        "issuingOrganisationCode": record["certificateIssuingAuthorityCode"],
        "issuedDate": "2026-01-05",
        **members,
    }


def test_a_record_is_accepted_once_and_anchored(service: Instance) -> None:
    with service.client("anchor") as client:
        record = renewed(service.records()[0])
        first = client.post("/v1/records", json=record)
        assert first.status_code == 202
        accepted = first.json()["records"][0]
        assert accepted["created"] is True and set(accepted) == {"id", "state", "created"}
        again = client.post("/v1/records", json=record).json()["records"][0]
        assert (again["id"], again["created"]) == (accepted["id"], False)
        seen = wait_until_anchored(client, accepted["id"])
        assert seen["kind"] == "document" and seen["org"] == ISSUER
        assert seen["anchor"]["chainId"] > 0 and seen["index"] >= 1


def test_other_content_under_the_same_identity_is_refused(service: Instance) -> None:
    with service.client("anchor") as client:
        record = renewed(service.records()[0])
        client.post("/v1/records", json=record)
        answer = client.post("/v1/records", json=record | {"title": "另一份通知"})
        assert (answer.status_code, answer.json()["code"]) == (409, "identifier_taken")


def test_lines_are_answered_in_order_with_their_numbers(service: Instance) -> None:
    records = [renewed(service.records()[0]) for _ in range(3)]
    body = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    with service.client("anchor") as client:
        answer = client.post("/v1/records", content=body.encode(), headers=NDJSON)
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["line"] for line in lines] == [1, 2, 3]
    assert all(set(line) == {"line", "id", "state", "created"} for line in lines)


BAD = {
    "not JSON": ("{", "malformed_record", None),
    "unknown member": (lambda r: r | {"surprise": 1}, "malformed_record", "surprise"),
    "wrong date": (lambda r: r | {"issuedDate": "2026-02-30"}, "malformed_record", "issuedDate"),
    "another organisation": (lambda r: r | {"issuingOrganisationCode": OTHER}, "wrong_organisation", None),
}


@pytest.mark.parametrize("case", BAD)
def test_one_bad_line_refuses_the_whole_body(service: Instance, case: str) -> None:
    change, code, field = BAD[case]
    good, bad = renewed(service.records()[0]), renewed(service.records()[0])
    text = change if isinstance(change, str) else json.dumps(change(bad))
    with service.client("anchor") as client:
        answer = client.post("/v1/records", content=json.dumps(good) + "\n" + text, headers=NDJSON)
        problem = answer.json()
        assert answer.status_code in (403, 422)
        assert (problem["code"], problem["line"]) == (code, 2)
        if field:
            assert problem["field"] == field
        assert client.post("/v1/records", json=good).json()["records"][0]["created"] is True


def test_a_wrong_check_character_is_named(service: Instance) -> None:
    record = service.records()[0]
    identifier = record["certificateIdentifier"]
    wrong = identifier[:-1] + ("A" if identifier[-1] != "A" else "B")
    with service.client("anchor") as client:
        problem = client.post("/v1/records", json=record | {"certificateIdentifier": wrong}).json()
    assert (problem["status"], problem["field"]) == (422, "certificateIdentifier")


def test_the_same_identifier_twice_in_one_body_is_refused(service: Instance) -> None:
    line = json.dumps(renewed(service.records()[0]))
    with service.client("anchor") as client:
        answer = client.post("/v1/records", content=f"{line}\n{line}\n", headers=NDJSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "duplicate_identifier")


def test_a_type_without_permit_is_refused(service: Instance) -> None:
    record = dict(service.records(OTHER)[0])
    issued_before_the_permit = record | {
        "certificateIssuedDate": "2019-12-31",
        "certificateEffectiveDate": "2019-12-31",
        "certificateExpiringDate": "2029-12-30",
    }
    with service.client("OTHER:anchor") as client:
        answer = client.post("/v1/records", json=issued_before_the_permit)
    assert (answer.status_code, answer.json()["code"]) == (403, "issuer_not_permitted")


def test_too_many_lines_and_too_large_bodies_are_refused(service: Instance) -> None:
    with service.client("anchor") as client:
        lines = client.post("/v1/records", content=b"{}\n" * 51, headers=NDJSON)
        assert (lines.status_code, lines.json()["code"]) == (413, "too_many_lines")
        large = client.post("/v1/records", content=b" " * (17 * 2**20), headers=NDJSON)
        assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
        one = client.post("/v1/records", content=b" " * (2 * 2**20), headers={"Content-Type": "application/json"})
        assert one.status_code == 413


def test_other_media_types_are_refused(service: Instance) -> None:
    with service.client("anchor") as client:
        answer = client.post("/v1/records", content=b"{}", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_who_may_not_submit_is_told_why(service: Instance) -> None:
    record = renewed(service.records()[0])
    with service.client() as client:
        assert client.post("/v1/records", json=record).status_code == 401
        unknown = client.post("/v1/records", json=record, headers={"Authorization": "Bearer cs_" + "x" * 43})
        assert (unknown.status_code, unknown.json()["code"]) == (401, "unauthorised")
    with service.client("verify") as client:
        refused = client.post("/v1/records", json=record)
        assert (refused.status_code, refused.json()["code"]) == (403, "missing_role")


def test_only_its_organisation_sees_a_record_s_content(service: Instance, anchored: list[dict[str, Any]]) -> None:
    one = anchored[0]
    with service.client() as anybody, service.client("audit") as own, service.client("OTHER:audit") as other:
        path = f"/v1/records/{one['id']}"
        assert own.get(path).json()["disclosure"]["record"] == one["record"]
        for client in (anybody, other):
            seen = client.get(path)
            assert seen.status_code == 200 and "disclosure" not in seen.json()
            assert one["record"]["certificateNumber"] not in seen.text
        missing = anybody.get(f"/v1/records/{uuid.uuid4()}")
        assert (missing.status_code, missing.json()["code"]) == (404, "record_unknown")


def test_a_proof_and_a_receipt_are_public_and_say_nothing_of_the_record(
    service: Instance, anchored: list[dict[str, Any]]
) -> None:
    one = anchored[0]
    with service.client() as client:
        answer = client.get(f"/v1/records/{one['id']}/proof")
        proof = answer.json()
        assert set(proof) == {"entry", "index", "size", "path", "anchor"}
        anchor = proof["anchor"]
        assert set(anchor) == {"chainId", "contract", "log", "size", "root", "block", "blockHash", "time", "tx"}
        assert one["record"]["certificateNumber"] not in answer.text
        receipt = client.get(f"/v1/records/{one['id']}/receipt")
        assert (receipt.status_code, receipt.headers["content-type"]) == (200, "application/cose")
        assert one["record"]["certificateNumber"].encode() not in receipt.content


def test_records_are_listed_page_by_page(service: Instance, anchored: list[dict[str, Any]]) -> None:
    seen: list[str] = []
    cursor: str | None = None
    with service.client("audit") as client:
        while True:
            page = client.get("/v1/records", params={"limit": 7} | ({"cursor": cursor} if cursor else {})).json()
            assert len(page["records"]) <= 7
            seen += [record["id"] for record in page["records"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert {one["id"] for one in anchored} <= set(seen)
        assert len(seen) == len(set(seen))
        for wrong in ({"limit": 0}, {"limit": 501}, {"cursor": "%%"}, {"state": "nowhere"}):
            assert client.get("/v1/records", params=wrong).status_code == 422
    with service.client("OTHER:audit") as client:
        assert {one["org"] for one in client.get("/v1/records").json()["records"]} <= {OTHER}


def test_a_status_change_needs_its_reason_and_is_accepted_once(
    service: Instance, anchored: list[dict[str, Any]]
) -> None:
    path = f"/v1/records/{anchored[5]['id']}/status"
    change = {"to": "suspended", "reasonCode": 12, "legalBasis": "行政许可法 第69条"}
    with service.client("status") as client:
        for wrong in ({"to": "suspended"}, {"to": "nonsense", "reasonCode": 1}, change | {"legalBasis": ""}):
            answer = client.post(path, json=wrong)
            assert answer.status_code == 422, answer.text
        accepted = client.post(path, json=change)
        assert (accepted.status_code, accepted.json()["created"]) == (202, True)
        again = client.post(path, json=change)
        assert (again.status_code, again.json()["created"]) == (202, False)
    with service.client("anchor") as client:
        assert client.post(path, json=change).status_code == 403


def test_what_is_not_allowed_from_a_state_is_a_conflict(service: Instance, anchored: list[dict[str, Any]]) -> None:
    with service.client("status") as client:
        answer = client.post(f"/v1/records/{anchored[6]['id']}/status", json={"to": "in_force", "reasonCode": 13})
        assert answer.status_code == 202 and answer.json()["created"] is False
        unknown = client.post(f"/v1/records/{uuid.uuid4()}/status", json={"to": "lapsed", "reasonCode": 7})
        assert unknown.status_code == 404


def test_a_cursor_or_a_day_that_no_page_gave_is_refused_by_name(service: Instance) -> None:
    def cursor(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode()

    with service.client("audit") as client:
        for number in ("9" * 30, "-1", "0", str(2**63), "x"):
            answer = client.get("/v1/records", params={"cursor": cursor(number)})
            assert (answer.status_code, answer.json()["field"]) == (422, "cursor"), number
        for name in ("from", "to"):
            for day in ("nonsense", "2020-99-99", "20200101", "2020-01-01T00:00:00Z"):
                answer = client.get("/v1/records", params={name: day})
                assert (answer.status_code, answer.json()["field"]) == (422, name), day
            assert client.get("/v1/records", params={name: "2025-01-01"}).status_code == 200


def test_a_search_is_logged_and_what_was_searched_for_is_not(service: Instance, anchored: list[dict[str, Any]]) -> None:
    def logged() -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(service.data / "chain_service.db")) as database:
            rows = database.execute("SELECT org, record_id, cause, key_id FROM readings WHERE action = 'search'")
            return rows.fetchall()

    before = len(logged())
    number = anchored[0]["record"]["certificateNumber"]
    with service.client("audit") as client:
        assert client.get("/v1/records", params={"q": number}).json()["records"]
        assert client.get("/v1/records").status_code == 200
    told = logged()[before:]
    assert [(org, record) for org, record, _, _ in told] == [(ISSUER, None)]
    assert number not in str(told) and told[0][3]


CONTROLS = ["\x00", "\x01", "a\x1fb", "\x7f"]


@pytest.mark.parametrize("text", CONTROLS)
def test_no_door_takes_control_characters(service: Instance, text: str) -> None:
    at = quote(text, safe="")
    with service.client("audit") as client:
        for path in (
            f"/v1/records/{at}",
            f"/v1/records/{at}/proof",
            f"/v1/seals/{at}",
            f"/v1/catalogs/{at}/history",
            f"/v1/organisations/{at}",
        ):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        for path, name in (
            ("/v1/catalogs", "after"),
            ("/v1/catalogs", "org"),
            ("/v1/records", "q"),
            ("/v1/records", "type"),
            ("/v1/records", "from"),
        ):
            answer = client.get(path, params={name: text})
            assert (answer.status_code, answer.json()["field"]) == (422, name), path
    with service.client("verify") as client:
        for name in ("certificateNumber", "certificateHolderName", "useCause"):
            asked = {"identifier": "x", "useCause": "c", name: text}
            answer = client.post("/v1/verify", json=asked)
            assert (answer.status_code, answer.json()["field"]) == (422, name)
        answer = client.post("/v1/verify", json={"identifier": f"\x1f{text}", "useCause": "c"})
        assert (answer.status_code, answer.json()["field"]) == (422, "identifier")
    with service.client("status") as client:
        for name in ("to", "successor"):
            change = {"to": "withdrawn", "reasonCode": 1, "legalBasis": "x", name: text}
            answer = client.post(f"/v1/records/{uuid.uuid4()}/status", json=change)
            assert (answer.status_code, answer.json()["field"]) == (422, name)
