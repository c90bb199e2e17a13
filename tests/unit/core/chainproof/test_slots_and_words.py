"""Slots and packed words, against the compiler's storage layout and against Solidity's encoding."""

import json
from datetime import date
from importlib import resources

import pytest
from eth_abi.abi import encode

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.storage_layout import (
    CatalogStanding,
    PermitEntry,
    Right,
    SealPeriod,
    SealState,
    Standing,
    date_of_day,
    day_number,
)
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof

ORG = "11430000006122244L"
TYPE = "11100000000013338W011"
LOG = ORG.encode().ljust(28, b"\0") + (3).to_bytes(4, "big")
SEAL = "43010000000001"
CATALOG = "307001/000012"
ACCOUNT = bytes(range(20))


def artifact(contract):
    return json.loads((resources.files("chain_service.chain") / "artifacts" / f"{contract}.json").read_bytes())


def nested(position, *keys):
    """The slot as Solidity defines it, with its own ABI encoder: each key is (type, value)."""
    slot = position.to_bytes(32, "big")
    for kind, value in keys:
        slot = keccak256(encode([kind, "bytes32"], [value, slot]))
    return slot


@pytest.mark.parametrize("contract", storage_layout.POSITIONS)
def test_positions_are_the_compilers(contract):
    compiled = artifact(contract)["storageLayout"]
    places = {entry["label"]: int(entry["slot"]) for entry in compiled["storage"] if "mapping" in entry["type"]}
    assert places == storage_layout.POSITIONS[contract]
    assert all(entry["offset"] == 0 for entry in compiled["storage"])


def test_the_owner_of_the_contracts_lies_before_their_mappings():
    storage = artifact("Organisations")["storageLayout"]["storage"]
    assert [entry["label"] for entry in storage][:2] == ["_owner", "_pendingOwner"]


ORG_KEY = ("bytes32", ORG.encode().ljust(32, b"\0"))
PERMIT_KEY = keccak256(encode(["bytes32", "bytes32"], [ORG_KEY[1], keccak256(TYPE.encode())]))
SEAL_KEY = ("bytes32", keccak256(SEAL.encode()))
CATALOG_KEY = ("bytes32", keccak256(CATALOG.encode()))


@pytest.mark.parametrize(
    ("contract", "mapping", "slot", "keys"),
    [
        ("Organisations", "_standingOf", storage_layout.standing_slot(ORG), [ORG_KEY]),
        (
            "Organisations",
            "_rightsOf",
            storage_layout.rights_slot(ACCOUNT, ORG),
            [("address", "0x" + ACCOUNT.hex()), ORG_KEY],
        ),
        ("Organisations", "_logKeyAt", storage_layout.log_key_slot(ORG, 2), [ORG_KEY, ("uint256", 2)]),
        (
            "Organisations",
            "_permitAt",
            storage_layout.permit_slot(ORG, TYPE, 5),
            [("bytes32", PERMIT_KEY), ("uint256", 5)],
        ),
        ("RecordLog", "_sizeOf", storage_layout.size_slot(LOG), [("bytes32", LOG)]),
        ("RecordLog", "_rootAt", storage_layout.head_slot(LOG, 2**40), [("bytes32", LOG), ("uint64", 2**40)]),
        ("RecordStatus", "_statusWordAt", storage_layout.status_slot(LOG, 1000)[0], [("bytes32", LOG), ("uint64", 15)]),
        ("SealRegistry", "_factAt", storage_layout.seal_fact_slot(SEAL, 4), [SEAL_KEY, ("uint256", 4)]),
        ("SealRegistry", "_stateAt", storage_layout.seal_state_slot(SEAL, 1), [SEAL_KEY, ("uint256", 1)]),
        ("CatalogRegistry", "_digestOf", storage_layout.catalog_digest_slot(CATALOG), [CATALOG_KEY]),
        ("CatalogRegistry", "_standingOf", storage_layout.catalog_standing_slot(CATALOG), [CATALOG_KEY]),
    ],
)
def test_slots_are_where_solidity_puts_them(contract, mapping, slot, keys):
    compiled = artifact(contract)["storageLayout"]
    entry = next(entry for entry in compiled["storage"] if entry["label"] == mapping)
    kind, declared = entry["type"], []
    while "key" in compiled["types"][kind]:
        declared.append(compiled["types"][kind]["key"].removeprefix("t_"))
        kind = compiled["types"][kind]["value"]
    assert declared == [key for key, _ in keys]
    assert slot == nested(int(entry["slot"]), *keys)


