"""The contracts take exactly the codes that the service can read, whatever bytes they are given."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chain_service.chain.contracts import artifact
from chain_service.core.encoding.digests import keccak256
from chain_service.core.records.identifiers import ORG_PATTERN, is_org_code
from chain_service.core.registries.seals import parse_seal_code
from chain_service.errors import MalformedRecord, Reverted
from support.contracts.contract_evm import CLERK_A, ORG_A, ContractEvm, refused

DIGEST = keccak256(b"a digest")
ORGANISATION = b"91110000MA1X2Y3W4K"
SEAL_TYPES = ("string", "bytes32", "bytes32", "bytes32", "uint8", "uint64", "uint64", "bytes32[]")
REGISTER_SEALS = keccak256(f"register(({','.join(SEAL_TYPES)})[])".encode())[:4]

quick = settings(max_examples=200, deadline=None, derandomize=True, database=None)
near_organisations = st.tuples(
    st.from_regex(ORG_PATTERN, fullmatch=True), st.integers(0, 17), st.characters(max_codepoint=127)
).map(lambda made: (made[0][: made[1]] + made[2] + made[0][made[1] + 1 :]).encode())
near_seals = st.text("AZaz09._-:/@[`{^, ", max_size=66).map(str.encode)


def takes_organisation(evm: ContractEvm, word: bytes) -> bool:
    try:
        evm.registrar("registerOrganisations", [(word, "局", DIGEST)])
    except Reverted as refusal:
        # One that was registered before is well-formed too.
        assert refusal.code in ("MalformedOrganisation", "OrganisationExists")
        return refusal.code == "OrganisationExists"
    return True


def takes_seal(evm: ContractEvm, code: bytes) -> bool:
    # As `bytes`, so that the code need not be UTF-8: the calldata of both types is the same.
    kinds = f"({','.join(('bytes', *SEAL_TYPES[1:]))})[]"
    data = REGISTER_SEALS + encode([kinds], [[(code, ORG_A, DIGEST, DIGEST, 1, 0, 1, [])]])
    try:
        evm.send(CLERK_A, "SealRegistry", "register", data)
    except Reverted as refusal:
        assert refusal.code in ("MalformedSeal", "SealExists")
        return refusal.code == "SealExists"
    return True


def is_seal_code(code: bytes) -> bool:
    try:
        return parse_seal_code(code.decode("latin-1")).encode() == code
    except MalformedRecord:
        return False


def is_organisation_word(word: bytes) -> bool:
    return is_org_code(word[:18].decode("latin-1")) and word[18:] == bytes(14)


@pytest.mark.parametrize("place", [0, 1, 2, 7, 8, 17])
def test_every_character_at_the_ends_of_each_part_of_an_organisation_code(evm: ContractEvm, place: int) -> None:
    for char in range(256):
        word = (ORGANISATION[:place] + bytes([char]) + ORGANISATION[place + 1 :]).ljust(32, b"\0")
        assert takes_organisation(evm, word) == is_organisation_word(word), word


@pytest.mark.parametrize("place", [0, 1, 63])
def test_every_character_of_a_seal_code(evm: ContractEvm, place: int) -> None:
    for char in range(256):
        code = b"s" * place + bytes([char])
        assert takes_seal(evm, code) == is_seal_code(code), code


def test_a_seal_code_has_1_to_64_characters(evm: ContractEvm) -> None:
    assert [length for length in range(70) if takes_seal(evm, b"7" * length)] == [*range(1, 65)]
    assert not takes_seal(evm, b"7" * 10_000)


@quick
@given(st.from_regex(ORG_PATTERN, fullmatch=True).map(str.encode) | near_organisations | st.binary(max_size=32))
@example(ORGANISATION + b"1")
@example(bytes(14) + ORGANISATION)
@example(ORGANISATION + bytes(13) + b"\1")
def test_the_registry_takes_an_organisation_if_and_only_if_the_service_reads_it(
    deployed: ContractEvm, code: bytes
) -> None:
    word = code[:32].ljust(32, b"\0")
    assert takes_organisation(deployed.branch(), word) == is_organisation_word(word)


@quick
@given(near_seals | st.binary(max_size=80) | st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace")))
@example("公章".encode())
@example(b"31011500000042\n")
@example(b"\xff\xfe")
def test_the_registry_takes_a_seal_code_if_and_only_if_the_service_reads_it(deployed: ContractEvm, code: bytes) -> None:
    assert takes_seal(deployed.branch(), code) == is_seal_code(code)


def test_a_refused_code_is_named_in_the_refusal(evm: ContractEvm) -> None:
    with refused("MalformedSeal", seal=keccak256("公章".encode())):
        evm.transact(CLERK_A, "SealRegistry", "register", [("公章", ORG_A, DIGEST, DIGEST, 1, 0, 1, [])])


def test_the_calldata_made_here_is_the_contracts_own() -> None:
    (entry,) = [item for item in artifact("SealRegistry")["abi"] if item.get("name") == "register"]
    assert tuple(part["type"] for part in entry["inputs"][0]["components"]) == SEAL_TYPES
