"""Walking raw nodes agrees with a full trie implementation."""

from __future__ import annotations

import random

import rlp
from tiny_keccak import keccak256
from trie.hexary import HexaryTrie

from chain_service.nodes.embedded.blocks.state_trie import EMPTY_ROOT, walk


def build(count: int, seed: int, width: int) -> tuple[HexaryTrie, dict[bytes, bytes]]:
    source = random.Random(seed)
    nodes: dict[bytes, bytes] = {}
    trie = HexaryTrie(nodes)
    values = {}
    for _ in range(count):
        key = keccak256(source.randbytes(8))
        value = rlp.encode(source.randbytes(source.randint(1, width)))
        trie[key] = values[key] = value
    return trie, values


def test_values_and_absences_match_for_tries_of_all_sizes() -> None:
    for count in (1, 2, 3, 17, 300):
        trie, values = build(count, count, 40)
        for key, value in values.items():
            assert walk(trie.db.__getitem__, trie.root_hash, key)[0] == value
        for index in range(50):
            assert walk(trie.db.__getitem__, trie.root_hash, keccak256(b"absent%d" % index))[0] is None


def test_the_proof_is_what_the_reference_gives() -> None:
    trie, values = build(200, 7, 3)
    for key in [*list(values)[:50], *(keccak256(b"none%d" % i) for i in range(50))]:
        reference = [rlp.encode(node) for node in trie.get_proof(key)]
        assert walk(trie.db.__getitem__, trie.root_hash, key)[1] == reference


def test_children_shorter_than_32_bytes_are_walked_in_place() -> None:
    trie = HexaryTrie({})
    keys = [bytes(31) + bytes([last]) for last in range(20)]
    for key in keys:
        trie[key] = b"\x05"
    for key in keys:
        value, proof = walk(trie.db.__getitem__, trie.root_hash, key)
        assert value == b"\x05"
        assert all(len(node) >= 32 for node in proof[1:])
    assert walk(trie.db.__getitem__, trie.root_hash, bytes(31) + b"\xff")[0] is None


def test_an_empty_trie_proves_absence_with_no_node() -> None:
    assert walk({}.__getitem__, EMPTY_ROOT, bytes(32)) == (None, [])
