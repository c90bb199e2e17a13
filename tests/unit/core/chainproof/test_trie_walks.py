"""Trie proofs: presence, every kind of absence, and what must not pass for either (EIP-1186)."""

import pytest
from trie import HexaryTrie

from chain_service.core.chainproof.tries import (
    EMPTY_NODE,
    EMPTY_TRIE_ROOT,
    MAX_NODE_BYTES,
    AccountState,
    NodePool,
    account_at,
    slot_at,
    verify_listed_proof,
)
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof
from support.chains.clique_simulator import listed_nodes


def key(start: str) -> bytes:
    """A 32-byte key that begins with these nibbles and goes on in zeros."""
    return bytes.fromhex(start.ljust(64, "0"))


def trie_of(pairs):
    trie = HexaryTrie({})
    for at, value in pairs.items():
        trie[at] = value
    return trie


def verify(trie, at, nodes=None):
    return verify_listed_proof(trie.root_hash, at, listed_nodes(trie, at) if nodes is None else nodes)


@pytest.fixture(scope="module")
def wide():
    return trie_of({keccak256(b"%d" % n): b"value %d" % n * 3 for n in range(500)})


# A shared prefix gives an extension, then a branch, then leaves.
EXTENDED = {key("abcd1"): b"one" * 12, key("abcd2"): b"two" * 12}
# Keys that differ in the last nibbles only: their nodes are shorter than 32 bytes and stand inside their parents.
EMBEDDED = {bytes(31) + bytes([n]): b"\x05" for n in (0x11, 0x12, 0x23)}


def test_every_value_is_found(wide):
    for n in range(500):
        assert verify(wide, keccak256(b"%d" % n)) == b"value %d" % n * 3


def test_a_key_is_absent_where_a_branch_has_no_child():
    trie = trie_of(EXTENDED)
    assert verify(trie, key("abcd7")) is None


def test_a_key_is_absent_where_another_leaf_stands():
    trie = trie_of(EXTENDED)
    assert verify(trie, key("abcd11")) is None
    single = trie_of({key("1"): b"only" * 10})
    assert verify(single, key("2")) is None and verify(single, key("1")) == b"only" * 10


def test_a_key_is_absent_where_an_extension_goes_elsewhere():
    trie = trie_of(EXTENDED)
    for start in ("abce1", "bbcd1", "abc"):
        assert verify(trie, key(start)) is None


def test_nothing_is_in_the_empty_trie_with_or_without_its_node():
    for nodes in ([], [EMPTY_NODE]):
        assert verify_listed_proof(EMPTY_TRIE_ROOT, key("1"), nodes) is None
    for nodes in ([EMPTY_NODE, EMPTY_NODE], [bytes(40)], [EMPTY_NODE, bytes(40)]):
        with pytest.raises(InvalidProof):
            verify_listed_proof(EMPTY_TRIE_ROOT, key("1"), nodes)


def test_embedded_nodes_are_walked_in_place():
    trie = trie_of(EMBEDDED)
    for at in EMBEDDED:
        assert verify(trie, at) == b"\x05"
    for last in (0x13, 0x22, 0x33, 0x41):
        assert verify(trie, bytes(31) + bytes([last])) is None


def test_a_proof_cut_short_is_an_error_and_never_absence(wide):
    for at in (keccak256(b"7"), keccak256(b"not there")):
        nodes = listed_nodes(wide, at)
        assert len(nodes) > 1
        for length in range(len(nodes)):
            with pytest.raises(InvalidProof):
                verify(wide, at, nodes[:length])


def test_a_node_too_many_a_repeated_one_and_another_order_are_refused(wide):
    at = keccak256(b"7")
    nodes = listed_nodes(wide, at)
    for wrong in (
        [*nodes, nodes[-1]],
        [*nodes, bytes(40)],
        [*nodes, EMPTY_NODE],
        [bytes(40), *nodes],
        nodes[::-1],
        [nodes[1], nodes[0], *nodes[2:]],
        [*nodes, listed_nodes(wide, keccak256(b"8"))[-1]],
    ):
        with pytest.raises(InvalidProof):
            verify(wide, at, wrong)


def test_any_flipped_bit_is_refused(wide):
    at = keccak256(b"7")
    nodes = listed_nodes(wide, at)
    for place, node in enumerate(nodes):
        for bit in range(len(node) * 8):
            flipped = bytearray(node)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(InvalidProof):
                verify(wide, at, [*nodes[:place], bytes(flipped), *nodes[place + 1 :]])


def test_the_proof_of_one_key_does_not_serve_another(wide):
    with pytest.raises(InvalidProof):
        verify(wide, keccak256(b"8"), listed_nodes(wide, keccak256(b"7")))


LEAF_PATH = bytes.fromhex("20") + bytes(32)
BIG = b"\x11" * 40


