"""Everything that judging one record rests on, gathered beforehand: judging reads nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState, Slot
from chain_service.core.encoding.text import Text
from chain_service.core.log.merkle import InclusionProof, leaf_hash, root_from_inclusion
from chain_service.core.records.disclosure import Disclosure, PartialDisclosure
from chain_service.core.records.hashing import Entry, LogId
from chain_service.core.records.states import State
from chain_service.core.verdicts.verdict import Warning

Content = Disclosure | PartialDisclosure


ASKED_AHEAD: Final = 5
"""Seconds that the moment asked about may lie ahead of the clock here: who asks has a clock of their own."""
BLOCK_AHEAD: Final = 60
"""Seconds that the newest block may lie ahead of the clock here; honest validators are a second ahead at most."""


@dataclass(frozen=True)
class Failure:
    """Why what was presented cannot be used; the code is that of the verdict it leads to."""

    code: Literal[
        "unreadable", "record_mismatch", "proof_invalid", "trust_stale", "finality_unproven", "issuer_unknown"
    ]
    """`unreadable`: cannot be parsed. `record_mismatch`: a disclosure contradicts itself. `proof_invalid`: no proof.
    `trust_stale`, `finality_unproven`, `issuer_unknown`: a proof that may hold, but not by what is known here."""
    part: Literal["file", "disclosure", "proof", "receipt", "record"]
    """`record`: what is stored of it."""
    detail: str
    """One English sentence for the evidence, without contents."""


@dataclass(frozen=True)
class Asked:
    """What the caller says the record is; the record has to agree with all of it that is given."""

    identifier: str | None = None
    """The record's identity: a certificate's identifier, a document's type code, U+001F and number."""
    number: str | None = None
    holder_name: str | None = None
    """The name of one of its holders."""


@dataclass(frozen=True)
class Presented:
    """What the caller presented. All of it empty: nothing to verify."""

    disclosure: Content | None = None
    asked: Asked = Asked()
    files: tuple[Mapping[str, str], ...] = ()
    """For each file (or bare file digest) presented: algorithm name to hex, as in a record's `files[].digests`."""
    before_attaching: Mapping[str, str] = field(default_factory=dict)
    """For a signed file to which only attachments were added since: the same of the file as it was signed."""
    whole_files: bool = False
    """True when file bytes came along, which may carry signatures; False when only digests did."""
    failure: Failure | None = None


@dataclass(frozen=True)
class Claim:
    """The assertion that `entry` stands in `log` as `proof` says; nothing in it is believed."""

    log: LogId
    entry: Entry
    proof: InclusionProof
    presented: bool
    """True when the caller brought it, False when the service built it from what it stores."""

    @cached_property
    def root(self) -> bytes:
        """The root that the path leads to from the entry. Raises InvalidProof if it has no meaning for this place."""
        return root_from_inclusion(leaf_hash(self.entry), self.proof)

    @cached_property
    def head(self) -> Slot:
        """Where the chain keeps the root of a log of this size."""
        return storage_layout.RECORD_LOG, storage_layout.head_slot(self.log, self.proof.size)


@dataclass(frozen=True)
class HeadSignature:
    """A log key's signature over the root that the claim leads to (RFC 9942); nothing in it is believed."""

    protected: bytes
    """The protected header as it was signed."""
    key_id: bytes
    signature: bytes


@dataclass(frozen=True)
class Successor:
    """The record that took another's place, as a person names it."""

    number: str
    name: str | None

    def to_json(self) -> dict[str, str]:
        """`{number}`, and `name` where its type has one."""
        return {"number": self.number} | ({"name": self.name} if self.name else {})


@dataclass(frozen=True)
class PastChange:
    """One change of state that the index read in a final block; `at` is that block's time in unix seconds."""

    state: State
    reason: int
    at: int
    block: int
    successor: Successor | None = None
    """None where there is none, and where the asker may not see which."""


@dataclass(frozen=True)
class AcceptedChange:
    """A change of state that the service acknowledged at `at` (unix seconds) and that is not final yet."""

    to: State
    at: int


