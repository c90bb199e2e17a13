"""PDF files whose CMS is written as it is in the field: genuine ones, attacks beside them, and what is right of each.

Certificates, lists and answers that come along are made by the authorities of the RSA city.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from document_makers.certificates import Holder, revocation_list
from document_makers.encoding import element, explicit, identifier, integer, octets, sequence, utc_time
from support.cms import signing_keys
from support.cms.cms import (
    CONTENT_TYPE,
    DATA,
    MESSAGE_DIGEST,
    SIGNED_DATA,
    SIGNING_CERTIFICATE,
    SIGNING_TIME,
    TOKEN,
    TST_INFO,
)
from support.cms.plain_signatures import DATA as NATIONAL_DATA
from support.cms.plain_signatures import SIGNED_DATA as NATIONAL_SIGNED_DATA
from support.cms.plain_signatures import issuer_of
from support.cms.timestamps import Stamp, timestamp_authority
from support.documents.city import DAY, NOW, SIGNED, City
from support.pdf import pdfs

ARCHIVE, REVOCATION_VALUES = "1.2.840.113583.1.1.8", "1.2.840.113549.1.9.16.2.24"
CERTIFICATE_VALUES, OCSP_IN_CRLS = "1.2.840.113549.1.9.16.2.23", "1.3.6.1.5.5.7.16.2"
ROOM = 14_000


@dataclass(frozen=True)
class Cms:
    """SignedData with one signature over a content; everything about it that can be otherwise."""

    signer: Holder
    digest: str = "sha-256"
    told: str | None = None
    """Name of the digest stated; by default that of the digest."""
    kind: str = DATA
    attributes: bool = True
    types: tuple[str, ...] = (DATA,)
    digests: int = 1
    at: int = SIGNED
    more: tuple[bytes, ...] = ()
    """More signed attributes, DER."""
    sort: bool = True
    unsigned: Callable[[bytes], tuple[bytes, ...]] = lambda _: ()
    """The signature's value to unsigned attributes."""
    attached: Callable[[bytes], bytes] | None = None
    certificates: tuple[bytes, ...] | None = None
    lists: tuple[bytes, ...] = ()
    rows: int = 1
    wrapper: str = SIGNED_DATA
    names_key: bool = False
    in_pieces: bool = False

    def der(self, content: bytes) -> bytes:
        stated, made = signing_keys.digest(self.digest, content)
        if self.told is not None:
            stated = signing_keys.digest(self.told, b"")[0]
        listed = [
            *(attribute(CONTENT_TYPE, identifier(one)) for one in self.types),
            *[attribute(MESSAGE_DIGEST, octets(made))] * self.digests,
            attribute(SIGNING_TIME, utc_time(self.at)),
            *self.more,
        ]
        signed = element(0x31, *sorted(listed)) if self.attributes else content
        sent = listed if not self.sort else sorted(listed)
        value = self.signer.sign(signed)
        after = self.unsigned(value)
        who = sequence(issuer_of(self.signer.certificate), integer(self.signer.serial))
        if self.names_key:
            who = element(0x80, self.key_identifier())
        row = sequence(
            integer(3 if self.names_key else 1), who, stated, element(0xA0, *sent) if self.attributes else b"",
            self.signer.key.algorithm, octets(value), element(0xA1, *after) if after else b"",
        )  # fmt: skip
        held = (self.signer.certificate,) if self.certificates is None else self.certificates
        inner = sequence(
            integer(1),
            element(0x31, stated),
            sequence(identifier(self.kind), self._inside(content)),
            element(0xA0, *held) if held else b"",
            element(0xA1, *self.lists) if self.lists else b"",
            element(0x31, *[row] * self.rows),
        )
        return sequence(identifier(self.wrapper), explicit(0, inner))

    def _inside(self, content: bytes) -> bytes:
        if self.attached is None:
            return b""
        inside = self.attached(content)
        if not self.in_pieces:
            return explicit(0, octets(inside))
        half = len(inside) // 2
        return explicit(0, element(0x24, octets(inside[:half]), octets(inside[half:])))

    def key_identifier(self) -> bytes:
        key = x509.load_der_x509_certificate(self.signer.certificate).public_key()
        return x509.SubjectKeyIdentifier.from_public_key(key).digest


def attribute(oid: str, *values: bytes) -> bytes:
    return sequence(identifier(oid), element(0x31, *values))


