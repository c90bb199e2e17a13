"""SignedData: CMS (RFC 5652) and its national twin (GB/T 35275), as timestamps and plain signatures use it.

Read here by its own structures, since both families of identifiers, and SignedData without ContentInfo, are in use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from asn1crypto import cms, core, tsp
from asn1crypto.parser import parse as parse_element

from chain_service.documents import algorithms, certificates, der
from chain_service.documents.algorithms import Algorithm
from chain_service.documents.ber import measure
from chain_service.documents.certificates import Certificate
from chain_service.documents.sm2 import DEFAULT_ID
from chain_service.errors import MalformedDocument

# ruff: noqa: RUF012  - asn1crypto's way to declare structures
# mypy: disable-error-code="misc"

MAX_SIGNED_DATA_BYTES: Final = 1024 * 1024
MAX_CERTIFICATES: Final = 32
MAX_LISTS: Final = 16

SIGNED_DATA: Final = frozenset({"1.2.840.113549.1.7.2", "1.2.156.10197.6.1.4.2.2"})
DATA: Final = frozenset({"1.2.840.113549.1.7.1", "1.2.156.10197.6.1.4.2.1"})
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
_SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
_ARCHIVE: Final = "1.2.840.113583.1.1.8"
_STAMPED: Final = "1.2.840.113549.1.9.16.2.14"


class _AnySet(core.SetOf):
    _child_spec = core.Any


class _AnySequence(core.SequenceOf):
    _child_spec = core.Any


class _Content(der.Exact):
    _fields = [("type", core.ObjectIdentifier), ("value", core.Any, {"explicit": 0, "optional": True})]


class _SignerInfos(core.SetOf):
    _child_spec = cms.SignerInfo


class _SignedData(der.Exact):
    _fields = [
        ("version", core.Integer),
        ("digests", _AnySet),
        ("content", _Content),
        ("certificates", _AnySet, {"implicit": 0, "optional": True}),
        ("crls", _AnySet, {"implicit": 1, "optional": True}),
        ("signers", _SignerInfos),
    ]


@dataclass(frozen=True, slots=True)
class SignedData:
    """One signature with what it signs and the certificates beside it; nothing is verified yet."""

    content_type: str
    content: bytes | None
    """The octets inside; None when they are elsewhere (detached)."""
    certificates: tuple[bytes, ...]
    signer: Certificate | None
    """The one that the signer's identifier names among them; None if it is not there."""
    digest: str
    """Our name of the digest algorithm; the identifier itself if it is unknown."""
    algorithm: Algorithm
    signature: bytes
    attributes: bytes | None
    """Signed attributes as they were signed: a SET in DER."""
    signed: dict[str, tuple[bytes, ...]]
    """Signed attributes: identifier to values, DER."""
    timestamps: tuple[bytes, ...]
    """Timestamp tokens of the unsigned attributes, over `signature`."""
    lists: tuple[bytes, ...]
    """Revocation lists (DER) that came along."""

    @property
    def signing_time(self) -> der.Moment | None:
        """The signed attribute signingTime: a claim."""
        values = self.signed.get(_SIGNING_TIME, ())
        if len(values) != 1:
            return None
        return der.moment(values[0], "signingTime")


def parse(data: bytes, what: str, *, ber: bool = False) -> SignedData:
    """The SignedData, in a ContentInfo or bare, that `data` encodes in DER. Raises MalformedDocument.

    ber: zero bytes may follow and its wrapping may be BER, as PDF files have it. What is signed inside is DER always.
    Exactly one signer is allowed: with several, which of them a finding is about would be open.
    """
    if ber:
        data = _unpadded(data, what)
    else:
        der.check(data, what, most=MAX_SIGNED_DATA_BYTES)
    try:
        return _read(_unwrapped(data), what)
    except MalformedDocument:
        raise
    except der.FOREIGN_ERRORS as error:
        raise der.malformed(what, error) from error


def _unpadded(data: bytes, what: str) -> bytes:
    if len(data) > MAX_SIGNED_DATA_BYTES:
        raise MalformedDocument(f"{what} has more than {MAX_SIGNED_DATA_BYTES} bytes", code="too_large")
    end = measure(data, what)
    if data[end:].strip(b"\0"):
        raise MalformedDocument(f"something follows {what}", code="malformed")
    return data[:end]


def looks_like(data: bytes) -> bool:
    """Whether `data` can be a SignedData rather than a bare signature: a sequence that starts as one does."""
    if len(data) < 2 or data[0] != 0x30:
        return False
    contents = data[2 + (data[1] & 0x7F if data[1] >= 0x80 else 0) :][:4]
    return bool(contents[:1] == b"\x06") or bool(contents[:2] == b"\x02\x01" and contents[3:4] == b"\x31")


def _unwrapped(data: bytes) -> Any:
    if parse_element(data)[4][:1] == b"\x06":
        outer = _Content.load(data, strict=True)
        if outer["type"].dotted not in SIGNED_DATA:
            raise MalformedDocument(f"the content {outer['type'].dotted} is no SignedData", code="malformed")
        data = _inner(outer["value"])
    return _SignedData.load(data, strict=True)


def _inner(tagged: Any) -> bytes:
    """The element inside an explicitly tagged one."""
    encoded = tagged.dump()
    category, _, _, _, contents, _ = parse_element(encoded)
    return bytes(contents if category == 2 else encoded)


