"""SignedData: CMS (RFC 5652) and its national twin (GB/T 35275), as timestamps and plain signatures use it.

Read here by its own structures, since both families of identifiers, and SignedData without ContentInfo, are in use.
Whatever is not as the standards have it and leaves no doubt of what was signed is a deviation; what leaves doubt cannot
be told; only a digest that differs says that the content was changed, only a signature that fails that it is forged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from asn1crypto import cms, core, tsp
from asn1crypto.parser import parse as parse_element

from chain_service.documents.asn1 import der
from chain_service.documents.asn1.ber import measure
from chain_service.documents.pki import algorithms, certificates
from chain_service.documents.pki.algorithms import Algorithm
from chain_service.documents.pki.certificates import Certificate
from chain_service.documents.pki.sm2 import DEFAULT_ID
from chain_service.errors import MalformedDocument

# ruff: noqa: RUF012  - asn1crypto's way to declare structures
# mypy: disable-error-code="misc"

MAX_SIGNED_DATA_BYTES: Final = 1024 * 1024
MAX_CERTIFICATES: Final = 32
"""More that come along are passed over; so are more lists and answers."""
MAX_LISTS: Final = 16
MAX_ANSWERS: Final = 32
MAX_TIMESTAMPS: Final = 4

SIGNED_DATA: Final = frozenset({"1.2.840.113549.1.7.2", "1.2.156.10197.6.1.4.2.2"})
DATA: Final = frozenset({"1.2.840.113549.1.7.1", "1.2.156.10197.6.1.4.2.1"})
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
_SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
_STAMPED: Final = "1.2.840.113549.1.9.16.2.14"
_CERTIFICATE_VALUES: Final = "1.2.840.113549.1.9.16.2.23"
_REVOCATION_VALUES: Final = "1.2.840.113549.1.9.16.2.24"
_ADOBE_ARCHIVE: Final = "1.2.840.113583.1.1.8"
_OCSP_IN_CRLS: Final = "1.3.6.1.5.5.7.16.2"
"""id-ri-ocsp-response (RFC 5940)."""


class _AnySet(core.SetOf):
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
    """Revocation lists (DER) that came along; they prove themselves."""
    answers: tuple[bytes, ...]
    """OCSP answers (DER) likewise."""

    @property
    def signing_time(self) -> der.Moment | None:
        """The signed attribute signingTime: a claim."""
        values = self.signed.get(_SIGNING_TIME, ())
        if len(values) != 1:
            return None
        return der.moment(values[0], "signingTime")


def parse(data: bytes, what: str, beside: tuple[bytes, ...] = ()) -> SignedData:
    """The SignedData, in a ContentInfo or bare, at the beginning of `data`. Raises MalformedDocument.

    Its wrapping may be BER and zero bytes may follow, as PDF files have it: the room for a signature is reserved before
    it is made. Certificates, lists and what is signed are DER. beside: certificates of the document that may be the
    signer's. Exactly one signer is allowed: with several, which of them a finding is about would be open.
    """
    if len(data) > MAX_SIGNED_DATA_BYTES:
        raise MalformedDocument(f"{what} has more than {MAX_SIGNED_DATA_BYTES} bytes", code="too_large")
    if not data.strip(b"\0"):
        raise MalformedDocument(f"{what} has no value", code="no_value")
    end = measure(data, what)
    if data[end:].strip(b"\0"):
        raise MalformedDocument(f"something follows {what}", code="malformed")
    try:
        return _read(_unwrapped(data[:end]), what, beside)
    except MalformedDocument as error:
        if error.code != "malformed":
            raise
        raise MalformedDocument(error.message, code="unknown_form") from error
    except der.FOREIGN_ERRORS as error:
        # it is whole ASN.1, and no SignedData that is understood here
        raise MalformedDocument(der.malformed(what, error).message, code="unknown_form") from error


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
            raise MalformedDocument(f"the content {outer['type'].dotted} is not SignedData", code="unknown_form")
        data = _inner(outer["value"])
    return _SignedData.load(data, strict=True)


def _inner(tagged: Any) -> bytes:
    """The element inside an explicitly tagged one."""
    encoded = tagged.dump()
    category, _, _, _, contents, _ = parse_element(encoded)
    return bytes(contents if category == 2 else encoded)


def _read(signed_data: Any, what: str, more: tuple[bytes, ...]) -> SignedData:
    if len(signed_data["signers"]) != 1:
        raise MalformedDocument(f"{what} has {len(signed_data['signers'])} signers, not one", code="several_signers")
    info = signed_data["signers"][0]
    signed = dict(_attributes(info["signed_attrs"]))
    if len(signed) != len(info["signed_attrs"] if info["signed_attrs"].contents else ()):
        raise MalformedDocument(f"{what} has a signed attribute that occurs twice (RFC 5652 §5.3)", code="malformed")
    unsigned = list(_attributes(info["unsigned_attrs"]))
    held = signed_data["certificates"]
    beside = [certificate.dump() for certificate in held] if held.contents else []
    beside += [certificate for oid, values in unsigned if oid == _CERTIFICATE_VALUES for certificate in _flat(values)]
    content = signed_data["content"]
    digest = algorithms.digest_name(info["digest_algorithm"])
    attributes = info["signed_attrs"].dump() or None
    archives = [value for oid, values in (*signed.items(), *unsigned) if oid in _ARCHIVES for value in values]
    lists, answers = _evidence(signed_data["crls"], archives)
    return SignedData(
        content_type=content["type"].dotted,
        content=_octets(content["value"]),
        certificates=tuple(beside[:MAX_CERTIFICATES]),
        signer=_signer(info["sid"], (*beside[:MAX_CERTIFICATES], *more), signed),
        digest=digest,
        algorithm=Algorithm.of(info["signature_algorithm"], digest),
        signature=info["signature"].native,
        attributes=None if attributes is None else b"\x31" + attributes[1:],
        signed=signed,
        timestamps=tuple(stamp for oid, values in unsigned if oid == _STAMPED for stamp in values)[:MAX_TIMESTAMPS],
        lists=tuple(lists[:MAX_LISTS]),
        answers=tuple(answers[:MAX_ANSWERS]),
    )


_ARCHIVES: Final = frozenset({_ADOBE_ARCHIVE, _REVOCATION_VALUES})
"""Of the moment of signing; both are SEQUENCE {[0] SEQUENCE OF list, [1] SEQUENCE OF answer}."""


def _octets(value: Any) -> bytes | None:
    encoded = value.dump()
    if not encoded:
        return None
    return _joined(parse_element(_inner(value)))


def _joined(octets: tuple[int, int, int, bytes, bytes, bytes]) -> bytes:
    """The contents of an OCTET STRING, which BER allows to write in pieces (X.690 §8.7.3), one level of them."""
    category, constructed, tag, _, contents, _ = octets
    if (category, tag) != (0, _OCTET_STRING):
        raise MalformedDocument("the signed content is not an octet string", code="malformed")
    if not constructed:
        return bytes(contents)
    pieces, at = [], 0
    while at < len(contents):
        piece = parse_element(contents[at:])
        if piece[:3] != (0, 0, _OCTET_STRING):
            raise MalformedDocument("the signed content is an octet string in pieces of pieces", code="malformed")
        pieces.append(bytes(piece[4]))
        at += sum(len(part) for part in piece[3:])
    return b"".join(pieces)


_OCTET_STRING: Final = 4


def _attributes(attributes: Any) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """Identifier and values of each."""
    for attribute in attributes if attributes.contents else ():
        values = _AnySet.load(attribute["values"].dump(), strict=True)
        yield attribute["type"].dotted, tuple(value.dump() for value in values)


def _evidence(crls: Any, archives: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Lists and answers, wherever they lie: among the CRLs or in an attribute. What cannot be read is left out."""
    every = [crl.dump() for crl in crls] if crls.contents else []
    lists = [item for item in every if item[:1] == b"\x30"]
    answers: list[bytes] = []
    for other in (item for item in every if item[:1] == b"\xa1"):
        kind, *values = _members(other) or [b""]
        if kind == core.ObjectIdentifier(_OCSP_IN_CRLS).dump():
            answers += values
    for part in _flat(tuple(archives)):
        if part[:1] == b"\xa0":
            lists += _flat(tuple(_members(part)))
        elif part[:1] == b"\xa1":
            answers += _flat(tuple(_members(part)))
    return lists, answers


