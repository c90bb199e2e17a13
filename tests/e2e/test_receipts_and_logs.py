"""Receipts, tiles and trust over HTTP and at the command line, before our own verifiers and those of others."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import scitt_cose
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chain_service.core.receipts.receipt import parse
from chain_service.web.schemas.receipts import ReceiptView
from support.sockets import no_sockets
from support.worlds.running_instance import ISSUER, OTHER, Instance

FSCK = "github.com/transparency-dev/tessera/cmd/fsck@v1.0.2"
Anchored = list[dict[str, Any]]


@pytest.fixture(scope="module")
def out(service: Instance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What holders got."""
    out = tmp_path_factory.mktemp("out")
    service.done("anchor", service.samples / f"certificates-{OTHER}.ndjson", "--org", OTHER, "--out", out)
    return out


@pytest.fixture(scope="module")
def trust(service: Instance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("trust") / "city.trust"
    service.done("trust", "export", "--out", file)
    return file


def valid_one(service: Instance, out: Path, trust: Path) -> Path:
    """A disclosure whose certificate has not expired."""
    for file in sorted(out.glob("*.disclosure.json")):
        if service.run("verify", "--offline", "--trust", trust, file).code == 0:
            return file
    raise AssertionError("none of the sample certificates is valid")


def check(verdict: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in verdict["groups"][0]["checks"] if one["name"] == name)


def test_a_receipt_is_fetched_read_and_verified_over_http(service: Instance, anchored: Anchored) -> None:
    one = anchored[0]
    with service.client() as client:
        got = client.get(f"/v1/records/{one['id']}/receipt")
        assert (got.status_code, got.headers["content-type"]) == (200, "application/cose")
        assert f'filename="{one["id"]}.receipt"' in got.headers["content-disposition"]
        shown = client.get(f"/v1/records/{one['id']}/receipt", headers={"Accept": "application/json"}).json()
        assert ReceiptView.model_validate(shown).model_dump() == shown
        assert shown["recordId"] == one["id"] == parse(got.content).record_id
        fresh = client.get(f"/v1/records/{one['id']}/receipt", params={"refresh": "true"})
        assert parse(fresh.content).blocks[0] == parse(got.content).blocks[0]
        asked = {"disclosure": one["disclosure"], "receipt": base64.b64encode(got.content).decode()}
        by_json = client.post("/v1/verify", json=asked).json()
        files = {"receipt": got.content, "disclosure": json.dumps(one["disclosure"]).encode()}
        by_form = client.post("/v1/verify", files=files).json()
        for verdict in (by_json, by_form):
            assert check(verdict, "log_signature")["code"] == "signed"
            assert check(verdict, "anchor")["outcome"] == "passed"
        asked["receipt"] = asked["receipt"][:-8] + "AAAAAAA="
        assert client.post("/v1/verify", json=asked).json()["code"] == "proof_invalid"
        assert client.post("/v1/verify", json={"receipt": "no base64!"}).json()["code"] == "malformed_request"


def test_there_is_no_receipt_of_what_nobody_knows_or_is_not_anchored(service: Instance) -> None:
    with service.client() as client:
        got = client.get("/v1/records/nobody/receipt")
        assert (got.status_code, got.json()["code"]) == (404, "record_unknown")


def test_another_implementation_accepts_our_receipt(service: Instance, anchored: Anchored) -> None:
    one = anchored[0]
    with service.client() as client:
        data = client.get(f"/v1/records/{one['id']}/receipt").content
        entry = bytes.fromhex(client.get(f"/v1/records/{one['id']}/proof").json()["entry"])
        disclosure = json.dumps(one["disclosure"]).encode()
        verdict = client.post("/v1/verify", files={"receipt": data, "disclosure": disclosure}).json()
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(check(verdict, "log_signature")["evidence"]["key"]))
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert scitt_cose.verify_receipt(data, leaf_entry_hex=entry.hex(), log_public_key_pem=pem).ok
    assert not scitt_cose.verify_receipt(data, leaf_entry_hex=bytes(32).hex(), log_public_key_pem=pem).ok


