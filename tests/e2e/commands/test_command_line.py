"""Operators work at the command line; every ending has its exit code and its words."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest

from support.worlds.running_instance import ISSUER, OTHER, TYPE, Instance

Anchored = list[dict[str, Any]]


@pytest.fixture(scope="module")
def handed_out(service: Instance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the holders of the other organisation's certificates got."""
    out = tmp_path_factory.mktemp("out")
    answer = service.done("anchor", service.samples / f"certificates-{OTHER}.ndjson", "--org", OTHER, "--out", out)
    assert {record["state"] for record in answer["records"]} == {"anchored"}
    return out


@pytest.fixture
def tampered(handed_out: Path, tmp_path: Path) -> Path:
    disclosure = json.loads(sorted(handed_out.glob("*.disclosure.json"))[0].read_text(encoding="utf-8"))
    disclosure["record"]["certificateNumber"] += "9"
    file = tmp_path / "tampered.json"
    file.write_text(json.dumps(disclosure), encoding="utf-8")
    return file


def test_what_exists_already_is_not_made_again(service: Instance) -> None:
    for command, code in (("init", "already_initialised"), ("deploy", "already_deployed")):
        ran = service.run("--json", command)
        assert (ran.code, ran.json["error"]["code"]) == (1, code)
        assert "错误" in ran.err and code in ran.err


def test_each_holder_gets_a_disclosure_and_a_receipt(service: Instance, handed_out: Path) -> None:
    records = service.records(OTHER)
    assert len(list(handed_out.glob("*.disclosure.json"))) == len(list(handed_out.glob("*.receipt"))) == len(records)
    one = sorted(handed_out.glob("*.disclosure.json"))[0]
    receipt = one.with_name(one.name.replace("disclosure.json", "receipt"))
    ran = service.run("verify", one, "--receipt", receipt, "--json")
    assert (ran.code, ran.json["verdict"]) == (0, "valid")


def test_anchoring_again_gives_the_same_ids_also_from_standard_input(service: Instance, handed_out: Path) -> None:
    text = (service.samples / f"certificates-{OTHER}.ndjson").read_bytes()
    ran = service.run("--json", "anchor", "-", "--org", OTHER, stdin=text)
    assert ran.code == 0
    ids = {path.name.removesuffix(".disclosure.json") for path in handed_out.glob("*.disclosure.json")}
    assert {record["id"] for record in ran.json["records"]} == ids
    assert not any(record["created"] for record in ran.json["records"])


def test_a_file_with_one_bad_line_is_not_stored_at_all(service: Instance, tmp_path: Path) -> None:
    good = {
        "kind": "document",
        "documentTypeCode": "notice",
        "documentNumber": f"试〔2026〕{uuid.uuid4().hex[:8]}号",
        "issuingOrganisationCode": ISSUER,
        "issuedDate": "2026-01-05",
    }
    lines = [json.dumps(good | {"documentNumber": f"{good['documentNumber']}{n}"}) for n in range(60)]
    file = tmp_path / "records.ndjson"
    file.write_text("\n".join([*lines, '{"kind": "document"}']), encoding="utf-8")
    ran = service.run("--json", "anchor", file, "--org", ISSUER)
    assert (ran.code, ran.json["error"]["line"]) == (2, 61)
    file.write_text("\n".join(lines), encoding="utf-8")
    stored = service.done("anchor", file, "--org", ISSUER)
    assert all(record["created"] for record in stored["records"]) and len(stored["records"]) == 60


