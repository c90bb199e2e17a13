"""eth_getProof against a strict walk that knows nothing of the node's own."""

from __future__ import annotations

from typing import Any

import rlp
from tiny_keccak import keccak256
from trial_chain import WRITER, Chain

EMPTY_ROOT = keccak256(b"\x80")
EMPTY_CODE = keccak256(b"")


def prove(root: bytes, key: bytes, nodes: list[str]) -> bytes | None:
    """The proven value, None for proven absence; every node is used."""
    encoded = [bytes.fromhex(node[2:]) for node in nodes]
    if root == EMPTY_ROOT:
        assert encoded == []
        return None
    path = [nibble for byte in keccak256(key) for nibble in (byte >> 4, byte & 15)]
    reference: Any = root
    while True:
        if isinstance(reference, bytes):
            raw = encoded.pop(0)
            assert keccak256(raw) == reference
            reference = rlp.decode(raw)
        node = reference
        if len(node) == 17:
            reference = node[path.pop(0)]
        else:
            flag, *rest = [nibble for byte in node[0] for nibble in (byte >> 4, byte & 15)]
            fragment = rest if flag & 1 else rest[1:]
            if flag >= 2 or path[: len(fragment)] != fragment:
                assert not encoded
                return node[1] if flag >= 2 and path == fragment else None
            path, reference = path[len(fragment) :], node[1]
        if reference == b"":
            assert not encoded
            return None


def check(chain: Chain, address: str, keys: list[int], tag: str = "latest") -> dict[str, Any]:
    """The proof, verified against the header's state root."""
    root = bytes.fromhex(chain.call("eth_getBlockByNumber", tag, False)["stateRoot"][2:])
    spelled = ["0x" + key.to_bytes(32).hex() for key in keys]
    proof = chain.call("eth_getProof", address, spelled, tag)
    value = prove(root, bytes.fromhex(address[2:]), proof["accountProof"])
    storage_root = EMPTY_ROOT
    if value is not None:
        nonce, balance, storage_root, code_hash = rlp.decode(value)
        assert (proof["nonce"], proof["balance"]) == (hex(int.from_bytes(nonce)), hex(int.from_bytes(balance)))
        assert (proof["storageHash"], proof["codeHash"]) == ("0x" + storage_root.hex(), "0x" + code_hash.hex())
    assert [entry["key"] for entry in proof["storageProof"]] == spelled
    for key, entry in zip(keys, proof["storageProof"], strict=True):
        word = prove(storage_root, key.to_bytes(32), entry["proof"])
        assert entry["value"] == hex(0 if word is None else int.from_bytes(rlp.decode(word)))
    return proof


def test_present_and_absent_words_are_proven_in_a_filled_contract(chain: Chain) -> None:
    writer = chain.deploy(WRITER)
    for key in range(1, 120):
        digest = chain.send(to=writer, data="0x" + (key.to_bytes(32) + (key * 7).to_bytes(32)).hex(), gas=200_000)
    receipt = chain.mine(digest)
    proof = check(chain, writer, list(range(1, 140)))
    assert [int(entry["value"], 16) for entry in proof["storageProof"]] == [7 * k for k in range(1, 120)] + [0] * 20
    assert max(len(entry["proof"]) for entry in proof["storageProof"]) >= 3
    earlier = hex(int(receipt["blockNumber"], 16) - 1)
    check(chain, writer, [1, 2, 119, 200], earlier)


def test_a_word_that_was_cleared_is_proven_absent(chain: Chain) -> None:
    writer = chain.deploy(WRITER)
    for value in (5, 0):
        data = "0x" + ((1).to_bytes(32) + value.to_bytes(32)).hex()
        receipt = chain.mine(chain.send(to=writer, data=data, gas=200_000))
    assert check(chain, writer, [1])["storageProof"][0]["value"] == "0x0"
    before = hex(int(receipt["blockNumber"], 16) - 1)
    assert check(chain, writer, [1], before)["storageProof"][0]["value"] == "0x5"


def test_an_account_without_storage_answers_empty_storage_proofs(chain: Chain) -> None:
    proof = check(chain, chain.account.address, [0, 1])
    assert proof["storageHash"] == "0x" + EMPTY_ROOT.hex()
    assert proof["codeHash"] == "0x" + EMPTY_CODE.hex()
    assert [entry["proof"] for entry in proof["storageProof"]] == [[], []]


def test_an_absent_account_is_proven_absent(chain: Chain) -> None:
    chain.mine(chain.send())
    proof = check(chain, "0x" + "77" * 20, [0])
    assert proof["accountProof"]
    assert (proof["balance"], proof["nonce"]) == ("0x0", "0x0")
