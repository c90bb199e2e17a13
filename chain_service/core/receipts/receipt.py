"""Receipts that need no server: RFC 9942 COSE receipts (RFC9162_SHA256) that carry the chain's evidence.

    tag 18 ([protected, unprotected, nil, signature])
    protected    {1: -8, 4: key id, 395: 1, 15: {1: "eip155:<chain>:<RecordLog>", 2: record id, 6: iat},
                  -65602: [log, tree size, leaf index]}
    unprotected  {396: {-1: [<<[tree size, leaf index, [*hash]]>>]}, -65601: [evidence, ?evidence]}
    signature    Ed25519 by the log's key over Sig_structure ["Signature1", protected, h'', root]

The first evidence fixes when the record was included, a second one, after a refresh, how its status stood later.
Unprotected parts can be changed by anyone: no hash of a receipt identifies it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

from chain_service.core.chainproof.evidence import Evidence
from chain_service.core.chainproof.evidence_cbor import BlockProof, block_from_cbor, block_to_cbor
from chain_service.core.encoding import cose
from chain_service.core.encoding.cose import Cbor, Signer
from chain_service.core.encoding.times import LAST_SECOND, rfc3339
from chain_service.core.log.merkle import MAX_SIZE, InclusionProof, leaf_hash, root_from_inclusion
from chain_service.core.records.hashing import Entry, LogId, parse_log_id
from chain_service.errors import InvalidProof, MalformedDocument, MalformedRecord

MEDIA_TYPE: Final = "application/cose"
MAX_RECEIPT_BYTES: Final = 256 * 1024
MAX_PATH: Final = 64
MAX_BLOCKS: Final = 2
MAX_RECORD_ID: Final = 100

CWT_CLAIMS: Final = 15
ISSUER, SUBJECT, ISSUED_AT = 1, 2, 6
VERIFIABLE_DATA_STRUCTURE: Final = 395
RFC9162_SHA256: Final = 1
PROOFS: Final = 396
INCLUSION: Final = -1
EVIDENCE: Final = -65601
PLACE: Final = -65602
"""Private label: log, tree size and leaf index as signed, since RFC 9942 leaves the latter two unsigned."""
LAST_PRIVATE_LABEL: Final = -65537

_TAG_18: Final = b"\xd2"
_ISSUER: Final = re.compile(r"eip155:(0|[1-9][0-9]{0,18}):0x([0-9a-f]{40})")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says. Made by `issue` or `parse`; proves nothing until its parts were verified."""

    chain_id: int
    contract: bytes
    """Address of the RecordLog, 20 bytes."""
    record_id: str
    issued_at: int
    """Unix seconds: the time of the first evidence's block, so that no later one can stand in for it."""
    log: LogId
    proof: InclusionProof
    key_id: bytes
    """First 8 bytes of SHA-256(log key)."""
    signature: bytes
    blocks: tuple[BlockProof, ...]
    """One, or two after a refresh; the second is about a later block."""

    @property
    def protected(self) -> bytes:
        """The protected header as it is signed."""
        return cose.encode(
            {
                cose.ALG: cose.EDDSA,
                cose.KID: self.key_id,
                CWT_CLAIMS: {
                    ISSUER: f"eip155:{self.chain_id}:0x{self.contract.hex()}",
                    SUBJECT: self.record_id,
                    ISSUED_AT: self.issued_at,
                },
                VERIFIABLE_DATA_STRUCTURE: RFC9162_SHA256,
                PLACE: [self.log, self.proof.size, self.proof.index],
            }
        )

    def to_json(self) -> dict[str, Any]:
        """The receipt for reading: byte strings in hex, headers and nodes by count and size."""
        org, generation = parse_log_id(self.log)
        return {
            "chainId": self.chain_id,
            "contract": "0x" + self.contract.hex(),
            "recordId": self.record_id,
            "issuedAt": rfc3339(self.issued_at),
            "log": self.log.hex(),
            "organisation": org,
            "generation": generation,
            "size": self.proof.size,
            "index": self.proof.index,
            "path": [node.hex() for node in self.proof.path],
            "keyId": self.key_id.hex(),
            "signature": self.signature.hex(),
            "evidence": [block.to_json() for block in self.blocks],
        }


