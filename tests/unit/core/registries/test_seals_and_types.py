"""What a seal record and a certificate type must say."""

from __future__ import annotations

from typing import Any

import pytest

from chain_service.core.chainproof import storage_layout
from chain_service.core.records.certificate_types import parse_type
from chain_service.core.records.member_names import MEMBERS
from chain_service.core.registries.seals import parse_seal, parse_seal_state, seal_may_follow
from chain_service.errors import MalformedRecord

SEAL: dict[str, Any] = {
    "sealCode": "43990000061230",
    "sealName": "临澜市市场监督管理局",
    "ownerCode": "11430000006122244L",
    "sealType": "01",
    "digests": {"sha-256": "ab" * 32, "sm3": "cd" * 32},
    "signerCertificates": ["sha-256:" + "ef" * 32],
    "validFrom": "2025-01-01",
    "validUntil": "2025-12-31",
}
TYPE: dict[str, Any] = {
    "certificateTypeCode": "11100000000013338W011",
    "certificateTypeName": "食品经营许可证",
    "definingOrganCode": "11100000000013338W",
    "holderCategory": "法人",
    "validity": "5年",
    "level": "地市",
    "labels": {"area": {"zh": "经营面积", "en": "floor space"}, "业态": {"zh": "主体业态", "en": "主体业态"}},
}


def test_a_seals_period_is_both_days_whole_in_chinese_time() -> None:
    seal = parse_seal(SEAL)
    assert seal.to_json()["validFrom"] == "2024-12-31T16:00:00Z"
    assert seal.to_json()["validUntil"] == "2025-12-31T15:59:59Z"
    assert parse_seal(seal.to_json()) == seal


def test_a_time_without_zone_is_chinese_time() -> None:
    assert parse_seal({**SEAL, "validFrom": "2025-01-01T00:00:00"}).valid_from == parse_seal(SEAL).valid_from


def test_a_seal_in_force_is_expired_after_its_last_second_and_a_frozen_one_stays_frozen() -> None:
    seal = parse_seal(SEAL)
    assert seal.state_at(seal.valid_until, "in_force") == "in_force"
    assert seal.state_at(seal.valid_until + 1, "in_force") == "expired"
    assert seal.state_at(seal.valid_until + 1, "frozen") == "frozen"


def test_a_personal_seal_is_refused_by_its_own_code() -> None:
    with pytest.raises(MalformedRecord) as refused:
        parse_seal({**SEAL, "sealType": "05"})
    assert refused.value.code == "personal_seal"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sealCode": "a b"}, "sealCode"),
        ({"sealCode": None}, "sealCode"),
        ({"sealName": " "}, "sealName"),
        ({"ownerCode": "x"}, "ownerCode"),
        ({"sealType": "06"}, "sealType"),
        ({"digests": {"sha-256": "ab" * 32}}, "digests.sm3"),
        ({"digests": {"md5": "ab"}}, "md5"),
        ({"signerCertificates": []}, "signerCertificates"),
        ({"signerCertificates": ["sm3:" + "ef" * 32]}, "signerCertificates.0"),
        ({"signerCertificates": ["sha-256:" + "ef" * 32] * 2}, "signerCertificates.1"),
        ({"signerCertificates": ["x"] * 65}, "signerCertificates"),
        ({"validFrom": "2026-01-01"}, "validUntil"),
        ({"validFrom": "2025-02-30"}, "validFrom"),
        ({"validFrom": "1969-01-01"}, "validFrom"),
        ({"validUntil": "2025-01-01T"}, "validUntil"),
        ({"holder": "x"}, "holder"),
    ],
)
def test_a_malformed_seal_is_refused_by_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedRecord) as refused:
        parse_seal({**SEAL, **change})
    assert refused.value.details["field"] == field


def test_a_seal_freezes_and_thaws_and_is_cancelled_for_good() -> None:
    in_force, frozen, cancelled = (parse_seal_state(name) for name in ("in_force", "frozen", "cancelled"))
    assert (in_force, frozen, cancelled) == (
        storage_layout.SEAL_IN_FORCE,
        storage_layout.SEAL_FROZEN,
        storage_layout.SEAL_CANCELLED,
    )
    allowed = {(a, b) for a in range(5) for b in range(5) if seal_may_follow(a, b)}
    assert allowed == {(in_force, frozen), (frozen, in_force), (in_force, cancelled), (frozen, cancelled)}
    with pytest.raises(MalformedRecord):
        parse_seal_state("expired")


def test_a_type_reads_back_what_it_wrote() -> None:
    kind = parse_type(TYPE)
    assert parse_type(kind.to_json()) == kind
    assert kind.to_json() == TYPE | {"definingOrganName": None}
    without = parse_type({name: value for name, value in TYPE.items() if name != "labels"})
    assert (dict(without.labels), without.to_json()["labels"]) == ({}, None)
    assert parse_type({**TYPE, "labels": {"area": {"zh": "经营面积"}}}).labels["area"].en == "经营面积"


def test_no_label_of_a_sector_field_reads_as_a_member_that_every_record_has() -> None:
    words = [word for text in MEMBERS.values() for word in (text.zh, text.en)]
    assert len(words) > 40
    for word in (*words, "持证主体 2", "持 证 主 体", "ＨＯＬＤＥＲ", "持证主体：", "证照类型", "holder (2)"):
        for label in ({"zh": word}, {"zh": "面积", "en": word}):
            with pytest.raises(MalformedRecord) as refused:
                parse_type({**TYPE, "labels": {"area": label}})
            assert refused.value.details.get("field") == "labels", word
    for word in ("经营面积", "持证主体住所", "法定代表人", "副本数 2"):
        assert parse_type({**TYPE, "labels": {"area": {"zh": word}}}).labels["area"].zh == word


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"certificateTypeCode": "11100000000013338W01"}, "certificateTypeCode"),
        ({"definingOrganCode": "11430000006122244L"}, "certificateTypeCode"),
        ({"certificateTypeName": ""}, "certificateTypeName"),
        ({"holderCategory": "人"}, "holderCategory"),
        ({"level": None}, "level"),
        ({"colour": "red"}, "colour"),
        ({"labels": ["area"]}, "labels"),
        ({"labels": {str(n): {"zh": "项"} for n in range(513)}}, "labels"),
        ({"labels": {"": {"zh": "项"}}}, "labels"),
        ({"labels": {"x" * 129: {"zh": "项"}}}, "labels"),
        ({"labels": {"area": "经营面积"}}, None),
        ({"labels": {"area": {"en": "floor space"}}}, "zh"),
        ({"labels": {"area": {"zh": "长" * 61}}}, "zh"),
        ({"labels": {"area": {"zh": "面积", "fr": "surface"}}}, "fr"),
    ],
)
def test_a_malformed_type_is_refused_by_its_field(change: dict[str, Any], field: str | None) -> None:
    with pytest.raises(MalformedRecord) as refused:
        parse_type({**TYPE, **change})
    assert refused.value.details.get("field") == field
