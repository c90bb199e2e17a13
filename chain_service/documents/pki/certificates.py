"""X.509 certificates (RFC 5280; GB/T 20518 for SM2) as they are written: names lazily, everything else strictly."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from asn1crypto import core, x509

from chain_service.core.encoding.digests import sha256
from chain_service.documents.asn1 import der
from chain_service.documents.facts import MAX_TEXT
from chain_service.documents.pki import algorithms
from chain_service.errors import MalformedDocument

MAX_CERTIFICATE_BYTES: Final = 64 * 1024
"""Some hold pictures."""
MAX_EXTENSIONS: Final = 64

BASIC_CONSTRAINTS: Final = "2.5.29.19"
KEY_USAGE: Final = "2.5.29.15"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
NAME_CONSTRAINTS: Final = "2.5.29.30"
SUBJECT_KEY: Final = "2.5.29.14"
AUTHORITY_KEY: Final = "2.5.29.35"
DISTRIBUTION_POINTS: Final = "2.5.29.31"
AUTHORITY_ACCESS: Final = "1.3.6.1.5.5.7.1.1"
NO_CHECK: Final = "1.3.6.1.5.5.7.48.1.5"
_UNDERSTOOD: Final = frozenset(
    {BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, SUBJECT_KEY, AUTHORITY_KEY, DISTRIBUTION_POINTS}
    | {"2.5.29.17", "2.5.29.18", "2.5.29.32", AUTHORITY_ACCESS}
)
"""With alternative names and policies, which restrict nothing here."""

_SHORT_NAMES: Final = {
    "2.5.4.3": "CN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O",
    "2.5.4.11": "OU", "2.5.4.42": "GN", "2.5.4.4": "SN", "1.2.840.113549.1.9.1": "emailAddress",
    "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
}  # fmt: skip
_MEMBERS: Final = 3
_COMMON_NAME: Final = "2.5.4.3"
_ORGANISATION: Final = "2.5.4.10"


@dataclass(frozen=True, slots=True)
class Name:
    """A distinguished name: compared by its key, shown by its text."""

    der: bytes
    key: str
    """The same for all spellings of one name (RFC 5280 §7.1): string types, case and blanks differ in real paths."""
    text: str
    """RFC 4514 order and look, without its escapes."""
    organisation: str | None
    common_name: str | None


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is written in one certificate; nothing about it is believed."""

    der: bytes
    sha256: bytes
    subject: Name
    issuer: Name
    serial: int
    not_before: int
    not_after: int
    """Unix seconds, both included."""
    key: bytes
    """SubjectPublicKeyInfo, DER."""
    key_bits: bytes
    """Contents of its bit string, as key identifiers and OCSP hash them."""
    tbs: bytes
    signature_algorithm: algorithms.Algorithm
    signature: bytes
    authority: bool
    """basicConstraints says that it may issue."""
    path_length: int | None
    key_usage: frozenset[str] | None
    """Names of RFC 5280 in snake_case as asn1crypto has them; None without the extension."""
    purposes: frozenset[str] | None
    """Object identifiers of its extended key usage; None without the extension."""
    purposes_critical: bool
    subject_key: bytes | None
    authority_key: bytes | None
    distribution_points: frozenset[bytes]
    """The general names (DER) of its CRL distribution points."""
    ocsp_addresses: tuple[str, ...]
    no_check: bool
    """id-pkix-ocsp-nocheck: a responder's certificate that is not itself looked up."""
    not_understood: tuple[str, ...]
    """Critical extensions beyond those known here."""
    name_constraints: bool
    flaw: str | None
    """What in it breaks RFC 5280 so that no path may use it."""

    @property
    def self_issued(self) -> bool:
        """Whether subject and issuer are one name (RFC 5280 §6.1), compared as names are."""
        return self.subject.key == self.issuer.key

    def allows(self, usage: str) -> bool:
        """Whether keyUsage permits `usage`; a certificate without the extension permits all (RFC 5280 §4.2.1.3)."""
        return self.key_usage is None or usage in self.key_usage


@lru_cache(maxsize=256)
def parse(data: bytes) -> Certificate:
    """The certificate that `data` encodes in DER. Raises MalformedDocument."""
    certificate = der.load(x509.Certificate, data, "the certificate", most=MAX_CERTIFICATE_BYTES)
    try:
        if len(certificate) != _MEMBERS:
            raise MalformedDocument("the certificate has more than its three members", code="malformed")
        return _read(data, certificate)
    except MalformedDocument:
        raise
    except der.FOREIGN_ERRORS as error:
        raise der.malformed("the certificate", error) from error


