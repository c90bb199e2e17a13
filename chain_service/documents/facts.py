"""What was read in a document: plain facts, without a clock, the chain or a registry; judging rests on these alone.

Facts cross from the process that parses foreign bytes to the service as JSON (`to_json`, `from_json`), so they hold
numbers, texts, bytes (lower-case hex in JSON) and tuples only. Times are Unix seconds, UTC.
`True` and `False` are findings, `None` says that something is absent or could not be checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter, ValidationError

from chain_service.errors import MalformedDocument

MAX_SIGNATURES: Final = 64
MAX_NAMES: Final = 200
"""How many file names one tuple of names holds; whoever fills one says in `more_names` how many were left out."""
MAX_TEXT: Final = 300
"""Characters of any text taken from a foreign file."""


def _from_hex(value: object) -> object:
    return bytes.fromhex(value) if isinstance(value, str) else value


Bytes = Annotated[bytes, BeforeValidator(_from_hex), PlainSerializer(bytes.hex, return_type=str, when_used="json")]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something could not be read or checked; never raised."""

    code: str
    """Stable snake_case word: `not_der`, `too_large`, `zip_bomb`, `unknown_form`, …"""
    detail: str
    """One English sentence that names the part and repeats no personal content."""

    @classmethod
    def of(cls, error: MalformedDocument) -> Problem:
        """The problem that a refusal tells of."""
        return cls(error.code, error.message)


@dataclass(frozen=True, slots=True)
class RevocationFacts:
    """What the lists or answers available say about one certificate of a path."""

    certificate: Bytes
    """SHA-256 of the certificate asked about."""
    outcome: Literal["good", "revoked", "unknown"]
    """`good` as of `as_of` only: it says nothing about later moments."""
    source: Literal["crl", "ocsp", "none"] = "none"
    revoked_at: int | None = None
    """When it counts as revoked: the list's invalidity date if that is earlier than its revocation date."""
    reason: str | None = None
    """RFC 5280 name: `keyCompromise`, `cessationOfOperation`, …"""
    as_of: int | None = None
    """thisUpdate of the newest usable list or answer."""
    next_update: int | None = None
    """When a newer one was promised; later than that, `good` is stale. None: nothing was promised."""
    after_end: bool = False
    """True when everything available was made after the certificate had ended: its entry may have been dropped."""
    detail: str = ""
    """Why it is unknown, in one English sentence."""
    ask: tuple[str, ...] = ()
    """Addresses of OCSP responders that the certificate names, for whoever may fetch."""
    question: Bytes = b""
    """The OCSP request to send there; the answer goes into the trust store. Empty where there is nobody to ask."""


@dataclass(frozen=True, slots=True)
class PathFacts:
    """The best path from a certificate to a root certificate of the trust store."""

    outcome: Literal["trusted", "untrusted", "broken"]
    """`untrusted`: no root was reached. `broken`: one was, by a path that breaks a rule (`detail` says which)."""
    anchor: str | None = None
    """Label of the root certificate: a region or the name the operator gave it."""
    certificates: tuple[Bytes, ...] = ()
    """SHA-256 of each certificate, leaf first, root last."""
    valid_from: int | None = None
    valid_until: int | None = None
    """The period in which every certificate of the path is valid, both ends included; empty if from > until."""
    revocations: tuple[RevocationFacts, ...] = ()
    """One for each certificate below the root, leaf first. All of them count."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """A certificate and how far it is trusted."""

    sha256: Bytes
    subject: str
    """RFC 4514 text as far as it can be decoded."""
    organisation: str | None
    """The subject's first O: in government certificates 18 characters of organisation code, then the organ's name."""
    common_name: str | None
    """The subject's first CN: in government certificates the seal code."""
    issuer: str
    serial: str
    """Lower-case hex."""
    not_before: int
    not_after: int
    algorithm: str
    """Of its own key: `sm2`, `rsa-2048`, `ecdsa-secp256r1`, …"""
    may_sign: bool | None
    """Whether its keyUsage allows signing content; None when it has no keyUsage."""
    path: PathFacts


@dataclass(frozen=True, slots=True)
class SealFacts:
    """An electronic seal (电子印章): GM/T 0031-2014 (version 1), GB/T 38540-2020 (4), GM/T 0031-2025 (5)."""

    version: int
    code: str
    """esID."""
    name: str
    type: int
    """v1: 1 organisation, 2 person. v4, v5: as its maker numbered it."""
    maker_id: str
    """Vid of the header."""
    created: int
    valid_from: int
    valid_until: int
    sha256: Bytes
    sm3: Bytes
    signature_holds: bool | None
    """The maker's signature over the seal; None when its algorithm is unknown."""
    maker: CertificateFacts | None
    """None when the maker's certificate cannot be read."""
    list_type: Literal["certificates", "hashes"]
    signer_certificates: tuple[Bytes, ...]
    """SHA-256 of each certificate in the list; for list type `hashes`, the hashes as they stand there."""
    problems: tuple[Problem, ...] = ()
    """What breaks a rule without making it unreadable."""


@dataclass(frozen=True, slots=True)
class ReferenceFacts:
    """One file or byte range that a signature names with its digest."""

    name: str
    algorithm: str
    """`sm3`, `sha-256`, `sha-1`, `md5`, …, or the foreign name if it is unknown."""
    holds: bool | None
    """None when the algorithm is unknown."""
    weak: bool
    missing: bool = False
    """True when the document has no such file; then `holds` is False."""


