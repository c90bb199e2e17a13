"""Identifiers and organisation codes seen in the wild."""

import json
from pathlib import Path

import pytest

from chain_service.core.encoding.digests import sm3
from chain_service.core.records.identifiers import CertificateIdentifier, org_code_checks, parse_org_code
from chain_service.errors import MalformedRecord


@pytest.fixture(scope="module")
def seen(shared: Path) -> dict[str, list[dict[str, object]]]:
    return json.loads((shared / "documents" / "identifiers.json").read_text(encoding="utf-8"))


def test_identifiers_in_use_are_read_and_a_wrong_check_character_is_refused(seen: dict) -> None:
    for example in seen["licence_identifiers"]:
        if example["check_ok"]:
            assert str(CertificateIdentifier.parse(example["value"])) == example["value"]
        else:
            with pytest.raises(MalformedRecord, match="check character"):
                CertificateIdentifier.parse(example["value"])
            mended = example["value"][:-1] + example["expected_check"]
            assert CertificateIdentifier.parse(mended).check == example["expected_check"]


def test_organisation_codes_in_use_are_accepted_also_where_their_check_fails(seen: dict) -> None:
    assert all(org_code_checks(parse_org_code(code)) for code in seen["uscc_ok"])
    legal = seen["uscc_check_fails_but_legally_issued"]
    assert [org_code_checks(parse_org_code(code)) for code in legal] == [False] * len(legal)


def test_sm3_of_abc_is_that_of_the_standard(seen: dict) -> None:
    assert sm3(b"abc").hex() == seen["sm3"]["abc"]
