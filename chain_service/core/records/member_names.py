"""What people call the members of a record, in the order in which a clerk compares them with the paper.

Refusals, warnings, the reference, both pages and the browser's verifier all take these words from here.
"""

from __future__ import annotations

from collections.abc import Mapping

from chain_service.core.encoding.text import Text

MEMBERS: Mapping[str, Text] = {
    "kind": Text("记录种类", "kind"),
    "certificateTypeName": Text("证照类型名称", "type name"),
    "certificateName": Text("证照名称", "name"),
    "title": Text("标题", "title"),
    "certificateNumber": Text("证照编号", "number"),
    "documentNumber": Text("文号", "document number"),
    "certificateHolderName": Text("持证主体", "holder"),
    "certificateHolderCode": Text("持证主体代码", "holder code"),
    "certificateHolderTypeCode": Text("持证主体代码类型", "holder code type"),
    "certificateHolderTypeName": Text("持证主体代码类型名称", "holder code type name"),
    "holders": Text("持证主体", "holders"),
    "certificateIssuingAuthorityName": Text("颁发机构名称", "issuing authority"),
    "issuingOrganisationName": Text("制发机构名称", "issuing organisation"),
    "certificateIssuedDate": Text("颁发日期", "date of issue"),
    "issuedDate": Text("制发日期", "date of issue"),
    "certificateEffectiveDate": Text("有效期起始日期", "effective date"),
    "certificateExpiringDate": Text("有效期截止日期", "expiry date"),
    "expiringDate": Text("失效日期", "expiry date"),
    "certificateIdentifier": Text("证照标识", "identifier"),
    "certificateTypeCode": Text("证照类型代码", "type code"),
    "documentTypeCode": Text("文书类型代码", "document type code"),
    "certificateIssuingAuthorityCode": Text("颁发机构代码", "issuing authority code"),
    "issuingOrganisationCode": Text("制发机构代码", "issuing organisation code"),
    "sealCodes": Text("印章编码", "seal codes"),
    "replaces": Text("所取代的记录", "replaced record"),
    "files": Text("文件", "files"),
    "mediaType": Text("媒体类型", "media type"),
    "digests": Text("摘要", "digests"),
    "extension": Text("业务字段", "sector fields"),
}