def issue(
    *,
    chain_id: int,
    contract: bytes,
    record_id: str,
    issued_at: int,
    log: LogId,
    proof: InclusionProof,
    entry: Entry,
    signer: Signer,
    blocks: tuple[BlockProof, ...],
) -> Receipt:
    """A receipt signed by the log's key over the root that `proof` leads to from `entry`. Raises InvalidProof."""
    key_id = cose.key_id(signer.public_key)
    unsigned = Receipt(chain_id, contract, record_id, issued_at, log, proof, key_id, bytes(64), blocks)
    root = root_from_inclusion(leaf_hash(entry), proof)
    return replace(unsigned, signature=signer.sign(cose.signed_bytes(unsigned.protected, root)))


def refreshed(receipt: Receipt, newer: Evidence) -> Receipt:
    """The same receipt with the status as of a newer block; what fixes its time and its signature stay."""
    return replace(receipt, blocks=(receipt.blocks[0], BlockProof(newer)))


def room_for_newer(receipt: Receipt) -> int:
    """How many bytes a newer evidence of this receipt may have at most. Raises InvalidProof."""
    return MAX_RECEIPT_BYTES - len(encode(replace(receipt, blocks=receipt.blocks[:1])))


def encode(receipt: Receipt) -> bytes:
    """The bytes of a `.receipt` file. Raises InvalidProof for a receipt that `parse` would not accept."""
    proof = receipt.proof
    inclusion = cose.encode([proof.size, proof.index, list(proof.path)])
    unprotected = {
        PROOFS: {INCLUSION: [inclusion]},
        EVIDENCE: [block_to_cbor(block) for block in receipt.blocks],
    }
    data = _TAG_18 + cose.encode([receipt.protected, unprotected, None, receipt.signature])
    if len(data) > MAX_RECEIPT_BYTES:
        raise InvalidProof("the receipt would be larger than any verifier accepts", bytes=len(data))
    return data


def parse(data: bytes) -> Receipt:
    """The receipt in a `.receipt` file: `encode` gives the same bytes but for private unprotected labels, left out.

    Raises MalformedDocument for what is no receipt in deterministic CBOR within the bounds, InvalidProof where signed
    and proven size or index differ.
    """
    # 1. bounded, tagged COSE_Sign1 with a detached payload
    protected, unprotected, signature = _open(data)
    # 2. what is signed
    claims = _Claims.parse(protected)
    # 3. what is not
    if type(unprotected) is not dict:
        _refuse("the unprotected header is a map", "unprotected")
    if any(label not in (PROOFS, EVIDENCE) and label > LAST_PRIVATE_LABEL for label in unprotected):
        _refuse("the unprotected header has a label that is neither known nor private", "unprotected")
    proof = _inclusion(unprotected.get(PROOFS))
    blocks = unprotected.get(EVIDENCE)
    if type(blocks) is not list or not 1 <= len(blocks) <= MAX_BLOCKS:
        _refuse("a receipt has the evidence of one block or two", "evidence")
    # 4. size and index are the signed ones
    if (proof.size, proof.index) != (claims.size, claims.index):
        raise InvalidProof("the proof is for another size or index than was signed", size=proof.size, index=proof.index)
    return Receipt(
        chain_id=claims.chain_id,
        contract=claims.contract,
        record_id=claims.record_id,
        issued_at=claims.issued_at,
        log=claims.log,
        proof=proof,
        key_id=claims.key_id,
        signature=signature,
        blocks=tuple(block_from_cbor(block) for block in blocks),
    )


def _open(data: bytes) -> tuple[Cbor, Cbor, bytes]:
    """Protected and unprotected header, and the signature. Raises MalformedDocument."""
    if len(data) > MAX_RECEIPT_BYTES:
        raise MalformedDocument(f"a receipt has at most {MAX_RECEIPT_BYTES} bytes", field="")
    if data[:1] != _TAG_18:
        raise MalformedDocument("a receipt is a COSE_Sign1 message with tag 18", field="")
    message = cose.decode(data[1:], "the receipt")
    if type(message) is not list or len(message) != 4:
        _refuse("a receipt has 4 parts", "")
    protected, unprotected, payload, signature = message
    if payload is not None:
        _refuse("a receipt's payload is nil: the root is recomputed", "payload")
    if type(signature) is not bytes or len(signature) != 64:
        _refuse("an Ed25519 signature has 64 bytes", "signature")
    return protected, unprotected, signature


