"""Electronic seals (电子印章) and their signatures (电子签章): what is written in them and whether it verifies.

Tolerant of how makers write (certificates as octets or in the open, both time types, raw or DER signatures), strict in
what it concludes. Structures: `ses_forms`; procedure: GM/T 0031-2014 §6.1.2 and §6.2.3, the same in GB/T 38540-2020.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from asn1crypto.parser import emit
from asn1crypto.parser import parse as parse_element

from chain_service.core.encoding.digests import sha256, sm3
from chain_service.documents.asn1 import der
from chain_service.documents.facts import (
    CertificateFacts,
    ClaimedTime,
    Problem,
    SealFacts,
    SignatureFacts,
    SignatureForm,
    TimestampFacts,
)
from chain_service.documents.pki import algorithms, certificates, timestamps
from chain_service.documents.pki.algorithms import Algorithm
from chain_service.documents.pki.trust import Trust
from chain_service.documents.ses import forms, values
from chain_service.errors import MalformedDocument

MAX_SEAL_BYTES: Final = 4 * 1024 * 1024
MAX_SIGNED_VALUE_BYTES: Final = 5 * 1024 * 1024
MAX_LISTED: Final = 64
"""Signer certificates of one seal."""

_FORMS: Final[dict[int, SignatureForm]] = {4: "ses-v4", 5: "ses-v5"}
_CERTIFICATES, _HASHES = 1, 2
_HASH_BYTES: Final = 32
ListType = Literal["certificates", "hashes"]
_SM2_CURVE: Final = bytes.fromhex("06082a811ccf5501822d")
_KNOWN_EXTENSIONS: Final = frozenset({"1.3.6.1.5.5.7.1.4"})
"""Critical extensions of makers that restrict nothing: the identity for audits (RFC 3281 §4.4.5)."""
_TIMES: Final = frozenset({23, 24})
_BIT_STRING: Final = 3
_OCTET_STRING: Final = 4
_SEQUENCE: Final = 16
_MOST_TIME: Final = 64


@dataclass(frozen=True, slots=True)
class SignedValue:
    """A seal's signature as it lies in SignedValue.dat, and what the document has to be compared with."""

    facts: SignatureFacts
    """Everything that the signed value alone tells; `place`, references and coverage are the document's."""
    digest: bytes | None = None
    """dataHash: the SM3 of Signature.xml, or in a PDF of the byte ranges, as it was signed."""
    algorithm: Algorithm | None = None
    """Of the signature: where that is RSA, dataHash may have been made with its digest."""
    names: str = ""
    """propertyInfo: the path of Signature.xml as it was signed."""
    seal: bytes | None = None
    """The embedded seal, DER: Seal.esl has to equal it."""


@dataclass(frozen=True, slots=True)
class _Signed:
    """Who signed what, in either layout."""

    certificate: bytes
    algorithm: Algorithm
    value: bytes
    over: bytes
    timestamp: bytes | None


def read_seal(data: bytes, trust: Trust) -> SealFacts:
    """The facts about the seal `data` (an .esl file, or what a signature embeds). Raises MalformedDocument."""
    return _read_seal(data, trust)[0]


def _read_seal(data: bytes, trust: Trust) -> tuple[SealFacts, tuple[bytes, ...]]:
    """The facts, and the certificates that the seal lists."""
    v1 = _members(data, "the seal", MAX_SEAL_BYTES) == 2
    seal = der.load(forms.SealV1 if v1 else forms.SealV4, data, "the seal", most=MAX_SEAL_BYTES)
    try:
        return _seal_facts(data, seal, v1, trust)
    except MalformedDocument:
        raise
    except der.FOREIGN_ERRORS as error:
        raise der.malformed("the seal", error) from error


