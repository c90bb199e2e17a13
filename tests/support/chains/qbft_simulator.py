"""QBFT headers made in memory with test keys, for the worlds of `clique_simulator`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chain_service.core.chainproof.consensus import QBFT
from chain_service.core.chainproof.evidence import Evidence, evidence_from_rpc
from chain_service.core.chainproof.qbft import BFT_MIX_HASH, QbftExtra, quorum_size
from chain_service.core.chainproof.trust import FORM_QBFT, ChainTrust
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from support.chains.clique_simulator import (
    CHAIN_ID,
    GENESIS_HASH,
    Validator,
    World,
    block_json,
    header_fields,
    strings_of,
)

TAIL = (7, keccak256(b"withdrawals"), 0, 0, bytes(32), keccak256(b"requests"))
"""Fields after the nonce: base fee, withdrawals, blob gas used and excess, beacon root, requests."""


def qbft_header(
    number: int,
    sealers: Sequence[Validator],
    among: Sequence[Validator],
    state_root: bytes,
    *,
    fields: int = 20,
    round_: int = 0,
    vote: tuple[bytes, bool] | None = None,
    parent_hash: bytes = bytes(32),
    **changes: bytes | int,
) -> bytes:
    """A header proposed by the first validator and sealed by `sealers`, in that order."""
    own: dict[str, bytes | int] = {"miner": among[0].address, "difficulty": 1, "mixHash": BFT_MIX_HASH}
    plain = header_fields(number, parent_hash, state_root, **own | changes)
    plain += [rlp.integer_bytes(item) if isinstance(item, int) else item for item in TAIL[: fields - 15]]
    extra = QbftExtra(bytes(32), tuple(validator.address for validator in among), vote, round_, ())
    plain[12] = extra.encode(round_=round_)
    digest = keccak256(rlp.encode(plain))
    seals = [sealer.key.sign_recoverable(digest, hasher=None) for sealer in sealers]
    plain[12] = extra.encode(round_=round_, seals=seals)
    return rlp.encode(plain)


def with_extra(raw: bytes, *items: rlp.Encodable, at: int = 0) -> bytes:
    """The header with items of extraData replaced from position `at` on."""
    fields: list[rlp.Encodable] = [*strings_of(raw)]
    extra: list[rlp.Encodable] = [*rlp.decode_list(strings_of(raw)[12])]
    extra[at : at + len(items)] = items
    fields[12] = rlp.encode(extra)
    return rlp.encode(fields)


def qbft_block_json(raw: bytes) -> dict[str, object]:
    """The header as Besu's `eth_getBlockByNumber` shows it: its hash is that with round 0 and no seals."""
    return block_json(raw) | {"hash": "0x" + QBFT.block_hash(raw).hex()}


def qbft_trust(world: World, among: Sequence[Validator], fields: int = 20) -> ChainTrust:
    addresses = tuple(validator.address for validator in among)
    return world.trust(*addresses, form=FORM_QBFT, fields=fields)


def qbft_evidence(
    world: World, wanted: dict[str, list[bytes]], among: Sequence[Validator], number: int = 7, **changes: Any
) -> Evidence:
    """Evidence for these slots from a block that just a quorum of `among` sealed."""
    sealers = list(among)[-quorum_size(len(among)) :]
    raw = qbft_header(number, sealers, among, world.root, **changes)
    return evidence_from_rpc(
        CHAIN_ID,
        GENESIS_HASH,
        [qbft_block_json(raw)],
        [world.proof_json(name, slots) for name, slots in wanted.items()],
        FORM_QBFT,
    )
