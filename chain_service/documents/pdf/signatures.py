"""Signatures of a PDF file (ISO 32000-2 §12.8, PAdES) as facts: SignedData over byte ranges, and timestamps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import DecodePurpose

from chain_service.documents.asn1 import der
from chain_service.documents.facts import (
    MAX_TEXT,
    ClaimedTime,
    CoverageFacts,
    Problem,
    ReferenceFacts,
    SignatureFacts,
)
from chain_service.documents.kinds import holds_seal
from chain_service.documents.pdf.attachments import but_one_receipt
from chain_service.documents.pdf.coverage import ByteRange, LaterSignature, States, byte_range
from chain_service.documents.pdf.file import PDF_ERRORS, Field, PdfFile, signature_fields, streams
from chain_service.documents.pdf.objects import entry
from chain_service.documents.pdf.seals import read_pdf_seal
from chain_service.documents.pki import algorithms, signed_data, timestamps
from chain_service.documents.pki.plain_signatures import claimed_time
from chain_service.documents.pki.signed_data import SignedData
from chain_service.documents.pki.trust import Trust
from chain_service.errors import MalformedDocument

__all__ = ["PdfSignatures", "read_signatures"]

DETACHED: Final = frozenset({"/adbe.pkcs7.detached", "/ETSI.CAdES.detached"})
ENCLOSED: Final = "/adbe.pkcs7.sha1"
"""SignedData that encloses the SHA-1 of the ranges (ISO 32000-1 §12.8.3.3.1)."""
TIMESTAMP: Final = "/ETSI.RFC3161"
MAX_TIMESTAMPS: Final = 8
MAX_STORED: Final = 32
"""Certificates that are read from the document security store, and lists."""


@dataclass(frozen=True, slots=True)
class PdfSignatures:
    """The signatures of a file and what was added since."""

    signatures: tuple[SignatureFacts, ...]
    """In the order of signing, those taken away last."""
    problems: tuple[Problem, ...]
    before_attaching: bytes | None = None
    """The file as it was signed, where nothing but attachments was added to it since."""
    attached: tuple[str, ...] = ()
    """Names of the files attached since and signed by nobody, but for one receipt."""


def read_signatures(file: PdfFile, trust: Trust) -> PdfSignatures:
    """Every signature, and what it covers.

    A document timestamp is no signature of its own: it stands with every signature that it covers.
    Raises MalformedDocument or PDF_ERRORS when the fields cannot be told.
    """
    fields, removed = signature_fields(file)
    stored = streams(file, "/Certs", DecodePurpose.CERTIFICATE, MAX_STORED)
    trust = trust.with_evidence(
        streams(file, "/CRLs", DecodePurpose.CRL, MAX_STORED),
        streams(file, "/OCSPs", DecodePurpose.OCSP_RESPONSE, MAX_STORED),
    )
    # 1. each by itself
    read = [(field, *_signature(file, field, stored, trust)) for field in fields if _kind(field) != TIMESTAMP]
    ends = {field.name: ranges for field, _, ranges in read if ranges is not None}
    read.sort(key=lambda read: len(file.data) if read[2] is None else read[2].end)
    # 2. what was changed between the states that they sign
    stamps = [field for field in fields if _kind(field) == TIMESTAMP]
    later = [_later(facts, ranges) for _, facts, ranges in read if ranges is not None and _holds(facts, ranges)]
    states = States(file, later, frozenset(field.name for field in stamps))
    found = [
        facts
        if ranges is None
        else _with_coverage(facts, states.coverage(field, ranges, _certificate(facts)), ranges, ends)
        for field, facts, ranges in read
    ]
    # 3. timestamps, and what is missing or was added
    for field in stamps[:MAX_TIMESTAMPS]:
        found = _stamp(file, field, found, ends, trust, stored)
    taken = Problem("signature_removed", "an earlier revision was signed here and a later one removed the signature")
    found += [SignatureFacts(name, "pades", taken) for name in removed]
    problems = () if found or not stamps else (Problem("timestamp_only", "only a timestamp covers it, no signature"),)
    attached = [(change.name, change.specification) for change in states.unsigned_attachments()]
    before = None if removed else _before_attaching(file, states, ends)
    return PdfSignatures(tuple(found), problems, before, but_one_receipt(attached))


def _before_attaching(file: PdfFile, states: States, ends: dict[str, ByteRange]) -> bytes | None:
    for later_signature in states.later:
        if states.attached_since(ends[later_signature.name]) is not None:
            return file.data[: later_signature.end]
    return None


def _kind(field: Field) -> str:
    return str(entry(field.dictionary, "/SubFilter") or "")


def _holds(facts: SignatureFacts, ranges: ByteRange) -> bool:
    return ranges.exact and facts.data_digest_holds is True and facts.signature_holds is True


def _later(facts: SignatureFacts, ranges: ByteRange) -> LaterSignature:
    weak = facts.weak or any(reference.weak for reference in facts.references)
    sealed = facts.seal is None or bool(facts.seal.signature_holds and facts.signer_in_seal)
    trusted = facts.signer is not None and facts.signer.path.outcome == "trusted" and sealed and not weak
    return LaterSignature(
        ranges.end, facts.place, trusted and _might_sign(facts), None if weak else _certificate(facts)
    )


def _might_sign(facts: SignatureFacts) -> bool:
    """Whether the signer's certificate was for that, and nobody had revoked it by the time that the signer claims."""
    if facts.signer is None or facts.signer.may_sign is False:
        return False
    revoked = [revocation for revocation in facts.signer.path.revocations if revocation.outcome == "revoked"]
    claimed = facts.claimed[0].at if facts.claimed else None
    return all(claimed is not None and (loss.revoked_at or 0) > claimed for loss in revoked)