@dataclass(frozen=True)
class Memory:
    """What the service remembers of the record. Only what the chain cannot say is taken from it."""

    record_id: str | None
    """None where only the chain's index knows the place: the record was anchored by another service."""
    state: Literal["pending", "batched", "anchored", "failed"]
    erased: bool = False
    anchored_at: int | None = None
    """Time of the anchoring block in unix seconds, as indexed."""
    history: tuple[PastChange, ...] = ()
    """Every indexed change, oldest first."""
    accepted: AcceptedChange | None = None
    replaced_by: str | None = None
    """Id of a newer record that names this one as its predecessor."""
    replaces: str | None = None
    """Id of the record that an erased one said it replaces."""


@dataclass(frozen=True)
class Outage:
    """Why the chain could not be read: out of reach, or what it answered is not proven final, or not by validators of
    today.
    """

    code: Literal["node_unavailable", "finality_unproven", "trust_stale", "issuer_unknown", "seal_unproven"]
    detail: str


@dataclass(frozen=True)
class Candidate:
    """A record that names the file presented, or goes by the identifier asked for, besides the one judged."""

    org: str
    kind: str
    claim: Claim | None
    """None where what is stored of its place cannot be used."""
    memory: Memory
    recalled: Content | None
    names_file: bool = True
    """False where it names one digest of the file and another one that differs."""
    anchor_state: ProvenState | None = None
    """Stored evidence of its anchoring block."""

    @property
    def place(self) -> tuple[LogId, int] | None:
        """Log and index."""
        return None if self.claim is None else (self.claim.log, self.claim.proof.index)


@dataclass(frozen=True)
class RegisteredName:
    """A name that a registry here gives to a code since that moment, unix seconds."""

    name: str
    since: int


@dataclass(frozen=True)
class Names:
    """Every name that certificate types and organisations ever had here, by code, the oldest first."""

    types: Mapping[str, Sequence[RegisteredName]] = field(default_factory=dict)
    organisations: Mapping[str, Sequence[RegisteredName]] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, Text]] = field(default_factory=dict)
    """What to call the sector fields of certificates, by type code and field."""


@dataclass(frozen=True)
class JudgeInput:
    """One record to be judged. Times are unix seconds."""

    subject: str
    """What the group is called in the verdict: a record id, an identifier or a file's name, as the caller knows it."""
    presented: Presented
    at: int
    """The moment asked about."""
    now_state: ProvenState | Outage
    """The newest final block: has to cover the head, the status word and, without `anchor_state`, the permits.

    This state, and the two others, count by themselves (`core.chainproof.trust`)."""
    max_age: int
    """How many seconds before `at` the newest final block may lie."""
    too_old: str | None = None
    """Why it lies further back, where that is known."""
    past: bool = False
    """True when the caller asked about a moment before now; False when `at` is now by the service's clock."""
    anchor_state: ProvenState | None = None
    """Stored evidence of the anchoring block: covers the head and the permits."""
    claim: Claim | None = None
    """None when nothing known is anchored."""
    head_signature: HeadSignature | None = None
    """That of the receipt presented; None without one."""
    memory: Memory | None = None
    """None when the service knows no such record."""
    recalled: Content | None = None
    """The stored record and salt of `memory`: re-proved like anything presented, so tampering with it shows."""
    then_state: ProvenState | None = None
    """For a moment in the past, the state then: covers head and status word. None where no node can prove it any more.
    Its block is proven to be the newest at that moment, or it is `now_state`."""
    earliest: int | None = None
    """When the record was anchored as something says that proves nothing by itself; unix seconds."""
    limit: Text | None = None
    """Which limit of the trust file is passed, if one is."""
    candidates: tuple[Candidate, ...] = ()
    """The other anchored records that name the file, or go by the identifier; the newest one first."""
    undecided: bool = False
    """True where several organisations are among `candidates` and nothing said whose the file is: none is judged."""
    crowded: bool = False
    """True where there are more such records than were looked at."""
    counted: bool = False
    """True where the index says that no record which was not looked at has ever changed its state."""
    names: Names = Names()
    """Those of the types and organisations available; empty where there is no registry."""
    display: Mapping[str, Any] = field(default_factory=dict)
    """Members of `recalled` that this caller may see; what was presented is shown anyway."""
    notices: tuple[Warning, ...] = ()
    """What to warn of besides what judging finds."""
