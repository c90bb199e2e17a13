"""The evidence of a batch, ready to be cut into the evidence of single records."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, lru_cache, partial

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import Evidence, ProvenState, Slot, verify_evidence
from chain_service.core.chainproof.evidence_cbor import Selector
from chain_service.core.chainproof.storage_layout import SEAL_REGISTRY
from chain_service.core.chainproof.trust import ChainTrust
from chain_service.core.encoding import cose
from chain_service.core.encoding.cose import Signer
from chain_service.core.log.merkle import InclusionProof
from chain_service.core.receipts import receipt as receipts
from chain_service.core.records.hashing import LogId, log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.registries.histories import read_log_keys, seal_slots, slots_of_record
from chain_service.errors import Conflict, Corrupt, InvalidProof
from chain_service.jobs.context import App
from chain_service.jobs.proofs.batch_proof import prove_batch
from chain_service.store import batches
from chain_service.store.batches import Batch
from chain_service.store.registries import seals as seals_stored

MAX_FIRST_EVIDENCE = receipts.MAX_RECEIPT_BYTES // 2
"""Bytes of a receipt's first evidence; the rest is for a newer one."""
MAX_UNNAMED = 64
"""Words of seals that nobody registered in the receipt of an erased record."""


class TrustById:
    """A trust by identity: an instance has one, so cached results never mix two."""

    def __init__(self, trust: ChainTrust) -> None:
        self.trust = trust

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrustById) and self.trust is other.trust

    def __hash__(self) -> int:
        return id(self.trust)


def proven(evidence: bytes, trust: ChainTrust) -> ProvenState | None:
    """What a stored proof shows; None if it no longer proves anything."""
    return _proven(evidence, TrustById(trust))


@lru_cache(maxsize=256)
def _proven(evidence: bytes, trust: TrustById) -> ProvenState | None:
    try:
        return verify_evidence(Evidence.from_bytes(evidence), trust.trust)
    except InvalidProof:
        return None


class BatchEvidence:
    """One batch's proof, and the log key that signs its receipts. Not for threads to share."""

    def __init__(self, app: App, batch: Batch) -> None:
        """Reads the proof again where the stored one is missing or covers too little.

        Raises `Unavailable` if that cannot be done now, `Corrupt` if the chain holds another head, `Conflict` (code
        `no_log_key`).
        """
        self.log: LogId = log_id(OrgCode(batch.org), batch.generation)
        self.root = batch.root
        trust = app.require_chain().reader.trust
        stored = batch.evidence
        state = proven(stored, trust) if stored is not None else None
        if stored is None or state is None or not _covers(state, self.log, batch):
            stored = _read_again(app, batch)
            state = proven(stored, trust)
        assert state is not None
        if state.word(storage_layout.RECORD_LOG, storage_layout.head_slot(self.log, batch.new_size)) != int.from_bytes(
            batch.root, "big"
        ):
            raise Corrupt("the chain holds another log head than the stored batch", code="head_altered", batch=batch.id)
        self.state = state
        self.signer = _signer(app, batch.org, state)
        self._selector = Selector(Evidence.from_bytes(stored), trust)
        self._seals: dict[str, list[Slot]] = {}
        self._database = app.database

    def evidence(self, proof: InclusionProof, type_code: str | None, seals: Iterable[str] | None) -> Evidence:
        """What the first evidence of a record's receipt covers, and no node more.

        `seals` None: which ones the record names was erased. Its holder may still show it, so the batch's go in. Seals
        that the pool leaves out, or that a receipt has no room for, are missing.
        """
        key_id = cose.key_id(self.signer.public_key)
        slots = slots_of_record(self.state, self.log, proof, key_id, type_code)
        of_seals = self._of_batch if seals is None else list(filter(None, map(self._slots_of_seal, seals)))
        return self._selector.select_fitting(slots, of_seals, MAX_FIRST_EVIDENCE)

    def _slots_of_seal(self, code: str) -> list[Slot]:
        """What the pool shows of a seal; nothing where it leaves the seal out."""
        if code not in self._seals:
            try:
                self._seals[code] = seal_slots(self.state, code)
            except InvalidProof:
                self._seals[code] = []
        return self._seals[code]

    @cached_property
    def _of_batch(self) -> list[list[Slot]]:
        """What the pool shows of each of the batch's seals, those that nobody registered at the end."""
        shown = {slot: word for (of, slot), word in self.state.words.items() if of == SEAL_REGISTRY}
        with self._database.reading() as connection:
            codes = [
                seal.code
                for seal in seals_stored.of_owner(connection)
                if storage_layout.seal_state_slot(seal.code, 0) in shown
            ]
        named = {
            slot_of(code, n)
            for code in codes
            for slot_of in (storage_layout.seal_fact_slot, storage_layout.seal_state_slot)
            for n in range(MAX_UNNAMED)
        }
        unnamed = sorted(slot for slot, word in shown.items() if not word and slot not in named)
        return [
            *filter(None, map(self._slots_of_seal, codes)),
            *([(SEAL_REGISTRY, slot)] for slot in unnamed[:MAX_UNNAMED]),
        ]


def _covers(state: ProvenState, log: LogId, batch: Batch) -> bool:
    """Whether receipts can be cut out of it: proofs stored by earlier versions lack the status words."""
    try:
        for index in (batch.old_size, batch.new_size - 1):
            state.word(storage_layout.RECORD_STATUS, storage_layout.status_slot(log, index)[0])
        read_log_keys(state, batch.org)
    except InvalidProof:
        return False
    return True


def _read_again(app: App, batch: Batch) -> bytes:
    assert batch.final_block is not None and batch.final_hash is not None
    found = prove_batch(app, batch, batch.final_block, batch.final_hash)
    if found.root != batch.root:
        raise Corrupt("the chain holds another log head than the stored batch", code="head_altered", batch=batch.id)
    with app.database.transaction() as connection:
        batches.store_evidence(connection, batch.id, found.evidence, found.block)
    return found.evidence


def _signer(app: App, org: str, state: ProvenState) -> Signer:
    """The newest log key of this keystore that the proven history holds: verifiers look for it there, nowhere else."""
    history = read_log_keys(state, org)
    for n, public_key in sorted(app.keystore.log_keys(org).items(), reverse=True):
        if n < len(history) and history[n] == public_key:
            return Signer(public_key, partial(app.keystore.sign_log, org, n))
    raise Conflict("this instance keeps no log key that stood on chain when the record was anchored", code="no_log_key")
