"""Seals: what is registered, what is refused, and a state history that can be proved."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from chain_service.core.chainproof.storage_layout import SealPeriod, SealState, seal_fact_slot, seal_state_slot
from chain_service.core.encoding.digests import keccak256
from support.contracts.contract_evm import CLERK_A, NOW, ORG_A, ORG_B, ContractEvm, refused

CODE = "31011500000042"
SEAL = keccak256(CODE.encode())
SHA256, SM3 = keccak256(b"sha-256"), keccak256(b"sm3")
START, END = 1_700_000_000, 1_900_000_000
CERTIFICATES = [keccak256(b"certificate %d" % n) for n in range(3)]
NAMES = ("code", "owner", "sha256", "sm3", "type", "start", "end", "certificates")


def seal(**changed: Any) -> tuple[Any, ...]:
    usual = dict(zip(NAMES, (CODE, ORG_A, SHA256, SM3, 1, START, END, CERTIFICATES), strict=True))
    return tuple((usual | changed).values())


def register(evm: ContractEvm, *seals: tuple[Any, ...]) -> list[Any]:
    return evm.transact(CLERK_A, "SealRegistry", "register", list(seals or [seal()])).events


def set_states(evm: ContractEvm, *changes: tuple[bytes, int, int]) -> list[Any]:
    return evm.transact(CLERK_A, "SealRegistry", "setStates", list(changes)).events


def states(evm: ContractEvm, count: int) -> list[int]:
    words = [evm.call("SealRegistry", "stateAt", SEAL, n) for n in range(count)]
    assert words == [evm.word("SealRegistry", seal_state_slot(CODE, n)) for n in range(count)]
    return [word & 255 for word in words]


def test_a_registered_seal_has_its_facts_without_gap_and_is_in_force(evm: ContractEvm) -> None:
    events = register(evm)
    facts = [evm.call("SealRegistry", "factAt", SEAL, n) for n in range(8)]
    period = START | END << 64 | 1 << 128
    assert facts == [ORG_A, SHA256, SM3, period.to_bytes(32, "big"), *CERTIFICATES, bytes(32)]
    assert [evm.word("SealRegistry", seal_fact_slot(CODE, n)) for n in range(8)] == [
        int.from_bytes(fact, "big") for fact in facts
    ]
    assert SealPeriod.from_word(period).to_word() == period
    word = evm.call("SealRegistry", "stateAt", SEAL, 0)
    assert word == 1 | NOW << 8 == SealState.from_word(word).to_word()
    assert [(event.name, dict(event.args)) for event in events] == [
        (
            "SealRegistered",
            {"seal": SEAL, "owner": ORG_A, "code": CODE, "sha256Digest": SHA256, "sm3Digest": SM3},
        ),
        ("SealStateSet", {"seal": SEAL, "account": to_checksum_address(CLERK_A), "n": 0, "state": 1}),
    ]


def test_a_seal_is_registered_once(evm: ContractEvm) -> None:
    register(evm)
    with refused("SealExists", seal=SEAL):
        register(evm, seal(sha256=SM3))
    with refused("SealExists", seal=keccak256(b"twin")):
        register(evm, seal(code="twin"), seal(code="twin"))


def test_a_personal_seal_is_never_registered(evm: ContractEvm) -> None:
    with refused("PersonalSeal", seal=SEAL):
        register(evm, seal(type=5))


@pytest.mark.parametrize(
    "changed",
    [
        {"code": ""},
        {"code": "s" * 65},
        {"code": ".seal"},
        {"code": "seal 1"},
        {"code": "章"},
        {"sha256": bytes(32)},
        {"sm3": bytes(32)},
        {"type": 0},
        {"start": END + 1},
        {"certificates": [CERTIFICATES[0], bytes(32)]},
        {"certificates": [keccak256(b"%d" % n) for n in range(65)]},
    ],
    ids=[
        "no code",
        "65 characters",
        "begins with a dot",
        "blank in the code",
        "Chinese code",
        "no SHA-256",
        "no SM3",
        "no type",
        "ends before it begins",
        "zero certificate",
        "65 certificates",
    ],
)
def test_a_malformed_seal_is_refused(evm: ContractEvm, changed: dict[str, Any]) -> None:
    with refused("MalformedSeal"):
        register(evm, seal(**changed))


@pytest.mark.parametrize("count", [0, 1, 64])
def test_a_seal_has_up_to_64_signer_certificates(evm: ContractEvm, count: int) -> None:
    certificates = [keccak256(b"%d" % n) for n in range(count)]
    register(evm, seal(certificates=certificates))
    found = [evm.call("SealRegistry", "factAt", SEAL, 4 + n) for n in range(count + 1)]
    assert found == [*certificates, bytes(32)]


def test_a_seal_can_be_valid_for_one_second(evm: ContractEvm) -> None:
    register(evm, seal(start=END))


def test_the_states_follow_each_other_and_cancelled_is_final(evm: ContractEvm) -> None:
    register(evm)
    events = set_states(evm, (SEAL, 1, 2), (SEAL, 2, 1), (SEAL, 3, 2), (SEAL, 4, 3))
    assert states(evm, 6) == [1, 2, 1, 2, 3, 0]
    assert [(event.args["n"], event.args["state"]) for event in events] == [(1, 2), (2, 1), (3, 2), (4, 3)]


def test_every_pair_of_states_is_legal_or_refused_as_the_table_says(evm: ContractEvm) -> None:
    legal = {(1, 2), (2, 1), (1, 3), (2, 3)}
    for before in (1, 2, 3):
        for after in range(8):
            fresh = evm.branch()
            register(fresh)
            reached = 0
            if before != 1:
                reached = 1
                set_states(fresh, (SEAL, 1, before))
            if (before, after) in legal:
                set_states(fresh, (SEAL, reached + 1, after))
                assert states(fresh, reached + 2)[-1] == after
            else:
                with refused("IllegalSealState", seal=SEAL, to=after, **{"from": before}):
                    set_states(fresh, (SEAL, reached + 1, after))


@pytest.mark.parametrize("n", [0, 2, 5, 2**256 - 1])
def test_a_state_at_a_taken_or_distant_place_is_refused(evm: ContractEvm, n: int) -> None:
    register(evm)
    with refused("HistoryConflict", key=SEAL):
        set_states(evm, (SEAL, n, 2))


def test_a_repeated_state_change_is_refused_instead_of_written_twice(evm: ContractEvm) -> None:
    register(evm)
    set_states(evm, (SEAL, 1, 2))
    with refused("HistoryConflict", key=SEAL, n=1):
        set_states(evm, (SEAL, 1, 2))


def test_an_unknown_seal_has_no_state_to_change(evm: ContractEvm) -> None:
    with refused("UnknownSeal", seal=SEAL):
        set_states(evm, (SEAL, 1, 2))


def test_one_bad_item_undoes_the_whole_call(evm: ContractEvm) -> None:
    with refused("PersonalSeal"):
        register(evm, seal(), seal(code="other", type=5))
    assert evm.call("SealRegistry", "factAt", SEAL, 0) == bytes(32)
    with refused("MissingRight", organisation=ORG_B):
        register(evm, seal(), seal(code="other", owner=ORG_B))
