#!/usr/bin/env python3
"""Compile contracts/ into chain_service/chain/artifacts/, or with --check compare without writing.

The compiler is the npm package `solc` in node_modules (`npm ci`); nothing is downloaded. Version and settings are in
contracts/settings.json, which hardhat.config.js reads too.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CONTRACTS = ROOT / "contracts"
ARTIFACTS = ROOT / "chain_service" / "chain" / "artifacts"
COMPILER = ROOT / "scripts" / "solcjs"


class Refused(Exception):
    """The compiler is missing, is another version, or warns."""


def compile_contracts() -> dict[str, str]:
    """The artifact file of every deployable contract: file name -> JSON text, the same bytes on every machine."""
    settings = json.loads((CONTRACTS / "settings.json").read_text(encoding="utf-8"))
    version = settings.pop("version")
    _require_compiler(version)
    import solcx  # here, so that the missing compiler is named first

    full_version = str(solcx.wrapper.get_solc_version(COMPILER, with_commit_hash=True))
    try:
        output = solcx.compile_standard(_standard_input(settings), solc_binary=COMPILER)
    except solcx.exceptions.SolcError as error:
        raise Refused(_messages(error.error_dict) or str(error)) from error
    if output.get("errors"):
        raise Refused(_messages(output["errors"]))
    names = _immutable_names(output)
    files = {}
    for source, contracts in sorted(output["contracts"].items()):
        for name, compiled in sorted(contracts.items()):
            if source == f"contracts/{name}.sol" and compiled["evm"]["bytecode"]["object"]:
                artifact = _artifact(name, source, compiled, names)
                artifact["compiler"] = {"name": "solc", "version": full_version, "settings": settings}
                files[f"{name}.json"] = json.dumps(artifact, indent=1, sort_keys=True) + "\n"
    return files


def differences(files: dict[str, str]) -> list[str]:
    """Names of artifact files that are missing, differ, or belong to no contract."""
    stored = {path.name: path.read_text(encoding="utf-8") for path in ARTIFACTS.glob("*.json")}
    return sorted(name for name in files.keys() | stored.keys() if files.get(name) != stored.get(name))


def _require_compiler(version: str) -> None:
    package = ROOT / "node_modules" / "solc" / "package.json"
    if not package.is_file():
        raise Refused("The compiler is missing: run `npm ci` in the repository's root.")
    installed = json.loads(package.read_text(encoding="utf-8"))["version"]
    if installed != version:
        raise Refused(f"contracts/settings.json asks for solc {version}, node_modules has {installed}: run `npm ci`.")


def _standard_input(settings: dict[str, Any]) -> dict[str, Any]:
    paths = sorted(CONTRACTS.rglob("*.sol"))
    outputs = ["abi", "evm.bytecode.object", "evm.deployedBytecode", "storageLayout"]
    return {
        "language": "Solidity",
        "sources": {path.relative_to(ROOT).as_posix(): {"content": path.read_text(encoding="utf-8")} for path in paths},
        "settings": {**settings, "outputSelection": {"*": {"*": outputs, "": ["ast"]}}},
    }


def _messages(errors: Any) -> str:
    return "\n".join(error["formattedMessage"] for error in errors or [])


def _immutable_names(output: dict[str, Any]) -> dict[str, str]:
    """AST id -> name of every immutable variable."""
    names: dict[str, str] = {}
    for source in output["sources"].values():
        for contract in source["ast"]["nodes"]:
            for node in contract.get("nodes", []):
                if node["nodeType"] == "VariableDeclaration" and node["mutability"] == "immutable":
                    names[str(node["id"])] = node["name"]
    return names


def _artifact(name: str, source: str, compiled: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    layout = compiled["storageLayout"]
    deployed = compiled["evm"]["deployedBytecode"]
    references = {names[node]: places for node, places in deployed["immutableReferences"].items()}
    return {
        "contractName": name,
        "sourceName": source,
        "abi": compiled["abi"],
        "bytecode": "0x" + compiled["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + deployed["object"],
        "immutableReferences": references,
        "storageLayout": {
            "storage": [{key: item[key] for key in ("label", "slot", "offset", "type")} for item in layout["storage"]],
            "types": layout["types"],
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if an artifact would change")
    check = parser.parse_args().check
    try:
        files = compile_contracts()
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 2
    changed = differences(files)
    if check:
        for name in changed:
            print(f"differs from its source: {name}", file=sys.stderr)
        return 1 if changed else 0
    ARTIFACTS.mkdir(exist_ok=True)
    for name in changed:
        if name in files:
            (ARTIFACTS / name).write_text(files[name], encoding="utf-8")
        else:
            (ARTIFACTS / name).unlink()
        print(f"written: {name}" if name in files else f"removed: {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
