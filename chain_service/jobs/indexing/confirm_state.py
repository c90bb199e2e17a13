"""Events are only a node's word: what they made of our own changes has to stand in the state that the header proves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection

from chain_service.chain.contracts import ChainEvent
from chain_service.core.chainproof.evidence import ProvenState, Slot
from chain_service.core.chainproof.headers import SealedHeader
from chain_service.core.chainproof.storage_layout import (
    CATALOG_REGISTRY,
    RECORD_LOG,
    RECORD_STATUS,
    SEAL_OWNER,
    SEAL_REGISTRY,
    SEAL_SHA256,
    SealState,
    catalog_digest_slot_of,
    code_key,
    head_slot,
    seal_fact_slot,
    seal_state_slot,
    status_in,
    status_slot,
)
from chain_service.core.records.states import State
from chain_service.errors import InvalidProof, Unavailable
from chain_service.jobs.context import App
from chain_service.store import chain_index
from chain_service.store.registries import catalogs, seals

SLOTS_AT_ONCE = 2_000


class _Told:
    """What the last event about each thing says that its storage holds."""

    def __init__(self) -> None:
        self.states: dict[tuple[bytes, int], int] = {}
        self.words: dict[Slot, int] = {}
        self.seals: dict[Slot, int] = {}
        """Owners and digests, which never change once they are there."""
        self.seal_states: dict[Slot, int] = {}

    def slots(self) -> list[Slot]:
        statuses = dict.fromkeys((RECORD_STATUS, status_slot(log, index)[0]) for log, index in self.states)
        return [*statuses, *self.words, *self.seals, *self.seal_states]

    def contradicted(self, proven: Mapping[Slot, int], *, later: bool) -> bool:
        """The proven words deny what was told; `later`: they are of a later block, so that only ends are final."""
        for (log, index), state in self.states.items():
            slot, shift = status_slot(log, index)
            if status_in(proven[RECORD_STATUS, slot], shift) != state and (not later or State(state).is_final):
                return True
        if any(proven[slot] != word for slot, word in self.words.items()) and not later:
            return True
        if any(proven[slot] != word for slot, word in self.seals.items()):
            return True
        return any(
            proven[slot] == 0 or SealState.from_word(proven[slot]).state != state
            for slot, state in self.seal_states.items()
        )


def confirm(
    app: App, events: Sequence[ChainEvent], last: SealedHeader, proven_heads: Collection[tuple[bytes, int]]
) -> None:
    """The state after block `last` shows the changes of state, heads of our logs, seals and versions told of.

    `proven_heads` (log, size) have proofs of their own. Raises `InvalidProof` where the state denies the others,
    `Unavailable`.
    """
    ours = set(app.keystore.accounts())
    with app.database.reading() as connection:
        told = _read(connection, events, ours)
    for event in events:
        if event.name == "HeadAdvanced" and event.args["log"][:18].decode("ascii", "replace") in ours:
            log, size = event.args["log"], event.args["size"]
            if (log, size) not in proven_heads:
                told.words[RECORD_LOG, head_slot(log, size)] = int.from_bytes(event.args["root"], "big")
    slots = told.slots()
    if not slots:
        return
    reader, later = app.require_chain().reader, False
    proven: dict[Slot, int] = {}
    for start in range(0, len(slots), SLOTS_AT_ONCE):
        part = slots[start : start + SLOTS_AT_ONCE]
        try:
            _, state = reader.prove(last.number, part, last.block_hash)
        except Unavailable:
            # a node that prunes old states still shows the newest one
            _, state = reader.prove(reader.final_head(), part)
            if state.block < last.number:
                raise  # nodes that are behind cannot deny it
            later = True
        proven |= _words(state, part)
    if told.contradicted(proven, later=later):
        raise InvalidProof("the node's events contradict its proven state", block=last.number)


def _words(state: ProvenState, slots: Sequence[Slot]) -> dict[Slot, int]:
    return {slot: state.word(*slot) for slot in slots}


def _read(connection: Connection, events: Sequence[ChainEvent], ours: Collection[str]) -> _Told:
    """What the last event about each thing says, whether memory has what it speaks of or lost it."""
    told = _Told()
    codes: dict[bytes, str] = {}
    if any(event.name == "SealStateSet" for event in events):
        codes = {code_key(seal.code): seal.code for seal in seals.of_owner(connection)}
    touched = _touched(connection, events, ours)
    for event in events:
        if event.name == "StatusSet":
            for change in event.args["changes"]:
                told.states[event.args["log"], change.index] = change.state
        elif event.name == "SealRegistered":
            codes[event.args["seal"]] = event.args["code"]
            for fact, word in ((SEAL_OWNER, event.args["owner"]), (SEAL_SHA256, event.args["sha256Digest"])):
                slot = (SEAL_REGISTRY, seal_fact_slot(event.args["code"], fact))
                told.seals[slot] = int.from_bytes(word, "big")
        elif event.name == "SealStateSet":
            code = codes.get(event.args["seal"]) or chain_index.seal_code(connection, event.args["seal"])
            if code is not None:
                slot = (SEAL_REGISTRY, seal_state_slot(code, event.args["n"]))
                told.seal_states[slot] = event.args["state"]
        elif event.name == "CatalogChanged":
            for change in event.args["changes"]:
                if change.catalog in touched:
                    slot = (CATALOG_REGISTRY, catalog_digest_slot_of(change.catalog))
                    told.words[slot] = int.from_bytes(change.digest, "big")
    return told


def _touched(connection: Connection, events: Sequence[ChainEvent], ours: Collection[str]) -> set[bytes]:
    """The entries that our organisations changed or that memory has: what counts of each is its last change."""
    touched = set()
    for event in events:
        if event.name == "CatalogChanged":
            mine = owner_of(event) in ours
            for change in event.args["changes"]:
                version = None if mine else catalogs.by_digest(connection, change.digest)
                if mine or (version is not None and code_key(version.code) == change.catalog):
                    touched.add(change.catalog)
    return touched


def owner_of(event: ChainEvent) -> str:
    """The organisation that a catalog's event names; what is none comes out as nonsense."""
    word: bytes = event.args["organisation"]
    return word.rstrip(b"\0").decode("ascii", "replace")
