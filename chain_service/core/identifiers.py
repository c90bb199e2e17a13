"""Codes of organisations, certificate types, certificates and catalog entries: their shapes and check characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

OrgCode = NewType("OrgCode", str)
TypeCode = NewType("TypeCode", str)
CatalogCode = NewType("CatalogCode", str)


def parse_org_code(text: object, *, field: str = "organisationCode") -> OrgCode:
    """An 18-character unified social credit code by shape (GB 32100); check digits are not looked at.

    Raises MalformedRecord. Legal early codes fail the check digits: see `org_code_checks`."""
    raise NotImplementedError


def org_code_checks(code: OrgCode) -> bool:
    """Whether both check characters hold: position 18 (GB 32100) and position 17 (GB 11714). Worth a warning only."""
    raise NotImplementedError


def parse_type_code(text: object, *, field: str = "certificateTypeCode") -> TypeCode:
    """A certificate type code: USCC of the defining organ and 3 digits. Raises MalformedRecord."""
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class CertificateIdentifier:
    """The parts of `1.2.156.3005.2.<type>.<issuer>.<serial>.<version>.<check>` (GB/T 36904)."""

    type_code: TypeCode
    issuer: str
    serial: str
    version: str

    @classmethod
    def parse(cls, text: object, *, field: str = "certificateIdentifier") -> CertificateIdentifier:
        """Strict in shape and check character. Raises MalformedRecord."""
        raise NotImplementedError

    def __str__(self) -> str:
        raise NotImplementedError

    @property
    def check(self) -> str:
        """ISO 7064 MOD 37,36 over type code, issuer, serial and version."""
        raise NotImplementedError

    @property
    def issuer_is_org_code(self) -> bool:
        raise NotImplementedError


def parse_catalog_code(text: object, *, field: str = "catalogCode") -> CatalogCode:
    """A catalog code such as `307001/000012`. Raises MalformedRecord."""
    raise NotImplementedError
