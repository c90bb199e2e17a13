"""What certificate revocation lists (RFC 5280 §5) say about a certificate; whatever is not certain is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from asn1crypto import crl
from cryptography import x509

from chain_service.documents.asn1 import der
from chain_service.documents.facts import RevocationFacts
from chain_service.documents.pki import algorithms, certificates
from chain_service.documents.pki.certificates import Certificate
from chain_service.errors import MalformedDocument

MAX_LIST_BYTES: Final = 64 * 1024 * 1024

_CRL_NUMBER: Final = "2.5.29.20"
_AUTHORITY_KEY: Final = "2.5.29.35"
_DELTA: Final = "2.5.29.27"
_SCOPE: Final = "2.5.29.28"
_EXPIRED_CERTIFICATES: Final = "2.5.29.60"
_UNDERSTOOD: Final = frozenset({_CRL_NUMBER, _AUTHORITY_KEY, _SCOPE, _EXPIRED_CERTIFICATES})

_REASONS: Final = {flag: flag.value for flag in x509.ReasonFlags}


@dataclass(frozen=True, slots=True, eq=False)
class RevocationList:
    """One list as it is written; believed once its signature was verified."""

    issuer: certificates.Name
    this_update: int
    next_update: int | None
    tbs: bytes
    algorithm: algorithms.Algorithm
    signature: bytes
    entries: x509.CertificateRevocationList
    unusable: str | None
    """Why it can never answer: a delta, an indirect list, an extension beyond those known here."""
    authorities_only: bool
    users_only: bool
    scope: frozenset[bytes] | None
    """General names (DER) of the distribution point it is for; None: all certificates of the issuer."""
    keeps_expired: int | None
    """It also lists certificates that expired at or after this moment."""
    signers: dict[bytes, bool] = field(default_factory=dict)
    """SHA-256 of an issuer to whether the signature proves that it is its: lists are long, and asked often."""


def parse(data: bytes) -> RevocationList:
    """The list that `data` encodes in DER. Raises MalformedDocument.

    It comes from the operator, not from a document, so only its size is bounded.
    """
    if len(data) > MAX_LIST_BYTES:
        raise MalformedDocument(f"the revocation list has more than {MAX_LIST_BYTES} bytes", code="too_large")
    try:
        entries = x509.load_der_x509_crl(data)  # strict DER, and quick to refuse what the other would be slow over
        parsed = crl.CertificateList.load(data, strict=True)
        return _read(parsed, entries)
    except MalformedDocument:
        raise
    except algorithms.LIBRARY_ERRORS as error:
        raise der.malformed("the revocation list", error) from error


def _read(parsed: Any, entries: x509.CertificateRevocationList) -> RevocationList:
    tbs = parsed["tbs_cert_list"]
    extensions = {
        extension["extn_id"].dotted: (bool(extension["critical"].native), bytes(extension["extn_value"].contents))
        for extension in (tbs["crl_extensions"] if tbs["crl_extensions"].contents else ())
    }
    scope = _scope(extensions)
    unusable = next(
        (
            f"it has the critical extension {oid}"
            for oid, (must, _) in extensions.items()
            if must and oid not in _UNDERSTOOD
        ),
        None,
    )
    if _DELTA in extensions:
        unusable = "it is a delta list"
    elif scope is not None and (
        scope["indirect_crl"].native
        or scope["only_contains_attribute_certs"].native
        or scope["only_some_reasons"].native is not None
    ):
        unusable = "it is an indirect or partial list"
    next_update = tbs["next_update"]
    kept = extensions.get(_EXPIRED_CERTIFICATES)
    return RevocationList(
        issuer=certificates.read_name(tbs["issuer"].dump()),
        this_update=der.moment(tbs["this_update"].chosen.dump(), "thisUpdate").at,
        next_update=der.moment(next_update.chosen.dump(), "nextUpdate").at if next_update.contents else None,
        tbs=tbs.dump(),
        algorithm=algorithms.Algorithm.of(parsed["signature_algorithm"]),
        signature=der.bits(parsed["signature"].dump(), "the list's signature"),
        entries=entries,
        unusable=unusable,
        authorities_only=bool(scope and scope["only_contains_ca_certs"].native),
        users_only=bool(scope and scope["only_contains_user_certs"].native),
        scope=None if scope is None else _points(scope),
        keeps_expired=_kept_since(kept[1]) if kept else None,
    )


def _scope(extensions: dict[str, tuple[bool, bytes]]) -> Any:
    if _SCOPE not in extensions:
        return None
    return der.load(crl.IssuingDistributionPoint, extensions[_SCOPE][1], "the list's scope", most=64 * 1024)


def _points(scope: Any) -> frozenset[bytes] | None:
    if not scope["distribution_point"].contents:
        return None
    return frozenset(certificates.full_names(scope))


def _kept_since(value: bytes) -> int | None:
    return der.moment(value, "expiredCertsOnCRL").at


def look_up(
    certificate: Certificate, issuer: Certificate, lists: Iterable[RevocationList], user_id: bytes
) -> RevocationFacts:
    """What the lists that `issuer` signed say about `certificate`, the newest for good, any for revoked.

    lists: those that bear the issuer's name. Never raises.
    """
    usable, detail = [], f"no revocation list of {issuer.subject.text} is available"
    for revocation_list in lists:
        flaw = _why_not(revocation_list, certificate, issuer, user_id)
        if flaw is None:
            usable.append(revocation_list)
        else:
            detail = f"a list of {issuer.subject.text} cannot be used: {flaw}"
    if not usable:
        return RevocationFacts(certificate.sha256, "unknown", detail=detail)
    usable.sort(key=lambda revocation_list: revocation_list.this_update, reverse=True)
    newest = usable[0]
    for revocation_list in usable:
        try:
            entry = revocation_list.entries.get_revoked_certificate_by_serial_number(certificate.serial)
        except algorithms.LIBRARY_ERRORS as error:
            return RevocationFacts(certificate.sha256, "unknown", detail=der.malformed("a list", error).message)
        if entry is not None:
            found = _revoked(certificate, revocation_list, entry)
            if found.reason == "removeFromCRL" or (found.reason == "certificateHold" and revocation_list is not newest):
                continue
            return found
    telling = [revocation_list for revocation_list in usable if not _made_after_end(revocation_list, certificate)]
    newest = telling[0] if telling else newest
    return RevocationFacts(
        certificate.sha256,
        "good",
        "crl",
        as_of=newest.this_update,
        next_update=newest.next_update,
        after_end=not telling,
    )


def _made_after_end(one: RevocationList, certificate: Certificate) -> bool:
    kept = one.keeps_expired is not None and certificate.not_after >= one.keeps_expired
    return one.this_update > certificate.not_after and not kept


def _why_not(one: RevocationList, certificate: Certificate, issuer: Certificate, user_id: bytes) -> str | None:
    """Why this list says nothing about the certificate (RFC 5280 §6.3.3)."""
    if one.unusable is not None:
        return one.unusable
    if certificate.authority if one.users_only else one.authorities_only and not certificate.authority:
        return "it is for the other kind of certificate"
    if one.scope is not None and not one.scope & certificate.distribution_points:
        return "it is for another distribution point"
    if not issuer.allows("crl_sign"):
        return "its issuer may not sign lists (keyUsage)"
    if one.algorithm.weak:
        return f"it is signed with {one.algorithm.name}, which is open to collisions"
    if issuer.sha256 not in one.signers:
        one.signers[issuer.sha256] = algorithms.proves(issuer.key, one.algorithm, one.signature, one.tbs, user_id)
    return None if one.signers[issuer.sha256] else "its signature does not verify"


def _revoked(certificate: Certificate, one: RevocationList, entry: x509.RevokedCertificate) -> RevocationFacts:
    moment, reason = int(entry.revocation_date_utc.timestamp()), None
    try:
        for extension in entry.extensions:
            if isinstance(extension.value, x509.CRLReason):
                reason = _REASONS[extension.value.reason]
            elif isinstance(extension.value, x509.InvalidityDate):
                moment = min(moment, int(extension.value.invalidity_date_utc.timestamp()))
    except algorithms.LIBRARY_ERRORS:
        reason = None
    return RevocationFacts(
        certificate.sha256, "revoked", "crl", moment, reason, as_of=one.this_update, next_update=one.next_update
    )