def _certificate(facts: SignatureFacts) -> bytes | None:
    return None if facts.signer is None else facts.signer.sha256


def _signature(
    file: PdfFile, field: Field, stored: tuple[bytes, ...], trust: Trust
) -> tuple[SignatureFacts, ByteRange | None]:
    """One signature, its coverage left open, and its ranges where they can be told; never raises."""
    ranges = None
    try:
        contents = _contents(field)
        sealed = holds_seal(contents)
        if not sealed and _kind(field) not in {*DETACHED, ENCLOSED}:
            raise MalformedDocument(f"its format {der.clean(_kind(field))} is not read here", code="unknown_form")
        ranges = byte_range(file, field, contents)
        if sealed:
            return read_pdf_seal(field.name, contents, ranges.signed(file.data), trust), ranges
        signed = signed_data.parse(contents, "the signature", stored)
        if signed.content_type not in signed_data.DATA:
            raise MalformedDocument("the signature is over no plain data", code="unknown_form")
        return _verified(field, signed, ranges.signed(file.data), stored, trust), ranges
    except MalformedDocument as error:
        return SignatureFacts(field.name, "pades", Problem(error.code, error.message[: 2 * MAX_TEXT])), ranges
    except PDF_ERRORS as error:
        what = f"the signature cannot be read ({type(error).__name__})"
        return SignatureFacts(field.name, "pades", Problem("malformed", what)), ranges


