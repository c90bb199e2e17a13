"""At every door of a service genuine papers of one holder are never accused, and an altered one is never excused."""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Mapping
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest

from support.worlds.running_instance import Instance

Anchored = list[dict[str, Any]]
Papers = Mapping[str, Path]
NAMES = ("disclosure", "number", "holder", "receipt", "refreshed", "proof", "trust")
ENDS = {"valid": 0, "invalid": 1, "indeterminate": 3}


def written(file: Path, data: bytes) -> Path:
    file.write_bytes(data)
    return file


def papers_of(service: Instance, one: Mapping[str, Any], folder: Path, trust: Path) -> dict[str, Path]:
    """A holder's papers, called by names that tell nothing."""
    with service.client() as client:
        receipt = client.get(f"/v1/records/{one['id']}/receipt").content
        refreshed = client.get(f"/v1/records/{one['id']}/receipt", params={"refresh": "true"}).content
        proof = client.get(f"/v1/records/{one['id']}/proof").content
    shown = {"number": "certificateNumber", "holder": "holders.0.certificateHolderName"}
    for name, member in shown.items():
        service.done("present", one["id"], "--reveal", member, "--out", folder / name)
    return {
        "disclosure": written(folder / "disclosure", json.dumps(one["disclosure"]).encode()),
        "receipt": written(folder / "receipt.pdf", receipt),
        "refreshed": written(folder / "refreshed", refreshed),
        "proof": written(folder / "proof", proof),
        "trust": Path(shutil.copy(trust, folder / "trust.json")),
        **{name: folder / name for name in shown},
    }


@pytest.fixture(scope="module")
def trust(service: Instance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("trust") / "city.trust"
    service.done("trust", "export", "--out", file)
    return file


@pytest.fixture(scope="module")
def papers(
    service: Instance, anchored: Anchored, trust: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    return papers_of(service, anchored[0], tmp_path_factory.mktemp("papers"), trust)


@pytest.fixture(scope="module")
def altered(anchored: Anchored, tmp_path_factory: pytest.TempPathFactory) -> Path:
    forged = copy.deepcopy(anchored[0]["disclosure"])
    forged["record"]["holders"][0]["certificateHolderName"] = "某人"
    return written(tmp_path_factory.mktemp("altered") / "altered", json.dumps(forged).encode())


def over_http(service: Instance, *files: Path) -> dict[str, Any]:
    with service.client() as client:
        parts = [("file", (file.name, file.read_bytes())) for file in files]
        verdict: dict[str, Any] = client.post("/v1/verify", files=parts).json()
        return verdict


def by_command(service: Instance, *files: Path) -> list[dict[str, Any]]:
    ran = service.run("--json", "verify", *files)
    told: list[dict[str, Any]] = ran.json if isinstance(ran.json, list) else [ran.json]
    assert ran.code == min((ENDS[one["verdict"]] for one in told), key=[1, 3, 0].index)
    return told


def offline(service: Instance, trust: Path, *files: Path) -> dict[str, Any]:
    verdict: dict[str, Any] = service.run("--json", "verify", "--offline", "--trust", trust, *files).json
    return verdict


def some_subsets() -> list[tuple[str, ...]]:
    chance = random.Random(11)
    return [NAMES, *(tuple(chance.sample(NAMES, chance.randint(2, 6))) for _ in range(8))]


def all_subsets() -> list[tuple[str, ...]]:
    return list(chain.from_iterable(combinations(NAMES, count) for count in range(1, len(NAMES) + 1)))


def require_no_accusation(service: Instance, papers: Papers, trust: Path, chosen: tuple[str, ...]) -> None:
    files = [papers[name] for name in chosen]
    wanted = "indeterminate" if chosen == ("trust",) else "valid"
    assert over_http(service, *files)["verdict"] == wanted, chosen
    assert [one["verdict"] for one in by_command(service, *files)] == [wanted], chosen
    if {"receipt", "refreshed"} & set(chosen):
        assert offline(service, trust, *files)["verdict"] != "invalid", chosen


def require_no_excuse(service: Instance, papers: Papers, altered: Path, trust: Path, chosen: tuple[str, ...]) -> None:
    files = [papers[name] for name in chosen]
    assert over_http(service, *files, altered)["code"] == "record_mismatch", chosen
    assert [one["code"] for one in by_command(service, altered, *files)] == ["record_mismatch"], chosen
    if {"receipt", "refreshed"} & set(chosen):
        assert offline(service, trust, *files, altered)["code"] == "record_mismatch", chosen


def test_genuine_papers_are_not_accused_at_any_door(service: Instance, papers: Papers, trust: Path) -> None:
    for chosen in some_subsets():
        require_no_accusation(service, papers, trust, chosen)


def test_an_altered_disclosure_is_not_excused_at_any_door(
    service: Instance, papers: Papers, altered: Path, trust: Path
) -> None:
    for chosen in some_subsets():
        require_no_excuse(service, papers, altered, trust, chosen)


@pytest.mark.long
def test_no_subset_is_accused_or_excused_at_any_door(
    service: Instance, papers: Papers, altered: Path, trust: Path
) -> None:
    for chosen in all_subsets():
        require_no_accusation(service, papers, trust, chosen)
        require_no_excuse(service, papers, altered, trust, chosen)


def test_papers_of_two_holders_are_two_questions_at_the_command_line_and_none_over_http(
    service: Instance, anchored: Anchored, papers: Papers, trust: Path, tmp_path: Path
) -> None:
    others = papers_of(service, anchored[1], tmp_path, trust)
    mixed = [papers["disclosure"], others["disclosure"], papers["receipt"], others["receipt"]]
    verdict = over_http(service, *mixed)
    assert verdict["code"] == "papers_do_not_match"
    listed = verdict["groups"][0]["checks"][0]["evidence"]["papers"]
    numbers = [one["record"]["certificateNumber"] for one in anchored[:2]]
    assert [one["belongsTo"] for one in listed] == [*numbers, *numbers]
    assert [one["verdict"] for one in by_command(service, *mixed)] == ["valid", "valid"]
    both = offline(service, trust, *mixed)
    assert [one["verdict"] for one in both] == ["valid", "valid"]  # type: ignore[index]


def test_a_line_in_bulk_is_a_question_about_one_holder(service: Instance, anchored: Anchored) -> None:
    with service.client("verify") as client:
        proofs = [client.get(f"/v1/records/{one['id']}/proof").json() for one in anchored[:2]]
        lines = [{"disclosure": anchored[0]["disclosure"], "receipt": proof} for proof in proofs]
        body = "\n".join(json.dumps(line) for line in lines)
        headers = {"Content-Type": "application/x-ndjson"}
        told = client.post("/v1/verify/bulk", content=body, headers=headers).text.splitlines()
    assert [json.loads(line)["code"] for line in told] == ["in_force", "papers_do_not_match"]