def names(holder: Holder, digest: str = "sha-256", *, serial: bool = True, version: int = 2) -> bytes:
    """ESSCertID or ESSCertIDv2 (RFC 5035) as a signed attribute, as a rule with issuer and serial number."""
    stated, made = signing_keys.digest(digest, holder.certificate)
    who = sequence(sequence(explicit(4, issuer_of(holder.certificate))), integer(holder.serial)) if serial else b""
    algorithm = b"" if version == 1 or digest == "sha-256" else stated
    oid = SIGNING_CERTIFICATE if version == 2 else "1.2.840.113549.1.9.16.2.12"
    return attribute(oid, sequence(sequence(sequence(algorithm, octets(made), who))))


def answer(leaf: Holder, issuer: Holder, *, at: int = NOW - 1_800, revoked: int | None = None) -> bytes:
    """An OCSP answer of the issuer itself, made by `cryptography`."""
    one, by = (x509.load_der_x509_certificate(holder.certificate) for holder in (leaf, issuer))
    builder = ocsp.OCSPResponseBuilder().add_response(
        one, by, hashes.SHA256(),
        ocsp.OCSPCertStatus.GOOD if revoked is None else ocsp.OCSPCertStatus.REVOKED,
        _moment(at), _moment(at + 5 * DAY), None if revoked is None else _moment(revoked), None,
    )  # fmt: skip
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, by)
    secret = issuer.key.secret
    assert not isinstance(secret, tuple)
    return builder.sign(secret, hashes.SHA256()).public_bytes(Encoding.DER)


def basic(response: bytes) -> bytes:
    """The BasicOCSPResponse alone."""
    at = response.index(bytes.fromhex("06092b0601050507300101")) + 11
    return response[at + (4 if response[at + 1] == 0x82 else 3) :]


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def pdf(value: Callable[[bytes], bytes], subfilter: str = "adbe.pkcs7.detached", at: int = SIGNED) -> bytes:
    """A PDF file whose signature's value is made of the bytes that it is over."""
    prepared, start = pdfs._prepare(pdfs.document(), "Seal", at, None, ROOM, subfilter, ())
    return pdfs._filled(prepared, start, ROOM, value(prepared[:start] + prepared[start + 2 * ROOM + 2 :]))


def by(of: City, **how: Any) -> bytes:
    """Signed by the issuer in this way."""
    return pdf(Cms(of.signer, **how).der)


def altered(data: bytes) -> bytes:
    return data.replace(b"2026-0001", b"2026-0002")


def _with_key(form: str, table: dict[str, tuple[str, Callable[[], signing_keys.SigningKey]]], of: City) -> bytes:
    digest, make = table[form]
    return pdf(Cms(of.person(key=make()), digest=digest).der)


def token(of: City, over: bytes, *, at: int = SIGNED + 60, **more: Any) -> bytes:
    authority = timestamp_authority(of.authorities["good"].holder, NOW - 300 * DAY, NOW + 300 * DAY)
    info = Stamp(authority, at, over).info()
    made = Cms(authority, kind=TST_INFO, types=(TST_INFO,), at=at, attached=bytes, more=(names(authority),))
    return replace(made, **more).der(info)


def _stamped(of: City, *, signer: Holder | None = None, tokens: int = 1, at: int = SIGNED, **more: Any) -> bytes:
    """With timestamps over the signature as unsigned attributes of their own."""

    def unsigned(value: bytes) -> tuple[bytes, ...]:
        return tuple(attribute(TOKEN, token(of, value, at=at + 60, **more)) for _ in range(tokens))

    return pdf(Cms(signer or of.signer, at=at, unsigned=unsigned).der, at=at)


def _nested(of: City) -> bytes:
    """A timestamp over a timestamp over the signature's timestamp, as archives renew them."""

    def unsigned(value: bytes) -> tuple[bytes, ...]:
        def again(inner: bytes) -> tuple[bytes, ...]:
            deeper = attribute(TOKEN, token(of, inner, unsigned=lambda last: (attribute(TOKEN, token(of, last)),)))
            return (deeper,)

        return (attribute(TOKEN, token(of, value, unsigned=again)),)

    return pdf(Cms(of.signer, unsigned=unsigned).der)


def _ended(of: City) -> Holder:
    return of.person(until=NOW - 3 * DAY)


def _unlisted(of: City) -> tuple[Holder, Holder]:
    """Somebody whose authority publishes no list, and that authority."""
    return of.person("no_list"), of.authorities["no_list"].holder


