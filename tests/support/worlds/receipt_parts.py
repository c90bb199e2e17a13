"""Receipts of both consensus forms, taken apart, put together wrongly, and what has to be said of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cbor2
import pytest

from chain_service.core.chainproof.evidence import Evidence
from chain_service.core.chainproof.evidence_cbor import BlockProof
from chain_service.core.encoding import cose
from chain_service.core.receipts.receipt import Receipt, encode, parse
from chain_service.errors import MalformedDocument
from support.worlds.receipt_world import Issued, details

CLIQUE, QBFT = Issued("clique"), Issued("qbft")


def parts_of(receipt: Receipt) -> list[Any]:
    """Protected header, unprotected header, payload and signature, decoded."""
    message = cbor2.loads(encode(receipt)[1:])
    return [cbor2.loads(message[0]), *message[1:]]


def joined(protected: Any, unprotected: Any, payload: Any, signature: Any) -> bytes:
    """The bytes of a receipt of these parts; a protected header that is no bytes is encoded first."""
    if not isinstance(protected, bytes):
        protected = cose.encode(protected)
    return b"\xd2" + cose.encode([protected, unprotected, payload, signature])


def malformed(data: bytes, saying: str | None = None) -> None:
    with pytest.raises(MalformedDocument, match=saying):
        parse(data)


def with_evidence(receipt: Receipt, evidence: Evidence) -> Receipt:
    return replace(receipt, blocks=(BlockProof(evidence),))


def invalid(issued: Issued, receipt: Receipt, saying: str, **asked: Any) -> None:
    """The receipt is shown to be wrong, with these words among its details."""
    verdict = issued.verify(receipt, **asked)
    assert (verdict.answer.value, verdict.code) == ("invalid", "proof_invalid")
    assert saying in details(verdict)