def test_tiles_are_cached_for_as_long_as_they_hold(service: Instance, anchored: Anchored) -> None:
    assert anchored
    log = f"/v1/logs/{ISSUER}.0"
    with service.client() as client:
        checkpoint = client.get(f"{log}/checkpoint")
        assert checkpoint.headers["cache-control"] == "public, max-age=5"
        size = int(checkpoint.text.splitlines()[1])
        partial = client.get(f"{log}/tile/entries/000.p/{size}")
        assert (partial.status_code, len(partial.content)) == (200, 34 * size)
        assert partial.headers["cache-control"] == "public, max-age=3600"
        assert client.get(f"{log}/key").text.startswith(checkpoint.text.splitlines()[0] + "+")
        for path in (f"tile/0/000.p/{size + 1}", "tile/0/0", "tile/0/..%2f..", "tile/", "tile/0/000.p/256"):
            assert client.get(f"{log}/{path}").status_code == 404
        assert client.get("/v1/logs/nobody.0/checkpoint").json()["code"] == "log_unknown"


def test_holders_verify_without_any_connection(service: Instance, out: Path, trust: Path, tmp_path: Path) -> None:
    disclosure = valid_one(service, out, trust)
    alone = Instance(tmp_path / "nowhere", tmp_path)
    with no_sockets():
        ran = alone.run("--json", "verify", "--offline", "--trust", trust, disclosure)
        several = alone.run("--json", "verify", "--offline", "--trust", trust, *sorted(out.glob("*.disclosure.json")))
    assert (ran.code, ran.json["code"]) == (0, "in_force"), ran
    assert not alone.data.exists()
    assert {check(one, "log_signature")["code"] for one in several.json} == {"signed"}
    assert {check(one, "anchor")["outcome"] for one in several.json} == {"passed"}


def test_offline_the_receipt_is_named_or_lies_beside_the_disclosure(
    service: Instance, out: Path, trust: Path, tmp_path: Path
) -> None:
    disclosure = valid_one(service, out, trust)
    receipt = out / disclosure.name.replace("disclosure.json", "receipt")
    alone = shutil.copy(disclosure, tmp_path / "mine.json")
    offline = ("verify", "--offline", "--trust", trust)
    assert service.run(*offline, alone).code == 2
    assert service.run(*offline, alone, "--receipt", receipt).code == 0
    assert service.run(*offline, "--disclosure", alone, "--receipt", receipt).code == 0
    other = next(file for file in sorted(out.glob("*.receipt")) if file != receipt)
    refused = service.run("--json", *offline, alone, "--receipt", other)
    assert (refused.code, refused.json["code"]) == (1, "record_mismatch")
    file = tmp_path / "licence.ofd"
    file.write_bytes(b"another file")
    altered = service.run("--json", *offline, file, "--disclosure", alone, "--receipt", receipt)
    assert (altered.code, altered.json["code"]) == (1, "content_altered")


def test_offline_needs_a_trust_file_and_remembers_blocks_where_told(
    service: Instance, out: Path, trust: Path, tmp_path: Path
) -> None:
    disclosure, alone = valid_one(service, out, trust), Instance(tmp_path / "nowhere", tmp_path)
    assert alone.run("verify", "--offline", disclosure).code == 2
    assert alone.run("verify", "--trust", trust, disclosure).code == 2
    heads = tmp_path / "heads.json"
    for _ in range(2):
        assert alone.run("verify", "--offline", "--trust", trust, "--heads", heads, disclosure).code == 0
    assert len(json.loads(heads.read_text())) == 1
    heads.write_text("[]")
    assert alone.run("verify", "--offline", "--trust", trust, "--heads", heads, disclosure).code == 2


