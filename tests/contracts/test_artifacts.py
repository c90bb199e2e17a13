"""The checked-in artifacts: made from these sources, with this layout, and nothing that a chain could change later."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chain_service.chain.contracts import CONTRACTS, artifact
from chain_service.core.chainproof.storage_layout import POSITIONS, code_key, permit_key
from support.contracts.contract_evm import CHAIN_ID, ContractEvm

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "chain_service" / "chain" / "artifacts"
KEY32 = "t_mapping(t_bytes32,{})".format
LAYOUT = {
    "Organisations": {
        "_owner": (0, "t_address"),
        "_pendingOwner": (1, "t_address"),
        "_standingOf": (2, KEY32("t_uint256")),
        "_rightsOf": (3, "t_mapping(t_address,t_mapping(t_bytes32,t_uint256))"),
        "_logKeyAt": (4, KEY32("t_mapping(t_uint256,t_bytes32)")),
        "_permitAt": (5, KEY32("t_mapping(t_uint256,t_uint256)")),
    },
    "RecordLog": {"_sizeOf": (0, KEY32("t_uint64")), "_rootAt": (1, KEY32("t_mapping(t_uint64,t_bytes32)"))},
    "RecordStatus": {"_statusWordAt": (0, KEY32("t_mapping(t_uint64,t_uint256)"))},
    "SealRegistry": {
        "_factAt": (0, KEY32("t_mapping(t_uint256,t_bytes32)")),
        "_stateAt": (1, KEY32("t_mapping(t_uint256,t_uint256)")),
    },
    "CatalogRegistry": {"_digestOf": (0, KEY32("t_bytes32")), "_standingOf": (1, KEY32("t_uint256"))},
}
FORBIDDEN = {0x48: "BASEFEE", 0xF2: "CALLCODE", 0xF4: "DELEGATECALL", 0xFF: "SELFDESTRUCT"}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_storage_lies_where_offline_proofs_look_for_it(contract: str) -> None:
    storage = artifact(contract)["storageLayout"]["storage"]
    assert all(item["offset"] == 0 for item in storage)
    assert {item["label"]: (int(item["slot"]), item["type"]) for item in storage} == LAYOUT[contract]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_core_knows_every_mapping_and_its_position(contract: str) -> None:
    mappings = {name: slot for name, (slot, kind) in LAYOUT[contract].items() if kind.startswith("t_mapping")}
    assert POSITIONS[contract] == mappings


def test_core_makes_the_keys_that_the_contracts_make(evm: ContractEvm) -> None:
    org = "11310000MB2F30012A"
    evm.registrar("recordPermits", [(org.encode().ljust(32, b"\0"), code_key("1100030"), 0, 1, 0, 5)])
    assert evm.call("Organisations", "permitAt", org.encode().ljust(32, b"\0"), code_key("1100030"), 0)
    assert len(permit_key(org, "1100030")) == 32


@pytest.mark.parametrize("contract", CONTRACTS)
def test_deployed_code_is_the_artifact_with_its_immutables_filled_in(evm: ContractEvm, contract: str) -> None:
    values = {
        "_chainId": CHAIN_ID.to_bytes(32, "big"),
        "organisations": evm.addresses["Organisations"].rjust(32, b"\0"),
        "recordLog": evm.addresses["RecordLog"].rjust(32, b"\0"),
    }
    code = bytearray.fromhex(artifact(contract)["deployedBytecode"].removeprefix("0x"))
    for name, places in artifact(contract)["immutableReferences"].items():
        for place in places:
            code[place["start"] : place["start"] + place["length"]] = values[name]
    assert evm.code(contract) == bytes(code)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_no_contract_can_be_replaced_or_needs_london(contract: str) -> None:
    found = set(instructions(bytes.fromhex(artifact(contract)["deployedBytecode"].removeprefix("0x"))))
    assert not found & FORBIDDEN.keys()


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_settings_are_those_of_the_settings_file(contract: str) -> None:
    settings: dict[str, Any] = json.loads((ROOT / "contracts" / "settings.json").read_text(encoding="utf-8"))
    compiler = artifact(contract)["compiler"]
    assert compiler["version"].split("+")[0] == settings.pop("version")
    assert compiler["settings"] == settings
    assert settings["evmVersion"] == "london"


def test_there_is_one_artifact_for_each_contract() -> None:
    assert {path.stem for path in ARTIFACTS.glob("*.json")} == set(CONTRACTS)


def test_compiling_again_gives_the_checked_in_artifacts() -> None:
    if not (ROOT / "node_modules" / "solc").is_dir():
        pytest.skip("the compiler is not installed: npm ci")
    script = ROOT / "scripts" / "compile_contracts.py"
    run = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def instructions(code: bytes) -> list[int]:
    """The instructions up to the compiler's note at the end, without what PUSH carries."""
    end = len(code) - 2 - int.from_bytes(code[-2:], "big")
    found, at = [], 0
    while at < end:
        found.append(code[at])
        at += 1 + max(0, code[at] - 0x5F) * (0x60 <= code[at] <= 0x7F)
    return found
