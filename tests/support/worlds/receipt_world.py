"""Receipts, trust files and what they speak of, made with test keys on simulated Clique and QBFT chains."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import Evidence, verify_evidence
from chain_service.core.chainproof.evidence_cbor import BlockProof, select
from chain_service.core.chainproof.trust import ChainTrust, ValidatorRange
from chain_service.core.encoding import cose
from chain_service.core.encoding.cose import Signer
from chain_service.core.encoding.digests import keccak256
from chain_service.core.receipts import receipt as receipts
from chain_service.core.receipts import trust_file as trust
from chain_service.core.receipts.receipt import Receipt
from chain_service.core.receipts.trust_file import TrustFile, TrustTerms
from chain_service.core.receipts.verify_offline import present, verify_offline
from chain_service.core.registries.histories import slots_of_record
from chain_service.core.verdicts.verdict import Check, Verdict
from support.chains import clique_simulator
from support.chains.clique_simulator import CHAIN_ID, Validator, validators
from support.chains.qbft_simulator import qbft_evidence, qbft_trust
from support.worlds import judged_records

RECORD_ID = judged_records.RECORD_ID
BLOCK = 7
TIME = 1_790_000_000
"""The simulated block n has the time TIME + n."""
NOW = TIME + BLOCK + 60
AGE_LIMIT = 3600
DAY = 86_400
STRANGERS_SLOT = keccak256(b"somebody else's slot")


def signer(seed: int) -> Signer:
    """An Ed25519 key that is the same in every run."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Signer(key.public_key().public_bytes_raw(), key.sign)


LOG_KEY, OLD_LOG_KEY, STRANGER = signer(1), signer(2), signer(3)
ROOTS = sorted((signer(number) for number in range(11, 15)), key=lambda root: root.public_key)


def terms(chain: ChainTrust, **changes: Any) -> TrustTerms:
    """What a trust file of this chain states, three root keys of which two have to sign."""
    stated = TrustTerms(
        version=1,
        chain=chain,
        age_limit=AGE_LIMIT,
        trusting_period=30 * DAY,
        issued=TIME - 10 * DAY,
        expires=TIME + 355 * DAY,
        root_keys=tuple(root.public_key for root in ROOTS[:3]),
        threshold=2,
    )
    return replace(stated, **changes)


def trust_file(chain: ChainTrust, **changes: Any) -> TrustFile:
    return trust.parse(trust.sign(terms(chain, **changes), ROOTS[:3]))


