"""Signatures without a seal (Type=Sign in OFD): bare SM2 over Signature.xml, or GB/T 35275 SignedData.

GM/T 0099-2020 §7.2.2 asks for the latter. Makers put different things inside it: Signature.xml, its SM3 digest, or
nothing; with signed attributes or without.
"""

from __future__ import annotations

from typing import Final

from chain_service.core.encoding.digests import sm3
from chain_service.documents.asn1 import der
from chain_service.documents.facts import ClaimedTime, Problem, SignatureFacts
from chain_service.documents.pki import algorithms, signed_data, sm2, timestamps
from chain_service.documents.pki.certificates import Certificate
from chain_service.documents.pki.signed_data import SignedData
from chain_service.documents.pki.trust import Trust
from chain_service.errors import MalformedDocument

_BARE: Final = algorithms.Algorithm.named(algorithms.SM2_WITH_SM3)


def read_plain_signature(value: bytes, signed: bytes, trust: Trust, beside: tuple[bytes, ...] = ()) -> SignatureFacts:
    """The facts about the signature `value` (SignedValue.dat) over `signed` (Signature.xml). Never raises.

    beside: certificates (DER) that the document carries. `place`, references and coverage are the document's.
    """
    if not signed_data.looks_like(value):
        return _bare(value, signed, trust, beside)
    try:
        return _in_signed_data(signed_data.parse(value, "the signed value", beside), signed, trust, beside)
    except MalformedDocument as error:
        return SignatureFacts("", "gbt35275", Problem.of(error))
    except der.FOREIGN_ERRORS as error:
        return SignatureFacts("", "gbt35275", Problem.of(der.malformed("the signed value", error)))


def _bare(value: bytes, signed: bytes, trust: Trust, beside: tuple[bytes, ...]) -> SignatureFacts:
    """Nothing in such a signature names its signer: the certificates beside it and the known signers are tried."""
    if not sm2.readable(value):
        known = Problem("unknown_form", "the signed value is not a supported signature")
        return SignatureFacts("", "unknown", known if value.strip(b"\0") else Problem("no_value", "there is no value"))
    candidates = [*trust.readable(beside), *trust.known_signers()]
    signer = next((candidate for candidate in candidates if _verifies(candidate, value, signed, trust)), None)
    return SignatureFacts(
        place="",
        form="sm2-sign",
        data_digest_holds=True if signer else None,
        signature_holds=True if signer else (False if trust.readable(beside) else None),
        algorithm=_BARE.name,
        signer=None if signer is None else trust.certificate(signer.der, beside),
    )


def _verifies(signer: Certificate, value: bytes, signed: bytes, trust: Trust) -> bool:
    return algorithms.verify(signer.key, _BARE, value, signed, trust.user_id, raw=True) is True


def _in_signed_data(found: SignedData, signed: bytes, trust: Trust, beside: tuple[bytes, ...]) -> SignatureFacts:
    trust = trust.with_evidence(found.lists, found.answers)
    # 1. what it contains is Signature.xml, or its digest, or nothing, and the signed attributes are about either
    data_holds, inside = signed_data.signs(found, signed, sm3(signed))
    # 2. the signature
    holds = signed_data.signature_holds(found, inside, trust.user_id)
    claimed, problems = claimed_time(found)
    return SignatureFacts(
        place="",
        form="gbt35275",
        data_digest_holds=data_holds,
        signature_holds=holds,
        algorithm=signed_data.weakness(found) or found.algorithm.name,
        weak=signed_data.weakness(found) is not None or found.digest in algorithms.WEAK,
        claimed=claimed,
        timestamps=tuple(timestamps.read(token, found.signature, trust) for token in found.timestamps),
        signer=None if found.signer is None else trust.certificate(found.signer.der, (*found.certificates, *beside)),
        problems=(
            *problems,
            *(Problem("encoding_deviation", deviation) for deviation in signed_data.deviations(found)),
        ),
    )


def claimed_time(found: SignedData) -> tuple[tuple[ClaimedTime, ...], tuple[Problem, ...]]:
    """The signed attribute signingTime, if it is there; one that is no time is a problem and decides nothing."""
    try:
        written = found.signing_time
    except (MalformedDocument, *der.FOREIGN_ERRORS):
        return (), (Problem("malformed", "the signing time in the signature's attributes is not a time"),)
    return (() if written is None else (ClaimedTime(written.at, "cms_attribute", written.zoneless),)), ()
