"""What can be shown of a record, and what cannot be pretended."""

import copy
import json
from typing import Any

import pytest

from chain_service.core.records.disclosure import Disclosure, PartialDisclosure, parse_disclosure, reveal
from chain_service.core.records.hashing import Salt, body_digest, member_digest, member_key
from chain_service.core.records.record import parse_record
from chain_service.errors import BadRequest, InvalidProof, MalformedDocument

ORG = "11430000006122244L"
TYPE = "11100000000013338W011"
SALT = Salt(bytes(range(32)))
RECORD = parse_record(
    {
        "kind": "certificate",
        "certificateTypeCode": TYPE,
        "certificateNumber": "430101202303310101",
        "certificateIdentifier": f"1.2.156.3005.2.{TYPE}.{ORG}.20230000403.001.U",
        "certificateIssuingAuthorityCode": ORG,
        "certificateIssuedDate": "2023-03-31",
        "certificateExpiringDate": "2028-03-30",
        "holders": [
            {"certificateHolderName": name, "certificateHolderCode": "1", "certificateHolderTypeCode": "111"}
            for name in ("甲", "乙")
        ],
        "extension": {"area": 1200, "remarks": ["a"]},
    }
)
SHOWN = ["holders.1.certificateHolderName", "extension.remarks", "certificateIdentifier"]


def partial_json() -> dict[str, Any]:
    return copy.deepcopy(json.loads(json.dumps(reveal(RECORD, SALT, SHOWN).to_json())))


def refused(value: object) -> MalformedDocument:
    with pytest.raises(MalformedDocument) as error:
        parse_disclosure(value)
    return error.value


def listed(**values: Any) -> dict[str, str]:
    """Covered members as an issuer with a program of its own could hash them."""
    return {name: member_digest(member_key(SALT, name), value).hex() for name, value in values.items()}


def test_a_whole_disclosure_shows_everything() -> None:
    whole = parse_disclosure(json.dumps({"record": dict(RECORD.body), "salt": SALT.hex()}).encode())
    assert isinstance(whole, Disclosure)
    assert (whole.record, whole.salt) == (RECORD, SALT)
    assert (whole.kind, whole.org, whole.type_code) == ("certificate", ORG, TYPE)
    assert (whole.open, whole.members) == (RECORD.open, RECORD.covered)
    assert whole.body_digest == body_digest(RECORD, SALT)
    assert parse_disclosure(whole.to_json()) == whole


def test_a_partial_disclosure_shows_open_and_revealed_members_only() -> None:
    partial = parse_disclosure(partial_json())
    assert isinstance(partial, PartialDisclosure)
    assert (partial.kind, partial.org, partial.type_code) == ("certificate", ORG, TYPE)
    assert partial.open == RECORD.open
    assert partial.members == {
        "holders.1.certificateHolderName": "乙",
        "extension.remarks": ["a"],
        "certificateIdentifier": RECORD.identifier,
    }
    assert partial.body_digest == body_digest(RECORD, SALT)
    text = json.dumps(partial.to_json(), ensure_ascii=False)
    assert "乙" in text
    assert "甲" not in text
    assert SALT.hex() not in text


def test_revealing_an_open_member_changes_nothing_and_an_unknown_one_is_refused() -> None:
    assert reveal(RECORD, SALT, ["kind"]) == reveal(RECORD, SALT, [])
    with pytest.raises(BadRequest) as error:
        reveal(RECORD, SALT, ["holders.2.certificateHolderName"])
    assert error.value.code == "unknown_member"


@pytest.mark.parametrize("part", ["value", "key"])
def test_another_value_or_key_than_the_hashed_one_is_a_mismatch(part: str) -> None:
    value = partial_json()
    shown = value["revealed"]["holders.1.certificateHolderName"]
    shown[part] = "丙" if part == "value" else "00" * 32
    with pytest.raises(InvalidProof) as error:
        parse_disclosure(value)
    assert error.value.code == "record_mismatch"
    assert error.value.details == {"field": "holders.1.certificateHolderName"}


def test_a_key_of_one_member_opens_no_other() -> None:
    value = partial_json()
    shown = value["revealed"].pop("holders.1.certificateHolderName")
    value["revealed"]["holders.0.certificateHolderName"] = shown
    with pytest.raises(InvalidProof):
        parse_disclosure(value)


