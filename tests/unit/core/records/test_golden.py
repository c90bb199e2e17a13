"""What was once hashed is hashed the same for ever: tests/golden, made by code that shares nothing with ours."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from chain_service.core.log.merkle import leaf_hash
from chain_service.core.records.disclosure import Disclosure, parse_disclosure, reveal
from chain_service.core.records.hashing import (
    MemberKeys,
    body_digest,
    catalog_digest,
    change_digest,
    covered_digests,
    founding_entry,
    log_id,
    member_digest,
    member_key,
    parse_log_id,
    parse_salt,
    record_entry,
)
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.record import parse_record

FOLDER = Path(__file__).parents[3] / "golden"
GOLDEN = json.loads((FOLDER / "golden.json").read_text(encoding="utf-8"))
LOG = log_id(OrgCode(GOLDEN["log"]["org"]), GOLDEN["log"]["generation"])


def test_making_the_golden_file_again_leaves_no_difference() -> None:
    made = runpy.run_path(str(FOLDER / "make.py"))["text"]()
    assert made == (FOLDER / "golden.json").read_text(encoding="utf-8")


def test_a_log_is_named_by_organisation_and_generation() -> None:
    assert LOG.hex() == GOLDEN["log"]["id"]
    assert parse_log_id(LOG) == (GOLDEN["log"]["org"], GOLDEN["log"]["generation"])


def test_the_founding_entry_binds_chain_contract_and_log() -> None:
    example = GOLDEN["foundingEntry"]
    address = bytes.fromhex(example["recordLog"].removeprefix("0x"))
    assert founding_entry(example["chainId"], address, LOG).hex() == example["entry"]


@pytest.mark.parametrize("example", GOLDEN["records"])
def test_a_record_is_hashed_as_ever(example: dict[str, Any]) -> None:
    record = parse_record(example["submitted"])
    salt = parse_salt(example["salt"])
    keys = MemberKeys(salt)
    assert record.canonical.decode() == example["canonical"]
    assert record.open == example["open"]
    assert {name: keys(name).hex() for name in ("", *record.covered)} == example["keys"]
    assert covered_digests(record, keys) == example["covered"]
    assert body_digest(record, salt).hex() == example["bodyDigest"]
    entry = record_entry(LOG, example["index"], body_digest(record, salt))
    assert entry.hex() == example["entry"]
    assert leaf_hash(entry).hex() == example["leafHash"]


@pytest.mark.parametrize("example", GOLDEN["records"])
def test_every_disclosure_of_a_record_leads_to_its_body_digest(example: dict[str, Any]) -> None:
    record, salt = parse_record(example["submitted"]), parse_salt(example["salt"])
    whole = parse_disclosure({"record": example["submitted"], "salt": example["salt"]})
    assert isinstance(whole, Disclosure)
    assert whole.body_digest.hex() == example["bodyDigest"]
    for names in ([], list(record.covered)[:1], list(record.covered)):
        partial = parse_disclosure(json.dumps(reveal(record, salt, names).to_json()).encode())
        assert partial.body_digest.hex() == example["bodyDigest"]
        assert set(partial.members) == set(names)


@pytest.mark.parametrize("example", GOLDEN["records"])
def test_the_loop_that_hashes_members_agrees_with_the_rule_for_one(example: dict[str, Any]) -> None:
    record, salt = parse_record(example["submitted"]), parse_salt(example["salt"])
    single = {name: member_digest(member_key(salt, name), value).hex() for name, value in record.covered.items()}
    assert single == example["covered"]


def test_status_changes_and_catalog_versions_are_hashed_as_ever() -> None:
    change, catalog = GOLDEN["change"], GOLDEN["catalog"]
    assert change_digest(change["record"], parse_salt(change["salt"])).hex() == change["digest"]
    assert change_digest(change["record"] | {"successor": None}, parse_salt(change["salt"])).hex() == change["digest"]
    assert catalog_digest(catalog["version"]).hex() == catalog["digest"]
