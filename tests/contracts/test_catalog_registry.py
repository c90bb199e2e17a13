"""Heads of catalog entries: sequences, digests, owners; no forks and no gaps."""

from __future__ import annotations

import pytest
from eth_utils.address import to_checksum_address

from chain_service.chain.contracts import CatalogChange, ChainEvent
from chain_service.core.chainproof.storage_layout import CatalogStanding, catalog_digest_slot, catalog_standing_slot
from chain_service.core.encoding.digests import keccak256
from support.contracts.contract_evm import CLERK_A, CLERK_B, ORG_A, ORG_B, ContractEvm, refused

CODE = "320500/000001/000003"
CATALOG = keccak256(CODE.encode())
NONE = bytes(32)
PUBLISH, CHANGE, WITHDRAW = 1, 2, 3
D1, D2, D3, D4 = (keccak256(b"version %d" % n) for n in range(1, 5))


def publish(
    evm: ContractEvm, *changes: tuple[int, int, bytes, bytes], clerk: bytes = CLERK_A, org: bytes = ORG_A
) -> list[ChainEvent]:
    """Each change as sequence, action, previous, digest."""
    packed = [CatalogChange(CATALOG, *change).pack() for change in changes]
    return evm.transact(clerk, "CatalogRegistry", "publish", org, packed).events


def standing(evm: ContractEvm) -> tuple[bytes, int, int]:
    return tuple(evm.call("CatalogRegistry", "standingOf", CATALOG))


def test_a_published_entry_has_owner_action_sequence_and_digest(evm: ContractEvm) -> None:
    publish(evm, (1, PUBLISH, NONE, D1))
    assert standing(evm) == (ORG_A, PUBLISH, 1)
    assert evm.call("CatalogRegistry", "digestOf", CATALOG) == D1
    word = evm.word("CatalogRegistry", catalog_standing_slot(CODE))
    assert word == int.from_bytes(ORG_A, "big") | PUBLISH << 64 | 1 == CatalogStanding.from_word(word).to_word()
    assert evm.word("CatalogRegistry", catalog_digest_slot(CODE)) == int.from_bytes(D1, "big")


def test_an_unknown_entry_has_nothing(evm: ContractEvm) -> None:
    assert standing(evm) == (NONE, 0, 0)
    assert evm.call("CatalogRegistry", "digestOf", CATALOG) == NONE


def test_a_whole_life_fits_into_one_call(evm: ContractEvm) -> None:
    publish(evm, (1, PUBLISH, NONE, D1), (2, CHANGE, D1, D2), (3, WITHDRAW, D2, D3), (4, PUBLISH, D3, D4))
    assert standing(evm) == (ORG_A, PUBLISH, 4)
    assert evm.call("CatalogRegistry", "digestOf", CATALOG) == D4


def test_the_event_carries_who_and_every_change_as_it_was_sent(evm: ContractEvm) -> None:
    (event,) = publish(evm, (1, PUBLISH, NONE, D1), (2, CHANGE, D1, D2))
    assert event.name == "CatalogChanged"
    assert dict(event.args) == {
        "organisation": ORG_A,
        "account": to_checksum_address(CLERK_A),
        "changes": (CatalogChange(CATALOG, 1, 1, NONE, D1), CatalogChange(CATALOG, 2, 2, D1, D2)),
    }


@pytest.mark.parametrize(
    ("change", "case"),
    [
        ((2, CHANGE, D1, D3), "a fork: version 2 stands"),
        ((4, CHANGE, D2, D3), "a gap"),
        ((3, CHANGE, D1, D3), "another predecessor"),
        ((3, CHANGE, NONE, D3), "no predecessor"),
        ((1, PUBLISH, NONE, D3), "a new beginning"),
        ((0, CHANGE, D2, D3), "sequence 0"),
        ((2**64 - 1, CHANGE, D2, D3), "the last sequence"),
    ],
)
def test_what_does_not_follow_the_head_is_a_conflict(
    evm: ContractEvm, change: tuple[int, int, bytes, bytes], case: str
) -> None:
    publish(evm, (1, PUBLISH, NONE, D1), (2, CHANGE, D1, D2))
    with refused("CatalogConflict", catalog=CATALOG, sequence=2, digest=D2):
        publish(evm, change)


def test_a_first_version_has_sequence_1_and_no_predecessor(evm: ContractEvm) -> None:
    for sequence, previous in ((0, NONE), (2, NONE), (1, D1)):
        with refused("CatalogConflict", sequence=0, digest=NONE):
            publish(evm, (sequence, PUBLISH, previous, D2))


def test_every_action_is_legal_or_refused_as_the_last_one_says(evm: ContractEvm) -> None:
    lives = {
        0: [],
        PUBLISH: [(1, PUBLISH, NONE, D1)],
        CHANGE: [(1, PUBLISH, NONE, D2), (2, CHANGE, D2, D1)],
        WITHDRAW: [(1, PUBLISH, NONE, D2), (2, WITHDRAW, D2, D1)],
    }
    legal = {(0, PUBLISH), (PUBLISH, CHANGE), (PUBLISH, WITHDRAW), (CHANGE, CHANGE), (CHANGE, WITHDRAW), (3, PUBLISH)}
    for last, life in lives.items():
        for action in (PUBLISH, CHANGE, WITHDRAW):
            fresh = evm.branch()
            publish(fresh, *life)
            change = (len(life) + 1, action, D1 if life else NONE, D4)
            if (last, action) in legal:
                publish(fresh, change)
                assert standing(fresh) == (ORG_A, action, len(life) + 1)
            else:
                with refused("IllegalCatalogAction", catalog=CATALOG, last=last, action=action):
                    publish(fresh, change)


@pytest.mark.parametrize("action", [0, 4, 5, 256, 257, 2**191])
def test_an_unknown_action_or_bits_above_it_are_refused(evm: ContractEvm, action: int) -> None:
    with refused("MalformedChange"):
        publish(evm, (1, action, NONE, D1))


def test_a_zero_digest_is_refused_because_it_would_look_absent(evm: ContractEvm) -> None:
    with refused("MalformedChange"):
        publish(evm, (1, PUBLISH, NONE, NONE))


def test_an_entry_belongs_to_its_first_publisher_even_when_withdrawn(evm: ContractEvm) -> None:
    publish(evm, (1, PUBLISH, NONE, D1), (2, WITHDRAW, D1, D2))
    with refused("ForeignCatalog", catalog=CATALOG, owner=ORG_A):
        publish(evm, (3, PUBLISH, D2, D3), clerk=CLERK_B, org=ORG_B)


def test_one_bad_change_undoes_all(evm: ContractEvm) -> None:
    with refused("CatalogConflict", sequence=1):
        publish(evm, (1, PUBLISH, NONE, D1), (3, CHANGE, D1, D2))
    assert standing(evm) == (NONE, 0, 0)
