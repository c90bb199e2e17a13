"""The first block of a network: for Clique as go-ethereum reads it, for QBFT as Besu does."""

from __future__ import annotations

import json
from typing import Any

from chain_service.errors import BadRequest
from chain_service.nodes.network.descriptor import Network
from chain_service.nodes.network.engines.engine import engine_of

FUNDS = 2**200


def genesis_json(network: Network) -> str:
    """genesis.json: the same bytes for the same validators, accounts and parameters, in whatever order they came."""
    return json.dumps(genesis(network), indent=1, sort_keys=True) + "\n"


def genesis(network: Network) -> dict[str, Any]:
    """Raises BadRequest when there is nobody to seal."""
    validators = sorted(bytes.fromhex(node.address[2:]) for node in network.validators)
    if not validators:
        raise BadRequest("a network needs at least one validator", field="validators")
    engine = engine_of(network.engine)
    return {
        "config": {"chainId": network.chain_id} | engine.consensus_config(network),
        "nonce": "0x0",
        "timestamp": hex(network.timestamp),
        "extraData": "0x" + engine.extra_data(validators).hex(),
        "gasLimit": hex(network.gas_limit),
        "difficulty": "0x1",
        "mixHash": "0x" + engine.MIX_HASH.hex(),
        "coinbase": "0x" + "00" * 20,
        "alloc": {account[2:]: {"balance": hex(FUNDS)} for account in network.funded},
    }