def read_seal_signature(data: bytes, trust: Trust) -> SignedValue:
    """The facts about the signature `data` (SignedValue.dat of a signature of type Seal). Never raises."""
    if not data.strip(b"\0"):
        return SignedValue(SignatureFacts("", "unknown", Problem("no_value", "there is no value")))
    try:
        data, padded = values.unpadded(data)
        v1 = _members(data, "the signed value", MAX_SIGNED_VALUE_BYTES) == 2
        spec = forms.SignatureV1 if v1 else forms.SignatureV4
        signature = der.load(spec, data, "the signed value", most=MAX_SIGNED_VALUE_BYTES)
        return _signed_value(signature, v1, trust, padded)
    except MalformedDocument as error:
        return SignedValue(SignatureFacts("", "unknown", Problem.of(error)))
    except der.FOREIGN_ERRORS as error:
        return SignedValue(SignatureFacts("", "unknown", Problem.of(der.malformed("the signed value", error))))


def signs(signed: SignedValue, content: bytes) -> SignatureFacts:
    """The facts once more, with whether dataHash is the digest of `content`.

    It is made with SM3 (GM/T 0031-2014 §6.2.2); signatures with RSA have it made with their own digest.
    """
    facts = signed.facts
    if signed.digest is None or signed.algorithm is None:
        return facts
    if values.same_digest(signed.digest, sm3(content)):
        return replace(facts, data_digest_holds=True)
    name = signed.algorithm.digest or ""
    made = algorithms.digest(name, content)
    if made is None or not values.same_digest(signed.digest, made):
        return replace(facts, data_digest_holds=False)
    problem = Problem("encoding_deviation", f"the signed digest was made with {name}")
    return replace(facts, data_digest_holds=None if name == "md5" else True, problems=(*facts.problems, problem))


def is_same_seal(file: bytes, embedded: bytes, trust: Trust) -> bool:
    """Whether two seals (DER) say the same and one maker signed both: it may have signed one seal more than once.

    SM2 signatures differ each time they are made. Never raises.
    """
    if file == embedded:
        return True
    try:
        if der.members(file)[0] != der.members(embedded)[0]:
            return False
        mine, theirs = read_seal(file, trust), read_seal(embedded, trust)
    except (MalformedDocument, *der.FOREIGN_ERRORS):
        return False
    makers = {seal.maker.sha256 for seal in (mine, theirs) if seal.maker is not None and seal.signature_holds}
    return mine.signature_holds is True and theirs.signature_holds is True and len(makers) == 1


def _signed_value(signature: Any, v1: bool, trust: Trust, padded: tuple[Problem, ...]) -> SignedValue:
    outer, to_sign = signature.elements(), signature["to_sign"]
    inner = to_sign.elements()
    sealed = inner["seal"]
    # 1. the format, of the seal too
    seal, listed = _read_seal(sealed, trust)
    problems = list(padded)
    if to_sign["version"].native != seal.version:
        problems.append(Problem("version_differs", "the signature has another version than its seal"))
    if not v1:
        problems += _extension_problems(inner.get("ext_datas"))
    value, value_deviations = values.signature_bits(outer["value"], "the signature")
    digest, digest_deviations = values.bits(inner["data_hash"], "the signed digest")
    # 2. the signature
    signed = _Signed(
        certificate=_wrapped_certificate((inner if v1 else outer)["cert"]),
        algorithm=Algorithm.named((to_sign if v1 else signature)["algorithm"].dotted),
        value=value,
        over=outer["to_sign"],
        timestamp=None if v1 else _timestamp(outer.get("timestamp")),
    )
    signer, holds = _verify(signed, trust, listed)
    claimed, stamps = _times(inner["time"], signed, trust)
    facts = SignatureFacts(
        place="",
        form=_form(seal.version),
        signature_holds=holds,
        algorithm=signed.algorithm.name,
        weak=signed.algorithm.weak,
        claimed=claimed,
        timestamps=stamps,
        signer=signer,
        seal=seal,
        signer_in_seal=_in_seal(signed.certificate, seal),
        problems=(*problems, *value_deviations, *digest_deviations, *_key_deviation(signed.certificate)),
    )
    return SignedValue(facts, digest, signed.algorithm, der.text(inner["property"]), sealed)


