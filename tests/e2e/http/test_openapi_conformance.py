"""The service answers as its OpenAPI schema says, whatever it is asked (schemathesis), with a key and without."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.worlds.running_instance import ISSUER, Instance, wait_until_anchored

ROOT = Path(__file__).resolve().parents[3]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
EXAMPLES = "12"
"""Cases that are made up for each operation beside those that its schema leads to."""
SEED = "20260131"
ROLES = ("anchor", "status", "catalog", "seal", "verify", "audit")


@pytest.fixture(scope="module")
def key(service: Instance) -> str:
    """One that may do everything for the issuer."""
    roles = [word for role in ROLES for word in ("--role", role)]
    made: str = service.done("key", "create", "--org", ISSUER, *roles)["key"]
    return made


@pytest.fixture(scope="module")
def client(service: Instance, key: str) -> Any:
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
        yield client


def wait_for(client: httpx.Client, path: str, name: str, value: str) -> None:
    for _ in range(400):
        if (seen := client.get(path).json()).get(name) == value:
            return
        time.sleep(0.05)
    raise AssertionError(seen)


@pytest.fixture(scope="module")
def names(client: httpx.Client) -> dict[str, str]:
    """What stands in the paths of the examples, once each example that a later one needs has been sent."""
    paths = client.get("/openapi.json").json()["paths"]
    record, seal, catalog = (
        paths[path]["post"]["requestBody"]["content"]["application/json"]["example"]
        for path in ("/v1/records", "/v1/seals", "/v1/catalogs")
    )
    accepted = client.post("/v1/records", json=record).json()["records"][0]["id"]
    client.post("/v1/seals", json=seal).raise_for_status()
    client.post("/v1/catalogs", json=catalog).raise_for_status()
    wait_until_anchored(client, accepted)
    wait_for(client, f"/v1/seals/{seal['sealCode']}", "state", "final")
    return {"record_id": accepted, "code": seal["sealCode"], "catalog": catalog["catalogCode"]}


APPROVALS = ("/v1/records/{record_id}/status/approve", "/v1/records/{record_id}/status/refuse")
"""Their examples name an approval, and which ids approvals have nobody can know beforehand."""


def test_every_example_is_served(client: httpx.Client, names: dict[str, str]) -> None:
    described = client.get("/openapi.json").json()
    sent = 0
    for path, methods in described["paths"].items():
        for media_type, content in methods.get("post", {}).get("requestBody", {}).get("content", {}).items():
            if "example" in content:
                body = content["example"]
                given = {"content": body.encode()} if isinstance(body, str) else {"json": body}
                answer = client.post(path.format(**names), headers={"Content-Type": media_type}, **given)
                assert str(answer.status_code) in methods["post"]["responses"], (path, answer.text)
                sent += 1
                if path in APPROVALS:
                    assert answer.json()["code"] == "approval_unknown", answer.text
                    continue
                assert answer.status_code < 300, (path, answer.text)
                assert answer.headers["content-type"] in (media_type, "application/x-ndjson"), path
    assert sent == 10


def test_head_is_answered_wherever_get_is(client: httpx.Client, names: dict[str, str]) -> None:
    for path in ("/", "/healthz", "/v1/types", f"/v1/records/{names['record_id']}", "/v1/records/unknown"):
        got, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers["content-type"] == got.headers["content-type"], path
    refused = client.delete("/v1/records")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


def settings_for(names: dict[str, str]) -> str:
    """The configuration of schemathesis: what there is of which these parameters can be the name."""
    found = [f'[parameters]\nrecord_id = "{names["record_id"]}"\nlog = "{ISSUER}.1"\n']
    for path, code in (
        ("/v1/seals/{code}", names["code"]),
        ("/v1/organisations/{code}", ISSUER),
        ("/v1/catalogs/{code}/history", names["catalog"]),
    ):
        found.append(f'[[operations]]\ninclude-path = "{path}"\nparameters = {{ code = "{code}" }}\n')
    return "\n".join(found)


@pytest.mark.long
@pytest.mark.parametrize("keyed", [False, True], ids=["anonymous", "all roles"])
def test_no_answer_is_other_than_described(
    service: Instance, key: str, names: dict[str, str], keyed: bool, tmp_path: Path
) -> None:
    """Without a key under made-up names, with one under those of what is there."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{service.url}/openapi.json"]
    if keyed:
        (tmp_path / "schemathesis.toml").write_text(settings_for(names), encoding="utf-8")
        command[4:4] = ["--header", f"Authorization: Bearer {key}"]
        command[3:3] = ["--config-file", str(tmp_path / "schemathesis.toml")]
    command += ["--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES]
    command += ["--seed", SEED, "--generation-database", "none", "--no-color", "--continue-on-failure"]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "support.schemathesis_hooks", "PYTHONPATH": str(ROOT / "tests")}
    ran = subprocess.run(command, capture_output=True, text=True, timeout=1200, cwd=tmp_path, env=environment)
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr
    assert ("Authentication failed" in ran.stdout) == (not keyed)