def test_the_worst_verdict_decides_the_exit_code(
    service: Instance, handed_out: Path, tampered: Path, tmp_path: Path
) -> None:
    good = sorted(handed_out.glob("*.disclosure.json"))[0]
    unknown = tmp_path / "unknown.ofd"
    unknown.write_bytes(b"nothing anchored has these bytes")
    assert service.run("verify", good).code == 0
    assert service.run("verify", unknown).code == 3
    assert service.run("verify", good, unknown).code == 1  # it is none of the files that the record names
    other = next(file for file in sorted(handed_out.glob("*.disclosure.json")) if file != good)
    ran = service.run("--quiet", "verify", unknown, other, tampered, good)
    assert ran.code == 1
    # the altered disclosure and the one it was made from are of one record; nothing tells whose the unknown file is
    assert sorted(ran.out.splitlines()) == ["indeterminate not_anchored", "invalid record_mismatch", "valid in_force"]
    assert service.run("verify", tmp_path / "missing.ofd").code == 2
    assert service.run("verify").code == 2
    assert service.run("verify", good, "--at", "2999-01-01").code == 2


@pytest.mark.parametrize("depth", [255, 100_000])
def test_a_poisoned_file_among_good_ones_is_one_bad_verdict(
    service: Instance, handed_out: Path, tmp_path: Path, depth: int
) -> None:
    good, *_, other = sorted(handed_out.glob("*.disclosure.json"))
    nested = "[" * depth + "]" * depth
    poisoned = tmp_path / "poisoned.json"
    poisoned.write_text('{"record": ' + nested + ', "salt": "' + "00" * 32 + '"}', encoding="utf-8")
    ran = service.run("--json", "verify", good, poisoned, other)
    assert sorted(one["verdict"] == "valid" for one in ran.json) == [False, True, True]
    assert ran.code in (1, 3)


def test_a_verdict_is_told_in_both_languages(service: Instance, tampered: Path) -> None:
    ran = service.run("verify", tampered)
    for words in ("无效 INVALID", "record_mismatch", "与链上记录不一致", "下一步 next step", "inclusion"):
        assert words in ran.out


def test_json_is_all_there_is_on_standard_output(service: Instance, handed_out: Path, tampered: Path) -> None:
    good = sorted(handed_out.glob("*.disclosure.json"))[0]
    other = sorted(handed_out.glob("*.disclosure.json"))[-1]
    several = service.run("verify", other, tampered, good, "--json")
    assert [one["verdict"] for one in several.json] == ["valid", "invalid"]
    assert [one["file"] for one in several.json] == [str(other), f"{tampered}, {good}"]
    failed = service.run("key", "revoke", "nothing", "--json")
    assert (failed.code, failed.json["error"]["code"]) == (1, "key_unknown")


def test_part_of_a_record_can_be_shown(service: Instance, handed_out: Path, tmp_path: Path) -> None:
    whole = sorted(handed_out.glob("*.disclosure.json"))[0]
    record = json.loads(whole.read_text(encoding="utf-8"))["record"]
    part = tmp_path / "part.json"
    record_id = whole.name.removesuffix(".disclosure.json")
    service.done("present", record_id, "--reveal", "certificateNumber", "--out", part)
    text = part.read_text(encoding="utf-8")
    assert record["certificateNumber"] in text
    assert record["holders"][0]["certificateHolderName"] not in text
    assert service.run("verify", part).code == 0
    assert service.run("present", record_id, "--reveal", "nonsense").code == 2


def test_a_withdrawn_record_is_invalid_and_its_history_says_why(service: Instance, handed_out: Path) -> None:
    file = sorted(handed_out.glob("*.disclosure.json"))[1]
    record_id = file.name.removesuffix(".disclosure.json")
    change = ("status", "set", record_id, "--to", "withdrawn", "--reason-code", "2")
    assert service.run(*change).code == 2
    service.done(*change, "--legal-basis", "行政许可法 第69条", "--wait")
    ran = service.run("verify", file, "--json")
    assert (ran.code, ran.json["code"]) == (1, "withdrawn")
    history = service.done("status", "history", record_id)["history"]
    assert [(entry["to"], entry["reasonCode"]) for entry in history] == [("withdrawn", 2)]
    refused = service.run("--json", "status", "set", record_id, "--to", "in_force", "--reason-code", "1")
    assert (refused.code, refused.json["error"]["code"]) == (1, "illegal_transition")


