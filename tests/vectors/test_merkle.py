"""All inclusion and consistency vectors of transparency-dev/merkle, and the tree of RFC 6962's examples."""

import base64
import json
from pathlib import Path

import pytest

from chain_service.core.log.merkle import (
    EMPTY_ROOT,
    ConsistencyProof,
    InclusionProof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from chain_service.errors import InvalidProof


def _bytes(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def _accepts(case: dict[str, object], kind: str) -> bool:
    path = tuple(_bytes(node) for node in case["proof"] or [])  # type: ignore[attr-defined]
    try:
        if kind == "inclusion":
            proof = InclusionProof(case["leafIdx"], case["treeSize"], path)  # type: ignore[arg-type]
            verify_inclusion(_bytes(case["leafHash"]), proof, _bytes(case["root"]))  # type: ignore[arg-type]
        else:
            proof = ConsistencyProof(case["size1"], case["size2"], path)  # type: ignore[arg-type]
            verify_consistency(proof, _bytes(case["root1"]), _bytes(case["root2"]))  # type: ignore[arg-type]
    except InvalidProof:
        return False
    return True


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_every_vector_has_the_outcome_it_should(vectors: Path, kind: str) -> None:
    files = sorted((vectors / "transparency-dev-merkle" / kind).rglob("*.json"))
    assert len(files) == 98
    cases = {str(file.relative_to(vectors)): json.loads(file.read_text()) for file in files}
    wrong = [name for name, case in cases.items() if _accepts(case, kind) is case["wantErr"]]
    assert wrong == []
    assert sum(not case["wantErr"] for case in cases.values()) == 6


def test_the_trees_of_rfc_6962_have_their_roots(vectors: Path) -> None:
    text = (vectors / "transparency-dev-merkle" / "rfc6962_constants.json").read_text()
    constants = json.loads(text)
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in constants["leaf_inputs_hex"]]
    roots = [root_of(leaves[:size]).hex() for size in range(len(leaves) + 1)]
    assert roots == constants["root_by_size"]
    assert roots[0] == EMPTY_ROOT.hex()