@dataclass(frozen=True, slots=True)
class _Claims:
    """The protected header's members."""

    chain_id: int
    contract: bytes
    record_id: str
    issued_at: int
    log: LogId
    size: int
    index: int
    key_id: bytes

    @classmethod
    def parse(cls, data: Cbor) -> _Claims:
        if type(data) is not bytes:
            _refuse("the protected header is a byte string", "protected")
        header = cose.decode(data, "the protected header")
        _require_labels(header, {cose.ALG, cose.KID, CWT_CLAIMS, VERIFIABLE_DATA_STRUCTURE, PLACE}, "protected")
        if header[cose.ALG] != cose.EDDSA:
            _refuse("receipts are signed with EdDSA", "protected.1")
        if header[VERIFIABLE_DATA_STRUCTURE] != RFC9162_SHA256:
            _refuse("the log's data structure is RFC9162_SHA256", "protected.395")
        key_id = header[cose.KID]
        if type(key_id) is not bytes or len(key_id) != 8:
            _refuse("a key id has 8 bytes", "protected.4")
        claims, place = header[CWT_CLAIMS], header[PLACE]
        _require_labels(claims, {ISSUER, SUBJECT, ISSUED_AT}, "protected.15")
        issuer = _ISSUER.fullmatch(claims[ISSUER]) if type(claims[ISSUER]) is str else None
        record_id = claims[SUBJECT]
        if issuer is None:
            _refuse("the issuer is eip155, chain id and contract", "protected.15.1")
        if type(record_id) is not str or not 0 < len(record_id) <= MAX_RECORD_ID:
            _refuse(f"a record id has 1 to {MAX_RECORD_ID} characters", "protected.15.2")
        if type(place) is not list or len(place) != 3:
            _refuse("the place is log, size and index", "protected.-65602")
        return cls(
            chain_id=int(issuer[1]),
            contract=bytes.fromhex(issuer[2]),
            record_id=record_id,
            issued_at=_number(claims[ISSUED_AT], LAST_SECOND, "protected.15.6"),
            log=_log(place[0]),
            size=_number(place[1], MAX_SIZE, "protected.-65602"),
            index=_number(place[2], MAX_SIZE, "protected.-65602"),
            key_id=key_id,
        )


def _inclusion(proofs: Cbor) -> InclusionProof:
    _require_labels(proofs, {INCLUSION}, "unprotected.396")
    listed = proofs[INCLUSION]
    if type(listed) is not list or len(listed) != 1 or type(listed[0]) is not bytes:
        _refuse("a receipt has one inclusion proof", "unprotected.396")
    proof = cose.decode(listed[0], "the inclusion proof")
    if type(proof) is not list or len(proof) != 3:
        _refuse("an inclusion proof is size, index and path", "unprotected.396")
    size, index, path = proof
    if type(path) is not list or len(path) > MAX_PATH:
        _refuse(f"a path has at most {MAX_PATH} hashes", "unprotected.396")
    if any(type(node) is not bytes or len(node) != 32 for node in path):
        _refuse("a hash in the path has 32 bytes", "unprotected.396")
    return InclusionProof(
        index=_number(index, MAX_SIZE, "unprotected.396"),
        size=_number(size, MAX_SIZE, "unprotected.396"),
        path=tuple(path),
    )


def _log(value: Cbor) -> LogId:
    try:
        parse_log_id(value if type(value) is bytes else b"")
    except MalformedRecord as error:
        _refuse(error.message, "protected.-65602")
    return LogId(value)


def _require_labels(value: Cbor, labels: set[int], field: str) -> None:
    if type(value) is not dict or value.keys() != labels:
        _refuse("a map lacks a label or has one too many", field)


def _number(value: Cbor, most: int, field: str) -> int:
    if type(value) is not int or not 0 <= value <= most:
        _refuse(f"a number must be whole and at most {most}", field)
    return int(value)


def _refuse(message: str, field: str) -> NoReturn:
    raise MalformedDocument(message, field=field)
