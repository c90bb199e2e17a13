"""Which records are taken, and how a refusal names the member that is wrong."""

import json
from datetime import date
from typing import Any

import pytest

from chain_service.core.records.identifiers import CertificateIdentifier, TypeCode
from chain_service.core.records.record import MAX_RECORD_BYTES, Remark, parse_record
from chain_service.errors import MalformedRecord

ORG = "11430000006122244L"
TYPE = "11100000000013338W011"
HOLDER = {
    "certificateHolderName": "甲公司",
    "certificateHolderCode": "91350100M0001TGQXM",
    "certificateHolderTypeCode": "001",
}


def certificate(**members: Any) -> dict[str, Any]:
    return {
        "kind": "certificate",
        "certificateTypeCode": TYPE,
        "certificateNumber": "430101202303310101",
        "certificateIdentifier": f"1.2.156.3005.2.{TYPE}.{ORG}.20230000403.001.U",
        "certificateIssuingAuthorityCode": ORG,
        "certificateIssuedDate": "2023-03-31",
        "holders": [HOLDER],
    } | members


def document(**members: Any) -> dict[str, Any]:
    return {
        "kind": "document",
        "documentTypeCode": "批复",
        "documentNumber": "湘建许〔2023〕17号",
        "issuingOrganisationCode": ORG,
    } | members


def field_refused(value: object) -> str:
    with pytest.raises(MalformedRecord) as refused:
        parse_record(value)
    return str(refused.value.details["field"])


def test_a_certificate_is_read() -> None:
    record = parse_record(
        certificate(
            certificateEffectiveDate="2023-04-01",
            certificateExpiringDate="2028-03-31",
            sealCodes=["4301"],
            files=[{"digests": {"sm3": "ab" * 32}}],
            replaces="6f1c1c1e-6a5b-4c5e-9a3f-0123456789ab",
        )
    )
    assert (record.kind, record.org, record.type_code) == ("certificate", ORG, TYPE)
    assert record.identity == record.identifier == f"1.2.156.3005.2.{TYPE}.{ORG}.20230000403.001.U"
    assert record.holder_names == ("甲公司",)
    assert (record.issued, record.effective, record.expiring) == (
        date(2023, 3, 31),
        date(2023, 4, 1),
        date(2028, 3, 31),
    )
    assert (record.seal_codes, record.replaces) == (("4301",), "6f1c1c1e-6a5b-4c5e-9a3f-0123456789ab")
    assert record.files == ({"digests": {"sm3": "ab" * 32}},)
    assert record.warnings == ()


def test_a_document_is_known_by_type_and_number() -> None:
    record = parse_record(document(expiringDate="2030-01-01"))
    assert record.identity == "批复\x1f湘建许〔2023〕17号"
    assert (record.identifier, record.issued, record.effective) == (None, None, None)
    assert record.expiring == date(2030, 1, 1)
    assert record.holder_names == ()


def test_text_object_and_empties_lead_to_the_same_record() -> None:
    plain = parse_record(certificate())
    padded = certificate(
        title_is_not_here={}, certificateName="", sealCodes=[None, ""], files=None, holders=[{}, HOLDER, None]
    )
    del padded["title_is_not_here"]
    assert parse_record(padded).canonical == plain.canonical
    assert parse_record(json.dumps(padded, indent=2).encode()) == parse_record(padded)
    assert parse_record(plain.canonical) == plain


