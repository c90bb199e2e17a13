"""Networks as described to their nodes."""

from collections.abc import Callable

import pytest
from eth_keys.datatypes import PrivateKey

from chain_service.nodes.network.descriptor import Network, NodeDescriptor, Role
from chain_service.nodes.network.keys import address_of, public_hex


def node_of(number: int, role: Role) -> NodeDescriptor:
    public = public_hex(PrivateKey(number.to_bytes(32, "big")))
    address = address_of(public) if role == "validator" else ""
    return NodeDescriptor(
        f"{role}-{number}", role, public, address, f"192.0.2.{number}", 30303, 8545 + number, 9545 + number
    )


@pytest.fixture
def network_of() -> Callable[[int], Network]:
    """Describes a QBFT network of so many validators, a writer and an observer, with the private keys 1, 2, 3, …"""

    def made(validators: int = 4) -> Network:
        nodes = [node_of(number, "validator") for number in range(1, validators + 1)]
        nodes += [node_of(validators + 1, "writer"), node_of(validators + 2, "observer")]
        return Network(
            engine="besu", chain_id=20261, period=2, epoch=30_000, gas_limit=60_000_000, timestamp=1_700_000_000,
            funded=("0x" + "11" * 20,), nodes=tuple(nodes),
        )  # fmt: skip

    return made
