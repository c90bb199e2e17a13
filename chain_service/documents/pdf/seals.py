"""The national seal in a PDF: an SES_Signature (GB/T 38540) as the value of the signature's dictionary.

It stands there under the SubFilter GM.sm2seal, and under others by makers who name what a viewer would accept; its
content tells it. dataHash is the digest of the byte ranges; everything else is as in an OFD document.
"""

from __future__ import annotations

from dataclasses import replace

from chain_service.documents.facts import Problem, ReferenceFacts, SignatureFacts
from chain_service.documents.pki import algorithms
from chain_service.documents.pki.trust import Trust
from chain_service.documents.ses import seals, values
from chain_service.errors import MalformedDocument

__all__ = ["read_pdf_seal"]


def read_pdf_seal(place: str, value: bytes, content: bytes, trust: Trust) -> SignatureFacts:
    """The facts about the seal's signature `value` over the byte ranges `content`, coverage left open. Never raises."""
    try:
        value, _ = values.unpadded(value)  # its place is reserved before it is known, and zeros fill the rest
    except MalformedDocument as error:
        return SignatureFacts(place, "unknown", Problem("unknown_form", error.message))
    signed = seals.read_seal_signature(value, trust)
    facts = replace(seals.signs(signed, content), place=place)
    if facts.problem is not None or signed.algorithm is None:
        return facts
    digest = signed.algorithm.digest or "sm3"
    reference = ReferenceFacts("ByteRange", digest, facts.data_digest_holds, weak=digest in algorithms.WEAK)
    return replace(facts, references=(reference,))
