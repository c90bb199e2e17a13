"""COSE receipts of others, and ours before a third-party verifier (RFC 9942)."""

import json

import cbor2
import pytest
import scitt_cose
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chain_service.core.log.merkle import (
    ConsistencyProof,
    InclusionProof,
    leaf_hash,
    root_from_inclusion,
    verify_consistency,
)
from chain_service.core.receipts.receipt import encode, parse, refreshed
from chain_service.errors import MalformedDocument
from support.worlds.receipt_world import LOG_KEY, NOW, RECORD_ID, STRANGER, Issued


@pytest.fixture(scope="module")
def folder(vectors):
    return vectors / "cose-receipts"


@pytest.fixture(scope="module")
def own(folder):
    return json.loads((folder / "own_interop_receipts.json").read_text())


def pem_of(public_key):
    return Ed25519PublicKey.from_public_bytes(public_key).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def proof_of(data, label):
    """Protected header and the first proof under a label of 396."""
    message = cbor2.loads(data)
    return cbor2.loads(message.value[0]), cbor2.loads(message.value[1][396][label][0])


def test_the_published_inclusion_and_consistency_proofs_agree(folder):
    header, (size, index, path) = proof_of((folder / "inclusion-receipt.cbor").read_bytes(), -1)
    assert (header[1], header[395], size, index, len(path)) == (-7, 1, 5, 3, 3)
    leaf = bytes.fromhex(leaf_in(folder))
    root = root_from_inclusion(leaf, InclusionProof(index, size, tuple(path)))
    assert root.hex() == "895731b5a570ea1967dd7804b5f43146175f9ac87d1565985de3ecf09c98589c"
    _, (old, new, path) = proof_of((folder / "consistency-receipt.cbor").read_bytes(), -2)
    assert (old, new, len(path)) == (3, 5, 4)
    old_root = bytes.fromhex("688928db5e565af2fb9b29db5cce83de0e0352a0f0c671b450b9dc86bed2de3c")
    verify_consistency(ConsistencyProof(old, new, tuple(path)), old_root, root)


def leaf_in(folder):
    """The leaf hash at index 3: the consistency path from 3 to 5 begins with it."""
    _, (_, _, path) = proof_of((folder / "consistency-receipt.cbor").read_bytes(), -2)
    found = [node.hex() for node in path if node.hex().startswith("987ba809") and node.hex().endswith("242d")]
    assert len(found) == 1
    return found[0]


def test_receipts_without_chain_evidence_or_with_another_algorithm_are_not_ours(folder, own):
    others = [(folder / name).read_bytes() for name in ("inclusion-receipt.cbor", "consistency-receipt.cbor")]
    others += [bytes.fromhex(value) for name, value in own.items() if name.startswith("receipt_")]
    assert len(others) == 5
    for data in others:
        with pytest.raises(MalformedDocument):
            parse(data)


def test_the_third_party_verifier_accepts_the_interop_receipts_and_their_roots_are_ours(own):
    entries = [entry.encode() for entry in own["entries_utf8"]]
    for name in ("receipt_plain_hex", "receipt_with_private_unprotected_label_-65601_hex"):
        data = bytes.fromhex(own[name])
        found = scitt_cose.verify_receipt(
            data, leaf_entry_hex=entries[17].hex(), log_public_key_pem=own["public_key_pem"]
        )
        assert found.ok, found.errors
        _, (size, index, path) = proof_of(data, -1)
        assert (
            root_from_inclusion(leaf_hash(entries[17]), InclusionProof(index, size, tuple(path))).hex()
            == own["root_hex"]
        )


@pytest.mark.parametrize("consensus", ["clique", "qbft"])
def test_the_third_party_verifier_accepts_our_receipts(consensus):
    issued = Issued(consensus)
    entry = issued.content.claim().entry
    receipt = issued.receipt()
    for data in (encode(receipt), encode(refreshed(receipt, issued.newer()))):
        found = scitt_cose.verify_receipt(
            data, leaf_entry_hex=entry.hex(), log_public_key_pem=pem_of(LOG_KEY.public_key)
        )
        assert found.ok, found.errors
        assert found.root == root_from_inclusion(leaf_hash(entry), receipt.proof).hex()
        assert (found.tree_size, found.leaf_index) == (receipt.proof.size, receipt.proof.index)
        assert (found.subject, found.iat) == (RECORD_ID, NOW)
    for wrong in ({"leaf_entry_hex": bytes(32).hex()}, {"log_public_key_pem": pem_of(STRANGER.public_key)}):
        asked = {"leaf_entry_hex": entry.hex(), "log_public_key_pem": pem_of(LOG_KEY.public_key)} | wrong
        assert not scitt_cose.verify_receipt(encode(receipt), **asked).ok


def test_an_index_borrowed_from_a_smaller_tree_passes_there_and_not_here(own):
    """RFC 9942 signs neither size nor index; label -65602 does."""
    data = bytes.fromhex(own["receipt_plain_hex"])
    message = cbor2.loads(data)
    size, index, path = cbor2.loads(message.value[1][396][-1][0])
    swapped = cbor2.dumps([13, 9, list(path)])
    borrowed = cbor2.dumps(
        cbor2.CBORTag(18, [message.value[0], {396: {-1: [swapped]}}, None, message.value[3]]), canonical=True
    )
    found = scitt_cose.verify_receipt(
        borrowed, leaf_entry_hex=own["entries_utf8"][17].encode().hex(), log_public_key_pem=own["public_key_pem"]
    )
    assert (size, index) == (21, 17) and found.ok
