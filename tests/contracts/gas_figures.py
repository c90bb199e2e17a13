#!/usr/bin/env python3
"""Measures what the contracts cost and writes gas.json: gas of whole transactions under Berlin rules, or per item where
the name says so. Which pair of sizes is dearest was found by counting the hashes of every pair."""

from __future__ import annotations

import json
from pathlib import Path

from chain_service.chain.contracts import CatalogChange, StatusChange
from chain_service.core.chainproof.storage_layout import OPEN_END, head_slot, size_slot
from chain_service.core.encoding.digests import keccak256
from support.contracts.contract_evm import CLERK_A, ORG_A, ORG_UNKNOWN, ContractEvm, account, log_of
from support.contracts.reference_tree import tree

FILE = Path(__file__).parent / "gas.json"
LOG = log_of(ORG_A)
TYPE = keccak256(b"a certificate type")
HEADS = {
    "advance, 1 to 2 leaves": (1, 2),
    "advance, 1,000 to 1,100 leaves": (1_000, 1_100),
    "advance, 2,047 to 2,048 leaves": (2_047, 2_048),
    "advance, 3,967 to 4,000 leaves (dearest up to 4,000)": (3_967, 4_000),
    "advance, 2^20 to 2^20 + 1,000 leaves": (2**20, 2**20 + 1_000),
    "advance, 2^30 to 2^30 + 1,000 leaves": (2**30, 2**30 + 1_000),
    "advance, 2^30 - 1 to 2^30 leaves (dearest there)": (2**30 - 1, 2**30),
    "advance, 2^30 - 1 to 2^30 + 1 leaves": (2**30 - 1, 2**30 + 1),
}


def measure(deployed: ContractEvm) -> dict[str, int]:
    """Every figure, each from a fresh state."""
    heads = {name: _advance(deployed.branch(), *sizes) for name, sizes in HEADS.items()}
    first = {"advance, first head, 1,000 leaves": _first_head(deployed.branch())}
    rest = (_register(deployed.branch()), _status(deployed.branch()), _catalog(deployed.branch()))
    return first | heads | rest[0] | rest[1] | rest[2] | _seal(deployed.branch())


def _first_head(evm: ContractEvm) -> int:
    grown = tree(b"gas", evm.call("RecordLog", "foundingEntry", LOG), 1, 1_000)
    proof = grown.consistency(1, 1_000)
    return evm.transact(CLERK_A, "RecordLog", "advance", LOG, 1_000, grown.root(1_000), proof).gas


def _advance(evm: ContractEvm, old: int, new: int) -> int:
    grown = tree(b"gas", evm.call("RecordLog", "foundingEntry", LOG), old, new)
    evm.force("RecordLog", size_slot(LOG), old)
    evm.force("RecordLog", head_slot(LOG, old), int.from_bytes(grown.root(old), "big"))
    return evm.transact(CLERK_A, "RecordLog", "advance", LOG, new, grown.root(new), grown.consistency(old, new)).gas


def _status(evm: ContractEvm) -> dict[str, int]:
    evm.force("RecordLog", size_slot(LOG), 1_000)

    def change(first: int, count: int) -> int:
        changes = [StatusChange(n, 2, 1, keccak256(b"%d" % n)).pack() for n in range(first, first + count)]
        return evm.transact(CLERK_A, "RecordStatus", "set", LOG, changes).gas // count

    return {
        "status, 100 neighbouring changes, each": change(101, 100),
        "status, the first change in a word": change(500, 1),
        "status, another change in that word": change(501, 1),
    }


def _catalog(evm: ContractEvm) -> dict[str, int]:
    first = [CatalogChange(keccak256(b"%d" % n), 1, 1, bytes(32), keccak256(b"1/%d" % n)) for n in range(51)]
    second = [CatalogChange(item.catalog, 2, 2, item.digest, keccak256(item.digest)) for item in first]

    def publish(changes: list[CatalogChange]) -> int:
        packed = [item.pack() for item in changes]
        return evm.transact(CLERK_A, "CatalogRegistry", "publish", ORG_A, packed).gas // len(changes)

    return {
        "catalog, 50 first publications, each": publish(first[:50]),
        "catalog, 50 changes, each": publish(second[:50]),
        "catalog, one first publication alone": publish(first[50:]),
        "catalog, one change alone": publish(second[50:]),
    }


def _seal(evm: ContractEvm) -> dict[str, int]:
    seal = ("31011500000042", ORG_A, TYPE, TYPE, 1, 1_700_000_000, 1_900_000_000, [TYPE])
    return {
        "seal, registration with one certificate": evm.transact(CLERK_A, "SealRegistry", "register", [seal]).gas,
        "seal, state": evm.transact(CLERK_A, "SealRegistry", "setStates", [(keccak256(b"31011500000042"), 1, 2)]).gas,
    }


def _register(evm: ContractEvm) -> dict[str, int]:
    return {
        "organisation, registration": evm.registrar("registerOrganisations", [(ORG_UNKNOWN, "某市民政局", TYPE)]).gas,
        "organisation, rights": evm.registrar("setRights", [(account("new"), ORG_A, 15)]).gas,
        "organisation, permit": evm.registrar("recordPermits", [(ORG_A, TYPE, 0, 1, 0, OPEN_END)]).gas,
        "organisation, generation": evm.registrar("openGenerations", [(ORG_A, 1)]).gas,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(measure(ContractEvm.deployed().mark()), indent=1) + "\n", encoding="utf-8")