def _read(signed_data: Any, what: str) -> SignedData:
    if len(signed_data["signers"]) != 1:
        raise MalformedDocument(f"{what} has {len(signed_data['signers'])} signers, not one", code="several_signers")
    info = signed_data["signers"][0]
    held = signed_data["certificates"]
    beside = tuple(one.dump() for one in held) if held.contents else ()
    if len(beside) > MAX_CERTIFICATES:
        raise MalformedDocument(f"{what} has more than {MAX_CERTIFICATES} certificates", code="too_large")
    content = signed_data["content"]
    oid = info["digest_algorithm"]["algorithm"].dotted
    digest = algorithms.DIGESTS.get(oid, oid)
    attributes = info["signed_attrs"].dump() or None
    named = _attributes(info["signed_attrs"])
    return SignedData(
        content_type=content["type"].dotted,
        content=_octets(content["value"]),
        certificates=beside,
        signer=_signer(info["sid"], beside),
        digest=digest,
        algorithm=Algorithm.of(info["signature_algorithm"], digest),
        signature=info["signature"].native,
        attributes=None if attributes is None else b"\x31" + attributes[1:],
        signed=named,
        timestamps=_attributes(info["unsigned_attrs"]).get(_STAMPED, ())[:4],
        lists=(*_lists(signed_data["crls"]), *_archived(named)),
    )


def _octets(value: Any) -> bytes | None:
    encoded = value.dump()
    if not encoded:
        return None
    inner = parse_element(_inner(value))
    if inner[0] != 0 or inner[2] != 4:
        raise MalformedDocument("the signed content is no octet string", code="malformed")
    return bytes(inner[4])


def _attributes(attributes: Any) -> dict[str, tuple[bytes, ...]]:
    """Identifier to values. Raises MalformedDocument when one occurs twice (RFC 5652 §5.3)."""
    found: dict[str, tuple[bytes, ...]] = {}
    for attribute in attributes if attributes.contents else ():
        oid = attribute["type"].dotted
        if oid in found:
            raise MalformedDocument(f"the attribute {oid} occurs twice", code="malformed")
        found[oid] = tuple(one.dump() for one in _AnySet.load(attribute["values"].dump(), strict=True))
    return found


def _lists(crls: Any) -> list[bytes]:
    every = [one.dump() for one in crls] if crls.contents else []
    return [one for one in every if one[:1] == b"\x30"][:MAX_LISTS]


def _archived(named: dict[str, tuple[bytes, ...]]) -> list[bytes]:
    """Adobe's signed attribute with the revocation lists of the moment of signing: [0] SEQUENCE OF list."""
    found: list[bytes] = []
    for value in named.get(_ARCHIVE, ()):
        for member in _AnySequence.load(value, strict=True):
            if member.dump()[:1] == b"\xa0":
                found += [one.dump() for one in _AnySequence.load(_inner(member), strict=True)]
    return found[:MAX_LISTS]


def _signer(identifier: Any, beside: tuple[bytes, ...]) -> Certificate | None:
    """The certificate that is named; by its serial number alone where only the issuer's name is spelt differently."""
    readable = []
    for data in beside:
        try:
            readable.append(certificates.parse(data))
        except MalformedDocument:
            continue
    if identifier.name != "issuer_and_serial_number":
        return next((one for one in readable if one.subject_key == identifier.chosen.native), None)
    issuer, serial = identifier.chosen["issuer"].dump(), identifier.chosen["serial_number"].native
    alike = [one for one in readable if one.serial == serial]
    exact = [one for one in alike if one.issuer.der == issuer]
    return exact[0] if exact else (alike[0] if len(alike) == 1 else None)


def content_holds(signed_data: SignedData, content: bytes) -> bool | None:
    """Whether what was signed is `content`; None when the digest algorithm is unknown.

    By the signed attributes if there are any: their type and digest have to fit. Without, only the signature can tell.
    """
    if signed_data.attributes is None:
        return True
    made = algorithms.digest(signed_data.digest, content)
    if made is None:
        return None
    types = signed_data.signed.get(_CONTENT_TYPE, ())
    digests = signed_data.signed.get(_MESSAGE_DIGEST, ())
    if len(types) != 1 or len(digests) != 1 or not _names_signer(signed_data):
        return False
    named = core.ObjectIdentifier.load(types[0], strict=True).dotted
    return bool(named == signed_data.content_type and core.OctetString.load(digests[0], strict=True).native == made)


def _names_signer(signed_data: SignedData) -> bool:
    """ESSCertID (RFC 5035), if it is there, has to be the digest of the signer's certificate, if that is there."""
    if signed_data.signer is None:
        return True
    certificate = signed_data.signer.der
    for value in signed_data.signed.get(_SIGNING_CERTIFICATE_V2, ()):
        first = tsp.SigningCertificateV2.load(value, strict=True)["certs"][0]
        name = algorithms.DIGESTS.get(first["hash_algorithm"]["algorithm"].dotted, "")
        if first["cert_hash"].native != algorithms.digest(name, certificate):
            return False
    for value in signed_data.signed.get(_SIGNING_CERTIFICATE, ()):
        first = tsp.SigningCertificate.load(value, strict=True)["certs"][0]
        if first["cert_hash"].native != algorithms.digest("sha-1", certificate):
            return False
    return True


def signature_holds(signed_data: SignedData, content: bytes, user_id: bytes = DEFAULT_ID) -> bool | None:
    """Whether the signature verifies with the signer's key; None for what is unknown or absent."""
    if signed_data.signer is None:
        return None
    over = content if signed_data.attributes is None else signed_data.attributes
    signer = signed_data.signer
    return algorithms.verify(signer.key, signed_data.algorithm, signed_data.signature, over, user_id, raw=True)
