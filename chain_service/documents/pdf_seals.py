"""The national seal in a PDF: an SES_Signature (GB/T 38540) as the value of the signature's dictionary.

It stands there under the SubFilter GM.sm2seal, and under others by makers who name what a viewer would accept; its
content tells it. dataHash is the digest of the byte ranges; everything else is as in an OFD document.
"""

from __future__ import annotations

from dataclasses import replace

from chain_service.documents import algorithms, seals
from chain_service.documents.facts import ReferenceFacts, SignatureFacts
from chain_service.documents.trust import Trust

__all__ = ["read_pdf_seal"]


def read_pdf_seal(place: str, value: bytes, content: bytes, trust: Trust) -> SignatureFacts:
    """The facts about the seal's signature `value` over the byte ranges `content`, coverage left open. Never raises."""
    signed = seals.read_seal_signature(value, trust)
    facts = replace(seals.signs(signed, content), place=place)
    if facts.problem is not None or signed.algorithm is None:
        return facts
    digest = signed.algorithm.digest or "sm3"
    reference = ReferenceFacts("ByteRange", digest, facts.data_digest_holds, weak=digest in algorithms.WEAK)
    return replace(facts, references=(reference,))
