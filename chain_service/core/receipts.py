"""Receipts that need no server: RFC 9942 COSE receipts (RFC9162_SHA256) that carry the chain's evidence.

    #6.18([protected, unprotected, nil, signature])
    protected    {1: -8, 4: key id, 395: 1, 15: {1: "eip155:<chain>:<RecordLog>", 2: record id, 6: iat},
                  -65602: [log, tree size, leaf index]}
    unprotected  {396: {-1: [<<[tree size, leaf index, [*hash]]>>]}, -65601: [evidence, ?evidence]}
    signature    Ed25519 by the log's key over Sig_structure ["Signature1", protected, h'', root]

The first evidence fixes when the record was included, a second one, after a refresh, how its status stood later.
Unprotected parts can be changed by anyone: no hash of a receipt identifies it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chain_service.core.chain_trust import ChainTrust
from chain_service.core.cose import Signer
from chain_service.core.entries import Entry, LogId
from chain_service.core.evidence import Evidence, Slot
from chain_service.core.log import InclusionProof

MEDIA_TYPE: Final = "application/cose"
MAX_RECEIPT_BYTES: Final = 256 * 1024
MAX_PATH: Final = 64
MAX_EVIDENCE: Final = 2
MAX_NODES: Final = 128


@dataclass(frozen=True, slots=True)
class BlockProof:
    """One block's evidence, and what outsiders attested about that block (kept, not judged here)."""

    evidence: Evidence
    checkpoint: str | None = None
    """The log's checkpoint with cosignatures (C2SP tlog-checkpoint)."""
    time_tokens: tuple[bytes, ...] = ()
    """External time tokens over the block hash (RFC 3161)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says. Made by `issue` or `parse`; proves nothing until its parts were verified."""

    chain_id: int
    contract: bytes
    """Address of the RecordLog, 20 bytes."""
    record_id: str
    issued_at: int
    """Unix seconds, by the issuing service's clock."""
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
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """The receipt for reading: byte strings in hex, headers and nodes by count and size."""
        raise NotImplementedError


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
    raise NotImplementedError


def encode(receipt: Receipt) -> bytes:
    """The bytes of a `.receipt` file. Raises InvalidProof if a bound of receipts is exceeded."""
    raise NotImplementedError


def parse(data: bytes) -> Receipt:
    """The receipt in a `.receipt` file: `encode(parse(data)) == data` but for private unprotected labels, left out.

    Raises MalformedDocument for what is no receipt in deterministic CBOR within the bounds, InvalidProof where signed
    and proven size or index differ.
    """
    raise NotImplementedError


def refreshed(receipt: Receipt, newer: BlockProof) -> Receipt:
    """The same receipt with the status as of a newer block; what fixes its time and its signature stay."""
    raise NotImplementedError


def verify_signature(protected: bytes, root: bytes, signature: bytes, public_key: bytes) -> None:
    """Returns only if the key signed this protected header over this root. Raises InvalidProof."""
    raise NotImplementedError


def slots_of_record(
    log: LogId,
    proof: InclusionProof,
    *,
    type_code: str | None,
    permits: int,
    log_keys: int,
    seals: Mapping[str, tuple[int, int]],
) -> list[Slot]:
    """Every slot that the first evidence of a record's receipt covers.

    Head, status word, standing, `log_keys` keys and the first absent one; for a certificate (`type_code`) so many
    `permits`; for each seal code so many facts and states.
    """
    raise NotImplementedError


class Selector:
    """Cuts evidence for single records out of the pooled evidence of a batch. Not for threads to share."""

    def __init__(self, evidence: Evidence, trust: ChainTrust) -> None:
        """Raises InvalidProof if the pool or its header is malformed."""
        raise NotImplementedError

    def select(self, slots: Iterable[Slot]) -> Evidence:
        """Evidence for exactly these slots, with no node that they do not need. Raises InvalidProof if one is missing.

        Of everything but seals and validators it is verified on the way.
        """
        raise NotImplementedError


def select(evidence: Evidence, trust: ChainTrust, slots: Iterable[Slot]) -> Evidence:
    """`Selector(evidence, trust).select(slots)`, for who needs one."""
    return Selector(evidence, trust).select(slots)
