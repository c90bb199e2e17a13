"""Codes of organisations, certificate types, certificates and catalog entries: their shapes and check characters."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple, NewType

from chain_service.core.encoding.text import Text
from chain_service.errors import MalformedRecord

OrgCode = NewType("OrgCode", str)
TypeCode = NewType("TypeCode", str)
CatalogCode = NewType("CatalogCode", str)

IDENTIFIER_ROOT = "1.2.156.3005.2"

ORG_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORG_VALUES = {letter: value for value, letter in enumerate(ORG_ALPHABET)}
_ORG_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_BODY_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# State after one more letter: add its value modulo 36 (0 counts as 36), double modulo 37.
_CHECK_STEPS = [
    {letter: ((state + value) % 36 or 36) * 2 % 37 for value, letter in enumerate(_CHECK_ALPHABET)}
    for state in range(37)
]

# Registering department, category, region (6 digits), organisation body with its check (9), check.
ORG_PATTERN = rf"[{ORG_ALPHABET}]{{2}}[0-9]{{6}}[{ORG_ALPHABET}]{{10}}"
_ORG_SHAPE = re.compile(ORG_PATTERN)
_TYPE_SHAPE = re.compile(ORG_PATTERN + "[0-9]{3}")
_IDENTIFIER_SHAPE = re.compile(
    re.escape(IDENTIFIER_ROOT)
    + rf"\.({ORG_PATTERN}[0-9]{{3}})\.([0-9A-Z]{{1,32}})\.([0-9A-Z]{{7,32}})\.([0-9]{{3}})\.([0-9A-Z])"
)
_PARTS = 5
_PART_NAMES = (
    Text("证照类型代码", "type code"),
    Text("颁发机构代码", "issuing authority's code"),
    Text("流水号", "serial number"),
    Text("版本号", "version"),
    Text("校验字符", "check character"),
)
_PART_SHAPES = (
    _TYPE_SHAPE,
    re.compile("[0-9A-Z]{1,32}"),
    re.compile("[0-9A-Z]{7,32}"),
    re.compile("[0-9]{3}"),
    re.compile("[0-9A-Z]"),
)
CATALOG_PATTERN = "[1-9][0-9]{5}[0-9A-Z]{0,14}/[0-9A-Z]{1,20}"
_CATALOG_SHAPE = re.compile(CATALOG_PATTERN)


def parse_org_code(text: object, *, field: str = "organisationCode") -> OrgCode:
    """An 18-character unified social credit code by its shape (GB 32100); check characters are not looked at.

    Raises MalformedRecord. Legal early codes fail the check characters: see `org_code_checks`.
    """
    if isinstance(text, str) and _ORG_SHAPE.fullmatch(text):
        return OrgCode(text)
    raise MalformedRecord(f"{field} must be a unified social credit code of 18 characters", field=field)


@lru_cache(maxsize=4096)
def org_code_checks(code: str) -> bool:
    """Whether both check characters of a well-shaped code hold: position 18 (GB 32100) and 17 (GB 11714)."""
    total = sum(_ORG_VALUES[letter] * weight for letter, weight in zip(code, _ORG_WEIGHTS, strict=False))
    if code[17] != ORG_ALPHABET[(31 - total % 31) % 31]:
        return False
    body = sum(int(letter, 36) * weight for letter, weight in zip(code[8:16], _BODY_WEIGHTS, strict=True))
    return code[16] == "0123456789X0"[11 - body % 11]


def is_org_code(text: str) -> bool:
    """Whether the text has the shape of a unified social credit code."""
    return _ORG_SHAPE.fullmatch(text) is not None


def parse_type_code(text: object, *, field: str = "certificateTypeCode") -> TypeCode:
    """A certificate type code: code of the defining organ and 3 digits (GB/T 36902). Raises MalformedRecord."""
    if isinstance(text, str) and _TYPE_SHAPE.fullmatch(text):
        return TypeCode(text)
    raise MalformedRecord(
        f"{field} must be the unified social credit code of the defining organ and 3 digits", field=field
    )


class CertificateIdentifier(NamedTuple):
    """The parts of `1.2.156.3005.2.<type code>.<issuer>.<serial>.<version>.<check>` (GB/T 36904)."""

    type_code: TypeCode
    issuer: str
    """Usually a unified social credit code; regions and internal numbers occur."""
    serial: str
    version: str

    @classmethod
    def parse(cls, text: object, *, field: str = "certificateIdentifier") -> CertificateIdentifier:
        """Strict in shape and check character. Raises MalformedRecord."""
        match = _IDENTIFIER_SHAPE.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise MalformedRecord(
                f"{field} must be {IDENTIFIER_ROOT}.<type code>.<issuer>.<serial>.<version>.<check>", field=field
            )
        type_code, issuer, serial, version, check = match.groups()
        identifier = cls(TypeCode(type_code), issuer, serial, version)
        if identifier.check != check:
            raise MalformedRecord(
                f"{field} has a wrong check character", zh=f"证照标识（{field}）的校验字符不对，请逐字核对", field=field
            )
        return identifier

    @property
    def check(self) -> str:
        """The check character over type code, issuer, serial and version."""
        state = _check_state(_check_state_of(self.type_code, self.issuer), self.serial + self.version)
        return _CHECK_ALPHABET[(37 - state) % 36]

    @property
    def issuer_is_org_code(self) -> bool:
        """Whether the issuer's part has the shape of a unified social credit code, which GB/T 36904 does not demand."""
        return is_org_code(self.issuer)

    def __str__(self) -> str:
        return ".".join((IDENTIFIER_ROOT, self.type_code, self.issuer, self.serial, self.version, self.check))