def test_an_erased_record_leaves_its_proof_only(service: Instance, handed_out: Path) -> None:
    file = sorted(handed_out.glob("*.disclosure.json"))[2]
    record_id = file.name.removesuffix(".disclosure.json")
    assert service.done("erase", record_id, "--reason", "holder's request")["erased"] is True
    assert service.done("erase", record_id, "--reason", "holder's request")["changed"] is False
    with service.client("OTHER:audit") as client:
        assert client.get(f"/v1/records/{record_id}").status_code == 410
        assert client.get(f"/v1/records/{record_id}/proof").status_code == 200
    receipt = file.with_name(file.name.replace("disclosure.json", "receipt"))
    ran = service.run("--json", "verify", file, "--receipt", receipt)
    assert (ran.code, ran.json["code"]) == (0, "in_force")


def test_a_key_is_shown_once_and_works_until_it_is_revoked(service: Instance) -> None:
    made = service.run("--quiet", "key", "create", "--org", ISSUER, "--role", "audit,verify", "--label", "counter 3")
    key = made.out.strip()
    listed = service.run("key", "list")
    assert key not in listed.out and "counter 3" in listed.out
    one = next(one for one in service.done("key", "list")["keys"] if one["label"] == "counter 3")
    with service.client() as client:
        headers = {"Authorization": f"Bearer {key}"}
        assert client.get("/v1/records", headers=headers).status_code == 200
        service.done("key", "revoke", one["id"])
        assert client.get("/v1/records", headers=headers).status_code == 401
    assert service.run("key", "create", "--org", ISSUER, "--role", "king").code == 2


def test_seals_and_catalogs_go_on_chain_and_are_traced(service: Instance) -> None:
    seal = sorted((service.samples / "seals").iterdir())[1]
    done = service.done("seal", "register", seal, "--org", OTHER, "--wait")
    assert done["state"] == "final"
    frozen = service.done("seal", "state", done["sealCode"], "--to", "frozen", "--wait")
    assert frozen["status"] == "frozen"
    entries = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted((service.samples / "catalogs").iterdir())
    ]
    own = [entry for entry in entries if entry["providerCode"] == OTHER]
    file = service.data.with_name("own-catalog.ndjson")
    file.write_text("\n".join(json.dumps(entry, ensure_ascii=False) for entry in own), encoding="utf-8")
    assert len(service.done("catalog", "publish", file, "--org", OTHER, "--wait")["versions"]) == len(own)
    code = own[0]["catalogCode"]
    changed = service.data.with_name("changed.json")
    changed.write_text(json.dumps(own[0] | {"action": "change", "title": "改名"}), encoding="utf-8")
    service.done("catalog", "publish", changed, "--org", OTHER, "--wait")
    history = service.done("catalog", "trace", code)
    assert (len(history["versions"]), history["proof"]["outcome"]) == (2, "passed")
    assert "改名" in service.run("catalog", "trace", code, "--diff", "1", "2").out
    assert service.run("catalog", "trace", "999999/999999").code == 1


def test_the_registrar_ends_a_permit_and_suspends(service: Instance) -> None:
    ended = service.done("org", "end-permit", ISSUER, "114399000061230011002", "--on", "2026-06-30")
    assert [entry["action"] for entry in ended["permits"]] == ["grant", "end"]
    assert service.done("org", "suspend", "11439900006123028Q")["suspended"] is True
    assert service.done("org", "resume", "11439900006123028Q")["suspended"] is False
    assert service.run("org", "permit", ISSUER, "114399000061230011002", "--from", "2026-02-30").code == 2
    assert service.run("org", "add", "not a code", "Name").code == 2


@pytest.mark.parametrize("command", [("worker",), ("serve", "--port", "0")])
def test_a_second_set_of_workers_refuses(service: Instance, command: tuple[str, ...]) -> None:
    ran = service.run_apart("--json", *command)
    assert (ran.code, ran.json["error"]["code"]) == (1, "worker_running")


def test_listening_beyond_loopback_needs_protection(service: Instance) -> None:
    ran = service.run("--json", "serve", "--host", "0.0.0.0", "--port", "0")
    assert (ran.code, ran.json["error"]["code"]) == (2, "insecure_listen")


