"""Receipts on a log of a million records: size, offline verifications and receipts made per second on one core.

The world has 1,000 heads, 1,000 status words, 126 organisations with keys, permits and seals, and 300 other accounts.
Every proof is in the receipt: head, status, log keys, permits, one seal; in a refreshed one head, status and the seal's
states once more, from a later block. Beside each figure stands a floor of the same run: for verifying the bare
cryptography alone (seal recovery, Ed25519, keccak of every node, the path), for making the Ed25519 signature and the
CBOR of the finished receipt. Times are CPU seconds of this process, rounds are interleaved and the median counts.

    python scripts/bench/receipts.py [--n 1000] [--rounds 5] [--json]
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import coincurve
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chain_service.core.chainproof import clique, qbft, storage_layout
from chain_service.core.chainproof.consensus import CONSENSUS_FORMS
from chain_service.core.chainproof.evidence import Evidence, verify_evidence
from chain_service.core.chainproof.evidence_cbor import BlockProof, Selector
from chain_service.core.encoding import cose
from chain_service.core.encoding.digests import keccak256
from chain_service.core.log.merkle import InclusionProof, leaf_hash, parents
from chain_service.core.receipts import receipt as receipts
from chain_service.core.receipts import trust_file
from chain_service.core.receipts.verify_offline import present, verify_offline
from chain_service.core.records.disclosure import Disclosure
from chain_service.core.records.hashing import Entry, Salt, log_id, record_entry
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.record import parse_record
from chain_service.core.registries.histories import place_slots, seal_slots, slots_of_record
from support.chains.clique_simulator import CHAIN_ID, Validator, World, validators
from support.chains.qbft_simulator import qbft_evidence, qbft_trust
from support.worlds.judged_records import certificate
from support.worlds.receipt_world import LOG_KEY, NOW, ROOTS, signer, terms

RECORDS = 1_000_000
HEADS = 1_000
ORGANISATIONS = 126
VALIDATORS = 4
BATCH = 400
ANCHORED, REFRESHED = 7, 107
"""Blocks: of the first evidence and, in a refreshed receipt, of the second one."""
ORG = OrgCode("11430000006122244L")
LOG = log_id(ORG)
SEAL = "43010000000001"
FORMS = ("majority", "quorum")
DAY = 86_400


KINDS = tuple((name, sealed, again) for again in (False, True) for sealed in (False, True) for name in FORMS)
"""Consensus, with a seal or without, refreshed or not."""


def named(name: str, sealed: bool, refreshed: bool) -> str:
    """What a kind of receipt is called in tables."""
    return name + (", one seal" if sealed else "") + (", refreshed" if refreshed else "")


class Million:
    """A log of a million entries, two batches of certificates at its end, and the chain's words about everything.

    The certificates of the last batch carry a seal.
    """

    def __init__(self) -> None:
        salt = Salt(bytes(range(32)))
        plain, sealed = parse_record(certificate()), parse_record(certificate(sealCodes=[SEAL]))
        self.disclosures = {False: Disclosure(plain, salt), True: Disclosure(sealed, salt)}
        self.first = {False: RECORDS - 2 * BATCH, True: RECORDS - BATCH}
        self.entries = [Entry(sha256(n.to_bytes(8, "big")).digest()) for n in range(RECORDS)]
        for kind, first in self.first.items():
            for place in range(first, first + BATCH):
                self.entries[place] = record_entry(LOG, place, self.disclosures[kind].body_digest)
        self.rows = [[leaf_hash(entry) for entry in self.entries]]
        while len(self.rows[-1]) > 1:
            row = self.rows[-1]
            self.rows.append(parents(row) + ([row[-1]] if len(row) & 1 else []))
        self.world = World(self._storage(), strangers=300)

    def proof(self, index: int) -> InclusionProof:
        path = []
        place = index
        for row in self.rows[:-1]:
            if place ^ 1 < len(row):
                path.append(row[place ^ 1])
            place >>= 1
        return InclusionProof(index, RECORDS, tuple(path))

    def _storage(self) -> dict[str, dict[bytes, int]]:
        storage: dict[str, dict[bytes, int]] = {name: {} for name in storage_layout.POSITIONS}
        permit = storage_layout.PermitEntry(
            storage_layout.PERMIT_GRANT, 15_000, storage_layout.OPEN_END, 1_600_000_000
        ).to_word()
        for number in range(ORGANISATIONS):
            org = ORG if not number else f"{number:018d}"
            words = storage[storage_layout.ORGANISATIONS]
            words[storage_layout.standing_slot(org)] = storage_layout.Standing(True, False, 0).to_word()
            words[storage_layout.log_key_slot(org, 0)] = int.from_bytes(signer(1 + number).public_key, "big")
            words[storage_layout.rights_slot(number.to_bytes(20, "big"), org)] = 15
            for kind in range(5):
                type_code = self.disclosures[False].type_code if not kind else f"type {kind}"
                words[storage_layout.permit_slot(org, type_code, 0)] = permit
            seal = SEAL if not number else f"seal {number}"
            for n, fact in enumerate((b"owner", b"sha-256", b"sm3")):
                storage[storage_layout.SEAL_REGISTRY][storage_layout.seal_fact_slot(seal, n)] = int.from_bytes(
                    keccak256(fact), "big"
                )
            period = storage_layout.SealPeriod(1_600_000_000, 2_000_000_000, 2).to_word()
            storage[storage_layout.SEAL_REGISTRY][storage_layout.seal_fact_slot(seal, 3)] = period
            storage[storage_layout.SEAL_REGISTRY][storage_layout.seal_fact_slot(seal, 4)] = 7 << 240
            storage[storage_layout.SEAL_REGISTRY][storage_layout.seal_state_slot(seal, 0)] = storage_layout.SealState(
                1, 1_600_000_000
            ).to_word()
        heads = storage[storage_layout.RECORD_LOG]
        for number in range(HEADS):
            size = RECORDS - 1000 * number
            root = self.rows[-1][0] if not number else keccak256(b"root %d" % number)
            heads[storage_layout.head_slot(LOG, size)] = int.from_bytes(root, "big")
            storage[storage_layout.RECORD_STATUS][storage_layout.status_slot(LOG, 64 * number)[0]] = 1
        return storage


class Consensus:
    """The same world under one form of consensus, and receipts for its record."""

    def __init__(self, million: Million, name: str, sealed: bool, refreshed: bool = False) -> None:
        self.million, self.name, self.sealed, self.refreshed = million, name, sealed, refreshed
        self.disclosure, self.first = million.disclosures[sealed], million.first[sealed]
        self.among: list[Validator] = validators(VALIDATORS)
        self.chain = (
            qbft_trust(million.world, self.among)
            if name == "quorum"
            else million.world.trust(*(validator.address for validator in self.among), fields=15)
        )
        stated = terms(self.chain, expires=NOW + 300 * DAY)
        self.trust = trust_file.parse(trust_file.sign(stated, ROOTS[:2]))
        self.pool = self._pooled(ANCHORED)
        self.state = verify_evidence(self.pool, self.chain)

    def _pooled(self, number: int) -> Evidence:
        wanted = {name: sorted(words) for name, words in self._pooled_slots().items()}
        world = self.million.world
        if self.name == "quorum":
            return qbft_evidence(world, wanted, self.among, number)
        return world.evidence(wanted, self.among, number)

    def _pooled_slots(self) -> dict[str, set[bytes]]:
        """What a service asks for once per batch: one head, its status words, the organisation, permit and seal."""
        slots: dict[str, set[bytes]] = {
            storage_layout.RECORD_LOG: {storage_layout.head_slot(LOG, RECORDS)},
            storage_layout.RECORD_STATUS: {
                storage_layout.status_slot(LOG, self.first + place)[0] for place in range(BATCH)
            },
            storage_layout.ORGANISATIONS: {storage_layout.standing_slot(ORG)}
            | {storage_layout.log_key_slot(ORG, n) for n in range(2)}
            | {storage_layout.permit_slot(ORG, self.disclosure.type_code, n) for n in range(2)},
        }
        if self.sealed:
            facts = {storage_layout.seal_fact_slot(SEAL, n) for n in range(6)}
            slots[storage_layout.SEAL_REGISTRY] = facts | {storage_layout.seal_state_slot(SEAL, n) for n in range(2)}
        return slots

    def make(self, selector: Selector, index: int) -> bytes:
        million = self.million
        proof = million.proof(index)
        seals = [SEAL] if self.sealed else []
        slots = slots_of_record(
            self.state, LOG, proof, cose.key_id(LOG_KEY.public_key), self.disclosure.type_code, seals
        )
        made = receipts.issue(
            chain_id=CHAIN_ID,
            contract=self.chain.contracts[storage_layout.RECORD_LOG].address,
            record_id=f"3f2b6f0e-5d0c-4a7e-9a55-{index:012d}",
            issued_at=NOW,
            log=LOG,
            proof=proof,
            entry=million.entries[index],
            signer=LOG_KEY,
            blocks=(BlockProof(selector.select(slots)),),
        )
        return receipts.encode(receipts.refreshed(made, self._newer) if self.refreshed else made)

    @cached_property
    def _newer(self) -> Evidence:
        """What a refresh of the first record adds: head, status and the seal's states at a later block."""
        pool = self._pooled(REFRESHED)
        slots = place_slots(LOG, self.million.proof(self.first))
        if self.sealed:
            slots += seal_slots(verify_evidence(pool, self.chain), SEAL, facts=False)
        return Selector(pool, self.chain).select(slots)

    @cached_property
    def receipt(self) -> bytes:
        return self.make(Selector(self.pool, self.chain), self.first)