def _flat(sequences: tuple[bytes, ...]) -> list[bytes]:
    return [member for sequence in sequences for member in _members(sequence)]


def _members(sequence: bytes) -> list[bytes]:
    """The members of a SEQUENCE in DER; none of what is none."""
    try:
        return der.members(sequence)
    except MalformedDocument:
        return []


def _signer(identifier: Any, beside: tuple[bytes, ...], signed: dict[str, tuple[bytes, ...]]) -> Certificate | None:
    """The certificate that identifier and ESSCertID name; by its serial number where the name alone is no help.

    None if it is not there: one key may be certified for several people, and who of them signed is what those say.
    """
    readable = []
    for data in dict.fromkeys(beside):
        try:
            readable.append(certificates.parse(data))
        except MalformedDocument:
            continue
    if identifier.name == "issuer_and_serial_number":
        serial = identifier.chosen["serial_number"].native
        alike = [certificate for certificate in readable if certificate.serial == serial]
        issuer = certificates.read_name(identifier.chosen["issuer"].dump()).key
        fitting = [certificate for certificate in alike if certificate.issuer.key == issuer] or (
            alike if len(alike) == 1 else []
        )
    else:
        key = identifier.chosen.native
        fitting = [
            certificate
            for certificate in readable
            if key in (certificate.subject_key, algorithms.digest("sha-1", certificate.key_bits))
        ]
    return next((certificate for certificate in fitting if _named(certificate.der, signed)), None)