def _verified(
    field: Field, signed: SignedData, content: bytes, stored: tuple[bytes, ...], trust: Trust
) -> SignatureFacts:
    """Digest, signature, signer, times; coverage is left open."""
    trust = trust.with_evidence(signed.lists, signed.answers)
    intact, over = signed_data.signs(signed, content, *_enclosed(field, content))
    holds = signed_data.signature_holds(signed, over, trust.user_id)
    if signed.attributes is None and intact:
        intact = holds
    claimed, problems = _claimed(field, signed)
    digest = signed.digest if over == content else "sha-1"
    others = tuple(dict.fromkeys((*signed.certificates, *stored)))
    signer = None if signed.signer is None else trust.certificate(signed.signer.der, others)
    return SignatureFacts(
        place=field.name,
        form="pades",
        references=(ReferenceFacts("ByteRange", digest, intact, weak=digest in algorithms.WEAK),),
        data_digest_holds=intact,
        signature_holds=holds,
        algorithm=signed_data.weakness(signed) or signed.algorithm.name,
        weak=signed_data.weakness(signed) is not None,
        claimed=claimed,
        timestamps=tuple(timestamps.read(token, signed.signature, trust, others) for token in signed.timestamps),
        signer=signer,
        problems=(
            *problems,
            *(Problem("encoding_deviation", deviation) for deviation in signed_data.deviations(signed)),
        ),
    )


def _enclosed(field: Field, content: bytes) -> tuple[bytes, ...]:
    """What else than the ranges themselves the signature may enclose."""
    made = algorithms.digest("sha-1", content) if _kind(field) == ENCLOSED else None
    return () if made is None else (made,)


def _contents(field: Field) -> bytes:
    """The value, which is never encrypted (ISO 32000-2 §7.6.2). Raises MalformedDocument."""
    value: Any = None
    if isinstance(field.dictionary, generic.DictionaryObject) and "/Contents" in field.dictionary:
        value = field.dictionary.raw_get("/Contents", decrypt=generic.EncryptedObjAccess.RAW)
    if isinstance(value, generic.IndirectObject):
        raise MalformedDocument("the signature's value is written elsewhere", code="unknown_form")
    if not isinstance(value, (generic.ByteStringObject, generic.TextStringObject)):
        raise MalformedDocument("the signature has no value", code="no_value")
    contents = bytes(value.original_bytes)
    if not contents.strip(b"\0"):
        raise MalformedDocument("the signature's value is empty", code="no_value")
    return contents


def _claimed(field: Field, signed: SignedData) -> tuple[tuple[ClaimedTime, ...], tuple[Problem, ...]]:
    """The signed attribute first; the dictionary's own entry is signed too, but by no standard's rule the same."""
    attribute, unread = claimed_time(signed)
    found, problems = list(attribute), list(unread)
    try:
        written = entry(field.dictionary, "/M")
        if written is not None:
            text = str(written).removeprefix("D:").replace("'", "")
            zulu = text.find("Z")
            at = der.written_moment((text if zulu < 0 else text[: zulu + 1]).encode(), "the entry M")
            found.append(ClaimedTime(at.at, "pdf", at.zoneless))
    except (MalformedDocument, *PDF_ERRORS):
        problems.append(Problem("malformed", "the signing time in the signature's dictionary is not a time"))
    return tuple(found), tuple(problems)


def _with_coverage(
    facts: SignatureFacts, coverage: CoverageFacts, mine: ByteRange, ends: dict[str, ByteRange]
) -> SignatureFacts:
    """The signature with what it covers, other signatures inside its ranges among it."""
    inside = tuple(name for name, other in ends.items() if other is not mine and other.end <= mine.first_end)
    return replace(facts, coverage=replace(coverage, covers_signatures=inside))


def _stamp(
    file: PdfFile, field: Field, found: list[SignatureFacts], ends: dict[str, ByteRange], trust: Trust,
    stored: tuple[bytes, ...],
) -> list[SignatureFacts]:  # fmt: skip
    """The document timestamp (PAdES part 4) beside each signature that lies wholly inside its ranges."""
    try:
        contents = _contents(field)
        ranges = byte_range(file, field, contents)
        token = timestamps.read(contents, ranges.signed(file.data), trust, stored)
    except (MalformedDocument, *PDF_ERRORS):
        return found
    if not ranges.exact:
        return found
    covered = {name for name, one in ends.items() if one.end <= ranges.first_end}
    return [
        replace(signature, timestamps=(*signature.timestamps, token)) if signature.place in covered else signature
        for signature in found
    ]