def _seal_facts(data: bytes, seal: Any, v1: bool, trust: Trust) -> tuple[SealFacts, tuple[bytes, ...]]:
    info, outer = seal["info"], seal.elements()
    inner, header, stated = info.elements(), info["header"].elements(), info["property"].elements()
    if der.text(header["id"]) != "ES":
        raise MalformedDocument("the seal's header does not begin with ES", code="malformed")
    version = info["header"]["version"].native
    if not (1 <= version <= 3 if v1 else version in _FORMS):
        raise MalformedDocument(f"a seal of version {version} has another layout than this one", code="unknown_version")
    sign_info = seal["sign_info"] if v1 else seal
    signing = sign_info.elements()
    value, deviations = values.signature_bits(signing["value"], "the seal's signature")
    signed = _Signed(
        certificate=_wrapped_certificate(signing["cert"]),
        algorithm=Algorithm.named(sign_info["algorithm"].dotted),
        value=value,
        over=_sequence(outer["info"], signing["cert"], signing["algorithm"]) if v1 else outer["info"],
        timestamp=None if v1 else _timestamp(outer.get("timestamp")),
    )
    kind, listed, held = _listed(info["property"])
    maker, holds = _verify(signed, trust, held)
    start, end = _moment(stated["valid_start"]), _moment(stated["valid_end"])
    problems = [*_extension_problems(inner.get("ext_datas")), *deviations]
    if start > end:
        problems.append(Problem("empty_period", "the seal ends before it begins"))
    facts = SealFacts(
        version=version,
        code=der.text(inner["es_id"]),
        name=der.text(stated["name"]),
        type=_small(info["property"]["type"]),
        maker_id=der.text(header["vid"]),
        created=_moment(stated["created"]),
        valid_from=start,
        valid_until=end,
        sha256=sha256(data),
        sm3=sm3(data),
        signature_holds=holds,
        maker=maker,
        list_type=kind,
        signer_certificates=listed,
        problems=tuple(problems),
    )
    return facts, held


def _verify(signed: _Signed, trust: Trust, others: tuple[bytes, ...]) -> tuple[CertificateFacts | None, bool | None]:
    """Facts about the certificate and whether the signature verifies with its key; None for what cannot be read."""
    try:
        facts = trust.certificate(signed.certificate, others, "seal")
        key = certificates.parse(signed.certificate).key
    except MalformedDocument:
        return None, None
    return facts, algorithms.verify(key, signed.algorithm, signed.value, signed.over, trust.user_id, raw=True)


def _key_deviation(certificate: bytes) -> tuple[Problem, ...]:
    """GM/T 0015 names the curve 1.2.156.10197.1.301 as the parameter of an elliptic key; makers name its parts too."""
    try:
        key = certificates.parse(certificate).key
    except MalformedDocument:
        return ()
    if algorithms.public_key(key).name != "sm2" or _SM2_CURVE in key:
        return ()
    return (Problem("encoding_deviation", "the signer's key names its curve by another identifier"),)


def _members(data: bytes, what: str, most: int) -> int:
    """How many members the outermost sequence has: two in v1, more since."""
    parts = der.load(forms.Parts, data, what, most=most)
    try:
        return len(parts)
    except der.FOREIGN_ERRORS as error:
        raise der.malformed(what, error) from error


def _form(version: int) -> SignatureForm:
    return _FORMS.get(version, "ses-v1")


def _listed(stated: Any) -> tuple[ListType, tuple[bytes, ...], tuple[bytes, ...]]:
    """How the signers are named, their names (SHA-256 of certificates, or hashes), and the certificates themselves."""
    parts = der.members(stated.elements()["cert_list"])
    if len(parts) > MAX_LISTED:
        raise MalformedDocument(f"the seal lists more than {MAX_LISTED} signers", code="too_large")
    kind = _small(stated["cert_list_type"]) if isinstance(stated, forms.PropertyV4) else _CERTIFICATES
    if kind == _CERTIFICATES:
        held = tuple(_wrapped_certificate(part) for part in parts)
        return "certificates", tuple(sha256(certificate) for certificate in held), held
    if kind == _HASHES:
        hashes = tuple(forms.CertificateHash.load(part, strict=True)["value"].native for part in parts)
        if any(len(digest) != _HASH_BYTES for digest in hashes):
            raise MalformedDocument(f"a signer's hash in the seal has not {_HASH_BYTES} bytes", code="malformed")
        return "hashes", hashes, ()
    raise MalformedDocument(f"the seal's list of signers has the unknown type {kind}", code="malformed")