def test_a_taken_port_is_named(service: Instance) -> None:
    port = service.url.rpartition(":")[2]
    ran = service.run("--json", "serve", "--no-workers", "--port", port)
    assert (ran.code, ran.json["error"]["code"]) == (4, "port_in_use")


def test_the_chain_is_exported_while_it_runs(service: Instance, tmp_path: Path) -> None:
    done = service.done("chain", "export", tmp_path / "blocks.rlp")
    assert done["head"] > 0 and Path(done["genesis"]).is_file()
    assert service.run("chain", "export", tmp_path / "blocks.rlp").code == 1
    assert service.run("--json", "chain", "run").code == 1


def test_nothing_is_opened_that_was_never_initialised(service: Instance, tmp_path: Path) -> None:
    ran = Instance(tmp_path / "nowhere", service.samples).run("--json", "key", "list")
    assert (ran.code, ran.json["error"]["code"]) == (2, "not_initialised")
    assert not (tmp_path / "nowhere").exists()


def test_a_command_is_a_process_like_any_other(service: Instance) -> None:
    ran = service.run_apart("key", "list", "--json")
    assert (ran.code, ran.err) == (0, "") and ran.json["keys"]
    for arguments, code in ((("--version",), 0), (("verify", "missing.ofd"), 2), (("nonsense",), 2)):
        ran = service.run_apart(*arguments)
        assert ran.code == code
        assert "Traceback" not in ran.err


@pytest.fixture
def misled(service: Instance, tmp_path: Path) -> Instance:
    """The same instance, expecting another signer than the chain behind its URL has."""
    data = tmp_path / "data"
    shutil.copytree(service.data, data, ignore=shutil.ignore_patterns("node", "*.db*", "*.lock", "deployment.json"))
    deployment = json.loads((service.data / "deployment.json").read_text(encoding="utf-8"))
    deployment["validators"][0]["addresses"] = [deployment["contracts"]["RecordLog"]["address"]]
    (data / "deployment.json").write_text(json.dumps(deployment), encoding="utf-8")
    return Instance(data, service.samples)


@pytest.mark.parametrize("workers", [(), ("--no-workers",)])
def test_nothing_is_served_on_another_chain(misled: Instance, workers: tuple[str, ...]) -> None:
    ran = misled.run_apart("--json", "serve", "--port", "0", *workers)
    assert (ran.code, ran.json["error"]["code"]) == (4, "wrong_chain")


def test_a_node_that_proves_nothing_leaves_a_verdict_open_and_all_else_undone(
    misled: Instance, handed_out: Path
) -> None:
    ran = misled.run("--json", "verify", sorted(handed_out.glob("*.disclosure.json"))[0])
    assert (ran.code, ran.json["verdict"]) == (3, "indeterminate")
    ran = misled.run("--json", "audit")
    assert (ran.code, ran.json["error"]["status"]) == (4, 422 if ran.json["error"]["code"] == "invalid_proof" else 503)


def test_an_audit_of_an_unknown_organisation_is_an_error(service: Instance) -> None:
    for code in ("x", ISSUER[:-1] + "0"):
        ran = service.run("--json", "audit", "--org", code)
        assert (ran.code, ran.json["error"]["code"]) == (1, "organisation_unknown")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("permit", ISSUER, TYPE, "--from", "0001-01-01"), "from"),
        (("end-permit", ISSUER, TYPE, "--on", "1969-12-31"), "on"),
        (("grant", ISSUER, "0x12", "--rights", "anchor"), "ADDR"),
        (("grant", ISSUER, "0x" + "Ab" * 20, "--rights", "anchor"), "ADDR"),
        (("add", ISSUER, "Name", "--account", "nobody"), "--account"),
    ],
)
def test_the_registrar_is_told_which_argument_the_contract_would_not_take(
    service: Instance, arguments: tuple[str, ...], field: str
) -> None:
    ran = service.run("--json", "org", *arguments)
    assert (ran.code, ran.json["error"]["field"]) == (2, field)
