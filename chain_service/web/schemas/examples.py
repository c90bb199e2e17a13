"""One request for each route that takes a body, as `/openapi.json` shows it; a test sends them to a running service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

_ORG: Final = "1143990000612301XQ"
_DIGEST: Final = "sha-256:9e4b593bd4246505352b1ff36a9927561f443ec85f9c6c330140741114147036"
_QUESTION: Final[Mapping[str, Any]] = {"digest": _DIGEST, "at": "2026-01-31T08:00:00Z"}

DOCUMENT: Final[Mapping[str, Any]] = {
    "kind": "document",
    "documentTypeCode": "notice",
    "documentNumber": "临市监〔2026〕12号",
    "title": "关于开展食品安全检查的通知",
    "issuingOrganisationCode": _ORG,
    "issuedDate": "2026-01-05",
}
SEAL: Final[Mapping[str, Any]] = {
    "sealCode": "43990000061299",
    "sealName": "临澜市市场监督管理局行政审批专用章",
    "ownerCode": _ORG,
    "sealType": "01",
    "digests": {
        "sha-256": "9e4b593bd4246505352b1ff36a9927561f443ec85f9c6c330140741114147036",
        "sm3": "aecd8c46c26a88d141412c24fca15ea4f27e5736b7934c6feae564cb3f0496ef",
    },
    "signerCertificates": ["sha-256:f72d8ae1bc4d7a7cf3b5e81f13f7400e7baa985c877db2c7136afff0cc3d3e67"],
    "validFrom": "2020-01-01",
    "validUntil": "2035-12-31",
}
CATALOG: Final[Mapping[str, Any]] = {
    "catalogCode": "301001/000099",
    "layer": "duty",
    "title": "市场主体登记注册",
    "summary": "依据三定规定，临澜市市场监督管理局负责市场主体登记注册。",
    "legalBasis": "临澜市机构编制委员会文件",
    "providerCode": _ORG,
    "action": "publish",
}
_APPROVAL: Final = {"approval": "5b0f6c2e-3f52-4f0e-9b7f-6a1d8f0c2d11"}
EXAMPLES: Final[Mapping[tuple[str, str], Mapping[str, Any] | str]] = {
    ("/v1/records", "application/json"): DOCUMENT,
    ("/v1/records", "application/x-ndjson"): json.dumps(DOCUMENT, ensure_ascii=False) + "\n",
    ("/v1/records/{record_id}/status", "application/json"): {
        "to": "withdrawn",
        "reasonCode": 1,
        "legalBasis": "行政许可法第七十条",
    },
    ("/v1/records/{record_id}/status/approve", "application/json"): _APPROVAL,
    ("/v1/records/{record_id}/status/refuse", "application/json"): _APPROVAL,
    ("/v1/verify", "application/json"): _QUESTION,
    ("/v1/verify/bulk", "application/x-ndjson"): json.dumps(_QUESTION) + "\n",
    ("/v1/seals", "application/json"): SEAL,
    ("/v1/seals/{code}/state", "application/json"): {"to": "frozen"},
    ("/v1/catalogs", "application/json"): CATALOG,
}
"""Path and media type to the body."""