@dataclass(frozen=True, slots=True)
class CoverageFacts:
    """What of the document this signature covers."""

    whole: bool
    """True when everything that can be displayed is covered and nothing was added after signing."""
    displayed: tuple[str, ...] = ()
    """Files (or, in a PDF, changes since signing) that take part in what is displayed and that nobody signed."""
    left_out: tuple[str, ...] = ()
    """Files that take part in what is displayed and that their maker's signatures leave out: never a passed check."""
    unclear: tuple[str, ...] = ()
    """Uncovered files, or changes since signing, of which it cannot be told whether they touch what is displayed:
    never a passed check."""
    other: tuple[str, ...] = ()
    """Uncovered files that are not displayed; a signature's own files are not among them."""
    added: tuple[str, ...] = ()
    """What was added after this signature, harmless additions (another signature over all) included."""
    more_names: int = 0
    """How many names were left out of the tuples above."""
    covers_signatures: tuple[str, ...] = ()
    """`place` of other signatures that this one covers."""


@dataclass(frozen=True, slots=True)
class ClaimedTime:
    """A signing time as the signer wrote it: only a claim."""

    at: int
    source: Literal["seal_signature", "signature_xml", "cms_attribute", "pdf"]
    zoneless: bool = False
    """True when it had no zone and was read as UTC+8."""


@dataclass(frozen=True, slots=True)
class TimestampFacts:
    """An RFC 3161 timestamp token over a signature."""

    problem: Problem | None
    at: int | None
    """genTime, rounded up to the next whole second, accuracy included."""
    imprint_matches: bool | None
    signature_holds: bool | None
    authority: CertificateFacts | None
    """Its path is judged for the purpose timeStamping."""


SignatureForm = Literal["ses-v1", "ses-v4", "ses-v5", "sm2-sign", "gbt35275", "pades", "unknown"]


@dataclass(frozen=True, slots=True)
class SignatureFacts:
    """One signature in a document and everything that could be read about it."""

    place: str
    """Where it stands: the path of its Signature.xml, the name of its PDF field."""
    form: SignatureForm
    problem: Problem | None = None
    """Why it cannot be read at all; then most of the rest is empty."""
    references: tuple[ReferenceFacts, ...] = ()
    coverage: CoverageFacts = CoverageFacts(whole=False)
    data_digest_holds: bool | None = None
    """The signed digest is that of Signature.xml (and the signed name its path) or of the PDF's byte ranges."""
    signature_holds: bool | None = None
    """The signature verifies with the signer's key; None when its algorithm is unknown."""
    algorithm: str = ""
    """`sm2-sm3`, `rsa-sha-256`, `ecdsa-sha-256`, …"""
    weak: bool = False
    """True when the signature's own digest is MD5 or SHA-1."""
    claimed: tuple[ClaimedTime, ...] = ()
    """The one that is signed stands first."""
    timestamps: tuple[TimestampFacts, ...] = ()
    signer: CertificateFacts | None = None
    seal: SealFacts | None = None
    seal_file_equal: bool | None = None
    """Seal.esl is the embedded seal, to the byte or signed anew by one maker; None where there is no such file."""
    signer_in_seal: bool | None = None
    """The signer's certificate is byte-equal to one in the seal's list; None without a seal."""
    problems: tuple[Problem, ...] = ()
    """What breaks a rule without making it unreadable."""


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """Everything read in one file."""

    media: Literal["ofd", "pdf", "seal", "unknown"]
    size: int
    """Bytes."""
    sha256: Bytes
    sm3: Bytes
    problem: Problem | None = None
    """Why it cannot be read; then everything below is empty."""
    signatures: tuple[SignatureFacts, ...] = ()
    """In the order of the document, at most MAX_SIGNATURES."""
    seal: SealFacts | None = None
    """The seal itself, for an .esl file."""
    uncovered: tuple[str, ...] = ()
    """Files that no signature covers, at most MAX_NAMES; all of them in an unsigned document."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Certificate metadata of its custom data by our field names (GB/T 36903), sector fields as `extension.<name>`."""
    receipt: Bytes | None = None
    """An embedded receipt (COSE); nothing about it is believed here."""
    before_attaching: tuple[Bytes, Bytes] | None = None
    """SHA-256 and SM3 of the signed file to which nothing but attachments was added since; None where there is none."""
    attached: tuple[str, ...] = ()
    """Names of the files that were attached after signing and that nobody signed, but for one receipt."""
    problems: tuple[Problem, ...] = ()
    kind: str = ""
    """What kind of file it is, by its bytes: a code of `kinds`."""


_DOCUMENT: Final = TypeAdapter(DocumentFacts)


def to_json(facts: DocumentFacts) -> bytes:
    """The facts as one JSON object."""
    return _DOCUMENT.dump_json(facts)


def from_json(data: bytes) -> DocumentFacts:
    """The facts that `to_json` wrote. Raises MalformedDocument."""
    try:
        return _DOCUMENT.validate_json(data)
    except ValidationError as error:
        raise MalformedDocument(f"these are not facts of a document: {error.error_count()} errors") from error