def test_an_old_state_asks_for_a_refreshed_receipt(service: Instance, out: Path, trust: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    shutil.copytree(out, folder)
    disclosure = folder / valid_one(service, out, trust).name
    record = disclosure.name.removesuffix(".disclosure.json")
    reason = ("--reason-code", "9", "--text", "核查", "--legal-basis", "食品安全法")
    service.done("status", "set", record, "--to", "suspended", *reason, "--wait")
    offline = ("--json", "verify", "--offline", "--trust", trust, disclosure)
    assert service.run(*offline).json["code"] == "in_force"
    done = service.done("receipts", "refresh", folder)
    assert done["refreshed"] == len(list(folder.glob("*.receipt"))) and not done["failed"]
    assert service.run(*offline).json["code"] == "suspended"
    service.done("status", "set", record, "--to", "in_force", *reason, "--wait")
    (folder / "broken.receipt").write_bytes(b"nonsense")
    ran = service.run("--json", "receipts", "refresh", folder)
    assert (ran.code, [one["code"] for one in ran.json["failed"]]) == (1, ["malformed_document"])
    assert service.run(*offline).json["code"] == "in_force"
    assert service.run("receipts", "refresh", tmp_path).code == 2


def test_the_trust_file_is_exported_served_and_taken_by_its_fingerprint(
    service: Instance, trust: Path, tmp_path: Path
) -> None:
    served = httpx.get(f"{service.url}/v1/trust")
    assert (served.content, served.headers["content-type"]) == (trust.read_bytes(), "application/cose")
    page = httpx.get(f"{service.url}/offline.html").text
    assert f'<meta name="trust" content="{base64.b64encode(trust.read_bytes()).decode()}">' in page
    service.done("trust", "export", "--page", tmp_path / "offline.html")
    assert (tmp_path / "offline.html").read_text(encoding="utf-8") == page
    mine = tmp_path / "mine.trust"
    fingerprint = service.done("trust", "export")["fingerprint"]
    assert service.run("trust", "update", trust, "--trust", mine).code == 2
    assert service.run("trust", "update", trust, "--trust", mine, "--fingerprint", "00" * 32).code == 1
    assert service.run("trust", "update", trust, "--trust", mine, "--fingerprint", fingerprint).code == 0
    newer = tmp_path / "newer.trust"
    assert service.done("trust", "export", "--new-root-key", "--out", newer)["changed"]
    assert service.run("trust", "update", newer, "--trust", mine).code == 0
    rollback = service.run("--json", "trust", "update", trust, "--trust", mine)
    assert (rollback.code, rollback.json["error"]["code"]) == (1, "foreign_trust")


def test_a_log_is_mirrored_with_the_instance_s_chain_or_a_trust_file(
    service: Instance, anchored: Anchored, trust: Path, tmp_path: Path
) -> None:
    url = f"{service.url}/v1/logs/{ISSUER}.0"
    own = service.done("log", "mirror", url, tmp_path / "own")
    assert own["chain"]["sizeOnChain"] == own["size"] > len(anchored)
    key = httpx.get(f"{url}/key").text.strip()
    config = (service.data / "config.toml").read_text(encoding="utf-8")
    rpc = next(line for line in config.splitlines() if line.startswith("rpc_urls")).split('"')[1]
    alone = Instance(tmp_path / "nowhere", tmp_path)
    told = alone.done("log", "mirror", url, tmp_path / "other", "--rpc", rpc, "--trust", trust, "--key", key)
    assert told["root"] == own["root"] and told["signatureChecked"] and told["chain"]["assurance"] == "trial"
    assert alone.done("log", "mirror", url, tmp_path / "third")["chain"] is None
    assert alone.run("log", "mirror", url, tmp_path / "x", "--rpc", rpc).code == 2
    assert alone.run("log", "mirror", url, tmp_path / "x", "--trust", trust).code == 2
    assert alone.run("log", "mirror", "ftp://x", tmp_path / "x").code == 2
    assert alone.run("log", "mirror", "http://127.0.0.1:1", tmp_path / "x").code == 4


@pytest.mark.long
@pytest.mark.timeout(900)
def test_tessera_s_fsck_finds_nothing_wrong_with_our_log(service: Instance, anchored: Anchored, tmp_path: Path) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed")
    built = subprocess.run(
        [go, "install", FSCK], env=_go_environment(tmp_path), capture_output=True, text=True, timeout=600
    )
    if built.returncode:
        pytest.skip(f"fsck cannot be built here: {built.stderr[-300:]}")
    document = {"kind": "document", "documentTypeCode": "notice", "issuingOrganisationCode": ISSUER}
    document |= {"issuedDate": "2026-01-05", "title": "通知"}
    lines = [json.dumps(document | {"documentNumber": f"临市监〔2026〕fsck{n}号"}) for n in range(600)]
    many = tmp_path / "many.ndjson"
    many.write_text("\n".join(lines), encoding="utf-8")
    service.done("anchor", many, "--org", ISSUER, "--wait")
    url = f"{service.url}/v1/logs/{ISSUER}.0"
    key = tmp_path / "key"
    key.write_text(httpx.get(f"{url}/key").text.strip(), encoding="utf-8")
    command = [str(tmp_path / "bin" / "fsck"), f"--storage_url={url}/", f"--public_key={key}", "--ui=false"]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert checked.returncode == 0, checked.stderr[-2000:]


def _go_environment(folder: Path) -> dict[str, str]:
    return os.environ | {"GOBIN": str(folder / "bin"), "GOFLAGS": "-mod=mod"}