def _evidence(of: City, where: Callable[[bytes, bytes], dict[str, Any]], *, revoked: int | None = None) -> bytes:
    """Signed an hour ago by somebody of whom only what comes along tells; where: list and answer to their places."""
    signer, authority = _unlisted(of)
    gone = {} if revoked is None else {signer.serial: (revoked, None)}
    listed = revocation_list(authority, NOW - 1_800, NOW + 5 * DAY, gone)
    told = where(listed, answer(signer, authority, revoked=revoked))
    made = Cms(signer, at=NOW - 3_600, certificates=(signer.certificate, authority.certificate))
    return pdf(replace(made, **told).der, at=NOW - 3_600)


def _archive(lists: bytes = b"", answers: bytes = b"") -> bytes:
    members = (
        explicit(0, sequence(lists)) if lists else b"",
        explicit(1, sequence(answers)) if answers else b"",
    )
    return sequence(*members)


def _in_store(of: City, *, revoked: int | None = None, lists: bool = False) -> bytes:
    """A document security store with an answer, or with a list."""
    signer, authority = _unlisted(of)
    signed = pdf(Cms(signer, at=NOW - 3_600).der, at=NOW - 3_600)
    number = pdfs.size_of(signed)
    told = revocation_list(authority, NOW - 1_800, NOW + DAY) if lists else answer(signer, authority, revoked=revoked)
    entry = b"/CRLs" if lists else b"/OCSPs"
    catalog = b"<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R /DSS << /Certs [%d 0 R] %s [%d 0 R] >> >>"
    return pdfs.append(signed, {
        number: pdfs.stream(told), number + 1: pdfs.stream(authority.certificate),
        pdfs.CATALOG: catalog % (number + 1, entry, number),
    })  # fmt: skip


def _known_by_store(of: City) -> bytes:
    """The signature carries no certificate; the document security store does."""
    signed = by(of, certificates=())
    return pdfs.with_store(signed, (of.signer.certificate,), ())


def _twin(of: City) -> Holder:
    """Another certificate for the key of the issuer's signer."""
    return of.person(key=of.signer.key, organisation="别人", name="别人")


def _in_name_of(of: City) -> bytes:
    """The signer named its own certificate; another one of the same key has been put into its place."""
    made = Cms(of.signer, more=(names(of.signer),))
    twin = _twin(of)

    def value(content: bytes) -> bytes:
        der = made.der(content)
        mine = integer(of.signer.serial)
        held = element(0xA0, of.signer.certificate)
        other = element(0xA0, twin.certificate)
        return _resized(der, held, other, mine, integer(twin.serial))

    return pdf(value)


def _resized(der: bytes, held: bytes, other: bytes, mine: bytes, theirs: bytes) -> bytes:
    """SignedData with another certificate and serial number, its lengths made anew."""
    inner = _body(_body(der)[len(identifier(SIGNED_DATA)) :])
    body = _body(inner).replace(held, other)
    at = body.rindex(mine)
    body = body[:at] + theirs + body[at + len(mine) :]
    assert len(theirs) == len(mine), "the lengths of the signer's row would differ"
    return sequence(identifier(SIGNED_DATA), explicit(0, sequence(body)))


def _body(encoded: bytes) -> bytes:
    return encoded[2:] if encoded[1] < 0x80 else encoded[2 + (encoded[1] & 0x7F) :]


@dataclass(frozen=True)
class CmsSample:
    """A PDF file and what is right of it."""

    code: str
    make: Callable[[City], bytes]
    warned: tuple[str, ...] = ()
    anchored: str | None = None
    """The code where a record names the same bytes, if it is another one."""


def _good(make: Callable[[City], bytes], *warned: str) -> CmsSample:
    return CmsSample("valid", make, warned)


def _enclosing_sha1(of: City, subfilter: str = "adbe.pkcs7.sha1") -> bytes:
    """adbe.pkcs7.sha1: the SHA-1 of the ranges is what is signed, by a strong digest."""

    def value(content: bytes) -> bytes:
        return Cms(of.signer, attached=bytes).der(hashlib.sha1(content).digest())

    return pdf(value, subfilter)


