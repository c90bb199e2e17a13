"""OCSP (RFC 6960): the question about a certificate, and what an answer says, fetched or found. Fetching is for `jobs`.

A question has no nonce, since nothing here is random: an answer counts as of its thisUpdate, as a list does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from asn1crypto import ocsp

from chain_service.documents.asn1 import der
from chain_service.documents.facts import RevocationFacts
from chain_service.documents.pki import algorithms, certificates
from chain_service.documents.pki.certificates import Certificate
from chain_service.documents.pki.paths import OCSP_SIGNING
from chain_service.errors import MalformedDocument

MAX_ANSWER_BYTES: Final = 256 * 1024
MAX_SINGLE_ANSWERS: Final = 64
MAX_CERTIFICATES: Final = 8

_ARCHIVE_CUTOFF: Final = "1.3.6.1.5.5.7.48.1.6"
_REASONS: Final = {
    "unspecified": "unspecified", "key_compromise": "keyCompromise", "ca_compromise": "cACompromise",
    "affiliation_changed": "affiliationChanged", "superseded": "superseded",
    "cessation_of_operation": "cessationOfOperation", "certificate_hold": "certificateHold",
    "remove_from_crl": "removeFromCRL", "privilege_withdrawn": "privilegeWithdrawn", "aa_compromise": "aACompromise",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SingleResponse:
    """What one answer says about one certificate."""

    digest: str
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int
    status: str
    """`good`, `revoked` or `unknown`."""
    revoked_at: int | None
    reason: str | None
    this_update: int
    next_update: int | None
    keeps_expired: int | None
    """It also answers for certificates that expired at or after this moment."""
    unusable: bool
    """It has a critical extension that is not known here."""


@dataclass(frozen=True, slots=True)
class OcspResponse:
    """A responder's signed answer; nothing in it is believed yet."""

    tbs: bytes
    algorithm: algorithms.Algorithm
    signature: bytes
    produced_at: int
    responder_name: str | None
    """Key of its name; None when it names its key instead."""
    responder_key: bytes | None
    """SHA-1 of its key's bits."""
    beside: tuple[bytes, ...]
    singles: tuple[SingleResponse, ...]


def question(certificate: Certificate, issuer: Certificate) -> bytes:
    """An OCSPRequest (DER) about `certificate`. Its hashes are SHA-1 (RFC 5019 §2.1.1) and protect nothing."""
    identifier = {
        "hash_algorithm": {"algorithm": "sha1"},
        "issuer_name_hash": algorithms.digest("sha-1", issuer.subject.der),
        "issuer_key_hash": algorithms.digest("sha-1", issuer.key_bits),
        "serial_number": certificate.serial,
    }
    request = ocsp.OCSPRequest({"tbs_request": {"request_list": [{"req_cert": identifier}]}})
    return bytes(request.dump())


def parse(data: bytes) -> OcspResponse:
    """The answer that `data` encodes in DER. Raises MalformedDocument, also for one that refuses to answer.

    CMS attributes and some security stores hold the BasicOCSPResponse alone.
    """
    der.check(data, "the OCSP answer", most=MAX_ANSWER_BYTES)
    try:
        parts = der.members(data)
        basic = data if parts and parts[0][:1] == b"\x30" else _successful(data)
        return _read(der.load(ocsp.BasicOCSPResponse, basic, "the OCSP answer", most=MAX_ANSWER_BYTES))
    except MalformedDocument:
        raise
    except der.FOREIGN_ERRORS as error:
        raise der.malformed("the OCSP answer", error) from error


def _successful(data: bytes) -> bytes:
    """The BasicOCSPResponse (DER) inside an OCSPResponse."""
    response = ocsp.OCSPResponse.load(data, strict=True)
    status = response["response_status"].native
    if status != "successful":
        raise MalformedDocument(f"the OCSP responder answered {status}", code="no_answer")
    return bytes(response["response_bytes"]["response"].contents)


def _read(basic: Any) -> OcspResponse:
    tbs = basic["tbs_response_data"]
    responder = tbs["responder_id"]
    by_name = responder.name == "by_name"
    held = basic["certs"]
    return OcspResponse(
        tbs=tbs.dump(),
        algorithm=algorithms.Algorithm.of(basic["signature_algorithm"]),
        signature=der.bits(basic["signature"].dump(), "the answer's signature"),
        produced_at=der.moment(tbs["produced_at"].dump(), "producedAt").at,
        responder_name=certificates.read_name(der.members(responder.dump())[0]).key if by_name else None,
        responder_key=None if by_name else responder.chosen.native,
        beside=tuple(certificate.dump() for certificate in held)[:MAX_CERTIFICATES] if held.contents else (),
        singles=tuple(_single(response) for response in list(tbs["responses"])[:MAX_SINGLE_ANSWERS]),
    )


