"""Writes golden.json: examples of everything that is hashed for ever.

Uses hashlib, hmac and json alone, nothing of chain_service, so that the examples say what the bytes should be and not
what the program makes of them. Run it again only to add examples; a changed old one means that old receipts break.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ORG = "11430000006122244L"
SALT = bytes(range(32))
OPEN = {
    "certificate": {
        "kind",
        "certificateTypeCode",
        "certificateIssuingAuthorityCode",
        "certificateIssuedDate",
        "certificateEffectiveDate",
        "certificateExpiringDate",
        "sealCodes",
    },
    "document": {"kind", "documentTypeCode", "issuingOrganisationCode", "issuedDate", "expiringDate", "sealCodes"},
}
CERTIFICATE = {
    "kind": "certificate",
    "certificateTypeCode": "11100000000013338W011",
    "certificateTypeName": "建筑工程施工许可证",
    "certificateNumber": "430101202303310101",
    "certificateIdentifier": "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
    "certificateIssuingAuthorityCode": ORG,
    "certificateIssuedDate": "2023-03-31",
    "certificateExpiringDate": "2028-03-30",
    "holders": [
        {
            "certificateHolderName": "甲 “建设” 有限公司\u2028",
            "certificateHolderCode": "91350100M0001TGQXM",
            "certificateHolderTypeCode": "001",
        },
        {
            "certificateHolderName": "Élodie 𠮷田",
            "certificateHolderCode": "430101199001010015",
            "certificateHolderTypeCode": "111",
        },
    ],
    "files": [{"mediaType": "application/ofd", "digests": {"sha-256": "ab" * 32, "sm3": "cd" * 32}}],
    "sealCodes": ["43010000000001"],
    "extension": {
        "面积": 1200,
        "largest": 2**53 - 1,
        "smallest": -(2**53) + 1,
        "approved": False,
        "lines": ['a\n\t"\\/\u0001\u007f', "é"],
        "nested": {"b": {"z": 1, "é": 2, "a": [0]}, "a": True},
    },
}
WITH_EMPTIES = {
    **CERTIFICATE,
    "certificateName": "",
    "certificateEffectiveDate": None,
    "sealCodes": [None, "43010000000001", ""],
    "extension": {**CERTIFICATE["extension"], "none": None, "blank": "", "hollow": {"a": [[], {}, {"b": [""]}]}},  # type: ignore[dict-item]
}
DOCUMENT = {
    "kind": "document",
    "documentTypeCode": "批复",
    "documentNumber": "湘建许〔2023〕17号",
    "title": "关于同意开工的批复",
    "issuingOrganisationCode": ORG,
    "issuedDate": "2023-03-31",
    "replaces": "6f1c1c1e-6a5b-4c5e-9a3f-0123456789ab",
}
CHANGE = {
    "recordId": "6f1c1c1e-6a5b-4c5e-9a3f-0123456789ab",
    "to": "withdrawn",
    "reasonCode": 2,
    "text": "以欺骗手段取得",
    "legalBasis": "行政许可法第六十九条",
    "officer": "王",
    "at": "2024-05-06T07:08:09Z",
}
CATALOG = {
    "catalogCode": "307001/000012",
    "layer": "data",
    "title": "建筑工程施工许可",
    "providerCode": ORG,
    "items": [{"name": "许可证编号", "dataType": "C", "length": 18}],
    "sharingType": "1",
    "open": False,
    "action": "publish",
    "sequence": 1,
}


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def jcs(value: Any) -> bytes:
    # Equal to RFC 8785 here: integers only, and all names below U+10000.
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def key(salt: bytes, name: str) -> bytes:
    return hmac.new(salt, name.encode(), hashlib.sha256).digest()


def parts(record: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    covered: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    for name, value in record.items():
        if name == "holders":
            covered |= {f"holders.{i}.{n}": v for i, holder in enumerate(value) for n, v in holder.items()}
        elif name == "extension":
            covered |= {f"extension.{n}": v for n, v in value.items()}
        else:
            (shown if name in OPEN[record["kind"]] else covered)[name] = value
    return shown, covered


def record_example(submitted: dict[str, Any], pruned: dict[str, Any], log: bytes, index: int) -> dict[str, Any]:
    shown, covered = parts(pruned)
    keys = {name: key(SALT, name) for name in covered}
    digests = {name: sha(b"chain_service/member/1\0", keys[name], jcs(value)).hex() for name, value in covered.items()}
    body = sha(b"chain_service/record/1\0", key(SALT, ""), jcs({"open": shown, "covered": digests}))
    entry = sha(b"chain_service/entry/1\0", log, index.to_bytes(8, "big"), body)
    return {
        "submitted": submitted,
        "canonical": jcs(pruned).decode(),
        "salt": SALT.hex(),
        "open": shown,
        "keys": {"": key(SALT, "").hex()} | {name: value.hex() for name, value in keys.items()},
        "covered": digests,
        "bodyDigest": body.hex(),
        "index": index,
        "entry": entry.hex(),
        "leafHash": sha(b"\0", entry).hex(),
    }


def golden() -> dict[str, Any]:
    log = ORG.encode() + bytes(10) + (2).to_bytes(4, "big")
    address = bytes(range(1, 21))
    return {
        "log": {"org": ORG, "generation": 2, "id": log.hex()},
        "foundingEntry": {
            "chainId": 20240601,
            "recordLog": "0x" + address.hex(),
            "entry": sha(b"chain_service/log/1\0", (20240601).to_bytes(8, "big"), address, log).hex(),
        },
        "records": [
            record_example(CERTIFICATE, CERTIFICATE, log, 1),
            record_example(WITH_EMPTIES, CERTIFICATE, log, 1),
            record_example(DOCUMENT, DOCUMENT, log, 2**40 + 7),
        ],
        "change": {
            "record": CHANGE,
            "salt": SALT.hex(),
            "digest": sha(b"chain_service/change/1\0", SALT, jcs(CHANGE)).hex(),
        },
        "catalog": {"version": CATALOG, "digest": sha(jcs(CATALOG)).hex()},
    }


def text() -> str:
    return json.dumps(golden(), ensure_ascii=True, indent=1) + "\n"


if __name__ == "__main__":
    (HERE / "golden.json").write_text(text(), encoding="utf-8")
