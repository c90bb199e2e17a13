"""Trie roots of ethereum/tests, and account and storage proofs of real Besu 26.4.0 blocks."""

import json

import pytest
from trie import HexaryTrie

from chain_service.core.chainproof.tries import NodePool, account_at, slot_at, verify_listed_proof
from chain_service.core.encoding import rlp as strict_rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof
from support.chains.clique_simulator import listed_nodes

FILES = [
    "trietest.json",
    "trieanyorder.json",
    "hex_encoded_securetrie_test.json",
    "trieanyorder_secureTrie.json",
    "trietest_secureTrie.json",
]


def unhex(text):
    return bytes.fromhex(text.removeprefix("0x"))


def raw(text):
    return unhex(text) if text.startswith("0x") else text.encode()


def cases(vectors, name):
    for title, case in json.loads((vectors / "ethereum-tests-TrieTests" / name).read_text()).items():
        pairs = case["in"].items() if isinstance(case["in"], dict) else case["in"]
        yield title, [(raw(key), None if value is None else raw(value)) for key, value in pairs], unhex(case["root"])


def insert(pairs, secure):
    trie, last = HexaryTrie({}), {}
    for key, value in pairs:
        at = keccak256(key) if secure else key
        if value is None:
            trie.delete(at)
        else:
            trie[at] = value
        last[at] = value
    return trie, last


def test_the_reference_trie_reaches_every_root(vectors):
    """The trie that other tests take their proofs from is the right one."""
    count = 0
    for name in FILES:
        for title, pairs, root in cases(vectors, name):
            trie, _ = insert(pairs, secure="secure" in name.lower())
            assert trie.root_hash == root, title
            count += 1
    assert count == 25


@pytest.mark.parametrize("name", FILES)
def test_every_key_of_every_case_is_proven_present_or_absent_under_its_root(vectors, name):
    """Keys are hashed, as in a state; a case whose own root is over hashed keys is verified under that root."""
    for title, pairs, root in cases(vectors, name):
        trie, last = insert(pairs, secure=True)
        if "secure" in name.lower():
            assert trie.root_hash == root
        for at in [*last, keccak256(b"in none of the cases")]:
            nodes = listed_nodes(trie, at) if trie.root_hash != keccak256(b"\x80") else []
            assert verify_listed_proof(trie.root_hash, at, nodes) == last.get(at), title
            for length in range(len(nodes)):
                with pytest.raises(InvalidProof):
                    verify_listed_proof(trie.root_hash, at, nodes[:length])


@pytest.fixture(scope="module")
def besu(vectors):
    return json.loads((vectors / "qbft-besu/cosmos_ibc_contracts_qbft.json").read_text())


def state_root(besu, update):
    """Field 3 of the header; the seals of these blocks are not this test's concern."""
    return strict_rlp.decode_list(unhex(besu[update]["headerRlp"]))[3]


def nodes_of(rlp):
    return [strict_rlp.encode(node) for node in strict_rlp.decode_list(unhex(rlp))]


def ibc_slot(besu, path):
    return keccak256(keccak256(unhex(path)) + unhex(besu["ibcStoreSlot"]))


@pytest.mark.parametrize("update", ["updateHeight11", "updateHeight12"])
def test_besus_account_proofs_give_storage_root_and_code_hash(besu, update):
    pool = NodePool(nodes_of(besu[update]["accountProof"]))
    account = account_at(pool, state_root(besu, update), unhex(besu["routerAddress"]))
    pool.require_all_used()
    assert account.storage_root == unhex(besu[update]["expectedStorageRoot"])
    assert account.code_hash.hex().startswith("7f79b8b3") and account.code_hash.hex().endswith("a9a7")


def test_besus_storage_proofs_show_a_value_and_an_absence_at_their_block_only(besu):
    storage_root = unhex(besu["updateHeight12"]["expectedStorageRoot"])
    earlier = unhex(besu["updateHeight11"]["expectedStorageRoot"])
    present, absent = besu["membership"], besu["nonMembership"]
    for case, value in ((present, int(present["value"], 16)), (absent, 0)):
        slot, nodes = ibc_slot(besu, case["path"]), nodes_of(case["proof"])
        pool = NodePool(nodes)
        assert slot_at(pool, storage_root, slot) == value
        pool.require_all_used()
        listed = verify_listed_proof(storage_root, keccak256(slot), nodes)
        assert listed == (strict_rlp.encode(strict_rlp.integer_bytes(value)) if value else None)
        for root, wrong in (
            (earlier, nodes),
            (storage_root, nodes[:-1]),
            (storage_root, nodes[1:]),
            (storage_root, [*nodes, nodes[-1]]),
            (storage_root, [*nodes, bytes(40)]),
            (storage_root, nodes[::-1]),
        ):
            with pytest.raises(InvalidProof):
                verify_listed_proof(root, keccak256(slot), wrong)


def test_besus_absence_proof_does_not_serve_the_present_key(besu):
    slot = ibc_slot(besu, besu["membership"]["path"])
    with pytest.raises(InvalidProof):
        verify_listed_proof(
            unhex(besu["updateHeight12"]["expectedStorageRoot"]),
            keccak256(slot),
            nodes_of(besu["nonMembership"]["proof"]),
        )