def _named(certificate: bytes, signed: dict[str, tuple[bytes, ...]]) -> bool:
    """Whether ESSCertID (RFC 5035), if it is there, is the digest of this certificate."""
    try:
        for value in signed.get(_SIGNING_CERTIFICATE_V2, ()):
            first = tsp.SigningCertificateV2.load(value, strict=True)["certs"][0]
            name = algorithms.digest_name(first["hash_algorithm"])
            if first["cert_hash"].native != algorithms.digest(name, certificate):
                return False
        for value in signed.get(_SIGNING_CERTIFICATE, ()):
            first = tsp.SigningCertificate.load(value, strict=True)["certs"][0]
            if first["cert_hash"].native != algorithms.digest("sha-1", certificate):
                return False
    except der.FOREIGN_ERRORS:
        return False
    return True


def content_holds(signed_data: SignedData, content: bytes) -> bool | None:
    """Whether the signed attributes are about `content`; None when they do not say so in a way that is known here.

    Without attributes only the signature can tell, and this is True.
    """
    if signed_data.attributes is None:
        return True
    # 1. the digest is that of the content
    digests = _values(signed_data, _MESSAGE_DIGEST, core.OctetString)
    made = algorithms.digest(signed_data.digest, content)
    if made is None or len(digests) != 1:
        return None
    if digests != [made]:
        return False
    # 2. the type is that of the content, or not told, or plain data in the other family's words
    types = _types(signed_data)
    return True if types <= {signed_data.content_type} or {*types, signed_data.content_type} <= DATA else None


def names_type(signed_data: SignedData) -> bool:
    """Whether the signed attributes name exactly the content's type (RFC 5652 §11.1)."""
    return _types(signed_data) == {signed_data.content_type}


def _types(signed_data: SignedData) -> set[str]:
    return set(_values(signed_data, _CONTENT_TYPE, _Identifier))


class _Identifier(core.ObjectIdentifier):
    @property
    def native(self) -> str:
        return str(self.dotted)


def _values(signed_data: SignedData, oid: str, spec: Any) -> list[Any]:
    """The values of a signed attribute; none where one of them is of another type."""
    try:
        return [spec.load(value, strict=True).native for value in signed_data.signed.get(oid, ())]
    except der.FOREIGN_ERRORS:
        return []


def signs(signed_data: SignedData, content: bytes, *forms: bytes) -> tuple[bool | None, bytes]:
    """Whether what was signed is `content`, and the octets that a signature without attributes is over.

    It encloses the content, or one of its `forms` such as its digest, or nothing. If it encloses anything else, readers
    differ in what was signed: it is changed where the digest says so too, and otherwise that cannot be told.
    """
    inside = content if signed_data.content is None else signed_data.content
    if inside == content or inside in forms:
        about = [content_holds(signed_data, signed_content) for signed_content in dict.fromkeys((inside, content))]
        return (True if True in about else None if None in about else False), inside
    over = content_holds if signed_data.attributes is not None else signature_holds
    return (False if over(signed_data, content) is False else None), content


def deviations(signed_data: SignedData) -> tuple[str, ...]:
    """What is not as the standards have it and changes no value, in English."""
    if signed_data.attributes is None or names_type(signed_data):
        return ()
    if not _types(signed_data):
        return ("the signed attributes do not name the type of the content",)
    return ("the content and the signed attributes name plain data by identifiers of different standards",)


def signature_holds(signed_data: SignedData, content: bytes, user_id: bytes = DEFAULT_ID) -> bool | None:
    """Whether the signature verifies with the signer's key; None for what is unknown or absent.

    An RSA key that is too short verifies as well: `weakness` tells.
    """
    signer = signed_data.signer
    if signer is None:
        return None
    found: bool | None = None
    for over in _signed_octets(signed_data, content):
        found = algorithms.verify(
            signer.key, signed_data.algorithm, signed_data.signature, over, user_id, raw=True, short_keys=True
        )
        if found is not False:
            return found
    return found if signed_data.attributes is None or _is_der(signed_data.attributes) else None


def _signed_octets(signed_data: SignedData, content: bytes) -> Iterator[bytes]:
    """The content, or the attributes as they are and as DER orders them (RFC 5652 §5.4): makers sign either."""
    if signed_data.attributes is None:
        yield content
        return
    yield signed_data.attributes
    parts = sorted(_members(signed_data.attributes))
    body = b"".join(parts)
    ordered = signed_data.attributes[: -len(body) or None] + body
    if parts and ordered != signed_data.attributes and len(ordered) == len(signed_data.attributes):
        yield ordered


def _is_der(data: bytes) -> bool:
    try:
        der.check(data, "the signed attributes", most=MAX_SIGNED_DATA_BYTES)
    except MalformedDocument as error:
        return error.code != "not_der"
    return True


def weakness(signed_data: SignedData) -> str | None:
    """What of the signature itself proves nothing: its digest or the signer's key; None if nothing is weak."""
    key = None if signed_data.signer is None else algorithms.weak_key(signed_data.signer.key)
    return key or (signed_data.algorithm.name if signed_data.algorithm.weak else None)