def test_whatever_is_changed_in_open_or_covered_leads_to_another_body_digest() -> None:
    good = body_digest(RECORD, SALT)
    value = partial_json()
    value["open"]["certificateExpiringDate"] = "2030-01-01"
    assert parse_disclosure(value).body_digest != good
    value = partial_json()
    del value["open"]["certificateExpiringDate"]
    assert parse_disclosure(value).body_digest != good
    value = partial_json()
    value["covered"]["extension.area"] = "00" * 32
    assert parse_disclosure(value).body_digest != good
    value = partial_json()
    del value["covered"]["extension.area"]
    assert parse_disclosure(value).body_digest != good
    value = partial_json()
    value["key"] = "00" * 32
    assert parse_disclosure(value).body_digest != good


@pytest.mark.parametrize(
    "extra",
    [
        listed(certificateExpiringDate="2020-01-01"),
        listed(kind="certificate"),
        listed(title="of documents"),
        listed(holders=[]),
        listed(extension={}),
        listed(**{"holders.3.certificateHolderName": "丁"}),
        listed(**{"holders.2.certificateHolderName": "丁"}),
        listed(**{"holders.01.certificateHolderName": "丁"}),
        listed(**{"holders.1.phone": "1"}),
        listed(**{"extension.": 1}),
        listed(**{"extension." + "x" * 129: 1}),
        {"certificateName": "AA" * 32},
        {"certificateName": "aa" * 31},
        {f"extension.{i}": "aa" * 32 for i in range(1000)},
    ],
)
def test_covered_names_that_no_record_has_are_refused(extra: dict[str, str]) -> None:
    value = partial_json()
    value["covered"] |= extra
    refused(value)


@pytest.mark.parametrize(
    "missing", ["certificateNumber", "holders.0.certificateHolderName", "holders.1.certificateHolderTypeCode"]
)
def test_a_mandatory_member_cannot_be_kept_out(missing: str) -> None:
    value = partial_json()
    del value["covered"][missing]
    refused(value)


def test_a_revealed_member_must_be_listed_and_have_the_form_it_has_in_a_record() -> None:
    value = partial_json()
    value["revealed"]["certificateName"] = {"value": "x", "key": "00" * 32}
    assert refused(value).details["field"] == "revealed.certificateName"
    for name, wrong in (("certificateNumber", 5), ("extension.area", None), ("extension.area", [""])):
        value = partial_json()
        value["covered"] |= listed(**{name: wrong})
        value["revealed"][name] = {"value": wrong, "key": member_key(SALT, name).hex()}
        refused(value)


def test_a_revealed_identifier_must_belong_to_the_open_type_and_issuer() -> None:
    value = partial_json()
    value["open"]["certificateTypeCode"] = TYPE[:-1] + "2"
    assert refused(value).details["field"] == "certificateIdentifier"


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("certificateIssuedDate", None),
        ("certificateIssuedDate", "2023-02-30"),
        ("certificateExpiringDate", "2020-01-01"),
        ("certificateExpiringDate", ""),
        ("certificateNumber", "430101202303310101"),
        ("kind", "document"),
        ("sealCodes", []),
    ],
)
def test_open_members_have_the_form_they_have_in_a_record(name: str, member: object) -> None:
    value = partial_json()
    value["open"][name] = member
    refused(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        b"",
        b"{}",
        {"record": dict(RECORD.body)},
        {"record": dict(RECORD.body), "salt": SALT.hex().upper() + "AA"},
        {"record": dict(RECORD.body), "salt": SALT.hex(), "more": 1},
        {"record": {"kind": "certificate"}, "salt": SALT.hex()},
        {"open": {}, "covered": {}, "key": "", "revealed": {}},
        {"open": [], "covered": 1, "key": None, "revealed": "x"},
        partial_json() | {"revealed": {"extension.area": {"value": 1}}},
        partial_json() | {"revealed": {"extension.area": 1}},
        partial_json() | {"revealed": []},
        partial_json() | {"covered": {}},
        b'{"record":' + b" " * 1024 * 1024 + b"1}",
    ],
)
def test_what_is_no_disclosure_is_refused(value: object) -> None:
    refused(value)
