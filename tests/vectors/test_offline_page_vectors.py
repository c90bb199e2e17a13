"""The page's verifier on what others made: real Besu and go-ethereum blocks, and the inclusion vectors."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from chain_service.core.chainproof.tries import NodePool, account_at
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from support.offline.offline_node import run_with


def bare(text: str) -> str:
    return text.removeprefix("0x").lower()


def nodes_of(text: str) -> list[bytes]:
    """The nodes in an RLP list of nodes, each encoded by itself."""
    items = rlp.decode_list(bytes.fromhex(bare(text)))
    return [item if isinstance(item, bytes) else rlp.encode(item) for item in items]


def trust(form: str, addresses: list[str], fields: int, contract: tuple[str, str], epoch: int | None = None) -> Any:
    return {
        "form": form,
        "chainId": 1,
        "genesis": "00" * 32,
        "epoch": epoch,
        "ranges": [{"fromBlock": 0, "form": form, "fields": fields, "validators": sorted(map(bare, addresses))}],
        "contracts": [{"name": "Router", "address": contract[0], "codeHash": contract[1]}],
    }


def test_every_inclusion_vector_has_the_outcome_it_should(vectors: Path, tmp_path: Path) -> None:
    files = sorted((vectors / "transparency-dev-merkle" / "inclusion").rglob("*.json"))
    vectors = [json.loads(file.read_text()) for file in files]
    asked = [
        {"leaf": v["leafHash"] or "", "root": v["root"] or base64.b64encode(b"none").decode(), "index": v["leafIdx"],
         "size": v["treeSize"], "path": v["proof"] or []}
        for v in vectors
    ]  # fmt: skip
    assert run_with("inclusion", tmp_path, asked) == [not v["wantErr"] for v in vectors]


def test_a_real_besu_block_with_presence_and_absence_and_none_of_its_changed_bits(
    vectors: Path, tmp_path: Path
) -> None:
    besu = json.loads((vectors / "qbft-besu/cosmos_ibc_contracts_qbft.json").read_text())
    update = besu["updateHeight12"]
    header, router = bytes.fromhex(bare(update["headerRlp"])), bare(besu["routerAddress"])
    root = rlp.decode_list(header)[3]
    assert isinstance(root, bytes)
    account = account_at(NodePool(nodes_of(update["accountProof"])), root, bytes.fromhex(router))
    assert account is not None
    parts = [besu["membership"], besu["nonMembership"]]
    base = bytes.fromhex(bare(besu["ibcStoreSlot"]))
    slots = [keccak256(keccak256(bytes.fromhex(bare(part["path"]))) + base).hex() for part in parts]
    nodes = list(
        dict.fromkeys([*nodes_of(update["accountProof"]), *(n for part in parts for n in nodes_of(part["proof"]))])
    )
    whole = {"headers": [header.hex()], "nodes": [node.hex() for node in nodes], "accounts": [[router, slots]]}
    cases = [whole, {**whole, "nodes": whole["nodes"][:-1]}, {**whole, "accounts": [[router, slots[:1]]]}]
    for bit in range(0, len(header) * 8, 7):
        flipped = bytearray(header)
        flipped[bit // 8] ^= 1 << bit % 8
        cases.append({**whole, "headers": [flipped.hex()]})
    trusted = trust("evm-qbft/1", besu["initialTrustedValidators"], 20, (router, account.code_hash.hex()))
    first, *others = run_with("evidence", tmp_path, {"trust": trusted, "cases": cases})
    assert first["block"] == 35 and first["assurance"] == "quorum" and first["hash"].startswith("84d5dbd206ef4a46")
    assert first["words"] == [str(int(bare(parts[0]["value"]), 16)), "0"]
    assert others == [None] * len(others)


def test_majorities_of_go_ethereum_blocks(vectors: Path, tmp_path: Path) -> None:
    geth = json.loads((vectors / "clique-geth/four_signers_then_five.json").read_text())
    entries = [entry for entry in geth["headers"] if len(entry["signers"]) == 4]
    fields = len(rlp.decode_list(bytes.fromhex(bare(entries[1]["rlp"]))))
    cases, expected = [], []
    for place in range(1, len(entries) - 3):
        three = entries[place : place + 3]
        cases.append({"headers": [bare(entry["rlp"]) for entry in three], "nodes": [], "accounts": []})
        expected.append(bare(three[0]["hash"]) if len({entry["sealer"] for entry in three}) == 3 else None)
        cases.append({**cases[-1], "headers": cases[-1]["headers"][:2]})
        expected.append(None)
    trusted = trust("evm-clique/1", entries[0]["signers"], fields, ("00" * 20, "00" * 32), geth["epoch"])
    answers = run_with("evidence", tmp_path, {"trust": trusted, "cases": cases})
    assert [answer and answer["hash"] for answer in answers] == expected
    assert any(expected)
