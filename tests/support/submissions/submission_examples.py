"""One good example of each thing that can be submitted, with every member it can have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chain_service.core.records.certificate_types import parse_type
from chain_service.core.records.record import parse_record
from chain_service.core.records.states import parse_change_request
from chain_service.core.registries.catalogs import parse_catalog
from chain_service.core.registries.seals import parse_seal

ORG = "11430000006122244L"
TYPE = "11100000000013338W011"
RECORD_ID = "6f1c1c1e-6a5b-4c5e-9a3f-0123456789ab"
HOLDER = {
    "certificateHolderName": "甲公司",
    "certificateHolderCode": "91350100M0001TGQXM",
    "certificateHolderTypeCode": "001",
    "certificateHolderTypeName": "统一社会信用代码",
}
FILES = [{"mediaType": "application/ofd", "digests": {"sha-256": "ab" * 32, "sm3": "cd" * 32}}]
SAMPLES: Mapping[str, dict[str, Any]] = {
    "certificate": {
        "kind": "certificate",
        "certificateTypeCode": TYPE,
        "certificateTypeName": "食品经营许可证",
        "certificateName": "食品经营许可证",
        "certificateNumber": "430101202303310101",
        "certificateIdentifier": f"1.2.156.3005.2.{TYPE}.{ORG}.20230000403.001.U",
        "certificateIssuingAuthorityCode": ORG,
        "certificateIssuingAuthorityName": "某局",
        "certificateIssuedDate": "2023-03-31",
        "certificateEffectiveDate": "2023-04-01",
        "certificateExpiringDate": "2028-03-31",
        "holders": [HOLDER],
        "files": FILES,
        "sealCodes": ["43990000061230"],
        "replaces": RECORD_ID,
        "extension": {"area": 120, "list": [1, {"x": True}]},
    },
    "document": {
        "kind": "document",
        "documentTypeCode": "批复",
        "documentNumber": "湘建许〔2023〕17号",
        "issuingOrganisationCode": ORG,
        "issuedDate": "2023-03-31",
        "expiringDate": "2028-03-31",
        "title": "关于某事的批复",
        "files": FILES,
        "sealCodes": ["43990000061230"],
        "replaces": RECORD_ID,
        "extension": {"area": 120},
    },
    "seal": {
        "sealCode": "43990000061230",
        "sealName": "某局",
        "ownerCode": ORG,
        "sealType": "01",
        "digests": {"sha-256": "ab" * 32, "sm3": "cd" * 32},
        "signerCertificates": ["sha-256:" + "ef" * 32],
        "validFrom": "2025-01-01",
        "validUntil": "2025-12-31T08:00:00Z",
    },
    "catalog-entry": {
        "catalogCode": "301001/000001",
        "layer": "data",
        "title": "企业登记",
        "providerCode": ORG,
        "summary": "说明",
        "format": "3",
        "items": [{"name": "名称", "dataType": "C", "length": 0}, {"name": "代码"}],
        "sharingType": "2",
        "sharingCondition": "条件",
        "sharingMethod": "1",
        "legalBasis": "条例",
        "classification": "二级",
        "open": False,
        "updateCycle": "4",
        "links": ["301001/000002"],
        "action": "publish",
        "sequence": 1,
        "previous": "sha-256:" + "0" * 64,
        "extension": {"note": "x"},
    },
    "status-change": {
        "to": "superseded",
        "reasonCode": 8,
        "text": "说明",
        "legalBasis": "条例",
        "successor": RECORD_ID,
        "ifState": "suspended/3",
    },
    "certificate-type": {
        "certificateTypeCode": TYPE,
        "certificateTypeName": "食品经营许可证",
        "definingOrganCode": TYPE[:18],
        "definingOrganName": "某部",
        "holderCategory": "法人",
        "validity": "5年",
        "level": "地市",
        "labels": {"area": {"zh": "经营面积", "en": "floor space"}},
    },
}
PARSERS: Mapping[str, Callable[[object], object]] = {
    "certificate": parse_record,
    "document": parse_record,
    "seal": parse_seal,
    "catalog-entry": parse_catalog,
    "status-change": parse_change_request,
    "certificate-type": parse_type,
}