def _read(data: bytes, certificate: Any) -> Certificate:
    tbs = certificate["tbs_certificate"]
    key = tbs["subject_public_key_info"]
    extensions, flaw = _extensions(tbs)
    inner, outer = tbs["signature"].dump(), certificate["signature_algorithm"].dump()
    if inner != outer:
        flaw = "its two signature algorithms differ"
    constraints = _value(extensions, BASIC_CONSTRAINTS, x509.BasicConstraints)
    usage = _value(extensions, KEY_USAGE, x509.KeyUsage)
    purposes = _value(extensions, EXTENDED_KEY_USAGE, x509.ExtKeyUsageSyntax)
    return Certificate(
        der=data,
        sha256=sha256(data),
        subject=read_name(tbs["subject"].dump()),
        issuer=read_name(tbs["issuer"].dump()),
        serial=tbs["serial_number"].native,
        not_before=_time(tbs["validity"]["not_before"]),
        not_after=_time(tbs["validity"]["not_after"]),
        key=key.dump(),
        key_bits=der.bits(key["public_key"].dump(), "the public key"),
        tbs=tbs.dump(),
        signature_algorithm=algorithms.Algorithm.of(certificate["signature_algorithm"]),
        signature=der.bits(certificate["signature_value"].dump(), "the certificate's signature"),
        authority=bool(constraints and constraints["ca"].native),
        path_length=constraints["path_len_constraint"].native if constraints else None,
        key_usage=None if usage is None else frozenset(usage.native),
        purposes=None if purposes is None else frozenset(purpose.dotted for purpose in purposes),
        purposes_critical=EXTENDED_KEY_USAGE in extensions and extensions[EXTENDED_KEY_USAGE][0],
        subject_key=_subject_key(extensions),
        authority_key=_authority_key(extensions),
        distribution_points=_distribution_points(extensions),
        ocsp_addresses=_ocsp_addresses(extensions),
        no_check=NO_CHECK in extensions,
        not_understood=tuple(
            oid for oid, (critical, _) in extensions.items() if critical and oid not in _UNDERSTOOD | {NAME_CONSTRAINTS}
        ),
        name_constraints=NAME_CONSTRAINTS in extensions,
        flaw=flaw,
    )


def _extensions(tbs: Any) -> tuple[dict[str, tuple[bool, bytes]], str | None]:
    """Extension identifier to criticality and value; and what is wrong with the list."""
    listed = tbs["extensions"]
    extensions: dict[str, tuple[bool, bytes]] = {}
    if not listed.contents:
        return extensions, None
    for extension in listed:
        oid = extension["extn_id"].dotted
        if oid in extensions:
            return extensions, f"it has two extensions {oid}"
        extensions[oid] = (bool(extension["critical"].native), extension["extn_value"].contents)
        if len(extensions) > MAX_EXTENSIONS:
            raise MalformedDocument(f"the certificate has more than {MAX_EXTENSIONS} extensions", code="too_large")
    return extensions, None


def _value(extensions: dict[str, tuple[bool, bytes]], oid: str, spec: Any) -> Any:
    """The extension's structure, or None if it is not there. One that is known and misformed is an error."""
    if oid not in extensions:
        return None
    value = der.load(spec, extensions[oid][1], f"the certificate's extension {oid}", most=MAX_CERTIFICATE_BYTES)
    value.native  # noqa: B018  - read it now: nothing of it may fail later
    return value


def _optional(extensions: dict[str, tuple[bool, bytes]], oid: str, spec: Any) -> Any:
    """As `_value`, but None if it is misformed: for what is a hint only."""
    try:
        return _value(extensions, oid, spec)
    except (MalformedDocument, *der.FOREIGN_ERRORS):
        return None


def _subject_key(extensions: dict[str, tuple[bool, bytes]]) -> bytes | None:
    value = _optional(extensions, SUBJECT_KEY, x509.OctetString)
    return None if value is None else bytes(value.native)


def _authority_key(extensions: dict[str, tuple[bool, bytes]]) -> bytes | None:
    value = _optional(extensions, AUTHORITY_KEY, x509.AuthorityKeyIdentifier)
    return None if value is None else value["key_identifier"].native


def _distribution_points(extensions: dict[str, tuple[bool, bytes]]) -> frozenset[bytes]:
    points = _optional(extensions, DISTRIBUTION_POINTS, x509.CRLDistributionPoints)
    return frozenset() if points is None else frozenset(name for point in points for name in full_names(point))


def full_names(point: Any) -> list[bytes]:
    """The general names (DER) that a distribution point names in full; a name relative to the issuer is not read."""
    name = point["distribution_point"]
    if not name.contents or name.name != "full_name":
        return []
    return [general.dump() for general in name.chosen]


def _ocsp_addresses(extensions: dict[str, tuple[bool, bytes]]) -> tuple[str, ...]:
    access = _optional(extensions, AUTHORITY_ACCESS, x509.AuthorityInfoAccessSyntax)
    if access is None:
        return ()
    return tuple(
        der.clean(entry["access_location"].native)
        for entry in access
        if entry["access_method"].native == "ocsp" and entry["access_location"].name == "uniform_resource_identifier"
    )[:4]


def _time(value: Any) -> int:
    return der.moment(value.chosen.dump(), "the certificate's validity").at


class _Attribute(der.Exact):
    _fields = [("type", core.ObjectIdentifier), ("value", core.Any)]  # noqa: RUF012


class _Attributes(core.SetOf):  # type: ignore[misc]
    _child_spec = _Attribute


class _LooseName(core.SequenceOf):  # type: ignore[misc]
    """A distinguished name whose values may be of any type: real ones keep to neither type nor alphabet."""

    _child_spec = _Attributes


def read_name(data: bytes) -> Name:
    """The distinguished name that `data` encodes in DER. Raises one of FOREIGN_ERRORS or MalformedDocument."""
    loose = _LooseName.load(data, strict=True)
    groups = [[(part["type"].dotted, der.text(part.elements()["value"])) for part in group] for group in loose]
    parts = [part for group in groups for part in group]
    shown = ",".join(f"{_SHORT_NAMES.get(oid, oid)}={value}" for oid, value in reversed(parts))
    return Name(
        der=data,
        key="\n".join("+".join(sorted(f"{oid}={_folded(value)}" for oid, value in group)) for group in groups),
        text=shown[:MAX_TEXT],
        organisation=_first(parts, _ORGANISATION),
        common_name=_first(parts, _COMMON_NAME),
    )


def _folded(value: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def _first(parts: list[tuple[str, str]], oid: str) -> str | None:
    return next((value for kind, value in parts if kind == oid), None)
