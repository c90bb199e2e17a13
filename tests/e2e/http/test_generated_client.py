"""A client that openapi-python-client makes from our schema anchors, verifies and reads errors."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.worlds.running_instance import ISSUER, Instance

GENERATOR = Path(sys.prefix) / "client-generator"
PACKAGE = "generated_service_client"
CONFIGURATION = """
post_hooks: []
content_type_overrides:
  application/x-ndjson: application/octet-stream
  application/cose: application/octet-stream
"""
RECORD = {
    "kind": "document",
    "documentTypeCode": "notice",
    "documentNumber": "临市监〔2026〕9001号",
    "title": "通知",
    "issuingOrganisationCode": ISSUER,
    "issuedDate": "2026-01-05",
}
Part = Callable[[str], Any]


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    """Imports a module of the client, which was made without a warning."""
    if not GENERATOR.is_dir():
        pytest.skip("openapi-python-client is not installed: run scripts/install --dev")
    folder = tmp_path_factory.mktemp("client")
    (folder / "config.yml").write_text(CONFIGURATION, encoding="utf-8")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    command += ["--path", str(Path(__file__).resolve().parents[3] / "docs" / "reference" / "openapi.json")]
    command += ["--config", str(folder / "config.yml"), "--output-path", str(folder / PACKAGE)]
    environment = os.environ | {"PYTHONPATH": str(GENERATOR)}
    made = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert made.returncode == 0, made.stdout + made.stderr
    for file in (folder / PACKAGE / "api").rglob("*.py"):  # 0.29.1 forgets a name where a body has several types
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("import Response, UNSET\n", "import Response, UNSET, Unset\n"), encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        yield lambda name: importlib.import_module(f"{PACKAGE}.{name}")
    finally:
        sys.path.remove(str(folder))


def test_it_anchors_a_record_and_verifies_it(service: Instance, part: Part) -> None:
    models, read = part("models"), part("api.records.records_read")
    with part("client").AuthenticatedClient(base_url=service.url, token=service.keys["anchor"]) as client:
        body = models.Document.from_dict(RECORD)
        record_id = part("api.records.records_submit").sync(client=client, body=body).records[0].id
        for _ in range(400):
            seen = read.sync(record_id, client=client)
            if seen.state == "anchored":
                break
            time.sleep(0.05)
    assert seen.state == "anchored" and seen.org == ISSUER
    disclosure = seen.disclosure.to_dict()
    verdict = verify(service, part, {"disclosure": disclosure})
    assert (verdict.verdict, verdict.code) == ("valid", "in_force")
    assert verdict.chain.block >= seen.anchor.block
    assert verdict.record.members["title"] == RECORD["title"]
    disclosure["record"]["title"] = "另一份通知"
    altered = verify(service, part, {"disclosure": disclosure})
    assert altered.verdict == "invalid" and altered.message.zh


def verify(service: Instance, part: Part, question: dict[str, Any]) -> Any:
    """What somebody without a key is answered."""
    with part("client").Client(base_url=service.url) as anybody:
        body = part("models").VerifyRequest.from_dict(question)
        return part("api.verify.verify_one").sync(client=anybody, body=body)


def test_it_reads_errors(service: Instance, part: Part) -> None:
    models = part("models")
    with part("client").AuthenticatedClient(base_url=service.url, token="unknown") as nobody:
        body = models.Document.from_dict(RECORD)
        refused = part("api.records.records_submit").sync_detailed(client=nobody, body=body)
    assert refused.status_code == 401 and isinstance(refused.parsed, models.ProblemDetails)
    assert refused.parsed.code == "unauthorised" and "密钥" in refused.parsed.message.zh
    unread = verify(service, part, {"at": "soon"})
    assert (unread.code, unread.field, unread.errors[0].field) == ("malformed_request", "at", "at")
