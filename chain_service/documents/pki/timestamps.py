"""Timestamp tokens (RFC 3161; GM/T 0033 with SM2): an outsider's word that some bytes existed at some time."""

from __future__ import annotations

from typing import Any, Final

from asn1crypto import tsp

from chain_service.documents.asn1 import der
from chain_service.documents.facts import CertificateFacts, Problem, TimestampFacts
from chain_service.documents.pki import algorithms, signed_data
from chain_service.documents.pki.signed_data import SignedData
from chain_service.documents.pki.trust import Trust
from chain_service.errors import MalformedDocument

_TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
_MAX_INFO_BYTES: Final = 64 * 1024
_ONE_SECOND: Final = 1_000_000
_LEAST_ACCURATE: Final = 86_400


def read(token: bytes, stamped: bytes, trust: Trust, beside: tuple[bytes, ...] = ()) -> TimestampFacts:
    """The facts about `token` as a timestamp over `stamped`, for a signature its value. Never raises.

    beside: certificates (DER) of the document, for tokens that carry none.
    """
    try:
        signed = signed_data.parse(token, "the timestamp", beside)
        info = _info(signed)
        return _facts(signed, info, stamped, trust.with_evidence(signed.lists, signed.answers), beside)
    except MalformedDocument as error:
        return TimestampFacts(Problem.of(error), None, None, None, None)
    except der.FOREIGN_ERRORS as error:
        return TimestampFacts(Problem.of(der.malformed("the timestamp", error)), None, None, None, None)


def claimed(token: bytes) -> der.Moment | None:
    """The time a token names, whatever it is over: no more than a claim. Raises MalformedDocument."""
    info = _info(signed_data.parse(token, "the timestamp"))
    return der.moment(info["gen_time"].dump(), "genTime")


def _info(signed: SignedData) -> Any:
    if signed.content_type != _TST_INFO or signed.content is None:
        raise MalformedDocument("the timestamp holds no TSTInfo", code="unknown_form")
    return der.load(tsp.TSTInfo, signed.content, "the timestamp's TSTInfo", most=_MAX_INFO_BYTES)


def _facts(signed: SignedData, info: Any, stamped: bytes, trust: Trust, beside: tuple[bytes, ...]) -> TimestampFacts:
    """RFC 3161 §2.4.2, and verification of the token as CMS."""
    assert signed.content is not None
    # 1. the imprint is that of what was stamped, by a digest that cannot be made to fit
    imprint = info["message_imprint"]
    name = algorithms.digest_name(imprint["hash_algorithm"])
    made = None if name in algorithms.WEAK else algorithms.digest(name, stamped)
    matches = None if made is None else imprint["hashed_message"].native == made
    # 2. the authority signed exactly this, by signed attributes that name its certificate
    holds = signed_data.signature_holds(signed, signed.content, trust.user_id)
    attested = signed.attributes is not None and signed_data.names_type(signed)
    if holds and not (attested and signed_data.content_holds(signed, signed.content)):
        holds = False
    if holds and (signed_data.weakness(signed) or signed.digest in algorithms.WEAK):
        holds = None
    # 3. the authority's path, for timestamps
    authority: CertificateFacts | None = None
    if signed.signer is not None:
        authority = trust.certificate(signed.signer.der, (*signed.certificates, *beside), "timestamp")
    return TimestampFacts(None, _latest(info), matches, holds, authority)


def _latest(info: Any) -> int:
    """The end of the interval in which the token says it was made, in whole Unix seconds rounded up."""
    written = der.moment(info["gen_time"].dump(), "genTime")
    accuracy = info["accuracy"]
    wide = 0 if written.exact else _ONE_SECOND
    if accuracy.contents:
        seconds, millis, micros = (int(accuracy[part].native or 0) for part in ("seconds", "millis", "micros"))
        wide += seconds * _ONE_SECOND + millis * 1000 + micros
    if not 0 <= wide <= _LEAST_ACCURATE * _ONE_SECOND:
        raise MalformedDocument("the timestamp's accuracy is more than a day", code="malformed")
    return written.at - (-wide // _ONE_SECOND)
