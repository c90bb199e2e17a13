"""A permissioned network of several authorities: go-ethereum with Clique, or Hyperledger Besu with QBFT.

    create(directory, Plan(validators=4, funded=(address,)))
    up(directory, cache=directory / "bin")     # the own nodes under a supervisor, a first block sealed
    ...
    down(directory)

`join` makes the same genesis from descriptors of authorities that never see each other's keys.
"""

from chain_service.nodes.network.create import Plan, create, join
from chain_service.nodes.network.descriptor import Network, NodeDescriptor
from chain_service.nodes.network.running.control import down, up
from chain_service.nodes.network.running.status import status

__all__ = ["Network", "NodeDescriptor", "Plan", "create", "down", "join", "status", "up"]
