"""Answers of Besu's own `eth_getProof` tests: short keys, an empty storage, an absent slot."""

import json

import pytest

from chain_service.core.chainproof.evidence import evidence_from_rpc
from chain_service.core.chainproof.tries import EMPTY_TRIE_ROOT, NodePool, account_at, slot_at, verify_listed_proof
from chain_service.core.chainproof.trust import FORM_CLIQUE
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof


def unhex(text):
    return bytes.fromhex(text.removeprefix("0x"))


def answer(vectors, name):
    file = vectors / "besu-eth_getProof" / f"eth_getProof_{name}.json"
    return json.loads(file.read_text())["response"]["result"]


@pytest.mark.parametrize(
    ("name", "root"), [("blockHash", "cf966b3f"), ("blockNumber", "cf966b3f"), ("latest", "34727aff")]
)
def test_besus_answers_prove_their_accounts_and_an_absent_slot(vectors, name, root):
    proof = answer(vectors, name)
    made = evidence_from_rpc(1, bytes(32), [], [proof], FORM_CLIQUE)
    state_root = keccak256(unhex(proof["accountProof"][0]))
    assert state_root.hex().startswith(root)
    ((address, (slot,)),) = made.accounts
    assert slot == (0x347).to_bytes(32, "big") and address == unhex(proof["address"])
    pool = NodePool(made.nodes)
    account = account_at(pool, state_root, address)
    assert account.nonce == int(proof["nonce"], 16) and account.balance == int(proof["balance"], 16)
    assert account.storage_root == unhex(proof["storageHash"]) and account.code_hash == unhex(proof["codeHash"])
    assert slot_at(pool, account.storage_root, slot) == 0
    pool.require_all_used()


def test_an_empty_storage_has_no_nodes_and_one_with_words_does(vectors):
    assert unhex(answer(vectors, "blockHash")["storageHash"]) == EMPTY_TRIE_ROOT
    assert answer(vectors, "blockHash")["storageProof"][0]["proof"] == []
    latest = answer(vectors, "latest")
    key = keccak256((0x347).to_bytes(32, "big"))
    nodes = [unhex(node) for node in latest["storageProof"][0]["proof"]]
    assert verify_listed_proof(unhex(latest["storageHash"]), key, nodes) is None
    with pytest.raises(InvalidProof):
        verify_listed_proof(unhex(latest["storageHash"]), key, [])
    with pytest.raises(InvalidProof):
        verify_listed_proof(EMPTY_TRIE_ROOT, key, nodes)


@pytest.mark.parametrize("name", ["blockHash", "latest"])
def test_account_proofs_cut_short_or_padded_are_refused(vectors, name):
    proof = answer(vectors, name)
    nodes = [unhex(node) for node in proof["accountProof"]]
    key = keccak256(unhex(proof["address"]))
    root = keccak256(nodes[0])
    assert verify_listed_proof(root, key, nodes)
    for wrong in (nodes[:-1], nodes[1:], nodes[::-1], [*nodes, bytes(40)]):
        if wrong != nodes:
            with pytest.raises(InvalidProof):
                verify_listed_proof(root, key, wrong)
