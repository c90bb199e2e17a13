"""Every function that writes, called by everybody who may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from chain_service.chain.contracts import CONTRACTS, CatalogChange, StatusChange, artifact
from chain_service.core.chainproof.storage_layout import Right, head_slot, seal_fact_slot, seal_state_slot, size_slot
from chain_service.core.encoding.digests import keccak256
from chain_service.core.log.merkle import leaf_hash
from support.contracts.contract_evm import (
    CLERK_A,
    CLERK_B,
    CLERK_SUSPENDED,
    ORG_A,
    ORG_B,
    ORG_SUSPENDED,
    ORG_UNKNOWN,
    REGISTRAR,
    ContractEvm,
    account,
    log_of,
    refused,
)

WORD = keccak256(b"any word")
SEAL_CODE = "31011500000042"
SEAL = keccak256(SEAL_CODE.encode())
STRANGER = account("stranger")

Arguments = Callable[[ContractEvm, bytes], list[Any]]


def first_head(evm: ContractEvm, org: bytes) -> list[Any]:
    log = log_of(org)
    return [log, 1, leaf_hash(evm.call("RecordLog", "foundingEntry", log)), []]


def a_status(evm: ContractEvm, org: bytes) -> list[Any]:
    evm.force("RecordLog", size_slot(log_of(org)), 10)
    return [log_of(org), [StatusChange(3, 2, 1, WORD).pack()]]


def a_seal(evm: ContractEvm, org: bytes) -> list[Any]:
    return [[(SEAL_CODE, org, WORD, WORD, 1, 0, 1, [WORD])]]


def a_seal_state(evm: ContractEvm, org: bytes) -> list[Any]:
    evm.force("SealRegistry", seal_fact_slot(SEAL_CODE, 0), int.from_bytes(org, "big"))
    evm.force("SealRegistry", seal_state_slot(SEAL_CODE, 0), 1)
    return [[(SEAL, 1, 2)]]


def a_catalog_version(evm: ContractEvm, org: bytes) -> list[Any]:
    return [org, [CatalogChange(WORD, 1, 1, bytes(32), WORD).pack()]]


BY_RIGHT: dict[tuple[str, str], tuple[Right, Arguments]] = {
    ("RecordLog", "advance"): (Right.ANCHOR, first_head),
    ("RecordStatus", "set"): (Right.STATUS, a_status),
    ("SealRegistry", "register"): (Right.SEAL, a_seal),
    ("SealRegistry", "setStates"): (Right.SEAL, a_seal_state),
    ("CatalogRegistry", "publish"): (Right.CATALOG, a_catalog_version),
}
BY_REGISTRAR: dict[str, list[Any]] = {
    "registerOrganisations": [[(ORG_UNKNOWN, "name", WORD)]],
    "setSuspended": [[(ORG_SUSPENDED, False)]],
    "setRights": [[(STRANGER, ORG_A, 15)]],
    "addLogKeys": [[(ORG_A, 1, WORD)]],
    "openGenerations": [[(ORG_A, 1)]],
    "recordPermits": [[(ORG_A, WORD, 0, 1, 0, 9)]],
    "transferOwnership": [to_checksum_address(STRANGER)],
}
each_write = pytest.mark.parametrize("write", BY_RIGHT, ids=".".join)


def attempt(evm: ContractEvm, caller: bytes, write: tuple[str, str], org: bytes) -> None:
    _, arguments = BY_RIGHT[write]
    evm.transact(caller, *write, *arguments(evm, org))


def test_these_tables_name_every_function_that_writes() -> None:
    writes = {
        (contract, entry["name"])
        for contract in CONTRACTS
        for entry in artifact(contract)["abi"]
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    registrar = {("Organisations", function) for function in [*BY_REGISTRAR, "acceptOwnership"]}
    assert writes == BY_RIGHT.keys() | registrar


def test_no_function_takes_money_and_no_contract_receives_it() -> None:
    for contract in CONTRACTS:
        for entry in artifact(contract)["abi"]:
            assert entry["type"] not in ("fallback", "receive")
            assert entry.get("stateMutability") != "payable"


@each_write
def test_an_account_with_just_the_right_may(evm: ContractEvm, write: tuple[str, str]) -> None:
    right, _ = BY_RIGHT[write]
    evm.registrar("setRights", [(STRANGER, ORG_A, right)])
    attempt(evm, STRANGER, write, ORG_A)


@each_write
@pytest.mark.parametrize("caller", [STRANGER, REGISTRAR, CLERK_B], ids=["stranger", "registrar", "another's clerk"])
def test_whoever_has_no_right_over_the_organisation_may_not(
    evm: ContractEvm, write: tuple[str, str], caller: bytes
) -> None:
    with refused("MissingRight", account=caller, organisation=ORG_A, right=int(BY_RIGHT[write][0])):
        attempt(evm, caller, write, ORG_A)


@each_write
def test_all_other_rights_are_not_enough(evm: ContractEvm, write: tuple[str, str]) -> None:
    right, _ = BY_RIGHT[write]
    evm.registrar("setRights", [(STRANGER, ORG_A, 15 ^ right)])
    with refused("MissingRight", right=int(right)):
        attempt(evm, STRANGER, write, ORG_A)


@each_write
def test_a_stopped_account_may_not(evm: ContractEvm, write: tuple[str, str]) -> None:
    evm.registrar("setRights", [(CLERK_A, ORG_A, 0)])
    with refused("MissingRight", organisation=ORG_A):
        attempt(evm, CLERK_A, write, ORG_A)


@each_write
def test_the_right_over_one_organisation_is_none_over_another(evm: ContractEvm, write: tuple[str, str]) -> None:
    with refused("MissingRight", organisation=ORG_B):
        attempt(evm, CLERK_A, write, ORG_B)


@each_write
def test_a_suspended_organisation_writes_nothing(evm: ContractEvm, write: tuple[str, str]) -> None:
    evm.registrar("setRights", [(CLERK_B, ORG_SUSPENDED, 15)])
    for caller in (CLERK_SUSPENDED, CLERK_B, STRANGER):
        with refused("SuspendedOrganisation", organisation=ORG_SUSPENDED):
            attempt(evm, caller, write, ORG_SUSPENDED)


@each_write
def test_a_released_organisation_writes_again(evm: ContractEvm, write: tuple[str, str]) -> None:
    evm.registrar("setSuspended", [(ORG_SUSPENDED, False)])
    attempt(evm, CLERK_SUSPENDED, write, ORG_SUSPENDED)


@each_write
def test_nobody_writes_for_an_unknown_organisation(evm: ContractEvm, write: tuple[str, str]) -> None:
    with refused("UnknownOrganisation", organisation=ORG_UNKNOWN):
        attempt(evm, CLERK_A, write, ORG_UNKNOWN)


def test_only_the_current_generation_of_a_log_takes_heads(evm: ContractEvm) -> None:
    evm.registrar("openGenerations", [(ORG_A, 1), (ORG_A, 2)])
    for generation in (0, 1, 3):
        with refused("WrongGeneration", log=log_of(ORG_A, generation), current=2):
            evm.transact(CLERK_A, "RecordLog", "advance", log_of(ORG_A, generation), 1, WORD, [])


def test_a_refused_head_leaves_nothing_behind(evm: ContractEvm) -> None:
    with refused("MissingRight"):
        attempt(evm, STRANGER, ("RecordLog", "advance"), ORG_A)
    assert evm.word("RecordLog", size_slot(log_of(ORG_A))) == 0
    assert evm.word("RecordLog", head_slot(log_of(ORG_A), 1)) == 0


@pytest.mark.parametrize("function", BY_REGISTRAR)
def test_only_the_registrar_keeps_the_register(evm: ContractEvm, function: str) -> None:
    pending = account("pending")
    evm.registrar("transferOwnership", to_checksum_address(pending))
    for caller in (STRANGER, CLERK_A, CLERK_B, CLERK_SUSPENDED, pending):
        with refused("OwnableUnauthorizedAccount", account=caller):
            evm.transact(caller, "Organisations", function, *BY_REGISTRAR[function])
    evm.registrar(function, *BY_REGISTRAR[function])


def test_only_the_named_successor_accepts_the_office(evm: ContractEvm) -> None:
    for caller in (STRANGER, REGISTRAR, CLERK_A):
        with refused("OwnableUnauthorizedAccount", account=caller):
            evm.transact(caller, "Organisations", "acceptOwnership")
