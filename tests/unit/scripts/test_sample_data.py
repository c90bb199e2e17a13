"""The sample data are what the service accepts, and always the same."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from chain_service.core.encoding.digests import file_digests
from chain_service.core.records.certificate_types import parse_type
from chain_service.core.records.identifiers import org_code_checks, parse_org_code
from chain_service.core.records.record import Record, parse_record
from chain_service.core.registries.catalog_findings import ListedVersion, findings
from chain_service.core.registries.catalogs import next_version, parse_catalog
from chain_service.core.registries.seals import parse_seal

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "samples.py"


def write(folder: Path, n: int = 1_000) -> dict[str, bytes]:
    command = [sys.executable, str(SCRIPT), "--out", str(folder), "--n", str(n)]
    subprocess.run(command, check=True, capture_output=True)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return write(tmp_path_factory.mktemp("samples"))


def values(samples: dict[str, bytes], folder: str) -> list[Any]:
    return [json.loads(content) for name, content in sorted(samples.items()) if name.startswith(folder + "/")]


def records(samples: dict[str, bytes], kind: str) -> list[Record]:
    found = []
    for name, content in samples.items():
        if name.startswith(kind):
            read = [parse_record(line) for line in content.splitlines()]
            assert {record.org for record in read} == {name.split("-")[1].removesuffix(".ndjson")}
            found += read
    return found


def test_the_same_numbers_give_the_same_bytes(samples: dict[str, bytes], tmp_path: Path) -> None:
    assert write(tmp_path) == samples


def test_there_are_five_organisations_whose_codes_check(samples: dict[str, bytes]) -> None:
    organisations = json.loads(samples["organisations.json"])
    assert len(organisations) >= 5
    assert all(org_code_checks(parse_org_code(each["code"])) for each in organisations)


def test_there_are_six_types_two_seals_and_thirty_catalog_entries(samples: dict[str, bytes]) -> None:
    assert len({parse_type(value).code for value in values(samples, "types")}) == 6
    assert len({parse_seal(value).code for value in values(samples, "seals")}) == 2
    assert len({parse_catalog(value).code for value in values(samples, "catalogs")}) == 30


def test_the_catalogs_link_upward_and_show_one_gap(samples: dict[str, bytes]) -> None:
    versions = [next_version(None, parse_catalog(value)) for value in values(samples, "catalogs")]
    seen: set[str] = set()
    for version in versions:
        assert seen.issuperset(version.links)
        seen.add(version.code)
    assert [f.code for f in findings([ListedVersion(version, 0) for version in versions], 0)] == ["data_without_table"]


def test_every_certificate_is_valid_unique_and_issued_within_a_permit(samples: dict[str, bytes]) -> None:
    certificates = records(samples, "certificates-")
    permits = {(p["organisation"], p["certificateType"]): p for p in json.loads(samples["permits.json"])}
    assert len(certificates) == len({record.identity for record in certificates}) == 1_000
    assert not [record.warnings for record in certificates if record.warnings]
    for record in certificates:
        permit = permits[record.org, record.type_code]
        assert record.issued is not None
        assert (
            date.fromisoformat(permit["from"]) <= record.issued <= date.fromisoformat(permit.get("until", "9999-12-31"))
        )


def test_the_documents_hold_the_digests_of_the_files_beside_them(samples: dict[str, bytes]) -> None:
    documents = records(samples, "documents-")
    anchored = {file["digests"]["sha-256"] for record in documents for file in record.files}
    files = {file_digests(content)["sha-256"] for name, content in samples.items() if name.startswith("files/")}
    assert files == anchored and len(files) == len(documents) == 10


def test_fewer_certificates_can_be_asked_for(tmp_path: Path) -> None:
    assert len(records(write(tmp_path, n=7), "certificates-")) == 7
