"""Names of certificate metadata: short pinyin names and Chinese names to the field names of GB/T 36903 used here."""

from __future__ import annotations

from typing import Final

__all__ = ["field_name"]

SHORT_NAMES: Final = {
    "ZZLXMC": "certificateTypeName",
    "ZZLXDM": "certificateTypeCode",
    "ZZMC": "certificateName",
    "ZZBH": "certificateNumber",
    "ZZBS": "certificateIdentifier",
    "ZZBFJG": "certificateIssuingAuthorityName",
    "ZZBFJGDM": "certificateIssuingAuthorityCode",
    "ZZBFRQ": "certificateIssuedDate",
    "CZZT": "certificateHolderName",
    "CZZTDM": "certificateHolderCode",
    "CZZTDMLX": "certificateHolderTypeName",
    "CZZTDMLXDM": "certificateHolderTypeCode",
    "ZZYXQQSRQ": "certificateEffectiveDate",
    "ZZYXQJZRQ": "certificateExpiringDate",
}
CHINESE_NAMES: Final = {
    "证照类型名称": "certificateTypeName",
    "证照类型代码": "certificateTypeCode",
    "证照名称": "certificateName",
    "证照编号": "certificateNumber",
    "证照标识": "certificateIdentifier",
    "证照颁发机构": "certificateIssuingAuthorityName",
    "证照颁发机构代码": "certificateIssuingAuthorityCode",
    "证照颁发日期": "certificateIssuedDate",
    "持证主体": "certificateHolderName",
    "持证主体代码": "certificateHolderCode",
    "持证主体代码类型": "certificateHolderTypeName",
    "持证主体代码类型代码": "certificateHolderTypeCode",
    "证照有效期起始日期": "certificateEffectiveDate",
    "证照有效期截止日期": "certificateExpiringDate",
}
SECTOR_PREFIX: Final = "KZ_"

_FIELDS: Final = {
    name.casefold(): field
    for name, field in (
        *SHORT_NAMES.items(),
        *CHINESE_NAMES.items(),
        *((field, field) for field in SHORT_NAMES.values()),
    )
}


def field_name(name: str) -> str | None:
    """Our name of a metadata item in any of its forms and any case; `extension.<name>` for a sector's own field."""
    name = name.strip()
    if name.upper().startswith(SECTOR_PREFIX):
        return f"extension.{name[len(SECTOR_PREFIX) :]}" if len(name) > len(SECTOR_PREFIX) else None
    return _FIELDS.get(name.casefold())
