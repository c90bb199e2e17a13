"""What people call the members of a record."""

from __future__ import annotations

from collections.abc import Mapping

from chain_service.core.encoding.text import Text

MEMBERS: Mapping[str, Text] = {
    "certificateTypeName": Text("证照类型名称", "type name"),
    "certificateName": Text("证照名称", "name"),
    "title": Text("标题", "title"),
    "certificateNumber": Text("证照编号", "number"),
    "documentNumber": Text("文号", "document number"),
    "certificateIdentifier": Text("证照标识", "identifier"),
    "certificateHolderName": Text("持证主体", "holder"),
    "certificateHolderCode": Text("持证主体代码", "holder code"),
    "certificateHolderTypeCode": Text("持证主体代码类型", "holder code type"),
    "certificateHolderTypeName": Text("持证主体代码类型名称", "holder code type name"),
    "certificateIssuingAuthorityName": Text("颁发机构名称", "issuing authority"),
    "issuingOrganisationName": Text("制发机构名称", "issuing organisation"),
    "holders": Text("持证主体", "holders"),
    "files": Text("文件", "files"),
    "extension": Text("业务字段", "sector fields"),
}
