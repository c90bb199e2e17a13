"""Who may act for whom: registration, suspension, rights, log keys, generations, permits."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from chain_service.chain.contracts import CONTRACTS
from chain_service.core.chainproof.storage_layout import OPEN_END, PermitEntry, Right
from chain_service.core.encoding.digests import keccak256
from support.contracts.contract_evm import (
    CHAIN_ID,
    CLERK_A,
    CLERK_B,
    NOW,
    ORG_A,
    ORG_B,
    ORG_SUSPENDED,
    ORG_UNKNOWN,
    REGISTRAR,
    ContractEvm,
    account,
    refused,
)

TYPE = keccak256(b"1100030")
PERMIT_KEY = keccak256(ORG_A + TYPE)
KEY = keccak256(b"a log key")
ALL = 15


def view(evm: ContractEvm, function: str, *args: object) -> Any:
    return evm.call("Organisations", function, *args)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_contract_names_its_chain_and_its_version(evm: ContractEvm, contract: str) -> None:
    assert evm.call(contract, "chainId") == CHAIN_ID
    assert evm.call(contract, "version") == "1.0.0"


def test_a_registered_organisation_has_its_first_log_key_and_generation_0(evm: ContractEvm) -> None:
    outcome = evm.registrar("registerOrganisations", [(ORG_UNKNOWN, "某市民政局", KEY)])
    assert view(evm, "isRegistered", ORG_UNKNOWN) is True
    assert view(evm, "isSuspended", ORG_UNKNOWN) is False
    assert view(evm, "generationOf", ORG_UNKNOWN) == 0
    assert view(evm, "logKeyAt", ORG_UNKNOWN, 0) == KEY
    assert view(evm, "logKeyAt", ORG_UNKNOWN, 1) == bytes(32)
    assert [(event.name, dict(event.args)) for event in outcome.events] == [
        ("OrganisationRegistered", {"organisation": ORG_UNKNOWN, "name": "某市民政局"}),
        ("LogKeyAdded", {"organisation": ORG_UNKNOWN, "n": 0, "key": KEY}),
    ]


def test_an_organisation_is_registered_once_and_keeps_its_key(evm: ContractEvm) -> None:
    with refused("OrganisationExists", organisation=ORG_A):
        evm.registrar("registerOrganisations", [(ORG_A, "again", KEY)])
    assert view(evm, "logKeyAt", ORG_A, 0) == keccak256(ORG_A)


@pytest.mark.parametrize(
    "organisation",
    [
        b"91110000100000000I".ljust(32, b"\0"),
        b"9111000A100000000X".ljust(32, b"\0"),
        b"91110000100000000".ljust(32, b"\0"),
        b"91110000100000000x".ljust(32, b"\0"),
        b"9111000010000000 X".ljust(32, b"\0"),
        b"91110000100000000X0".ljust(32, b"\0"),
        b"91110000100000000X".ljust(31, b"\0") + b"\1",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\091110000100000000X",
        bytes(32),
    ],
    ids=[
        "letter I",
        "letter in the region",
        "17 characters",
        "lower case",
        "blank",
        "19 characters",
        "generation set",
        "right-aligned",
        "zero",
    ],
)
def test_only_a_unified_social_credit_code_is_an_organisation(evm: ContractEvm, organisation: bytes) -> None:
    with refused("MalformedOrganisation", organisation=organisation):
        evm.registrar("registerOrganisations", [(organisation, "name", KEY)])


@pytest.mark.parametrize("name", ["局", "n" * 800, "\U0002070e" * 200], ids=["one", "800 bytes", "200 rare characters"])
def test_a_name_has_up_to_200_characters_of_any_script(evm: ContractEvm, name: str) -> None:
    outcome = evm.registrar("registerOrganisations", [(ORG_UNKNOWN, name, KEY)])
    assert outcome.events[0].args["name"] == name


@pytest.mark.parametrize("name", ["", "n" * 801, "局" * 267], ids=["none", "801 bytes", "801 bytes of Chinese"])
def test_an_organisation_without_a_name_or_with_an_endless_one_is_refused(evm: ContractEvm, name: str) -> None:
    with refused("MalformedName", organisation=ORG_UNKNOWN):
        evm.registrar("registerOrganisations", [(ORG_UNKNOWN, name, KEY)])


def test_a_zero_log_key_is_refused_because_it_would_look_absent(evm: ContractEvm) -> None:
    with refused("MalformedLogKey", organisation=ORG_UNKNOWN):
        evm.registrar("registerOrganisations", [(ORG_UNKNOWN, "name", bytes(32))])
    with refused("MalformedLogKey", organisation=ORG_A):
        evm.registrar("addLogKeys", [(ORG_A, 1, bytes(32))])


@pytest.mark.parametrize(
    ("function", "item"),
    [
        ("setSuspended", (ORG_UNKNOWN, True)),
        ("setRights", (CLERK_A, ORG_UNKNOWN, 1)),
        ("addLogKeys", (ORG_UNKNOWN, 0, KEY)),
        ("openGenerations", (ORG_UNKNOWN, 1)),
        ("recordPermits", (ORG_UNKNOWN, TYPE, 0, 1, 0, OPEN_END)),
    ],
)
def test_nothing_can_be_set_for_an_unknown_organisation(
    evm: ContractEvm, function: str, item: tuple[object, ...]
) -> None:
    with refused("UnknownOrganisation", organisation=ORG_UNKNOWN):
        evm.registrar(function, [item])


def test_suspension_ends_and_keeps_generation_and_rights(evm: ContractEvm) -> None:
    evm.registrar("openGenerations", [(ORG_A, 1)])
    outcome = evm.registrar("setSuspended", [(ORG_A, True)])
    assert [dict(event.args) for event in outcome.events] == [{"organisation": ORG_A, "suspended": True}]
    assert view(evm, "isSuspended", ORG_A) is True
    with refused("SuspendedOrganisation", organisation=ORG_A):
        view(evm, "authorise", CLERK_A, ORG_A, Right.ANCHOR)
    evm.registrar("setSuspended", [(ORG_A, False), (ORG_A, False)])
    assert view(evm, "isSuspended", ORG_A) is False
    assert view(evm, "authorise", CLERK_A, ORG_A, Right.ANCHOR) == 1


def test_rights_are_replaced_as_a_whole_and_0_takes_them_away(evm: ContractEvm) -> None:
    clerk = account("new clerk")
    outcome = evm.registrar("setRights", [(clerk, ORG_A, Right.ANCHOR | Right.SEAL)])
    expected = {"account": to_checksum_address(clerk), "organisation": ORG_A, "rights": 5}
    assert [dict(event.args) for event in outcome.events] == [expected]
    assert view(evm, "rightsOf", clerk, ORG_A) == 5
    assert view(evm, "rightsOf", clerk, ORG_B) == 0
    evm.registrar("setRights", [(clerk, ORG_A, Right.STATUS)])
    assert view(evm, "rightsOf", clerk, ORG_A) == 2
    evm.registrar("setRights", [(clerk, ORG_A, 0)])
    with refused("MissingRight", organisation=ORG_A, right=2):
        view(evm, "authorise", clerk, ORG_A, Right.STATUS)


def test_an_authority_can_hold_the_status_right_over_another_organisation(evm: ContractEvm) -> None:
    evm.registrar("setRights", [(CLERK_B, ORG_A, Right.STATUS)])
    assert view(evm, "authorise", CLERK_B, ORG_A, Right.STATUS) == 0
    assert view(evm, "rightsOf", CLERK_B, ORG_B) == ALL
    with refused("MissingRight", right=1):
        view(evm, "authorise", CLERK_B, ORG_A, Right.ANCHOR)


@pytest.mark.parametrize("rights", [16, 31, 255])
def test_a_mask_beyond_the_four_rights_is_refused(evm: ContractEvm, rights: int) -> None:
    with refused("MalformedRights", rights=rights):
        evm.registrar("setRights", [(CLERK_A, ORG_A, rights)])


def test_authorise_knows_every_mask_and_every_right(evm: ContractEvm) -> None:
    for mask in range(16):
        evm.registrar("setRights", [(CLERK_A, ORG_A, mask)])
        for needed in range(1, 16):
            if mask & needed == needed:
                assert view(evm, "authorise", CLERK_A, ORG_A, needed) == 0
            else:
                with refused("MissingRight", right=needed):
                    view(evm, "authorise", CLERK_A, ORG_A, needed)


def test_authorise_refuses_to_ask_for_nothing(evm: ContractEvm) -> None:
    with refused("MissingRight", right=0):
        view(evm, "authorise", CLERK_A, ORG_A, 0)


def test_log_keys_are_appended_without_gap_and_never_replaced(evm: ContractEvm) -> None:
    second, third = keccak256(b"2"), keccak256(b"3")
    for n in (0, 2, 2**256 - 1):
        with refused("HistoryConflict", key=ORG_A):
            evm.registrar("addLogKeys", [(ORG_A, n, second)])
    outcome = evm.registrar("addLogKeys", [(ORG_A, 1, second), (ORG_A, 2, third)])
    assert [event.args["n"] for event in outcome.events] == [1, 2]
    assert [view(evm, "logKeyAt", ORG_A, n) for n in range(4)] == [keccak256(ORG_A), second, third, bytes(32)]
    with refused("HistoryConflict", key=ORG_A, n=1):
        evm.registrar("addLogKeys", [(ORG_A, 1, second)])


def test_generations_are_opened_one_by_one(evm: ContractEvm) -> None:
    for generation in (0, 2, 2**32 - 1):
        with refused("GenerationConflict", organisation=ORG_A, current=0, generation=generation):
            evm.registrar("openGenerations", [(ORG_A, generation)])
    outcome = evm.registrar("openGenerations", [(ORG_A, 1), (ORG_A, 2), (ORG_SUSPENDED, 1)])
    assert [(event.args["organisation"], event.args["generation"]) for event in outcome.events] == [
        (ORG_A, 1),
        (ORG_A, 2),
        (ORG_SUSPENDED, 1),
    ]
    assert view(evm, "generationOf", ORG_A) == 2
    assert view(evm, "isSuspended", ORG_SUSPENDED) is True


def test_a_permit_word_holds_action_days_and_the_time_of_recording(evm: ContractEvm) -> None:
    outcome = evm.registrar("recordPermits", [(ORG_A, TYPE, 0, 1, 19_000, OPEN_END), (ORG_A, TYPE, 1, 2, 0, 20_500)])
    words = [view(evm, "permitAt", ORG_A, TYPE, n) for n in range(3)]
    assert words == [1 | 19_000 << 8 | OPEN_END << 40 | NOW << 72, 2 | 20_500 << 40 | NOW << 72, 0]
    assert words[:2] == [PermitEntry.from_word(word).to_word() for word in words[:2]]
    assert dict(outcome.events[1].args) == {
        "organisation": ORG_A,
        "certificateType": TYPE,
        "n": 1,
        "action": 2,
        "from": 0,
        "until": 20_500,
    }


def test_permits_of_each_type_and_organisation_have_their_own_history(evm: ContractEvm) -> None:
    evm.registrar("recordPermits", [(ORG_A, TYPE, 0, 1, 0, 0), (ORG_B, TYPE, 0, 1, 0, 0), (ORG_A, KEY, 0, 1, 0, 0)])
    assert view(evm, "permitAt", ORG_A, TYPE, 1) == 0


@pytest.mark.parametrize("n", [0, 2, 3, 2**256 - 1])
def test_a_permit_at_a_taken_or_distant_place_is_refused(evm: ContractEvm, n: int) -> None:
    evm.registrar("recordPermits", [(ORG_A, TYPE, 0, 1, 0, 9)])
    with refused("HistoryConflict", key=PERMIT_KEY):
        evm.registrar("recordPermits", [(ORG_A, TYPE, n, 1, 0, 9)])


@pytest.mark.parametrize(
    ("action", "first", "last"), [(0, 0, 9), (3, 0, 9), (255, 0, 9), (1, 10, 9), (2, 1, 9), (2, OPEN_END, OPEN_END)]
)
def test_a_permit_that_makes_no_sense_is_refused(evm: ContractEvm, action: int, first: int, last: int) -> None:
    with refused("MalformedPermit", organisation=ORG_A, certificateType=TYPE, n=0):
        evm.registrar("recordPermits", [(ORG_A, TYPE, 0, action, first, last)])


def test_one_bad_item_undoes_the_whole_call(evm: ContractEvm) -> None:
    with refused("OrganisationExists"):
        evm.registrar("registerOrganisations", [(ORG_UNKNOWN, "new", KEY), (ORG_A, "old", KEY)])
    assert view(evm, "isRegistered", ORG_UNKNOWN) is False


def test_the_office_of_registrar_is_handed_over_in_two_steps(evm: ContractEvm) -> None:
    successor = account("successor")
    evm.registrar("transferOwnership", to_checksum_address(successor))
    assert to_checksum_address(view(evm, "owner")) == to_checksum_address(REGISTRAR)
    with refused("OwnableUnauthorizedAccount"):
        evm.transact(successor, "Organisations", "setSuspended", [(ORG_A, True)])
    evm.transact(successor, "Organisations", "acceptOwnership")
    evm.transact(successor, "Organisations", "setSuspended", [(ORG_A, True)])
    with refused("OwnableUnauthorizedAccount"):
        evm.registrar("setSuspended", [(ORG_A, False)])


def test_the_office_cannot_be_given_up(evm: ContractEvm) -> None:
    for caller in (REGISTRAR, CLERK_A):
        with refused("RegistrarRequired"):
            evm.transact(caller, "Organisations", "renounceOwnership")
