"""eth_getProof (EIP-1186) in go-ethereum's shapes."""

from __future__ import annotations

from typing import Any

from tiny_keccak import keccak256

from chain_service.nodes.embedded.blocks.state_trie import (
    EMPTY_ROOT,
    Lookup,
    TrieAccount,
    decode_account,
    decode_word,
    walk,
)

_ABSENT = TrieAccount(0, 0, bytes(32), bytes(32))


def prove(lookup: Lookup, root: bytes, address: bytes, keys: list[tuple[bytes, str]]) -> dict[str, Any]:
    """The account and its `keys` (slot, spelling) in the state `root`, present or provably absent."""
    value, nodes = walk(lookup, root, keccak256(address))
    account = _ABSENT if value is None else decode_account(value)
    storage_root = EMPTY_ROOT if value is None else account.storage_root
    return {
        "address": "0x" + address.hex(),
        "accountProof": ["0x" + node.hex() for node in nodes],
        "balance": hex(account.balance),
        "codeHash": "0x" + account.code_hash.hex(),
        "nonce": hex(account.nonce),
        "storageHash": "0x" + account.storage_root.hex(),
        "storageProof": [_slot(lookup, storage_root, slot, spelling) for slot, spelling in keys],
    }


def _slot(lookup: Lookup, storage_root: bytes, slot: bytes, spelling: str) -> dict[str, Any]:
    value, nodes = walk(lookup, storage_root, keccak256(slot))
    word = 0 if value is None else decode_word(value)
    return {"key": spelling, "value": hex(word), "proof": ["0x" + node.hex() for node in nodes]}
