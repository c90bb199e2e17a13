"""What the contracts really store lies in the slots, and has the packing, that offline proofs read."""

from __future__ import annotations

from collections.abc import Callable

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState
from chain_service.core.chainproof.storage_layout import (
    CatalogStanding,
    PermitEntry,
    Right,
    SealPeriod,
    SealState,
    Standing,
)
from chain_service.core.encoding.digests import keccak256
from chain_service.core.registries.histories import read_log_keys, read_seal_facts, read_seal_states
from chain_service.core.registries.permits import read_permits
from support.contracts.contract_evm import (
    CLERK_A,
    CLERK_B,
    NOW,
    ORG_A,
    ORG_B,
    ORG_SUSPENDED,
    ORG_UNKNOWN,
    ContractEvm,
    log_of,
)

TYPE = "11100000000013338W011"
SEAL = "43010000000001"
CATALOG = "307001/000012"


def code_of(organisation: bytes) -> str:
    return organisation[:18].decode()


def proven(evm: ContractEvm, contract: str, slot_of: Callable[[int], bytes], count: int) -> ProvenState:
    """A state that covers the first `count` positions of a history."""
    words = {(contract, slot_of(n)): evm.word(contract, slot_of(n)) for n in range(count)}
    return ProvenState(1, 1, bytes(32), 0, "trial", 1, 1, words)


def standing(evm: ContractEvm, organisation: bytes) -> Standing:
    return Standing.from_word(evm.word("Organisations", storage_layout.standing_slot(code_of(organisation))))


def test_standings_are_read(evm: ContractEvm) -> None:
    evm.registrar("openGenerations", [(ORG_A, 1), (ORG_A, 2)])
    assert standing(evm, ORG_A) == Standing(registered=True, suspended=False, generation=2)
    assert standing(evm, ORG_SUSPENDED) == Standing(registered=True, suspended=True, generation=0)
    assert standing(evm, ORG_UNKNOWN) == Standing(registered=False, suspended=False, generation=0)


def test_rights_are_read_by_account_and_organisation(evm: ContractEvm) -> None:
    evm.registrar("setRights", [(CLERK_B, ORG_A, int(Right.STATUS))])
    assert evm.word("Organisations", storage_layout.rights_slot(CLERK_A, code_of(ORG_A))) == 15
    assert evm.word("Organisations", storage_layout.rights_slot(CLERK_B, code_of(ORG_A))) == Right.STATUS
    assert evm.word("Organisations", storage_layout.rights_slot(CLERK_A, code_of(ORG_B))) == 0


def test_log_keys_are_read(evm: ContractEvm) -> None:
    evm.registrar("addLogKeys", [(ORG_A, 1, b"\x07" * 32)])
    org = code_of(ORG_A)
    state = proven(evm, "Organisations", lambda n: storage_layout.log_key_slot(org, n), 3)
    assert read_log_keys(state, org) == [keccak256(ORG_A), b"\x07" * 32]


def test_permits_are_read(evm: ContractEvm) -> None:
    kind, org = keccak256(TYPE.encode()), code_of(ORG_A)
    evm.registrar(
        "recordPermits",
        [
            (ORG_A, kind, 0, storage_layout.PERMIT_GRANT, 19_723, storage_layout.OPEN_END),
            (ORG_A, kind, 1, 2, 0, 20_000),
        ],
    )
    state = proven(evm, "Organisations", lambda n: storage_layout.permit_slot(org, TYPE, n), 3)
    assert read_permits(state, org, TYPE) == [
        PermitEntry(storage_layout.PERMIT_GRANT, 19_723, storage_layout.OPEN_END, NOW),
        PermitEntry(storage_layout.PERMIT_END, 0, 20_000, NOW),
    ]


def test_heads_and_status_words_are_read(evm: ContractEvm) -> None:
    log = log_of(ORG_A)
    evm.force("RecordLog", storage_layout.size_slot(log), 100)
    evm.force("RecordLog", storage_layout.head_slot(log, 100), 0x00AB << 240)
    assert evm.call("RecordLog", "sizeOf", log) == 100
    assert evm.call("RecordLog", "rootAt", log, 100) == b"\x00\xab" + bytes(30)
    evm.transact(
        CLERK_A,
        "RecordStatus",
        "set",
        log,
        [(index | 2 << 64 | 1 << 72, keccak256(b"change")) for index in (1, 63, 64)],
    )
    for index, state in ((1, 2), (2, 0), (63, 2), (64, 2), (65, 0)):
        slot, shift = storage_layout.status_slot(log, index)
        assert storage_layout.status_in(evm.word("RecordStatus", slot), shift) == state


def test_seals_are_read(evm: ContractEvm) -> None:
    certificates = [b"\x03" * 32, b"\x04" * 32]
    evm.transact(
        CLERK_A,
        "SealRegistry",
        "register",
        [(SEAL, ORG_A, b"\x01" * 32, b"\x02" * 32, 1, 1_700_000_000, 1_900_000_000, certificates)],
    )
    evm.transact(CLERK_A, "SealRegistry", "setStates", [(keccak256(SEAL.encode()), 1, storage_layout.SEAL_FROZEN)])
    states = proven(evm, "SealRegistry", lambda n: storage_layout.seal_state_slot(SEAL, n), 3)
    assert read_seal_states(states, SEAL) == [
        SealState(storage_layout.SEAL_IN_FORCE, NOW),
        SealState(storage_layout.SEAL_FROZEN, NOW),
    ]
    facts = read_seal_facts(proven(evm, "SealRegistry", lambda n: storage_layout.seal_fact_slot(SEAL, n), 7), SEAL)
    period = SealPeriod(1_700_000_000, 1_900_000_000, 1)
    assert facts == [ORG_A, b"\x01" * 32, b"\x02" * 32, period.to_word().to_bytes(32, "big"), *certificates]


def test_catalog_entries_are_read(evm: ContractEvm) -> None:
    key, first, second = keccak256(CATALOG.encode()), b"\x01" * 32, b"\x02" * 32
    changes = [(key, 1 | 1 << 64, bytes(32), first), (key, 2 | 2 << 64, first, second)]
    evm.transact(CLERK_B, "CatalogRegistry", "publish", ORG_B, changes)
    assert evm.word("CatalogRegistry", storage_layout.catalog_digest_slot(CATALOG)) == int.from_bytes(second, "big")
    word = evm.word("CatalogRegistry", storage_layout.catalog_standing_slot(CATALOG))
    assert CatalogStanding.from_word(word) == CatalogStanding(code_of(ORG_B), storage_layout.CATALOG_CHANGE, 2)
