"""What is to be verified, and what of it can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from chain_service.core.encoding.canonical import read_json
from chain_service.core.encoding.digests import Digest, file_digests, parse_hex32
from chain_service.core.log.merkle import InclusionProof, leaf_hash, root_from_inclusion
from chain_service.core.receipts.receipt import Receipt
from chain_service.core.receipts.receipt import parse as parse_receipt
from chain_service.core.records.disclosure import Disclosure, PartialDisclosure, parse_disclosure
from chain_service.core.records.hashing import Entry, LogId, parse_log_id, record_entry
from chain_service.core.verdicts.inputs import Claim, Failure
from chain_service.core.verdicts.paper_kinds import EMPTY, trouble
from chain_service.errors import BadRequest, CannotTell, InvalidProof, MalformedRecord

MAX_PATH = 64
MAX_PROOF_BYTES = 64 * 1024
_RECEIPT_WRITTEN_OUT = frozenset({"recordId", "keyId"})
MAX_IDENTIFIER = 200


@dataclass(frozen=True)
class VerificationRequest:
    """One thing to verify. `at` in unix seconds, None for now; `use_cause` is why it is looked up (事由).

    `receipt` is a COSE receipt, or a proof in JSON as `GET /v1/records/{id}/proof` answers it.
    """

    disclosure: bytes | None = None
    receipt: bytes | None = None
    file: bytes | None = None
    digest: str | None = None
    identifier: str | None = None
    number: str | None = None
    holder_name: str | None = None
    at: int | None = None
    use_cause: str | None = None


@dataclass(frozen=True)
class ParsedRequest:
    """What of a question could be read. `failure` says what could not."""

    disclosure: Disclosure | PartialDisclosure | None = None
    claim: Claim | None = None
    """Also that of a receipt, if the disclosure came along from which its entry follows."""
    receipt: Receipt | None = None
    files: tuple[Mapping[str, str], ...] = ()
    before_attaching: Mapping[str, str] = field(default_factory=dict)
    """As in Presented; told by whoever read the file."""
    failure: Failure | None = None

    @property
    def place(self) -> tuple[LogId, int] | None:
        """Log and index that proof or receipt speak of."""
        if self.claim is not None:
            return self.claim.log, self.claim.proof.index
        return (self.receipt.log, self.receipt.proof.index) if self.receipt is not None else None


def read_question(question: VerificationRequest) -> ParsedRequest:
    """Everything presented, parsed; foreign bytes never raise, only a malformed `digest` does (`MalformedRecord`)."""
    disclosure: Disclosure | PartialDisclosure | None = None
    claim: Claim | None = None
    receipt: Receipt | None = None
    failure: Failure | None = None
    if question.disclosure is not None:
        try:
            disclosure = parse_disclosure(question.disclosure)
        except InvalidProof as error:
            failure = Failure("record_mismatch", "disclosure", error.message)
        except BadRequest as error:
            failure = _unreadable("disclosure", question.disclosure, error)
    if failure is None and question.file == b"":
        failure = Failure("unreadable", "file", EMPTY.en)
    if question.receipt is not None and failure is None:
        cose = is_cose(question.receipt)
        try:
            if cose:
                receipt = parse_receipt(question.receipt)
                claim = _claim_of(receipt, disclosure)
            else:
                claim = parse_proof(question.receipt)
        except BadRequest as error:
            part: Literal["receipt", "proof"] = "receipt" if cose else "proof"
            undecided = isinstance(error, CannotTell) and not cose
            failure = Failure("finality_unproven" if undecided else "proof_invalid", part, error.message)
            if trouble(question.receipt) is not None:
                failure = _unreadable(part, question.receipt, error)
    return ParsedRequest(disclosure, claim, receipt, tuple(_files(question)), failure=failure)


def _unreadable(part: Literal["disclosure", "receipt", "proof"], data: bytes, error: BadRequest) -> Failure:
    """What cannot be read, with the reason where the bytes tell it."""
    told = trouble(data)
    return Failure("unreadable", part, error.message if told is None else told.en)


def is_cose(data: bytes) -> bool:
    """Whether this can only be a COSE receipt: JSON begins with no byte above 0x7f."""
    return data[:1] > b"\x7f"


def _claim_of(receipt: Receipt, disclosure: Disclosure | PartialDisclosure | None) -> Claim | None:
    if disclosure is None:
        return None
    entry = record_entry(receipt.log, receipt.proof.index, disclosure.body_digest)
    return Claim(receipt.log, entry, receipt.proof, presented=True)


def _files(question: VerificationRequest) -> list[Mapping[str, str]]:
    files: list[Mapping[str, str]] = []
    if question.file is not None:
        files.append(file_digests(question.file))
    if question.digest is not None:
        digest = Digest.parse(question.digest)
        files.append({digest.algorithm: digest.value.hex()})
    return files


def parse_proof(text: bytes) -> Claim:
    """The claim in a proof as `GET /v1/records/{id}/proof` answers it. Raises `BadRequest`.

    CannotTell (code `finality_unproven`) for a receipt as JSON, which lacks the evidence that the receipt holds.
    """
    proof: Any = read_json(text, limit=MAX_PROOF_BYTES)
    if isinstance(proof, dict) and proof.keys() >= _RECEIPT_WRITTEN_OUT:
        raise CannotTell(
            "this is a receipt as readable text; present the .receipt file itself", code="finality_unproven"
        )
    anchor = proof.get("anchor") if isinstance(proof, dict) else None
    if not isinstance(anchor, dict):
        raise BadRequest("the proof lacks its anchor")
    path = proof.get("path")
    if not isinstance(path, list) or len(path) > MAX_PATH:
        raise BadRequest(f"the path must be a list of at most {MAX_PATH} hashes")
    log = parse_hex32(anchor.get("log"), field="anchor.log")
    parse_log_id(log)
    sizes = [proof.get("index"), proof.get("size")]
    if not all(type(number) is int and 0 <= number < 2**53 for number in sizes):
        raise MalformedRecord("index and size must be whole numbers", field="index")
    claim = Claim(
        log=LogId(log),
        entry=Entry(parse_hex32(proof.get("entry"), field="entry")),
        proof=InclusionProof(sizes[0], sizes[1], tuple(parse_hex32(node, field="path") for node in path)),
        presented=True,
    )
    _require_root(claim, anchor)
    return claim


def _require_root(claim: Claim, anchor: Mapping[str, Any]) -> None:
    """Returns only if the path leads to the head that the proof itself names. Raises `BadRequest`."""
    root, size = anchor.get("root"), anchor.get("size", claim.proof.size)
    if size != claim.proof.size:
        raise InvalidProof("the proof names two sizes of the log")
    if root is not None and root_from_inclusion(leaf_hash(claim.entry), claim.proof).hex() != root:
        raise InvalidProof("the path does not give the root that the proof names")