def _single(single: Any) -> SingleResponse:
    identifier, status = single["cert_id"], single["cert_status"]
    revoked = status.chosen if status.name == "revoked" else None
    extensions = single["single_extensions"]
    named = {extension["extn_id"].dotted: extension for extension in extensions} if extensions.contents else {}
    cutoff = named.get(_ARCHIVE_CUTOFF)
    return SingleResponse(
        digest=algorithms.digest_name(identifier["hash_algorithm"]),
        issuer_name_hash=identifier["issuer_name_hash"].native,
        issuer_key_hash=identifier["issuer_key_hash"].native,
        serial=identifier["serial_number"].native,
        status=status.name,
        revoked_at=None if revoked is None else der.moment(revoked["revocation_time"].dump(), "revocationTime").at,
        reason=None if revoked is None else _REASONS.get(revoked["revocation_reason"].native or ""),
        this_update=der.moment(single["this_update"].dump(), "thisUpdate").at,
        next_update=_optional_moment(single["next_update"]),
        keeps_expired=None if cutoff is None else der.moment(bytes(cutoff["extn_value"].contents), "archiveCutoff").at,
        unusable=any(present["critical"].native for present in named.values()),
    )


def _optional_moment(value: Any) -> int | None:
    """A time with or without its explicit tag."""
    encoded = value.dump()
    if not encoded:
        return None
    return der.moment(encoded if encoded[:1] == b"\x18" else der.members(encoded)[0], "nextUpdate").at


def look_up(
    certificate: Certificate, issuer: Certificate, answers: Iterable[OcspResponse], user_id: bytes
) -> list[RevocationFacts]:
    """What the answers that may speak for `issuer` say about `certificate`. Never raises."""
    found = []
    for answer in answers:
        for single in answer.singles:
            if not _is_about(single, certificate, issuer) or single.unusable or single.status == "unknown":
                continue
            if _authentic(answer, issuer, user_id):
                found.append(_facts(certificate, single))
    return found


def _is_about(single: SingleResponse, certificate: Certificate, issuer: Certificate) -> bool:
    """The issuer's name may be hashed as either certificate spells it (RFC 6960 §4.1.1)."""
    if single.serial != certificate.serial:
        return False
    names = {algorithms.digest(single.digest, name) for name in (issuer.subject.der, certificate.issuer.der)}
    return single.issuer_name_hash in names and single.issuer_key_hash == algorithms.digest(
        single.digest, issuer.key_bits
    )


def _facts(certificate: Certificate, single: SingleResponse) -> RevocationFacts:
    kept = single.keeps_expired is not None and certificate.not_after >= single.keeps_expired
    return RevocationFacts(
        certificate.sha256,
        "revoked" if single.status == "revoked" else "good",
        "ocsp",
        single.revoked_at,
        single.reason,
        as_of=single.this_update,
        next_update=single.next_update,
        after_end=single.status == "good" and single.this_update > certificate.not_after and not kept,
    )


def _authentic(answer: OcspResponse, issuer: Certificate, user_id: bytes) -> bool:
    """RFC 6960 §4.2.2.2: signed by the issuer itself, or by whom it made its responder."""
    for responder in _responders(answer, issuer, user_id):
        named = answer.responder_name == responder.subject.key
        keyed = answer.responder_key == algorithms.digest("sha-1", responder.key_bits)
        if (named or keyed) and algorithms.proves(
            responder.key, answer.algorithm, answer.signature, answer.tbs, user_id
        ):
            return True
    return False


def _responders(answer: OcspResponse, issuer: Certificate, user_id: bytes) -> Iterable[Certificate]:
    """The issuer, then those beside the answer that it made responders, were valid then and need no look-up."""
    yield issuer
    for data in answer.beside:
        try:
            one = certificates.parse(data)
        except MalformedDocument:
            continue
        delegated = one.purposes is not None and OCSP_SIGNING in one.purposes and one.no_check
        sound = one.flaw is None and not one.not_understood and one.allows("digital_signature")
        then = one.not_before <= answer.produced_at <= one.not_after
        named = one.issuer.key == issuer.subject.key
        if not (delegated and sound and then and named):
            continue
        if algorithms.proves(issuer.key, one.signature_algorithm, one.signature, one.tbs, user_id):
            yield one
