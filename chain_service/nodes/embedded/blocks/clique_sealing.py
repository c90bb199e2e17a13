"""Clique with one validator (EIP-225): how the trial chain's headers are formed and sealed."""

from __future__ import annotations

import rlp
from eth.abc import BlockHeaderAPI
from eth.rlp.headers import BlockHeader
from eth_keys.datatypes import PrivateKey
from tiny_keccak import keccak256

VANITY = b"chain_service trial chain".ljust(32, b"\0")
SEAL_SIZE = 65
IN_TURN = 2


def genesis_extra_data(signer: bytes) -> bytes:
    """extraData of block 0 (EIP-225): 32 bytes of vanity, the signer's address, 65 zeros where a seal will be."""
    return VANITY + signer + bytes(SEAL_SIZE)


def draft(parent: BlockHeaderAPI, *, timestamp: int, signer: bytes, epoch: int) -> BlockHeader:
    """The header after `parent` without results; at multiples of `epoch` it carries the signer."""
    number = parent.block_number + 1
    return BlockHeader(
        difficulty=IN_TURN,
        block_number=number,
        gas_limit=parent.gas_limit,
        timestamp=timestamp,
        parent_hash=parent.hash,
        extra_data=VANITY + (signer if number % epoch == 0 else b"") + bytes(SEAL_SIZE),
        nonce=bytes(8),
    )


def seal(header: BlockHeaderAPI, key: PrivateKey) -> BlockHeaderAPI:
    """`header` with its last 65 bytes of extraData signed."""
    bare = header.copy(extra_data=header.extra_data[:-SEAL_SIZE])
    signature = key.sign_msg_hash(keccak256(rlp.encode(bare)))
    return header.copy(extra_data=bare.extra_data + signature.to_bytes())
