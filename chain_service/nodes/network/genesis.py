"""The first block of a network: for Clique as go-ethereum reads it, for QBFT as Besu does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chain_service.core.chainproof.qbft import BFT_MIX_HASH, QbftExtra
from chain_service.errors import BadRequest
from chain_service.nodes.network.descriptor import Network

FUNDS = 2**200
FORKS = (
    "homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople", "petersburg", "istanbul", "berlin",
)  # fmt: skip
VANITY, SEAL = 32, 65
QBFT_CONTRACT_SIZE_LIMIT = 2**31 - 1


def genesis_json(network: Network) -> str:
    """genesis.json: the same bytes for the same validators, accounts and parameters, in whatever order they came."""
    return json.dumps(genesis(network), indent=1, sort_keys=True) + "\n"


def genesis(network: Network) -> dict[str, Any]:
    """Raises BadRequest when there is nobody to seal."""
    validators = sorted(bytes.fromhex(node.address[2:]) for node in network.validators)
    if not validators:
        raise BadRequest("a network needs at least one validator", field="validators")
    clique = network.engine == "geth"
    return {
        "config": {"chainId": network.chain_id} | (_clique(network) if clique else _qbft(network)),
        "nonce": "0x0",
        "timestamp": hex(network.timestamp),
        "extraData": "0x" + (clique_extra_data(validators) if clique else qbft_extra_data(validators)).hex(),
        "gasLimit": hex(network.gas_limit),
        "difficulty": "0x1",
        "mixHash": "0x" + "00" * 32 if clique else "0x" + BFT_MIX_HASH.hex(),
        "coinbase": "0x" + "00" * 20,
        "alloc": {account[2:]: {"balance": hex(FUNDS)} for account in network.funded},
    }


def clique_extra_data(signers: Sequence[bytes]) -> bytes:
    """EIP-225: vanity, the signers in the order given (ascending for a genesis of ours), room for a seal."""
    return bytes(VANITY) + b"".join(signers) + bytes(SEAL)


def qbft_extra_data(validators: Sequence[bytes], *, vanity: bytes = bytes(VANITY)) -> bytes:
    """RLP of vanity, validators in the order given (ascending for a genesis of ours), no vote, round 0, no seals."""
    return QbftExtra(vanity, tuple(validators), None, 0, ()).encode(round_=0)


def _clique(network: Network) -> dict[str, Any]:
    return {f"{fork}Block": 0 for fork in FORKS} | {"clique": {"period": network.period, "epoch": network.epoch}}


def _qbft(network: Network) -> dict[str, Any]:
    return {
        "berlinBlock": 0,
        "londonBlock": 0,
        "zeroBaseFee": True,
        "contractSizeLimit": QBFT_CONTRACT_SIZE_LIMIT,
        "qbft": {
            "blockperiodseconds": network.period,
            "epochlength": network.epoch,
            "requesttimeoutseconds": 2 * network.period,
        },
    }