@pytest.mark.parametrize(
    ("why", "node"),
    [
        ("a value, not a node", BIG),
        ("three items", [LEAF_PATH, BIG, b""]),
        ("no items", []),
        ("a path that is a list", [[LEAF_PATH], BIG]),
        ("a path without a prefix", [b"", BIG]),
        ("a prefix nibble above 3", [b"\x40" + bytes(32), BIG]),
        ("padding that is not zero", [b"\x21" + bytes(32), BIG]),
        ("a leaf that ends too soon", [b"\x20" + bytes(31), BIG]),
        ("a leaf that runs too far", [b"\x20" + bytes(33), BIG]),
        ("a leaf without a value", [LEAF_PATH, b""]),
        ("a leaf that holds a list", [LEAF_PATH, [BIG]]),
        ("an extension without a path", [b"\x00", BIG[:32]]),
        ("an extension as long as the key", [b"\x00" + bytes(32), BIG[:32]]),
        ("an extension to nothing", [b"\x00" + bytes(16), b""]),
        ("an extension to a short hash", [b"\x00" + bytes(16), BIG[:31]]),
        ("a branch that holds a value", [BIG[:32]] * 16 + [b"\x01"]),
        ("a branch with a child of the wrong length", [BIG[:33]] * 16 + [b""]),
        ("an embedded node of 32 bytes or more", [[b"\x30" + bytes(31), BIG]] * 16 + [b""]),
        ("an embedded node of three items", [[b"\x01", b"\x02", b"\x03"]] * 16 + [b""]),
        ("an embedded empty list", [[], *[BIG[:32]] * 15, b""]),
    ],
)
def test_a_malformed_node_is_refused_though_its_hash_is_right(why, node):
    raw = rlp.encode(node)
    with pytest.raises(InvalidProof):
        verify_listed_proof(keccak256(raw), bytes(32), [raw])


def test_nodes_are_bounded_and_each_is_listed_once():
    with pytest.raises(InvalidProof, match="too large"):
        NodePool([bytes(MAX_NODE_BYTES + 1)])
    with pytest.raises(InvalidProof, match="too small"):
        NodePool([bytes(31)])
    with pytest.raises(InvalidProof, match="too many"):
        NodePool([n.to_bytes(32, "big") for n in range(11)], max_nodes=10)
    with pytest.raises(InvalidProof, match="twice"):
        NodePool([bytes(32), bytes(32)])


def test_a_key_has_32_bytes():
    with pytest.raises(InvalidProof):
        verify_listed_proof(EMPTY_TRIE_ROOT, bytes(31), [])


def test_one_pool_serves_many_walks_and_tells_what_none_of_them_used(wide):
    keys = [keccak256(b"%d" % n) for n in range(40)] + [keccak256(b"absent")]
    nodes = list(dict.fromkeys(node for at in keys for node in listed_nodes(wide, at)))
    pool = NodePool(nodes)
    for at in keys[:-1]:
        assert pool.value_at(wide.root_hash, at) is not None
    with pytest.raises(InvalidProof, match="no proof"):
        NodePool(nodes).require_all_used()
    assert pool.value_at(wide.root_hash, keys[-1]) is None
    pool.require_all_used()


# What the values mean.


def single(at, value):
    trie = trie_of({at: value})
    return NodePool(listed_nodes(trie, at)), trie.root_hash


def test_an_account_is_read_and_an_absent_one_is_none():
    address = b"\x01" * 20
    pool, root = single(keccak256(address), rlp.encode([b"", b"\x05", EMPTY_TRIE_ROOT, keccak256(b"")]))
    assert account_at(pool, root, address) == AccountState(0, 5, EMPTY_TRIE_ROOT, keccak256(b""))
    assert account_at(pool, root, b"\x02" * 20) is None


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [b"", b"", EMPTY_TRIE_ROOT],
        [b"", b"", EMPTY_TRIE_ROOT, bytes(32), b""],
        [b"\x00", b"", EMPTY_TRIE_ROOT, bytes(32)],
        [b"", b"\x00\x01", EMPTY_TRIE_ROOT, bytes(32)],
        [b"\x01" * 9, b"", EMPTY_TRIE_ROOT, bytes(32)],
        [b"", b"\x01" * 33, EMPTY_TRIE_ROOT, bytes(32)],
        [b"", b"", bytes(31), bytes(32)],
        [b"", b"", bytes(32), bytes(33)],
        [b"", b"", [], bytes(32)],
        [b"", [], bytes(32), bytes(32)],
    ],
)
def test_a_malformed_account_is_refused(fields):
    address = b"\x01" * 20
    pool, root = single(keccak256(address), rlp.encode(fields))
    with pytest.raises(InvalidProof):
        account_at(pool, root, address)


@pytest.mark.parametrize("word", [1, 0x7F, 0x80, 2**255, 2**256 - 1, 0x00FF << 200])
def test_a_word_keeps_its_value(word):
    slot = bytes(32)
    pool, root = single(keccak256(slot), rlp.encode(rlp.integer_bytes(word)))
    assert slot_at(pool, root, slot) == word
    assert slot_at(pool, root, b"\x01" * 32) == 0


@pytest.mark.parametrize("raw", ["80", "00", "820001", "a1" + "01" * 33, "c101", "8100", "0102", "83ffff"])
def test_a_stored_zero_or_a_word_not_minimal_is_refused(raw):
    slot = bytes(32)
    pool, root = single(keccak256(slot), bytes.fromhex(raw))
    with pytest.raises(InvalidProof):
        slot_at(pool, root, slot)