def tidied_identifier(text: str) -> str:
    """What was typed as an identifier, in the form it was issued in.

    Full-width characters, blanks inside, lower case, a full stop of another script and the root left out are put right.
    What then looks like a certificate's identifier has to be one. Raises MalformedRecord (`identifier_mistyped`), which
    names the part that is wrong; that is told by the text alone and says nothing of whether it was issued.
    """
    tidy = "".join(unicodedata.normalize("NFKC", text).replace("。", ".").split()).upper()
    parts = tidy.split(".")
    if len(parts) == _PARTS and all(_PART_SHAPES[at].fullmatch(part) for at, part in enumerate(parts)):
        tidy = f"{IDENTIFIER_ROOT}.{tidy}"
    elif not tidy.startswith(IDENTIFIER_ROOT + "."):
        ending = zip(parts[1 - _PARTS :], _PART_SHAPES[1:], strict=False)
        if len(parts) >= _PARTS and all(shape.fullmatch(part) for part, shape in ending):
            raise _mistyped(
                f"the identifier must begin with {IDENTIFIER_ROOT}.", f"证照标识应以 {IDENTIFIER_ROOT}. 开头，请核对"
            )
        return text
    told = tidy.removeprefix(IDENTIFIER_ROOT + ".").split(".")
    if len(told) != _PARTS:
        raise _mistyped(
            f"after {IDENTIFIER_ROOT} the identifier has {_PARTS} parts with full stops between, not {len(told)}",
            f"证照标识在 {IDENTIFIER_ROOT} 之后应有 {_PARTS} 段（以点分隔），所填为 {len(told)} 段",
        )
    for part, name, shape in zip(told, _PART_NAMES, _PART_SHAPES, strict=True):
        if not shape.fullmatch(part):
            raise _mistyped(
                f"the identifier's {name.en} has a wrong length or character", f"证照标识中{name.zh}的长度或字符不对"
            )
    identifier = CertificateIdentifier(TypeCode(told[0]), *told[1:4])
    if identifier.check != told[4]:
        raise _wrong_check(identifier)
    return str(identifier)


def _wrong_check(identifier: CertificateIdentifier) -> MalformedRecord:
    """That the last character does not fit, and which part is the likely cause: one whose own check fails as well."""
    codes = ((identifier.type_code[:18], _PART_NAMES[0]), (identifier.issuer, _PART_NAMES[1]))
    suspect = [name for code, name in codes if is_org_code(code) and not org_code_checks(code)]
    en = "the identifier's check character, its last, does not fit the characters before it: one of them or it is wrong"
    zh = "证照标识的校验字符（末位）与前面的字符不符，有字符输错，请逐字核对"
    if suspect:
        en += f"; look at the {' and the '.join(name.en for name in suspect)} first: its own check fails too"
        zh += f"；请先核对{'和'.join(name.zh for name in suspect)}，其自身的校验码也不对"
    return _mistyped(en, zh)


def _mistyped(en: str, zh: str) -> MalformedRecord:
    return MalformedRecord(en, zh=zh, code="identifier_mistyped", field="identifier")


def check_character(text: str) -> str:
    """The check character of a text of 0-9A-Z: ISO 7064 MOD 37,36 hybrid."""
    return _CHECK_ALPHABET[(37 - _check_state(36, text)) % 36]


def _check_state(state: int, text: str) -> int:
    for letter in text:
        state = _CHECK_STEPS[state][letter]
    return state


@lru_cache(maxsize=4096)
def _check_state_of(type_code: str, issuer: str) -> int:
    # Half of an identifier is the same in all of an issuer's certificates of a type.
    return _check_state(36, type_code + issuer)


def parse_catalog_code(text: object, *, field: str = "catalogCode") -> CatalogCode:
    """A catalog code as `307001/000012`: class, item, subject (1, 2, 3 digits), detail, `/`, sequence.

    Raises MalformedRecord.
    """
    if isinstance(text, str) and _CATALOG_SHAPE.fullmatch(text):
        return CatalogCode(text)
    raise MalformedRecord(f"{field} must be a catalog code such as 307001/000012", field=field)