def test_open_members_and_covered_ones_make_up_the_record() -> None:
    record = parse_record(certificate(extension={"a": 1, "b": {"c": True}}, sealCodes=["1"]))
    assert set(record.open) == {
        "kind",
        "certificateTypeCode",
        "certificateIssuingAuthorityCode",
        "certificateIssuedDate",
        "sealCodes",
    }
    assert set(record.covered) == {
        "certificateNumber",
        "certificateIdentifier",
        "holders.0.certificateHolderName",
        "holders.0.certificateHolderCode",
        "holders.0.certificateHolderTypeCode",
        "extension.a",
        "extension.b",
    }


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"kind": "licence"}, "kind"),
        ({"kind": ["certificate"]}, "kind"),
        ({"unknown": 1}, "unknown"),
        ({"unknown": None}, "unknown"),
        ({"title": "of documents"}, "title"),
        ({"certificateNumber": None}, "certificateNumber"),
        ({"certificateNumber": 17}, "certificateNumber"),
        ({"certificateNumber": " 17"}, "certificateNumber"),
        ({"certificateNumber": "1\x1f7"}, "certificateNumber"),
        ({"certificateNumber": "1" * 129}, "certificateNumber"),
        ({"certificateName": "a\nb"}, "certificateName"),
        ({"certificateName": "\ud800"}, "certificateName"),
        ({"certificateTypeCode": TYPE[:-1]}, "certificateTypeCode"),
        ({"certificateIssuingAuthorityCode": ORG.lower()}, "certificateIssuingAuthorityCode"),
        ({"certificateIssuingAuthorityCode": ORG + "\n"}, "certificateIssuingAuthorityCode"),
        ({"certificateIdentifier": "1.2.3"}, "certificateIdentifier"),
        ({"certificateIssuedDate": "2023-02-29"}, "certificateIssuedDate"),
        ({"certificateIssuedDate": "0000-01-01"}, "certificateIssuedDate"),
        ({"certificateIssuedDate": "20230228"}, "certificateIssuedDate"),
        ({"certificateIssuedDate": "2023-W08-2"}, "certificateIssuedDate"),
        ({"certificateExpiringDate": "2023-03-30"}, "certificateExpiringDate"),
        (
            {"certificateEffectiveDate": "2024-01-02", "certificateExpiringDate": "2024-01-01"},
            "certificateExpiringDate",
        ),
        ({"holders": []}, "holders"),
        ({"holders": [{}]}, "holders"),
        ({"holders": HOLDER}, "holders"),
        ({"holders": [HOLDER] * 65}, "holders"),
        ({"holders": [HOLDER, HOLDER | {"certificateHolderCode": ""}]}, "holders.1.certificateHolderCode"),
        ({"holders": [HOLDER | {"certificateHolderTypeCode": "1"}]}, "holders.0.certificateHolderTypeCode"),
        ({"holders": [HOLDER | {"phone": "1"}]}, "holders.0.phone"),
        ({"files": [{"mediaType": "application/pdf", "digests": {}}]}, "files.0.digests"),
        ({"files": [{"mediaType": "application/pdf"}]}, "files.0.digests"),
        ({"files": [{"mediaType": "pdf", "digests": {"sm3": "ab" * 32}}]}, "files.0.mediaType"),
        ({"files": [{"digests": {"sm3": "AB" * 32}}]}, "files.0.digests.sm3"),
        ({"files": [{"digests": {"md5": "ab" * 16}}]}, "files.0.digests.md5"),
        ({"files": [{"digests": {"sm3": "ab" * 32}}] * 65}, "files"),
        ({"sealCodes": ["a b"]}, "sealCodes.0"),
        ({"sealCodes": [str(i) for i in range(33)]}, "sealCodes"),
        ({"replaces": "6F1C1C1E-6A5B-4C5E-9A3F-0123456789AB"}, "replaces"),
        ({"extension": []}, None),
        ({"extension": [1]}, "extension"),
        ({"extension": {"a": 1.5}}, "extension.a"),
        ({"extension": {"a": [[[[[[[["too deep"]]]]]]]]}}, "extension.a.0.0.0.0.0.0.0"),
        ({"extension": {"x" * 129: 1}}, "extension"),
        ({"extension": {"": 1}}, "extension"),
        ({"extension": {str(i): 1 for i in range(513)}}, "extension"),
        ({"extension": {"a": "x" * MAX_RECORD_BYTES}}, ""),
    ],
)
def test_a_wrong_member_is_refused_by_its_path(members: dict[str, Any], field: str | None) -> None:
    if field is None:
        assert parse_record(certificate(**members)) == parse_record(certificate())
    else:
        assert field_refused(certificate(**members)) == field


@pytest.mark.parametrize("missing", ["documentTypeCode", "documentNumber", "issuingOrganisationCode", "kind"])
def test_a_document_has_its_mandatory_members(missing: str) -> None:
    value = document()
    del value[missing]
    assert field_refused(value) == missing


@pytest.mark.parametrize("value", [None, [], "text", 5, b"", b"[]", b'{"kind":"document","kind":"document"}'])
def test_what_is_no_object_is_refused(value: object) -> None:
    field_refused(value)


def test_an_identifier_of_another_type_or_issuer_is_refused() -> None:
    other_type = TypeCode(TYPE[:-1] + "2")
    identifier = str(CertificateIdentifier(other_type, ORG, "20230000403", "001"))
    assert field_refused(certificate(certificateIdentifier=identifier)) == "certificateIdentifier"
    identifier = str(CertificateIdentifier(TypeCode(TYPE), "11110000000021135M", "20230000403", "001"))
    assert field_refused(certificate(certificateIdentifier=identifier)) == "certificateIdentifier"


def test_oddities_that_are_legal_are_remarked_only() -> None:
    odd = "91350100M0001TGQXM"
    identifier = str(CertificateIdentifier(TypeCode(TYPE), "340100", "000000016", "001"))
    record = parse_record(certificate(certificateIssuingAuthorityCode=odd, certificateIdentifier=identifier))
    assert record.warnings == (
        Remark("org_code_check_fails", "certificateIssuingAuthorityCode"),
        Remark("identifier_issuer_not_org_code", "certificateIdentifier"),
    )


def test_a_refusal_repeats_nothing_of_the_record() -> None:
    with pytest.raises(MalformedRecord) as refused:
        parse_record(certificate(holders=[HOLDER | {"certificateHolderCode": "secret\n"}]))
    assert "secret" not in refused.value.message + str(refused.value.details)
