"""Names in verdicts come from the registries; texts that hide something are accepted at no door."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chain_service.core.records.disclosure import reveal
from chain_service.core.records.hashing import parse_salt
from chain_service.core.records.record import parse_record
from chain_service.errors import ChainServiceError, MalformedRecord
from chain_service.jobs.anchoring import change_state, publish_catalogs, register_seals
from chain_service.jobs.instance import certificate_types
from chain_service.jobs.registries import organisations
from chain_service.store import types as stored_types
from support.worlds.jobs_city import FOOD, TRADE, City


def listed(city: City, name: str, code: str = FOOD, **other: Any) -> None:
    entry = {
        "certificateTypeCode": code,
        "certificateTypeName": name,
        "definingOrganCode": code[:18],
        "holderCategory": "法人",
        "level": "地市",
        **other,
    }
    certificate_types.add_type(city.app, entry)


def test_a_verdict_calls_type_and_issuer_by_their_registered_names(city: City) -> None:
    listed(city, "食品经营许可证")
    org = city.organisation()
    own = {"certificateTypeName": "营业执照", "certificateIssuingAuthorityName": "国家最高机关"}
    (id,) = city.anchor(org, org.certificate(**own))
    told = city.verify(disclosure=city.disclosure(org, id)).to_json()
    names = told["record"]["names"]
    assert names["type"]["name"] == "食品经营许可证"
    assert names["issuer"]["name"] == f"临澜市第{org.code[8:16]}局"
    assert {one["source"] for one in names.values()} == {"registry"}
    assert [one["code"] for one in told["warnings"]] == ["name_differs", "name_differs"]
    assert told["record"]["members"]["certificateTypeName"] == "营业执照"


def test_a_type_that_is_renamed_keeps_its_former_names(city: City) -> None:
    org = city.organisation()
    listed(city, "旧式贸易许可证", TRADE)
    (id,) = city.anchor(org, org.certificate(type_code=TRADE, certificateTypeName="旧式贸易许可证"))
    listed(city, "贸易经营许可证", TRADE)
    listed(city, "贸易经营许可证", TRADE)
    told = city.verify(disclosure=city.disclosure(org, id)).to_json()
    assert (told["record"]["names"]["type"]["name"], told["warnings"]) == ("贸易经营许可证", [])
    with city.app.database.reading() as connection:
        names = [name for _, name in stored_types.names(connection, [TRADE])[TRADE]]
    assert names[-2:] == ["旧式贸易许可证", "贸易经营许可证"]


def test_sector_fields_go_by_the_labels_of_their_type(city: City) -> None:
    labels = {"area": {"zh": "经营面积", "en": "floor space"}, "unused": {"zh": "未用", "en": "unused"}}
    listed(city, "食品经营许可证", labels=labels)
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate(extension={"area": "80", "other": "x"}))
    whole = city.disclosure(org, id)
    told = city.verify(disclosure=whole).to_json()
    assert told["record"]["labels"] == {"area": labels["area"]}
    read = json.loads(whole)
    partial = reveal(parse_record(read["record"]), parse_salt(read["salt"]), ["certificateNumber"])
    told = city.verify(disclosure=json.dumps(partial.to_json()).encode()).to_json()
    (warned,) = [one for one in told["warnings"] if one["code"] == "members_hidden"]
    assert "经营面积" in warned["message"]["zh"] and "业务字段 other" in warned["message"]["zh"]
    assert "floor space" in warned["message"]["en"] and "sector field other" in warned["message"]["en"]
    # who presents nothing of it learns no field, and a document takes no label
    (paper,) = city.anchor(org, org.document(extension={"area": "80"}))
    assert "labels" not in city.verify(disclosure=city.disclosure(org, paper)).to_json()["record"]
    # an altered entry names nothing and ends no verdict
    with city.app.database.transaction() as connection:
        entry = stored_types.find(connection, FOOD)
        assert entry is not None
        stored_types.put(connection, replace(entry, body={**entry.body, "labels": {"area": 7}}))
    told = city.verify(disclosure=whole).to_json()
    assert told["verdict"] == "valid" and "labels" not in told["record"]
    listed(city, "食品经营许可证")


def test_labels_with_hidden_characters_are_refused(city: City) -> None:
    for labels in ({"area": {"zh": "面\u202e积"}}, {"ar\u200bea": {"zh": "面积"}}):
        with pytest.raises(MalformedRecord) as refused:
            listed(city, "食品经营许可证", labels=labels)
        assert refused.value.code == "hidden_character"


def test_a_document_cannot_have_the_type_code_of_certificates(city: City) -> None:
    listed(city, "食品经营许可证")
    org = city.organisation()
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in FOOD)
    for code in (FOOD, FOOD.lower(), wide, FOOD[:4] + " " + FOOD[4:]):
        with pytest.raises(MalformedRecord) as refused:
            city.submit(org, org.document(), org.document(documentTypeCode=code))
        assert (refused.value.code, refused.value.details["line"]) == ("type_is_certificate", 2)


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\x85", "\ufffd"])
def test_texts_with_hidden_characters_are_accepted_at_no_door(city: City, character: str) -> None:
    org = city.organisation()
    name = f"证{character}照"
    holders = [{**org.certificate()["holders"][0], "certificateHolderName": name}]
    entry = {
        "catalogCode": "307001/000099",
        "layer": "data",
        "title": name,
        "providerCode": org.code,
        "summary": "摘要",
        "format": "3",
        "items": [{"name": "名称", "dataType": "C", "length": 10}],
        "sharingType": "1",
        "sharingMethod": "1",
        "updateCycle": "2",
        "action": "publish",
    }
    seal = {
        "sealCode": "43990000999999",
        "sealName": name,
        "ownerCode": org.code,
        "sealType": "02",
        "digests": {"sha-256": "ab" * 32, "sm3": "cd" * 32},
        "signerCertificates": ["sha-256:" + "ab" * 32],
        "validFrom": "2025-01-01",
        "validUntil": "2030-01-01",
    }
    (id,) = city.anchor(org, org.certificate())
    doors: dict[str, Any] = {
        "holders.0.certificateHolderName": lambda: city.submit(org, org.certificate(holders=holders)),
        "title": lambda: city.submit(org, org.document(title=name)),
        "extension.scope": lambda: city.submit(org, org.certificate(extension={"scope": name})),
        "sealName": lambda: register_seals.register_seal(city.app, org.caller, seal),
        "certificateTypeName": lambda: listed(city, name),
        "NAME": lambda: organisations.add(city.app, org.code, name),
        "legalBasis": lambda: change_state.change_status(city.app, org.caller, id, "withdrawn", 1, legal_basis=name),
        "": lambda: publish_catalogs.publish(city.app, org.caller, entry),
    }
    for field, door in doors.items():
        with pytest.raises(ChainServiceError) as refused:
            door()
        assert refused.value.code == "hidden_character", field
        assert refused.value.details["character"] == f"U+{ord(character):04X}"
        assert refused.value.details["field"] == (field or "title")
