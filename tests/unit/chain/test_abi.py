"""Calls, events and errors between Python values and bytes, against web3.py's own encoder."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.abi import event_abi_to_log_topic, function_abi_to_4byte_selector
from eth_utils.address import to_checksum_address
from web3 import Web3

from chain_service.chain import contracts
from chain_service.chain.contracts import CatalogChange, StatusChange
from chain_service.core.chainproof.storage_layout import (
    CATALOG_REGISTRY,
    ORGANISATIONS,
    RECORD_LOG,
    RECORD_STATUS,
    SEAL_REGISTRY,
)
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import BadRequest, Unavailable

ORG = b"91320000MA1X2Y3Z4K".ljust(32, b"\0")
LOG = ORG[:18] + bytes(14)
ACCOUNT = to_checksum_address("0x" + "ab" * 20)
PLACE = to_checksum_address("0x" + "11" * 20)

CALLS = [
    (RECORD_LOG, "advance", (LOG, 7, b"\x05" * 32, [b"\x01" * 32, b"\x02" * 32])),
    (RECORD_LOG, "rootAt", (LOG, 2**63)),
    (ORGANISATIONS, "registerOrganisations", ([(ORG, "某某局", b"\x07" * 32)],)),
    (ORGANISATIONS, "setRights", ([(ACCOUNT, ORG, 15), (PLACE, ORG, 0)],)),
    (ORGANISATIONS, "recordPermits", ([(ORG, b"\x03" * 32, 0, 1, 19000, 2**32 - 1)],)),
    (RECORD_STATUS, "set", (LOG, [StatusChange(5, 2, 40, b"\x09" * 32).pack()])),
    (CATALOG_REGISTRY, "publish", (ORG, [CatalogChange(b"\x01" * 32, 1, 1, bytes(32), b"\x02" * 32).pack()])),
    (SEAL_REGISTRY, "setStates", ([(b"\x04" * 32, 1, 2)],)),
    (
        SEAL_REGISTRY,
        "register",
        ([("11010000000001", ORG, b"\x01" * 32, b"\x02" * 32, 1, 1, 2**40, [b"\x03" * 32, b"\x04" * 32])],),
    ),
]


@pytest.mark.parametrize(
    ("contract", "function", "arguments"), CALLS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_calldata_equals_what_web3_encodes(contract: str, function: str, arguments: tuple[Any, ...]) -> None:
    reference = Web3().eth.contract(abi=contracts.artifact(contract)["abi"])
    assert contracts.encode_call(contract, function, *arguments).hex() == reference.encode_abi(
        function, args=list(arguments)
    ).removeprefix("0x")


def test_every_function_has_the_selector_that_eth_utils_computes() -> None:
    for contract in contracts.CONTRACTS:
        for entry in contracts.artifact(contract)["abi"]:
            if entry["type"] == "function":
                selector, _ = contracts._call(contract, entry["name"])
                assert selector == function_abi_to_4byte_selector(entry)


def test_arguments_that_do_not_fit_are_a_bad_request() -> None:
    with pytest.raises(BadRequest):
        contracts.encode_call(RECORD_LOG, "rootAt", LOG, 2**64)
    with pytest.raises(BadRequest):
        contracts.encode_call(RECORD_LOG, "rootAt", LOG)


def log_of(contract: str, name: str, topics: list[bytes], data: bytes) -> dict[str, Any]:
    abi = next(e for e in contracts.artifact(contract)["abi"] if e["type"] == "event" and e["name"] == name)
    return {
        "address": PLACE.lower(),
        "topics": ["0x" + topic.hex() for topic in (event_abi_to_log_topic(abi), *topics)],
        "data": "0x" + data.hex(),
        "blockNumber": "0x10",
        "blockHash": "0x" + "aa" * 32,
        "transactionHash": "0x" + "bb" * 32,
        "logIndex": "0x3",
    }


def test_a_head_event_carries_its_arguments_by_name() -> None:
    log = log_of(
        RECORD_LOG,
        "HeadAdvanced",
        [LOG, bytes(12) + bytes.fromhex(ACCOUNT[2:])],
        encode(["uint64", "bytes32"], [9, b"\x05" * 32]),
    )
    event = contracts.decode_event(log, {PLACE: RECORD_LOG})
    assert (event.name, event.block, event.position, event.contract) == ("HeadAdvanced", 16, 3, RECORD_LOG)
    assert event.tx == b"\xbb" * 32
    assert event.args == {"log": LOG, "account": ACCOUNT, "size": 9, "root": b"\x05" * 32}


def test_status_changes_are_unpacked() -> None:
    changes = (StatusChange(2**40, 7, 65535, b"\x01" * 32), StatusChange(1, 0, 0, b"\x02" * 32))
    data = encode(["(uint256,bytes32)[]"], [[change.pack() for change in changes]])
    log = log_of(RECORD_STATUS, "StatusSet", [LOG, bytes(12) + bytes.fromhex(ACCOUNT[2:])], data)
    assert contracts.decode_event(log, {PLACE: RECORD_STATUS}).args["changes"] == changes


def test_catalog_changes_are_unpacked() -> None:
    changes = (CatalogChange(b"\x01" * 32, 2**50, 3, b"\x02" * 32, b"\x03" * 32),)
    data = encode(["(bytes32,uint256,bytes32,bytes32)[]"], [[change.pack() for change in changes]])
    log = log_of(CATALOG_REGISTRY, "CatalogChanged", [ORG, bytes(12) + bytes.fromhex(ACCOUNT[2:])], data)
    assert contracts.decode_event(log, {PLACE: CATALOG_REGISTRY}).args["changes"] == changes


@pytest.mark.parametrize("code", [b"\xff\xfe", b"seal \xc3", b"\xed\xa0\x80", b"\x80" * 64, b"\0"])
def test_text_that_is_not_utf_8_never_hides_an_event(code: bytes) -> None:
    data = encode(["bytes", "bytes32", "bytes32"], [code, b"\x01" * 32, b"\x02" * 32])
    log = log_of(SEAL_REGISTRY, "SealRegistered", [b"\x04" * 32, ORG], data)
    args = contracts.decode_event(log, {PLACE: SEAL_REGISTRY}).args
    assert args["code"] == code.decode("utf-8", errors="replace")
    assert (args["seal"], args["owner"], args["sm3Digest"]) == (b"\x04" * 32, ORG, b"\x02" * 32)


def test_an_organisation_named_in_another_encoding_is_still_registered() -> None:
    log = log_of(ORGANISATIONS, "OrganisationRegistered", [ORG], encode(["bytes"], ["某局".encode("gb18030")]))
    args = contracts.decode_event(log, {PLACE: ORGANISATIONS}).args
    assert args["organisation"] == ORG and "\ufffd" in args["name"]


def test_an_event_that_is_not_one_of_the_contract_is_the_nodes_fault() -> None:
    unknown = log_of(RECORD_LOG, "HeadAdvanced", [LOG, bytes(32)], encode(["uint64", "bytes32"], [9, bytes(32)]))
    cut = log_of(SEAL_REGISTRY, "SealRegistered", [b"\x04" * 32, ORG], encode(["uint256"], [2**255]) + bytes(64))
    for log, contract in ((unknown, SEAL_REGISTRY), (cut, SEAL_REGISTRY)):
        with pytest.raises(Unavailable) as raised:
            contracts.decode_event(log, {PLACE: contract})
        assert raised.value.code == "node_unavailable"


@pytest.mark.parametrize("damage", ["address", "topics", "data", "blockNumber", "logIndex"])
def test_a_malformed_event_is_the_nodes_fault(damage: str) -> None:
    log = log_of(RECORD_LOG, "HeadAdvanced", [LOG, bytes(32)], encode(["uint64", "bytes32"], [9, bytes(32)]))
    log[damage] = [] if damage == "topics" else "0xz"
    with pytest.raises(Unavailable) as raised:
        contracts.decode_event(log, {PLACE: RECORD_LOG})
    assert raised.value.code == "node_unavailable"


def test_a_contract_error_is_named_with_its_arguments() -> None:
    data = keccak256(b"HeadConflict(bytes32,uint64,uint64)")[:4] + encode(
        ["bytes32", "uint64", "uint64"], [LOG, 4, 2**60]
    )
    for form in (data, "0x" + data.hex()):
        error = contracts.decode_revert(form)
        assert error.code == "HeadConflict"
        assert error.details["arguments"] == {"log": "0x" + LOG.hex(), "currentSize": 4, "newSize": str(2**60)}
        assert "HeadConflict" in error.message


def test_every_error_of_every_contract_is_known() -> None:
    for contract in contracts.CONTRACTS:
        for entry in contracts.artifact(contract)["abi"]:
            if entry["type"] == "error":
                selector = function_abi_to_4byte_selector(entry)
                assert contracts._errors()[selector].name == entry["name"]


def test_solidity_panics_and_reasons_are_readable() -> None:
    panic = contracts.decode_revert(keccak256(b"Panic(uint256)")[:4] + encode(["uint256"], [0x11]))
    assert panic.code == "Panic" and "overflow" in panic.message
    assert (
        "no luck" in contracts.decode_revert(keccak256(b"Error(string)")[:4] + encode(["string"], ["no luck"])).message
    )


@pytest.mark.parametrize("data", [None, "", "0x", b"\x01\x02", "0xzz", b"\xff" * 68, keccak256(b"Panic(uint256)")[:4]])
def test_revert_data_without_meaning_is_still_a_refusal(data: Any) -> None:
    assert contracts.decode_revert(data).message


def test_runtime_code_has_its_immutables_filled_in() -> None:
    code = contracts.runtime_code(RECORD_LOG, {"_chainId": 77, "organisations": 2**159})
    for name, value in (("_chainId", 77), ("organisations", 2**159)):
        for place in contracts.artifact(RECORD_LOG)["immutableReferences"][name]:
            assert int.from_bytes(code[place["start"] : place["start"] + 32]) == value