def test_status_bits_are_four_by_four_lowest_first():
    assert [storage_layout.status_slot(LOG, index)[1] for index in (0, 1, 63, 64)] == [0, 4, 252, 0]
    assert (
        storage_layout.status_slot(LOG, 63)[0]
        == storage_layout.status_slot(LOG, 0)[0]
        != storage_layout.status_slot(LOG, 64)[0]
    )
    word = 0x7 << 252 | 0x2 << 4
    assert [storage_layout.status_in(word, storage_layout.status_slot(LOG, index)[1]) for index in (0, 1, 2, 63)] == [
        0,
        2,
        0,
        7,
    ]


WORDS = [
    (Standing(False, False, 0), 0),
    (Standing(True, False, 0), 1),
    (Standing(True, True, 2**32 - 1), 0xFFFFFFFF03),
    (
        PermitEntry(1, 19_723, storage_layout.OPEN_END, 1_790_000_000),
        1_790_000_000 << 72 | 0xFFFFFFFF << 40 | 19_723 << 8 | 1,
    ),
    (PermitEntry(2, 0, 20_000, 2**64 - 1), (2**64 - 1) << 72 | 20_000 << 40 | 2),
    (SealState(3, 1_790_000_000), 1_790_000_000 << 8 | 3),
    (SealPeriod(1, 2**64 - 1, 4), 4 << 128 | (2**64 - 1) << 64 | 1),
    (CatalogStanding(ORG, 2, 9), int.from_bytes(ORG.encode(), "big") << 112 | 2 << 64 | 9),
]


@pytest.mark.parametrize(("value", "word"), WORDS)
def test_words_pack_and_unpack(value, word):
    assert value.to_word() == word and type(value).from_word(word) == value


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (Standing, 4),
        (Standing, 1 << 40),
        (PermitEntry, 0),
        (PermitEntry, 3),
        (PermitEntry, 1 << 136 | 1),
        (SealState, 0),
        (SealState, 4),
        (SealState, 1 << 72 | 1),
        (SealPeriod, 1 << 136),
        (CatalogStanding, 0),
        (CatalogStanding, 1 << 64),
        (CatalogStanding, WORDS[-1][1] | 4 << 64),
        (CatalogStanding, WORDS[-1][1] | 1 << 80),
        (CatalogStanding, WORDS[-1][1] << 144),
        (Standing, -1),
    ],
)
def test_a_word_that_no_contract_writes_is_refused(kind, word):
    with pytest.raises(InvalidProof):
        kind.from_word(word)


def test_values_that_do_not_fit_are_refused():
    for value in (Standing(True, False, 2**32), PermitEntry(1, -1, 0, 0), SealState(1, 2**64), SealPeriod(0, 0, 256)):
        with pytest.raises(InvalidProof):
            value.to_word()


def test_keys_that_do_not_fit_are_refused():
    for make in (
        lambda: storage_layout.standing_slot("short"),
        lambda: storage_layout.standing_slot("１" * 18),
        lambda: storage_layout.head_slot(LOG[:31], 1),
        lambda: storage_layout.head_slot(LOG, -1),
        lambda: storage_layout.head_slot(LOG, 2**256),
        lambda: storage_layout.status_slot(LOG, -1),
        lambda: storage_layout.rights_slot(ACCOUNT[:19], ORG),
        lambda: storage_layout.catalog_digest_slot("\ud800"),
    ):
        with pytest.raises(InvalidProof):
            make()


def test_days_count_from_1970():
    assert [day_number(day) for day in (date(1970, 1, 1), date(1969, 12, 31), date(2024, 1, 1))] == [0, -1, 19_723]
    assert date_of_day(19_723) == date(2024, 1, 1)
    assert date_of_day(storage_layout.OPEN_END) is None and date_of_day(10**20) is None


def test_rights_are_the_contracts_bits():
    assert Right.ANCHOR | Right.STATUS | Right.SEAL | Right.CATALOG == 15
    assert [int(right) for right in Right] == [1, 2, 4, 8]
