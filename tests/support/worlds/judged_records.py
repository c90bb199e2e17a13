"""A small world to judge records in: one organisation's log of real entries and the chain's words that speak of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState
from chain_service.core.chainproof.storage_layout import PermitEntry
from chain_service.core.log.merkle import InclusionProof, leaf_hash, root_of
from chain_service.core.records.disclosure import Disclosure
from chain_service.core.records.hashing import Entry, LogId, Salt, log_id, record_entry
from chain_service.core.records.identifiers import CertificateIdentifier, OrgCode, TypeCode
from chain_service.core.records.record import parse_record
from chain_service.core.records.states import State
from chain_service.core.verdicts.inputs import Claim, JudgeInput, Memory, Presented

ORG = OrgCode("11430000006122244L")
TYPE = TypeCode("11100000000013338W011")
SALT = Salt(bytes(range(32)))
FILE = {"sha-256": "ab" * 32, "sm3": "cd" * 32}
RECORD_ID = "3f2b6f0e-5d0c-4a7e-9a55-0a1b2c3d4e5f"

ANCHORED = 1_750_000_000
"""2025-06-15T15:06:40Z: time of the anchoring block."""
NOW = ANCHORED + 10 * 86_400
INDEX = 5
SIZE = 11


def certificate(**changes: Any) -> dict[str, Any]:
    """A valid certificate, issued 2025-06-01, in force until 2030-05-31, with `changes`; None removes a member."""
    value: dict[str, Any] = {
        "kind": "certificate",
        "certificateTypeCode": TYPE,
        "certificateTypeName": "食品经营许可证",
        "certificateNumber": "JY14301020001234",
        "certificateIdentifier": str(CertificateIdentifier(TYPE, ORG, "20250000001", "001")),
        "certificateIssuingAuthorityCode": ORG,
        "certificateIssuedDate": "2025-06-01",
        "certificateEffectiveDate": "2025-06-02",
        "certificateExpiringDate": "2030-05-31",
        "holders": [
            {
                "certificateHolderName": "云溪食品有限公司",
                "certificateHolderCode": "91430100MA4L0XYZ1A",
                "certificateHolderTypeCode": "001",
            }
        ],
        "files": [{"mediaType": "application/ofd", "digests": FILE}],
    }
    value.update(changes)
    return {name: member for name, member in value.items() if member is not None}


def document(**changes: Any) -> dict[str, Any]:
    """A valid document of the same organisation, with `changes`."""
    return {
        "kind": "document",
        "documentTypeCode": "approval",
        "documentNumber": "湘审批〔2025〕12号",
        "title": "关于同意设立的批复",
        "issuingOrganisationCode": ORG,
        "issuedDate": "2025-06-01",
        **changes,
    }


def inclusion_path(leaves: list[bytes], index: int) -> tuple[bytes, ...]:
    """PATH(index, leaves) of RFC 9162 §2.1.3.1, written as it stands there."""
    if len(leaves) == 1:
        return ()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < split:
        return (*inclusion_path(leaves[:split], index), root_of(leaves[split:]))
    return (*inclusion_path(leaves[split:], index - split), root_of(leaves[:split]))


@dataclass(frozen=True)
class World:
    """One anchored record and everything around it; `with_…` methods return changed worlds."""

    disclosure: Disclosure = field(default_factory=lambda: Disclosure(parse_record(certificate()), SALT))
    log: LogId = field(default_factory=lambda: log_id(ORG))
    state: int = 0
    permits: tuple[PermitEntry, ...] = (
        PermitEntry(
            storage_layout.PERMIT_GRANT,
            storage_layout.day_number(date(2020, 1, 1)),
            storage_layout.OPEN_END,
            1_600_000_000,
        ),
    )

    @property
    def entry(self) -> Entry:
        return record_entry(self.log, INDEX, self.disclosure.body_digest)

    @property
    def leaves(self) -> list[bytes]:
        entries = [bytes([place]) * 32 for place in range(SIZE)]
        entries[INDEX] = self.entry
        return [leaf_hash(entry) for entry in entries]

    def claim(self, *, presented: bool = False) -> Claim:
        return Claim(self.log, self.entry, InclusionProof(INDEX, SIZE, inclusion_path(self.leaves, INDEX)), presented)

    def words(self) -> dict[tuple[str, bytes], int]:
        slot, shift = storage_layout.status_slot(self.log, INDEX)
        org, type_code = self.disclosure.org, self.disclosure.type_code
        found = {
            (storage_layout.RECORD_LOG, storage_layout.head_slot(self.log, SIZE)): int.from_bytes(
                root_of(self.leaves), "big"
            ),
            (storage_layout.RECORD_STATUS, slot): self.state << shift,
        }
        for place in range(len(self.permits) + 1):
            word = self.permits[place].to_word() if place < len(self.permits) else 0
            found[storage_layout.ORGANISATIONS, storage_layout.permit_slot(org, type_code, place)] = word
        return found

    def proven(self, time: int, block: int) -> ProvenState:
        return ProvenState(4711, block, bytes([block]) * 32, time, "majority", 4, 3, self.words())

    def facts(self, **changes: Any) -> JudgeInput:
        """The facts of presenting the whole disclosure now, while all is well, with `changes`."""
        base = JudgeInput(
            subject=RECORD_ID,
            presented=Presented(disclosure=self.disclosure),
            at=NOW,
            now_state=self.proven(NOW - 30, 90),
            max_age=180,
            anchor_state=self.proven(ANCHORED, 7),
            claim=self.claim(),
            memory=Memory(RECORD_ID, "anchored", anchored_at=ANCHORED),
            recalled=self.disclosure,
        )
        return replace(base, **changes)

    def in_state(self, state: State) -> World:
        return replace(self, state=int(state))

    def holding(self, value: dict[str, Any]) -> World:
        return replace(self, disclosure=Disclosure(parse_record(value), SALT))