def verifying(consensus: Consensus) -> Callable[[], None]:
    disclosure = orjson.dumps(consensus.disclosure.to_json())
    data, trusted = consensus.receipt, consensus.trust

    def once() -> None:
        verdict = verify_offline(data, present(disclosure), trusted, now=NOW)
        if verdict.code != "in_force":
            raise SystemExit(f"the receipt is {verdict.code}")

    return once


def seals_of(evidence: Evidence) -> list[tuple[bytes, bytes]]:
    """Every validator's seal in this evidence, with what it signs."""
    if CONSENSUS_FORMS[evidence.form].has_single_header:
        header = qbft.parse_header(evidence.headers[0])
        return [(seal, header.seal_digest) for seal in header.extra.seals]
    return [(header.seal, header.seal_digest) for header in map(clique.parse_header, evidence.headers)]


def bare_cryptography(consensus: Consensus) -> Callable[[], None]:
    """Nothing but the primitives that no verifier can leave out."""
    receipt = receipts.parse(consensus.receipt)
    proven = [block.evidence for block in receipt.blocks]
    seals = [seal for evidence in proven for seal in seals_of(evidence)]
    key = Ed25519PublicKey.from_public_bytes(LOG_KEY.public_key)
    leaf = leaf_hash(consensus.million.entries[receipt.proof.index])
    message = cose.signed_bytes(receipt.protected, consensus.million.rows[-1][0])
    hashed = [part for block in proven for part in (*block.headers, *block.headers, *block.nodes)]
    hashed += [slot for block in proven for _, found in block.accounts for slot in found]

    def once() -> None:
        for seal, digest in seals:
            found = coincurve.PublicKey.from_signature_and_message(seal, digest, hasher=None)
            keccak256(found.format(compressed=False)[1:])
        for part in hashed:
            keccak256(part)
        for node in receipt.proof.path:
            sha256(b"\x01" + leaf + node).digest()
        key.verify(receipt.signature, message)

    return once