SAMPLES: dict[str, CmsSample] = {
    # as the standard has it, and near it
    "plain": _good(by),
    "content enclosed as well": _good(lambda of: by(of, attached=bytes)),
    "content enclosed in pieces": _good(lambda of: by(of, attached=bytes, in_pieces=True)),
    "signer named by its key": _good(lambda of: by(of, names_key=True)),
    "without signed attributes": _good(lambda of: by(of, attributes=False)),
    "attributes in the order they were made": _good(lambda of: by(of, sort=False)),
    "certificate named by SHA-1": _good(lambda of: by(of, more=(names(of.signer, "sha-1", version=1),))),
    "certificate named by SHA-256": _good(lambda of: by(of, more=(names(of.signer),))),
    "certificate named by SHA-512": _good(lambda of: by(of, more=(names(of.signer, "sha-512"),))),
    "certificate in the document security store alone": _good(_known_by_store),
    # identifiers of the other family
    "type of the content not told": _good(lambda of: by(of, types=()), "encoding_deviation"),
    "type told in national words": _good(lambda of: by(of, types=(NATIONAL_DATA,)), "encoding_deviation"),
    "content in national words": _good(lambda of: by(of, kind=NATIONAL_DATA), "encoding_deviation"),
    "both in national words": _good(
        lambda of: by(of, kind=NATIONAL_DATA, types=(NATIONAL_DATA,), wrapper=NATIONAL_SIGNED_DATA)
    ),
    # what cannot be told
    "type of something else told": CmsSample("signature_unsupported", lambda of: by(of, types=(TST_INFO,))),
    "content of another type": CmsSample("signature_unsupported", lambda of: by(of, kind=TST_INFO)),
    "digest not told": CmsSample("signature_unsupported", lambda of: by(of, digests=0)),
    "an attribute told twice": CmsSample("signature_unsupported", lambda of: by(of, digests=2)),
    "two signers": CmsSample("signature_unsupported", lambda of: by(of, rows=2)),
    "no signers": CmsSample("signature_unsupported", lambda of: by(of, rows=0)),
    "no certificate": CmsSample("signer_untrusted", lambda of: by(of, certificates=())),
    "certificate named by another digest than its own": CmsSample(
        "signer_untrusted", lambda of: by(of, more=(names(_twin(of)),))
    ),
    "another certificate of the same key": CmsSample("signer_untrusted", _in_name_of),
    "something else enclosed": CmsSample("signature_unsupported", lambda of: by(of, attached=lambda _: b"other")),
    "something else enclosed, signed directly": CmsSample(
        "signature_unsupported", lambda of: by(of, attributes=False, attached=lambda _: b"other")
    ),
    "SHA-1 of the ranges enclosed": CmsSample(
        "signature_unsupported", _enclosing_sha1, ("weak_digest",), anchored="valid"
    ),
    "form of another country": CmsSample(
        "signature_unsupported", lambda of: pdf(Cms(of.signer).der, "PBAD.PAdES")
    ),
    "bare RSA": CmsSample(
        "signature_unsupported", lambda of: pdf(lambda content: octets(of.signer.sign(content)), "adbe.x509.rsa_sha1")
    ),
    "ASN.1 that is not SignedData": CmsSample("signature_unsupported", lambda of: pdf(lambda _: sequence(integer(1)))),
    # what is shown to be wrong
    "SHA-1 of other ranges enclosed": CmsSample(
        "content_altered", lambda of: altered(_enclosing_sha1(of))
    ),
    "content enclosed, then the file changed": CmsSample(
        "content_altered", lambda of: altered(by(of, attached=bytes))
    ),
    "changed under two signers named by one key": CmsSample(
        "content_altered", lambda of: altered(by(of, names_key=True))
    ),
    "changed under an unknown algorithm": CmsSample(
        "content_altered", lambda of: altered(_with_key("DSA", signing_keys.UNKNOWN, of))
    ),
    "changed under a certificate that is not there": CmsSample(
        "content_altered", lambda of: altered(by(of, certificates=()))
    ),
    "changed where the type is not told": CmsSample("content_altered", lambda of: altered(by(of, types=()))),
    "value taken away": CmsSample("signature_invalid", lambda of: pdf(lambda _: b"")),
    # weak and unknown algorithms
    "digest MD5": CmsSample("signature_unsupported", lambda of: by(of, digest="md5"), ("weak_digest",)),
    "digest SHA-1": CmsSample(
        "signature_unsupported", lambda of: by(of, digest="sha-1"), ("weak_digest",), anchored="valid"
    ),
    "digest MD5, changed": CmsSample("content_altered", lambda of: altered(by(of, digest="md5")), ("weak_digest",)),
    **{
        form: CmsSample("signature_unsupported", partial(_with_key, form, signing_keys.WEAK),
                        ("weak_digest",))
        for form in signing_keys.WEAK
    },
    **{
        form: CmsSample("signature_unsupported", partial(_with_key, form, signing_keys.UNKNOWN))
        for form in signing_keys.UNKNOWN
    },
    **{form: _good(partial(_with_key, form, signing_keys.FORMS)) for form in signing_keys.FORMS},
    "RSA with SHA3-256": _good(lambda of: pdf(Cms(of.person(key=signing_keys.NAMED["2.16.840.1.101.3.4.3.14"][2]()),
                                                  digest="sha3-256").der)),
    "plain ECDSA": _good(
        lambda of: pdf(Cms(of.person(key=signing_keys.NAMED["0.4.0.127.0.7.1.1.4.1.3"][2]())).der)
    ),
    "Ed25519": _good(
        lambda of: pdf(Cms(of.person(key=signing_keys.NAMED["1.3.101.112"][2]()), digest="sha-512").der)
    ),
    # timestamps
    "timestamp by an authority that names issuer and serial number": _good(
        lambda of: _stamped(of, signer=_ended(of), at=NOW - 60 * DAY)
    ),
    "two timestamps, each an attribute": _good(
        lambda of: _stamped(of, signer=_ended(of), at=NOW - 60 * DAY, tokens=2)
    ),
    "timestamps over timestamps": _good(_nested),
    "clock of the signer ahead of the timestamp": _good(lambda of: _ahead(of)),
    "timestamp whose attributes do not tell its type": CmsSample(
        "signing_time_unproven", lambda of: _stamped(of, signer=_ended(of), at=NOW - 60 * DAY, types=())
    ),
    "timestamp by another authority than it names": CmsSample(
        "signing_time_unproven",
        lambda of: _stamped(of, signer=_ended(of), at=NOW - 60 * DAY, more=(names(of.signer),)),
    ),
    # lists and answers that come along
    "no list anywhere": CmsSample("revocation_unknown", lambda of: _evidence(of, lambda lists, answers: {})),
    "Adobe's archive with a list": _good(lambda of: _evidence(
        of, lambda lists, answers: {"more": (attribute(ARCHIVE, _archive(lists)),)}
    )),
    "Adobe's archive with an answer": _good(lambda of: _evidence(
        of, lambda lists, answers: {"more": (attribute(ARCHIVE, _archive(b"", answers)),)}
    )),
    "Adobe's archive with both": _good(lambda of: _evidence(
        of, lambda lists, answers: {"more": (attribute(ARCHIVE, _archive(lists, answers)),)}
    )),
    "Adobe's archive with nothing": CmsSample("revocation_unknown", lambda of: _evidence(
        of, lambda lists, answers: {"more": (attribute(ARCHIVE, _archive()),)}
    )),
    "Adobe's archive with something else": CmsSample("revocation_unknown", lambda of: _evidence(
        of, lambda lists, answers: {"more": (attribute(ARCHIVE, octets(b"?")),)}
    )),
    "values of revocation beside the signature": _good(lambda of: _evidence(
        of, lambda lists, answers: {
            "unsigned": lambda _: (attribute(REVOCATION_VALUES, _archive(b"", basic(answers))),)
        },
    )),
    "a list among the CRLs": _good(lambda of: _evidence(of, lambda lists, answers: {"lists": (lists,)})),
    "an answer among the CRLs": _good(lambda of: _evidence(
        of, lambda lists, answers: {"lists": (element(0xA1, identifier(OCSP_IN_CRLS), answers),)}
    )),
    "an answer in the document security store": _good(_in_store),
    "a list in the document security store": _good(lambda of: _in_store(of, lists=True)),
    "an answer in the store that revokes": CmsSample(
        "signer_revoked", lambda of: _in_store(of, revoked=NOW - 10 * DAY)
    ),
    "an archive that revokes": CmsSample("signer_revoked", lambda of: _evidence(
        of, lambda lists, answers: {"more": (attribute(ARCHIVE, _archive(b"", answers)),)}, revoked=NOW - DAY
    )),
    "an answer that a stranger signed": CmsSample("revocation_unknown", lambda of: _evidence(
        of, lambda lists, answers: {
            "more": (attribute(ARCHIVE, _archive(b"", answer(_unlisted(of)[0], of.foreign))),)
        },
    )),
}  # fmt: skip
"""What it is to its file; judged in the RSA city without a chain."""


def _ahead(of: City) -> bytes:
    """The signer's clock says eight hours later than the timestamp: local time written as UTC."""

    def unsigned(value: bytes) -> tuple[bytes, ...]:
        return (attribute(TOKEN, token(of, value, at=SIGNED - 8 * 3_600)),)

    return pdf(Cms(of.signer, unsigned=unsigned).der)


__all__ = ["SAMPLES", "Cms", "CmsSample", "attribute", "names", "pdf", "token"]
