"""Whoever submits something wrong is told all of it at once, and nothing of it is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.worlds.running_instance import ISSUER, OTHER, Instance

NDJSON = {"Content-Type": "application/x-ndjson"}


def fresh(service: Instance) -> list[dict[str, Any]]:
    """Two documents that nobody else submits, whose numbers the caller may change."""
    common = {"kind": "document", "documentTypeCode": "批复", "issuingOrganisationCode": ISSUER}
    return [common | {"documentNumber": f"一次告知〔2026〕{number}号"} for number in (1, 2)]


def told(problem: dict[str, Any]) -> list[tuple[Any, ...]]:
    for entry in problem["errors"]:
        assert entry["message"]["zh"] and entry["message"]["en"]
        assert entry.keys() <= {"line", "entry", "field", "code", "message"}
    first = problem["errors"][0]
    assert (problem["code"], problem["message"].keys()) == (first["code"], {"zh", "en"})
    return [(one.get("line", one.get("entry")), one["field"], one["code"]) for one in problem["errors"]]


def test_every_wrong_line_of_a_batch_is_told_and_none_is_stored(service: Instance) -> None:
    good, other = fresh(service)
    bad = other | {"surprise": 1, "issuedDate": "2026-02-30", "title": "a\u202eb"}
    lines = [good, bad, {"kind": "licence"}, good, other | {"issuingOrganisationCode": OTHER}]
    with service.client("anchor") as client:
        answer = client.post("/v1/records", content="\n".join(map(json.dumps, lines)), headers=NDJSON)
        assert answer.status_code == 422
        assert told(answer.json()) == [
            (2, "surprise", "malformed_record"),
            (2, "issuedDate", "malformed_record"),
            (2, "title", "hidden_character"),
            (3, "kind", "malformed_record"),
            (4, "", "duplicate_identifier"),
            (5, "", "wrong_organisation"),
        ]
        assert client.post("/v1/records", json=good).json()["records"][0]["created"] is True


def test_one_record_is_told_all_its_faults(service: Instance) -> None:
    record = fresh(service)[0] | {"documentNumber": " 1", "title": 7}
    with service.client("anchor") as client:
        answer = client.post("/v1/records", json=record)
    assert {field for _, field, _ in told(answer.json())} == {"documentNumber", "title"}
    assert answer.json()["line"] == 1


def test_seals_and_catalog_entries_are_told_all_their_faults(service: Instance) -> None:
    with service.client("seal") as client:
        answer = client.post("/v1/seals", json={"sealCode": "a b", "ownerCode": ISSUER, "colour": "red"})
        assert answer.status_code == 422
        fields = [field for _, field, _ in told(answer.json())]
    assert fields[:4] == ["colour", "digests", "sealCode", "sealName"]
    assert {"sealType", "signerCertificates", "validFrom", "validUntil"} <= set(fields)
    entry = json.loads(next(iter(sorted((service.samples / "catalogs").iterdir()))).read_text(encoding="utf-8"))
    entry = entry[0] if isinstance(entry, list) else entry
    with service.client("catalog") as client:
        answer = client.post("/v1/catalogs", json=[entry | {"layer": "cellar", "title": ""}, entry | {"open": "yes"}])
        assert answer.status_code == 422
        assert told(answer.json()) == [
            (1, "layer", "malformed_record"),
            (1, "title", "malformed_record"),
            (2, "open", "malformed_record"),
        ]
        assert answer.json()["entry"] == 1


def test_a_change_of_state_is_told_all_its_faults_of_form_and_of_content(
    service: Instance, anchored: list[dict[str, Any]]
) -> None:
    path = f"/v1/records/{anchored[0]['id']}/status"
    with service.client("status") as client:
        content = client.post(path, json={"to": "withdrawn", "reasonCode": 17, "successor": anchored[1]["id"]})
        assert [field for _, field, _ in told(content.json())] == ["reasonCode", "legalBasis", "successor"]
        form = client.post(path, json={"to": "melted", "reasonCode": 1, "surprise": 1, "text": "x" * 2_001})
        assert (form.status_code, form.json()["code"]) == (422, "malformed_request")
        assert {field for _, field, _ in told(form.json())} == {"surprise", "text", "to"}
        assert client.get(f"/v1/records/{anchored[0]['id']}").json()["status"] == "in_force"


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_line_tells_all_too(service: Instance, tmp_path: Path, as_json: bool) -> None:
    good, other = fresh(service)
    file = tmp_path / "records.ndjson"
    bad = other | {"issuedDate": "2026-02-30", "sur\u001bprise": 1}
    file.write_text("\n".join(map(json.dumps, [good | {"documentNumber": "x"}, bad, {"kind": 1}])), encoding="utf-8")
    ran = service.run(*(["--json"] if as_json else []), "anchor", file, "--org", ISSUER)
    assert ran.code == 2
    if as_json:
        assert [line for line, *_ in told(ran.json["error"])] == [2, 2, 3]
    else:
        assert "\x1b" not in ran.err
        for words in ("行 line 2  issuedDate  malformed_record", "issuedDate 不是日历上的日期", "行 line 3  kind"):
            assert words in ran.err
        assert "全部内容均未保存" in ran.err


def test_of_several_seals_none_is_registered_if_one_is_wrong(service: Instance, tmp_path: Path) -> None:
    seal = {
        "sealCode": "43990000088888",
        "sealName": "一次告知专用章",
        "ownerCode": ISSUER,
        "sealType": "02",
        "digests": {"sha-256": "ab" * 32, "sm3": "cd" * 32},
        "signerCertificates": ["sha-256:" + "ef" * 32],
        "validFrom": "2025-01-01",
        "validUntil": "2035-12-31",
    }
    file = tmp_path / "seals.json"
    file.write_text(json.dumps([seal, seal | {"sealCode": "a b", "sealName": ""}]), encoding="utf-8")
    ran = service.run("--json", "seal", "register", file, "--org", ISSUER)
    assert ran.code == 2
    assert told(ran.json["error"]) == [(2, "sealCode", "malformed_record"), (2, "sealName", "malformed_record")]
    with service.client() as client:
        assert client.get(f"/v1/seals/{seal['sealCode']}").json()["code"] == "seal_unknown"