def _in_seal(certificate: bytes, seal: SealFacts) -> bool:
    """GM/T 0031-2014 §6.2.2: the signer's certificate is byte-equal to one of the list, or hashes to one."""
    if seal.list_type == "certificates":
        return sha256(certificate) in seal.signer_certificates
    return bool({sha256(certificate), sm3(certificate)} & set(seal.signer_certificates))


def _wrapped_certificate(encoded: bytes) -> bytes:
    """The certificate that a member holds: in an octet string, or as it is."""
    category, _, tag, _, contents, _ = parse_element(encoded)
    if category == 0 and tag == _OCTET_STRING:
        return bytes(contents)
    if category == 0 and tag == _SEQUENCE:
        return encoded
    raise MalformedDocument("a certificate is neither an octet string nor a sequence", code="malformed")


def _sequence(*parts: bytes) -> bytes:
    """The DER SEQUENCE of elements as they were encoded."""
    return bytes(emit(0, 1, _SEQUENCE, b"".join(parts)))


def _timestamp(encoded: bytes | None) -> bytes | None:
    """The token in timeStamp [0], tagged either way or bare; None if there is none."""
    if encoded is None:
        return None
    category, constructed, tag, _, contents, _ = parse_element(encoded)
    if category == 2 and tag == 0:
        encoded = contents if constructed else b"\x03" + encoded[1:]
    elif category != 0 or tag != _BIT_STRING:
        raise MalformedDocument("the signature is followed by something other than a timestamp", code="malformed")
    return values.bits(encoded, "the timestamp")[0]


def _times(encoded: bytes, signed: _Signed, trust: Trust) -> tuple[tuple[ClaimedTime, ...], tuple[TimestampFacts, ...]]:
    """The claimed time, and the timestamp over the signature's value if there is one."""
    stamps = () if signed.timestamp is None else (timestamps.read(signed.timestamp, signed.value, trust),)
    written = _written_time(encoded)
    return (() if written is None else (ClaimedTime(written.at, "seal_signature", written.zoneless),)), stamps


def _written_time(encoded: bytes) -> der.Moment | None:
    """timeInfo: a time since v4; in v1 a bit string with a time as text or in DER, or a timestamp token."""
    tag = parse_element(encoded)[2]
    if tag in _TIMES:
        return der.moment(encoded, "timeInfo")
    if tag != _BIT_STRING:
        raise MalformedDocument("timeInfo is not a time", code="malformed")
    contents = values.bits(encoded, "timeInfo")[0]
    if contents[:1] in (b"\x17", b"\x18"):
        der.check(contents, "timeInfo", most=_MOST_TIME)
        return der.moment(contents, "timeInfo")
    if contents[:1] == b"\x30":
        return timestamps.claimed(contents)
    return der.written_moment(contents, "timeInfo")


def _moment(encoded: bytes) -> int:
    return der.moment(encoded, "a time of the seal").at


def _small(value: Any) -> int:
    """A number that is a code; anything else is none of the standard's."""
    number = int(value.native)
    if not -(2**31) <= number < 2**31:
        raise MalformedDocument("the seal has a number that is not a defined code", code="malformed")
    return number


def _extension_problems(encoded: bytes | None) -> list[Problem]:
    """Critical extensions that are not known here. Tagged [0] by the standard, bare in some seals."""
    if encoded is None:
        return []
    category, constructed, tag, _, contents, _ = parse_element(encoded)
    if category == 2 and tag == 0 and constructed:
        held = der.members(encoded)
        wrapped = (
            len(held) == 1 and held[0][:1] == b"\x30" and all(member[:1] == b"\x30" for member in der.members(held[0]))
        )
        encoded = contents if wrapped else b"\x30" + encoded[1:]
    elif category != 0 or tag != _SEQUENCE:
        raise MalformedDocument("the seal's extensions are not a sequence", code="malformed")
    parsed = forms.Extensions.load(encoded, strict=True)
    critical = [extension["extn_id"].dotted for extension in parsed if extension["critical"].native]
    critical = [oid for oid in critical if oid not in _KNOWN_EXTENSIONS]
    return [Problem("critical_extension", f"the critical extension {oid} is not supported") for oid in critical[:8]]