def making(consensus: Consensus) -> Callable[[], None]:
    """Receipts of one batch after the other, each batch with its own pool of evidence."""
    places: Iterator[tuple[Selector, int]] = iter(())

    def once() -> None:
        nonlocal places
        following = next(places, None)
        if following is None:
            selector = Selector(consensus.pool, consensus.chain)
            places = iter([(selector, consensus.first + n) for n in range(BATCH)])
            following = next(places)
        consensus.make(*following)

    return once


def bare_making(consensus: Consensus) -> Callable[[], None]:
    made = receipts.parse(consensus.receipt)
    message = cose.signed_bytes(made.protected, consensus.million.rows[-1][0])

    def once() -> None:
        receipts.encode(replace(made, signature=LOG_KEY.sign(message)))

    return once


def spent(works: dict[str, Callable[[], None]], n: int, rounds: int) -> dict[str, list[float]]:
    """Processor seconds of `n` calls of each work, in interleaved rounds."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        for _ in range(20):
            work()
    for _ in range(rounds):
        for name, work in works.items():
            start = time.process_time()
            for _ in range(n):
                work()
            taken[name].append(time.process_time() - start)
    return taken


def measured(consensus: Consensus, n: int, rounds: int) -> dict[str, Any]:
    """Sizes and rates of one kind of receipt."""
    proven = [block.evidence for block in receipts.parse(consensus.receipt).blocks]
    works = {
        "verified": verifying(consensus),
        "bare cryptography": bare_cryptography(consensus),
        "made": making(consensus),
        "bare signature and CBOR": bare_making(consensus),
    }
    taken = spent(works, n, rounds)
    ratios = [bare / whole for whole, bare in zip(taken["verified"], taken["bare cryptography"], strict=True)]
    return {
        "bytes": len(consensus.receipt),
        "headers": sum(len(raw) for evidence in proven for raw in evidence.headers),
        "nodes": sum(len(evidence.nodes) for evidence in proven),
        "nodeBytes": sum(len(node) for evidence in proven for node in evidence.nodes),
        "slots": sum(len(slots) for evidence in proven for _, slots in evidence.accounts),
        "perSecond": {name: round(n / statistics.median(times)) for name, times in taken.items()},
        "ofTheFloor": round(statistics.median(ratios), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="size of receipts, and how fast they are made and verified")
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    million = Million()
    gc.collect()
    gc.freeze()  # the simulated log is no part of what is measured
    result: dict[str, Any] = {"records": RECORDS, "heads": HEADS, "organisations": ORGANISATIONS}
    for kind in KINDS:
        result[named(*kind)] = measured(Consensus(million, *kind), options.n, options.rounds)
    print(json.dumps(result) if options.json else table(result))


def table(result: dict[str, Any]) -> str:
    kinds = [name for name, found in result.items() if isinstance(found, dict)]
    lines = [
        f"{RECORDS:,} records, {HEADS:,} heads, {ORGANISATIONS} organisations, 3 of {VALIDATORS} validators seal",
        "",
        f"| | {' | '.join(kinds)} | goal |",
        "|---" * (len(kinds) + 2) + "|",
    ]
    rows: list[tuple[str, Callable[[Any], float], str]] = [
        ("receipt, bytes", lambda found: found["bytes"], "≤ 14,000"),
        ("headers, bytes", lambda found: found["headers"], ""),
        ("trie nodes", lambda found: found["nodes"], ""),
        ("trie nodes, bytes", lambda found: found["nodeBytes"], ""),
        ("slots", lambda found: found["slots"], ""),
        ("verified a second", lambda found: found["perSecond"]["verified"], "≥ 1,000"),
        ("bare cryptography", lambda found: found["perSecond"]["bare cryptography"], ""),
        ("of the bare cryptography", lambda found: found["ofTheFloor"], ""),
        ("made a second", lambda found: found["perSecond"]["made"], "≥ 1,000"),
        ("bare signature and CBOR", lambda found: found["perSecond"]["bare signature and CBOR"], ""),
    ]
    for label, value, goal in rows:
        lines.append(f"| {label} | {' | '.join(f'{value(result[kind]):,}' for kind in kinds)} | {goal} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
