"""What is answered of records. None of it holds what a record says, except `Disclosed`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Any

from chain_service.core.encoding.answers import Hex, answer, left_out
from chain_service.core.records.disclosure import Disclosure


@answer
class Disclosed:
    """A record, or the record of a change, with the salt under which it was hashed."""

    record: Mapping[str, Any]
    "The record as it was submitted, or what the change says."
    salt: Hex

    @classmethod
    def whole(cls, disclosure: Disclosure) -> Disclosed:
        """All of a record."""
        return cls(disclosure.record.body, disclosure.salt)


@answer
class StateOnChain:
    """A state that a record took, as the event on chain has it."""

    to: str
    reason_code: int
    digest: str
    "SHA-256 of the salted record of the change."
    account: str | None
    "The account that set it."
    block: int
    time: str
    tx: str
    successor: str | None = left_out()
    "The id of the record that took its place; known to the instance that made the change."
    change: Disclosed | None = left_out()
    "The record of the change, for the record's own organisation."


@answer
class StateHistory:
    """Every state that a record took on chain, oldest first."""

    record: str
    "Its id."
    history: tuple[StateOnChain, ...]


@answer
class AnchoredHead:
    """Where the chain holds the log head that a record is under."""

    chain_id: int
    contract: str
    "Address of the contract that holds the head."
    log: Hex
    size: int
    "Leaves of the log under this head."
    root: Hex
    block: int
    block_hash: str
    time: str
    tx: str


@answer
class RecordStanding:
    """Where a record stands, on its way to the chain and there."""

    _: KW_ONLY
    id: str
    kind: str
    org: str
    type: str
    "Code of its certificate or document type."
    state: str
    "pending, batched, anchored or failed."
    index: int | None = left_out()
    "Its leaf index in the log."
    anchor: AnchoredHead | None = left_out()
    status: str
    "Its state on chain; in_force before it is there."
    state_tag: str | None = left_out()
    "Once it is anchored its newest state, on its way to the chain or there, as `ifState` takes it."
    history: tuple[StateOnChain, ...]
    "Every state it took on chain, oldest first."
    created_at: str
    replaces: str | None = left_out()
    "The id of the record that it replaces."
    failure: str | None = left_out()
    waiting_for: str | None = left_out()
    "Why the contract refused its batch last, by the error's name."
    disclosure: Disclosed | None = left_out()
    "For its own organisation only."


@answer
class ListedRecord:
    """One record of a list, without its content."""

    id: str
    kind: str
    org: str
    type: str
    "Code of its certificate or document type."
    number: str | None
    "Its certificate or document number; none after its erasure."
    issued: str | None
    "Its day of issue, YYYY-MM-DD."
    state: str
    index: int | None
    "Its leaf index in the log."
    created_at: str
    erased: bool


@answer
class RecordPage:
    """The organisation's own records, newest first."""

    records: tuple[ListedRecord, ...]
    next: str | None
    "Cursor of the next page."


@answer
class RecordProof:
    """That an entry is in the anchored log: an inclusion proof (RFC 9162 §2.1.3) and where the chain holds its root."""

    entry: Hex
    index: int
    size: int
    path: tuple[Hex, ...]
    anchor: AnchoredHead | None


@answer
class Erasure:
    """That a record's content is destroyed; `changed` is false when it was before."""

    id: str
    erased: bool
    changed: bool
