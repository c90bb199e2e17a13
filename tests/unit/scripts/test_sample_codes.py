"""Codes and check characters of the sample data, recomputed here from the standards without any of our own code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "samples.py"
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ALL = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("samples")
    subprocess.run([sys.executable, str(SCRIPT), "--out", str(folder), "--n", "60"], check=True, capture_output=True)
    lines = [line for path in sorted(folder.glob("certificates-*")) for line in path.read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines]


def uscc_checks(code: str) -> bool:
    """GB 32100 over positions 1 to 17, GB 11714 over positions 9 to 16."""
    total = sum(USCC.index(code[i]) * pow(3, i, 31) for i in range(17))
    body = sum(ALL.index(code[8 + i]) * weight for i, weight in enumerate((3, 7, 9, 10, 5, 8, 4, 2)))
    return USCC[-total % 31] == code[17] and "0X987654321"[body % 11] == code[16]


def mod_37_36_checks(text: str) -> bool:
    """ISO 7064 hybrid system MOD 37,36, check character included."""
    p = 36
    for letter in text[:-1]:
        p = ((p + ALL.index(letter)) % 36 or 36) * 2 % 37
    return (p + ALL.index(text[-1])) % 36 == 1


def citizen_number_checks(number: str) -> bool:
    """ISO 7064 MOD 11-2, check character included."""
    return sum(("0123456789X".index(digit)) * pow(2, 17 - i, 11) for i, digit in enumerate(number)) % 11 == 1


def test_the_checks_here_accept_a_known_code_and_identifier() -> None:
    assert uscc_checks("11430000006122244L")
    assert mod_37_36_checks("11100000000013338W01111430000006122244L20230000403001U")


def test_organisation_codes_and_identifiers_check(certificates: list[dict[str, Any]]) -> None:
    for value in certificates:
        assert uscc_checks(value["certificateIssuingAuthorityCode"])
        assert uscc_checks(value["certificateTypeCode"][:18])
        parts = value["certificateIdentifier"].removeprefix("1.2.156.3005.2.").split(".")
        assert parts[:2] == [value["certificateTypeCode"], value["certificateIssuingAuthorityCode"]]
        assert mod_37_36_checks("".join(parts))


def test_holders_are_companies_or_citizens_with_codes_that_check(certificates: list[dict[str, Any]]) -> None:
    kinds = set()
    for value in certificates:
        for holder in value["holders"]:
            kinds.add(holder["certificateHolderTypeCode"])
            company = holder["certificateHolderTypeCode"] == "001"
            assert (uscc_checks if company else citizen_number_checks)(holder["certificateHolderCode"])
    assert kinds == {"001", "111"}