@dataclass(frozen=True)
class Issued:
    """One anchored record with all that is needed to give a receipt for it."""

    consensus: str = "clique"
    count: int = 4
    content: judged_records.World = field(default_factory=judged_records.World)
    log_keys: tuple[Signer, ...] = (LOG_KEY,)
    among: tuple[Validator, ...] = ()
    fields: int = 20

    @property
    def sealers(self) -> list[Validator]:
        return list(self.among) or validators(self.count)

    def world(self, state: int = 0) -> clique_simulator.World:
        """The contracts' storage while the record is in this state, other words around the ones of interest."""
        storage: dict[str, dict[bytes, int]] = {name: {} for name in storage_layout.POSITIONS}
        for (contract, slot), word in replace(self.content, state=state).words().items():
            storage[contract][slot] = word
        organisations = storage[storage_layout.ORGANISATIONS]
        org = self.content.disclosure.org
        organisations[storage_layout.standing_slot(org)] = storage_layout.Standing(True, False, 0).to_word()
        for n, key in enumerate(self.log_keys):
            organisations[storage_layout.log_key_slot(org, n)] = int.from_bytes(key.public_key, "big")
        for name, words in storage.items():
            for n in range(30):
                words[keccak256(f"{name} {n}".encode())] = n + 1
            words[STRANGERS_SLOT] = 7
        return clique_simulator.World(storage)

    @cached_property
    def chain(self) -> ChainTrust:
        if self.consensus == "qbft":
            return qbft_trust(self.world(), self.sealers, self.fields)
        return self.world().trust(*(validator.address for validator in self.sealers), fields=15)

    @cached_property
    def trust(self) -> TrustFile:
        return trust_file(self.chain)

    def pooled(
        self, number: int = BLOCK, state: int = 0, *, without: tuple[tuple[str, bytes], ...] = (), **changes: Any
    ) -> Evidence:
        """What a service stores for the whole batch: more than one record needs. `without` words are proven absent."""
        world = self.world(state)
        wanted = {name: sorted(words) for name, words in world.storage.items()}
        if without:
            for contract, slot in without:
                del world.storage[contract][slot]
            world = clique_simulator.World(world.storage)
        org, type_code = self.content.disclosure.org, self.content.disclosure.type_code
        wanted[storage_layout.ORGANISATIONS].append(storage_layout.log_key_slot(org, len(self.log_keys)))
        absent = storage_layout.permit_slot(org, type_code, len(self.content.permits))
        if absent not in wanted[storage_layout.ORGANISATIONS]:
            wanted[storage_layout.ORGANISATIONS].append(absent)
        if self.consensus == "qbft":
            return qbft_evidence(world, wanted, self.sealers, number, fields=self.fields, **changes)
        return world.evidence(wanted, self.sealers, number)

    @cached_property
    def first(self) -> Evidence:
        """Just what the record's receipt needs when LOG_KEY signs it."""
        return self.first_for(LOG_KEY)

    def first_for(self, signed_by: Signer) -> Evidence:
        """Just what the record's receipt needs when this key signs it."""
        pool, claim = self.pooled(), self.content.claim()
        content, key_id = self.content.disclosure, cose.key_id(signed_by.public_key)
        type_code = content.type_code if content.kind == "certificate" else None
        found = slots_of_record(verify_evidence(pool, self.chain), claim.log, claim.proof, key_id, type_code)
        return select(pool, self.chain, found)

    @property
    def head(self) -> tuple[str, bytes]:
        """Contract and slot of the log's head that the record stands under."""
        claim = self.content.claim()
        return storage_layout.RECORD_LOG, storage_layout.head_slot(claim.log, claim.proof.size)

    def whole(self, number: int, state: int = 0, signed_by: Signer = LOG_KEY, **changes: Any) -> Evidence:
        """All that judging the record needs, from a later block."""
        pool, claim = self.pooled(number, state, **changes), self.content.claim()
        key_id = cose.key_id(signed_by.public_key)
        state_then = verify_evidence(pool, self.chain)
        found = slots_of_record(state_then, claim.log, claim.proof, key_id, self.content.disclosure.type_code)
        return select(pool, self.chain, found)

    def newer(self, number: int = BLOCK + 100, state: int = 0, **changes: Any) -> Evidence:
        """What a refresh adds."""
        claim = self.content.claim()
        slots = [
            (storage_layout.RECORD_LOG, storage_layout.head_slot(claim.log, claim.proof.size)),
            (storage_layout.RECORD_STATUS, storage_layout.status_slot(claim.log, claim.proof.index)[0]),
        ]
        return select(self.pooled(number, state, **changes), self.chain, slots)

    def receipt(self, signed_by: Signer = LOG_KEY, **changes: Any) -> Receipt:
        claim = self.content.claim()
        stated: dict[str, Any] = {
            "chain_id": CHAIN_ID,
            "contract": self.chain.contracts[storage_layout.RECORD_LOG].address,
            "record_id": RECORD_ID,
            "issued_at": NOW,
            "log": claim.log,
            "proof": claim.proof,
            "entry": claim.entry,
            "signer": signed_by,
            "blocks": (BlockProof(self.first if signed_by is LOG_KEY else self.first_for(signed_by)),),
        }
        return receipts.issue(**stated | changes)

    @cached_property
    def disclosed(self) -> bytes:
        return orjson.dumps(self.content.disclosure.to_json())

    def verify(
        self, receipt: Receipt | bytes, *, now: int = NOW, trusted: TrustFile | None = None, **asked: Any
    ) -> Verdict:
        data = receipt if isinstance(receipt, bytes) else receipts.encode(receipt)
        return verify_offline(data, present(self.disclosed), trusted or self.trust, now=now, **asked)


def with_ranges(chain: ChainTrust, *ranges: ValidatorRange) -> ChainTrust:
    """The same chain with these ranges, in its own form and with its header fields where a range states none."""
    known = chain.open
    return replace(
        chain, ranges=tuple(replace(one, form=known.form, fields=one.fields or known.fields) for one in ranges)
    )


def checks(verdict: Verdict) -> tuple[Check, ...]:
    """Those of its record."""
    assert verdict.record is not None
    return verdict.record.checks


def findings(verdict: Verdict) -> dict[str, str]:
    """Code by check."""
    return {check.name: check.code for check in checks(verdict)}


def details(verdict: Verdict) -> str:
    """Everything that the checks say in `detail`."""
    return " | ".join(str(check.evidence.get("detail", "")) for check in checks(verdict))
